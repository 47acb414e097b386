//! What everybody may know: metadata (OpenID Connect Discovery, section 4; RFC 8414) and keys (RFC 7517).

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use identity_core::jwt::JwkSet;
use identity_core::oauth::OAuthError;
use identity_core::token::sha256;
use identity_core::{Error, Identity};
use serde_json::Value;

use super::error::OAuthFailure;
use super::{Endpoints, cors};
use crate::middleware::host::Hosts;

/// Where the keys are.
pub(super) const JWKS_PATH: &str = "/oauth2/jwks";

/// For how long a copy is good. Keys are published long before they sign.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The paths of the metadata, which clients look for in several places: below the issuer and below the base path of the Better Auth
/// API, by the rules of OpenID Connect and by those of RFC 8414 (section 3.1).
pub(super) fn metadata_paths(base: &str) -> [String; 5] {
    [
        "/.well-known/openid-configuration".to_owned(),
        format!("{base}/.well-known/openid-configuration"),
        "/.well-known/oauth-authorization-server".to_owned(),
        format!("{base}/.well-known/oauth-authorization-server"),
        format!("/.well-known/oauth-authorization-server{base}"),
    ]
}

/// The metadata and the keys, for a server that gives them before it looks for a route: clients and APIs fetch them more often than
/// anything else. The router of [`oidc_router`](crate::oidc_router) answers the same, for all requests.
///
/// ```
/// # use std::sync::Arc;
/// # use axum::{Router, extract::Request, middleware::{self, Next}};
/// # use http::HeaderMap;
/// # use identity_axum::{Published, oidc_router};
/// # use identity_core::Identity;
/// use tower::Layer;
///
/// # fn documented(identity: &Identity) {
/// let published = Arc::new(Published::new(identity, HeaderMap::new()));
/// let before = middleware::from_fn::<_, (Request,)>(move |request: Request, next: Next| {
///     let published = Arc::clone(&published);
///     async move {
///         match published.answer(&request) {
///             Some(answer) => answer,
///             None => next.run(request).await,
///         }
///     }
/// });
/// // Not `Router::layer`, which comes after the look for a route.
/// let app = before.layer(oidc_router::<()>(identity));
/// # }
/// ```
#[derive(Debug)]
pub struct Published {
    identity: Identity,
    hosts: Hosts,
    metadata_paths: [String; 5],
    /// What every answer carries.
    common: HeaderMap,
    metadata: Document,
    /// The document of the keys, written anew when the keys are others.
    keys: Mutex<Option<(Arc<JwkSet>, Arc<Document>)>>,
}

impl Published {
    /// The documents of an identity. `common` are headers for every answer, as they would be added by the layers around the router.
    #[must_use]
    pub fn new(identity: &Identity, mut common: HeaderMap) -> Self {
        cors::allow(&mut common);
        let http = &identity.config().http;
        Self {
            hosts: Hosts::of(http),
            metadata_paths: metadata_paths(&http.base_path),
            metadata: Document::new(Value::Object(identity.oauth().metadata()).to_string(), &common),
            keys: Mutex::default(),
            common,
            identity: identity.clone(),
        }
    }

    /// The answer to a GET of one of the documents: 200 with JSON, or 304 where the client has it already, with `ETag`, `Cache-Control`
    /// and the headers of CORS, and without an id of the request.
    ///
    /// `None` where it is for the router to answer: any other request, one for a host that is not answered, and one for keys that have to
    /// be read from the database or made, or that cannot be written as JSON.
    pub fn answer<B>(&self, request: &Request<B>) -> Option<Response> {
        if request.method() != Method::GET {
            return None;
        }
        let path = request.uri().path();
        let keys = path == JWKS_PATH;
        if !keys && !self.metadata_paths.iter().any(|one| one == path)
            || !self.hosts.answer_request(request.uri(), request.headers())
        {
            return None;
        }
        if keys {
            let keys = self.identity.oauth().cached_jwks()?;
            return Some(self.keys_document(keys).ok()?.answer(request.headers()));
        }
        Some(self.metadata.answer(request.headers()))
    }

    fn keys_document(&self, keys: Arc<JwkSet>) -> serde_json::Result<Arc<Document>> {
        let mut last = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, document)) = last.as_ref().filter(|(written, _)| Arc::ptr_eq(written, &keys)) {
            return Ok(Arc::clone(document));
        }
        let document = Arc::new(Document::new(serde_json::to_string(&*keys)?, &self.common));
        *last = Some((keys, Arc::clone(&document)));
        Ok(document)
    }
}

pub(super) async fn metadata(State(endpoints): State<Arc<Endpoints>>, headers: HeaderMap) -> Response {
    endpoints.published.metadata.answer(&headers)
}

pub(super) async fn jwks(
    State(endpoints): State<Arc<Endpoints>>,
    headers: HeaderMap,
) -> Result<Response, OAuthFailure> {
    let keys = endpoints.identity.oauth().jwks().await.map_err(OAuthError::from)?;
    let document = endpoints.published.keys_document(keys).map_err(|error| OAuthError::from(Error::internal(error)))?;
    Ok(document.answer(&headers))
}

/// A JSON document, its headers, and among them the tag by which a copy of it is known.
#[derive(Debug)]
struct Document {
    body: Bytes,
    headers: HeaderMap,
}

impl Document {
    /// Takes the JSON of a document, and headers to give with it.
    fn new(text: String, common: &HeaderMap) -> Self {
        let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(sha256(text.as_bytes())));
        let tag = HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\""));
        let mut headers = common.clone();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, CACHE);
        headers.insert(header::ETAG, tag);
        Self { body: Bytes::from(text), headers }
    }

    /// The document, or the word that the copy which the client has is the same.
    fn answer(&self, headers: &HeaderMap) -> Response {
        let own = self.headers.get(header::ETAG).map_or(b"".as_slice(), HeaderValue::as_bytes);
        let mut copies = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let unchanged = copies.any(|tags| tags.split(',').any(|tag| is_same(tag.as_bytes(), own)));
        let mut response = Response::new(if unchanged { Body::empty() } else { Body::from(self.body.clone()) });
        *response.headers_mut() = self.headers.clone();
        if unchanged {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response.headers_mut().remove(header::CONTENT_TYPE);
        }
        response
    }
}

/// Compares tags weakly: proxies that compress weaken them (RFC 9110, section 8.8.3.2).
fn is_same(presented: &[u8], tag: &[u8]) -> bool {
    let presented = presented.trim_ascii();
    presented == b"*" || presented.strip_prefix(b"W/").unwrap_or(presented) == tag
}
