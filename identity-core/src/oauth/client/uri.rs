//! Where a browser may be sent on the word of a client, and how registered and requested addresses are compared (RFC 9700, section 2.1;
//! RFC 8252, section 7).

use url::{Host, Url};

use super::Client;

/// Longest URI of a client, in bytes.
const MOST_BYTES: usize = 2048;

/// Whether codes of `client` may be sent to `uri`: it is registered, character by character. Only the port of a loopback address is
/// free, because a native application takes whichever it gets (RFC 8252, section 7.3).
#[must_use]
pub fn redirect_uri_matches(client: &Client, uri: &str) -> bool {
    client.metadata.redirect_uris.iter().any(|registered| {
        let loopback = || loopback_without_port(registered).zip(loopback_without_port(uri));
        registered == uri || loopback().is_some_and(|(registered, requested)| registered == requested)
    })
}

/// A redirect URI on a loopback address, taken apart at its port: what stands before it and behind it.
fn loopback_without_port(uri: &str) -> Option<(&str, &str)> {
    let address = ["http://127.0.0.1", "http://[::1]"].into_iter().find(|address| uri.starts_with(address))?;
    let (address, rest) = uri.split_at_checked(address.len())?;
    let rest = match rest.strip_prefix(':') {
        Some(port) => {
            let digits = port.bytes().take_while(u8::is_ascii_digit).count();
            let (port, rest) = port.split_at_checked(digits)?;
            port.parse::<u16>().ok().filter(|port| *port != 0)?;
            rest
        }
        None => rest,
    };
    matches!(rest.bytes().next(), None | Some(b'/' | b'?')).then_some((address, rest))
}

/// Checks where a browser may be sent with a code, or after a logout.
pub(super) fn check_redirect(uri: &str) -> Result<(), &'static str> {
    if uri.contains('#') {
        return Err("may not have a fragment");
    }
    if uri.contains('*') {
        return Err("may not have a wildcard");
    }
    let Some((scheme, rest)) = plain(uri)?.split_once(':') else { return Err("must be absolute") };
    match scheme {
        "https" => web(uri).map(|_| ()),
        "http" => match web(uri)?.host() {
            Some(Host::Domain("localhost")) => Ok(()),
            _ if loopback_without_port(uri).is_some() => Ok(()),
            _ => Err("must be https, unless it is on 127.0.0.1, [::1] or localhost"),
        },
        _ if !is_private_use(scheme) => Err(
            "must be https, or of a private-use scheme that is a domain name in reverse, such as com.example.app:/back",
        ),
        _ if !rest.starts_with('/') || rest.starts_with("//") => {
            Err("of a private-use scheme must have exactly one slash after the colon")
        }
        _ => Ok(()),
    }
}

/// A domain name in reverse, in lower case (RFC 8252, section 7.1).
fn is_private_use(scheme: &str) -> bool {
    let label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty() && label.bytes().all(plain)
    };
    scheme.starts_with(|first: char| first.is_ascii_lowercase()) && scheme.contains('.') && scheme.split('.').all(label)
}

/// Checks an address of a page or document.
pub(super) fn check_page(uri: &str) -> Result<Url, &'static str> {
    let uri = plain(uri)?;
    if !uri.starts_with("https://") && !uri.starts_with("http://") {
        return Err("must be https or http");
    }
    web(uri)
}

/// Checks an address that only https leads to, without a fragment.
pub(super) fn check_https(uri: &str) -> Result<Url, &'static str> {
    if !plain(uri)?.starts_with("https://") {
        return Err("must be https");
    }
    if uri.contains('#') {
        return Err("may not have a fragment");
    }
    web(uri)
}

/// The characters of RFC 3986 and no others, so that no two programs read the text differently.
fn plain(uri: &str) -> Result<&str, &'static str> {
    if uri.len() > MOST_BYTES {
        return Err("is too long");
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    let escaped = uri.split('%').skip(1).all(|rest| {
        let mut digits = rest.bytes().take(2).filter(u8::is_ascii_hexdigit);
        digits.next().is_some() && digits.next().is_some()
    });
    if !uri.bytes().all(allowed) || !escaped { Err("has characters that no URI has") } else { Ok(uri) }
}

