//! Which origins may call with cookies, and where a callback may lead.

use http::{HeaderMap, header};
use identity_core::config::HttpOptions;
use identity_core::{Code, Error, Result};
use serde_json::{Map, Value};
use url::{Host, Url};

/// The origins that are trusted: the base URL's own and the configured ones.
#[derive(Clone, Debug)]
pub(crate) struct TrustedOrigins {
    /// `None` trusts no path, only whole URLs; a built identity has a base URL that parses.
    base: Option<Url>,
    own: Vec<String>,
    patterns: Vec<String>,
}

impl TrustedOrigins {
    pub(crate) fn new(http: &HttpOptions) -> Self {
        let base = Url::parse(&http.base_url).ok();
        let mut own: Vec<String> = base.iter().map(|base| base.origin().ascii_serialization()).collect();
        if let Some(base) = base.as_ref().filter(|base| is_loopback(base)) {
            let port = base.port().map(|port| format!(":{port}")).unwrap_or_default();
            own.extend(["localhost", "127.0.0.1"].map(|host| format!("{}://{host}{port}", base.scheme())));
        }
        let patterns = http.trusted_origins.iter().map(|origin| origin.trim_end_matches('/').to_owned());
        // A custom scheme `myapp://` keeps its slashes: they are all there is.
        let patterns = patterns.map(|origin| if origin.ends_with(':') { format!("{origin}//") } else { origin });
        Self { own, patterns: patterns.collect(), base }
    }

    /// Whether `origin` is the base URL's own.
    pub(crate) fn is_own(&self, origin: &str) -> bool {
        self.own.iter().any(|own| own.eq_ignore_ascii_case(origin))
    }

    /// Whether a request from `origin`, as browsers write it, is trusted.
    pub(crate) fn trusts(&self, origin: &str) -> bool {
        self.is_own(origin) || Url::parse(origin).is_ok_and(|url| self.trusts_url(&url))
    }

    fn trusts_url(&self, url: &Url) -> bool {
        let origin = url.origin();
        let text = if origin.is_tuple() {
            origin.ascii_serialization()
        } else {
            format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default())
        };
        let web = is_web(url);
        // `blob:` and its like borrow the origin of the URL inside them.
        if origin.is_tuple() && !web {
            return false;
        }
        if web && self.is_own(&text) {
            return true;
        }
        self.patterns.iter().any(|pattern| {
            if let Some((scheme, rest)) = pattern.split_once("://") {
                if rest.is_empty() {
                    return !web && url.scheme().eq_ignore_ascii_case(scheme);
                }
                return if pattern.contains('*') { wildcard(pattern, &text, url) } else { same_origin(pattern, &text) };
            }
            let host = url.host_str().unwrap_or_default();
            web && wildcard(pattern, host, url)
        })
    }

    /// Whether a redirect may lead to `target`: a path on the base URL, or a URL of a trusted origin.
    pub(crate) fn trusts_target(&self, target: &str) -> bool {
        // A browser would be sent the very bytes, and might read others into them than were checked here.
        if target.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'\\') {
            return false;
        }
        if target.starts_with('/') {
            return self.is_own_path(target);
        }
        Url::parse(target).is_ok_and(|url| {
            // Without both slashes (`https:/app.example.com`) a page of the same scheme reads a path of its own.
            let whole = !is_web(&url) || target.get(url.scheme().len()..).is_some_and(|rest| rest.starts_with("://"));
            whole && url.username().is_empty() && url.password().is_none() && self.trusts_url(&url)
        })
    }

    fn is_own_path(&self, target: &str) -> bool {
        let path = target.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
        let hidden = path.contains("%2f") || path.contains("%5c");
        let stays = |base: &Url| base.join(target).is_ok_and(|url| url.origin() == base.origin());
        !target.starts_with("//") && !hidden && self.base.as_ref().is_some_and(stays)
    }

    /// A target on the base URL as an absolute URL; others as they are.
    pub(crate) fn absolute(&self, target: &str) -> String {
        let base = self.base.as_ref().filter(|_| target.starts_with('/'));
        base.and_then(|base| base.join(target).ok()).map_or_else(|| target.to_owned(), String::from)
    }
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn same_origin(pattern: &str, origin: &str) -> bool {
    let normal = Url::parse(pattern).ok().map(|url| url.origin()).filter(url::Origin::is_tuple);
    let pattern = normal.map_or_else(|| pattern.to_owned(), |origin| origin.ascii_serialization());
    pattern.eq_ignore_ascii_case(origin)
}

/// Whether `text` matches a pattern in which `*` stands for one or more characters other than `/`. A pattern for names never
/// matches an address: `*.1.1.1` is not a domain.
fn wildcard(pattern: &str, text: &str, url: &Url) -> bool {
    if matches!(url.host(), Some(Host::Ipv4(_) | Host::Ipv6(_))) {
        return false;
    }
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| text.strip_prefix(start)) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let end = if parts.peek().is_none() { rest.strip_suffix(part).map(str::len) } else { rest.find(part) };
        let Some(gap) = end.and_then(|end| rest.get(..end)) else { return false };
        if gap.is_empty() || gap.contains('/') {
            return false;
        }
        rest = rest.get(gap.len() + part.len()..).unwrap_or_default();
    }
    rest.is_empty()
}

/// Checks the origin of a request that may change something (contract section 4). `signs_in` marks the endpoints that open
/// a session without needing one, which are checked even without cookies when a browser is calling.
pub(crate) fn check(origins: &TrustedOrigins, headers: &HeaderMap, signs_in: bool) -> Result<()> {
    let has_cookies = headers.contains_key(header::COOKIE);
    if !has_cookies {
        let fetched =
            ["sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"].iter().any(|name| headers.contains_key(*name));
        if !signs_in || !fetched && origin_of(headers).is_none() {
            return Ok(());
        }
        if text(headers, "sec-fetch-site") == Some("cross-site") && text(headers, "sec-fetch-mode") == Some("navigate")
        {
            return Err(Error::new(Code::CrossSiteNavigation));
        }
    }
    match origin_of(headers) {
        None | Some("null") if text(headers, "sec-fetch-site") == Some("same-origin") && has_null_origin(headers) => {
            Ok(())
        }
        None | Some("null") => Err(Error::new(Code::MissingOrigin)),
        Some(origin) if origins.trusts(origin) => Ok(()),
        Some(_) => Err(Error::new(Code::InvalidOrigin)),
    }
}

fn has_null_origin(headers: &HeaderMap) -> bool {
    text(headers, "origin") == Some("null")
}

fn origin_of(headers: &HeaderMap) -> Option<&str> {
    text(headers, "origin").or_else(|| text(headers, "referer"))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The fields that name a place to go on to, and what an untrusted one is called.
const TARGETS: [(&str, Code); 4] = [
    ("callbackURL", Code::InvalidCallbackUrl),
    ("redirectTo", Code::InvalidRedirectUrl),
    ("errorCallbackURL", Code::InvalidErrorCallbackUrl),
    ("newUserCallbackURL", Code::InvalidNewUserCallbackUrl),
];

/// Checks every field of a body or query that names a place to go on to.
pub(crate) fn check_targets(origins: &TrustedOrigins, fields: &Map<String, Value>) -> Result<()> {
    for (name, code) in TARGETS {
        match fields.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(target)) if target.is_empty() || origins.trusts_target(target) => {}
            Some(Value::String(_)) => return Err(Error::new(code)),
            Some(_) => {
                return Err(Error::new(Code::InvalidInput).with_detail(format!("Invalid {name}: expected a string")));
            }
        }
    }
    Ok(())
}
