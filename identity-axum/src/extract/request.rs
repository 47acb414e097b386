//! What the identity wants to know about a request.

use http::header::USER_AGENT;
use http::request::Parts;
use http::{Extensions, HeaderMap};
use identity_core::Result;
use identity_core::request::RequestInfo;
use ipnet::IpNet;

use super::client_ip::{client_ip, peer};
use crate::middleware::trace::RequestId;

const MOST_BYTES: usize = 512;

/// Where a request came from. Fails when the application is served without connection information.
pub fn request_info(parts: &Parts, trusted_proxies: &[IpNet]) -> Result<RequestInfo> {
    info(&parts.extensions, &parts.headers, trusted_proxies)
}

pub(crate) fn info(extensions: &Extensions, headers: &HeaderMap, trusted_proxies: &[IpNet]) -> Result<RequestInfo> {
    let ip = client_ip(peer(extensions)?, trusted_proxies, headers);
    let request_id = extensions.get::<RequestId>().map(|id| id.as_str().to_owned());
    Ok(RequestInfo { ip: Some(ip), user_agent: user_agent(headers), request_id })
}

/// The `User-Agent` header, cut to 512 bytes between two characters. Bytes that are no UTF-8, controls and changes of direction
/// are replaced: operators read it on terminals.
#[must_use]
pub fn user_agent(headers: &HeaderMap) -> Option<String> {
    let sent = String::from_utf8_lossy(headers.get(USER_AGENT)?.as_bytes()).replace(disturbs_terminals, "\u{FFFD}");
    let end = sent.floor_char_boundary(MOST_BYTES);
    sent.get(..end).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn disturbs_terminals(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_long_user_agent_is_cut_between_two_characters() {
        let mut headers = HeaderMap::new();
        assert_eq!(user_agent(&headers), None);
        let long = format!("{}{}", "x".repeat(511), "é".repeat(10));
        headers.insert(USER_AGENT, HeaderValue::from_bytes(long.as_bytes()).unwrap());
        assert_eq!(user_agent(&headers).unwrap(), "x".repeat(511));
        headers.insert(USER_AGENT, HeaderValue::from_bytes("a\u{9b}31m\u{202e}b".as_bytes()).unwrap());
        assert_eq!(user_agent(&headers).unwrap(), "a\u{FFFD}31m\u{FFFD}b");
    }
}
