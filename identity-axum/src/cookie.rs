//! The cookies of the Better Auth API and of our pages: how they are named, signed, set and cleared. The one place that sets attributes.
//!
//! The format is the reference's, so that live sessions survive an import: value, dot, padded standard base64 of the
//! HMAC-SHA256 of the value under the raw secret, all percent-encoded as JavaScript's `encodeURIComponent` does it.

use std::fmt::{self, Write as _};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, header};
use identity_core::Identity;
use identity_core::config::HttpOptions;
use identity_core::crypto::hmac::Key;
use identity_core::token::{Token, kind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::credentials::{Presentation, RawCookie};

/// What the names of the Better Auth API begin with, and those of our pages.
const PREFIX: &str = "better-auth";
const PREFIX_OF_PAGES: &str = "identity";

/// What `encodeURIComponent` leaves as it is, besides letters and digits.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Characters of a base64 signature.
const SIGNATURE: usize = 44;

/// One of the cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// The session token, signed.
    SessionToken,
    /// A signed copy of the session for five minutes, when that is switched on.
    SessionData,
    /// Tells the client that the session is not remembered. Never believed: the session's row knows.
    DontRemember,
    /// What lets this browser be signed in by a verification link.
    EmailFlow,
    /// The name of this browser, which its forms are tied to.
    Browser,
    /// The language that was chosen on a page.
    Language,
    /// Whether pages are `light` or `dark`; without it they are as the device is.
    Theme,
    /// The address that was last given on a page, for the pages that follow.
    Address,
}

impl Name {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SessionToken => "session_token",
            Self::SessionData => "session_data",
            Self::DontRemember => "dont_remember",
            Self::EmailFlow => "email_flow",
            Self::Browser => "browser",
            Self::Language => "language",
            Self::Theme => "theme",
            Self::Address => "address",
        }
    }

    /// Whether our pages have it to themselves: then it is of no use to other hosts of the domain, and they cannot set it.
    const fn is_of_pages(self) -> bool {
        matches!(self, Self::Browser | Self::Language | Self::Theme | Self::Address)
    }
}

/// Names, signs and writes cookies for one identity.
#[derive(Clone)]
pub(crate) struct Cookies {
    key: Key,
    secure: bool,
    domain: Option<String>,
}

impl Cookies {
    /// The cookies of an identity, by its key and its configuration.
    #[must_use]
    pub(crate) fn of(identity: &Identity) -> Self {
        Self::new(identity.cookie_key().clone(), &identity.config().http)
    }

    /// Cookies that are signed with `key`.
    #[must_use]
    pub(crate) fn new(key: Key, http: &HttpOptions) -> Self {
        Self { key, secure: is_secure(http), domain: http.cookie_domain.clone() }
    }

    /// The full name of a cookie.
    #[must_use]
    pub(crate) fn name(&self, name: Name) -> String {
        let (guard, prefix) = if name.is_of_pages() { ("__Host-", PREFIX_OF_PAGES) } else { ("__Secure-", PREFIX) };
        let guard = if self.secure { guard } else { "" };
        format!("{guard}{prefix}.{}", name.as_str())
    }

    /// Signs a value, ready to be set.
    #[must_use]
    pub(crate) fn sign(&self, value: &str) -> String {
        let signature = STANDARD.encode(self.key.sign(value.as_bytes()));
        encode(&format!("{value}.{signature}"))
    }

    /// The value inside a signed one, if the signature is ours. Compared in constant time.
    #[must_use]
    pub(crate) fn verify<'v>(&self, signed: &'v str) -> Option<&'v str> {
        let (value, signature) = signed.rsplit_once('.')?;
        if signature.len() != SIGNATURE || !signature.ends_with('=') {
            return None;
        }
        let signature = STANDARD.decode(signature).ok()?;
        self.key.verify(value.as_bytes(), &signature).then_some(value)
    }

    /// The session token in a bearer: a token as it is, or the signed value of the cookie as it was set or as it reads decoded.
    /// Tokens have no dot.
    #[must_use]
    pub(crate) fn token_of_bearer(&self, bearer: &str) -> Option<Token<kind::Session>> {
        if !bearer.contains('.') {
            return Some(Token::presented(bearer));
        }
        let decoded = percent_decode_str(bearer).decode_utf8().ok()?;
        self.verify(&decoded).map(Token::presented)
    }

    /// The value of a signed cookie of a request, if it is there and the signature is ours.
    #[must_use]
    pub(crate) fn signed(&self, headers: &HeaderMap, name: Name) -> Option<String> {
        let cookie = self.find(headers, name)?;
        self.verify(cookie.decoded()).map(str::to_owned)
    }

    /// The decoded value of an unsigned cookie of a request.
    #[must_use]
    pub(crate) fn plain(&self, headers: &HeaderMap, name: Name) -> Option<String> {
        self.find(headers, name).map(|cookie| cookie.decoded().to_owned())
    }

    fn find(&self, headers: &HeaderMap, name: Name) -> Option<RawCookie> {
        match RawCookie::find(headers, &self.name(name)) {
            Presentation::Presented(cookie) => Some(cookie),
            Presentation::NotPresented | Presentation::Malformed => None,
        }
    }

    /// Writes a cookie. `value` has been encoded; without `max_age` it lives as long as the browser does.
    pub(crate) fn set(&self, headers: &mut HeaderMap, name: Name, value: &str, max_age: Option<Duration>) {
        let mut cookie = format!("{}={value}; ", self.name(name));
        if let Some(age) = max_age {
            let _ = write!(cookie, "Max-Age={}; ", age.as_secs());
        }
        if let Some(domain) = self.domain.as_ref().filter(|_| !name.is_of_pages()) {
            let _ = write!(cookie, "Domain={domain}; ");
        }
        cookie.push_str("Path=/; HttpOnly; ");
        if self.secure {
            cookie.push_str("Secure; ");
        }
        cookie.push_str("SameSite=Lax");
        if let Ok(value) = HeaderValue::try_from(cookie) {
            headers.append(header::SET_COOKIE, value);
        }
    }

    /// Makes the browser forget a cookie.
    pub(crate) fn clear(&self, headers: &mut HeaderMap, name: Name) {
        self.set(headers, name, "", Some(Duration::ZERO));
    }

    /// Makes the browser forget its session.
    pub(crate) fn clear_session(&self, headers: &mut HeaderMap) {
        for name in [Name::SessionToken, Name::SessionData, Name::DontRemember] {
            self.clear(headers, name);
        }
    }
}

impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookies").field("secure", &self.secure).field("domain", &self.domain).finish_non_exhaustive()
    }
}

/// Encodes a value as JavaScript's `encodeURIComponent` does.
#[must_use]
pub(crate) fn encode(value: &str) -> String {
    utf8_percent_encode(value, COMPONENT).to_string()
}

/// Whether cookies are kept off plain http: as configured, or by the scheme of the base URL.
#[must_use]
pub(crate) fn is_secure(http: &HttpOptions) -> bool {
    http.secure_cookies.unwrap_or_else(|| http.base_url.starts_with("https://"))
}
