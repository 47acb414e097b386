//! The `Host` of a request, and the headers in which proxies name the client.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use identity_axum::extract::client_ip::client_ip;
use identity_axum::middleware::host::Hosts;
use ipnet::IpNet;
use url::{Host, Url};

use crate::cut;

static WEB: LazyLock<Hosts> =
    LazyLock::new(|| hosts("https://id.example.com", &["identity.internal", "10.0.0.7:8888"]));
static LOOPBACK: LazyLock<Hosts> = LazyLock::new(|| hosts("http://localhost:8888", &[]));
static PROXIES: LazyLock<Vec<IpNet>> =
    LazyLock::new(|| ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().expect("a network")).to_vec());

fn hosts(base_url: &str, allowed: &[&str]) -> Hosts {
    let allowed: Vec<String> = allowed.iter().map(|name| String::from(*name)).collect();
    Hosts::new(base_url, &allowed).expect("hosts that have names")
}

/// Whether a host is on a list, as a browser reads it.
type Listed = fn(&Url) -> bool;

const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// An answered host is, as a browser reads it, one on the list, and a second one beside it is never answered. The address of a
/// client comes from no header of a stranger, and from none but `X-Forwarded-For` of a trusted proxy; what stands left of the
/// first untrusted hop never changes it. Input: a host, a request target, what a client sends, what a proxy adds, one a line.
#[must_use]
pub fn host(data: &[u8]) -> bool {
    let (host, rest) = cut(data);
    let (target, rest) = cut(rest);
    let (sent, added) = cut(rest);
    let answered = answers(host, target);
    client(sent, added);
    answered
}

fn answers(host: &[u8], target: &[u8]) -> bool {
    let Ok(field) = HeaderValue::from_bytes(host) else { return false };
    let one = HeaderMap::from_iter([(header::HOST, field.clone())]);
    let mut two = one.clone();
    two.append(header::HOST, field);
    let target = Uri::try_from(target).unwrap_or_default();
    let lists: [(&Hosts, Listed); 2] = [(&WEB, on_the_list), (&LOOPBACK, is_loopback)];
    let mut answered = false;
    for (hosts, listed) in lists {
        if hosts.answer_request(&target, &one) {
            answered = true;
            let host = String::from_utf8_lossy(host);
            assert!(reads_as(&host, listed), "{host:?} is answered");
            assert!(target.authority().is_none_or(|host| reads_as(host.as_str(), listed)), "{target} is answered");
        }
        assert!(!hosts.answer_request(&target, &two), "two hosts are answered");
    }
    answered
}

fn reads_as(host: &str, listed: Listed) -> bool {
    Url::parse(&format!("http://{}/", host.trim())).is_ok_and(|url| {
        url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none()
            && listed(&url)
    })
}

fn on_the_list(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_suffix('.').unwrap_or(host);
    host == "id.example.com" || host == "identity.internal" || host == "10.0.0.7" && url.port() == Some(8888)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn client(sent: &[u8], added: &[u8]) {
    let (Ok(sent), Ok(added)) = (HeaderValue::from_bytes(sent), HeaderValue::from_bytes(added)) else { return };
    let trusted = |ip: IpAddr| PROXIES.iter().any(|network| network.contains(&ip));
    let mut headers = HeaderMap::new();
    for name in ["forwarded", "x-real-ip", "x-client-ip", "cf-connecting-ip", "true-client-ip", "x-forwarded-host"] {
        headers.insert(name, sent.clone());
    }
    assert_eq!(client_ip(PROXY, &PROXIES, &headers), PROXY, "a header that nobody should believe");
    headers.insert(FORWARDED_FOR, added.clone());
    for proxies in [PROXIES.as_slice(), &[]] {
        assert_eq!(client_ip(STRANGER, proxies, &headers), STRANGER, "a stranger's header");
    }
    let found = client_ip(PROXY, &PROXIES, &headers);
    assert_eq!(found, found.to_canonical(), "two names of one address");
    // The client's own header, in front of what the proxies add, as one field and as two.
    let mut two = HeaderMap::from_iter([(FORWARDED_FOR, sent.clone())]);
    two.append(FORWARDED_FOR, added.clone());
    let joined = HeaderValue::from_bytes(&[sent.as_bytes(), b", ", added.as_bytes()].concat());
    let one = HeaderMap::from_iter([(FORWARDED_FOR, joined.expect("two values make one"))]);
    let together = client_ip(PROXY, &PROXIES, &one);
    assert_eq!(together, client_ip(PROXY, &PROXIES, &two), "one field and two");
    if !trusted(found) {
        assert_eq!(together, found, "what the client sent changed its address");
    }
}
