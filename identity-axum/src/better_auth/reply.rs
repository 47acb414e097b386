//! Answers that set or clear the cookies of a session.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use identity_core::Result;
use identity_core::principal::Profile;
use identity_core::session::{Issued, Session};
use identity_core::token::{Token, kind};
use serde::Serialize;
use serde_json::{Map, Value};

use super::wire::{SessionAndUser, SessionView, User};
use super::{Facade, cache};
use crate::cookie::{Name, encode};
use crate::problem::Failure;

use super::error::BetterAuth;

/// What a handler returns.
pub(super) type Reply = Result<Response, Failure<BetterAuth>>;

pub(super) fn json(body: impl Serialize) -> Response {
    Json(body).into_response()
}

/// A redirect as the reference writes it: 302, and the type of a body that is not there.
pub(super) fn redirect(location: &str) -> Response {
    let mut response = StatusCode::FOUND.into_response();
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.insert(header::LOCATION, location);
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

pub(super) fn no_store(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
}

/// `target` with one more query parameter.
pub(super) fn with_parameter(target: &str, name: &str, value: &str) -> String {
    let (rest, fragment) = match target.split_once('#') {
        Some((rest, fragment)) => (rest, format!("#{fragment}")),
        None => (target, String::new()),
    };
    let separator = if rest.contains('?') { '&' } else { '?' };
    format!("{rest}{separator}{name}={}{fragment}", encode(value))
}

impl Facade {
    /// Gives the browser the session that was just opened.
    pub(super) fn sign_in(&self, headers: &mut HeaderMap, request: &HeaderMap, issued: &Issued, profile: &Profile) {
        self.set_session(headers, &issued.token, &issued.session, profile);
        if !issued.session.remembered {
            self.cookies.set(headers, Name::DontRemember, &self.cookies.sign("true"), None);
        } else if self.cookies.plain(request, Name::DontRemember).is_some() {
            self.cookies.clear(headers, Name::DontRemember);
        }
    }

    /// Sets the cookie of a session, and with it whatever else carries the session.
    pub(super) fn set_session(
        &self,
        headers: &mut HeaderMap,
        token: &Token<kind::Session>,
        session: &Session,
        profile: &Profile,
    ) {
        let signed = self.cookies.sign(token.expose());
        let age = session.cookie_age(self.identity.now(), &self.identity.config().session);
        self.cookies.set(headers, Name::SessionToken, &signed, age);
        if self.identity.config().http.bearer
            && let Ok(value) = HeaderValue::try_from(signed)
        {
            headers.insert(SET_AUTH_TOKEN, value);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("set-auth-token"));
        }
        self.cache_session(headers, token, session, profile);
    }

    /// Sets the signed copy of a session, when that is switched on.
    pub(super) fn cache_session(
        &self,
        headers: &mut HeaderMap,
        token: &Token<kind::Session>,
        session: &Session,
        profile: &Profile,
    ) {
        if !self.identity.config().http.cookie_cache {
            return;
        }
        let fields = self.session_fields(session);
        let view = SessionView { session, token: token.expose(), fields: &fields };
        let answer = SessionAndUser { session: view, user: User(profile) };
        if let Some(value) = cache::seal(self.identity.cookie_key(), &answer, self.identity.now()) {
            let age = session.remembered.then_some(cache::LIFETIME);
            self.cookies.set(headers, Name::SessionData, &value, age);
        }
    }

    /// The declared extra fields of a session, each with its value or `null`.
    pub(super) fn session_fields(&self, session: &Session) -> Map<String, Value> {
        let declared = self.identity.config().user.session_fields.keys();
        declared.map(|name| (name.clone(), session.fields.get(name).cloned().unwrap_or(Value::Null))).collect()
    }
}

/// The header in which clients without cookies find a new token.
pub(super) const SET_AUTH_TOKEN: HeaderName = HeaderName::from_static("set-auth-token");
