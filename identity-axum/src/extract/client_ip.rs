//! The address of the client, behind the proxies that are trusted and no others.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::extract::connect_info::MockConnectInfo;
use http::{Extensions, HeaderMap, HeaderName};
use identity_core::{Code, Error, Result};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address that the connection came from.
///
/// Fails when the application is served without connection information: taking all clients for one would make them share
/// every limit.
pub fn peer(extensions: &Extensions) -> Result<IpAddr> {
    let real = extensions.get().map(|ConnectInfo::<SocketAddr>(address)| address);
    let mocked = || extensions.get().map(|MockConnectInfo::<SocketAddr>(address)| address);
    let address = real.or_else(mocked).ok_or_else(|| {
        Error::new(Code::ConnectionInfoMissing)
            .caused_by("serve the router with `into_make_service_with_connect_info::<SocketAddr>()`")
    })?;
    Ok(address.ip().to_canonical())
}

/// The address of the client: the nearest hop that is not a trusted proxy.
///
/// `X-Forwarded-For` is read from the right, and only as long as the hop that wrote the entry is trusted. An entry that is
/// no address ends the walk at the hop that wrote it. IPv4 addresses mapped into IPv6 become IPv4.
#[must_use]
pub fn client_ip(peer: IpAddr, trusted_proxies: &[IpNet], headers: &HeaderMap) -> IpAddr {
    let trusted = |ip: &IpAddr| trusted_proxies.iter().any(|network| network.contains(ip));
    let mut current = peer.to_canonical();
    for field in headers.get_all(FORWARDED_FOR).iter().rev() {
        for entry in field.as_bytes().rsplit(|byte| *byte == b',') {
            if !trusted(&current) {
                return current;
            }
            let Some(hop) = std::str::from_utf8(entry).ok().and_then(|text| parse(text.trim())) else {
                return current;
            };
            current = hop;
        }
    }
    current
}

/// An address as proxies write it: with or without a port, IPv6 with or without brackets.
fn parse(entry: &str) -> Option<IpAddr> {
    let bracketed = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port = || entry.parse().ok().map(|address: SocketAddr| address.ip());
    entry.parse().ok().or_else(with_port).or_else(bracketed).map(|ip: IpAddr| ip.to_canonical())
}

/// The address by which a client is counted: an IPv6 customer holds a whole /64, so its host half is cleared.
#[must_use]
pub fn ip_bucket(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn walk(peer: &str, trusted: &[&str], forwarded: &[&'static str]) -> String {
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for field in forwarded {
            headers.append(FORWARDED_FOR, HeaderValue::from_static(field));
        }
        client_ip(peer.parse().unwrap(), &trusted, &headers).to_string()
    }

    #[test]
    fn an_untrusted_peer_is_the_client_whatever_it_says() {
        assert_eq!(walk("203.0.113.9", &[], &["1.1.1.1"]), "203.0.113.9");
        assert_eq!(walk("203.0.113.9", &["10.0.0.0/8"], &["1.1.1.1, 10.0.0.1"]), "203.0.113.9");
    }

    #[test]
    fn trusted_hops_are_walked_from_the_right_and_what_a_client_wrote_left_of_them_is_ignored() {
        let proxies = ["10.0.0.0/8", "fd00::/8"];
        assert_eq!(walk("10.0.0.1", &proxies, &["6.6.6.6, 198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(walk("10.0.0.1", &proxies, &["6.6.6.6", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(walk("fd00::1", &proxies, &["[2001:db8::7]:4711"]), "2001:db8::7");
        assert_eq!(walk("10.0.0.1", &proxies, &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(walk("10.0.0.1", &proxies, &["[2001:db8::7]"]), "2001:db8::7");
        assert_eq!(walk("10.0.0.1", &proxies, &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        assert_eq!(walk("10.0.0.1", &proxies, &[]), "10.0.0.1");
    }

    #[test]
    fn garbage_ends_the_walk_at_the_hop_that_wrote_it() {
        let proxies = ["10.0.0.0/8"];
        for field in ["1.1.1.1, unknown", "1.1.1.1,", "1.1.1.1, 300.1.1.1", "1.1.1.1, \u{7f}"] {
            let mut headers = HeaderMap::new();
            headers.append(
                FORWARDED_FOR,
                HeaderValue::from_bytes(field.as_bytes()).unwrap_or(HeaderValue::from_static("?")),
            );
            let trusted: Vec<IpNet> = proxies.iter().map(|network| network.parse().unwrap()).collect();
            assert_eq!(client_ip("10.0.0.1".parse().unwrap(), &trusted, &headers).to_string(), "10.0.0.1", "{field}");
        }
        assert_eq!(walk("10.0.0.1", &proxies, &["1.1.1.1, nonsense, 10.0.0.2"]), "10.0.0.2");
    }

    #[test]
    fn mapped_addresses_become_ipv4() {
        assert_eq!(walk("::ffff:10.0.0.1", &["10.0.0.0/8"], &["::ffff:198.51.100.7"]), "198.51.100.7");
    }

    #[test]
    fn ipv6_clients_are_counted_by_their_64() {
        let bucket = |ip: &str| ip_bucket(ip.parse().unwrap()).to_string();
        assert_eq!(bucket("2001:db8:1:2:aaaa::1"), "2001:db8:1:2::");
        assert_eq!(bucket("2001:db8:1:2:bbbb::2"), "2001:db8:1:2::");
        assert_eq!(bucket("198.51.100.7"), "198.51.100.7");
        assert_eq!(bucket("::ffff:198.51.100.7"), "198.51.100.7");
    }

    #[test]
    fn without_connection_information_there_is_an_error_and_no_shared_bucket() {
        let mut extensions = Extensions::new();
        assert_eq!(peer(&extensions).unwrap_err().code(), Code::ConnectionInfoMissing);
        extensions.insert(ConnectInfo(SocketAddr::from(([198, 51, 100, 7], 4711))));
        assert_eq!(peer(&extensions).unwrap().to_string(), "198.51.100.7");
    }
}
