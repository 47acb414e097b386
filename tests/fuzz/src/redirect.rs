//! Origins, and the places that redirects and callbacks lead to.

use std::sync::LazyLock;

use http::HeaderValue;
use identity_axum::testing::Origins;
use identity_core::config::HttpOptions;
use url::{Host, Url};

const TRUSTED: [&str; 4] = ["https://app.example.com", "https://*.example.org", "*.example.net", "myapp://"];

static WEB: LazyLock<Origins> = LazyLock::new(|| origins("https://id.example.com"));
static LOOPBACK: LazyLock<Origins> = LazyLock::new(|| origins("http://localhost:8888"));

fn origins(base_url: &str) -> Origins {
    let trusted_origins = TRUSTED.map(String::from).to_vec();
    Origins::new(&HttpOptions { base_url: base_url.to_owned(), trusted_origins, ..HttpOptions::default() })
}

/// A place that is let through leads, as a browser reads it, to the base URL's own origin or to one on the list, carries no
/// credentials, fits into a header, and reads the same from any page. A trusted origin is on the list too.
#[must_use]
pub fn redirect(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let web = check(text, &WEB, "https://id.example.com", &["https://id.example.com"]);
    let own = ["http://localhost:8888", "http://127.0.0.1:8888"];
    let loopback = check(text, &LOOPBACK, "http://localhost:8888", &own);
    web || loopback
}

fn check(text: &str, origins: &Origins, base_url: &str, own: &[&str]) -> bool {
    let base = Url::parse(base_url).expect("a base URL is a URL");
    let listed = |url: &Url| own.contains(&&*url.origin().ascii_serialization()) && is_web(url) || is_listed(url);
    let trusted = origins.trusts(text);
    if trusted {
        assert!(Url::parse(text).is_ok_and(|url| listed(&url)), "the origin {text:?} is trusted");
    }
    let Some(target) = origins.target(text) else { return trusted };
    let url = Url::parse(&target).expect("a target is absolute");
    assert!(listed(&url), "{text:?} leads to {url}");
    assert!(url.username().is_empty() && url.password().is_none(), "{text:?} carries credentials to {url}");
    assert!(HeaderValue::from_str(&target).is_ok(), "{target:?} is no header");
    // The page that the browser is on may be one of an attacker; a path leads back to the base URL before anybody is sent there.
    let elsewhere = Url::parse("https://evil.test/a/b").expect("a page is a URL");
    for (page, sent) in [(&base, text), (&elsewhere, target.as_str())] {
        assert_eq!(page.join(sent).ok().as_ref(), Some(&url), "{text:?} read from {page}");
    }
    assert!(text.starts_with('/') || Url::parse(text).is_ok(), "{text:?} is neither a path nor a URL");
    true
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// The list above, spelled out.
fn is_listed(url: &Url) -> bool {
    if url.scheme() == "myapp" {
        return true;
    }
    let Some(Host::Domain(host)) = url.host() else { return false };
    let below = |name: &str| host.strip_suffix(name).is_some_and(|start| start.len() > 1 && start.ends_with('.'));
    let standard = url.scheme() == "https" && url.port().is_none();
    standard && (host == "app.example.com" || below("example.org")) || is_web(url) && below("example.net")
}
