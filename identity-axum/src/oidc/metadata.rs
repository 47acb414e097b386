//! What everybody may know: metadata (OpenID Connect Discovery, section 4; RFC 8414) and keys (RFC 7517).

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use identity_core::Error;
use identity_core::jwt::JwkSet;
use identity_core::oauth::OAuthError;
use identity_core::token::sha256;

use super::Endpoints;
use super::error::OAuthFailure;

/// For how long a copy is good. Keys are published long before they sign.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// A JSON document and the tag by which a copy of it is known.
#[derive(Clone, Debug)]
pub(super) struct Document {
    body: Bytes,
    tag: HeaderValue,
}

impl Document {
    /// Takes the JSON of a document.
    pub(super) fn new(text: String) -> Self {
        let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(sha256(text.as_bytes())));
        let tag = HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\""));
        Self { body: Bytes::from(text), tag }
    }

    /// The document, or the word that the copy which the client has is the same.
    fn answer(&self, headers: &HeaderMap) -> Response {
        let mut copies = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let mut response = if copies.any(|tags| tags.split(',').any(|tag| is_same(tag.as_bytes(), self.tag.as_bytes())))
        {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let kind = HeaderValue::from_static("application/json");
            ([(header::CONTENT_TYPE, kind)], self.body.clone()).into_response()
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, CACHE);
        headers.insert(header::ETAG, self.tag.clone());
        response
    }
}

/// Compares tags weakly: proxies that compress weaken them (RFC 9110, section 8.8.3.2).
fn is_same(presented: &[u8], tag: &[u8]) -> bool {
    let presented = presented.trim_ascii();
    presented == b"*" || presented.strip_prefix(b"W/").unwrap_or(presented) == tag
}

pub(super) async fn metadata(State(endpoints): State<Arc<Endpoints>>, headers: HeaderMap) -> Response {
    endpoints.metadata.answer(&headers)
}

pub(super) async fn jwks(
    State(endpoints): State<Arc<Endpoints>>,
    headers: HeaderMap,
) -> Result<Response, OAuthFailure> {
    let keys = endpoints.identity.oauth().jwks().await.map_err(OAuthError::from)?;
    let document = endpoints.keys.of(keys).map_err(|error| OAuthError::from(Error::internal(error)))?;
    Ok(document.answer(&headers))
}

/// The document of the keys, written anew when the keys are others.
#[derive(Debug, Default)]
pub(super) struct KeysDocument(Mutex<Option<(Arc<JwkSet>, Arc<Document>)>>);

impl KeysDocument {
    fn of(&self, keys: Arc<JwkSet>) -> serde_json::Result<Arc<Document>> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, document)) = last.as_ref().filter(|(written, _)| Arc::ptr_eq(written, &keys)) {
            return Ok(Arc::clone(document));
        }
        let document = Arc::new(Document::new(serde_json::to_string(&*keys)?));
        *last = Some((keys, Arc::clone(&document)));
        Ok(document)
    }
}
