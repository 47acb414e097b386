//! What every request passes before a handler sees it, in this order: the limit of its address, its body, its origin, and the
//! places it wants to go on to. No handler can forget a check, because none makes them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use identity_core::limits::Action;
use identity_core::request::RequestInfo;
use identity_core::{Code, Error, Result};
use serde_json::{Map, Value};
use tower::Service;

use super::Facade;
use super::error::BetterAuth;
use super::input::{self, Input};
use super::origin;
use crate::extract::request;
use crate::middleware::Around;
use crate::problem::Failure;

/// The header in which a service proves its name, beside the credential of the caller it acts for.
const SERVICE_AUTHORIZATION: HeaderName = HeaderName::from_static("x-service-authorization");

/// What the gate has found out about a request.
#[derive(Clone, Debug)]
pub(super) struct Passed {
    /// Where it came from.
    pub(super) info: RequestInfo,
    /// Its body.
    pub(super) input: Input,
    /// Its query.
    pub(super) query: Map<String, Value>,
    /// The name of the service that calls, when it proved one.
    pub(super) service: Option<String>,
}

impl Passed {
    /// One text of the query.
    pub(super) fn query_text(&self, name: &str) -> Option<&str> {
        self.query.get(name).and_then(Value::as_str)
    }

    /// Whether the query says `name=true`.
    pub(super) fn query_flag(&self, name: &str) -> bool {
        self.query_text(name) == Some("true")
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Passed {
    type Rejection = Failure<BetterAuth>;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        parts
            .extensions
            .remove::<Self>()
            .ok_or_else(|| Error::internal("a handler was mounted outside of its gate").into())
    }
}

/// The middleware.
#[derive(Clone, Debug)]
pub(super) struct Gate(pub(super) Arc<Facade>);

impl Around for Gate {
    async fn around<S>(self, request: Request, mut inner: S) -> Result<Response, S::Error>
    where
        S: Service<Request, Response = Response, Error: Send, Future: Send> + Send,
    {
        // axum answers HEAD with a GET handler; the API knows no HEAD.
        if !matches!(*request.method(), Method::GET | Method::POST | Method::PUT | Method::DELETE) {
            return Ok(not_found().await);
        }
        let mut response = match check(&self.0, request).await {
            Ok(request) => inner.call(request).await?,
            Err(error) => Failure::<BetterAuth>::from(error).into_response(),
        };
        // Everything here is about one person, and much of it carries a token.
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        Ok(response)
    }
}

/// The answer to a path or method that does not exist.
pub(super) async fn not_found() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

async fn check(facade: &Facade, request: Request) -> Result<Request> {
    let (mut parts, body) = request.into_parts();
    let info = request::info(&parts.extensions, &parts.headers, &facade.identity.config().http.trusted_proxies)?;
    let service = service(facade, &parts.headers)?;
    let path = endpoint(facade, &parts);
    if let (None, Some(action), Some(ip)) = (&service, action(&parts.method, &path), info.ip) {
        facade.identity.count(action, ip)?;
    }
    let query = input::query(parts.uri.query())?;
    let input = input::read(&parts.headers, body, takes_forms(&path)).await?;
    let changes = parts.method != Method::GET;
    if changes {
        if service.is_none() {
            origin::check(&facade.origins, &parts.headers, signs_in(&path))?;
        }
        if let Some(fields) = input.fields() {
            origin::check_targets(&facade.origins, fields)?;
        }
    }
    origin::check_targets(&facade.origins, &query)?;
    parts.extensions.insert(Passed { info, input, query, service });
    Ok(Request::from_parts(parts, Body::empty()))
}

/// The matched endpoint, relative to the base path.
fn endpoint(facade: &Facade, parts: &Parts) -> String {
    let matched = parts.extensions.get::<MatchedPath>().map_or_else(|| parts.uri.path(), MatchedPath::as_str);
    let base = &facade.identity.config().http.base_path;
    matched.strip_prefix(base.as_str()).unwrap_or(matched).to_owned()
}

/// The limit that a call counts against. `get-session` counts itself, and only when it finds nobody.
fn action(method: &Method, path: &str) -> Option<Action> {
    Some(match (method.as_str(), path) {
        ("GET", "/get-session") => return None,
        ("POST", "/sign-in/email") => Action::SignIn,
        ("POST", "/sign-up/email") => Action::SignUp,
        ("POST", "/change-password" | "/set-password" | "/verify-password" | "/delete-user")
        | ("DELETE", "/account") => Action::ChangePassword,
        ("POST", "/change-email") => Action::ChangeEmail,
        ("POST", "/reset-password") => Action::ResetPassword,
        ("POST", "/request-password-reset" | "/forget-password") => Action::RequestReset,
        ("POST", "/send-verification-email") => Action::RequestVerification,
        ("POST", "/email-otp/send-verification-otp") => Action::RequestCode,
        ("POST", "/email-otp/verify-email") => Action::GiveCode,
        _ => Action::Other,
    })
}

/// The endpoints that a page without JavaScript may post to.
fn takes_forms(path: &str) -> bool {
    matches!(path, "/sign-in/email" | "/sign-up/email" | "/verify-email" | "/delete-user/callback")
}

/// The endpoints that open a session without needing one.
fn signs_in(path: &str) -> bool {
    matches!(path, "/sign-in/email" | "/sign-up/email" | "/email-otp/send-verification-otp" | "/email-otp/verify-email")
}

/// The service that a request proves to come from. A wrong proof is an error, not an anonymous call.
fn service(facade: &Facade, headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get(SERVICE_AUTHORIZATION) else { return Ok(None) };
    let credential = value.to_str().ok().and_then(|text| {
        let (scheme, credential) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(credential.trim())
    });
    let provisioning = facade.identity.provisioning();
    let name = credential.and_then(|credential| provisioning.authenticate(credential));
    name.map(|name| Some(name.to_owned())).ok_or_else(|| Error::new(Code::ServiceCredentialRequired))
}
