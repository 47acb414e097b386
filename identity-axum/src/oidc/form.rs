//! The form of a request, and nothing but a form (RFC 6749, section 3.2).

use std::fmt;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use http::{HeaderMap, StatusCode, header};
use identity_core::oauth::{ErrorCode, OAuthError, Params, Presented};
use identity_core::request::RequestInfo;

use super::Endpoints;
use super::error::{OAuthFailure, refused};
use crate::extract::body;

/// A request of a client.
pub(super) struct Form {
    pub(super) params: Params,
    pub(super) info: RequestInfo,
    authorization: Option<String>,
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form").field("params", &self.params).field("info", &self.info).finish_non_exhaustive()
    }
}

impl Form {
    /// What the client proves itself with.
    pub(super) fn presented(&self) -> Presented<'_> {
        Presented { authorization: self.authorization.as_deref(), params: &self.params }
    }
}

impl FromRequest<Arc<Endpoints>> for Form {
    type Rejection = OAuthFailure;

    async fn from_request(request: Request, endpoints: &Arc<Endpoints>) -> Result<Self, OAuthFailure> {
        let (parts, body) = request.into_parts();
        let info = endpoints.info(&parts)?;
        if !is_form(&parts.headers) {
            return Err(wrong("The body must be a form.").into());
        }
        let params = read(body).await?;
        let authorization = authorization(&parts.headers)?;
        Ok(Self { params, info, authorization })
    }
}

/// Whether the body says that it is a form.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    body::media_type(headers) == body::FORM
}

/// Reads a body, up to the largest that is accepted.
pub(super) async fn bytes(body: Body) -> Result<Bytes, OAuthFailure> {
    body::read(body).await.map_err(|_| {
        let mut response = refused(&wrong("The body is too large, or did not arrive whole."));
        *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        OAuthFailure::of(response)
    })
}

/// Reads the parameters of a form.
pub(super) async fn read(body: Body) -> Result<Params, OAuthFailure> {
    Ok(Params::new(body::form_pairs(&bytes(body).await?)))
}

/// The `Authorization` header. One that is no text proves nothing, and is not taken for none.
pub(super) fn authorization(headers: &HeaderMap) -> Result<Option<String>, OAuthError> {
    let mut fields = headers.get_all(header::AUTHORIZATION).iter();
    let field = fields.next();
    if fields.next().is_some() {
        return Err(wrong("There are two Authorization headers."));
    }
    Ok(field.map(|value| value.to_str().unwrap_or_default().to_owned()))
}

fn wrong(text: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequest, text)
}
