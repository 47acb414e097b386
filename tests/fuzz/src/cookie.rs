//! Cookies, bearers, and the cached copy of a session.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, header};
use identity_axum::testing::Cookies;
use identity_core::config::HttpOptions;
use identity_core::crypto::hmac::Key;
use identity_core::time::Timestamp;

use crate::cut;

/// The one value that the key has signed for somebody; the corpus has it signed.
const TOKEN: &str = "a-token-that-was-signed";

static KEY: LazyLock<Key> = LazyLock::new(|| Key::new(b"a key for the fuzzer, 32 bytes or so"));
static COOKIES: LazyLock<Cookies> = LazyLock::new(|| Cookies::new(&KEY, &HttpOptions::default()));

/// A value that the key did not sign is never accepted, as a cookie, a bearer or a cached session; one that it signed is accepted
/// as exactly that value, and never with a character changed. Input: a bearer or a value, a line break, the cookie header.
#[must_use]
pub fn cookie(data: &[u8]) -> bool {
    let (first, rest) = cut(data);
    let cookie = session_token(rest);
    if let Some(token) = &cookie {
        assert_eq!(token, TOKEN, "a token that nobody signed");
    }
    let Ok(text) = std::str::from_utf8(first) else { return cookie.is_some() };
    let bearer = COOKIES.token_of_bearer(text);
    if let Some(token) = bearer.as_ref().filter(|_| text.contains('.')) {
        assert_eq!(token.expose(), TOKEN, "a bearer that nobody signed");
    }
    assert!(COOKIES.cached_session(text, TOKEN, Timestamp::UNIX_EPOCH).is_none(), "a session that nobody cached");
    signed(text, rest);
    cached(text);
    cookie.is_some()
}

fn session_token(field: &[u8]) -> Option<String> {
    let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_bytes(field).ok()?)]);
    COOKIES.session_token(&headers).map(|token| token.expose().clone())
}

/// What is signed comes back, and with any one character changed it does not come back as something else.
fn signed(text: &str, choice: &[u8]) {
    let value = COOKIES.sign(text);
    // A longer cookie is not looked at.
    if value.len() > 4096 {
        return;
    }
    let name = COOKIES.session_name();
    let field = format!("other=1; {name}={value}; another=2");
    assert_eq!(session_token(field.as_bytes()).as_deref(), Some(text), "{value}");
    let mut changed = value.into_bytes();
    let place = choice.iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    let length = changed.len();
    if let (Some(target), Some(by)) = (changed.get_mut(place % length), choice.first()) {
        *target ^= by;
    }
    let field = [name.as_bytes(), b"=", &changed].concat();
    if let Some(token) = session_token(&field) {
        assert_eq!(token, text, "accepted after a change: {}", String::from_utf8_lossy(&changed));
    }
}

/// A cached session is read as far as it is signed, whatever stands in it, and no further than for its own token.
fn cached(inner: &str) {
    let seal = |inner: &str, expires_at: i64| {
        let message = inner.strip_suffix('}').map(|start| format!(r#"{start},"expiresAt":{expires_at}}}"#))?;
        let signature = URL_SAFE_NO_PAD.encode(KEY.sign(message.as_bytes()));
        Some(
            URL_SAFE_NO_PAD
                .encode(format!(r#"{{"session":{inner},"expiresAt":{expires_at},"signature":"{signature}"}}"#)),
        )
    };
    let Some(value) = seal(inner, 1) else { return };
    if let Some(answer) = COOKIES.cached_session(&value, TOKEN, Timestamp::UNIX_EPOCH) {
        let token = answer.get("session").and_then(|session| session.get("token")).and_then(|token| token.as_str());
        assert_eq!(token, Some(TOKEN), "another session's copy");
    }
    let late = seal(inner, 0).and_then(|value| COOKIES.cached_session(&value, TOKEN, Timestamp::UNIX_EPOCH));
    assert!(late.is_none(), "a copy was believed after its time");
}
