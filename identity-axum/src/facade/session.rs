//! The cookies of a session, set whenever one begins or changes.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use identity_core::principal::Profile;
use identity_core::session::{Issued, Session};
use identity_core::token::{Token, kind};
use serde_json::{Map, Value};

use super::wire::{SessionAndUser, SessionView, User};
use super::{Facade, cache};
use crate::cookie::Name;

/// The header in which clients without cookies find a new token.
pub(crate) const SET_AUTH_TOKEN: HeaderName = HeaderName::from_static("set-auth-token");

impl Facade {
    /// Gives the browser the session that was just opened.
    pub(crate) fn sign_in(&self, headers: &mut HeaderMap, request: &HeaderMap, issued: &Issued, profile: &Profile) {
        self.set_session(headers, &issued.token, &issued.session, profile);
        if !issued.session.remembered {
            self.cookies.set(headers, Name::DontRemember, &self.cookies.sign("true"), None);
        } else if self.cookies.plain(request, Name::DontRemember).is_some() {
            self.cookies.clear(headers, Name::DontRemember);
        }
    }

    /// Sets the cookie of a session, and with it whatever else carries the session.
    pub(crate) fn set_session(
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
    pub(crate) fn cache_session(
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
        let view = SessionView { session, token: token.expose(), fields: &fields, tells_how: false };
        let answer = SessionAndUser { session: view, user: User(profile) };
        if let Some(value) = cache::seal(self.identity.cookie_key(), &answer, self.identity.now()) {
            let age = session.remembered.then_some(cache::LIFETIME);
            self.cookies.set(headers, Name::SessionData, &value, age);
        }
    }

    /// The declared extra fields of a session, each with its value or `null`.
    pub(crate) fn session_fields(&self, session: &Session) -> Map<String, Value> {
        let declared = self.identity.config().user.session_fields.keys();
        declared.map(|name| (name.clone(), session.fields.get(name).cloned().unwrap_or(Value::Null))).collect()
    }
}
