//! How a failure becomes a response, in whichever dialect the caller speaks.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use identity_core::{Class, Code, Error};
use serde::Serialize;

/// A way to write failures: which status, which headers, which body.
pub trait Dialect: Send + Sync + 'static {
    /// Writes `error` for the client. `request_id` is absent outside of [`Trace`](crate::middleware::trace::Trace).
    fn render(error: &Error, request_id: Option<&str>) -> Response;
}

/// What a handler returns when it fails: an [`Error`] and the dialect that renders it.
///
/// Failures of the server (5xx) are logged with their causes when they become a response; the client sees none of them.
pub struct Failure<D> {
    error: Error,
    challenge: Option<HeaderValue>,
    dialect: PhantomData<fn() -> D>,
}

impl<D> Failure<D> {
    /// The error behind the response.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// Says in `WWW-Authenticate` which credential would do (RFC 9110, section 11.6.1).
    #[must_use]
    pub fn challenge(mut self, challenge: Option<HeaderValue>) -> Self {
        self.challenge = challenge;
        self
    }
}

impl<D> fmt::Debug for Failure<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Failure").field(&self.error).finish()
    }
}

impl<D> From<Error> for Failure<D> {
    fn from(error: Error) -> Self {
        Self { error, challenge: None, dialect: PhantomData }
    }
}

impl<D> From<Code> for Failure<D> {
    fn from(code: Code) -> Self {
        Error::from(code).into()
    }
}

impl<D: Dialect> IntoResponse for Failure<D> {
    fn into_response(self) -> Response {
        log(&self.error);
        let mut response = D::render(&self.error, None);
        if let Some(challenge) = self.challenge {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response.extensions_mut().insert(Rendered { error: Arc::new(self.error), render: D::render });
        response
    }
}

pub(crate) fn log(error: &Error) {
    let code = error.code().id();
    let class = error.code().class();
    if class == Class::Internal {
        tracing::error!(code, cause = %error.chain(), "request failed");
    } else if class == Class::Unavailable {
        tracing::warn!(code, cause = %error.chain(), "request refused");
    }
}

/// A failure that became a response, kept beside it so that a layer which knows the request id can write the body again.
#[derive(Clone)]
pub(crate) struct Rendered {
    error: Arc<Error>,
    render: fn(&Error, Option<&str>) -> Response,
}

impl Rendered {
    /// Replaces the body of `response` by one that names the request. Status and headers stay, inner layers may have added to them.
    pub(crate) fn name_request(&self, request_id: &str, response: &mut Response) {
        // An encoded body is no longer the one that was rendered.
        if response.headers().contains_key(header::CONTENT_ENCODING) {
            return;
        }
        *response.body_mut() = (self.render)(&self.error, Some(request_id)).into_body();
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
}

/// Our own dialect: `{"error":{"code","message","details"?,"requestId"?}}`.
///
/// `code` is [`Code::id`] and stable, `message` its sentence, `details` the sentence that names the field or value. The
/// status is that of the code's class. Failures of the server never carry details.
#[derive(Clone, Copy, Debug)]
pub enum Api {}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Body<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    code: &'static str,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

impl Dialect for Api {
    fn render(error: &Error, request_id: Option<&str>) -> Response {
        let code = error.code();
        let details = error.detail().filter(|_| code.class() != Class::Internal).map(|sentence| match error.field() {
            Some(field) => Cow::from(format!("[{field}] {sentence}")),
            None => Cow::from(sentence),
        });
        let body = Envelope { error: Body { code: code.id(), message: code.title(), details, request_id } };
        let mut response = (status(code), Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = error.wait_seconds() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The status of a code's class.
#[must_use]
pub fn status(code: Code) -> StatusCode {
    StatusCode::from_u16(code.class().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