/// An address of the web with a host and nobody's name in front of it.
fn web(uri: &str) -> Result<Url, &'static str> {
    let authority = uri.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let url = Url::parse(uri).map_err(|_| "is no URL")?;
    match authority {
        None | Some("") => Err("must have a host"),
        Some(authority) if authority.contains('@') => Err("may not have a user name"),
        Some(_) if url.host().is_none() => Err("must have a host"),
        Some(_) => Ok(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_a_code_is_safe_at_can_be_registered() {
        let good = [
            "https://app.example.com/callback",
            "https://app.example.com",
            "https://app.example.com:8443/callback?tenant=1&x=%20y",
            "https://app.example.com/a(b)!c",
            "https://203.0.113.7/cb",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:3000/cb",
            "http://[::1]:3000/cb",
            "http://localhost:3000/cb",
            "com.example.app:/callback",
            "com.example.my-app:/",
        ];
        for uri in good {
            assert_eq!(check_redirect(uri), Ok(()), "{uri}");
        }
        let bad = [
            "",
            "/callback",
            "app.example.com/callback",
            "//app.example.com/callback",
            "https:app.example.com/callback",
            "https:///callback",
            "https://",
            "https://app.example.com/callback#",
            "https://app.example.com/callback#fragment",
            "https://user@app.example.com/callback",
            "https://user:pass@app.example.com/callback",
            "https://app.example.com@evil.example/callback",
            "https://@evil.example/",
            "https://*.example.com/callback",
            "https://app.example.com/*",
            "https://app.example.com\\@evil.example/",
            "https://app.example.com/call back",
            "https://app.example.com/callback\n",
            "https://app.example.com/\u{0}",
            "https://app.example.com/%zz",
            "https://app.example.com/%2",
            "https://app.example.com/<script>",
            "https://bücher.example/callback",
            "HTTPS://app.example.com/callback",
            "http://app.example.com/callback",
            "http://127.0.0.1.evil.example/callback",
            "http://127.0.0.1:99999/callback",
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1@evil.example/callback",
            "http://127.1/callback",
            "http://2130706433/callback",
            "http://0.0.0.0/callback",
            "http://10.0.0.1/callback",
            "http://localhost.evil.example/callback",
            "http://[::ffff:127.0.0.1]/callback",
            "javascript:alert(1)",
            "javascript://app.example.com/%0aalert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://app.example.com/1",
            "about:blank",
            "ftp://app.example.com/",
            "ws://app.example.com/",
            "myapp:/callback",
            "myapp://callback",
            "com.example.app://callback",
            "com.example.app:callback",
            "com..app:/callback",
            ".example.app:/callback",
            "com.example.:/callback",
            "Com.Example.App:/callback",
            "urn:ietf:wg:oauth:2.0:oob",
        ];
        for uri in bad {
            assert!(check_redirect(uri).is_err(), "{uri}");
        }
        assert!(check_redirect(&format!("https://app.example.com/{}", "x".repeat(2048))).is_err());
    }

    #[test]
    fn pages_are_on_the_web() {
        for uri in ["https://example.com", "http://example.com/terms#top", "https://example.com/logo.png?v=1"] {
            assert!(check_page(uri).is_ok(), "{uri}");
        }
        for uri in ["", "example.com", "ftp://example.com", "javascript:alert(1)", "https://u@example.com", "https://"]
        {
            assert!(check_page(uri).is_err(), "{uri}");
        }
        assert!(check_https("https://example.com/start?x=1").is_ok());
        for uri in ["http://example.com/start", "https://example.com/#start", "https:/example.com", ""] {
            assert!(check_https(uri).is_err(), "{uri}");
        }
    }
}
