//! The answers of a trust anchor, read.

use std::net::IpAddr;
use std::sync::Arc;

use identity_core::id::{DeviceSessionId, SessionId, UserId};
use identity_core::principal::{Device, Principal, Profile, Proof, SessionSummary};
use identity_core::time::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Why an answer cannot be read. It names no value of the answer.
type Unreadable = &'static str;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: UserId,
    email: String,
    email_verified: bool,
    #[serde(default)]
    name: String,
    image: Option<String>,
    role: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(flatten)]
    attributes: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    id: SessionId,
    user_id: Option<UserId>,
    created_at: Timestamp,
    updated_at: Timestamp,
    expires_at: Timestamp,
    #[serde(default)]
    ip_address: Option<String>,
    #[serde(default)]
    user_agent: Option<String>,
    #[serde(default)]
    acr: Option<String>,
    #[serde(default)]
    amr: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeviceSession {
    id: DeviceSessionId,
    device_id: String,
    preferred_currency: String,
    created_at: Timestamp,
    last_active_at: Timestamp,
    expires_at: Timestamp,
}

/// Reads the body of get-session: a principal, or none for `null` and for an object without a user.
pub(super) fn principal(body: &[u8]) -> Result<Option<Principal>, Unreadable> {
    let fields = match serde_json::from_slice(body) {
        Ok(Value::Null) => return Ok(None),
        Ok(Value::Object(fields)) => fields,
        Ok(_) => return Err("the session is not an object"),
        Err(_) => return Err("the session is not JSON"),
    };
    let user = match fields.get("user") {
        None | Some(Value::Null) => return Ok(None),
        Some(user) => profile_of(user)?,
    };
    let session = fields.get("session").unwrap_or(&Value::Null);
    let session = Session::deserialize(session).map_err(|_| "the session is not one")?;
    if session.user_id.is_some_and(|owner| owner != user.id) {
        return Err("the session belongs to another user");
    }
    let session = SessionSummary {
        id: session.id,
        created_at: session.created_at,
        updated_at: session.updated_at,
        expires_at: session.expires_at,
        ip_address: session.ip_address.and_then(|text| text.parse::<IpAddr>().ok()),
        user_agent: session.user_agent.filter(|text| !text.is_empty()),
        acr: session.acr,
        amr: session.amr.unwrap_or_default(),
    };
    Ok(Some(Principal { user, proof: Proof::Session(Arc::new(session)) }))
}

/// Reads the body of provision: the user after the change.
pub(super) fn profile(body: &[u8]) -> Result<Profile, Unreadable> {
    let answer: Value = serde_json::from_slice(body).map_err(|_| "the user is not JSON")?;
    profile_of(answer.get("user").unwrap_or(&Value::Null))
}

/// Reads the body of validate: the device, or none for a token that is not valid.
pub(super) fn device(body: &[u8]) -> Result<Option<Device>, Unreadable> {
    let answer: Value = serde_json::from_slice(body).map_err(|_| "the device session is not JSON")?;
    match answer.get("valid").and_then(Value::as_bool) {
        Some(false) => return Ok(None),
        Some(true) => {}
        None => return Err("nothing says whether the device session is valid"),
    }
    let session = answer.get("session").unwrap_or(&Value::Null);
    let session = DeviceSession::deserialize(session).map_err(|_| "the device session is not one")?;
    if session.id.as_str().is_empty() || session.device_id.is_empty() {
        return Err("the device session has no id");
    }
    Ok(Some(Device {
        session_id: session.id,
        device_id: session.device_id,
        preferred_currency: session.preferred_currency,
        created_at: session.created_at,
        last_active_at: session.last_active_at,
        expires_at: session.expires_at,
    }))
}

