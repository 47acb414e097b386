//! The form of a request, and nothing but a form (RFC 6749, section 3.2).

use std::fmt;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use http::{HeaderMap, StatusCode, header};
use identity_core::oauth::{ErrorCode, OAuthError, Params, Presented};
use identity_core::request::RequestInfo;
use url::form_urlencoded;

use super::Endpoints;
use super::error::{Refusal, refused};
use crate::extract::request;

/// Largest form, in bytes.
const MOST_BYTES: usize = 64 * 1024;

const FORM: &str = "application/x-www-form-urlencoded";

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
    type Rejection = Refusal;

    async fn from_request(request: Request, endpoints: &Arc<Endpoints>) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let proxies = &endpoints.identity.config().http.trusted_proxies;
        let info = request::info(&parts.extensions, &parts.headers, proxies).map_err(OAuthError::from)?;
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
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|value| value.split(';').next()).unwrap_or_default();
    kind.trim().eq_ignore_ascii_case(FORM)
}

/// Reads a body, up to the largest that is accepted.
pub(super) async fn bytes(body: Body) -> Result<Bytes, Refusal> {
    axum::body::to_bytes(body, MOST_BYTES).await.map_err(|_| {
        let mut response = refused(&wrong("The body is too large, or did not arrive whole."));
        *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        Refusal::of(response)
    })
}

/// Reads the parameters of a form.
pub(super) async fn read(body: Body) -> Result<Params, Refusal> {
    let bytes = bytes(body).await?;
    let pairs = form_urlencoded::parse(&bytes);
    Ok(Params::new(pairs.map(|(name, value)| (name.into_owned(), value.into_owned()))))
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
