//! The endpoints of the authorization server that answer JSON (RFC 6749; OpenID Connect): tokens, UserInfo, introspection, revocation,
//! devices, keys and metadata.

mod cors;
mod device;
mod error;
mod form;
mod introspect;
mod metadata;
mod register;
mod revoke;
mod token;
mod userinfo;

use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use identity_core::oauth::{ErrorCode, OAuthError};
use identity_core::request::RequestInfo;
use identity_core::{Identity, scope};
use serde_json::{Map, Value};

pub use self::error::OAuth;
pub use self::metadata::Published;

use self::cors::Cors;
use self::error::OAuthFailure;
pub(crate) use self::error::refused;
use crate::extract::request;
use crate::middleware::host::Hosts;
use crate::middleware::{Around, AroundLayer, Next};
use crate::problem::Failure;
use crate::resource::{ProtectedResource, protected_resource};

/// What the handlers share.
#[derive(Debug)]
struct Endpoints {
    identity: Identity,
    /// What UserInfo is for clients that come with tokens.
    userinfo: ProtectedResource,
    published: Published,
}

impl Endpoints {
    /// Where a request came from.
    fn info(&self, parts: &Parts) -> Result<RequestInfo, OAuthError> {
        Ok(request::request_info(parts, &self.identity.config().http.trusted_proxies)?)
    }
}

/// The endpoints below `/oauth2` that answer JSON, and the metadata below `/.well-known`, for the hosts that the identity answers for.
///
/// As with [`router`](crate::router), serve the application with `into_make_service_with_connect_info::<SocketAddr>()`.
pub fn router<S>(identity: &Identity) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let scopes = std::iter::once(scope::OPENID).chain(scope::OF_CLAIMS);
    let userinfo = ProtectedResource::of_issuer(&identity.config().http.base_url).scopes(scopes);
    let metadata_of_userinfo = protected_resource(&userinfo);
    let endpoints = Arc::new(Endpoints {
        userinfo,
        published: Published::new(identity, HeaderMap::new()),
        identity: identity.clone(),
    });
    // Around each part, together with its other layers: one layer costs less than two.
    let hosts =
        Hosts::of(&identity.config().http).layer(|_: &Request, error| Failure::<OAuth>::from(error).into_response());
    // Whoever comes from Better Auth finds them below its base path too; the issuer is the same.
    let base = &identity.config().http.base_path;
    let below = |path: &str| format!("{base}{path}");
    // Pages of any origin may ask these: what they answer depends on what is presented, never on a cookie.
    let open = Router::new()
        .route("/oauth2/token", post(token::token))
        .route(&below("/oauth2/token"), post(token::token))
        .route("/oauth2/userinfo", get(userinfo::get).post(userinfo::post))
        .route(&below("/oauth2/userinfo"), get(userinfo::get).post(userinfo::post))
        .route("/oauth2/revoke", post(revoke::revoke))
        .route(&below("/oauth2/revoke"), post(revoke::revoke))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(AroundLayer((hosts.clone(), (NeverStored, Cors))));
    let published = metadata::metadata_paths(base)
        .iter()
        .fold(Router::new(), |routes, path| routes.route(path, get(metadata::metadata)))
        .route(metadata::JWKS_PATH, get(metadata::jwks))
        .method_not_allowed_fallback(method_not_allowed)
        // The documents bring the headers of CORS themselves; this is for preflights and refusals.
        .layer(AroundLayer((hosts.clone(), Cors)));
    let closed = Router::new()
        .route("/oauth2/introspect", post(introspect::introspect))
        .route(&below("/oauth2/introspect"), post(introspect::introspect))
        .route("/oauth2/device", post(device::authorize))
        .route("/oauth2/register", post(register::register))
        .route(&below("/oauth2/register"), post(register::register))
        .route("/oauth2/register/{id}", get(register::read).put(register::update).delete(register::remove))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(AroundLayer((hosts.clone(), NeverStored)));
    open.merge(published).merge(closed).merge(metadata_of_userinfo.layer(hosts)).with_state(endpoints)
}

/// What a handler returns.
type Reply = Result<Json<Map<String, Value>>, OAuthFailure>;

/// Keeps answers out of caches: they are about one client, and most carry a token (RFC 6749, section 5.1).
#[derive(Clone, Copy, Debug)]
struct NeverStored;

impl Around for NeverStored {
    async fn around<N: Next>(self, request: Request, next: N) -> Result<Response, N::Error> {
        let mut response = next.run(request).await?;
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        Ok(response)
    }
}

async fn method_not_allowed() -> Response {
    let error = OAuthError::new(ErrorCode::InvalidRequest, "This method is not offered here.");
    let mut response = refused(&error);
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}