fn profile_of(user: &Value) -> Result<Profile, Unreadable> {
    let user = User::deserialize(user).map_err(|_| "the user is not one")?;
    if user.id.as_str().is_empty() {
        return Err("the user has no id");
    }
    Ok(Profile {
        id: user.id,
        email: Some(user.email),
        email_verified: user.email_verified,
        name: user.name,
        image: user.image,
        role: user.role,
        created_at: Some(user.created_at),
        updated_at: Some(user.updated_at),
        attributes: user.attributes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = r#"{"id":"u1","email":"ann@example.com","emailVerified":true,"name":"Ann","image":null,"role":"user",
        "createdAt":"2026-11-21T07:51:05.284Z","updatedAt":"2026-11-21T07:51:05.284Z","hasWalletAccount":true,"plan":"gold"}"#;
    const SESSION: &str = r#"{"id":"s1","userId":"u1","token":"hush","createdAt":"2026-11-21T07:51:05.284Z",
        "updatedAt":"2026-11-21T07:51:05.284Z","expiresAt":"2026-11-28T07:51:05.284Z","ipAddress":"","userAgent":"Firefox"}"#;

    fn read(user: &str, session: &str) -> Result<Option<Principal>, Unreadable> {
        principal(format!(r#"{{"user":{user},"session":{session}}}"#).as_bytes())
    }

    #[test]
    fn a_session_becomes_a_principal_and_unknown_keys_of_the_user_become_attributes() {
        let principal = read(USER, SESSION).unwrap().unwrap();
        assert_eq!(principal.user.id.as_str(), "u1");
        assert!(principal.user.is_provisioned("wallet"));
        let names: Vec<_> = principal.user.attributes.keys().map(String::as_str).collect();
        assert_eq!(names, ["hasWalletAccount", "plan"]);
        let session = principal.session().unwrap();
        assert_eq!((session.ip_address, session.user_agent.as_deref()), (None, Some("Firefox")));
    }

    #[test]
    fn a_session_tells_how_the_user_signed_in_where_the_anchor_does() {
        let told = |members: &str| {
            let session = SESSION.replace(r#""userAgent""#, &format!(r#"{members}"userAgent""#));
            let principal = read(USER, &session).unwrap().unwrap();
            (principal.acr().map(str::to_owned), principal.session().unwrap().amr.clone())
        };
        assert_eq!(told(""), (None, vec![]));
        assert_eq!(told(r#""acr":null,"amr":null,"#), (None, vec![]));
        assert_eq!(told(r#""acr":"high","amr":["pwd"],"#), (Some("high".to_owned()), vec!["pwd".to_owned()]));
    }

    #[test]
    fn null_and_a_missing_user_are_no_session() {
        assert_eq!(principal(b"null"), Ok(None));
        assert_eq!(principal(b"{}"), Ok(None));
        assert_eq!(read("null", "null"), Ok(None));
    }

    #[test]
    fn a_device_is_read_only_from_an_answer_that_says_it_is_valid() {
        let session = r#"{"id":"d1","deviceId":"phone","preferredCurrency":"USD","createdAt":"2026-11-21T07:51:05.284Z",
            "lastActiveAt":"2026-11-21T07:51:05.284Z","expiresAt":"2026-12-21T07:51:05.284Z","migrated":false}"#;
        let read =
            |valid: &str, session: &str| device(format!(r#"{{"valid":{valid},"session":{session}}}"#).as_bytes());
        assert_eq!(read("true", session).unwrap().unwrap().device_id, "phone");
        assert_eq!(read("false", session), Ok(None));
        assert_eq!(device(br#"{"valid":false}"#), Ok(None));
        for (valid, session) in [("null", session), ("\"true\"", session), ("true", "null"), ("true", "{}")] {
            assert!(read(valid, session).is_err(), "{valid} {session}");
        }
        assert!(read("true", &session.replace("d1", "")).is_err());
        assert!(device(b"null").is_err() && device(b"<html>").is_err() && device(b"{}").is_err());
    }

    #[test]
    fn anything_else_is_unreadable_rather_than_nobody() {
        for body in [&b""[..], b"<html>", b"[]", b"true", b"{\"user\":{}}", b"{\"user\":[1,2]}"] {
            assert!(principal(body).is_err(), "{}", String::from_utf8_lossy(body));
        }
        assert!(read(USER, "null").is_err());
        assert!(read(&USER.replace("u1", ""), SESSION).is_err());
        assert!(read(&USER.replace("u1", "u2"), SESSION).is_err());
    }
}
