//! What a browser does with cookies: keeps them, lets them expire, sends them back.

use std::collections::BTreeMap;
use std::time::Duration;

use http::HeaderMap;
use http::header::SET_COOKIE;
use identity_core::time::{Timestamp, after};

/// A `Set-Cookie` header, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetCookie {
    /// The name, with its prefix.
    pub name: String,
    /// The value as it was sent, still percent-encoded.
    pub value: String,
    /// Seconds to live; `Some(0)` deletes the cookie, `None` keeps it until the browser is closed.
    pub max_age: Option<u64>,
    /// The `Domain` attribute.
    pub domain: Option<String>,
    /// The `Path` attribute.
    pub path: Option<String>,
    /// The `SameSite` attribute.
    pub same_site: Option<String>,
    /// Whether scripts cannot read it.
    pub http_only: bool,
    /// Whether it travels over TLS alone.
    pub secure: bool,
}

impl SetCookie {
    /// All cookies that a response sets or deletes, in order.
    #[must_use]
    pub fn all(headers: &HeaderMap) -> Vec<Self> {
        headers.get_all(SET_COOKIE).iter().map(|line| Self::parse(line.to_str().expect("a cookie is text"))).collect()
    }

    /// Whether it deletes a cookie instead of setting one.
    #[must_use]
    pub fn is_deletion(&self) -> bool {
        self.max_age == Some(0)
    }

    fn parse(line: &str) -> Self {
        let mut parts = line.split("; ");
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie has a name");
        let mut cookie = Self { name: name.to_owned(), value: value.to_owned(), ..Self::default() };
        for attribute in parts {
            let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            match key {
                "Max-Age" => cookie.max_age = Some(value.parse().expect("Max-Age is a number")),
                "Domain" => cookie.domain = Some(value.to_owned()),
                "Path" => cookie.path = Some(value.to_owned()),
                "SameSite" => cookie.same_site = Some(value.to_owned()),
                "HttpOnly" => cookie.http_only = true,
                "Secure" => cookie.secure = true,
                other => panic!("the attribute {other} is not expected on a cookie"),
            }
        }
        cookie
    }
}

/// The cookies of one browser.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    cookies: BTreeMap<String, Kept>,
}

#[derive(Clone, Debug)]
struct Kept {
    value: String,
    expires_at: Option<Timestamp>,
}

impl Browser {
    /// Takes what a response sets and forgets what it deletes.
    pub fn take(&mut self, headers: &HeaderMap, now: Timestamp) {
        for cookie in SetCookie::all(headers) {
            if cookie.is_deletion() {
                self.cookies.remove(&cookie.name);
            } else {
                let expires_at = cookie.max_age.map(|seconds| after(now, Duration::from_secs(seconds)));
                self.cookies.insert(cookie.name, Kept { value: cookie.value, expires_at });
            }
        }
    }

    /// The `Cookie` header of the next request, if there is anything to send.
    #[must_use]
    pub fn header(&self, now: Timestamp) -> Option<String> {
        let live = self.cookies.iter().filter(|(_, kept)| kept.is_live(now));
        let pairs: Vec<String> = live.map(|(name, kept)| format!("{name}={}", kept.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// The value of a cookie, as it is sent, by the end of its name (so that a prefix does not matter).
    #[must_use]
    pub fn get(&self, suffix: &str) -> Option<&str> {
        self.cookies.iter().find(|(name, _)| name.ends_with(suffix)).map(|(_, kept)| kept.value.as_str())
    }

    /// Sets a cookie as a script or an attacker would.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.cookies.insert(name.into(), Kept { value: value.into(), expires_at: None });
    }

    /// What closing and opening it again does: cookies without a lifetime are gone.
    pub fn restart(&mut self) {
        self.cookies.retain(|_, kept| kept.expires_at.is_some());
    }

    /// Forgets all cookies.
    pub fn clear(&mut self) {
        self.cookies.clear();
    }
}

impl Kept {
    fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|moment| moment > now)
    }
}
