//! Bodies: how much of one is read, and what it says it is.

use axum::body::{Body, Bytes};
use http::{HeaderMap, header};
use identity_core::{Code, Error, Result};
use url::form_urlencoded;

/// Largest body that is read, in bytes.
const MOST_BYTES: usize = 64 * 1024;

/// The media type of HTML forms.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
/// The media type of JSON.
pub(crate) const JSON: &str = "application/json";

/// Reads a body, up to the largest that is accepted.
///
/// # Errors
/// `payload_too_large`, also for one that did not arrive whole.
pub(crate) async fn read(body: Body) -> Result<Bytes> {
    axum::body::to_bytes(body, MOST_BYTES).await.map_err(|error| {
        Error::new(Code::PayloadTooLarge)
            .with_detail(format!("The body must be complete and not larger than {MOST_BYTES} bytes"))
            .caused_by(error)
    })
}

/// The media type that a body says it is, in lower case and without parameters. Empty where nothing says so, and where two fields do:
/// two readers must not see two different bodies.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let mut sent = headers.get_all(header::CONTENT_TYPE).iter();
    match (sent.next(), sent.next()) {
        (Some(value), None) => essence(&String::from_utf8_lossy(value.as_bytes())),
        _ => String::new(),
    }
}

/// A media type in lower case and without parameters.
pub(crate) fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The fields of a form or of a query, in order.
pub(crate) fn form_pairs(encoded: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(encoded).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_media_type_is_read_without_its_parameters_and_never_from_two_fields() {
        let mut headers = HeaderMap::new();
        assert_eq!(media_type(&headers), "");
        headers.append(header::CONTENT_TYPE, HeaderValue::from_static(" Application/JSON ; charset=utf-8"));
        assert_eq!(media_type(&headers), JSON);
        headers.append(header::CONTENT_TYPE, HeaderValue::from_static(FORM));
        assert_eq!(media_type(&headers), "");
    }
}
