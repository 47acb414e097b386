//! What a request is checked with before a handler sees it, piece by piece: for tests that try more than whole requests can carry.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http::HeaderMap;
use identity_core::Result;
use identity_core::config::HttpOptions;
use identity_core::crypto::hmac::Key;
use identity_core::id::GrantId;
use identity_core::secret::Secret;
use identity_core::time::{Timestamp, after};
use serde_json::Value;

use crate::better_auth::input::{self, Input};
use crate::cookie::{self, Name};
use crate::facade::{bridge, cache, origin};

/// The cookies of one key.
#[derive(Clone, Debug)]
pub struct Cookies {
    cookies: cookie::Cookies,
    key: Key,
}

impl Cookies {
    /// Cookies that are signed with `key`, named as the options say.
    #[must_use]
    pub fn new(key: &Key, http: &HttpOptions) -> Self {
        Self { cookies: cookie::Cookies::new(key.clone(), http), key: key.clone() }
    }

    /// The name of the cookie with the session token.
    #[must_use]
    pub fn session_name(&self) -> String {
        self.cookies.name(Name::SessionToken)
    }

    /// Signs a value, ready to be set.
    #[must_use]
    pub fn sign(&self, value: &str) -> String {
        self.cookies.sign(value)
    }

    /// The session token that the cookies of a request carry, if it is signed with the key.
    #[must_use]
    pub fn session_token(&self, headers: &HeaderMap) -> Option<Secret<String>> {
        self.cookies.signed(headers, Name::SessionToken).map(Secret::from)
    }

    /// The session token that a bearer stands for: itself, or the value inside a signed one.
    #[must_use]
    pub fn token_of_bearer(&self, bearer: &str) -> Option<Secret<String>> {
        self.cookies.token_of_bearer(bearer).map(|token| Secret::from(token.expose()))
    }

    /// The answer in a cached copy of the session, if it is signed with the key, in time, and of the session with this token.
    #[must_use]
    pub fn cached_session(&self, value: &str, token: &str, now: Timestamp) -> Option<Value> {
        cache::open(&self.key, value, token, now)
    }
}

/// The query with which a page of an application is opened while an authorization waits; good for an hour from `now`.
#[must_use]
pub fn sign_query(key: &Key, params: &[(&'static str, String)], grant: &str, now: Timestamp) -> String {
    bridge::sign(key, params, &GrantId::from_text(grant), now, after(now, Duration::from_hours(1)))
}

/// The authorization and the client that a query stands for, if it is signed with the key and in time.
#[must_use]
pub fn open_query(key: &Key, query: &str, now: Timestamp) -> Option<(String, String)> {
    bridge::open(key, query, now).map(|pending| (pending.grant.into(), pending.client_id.into()))
}

/// The origins that are trusted.
#[derive(Clone, Debug)]
pub struct Origins(origin::TrustedOrigins);

impl Origins {
    /// The base URL's own origin and those of the options.
    #[must_use]
    pub fn new(http: &HttpOptions) -> Self {
        Self(origin::TrustedOrigins::new(http))
    }

    /// Whether a request from `origin` is trusted.
    #[must_use]
    pub fn trusts(&self, origin: &str) -> bool {
        self.0.trusts(origin)
    }

    /// Where a redirect to `target` leads, as an absolute URL; `None` where it must not lead.
    #[must_use]
    pub fn target(&self, target: &str) -> Option<String> {
        self.0.trusts_target(target).then(|| self.0.absolute(target))
    }
}

/// Reads a body as an endpoint does that takes HTML forms too; `None` when there is none.
///
/// # Errors
/// `payload_too_large`, `unsupported_media_type`, `invalid_json`, or `invalid_input` for what is nested too deeply or has a NUL.
pub async fn body(headers: &HeaderMap, bytes: Bytes) -> Result<Option<Value>> {
    match input::read(headers, Body::from(bytes), true).await? {
        Input::Absent => Ok(None),
        Input::Json(value) => Ok(Some(value)),
    }
}

pub use crate::pages::testing::{accept_language, answer, ui_locales};
