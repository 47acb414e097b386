//! How users and sessions look on the wire: camelCase, dates with milliseconds, declared fields always there. The one place with their
//! wire names.

use chrono::SecondsFormat;
use identity_core::principal::{Profile, acr};
use identity_core::session::Session;
use identity_core::time::Timestamp;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// A time as the client revives it: ISO 8601 in UTC with milliseconds.
pub(crate) fn date(time: Timestamp) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A user.
#[derive(Debug)]
pub(crate) struct User<'a>(pub(crate) &'a Profile);

impl Serialize for User<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let user = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &user.name)?;
        map.serialize_entry("email", &user.email)?;
        map.serialize_entry("emailVerified", &user.email_verified)?;
        map.serialize_entry("image", &user.image)?;
        map.serialize_entry("createdAt", &user.created_at.map(date))?;
        map.serialize_entry("updatedAt", &user.updated_at.map(date))?;
        if let Some(role) = &user.role {
            map.serialize_entry("role", role)?;
        }
        for (name, value) in &user.attributes {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("id", &user.id)?;
        map.end()
    }
}

/// A session. `token` is the caller's own token in the caller's own session, and the session's id anywhere else.
#[derive(Debug)]
pub(crate) struct SessionView<'a> {
    pub(crate) session: &'a Session,
    pub(crate) token: &'a str,
    /// The declared extra fields, each with its value or `null`.
    pub(crate) fields: &'a Map<String, Value>,
    /// Whether it tells how the user signed in, for services that may want a surer way. The reference knows nothing of it.
    pub(crate) tells_how: bool,
}

impl Serialize for SessionView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let session = self.session;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("expiresAt", &date(session.expires_at))?;
        map.serialize_entry("token", self.token)?;
        map.serialize_entry("createdAt", &date(session.created_at))?;
        map.serialize_entry("updatedAt", &date(session.updated_at))?;
        map.serialize_entry("ipAddress", &session.ip_address.map(|ip| ip.to_string()).unwrap_or_default())?;
        map.serialize_entry("userAgent", session.user_agent.as_deref().unwrap_or_default())?;
        map.serialize_entry("userId", &session.user_id)?;
        for (name, value) in self.fields {
            map.serialize_entry(name, value)?;
        }
        if self.tells_how {
            map.serialize_entry("acr", &acr(&session.amr))?;
            map.serialize_entry("amr", &session.amr)?;
        }
        map.serialize_entry("id", &session.id)?;
        map.end()
    }
}

/// The answer of `get-session`.
#[derive(Debug, Serialize)]
pub(crate) struct SessionAndUser<'a> {
    pub(crate) session: SessionView<'a>,
    pub(crate) user: User<'a>,
}
