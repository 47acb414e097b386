//! The cookie cache: a signed copy of the session for five minutes, in the reference's compact form.
//!
//! `base64url({"session":{"session","user","updatedAt","version"},"expiresAt","signature"})`, signed over the JSON text of the
//! inner object with `expiresAt` added at its end. The bytes that are signed are the bytes that are sent.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity_core::crypto::hmac::Key;
use identity_core::time::Timestamp;
use identity_core::token::same;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::wire::SessionAndUser;

/// How long the copy is believed.
pub(crate) const LIFETIME: Duration = Duration::from_mins(5);
/// Longest cookie that browsers keep, less room for the attributes. A session with more in it is not cached.
const MOST_BYTES: usize = 3800;
/// The version of what is inside.
const VERSION: &str = "1";

/// Makes the cookie's value; `None` when it would be too long to be kept.
pub(crate) fn seal(key: &Key, answer: &SessionAndUser<'_>, now: Timestamp) -> Option<String> {
    let updated_at = now.timestamp_millis();
    let expires_at = updated_at + i64::try_from(LIFETIME.as_millis()).ok()?;
    let inner = json!({
        "session": answer.session, "user": answer.user, "updatedAt": updated_at, "version": VERSION,
    })
    .to_string();
    let signature = URL_SAFE_NO_PAD.encode(key.sign(signed(&inner, expires_at)?.as_bytes()));
    let whole = format!(r#"{{"session":{inner},"expiresAt":{expires_at},"signature":"{signature}"}}"#);
    let value = URL_SAFE_NO_PAD.encode(whole);
    (value.len() <= MOST_BYTES).then_some(value)
}

/// The inner object with `expiresAt` as its last key.
fn signed(inner: &str, expires_at: i64) -> Option<String> {
    Some(format!(r#"{},"expiresAt":{expires_at}}}"#, inner.strip_suffix('}')?))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outer<'a> {
    #[serde(borrow)]
    session: &'a RawValue,
    expires_at: i64,
    signature: &'a str,
}

/// Reads the cookie's value: the answer that was cached, if it is ours, in time, and of the session with this token.
pub(crate) fn open(key: &Key, value: &str, token: &str, now: Timestamp) -> Option<Value> {
    let whole = String::from_utf8(URL_SAFE_NO_PAD.decode(value).ok()?).ok()?;
    let outer: Outer<'_> = serde_json::from_str(&whole).ok()?;
    let signature = URL_SAFE_NO_PAD.decode(outer.signature).ok()?;
    let message = signed(outer.session.get(), outer.expires_at)?;
    if !key.verify(message.as_bytes(), &signature) || outer.expires_at <= now.timestamp_millis() {
        return None;
    }
    let mut inner: Value = serde_json::from_str(outer.session.get()).ok()?;
    let session = inner.get("session")?;
    let expires_at: Timestamp = session.get("expiresAt")?.as_str()?.parse().ok()?;
    let own = same(session.get("token")?.as_str()?.as_bytes(), token.as_bytes());
    (own && inner.get("version")?.as_str()? == VERSION && now < expires_at)
        .then(|| json!({ "session": inner.get_mut("session").map(Value::take), "user": inner.get_mut("user").map(Value::take) }))
}
