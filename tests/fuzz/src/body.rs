//! JSON bodies, and forms.

use axum::body::Bytes;
use http::{HeaderMap, HeaderValue, header};
use identity_axum::testing;
use identity_core::Class;
use serde_json::Value;

use crate::{cut, now};

/// An accepted body is nested no deeper than 32 levels and has no NUL in any text; of JSON it is what the JSON says, and it is
/// accepted again when it is written anew. A refused one is the client's mistake. Input: the media type, a line break, the body.
#[must_use]
pub fn body(data: &[u8]) -> bool {
    let (media_type, bytes) = cut(data);
    let Ok(media_type) = HeaderValue::from_bytes(media_type) else { return false };
    let value = match read(&media_type, bytes) {
        Ok(Some(value)) => value,
        Ok(None) => {
            assert!(bytes.is_empty(), "a body was taken for none");
            return false;
        }
        Err(class) => {
            assert!(matches!(class, Class::Invalid | Class::TooLarge | Class::Unsupported), "{class:?}");
            return false;
        }
    };
    assert!(depth(&value) <= 32, "{} levels", depth(&value));
    assert!(!has_nul(&value), "{value}");
    let form = media_type.as_bytes().to_ascii_lowercase().windows(4).any(|word| word == b"form");
    assert!(
        form || serde_json::from_slice(bytes).is_ok_and(|read: Value| read == value),
        "{value} was read of other JSON"
    );
    let again = read(&HeaderValue::from_static("application/json"), value.to_string().as_bytes());
    assert!(again.is_ok_and(|again| again.is_some_and(|again| depth(&again) == depth(&value))), "{value}");
    true
}

fn read(media_type: &HeaderValue, bytes: &[u8]) -> Result<Option<Value>, Class> {
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, media_type.clone())]);
    now(testing::body(&headers, Bytes::copy_from_slice(bytes))).map_err(|error| error.code().class())
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}
