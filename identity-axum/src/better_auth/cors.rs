//! Cross-origin answers for the trusted origins (Fetch standard, section 3.2). The origin of the base URL needs none.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::facade::Facade;
use crate::facade::session::SET_AUTH_TOKEN;
use crate::middleware::{Around, Next};

/// How long a browser may remember the answer to a preflight, in seconds.
const REMEMBERED: HeaderValue = HeaderValue::from_static("600");
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, DELETE");
/// The headers that a page may send to the Better Auth API.
pub(crate) const HEADERS: HeaderValue = HeaderValue::from_static("content-type, authorization");
const YES: HeaderValue = HeaderValue::from_static("true");

/// The middleware.
#[derive(Clone, Debug)]
pub(crate) struct Cors {
    facade: Arc<Facade>,
    headers: HeaderValue,
}

impl Cors {
    /// For pages that may send `headers`.
    pub(crate) fn new(facade: &Arc<Facade>, headers: HeaderValue) -> Self {
        Self { facade: Arc::clone(facade), headers }
    }
}

impl Around for Cors {
    async fn around<N: Next>(self, request: Request, next: N) -> Result<Response, N::Error> {
        let origins = &self.facade.origins;
        let origin = request.headers().get(header::ORIGIN).cloned();
        let origin = origin.filter(|origin| {
            origin.to_str().is_ok_and(|text| text != "null" && origins.trusts(text) && !origins.is_own(text))
        });
        let Some(origin) = origin else { return next.run(request).await };
        let preflight = request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let mut response = if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await? };
        allow(response.headers_mut(), origin);
        if preflight {
            let headers = response.headers_mut();
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, self.headers);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, REMEMBERED);
        }
        Ok(response)
    }
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, YES);
    let exposed = format!("{SET_AUTH_TOKEN}, retry-after, x-retry-after, x-request-id");
    if let Ok(exposed) = HeaderValue::try_from(exposed) {
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    headers.append(header::VARY, HeaderValue::from_static("origin"));
}
