//! Which host names are answered: a request for another one came through a rebound name or a confused proxy.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use http::uri::Authority;
use http::{HeaderMap, Uri, header};
use identity_core::{Code, Error, Result};
use tower::Layer;
use url::{Position, Url};

use super::{Around, Next, Wrapped};

/// The host names that a server answers for.
///
/// The host of the base URL on any port (a proxy may listen on another one), every loopback name when that host is one,
/// and the allowed names; an allowed name with a port holds for that port only.
#[derive(Clone, Debug)]
pub struct Hosts {
    /// What a client of the base URL sends, which need not be taken apart.
    usual: Option<String>,
    base: String,
    loopback: bool,
    allowed: Vec<(String, Option<u16>)>,
}

impl Hosts {
    /// The host of `base_url` and the names in `allowed`, such as `identity.internal` or `10.0.0.7:8888`.
    pub fn new(base_url: &str, allowed: &[String]) -> Result<Self> {
        let url = Url::parse(base_url).map_err(|error| unusable(base_url).caused_by(error))?;
        let base = canonical(url.host_str().ok_or_else(|| unusable(base_url))?);
        let allowed = allowed.iter().map(|name| split(name).ok_or_else(|| unusable(name))).collect::<Result<_>>()?;
        let usual = Some(url[Position::BeforeHost..Position::AfterPort].to_owned());
        Ok(Self { usual, loopback: is_loopback(&base), base, allowed })
    }

    /// The hosts of an identity's configuration. One that cannot be read answers nobody, and the log says so.
    #[cfg(feature = "store")]
    #[must_use]
    pub fn of(http: &identity_core::config::HttpOptions) -> Self {
        Self::new(&http.base_url, &http.allowed_hosts).unwrap_or_else(|error| {
            tracing::error!(error = error.chain(), "no host is answered");
            Self { usual: None, base: String::new(), loopback: false, allowed: Vec::new() }
        })
    }

    /// Whether a request for `authority` (`host` or `host:port`) is answered.
    #[must_use]
    pub fn answer(&self, authority: &str) -> bool {
        if self.usual.as_deref() == Some(authority) {
            return true;
        }
        let Some((host, port)) = split(authority) else { return false };
        host == self.base
            || self.loopback && is_loopback(&host)
            || self.allowed.iter().any(|(name, only)| *name == host && only.is_none_or(|only| port == Some(only)))
    }

    /// Whether a request is answered, by its target and headers. Every host that it names has to be one of ours, and
    /// exactly one `Host` field may stand beside an absolute target (RFC 9112, section 3.2).
    #[must_use]
    pub fn answer_request(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut fields = headers.get_all(header::HOST).iter();
        let (field, extra) = (fields.next(), fields.next());
        let target = uri.authority().map(Authority::as_str);
        extra.is_none()
            && (target.is_some() || field.is_some())
            && target.is_none_or(|host| self.answer(host))
            && field.is_none_or(|host| host.to_str().is_ok_and(|host| self.answer(host)))
    }

    /// A layer that lets requests for these hosts through. For any other, `refuse` writes the answer: 421 (RFC 9110, section
    /// 15.5.20), and 400 when a request names none or carries several `Host` fields (RFC 9112, section 3.2). It sees the request, so
    /// that each part of the server can speak its own dialect.
    pub fn layer<F>(self, refuse: F) -> HostLayer<F>
    where
        F: Fn(&Request, Error) -> Response + Send + Sync + 'static,
    {
        HostLayer { hosts: Arc::new(self), refuse: Arc::new(refuse) }
    }
}

fn names_one_host(uri: &Uri, headers: &HeaderMap) -> bool {
    match headers.get_all(header::HOST).iter().count() {
        0 => uri.authority().is_some(),
        fields => fields == 1,
    }
}

fn unusable(name: &str) -> Error {
    Error::new(Code::InvalidInput).with_detail(format!("'{name}' names no host."))
}

/// Host and port of an authority. Names with user information are refused: no client of ours sends them.
fn split(authority: &str) -> Option<(String, Option<u16>)> {
    let parsed: Authority = authority.trim().parse().ok()?;
    let host = canonical(parsed.host());
    // What stands in front of the host is user information.
    let rest = parsed.as_str().strip_prefix(parsed.host()).filter(|_| !host.is_empty())?;
    if rest.is_empty() {
        return Some((host, None));
    }
    // A port that is written but is none (`host:99999`, `host:`, `[::1]x:1`) must not pass as "no port".
    let digits = rest.strip_prefix(':').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok().map(|port| (host, Some(port)))
}

