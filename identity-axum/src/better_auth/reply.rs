//! Answers in the reference's form.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use identity_core::Result;
use serde::Serialize;

use crate::cookie::encode;
use crate::problem::Failure;

use super::error::BetterAuth;

/// What a handler returns.
pub(super) type Reply = Result<Response, Failure<BetterAuth>>;

pub(super) fn json(body: impl Serialize) -> Response {
    Json(body).into_response()
}

/// A redirect as the reference writes it: 302, and the type of a body that is not there.
pub(super) fn redirect(location: &str) -> Response {
    let mut response = StatusCode::FOUND.into_response();
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.insert(header::LOCATION, location);
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

pub(super) fn no_store(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
}

/// `target` with one more query parameter.
pub(super) fn with_parameter(target: &str, name: &str, value: &str) -> String {
    let (rest, fragment) = match target.split_once('#') {
        Some((rest, fragment)) => (rest, format!("#{fragment}")),
        None => (target, String::new()),
    };
    let separator = if rest.contains('?') { '&' } else { '?' };
    format!("{rest}{separator}{name}={}{fragment}", encode(value))
}
