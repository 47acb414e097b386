//! How an OAuth error becomes a response (RFC 6749, section 5.2; RFC 6750, section 3).

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use identity_core::limits::Action;
use identity_core::oauth::{ErrorCode, OAuthError};
use identity_core::request::RequestInfo;
use identity_core::{Code, Error, Identity};
use serde_json::json;

use crate::problem::{self, Dialect};
use crate::resource::ProtectedResource;

/// The dialect of the authorization server: `{"error","error_description"}`. For what goes wrong around its endpoints; within them there
/// is an [`OAuthError`], which knows more.
#[derive(Clone, Copy, Debug)]
pub enum OAuth {}

impl Dialect for OAuth {
    fn render(error: &Error, _request_id: Option<&str>) -> Response {
        let code = error.code();
        let mut response = written(&OAuthError::new(ErrorCode::of(code.class()), code.title()), error.wait_seconds());
        *response.status_mut() = problem::status(code);
        response
    }
}

/// What a handler returns when it fails: [`Failure`](problem::Failure) knows our own codes, and this the words of the specifications and
/// the challenges that go with them.
#[derive(Debug)]
pub(super) struct OAuthFailure(Box<Response>);

impl IntoResponse for OAuthFailure {
    fn into_response(self) -> Response {
        *self.0
    }
}

impl From<OAuthError> for OAuthFailure {
    fn from(error: OAuthError) -> Self {
        Self::of(refused(&error))
    }
}

impl OAuthFailure {
    /// A response that was written already.
    pub(super) fn of(response: Response) -> Self {
        Self(Box::new(response))
    }

    /// A refusal that counts against the address it came from: whoever asks rightly is never counted.
    pub(super) async fn counted(identity: &Identity, info: &RequestInfo, error: OAuthError) -> Self {
        Self::of(refused(&count(identity, info, error).await))
    }
}

/// Counts a refused request. What a device hears while it waits is no refusal; that it asks too often is one.
pub(super) async fn count(identity: &Identity, info: &RequestInfo, error: OAuthError) -> OAuthError {
    let waits = error.code() == ErrorCode::AuthorizationPending;
    match info.ip {
        Some(ip) if !waits && error.cause().is_none() => match identity.count(Action::Other, ip).await {
            Ok(()) => error,
            Err(limited) => limited.into(),
        },
        _ => error,
    }
}

/// Writes an error as JSON, and what was our fault into the log.
pub(crate) fn refused(error: &OAuthError) -> Response {
    if let Some(cause) = error.cause() {
        problem::log(cause);
    }
    let mut response = written(error, error.cause().and_then(Error::wait_seconds));
    if error.cause().is_some_and(|cause| cause.code() == Code::RateLimited) {
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    }
    response
}

fn written(error: &OAuthError, wait: Option<u64>) -> Response {
    let body = json!({ "error": error.code().as_str(), "error_description": error.description() });
    let status = StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if error.code() == ErrorCode::InvalidClient {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"identity\""));
    }
    if let Some(seconds) = wait {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Writes an error of an access token, with the challenge that names it and the metadata of what the token is for (RFC 9728, section 5.1).
pub(super) fn challenged(error: &OAuthError, presented: bool, resource: Option<&ProtectedResource>) -> Response {
    let mut response = refused(error);
    if !matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return response;
    }
    let mut challenge = String::from("Bearer realm=\"identity\"");
    // Whoever brings no token is not told that it is wrong (RFC 6750, section 3.1).
    if presented {
        let (code, text) = (error.code().as_str(), error.description());
        challenge = format!("{challenge}, error=\"{code}\", error_description=\"{text}\"");
    }
    if let Some(resource) = resource {
        challenge = format!("{challenge}, resource_metadata=\"{}\"", resource.metadata_url());
    }
    if let Ok(challenge) = HeaderValue::try_from(challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}