fn canonical(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

fn is_loopback(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    host == "localhost"
        || is_name && host.ends_with(".localhost")
        || literal.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// The layer made by [`Hosts::layer`].
pub struct HostLayer<F> {
    hosts: Arc<Hosts>,
    refuse: Arc<F>,
}

impl<F> Clone for HostLayer<F> {
    fn clone(&self) -> Self {
        Self { hosts: Arc::clone(&self.hosts), refuse: Arc::clone(&self.refuse) }
    }
}

impl<F> fmt::Debug for HostLayer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HostLayer").field(&self.hosts).finish()
    }
}

impl<F, S> Layer<S> for HostLayer<F> {
    type Service = Wrapped<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Wrapped::new(self.clone(), inner)
    }
}

impl<F> Around for HostLayer<F>
where
    F: Fn(&Request, Error) -> Response + Send + Sync + 'static,
{
    async fn around<N: Next>(self, request: Request, next: N) -> std::result::Result<Response, N::Error> {
        if self.hosts.answer_request(request.uri(), request.headers()) {
            return next.run(request).await;
        }
        let error = if names_one_host(request.uri(), request.headers()) {
            Error::new(Code::HostNotAllowed)
        } else {
            Error::new(Code::InvalidInput).with_detail("The request must have exactly one Host header.")
        };
        Ok((self.refuse)(&request, error))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn hosts(base_url: &str, allowed: &[&str]) -> Hosts {
        Hosts::new(base_url, &allowed.iter().map(|name| String::from(*name)).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_host_of_the_base_url_is_answered_on_any_port_and_in_any_case() {
        let hosts = hosts("https://id.example.com", &[]);
        for good in ["id.example.com", "ID.Example.com", "id.example.com:443", "id.example.com:8443", "id.example.com."]
        {
            assert!(hosts.answer(good), "{good}");
        }
        let bad =
            ["example.com", "evil.id.example.com", "id.example.com.evil.test", "localhost", "127.0.0.1", "", ":443"];
        let worse = [
            "id.example.com@evil.test",
            "a@id.example.com",
            "id.example.com:",
            "id.example.com:99999",
            "id.example.com:+1",
            "id example",
        ];
        for host in bad.into_iter().chain(worse) {
            assert!(!hosts.answer(host), "{host}");
        }
    }

    #[test]
    fn every_loopback_name_is_answered_only_when_the_base_url_is_loopback() {
        for base in ["http://localhost:8888", "http://127.0.0.1:8888", "http://[::1]:8888"] {
            let hosts = hosts(base, &[]);
            for good in ["localhost", "localhost:8888", "127.0.0.1:8888", "[::1]:8888", "[::1]", "app.localhost:8888"] {
                assert!(hosts.answer(good), "{good} at {base}");
            }
            for bad in [
                "rebound.example:8888",
                "localhost.example",
                "notlocalhost",
                "10.0.0.1:8888",
                "[::2]:8888",
                "[::1]x:8888",
                "[::1]x",
                ".[]a.localhost",
                "a/b.localhost",
                "a@[::1]:8888",
            ] {
                assert!(!hosts.answer(bad), "{bad} at {base}");
            }
        }
    }

    #[test]
    fn an_allowed_name_holds_for_its_port_when_it_has_one() {
        let hosts = hosts("https://id.example.com", &["identity.internal", "10.0.0.7:8888"]);
        assert!(
            hosts.answer("identity.internal:8888")
                && hosts.answer("Identity.Internal")
                && hosts.answer("10.0.0.7:8888")
        );
        assert!(!hosts.answer("10.0.0.7") && !hosts.answer("10.0.0.7:9999"));
        assert!(Hosts::new("https://id.example.com", &[String::from("http://x/")]).is_err());
        assert!(Hosts::new("not a url", &[]).is_err());
    }

    #[test]
    fn a_request_names_exactly_one_host_and_every_place_that_names_it_counts() {
        let hosts = hosts("https://id.example.com", &[]);
        let request = |target: &str, fields: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(header::HOST, HeaderValue::from_static(field));
            }
            hosts.answer_request(&target.parse().unwrap(), &headers)
        };
        assert!(request("/", &["id.example.com"]));
        assert!(request("https://id.example.com/", &[]));
        assert!(!request("/", &[]));
        assert!(!request("/", &["id.example.com", "id.example.com"]));
        assert!(!request("https://id.example.com/", &["evil.test"]));
        assert!(!request("https://evil.test/", &["id.example.com"]));
    }
}
