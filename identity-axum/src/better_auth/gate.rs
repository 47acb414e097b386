//! What every request passes before a handler sees it, in this order: the limit of its address, its body, its origin, and the
//! places it wants to go on to. No handler can forget a check, because none makes them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use identity_core::limits::Action;
use identity_core::request::RequestInfo;
use identity_core::{Code, Error, Result};
use serde_json::{Map, Value};

use super::error::BetterAuth;
use super::input::{self, Input};
use crate::credentials::behind_bearer;
use crate::extract::request;
use crate::facade::Facade;
use crate::facade::origin;
use crate::middleware::{Around, Next};
use crate::problem::{Dialect, Failure};

/// The header in which a service proves its name, beside the credential of the caller it acts for.
const SERVICE_AUTHORIZATION: HeaderName = HeaderName::from_static("x-service-authorization");

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What the gate has found out about a request.
#[derive(Clone, Debug)]
pub(crate) struct Passed {
    /// Where it came from.
    pub(crate) info: RequestInfo,
    /// Its body.
    pub(crate) input: Input,
    /// Its query.
    pub(super) query: Map<String, Value>,
    /// The name of the service that calls, when it proved one.
    pub(crate) service: Option<String>,
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

/// What the gate has to know about an endpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// The limit that a call counts against; `None` where the handler counts itself.
    action: Option<Action>,
    /// Whether a page without JavaScript may post to it.
    forms: bool,
    /// Whether it opens a session without needing one.
    signs_in: bool,
    /// Whether services call it for their users: one that proves its name is exempt from limits and the origin check.
    for_services: bool,
}

impl Rule {
    /// An endpoint like any other.
    pub(crate) const PLAIN: Self = Self::limited(Action::Other);
    /// An endpoint that services call for their users.
    pub(super) const FOR_SERVICES: Self = Self { for_services: true, ..Self::PLAIN };
    /// Such an endpoint that counts its calls itself.
    pub(crate) const COUNTS_ITSELF: Self = Self { action: None, ..Self::FOR_SERVICES };

    pub(crate) const fn limited(action: Action) -> Self {
        Self { action: Some(action), forms: false, signs_in: false, for_services: false }
    }

    pub(super) const fn with_forms(self) -> Self {
        Self { forms: true, ..self }
    }

    pub(super) const fn signing_in(self) -> Self {
        Self { signs_in: true, ..self }
    }
}

/// The middleware of one endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    facade: Arc<Facade>,
    rule: Rule,
    refuse: fn(Error) -> Response,
}

impl Gate {
    /// The gate of an endpoint that refuses in the dialect `D`.
    pub(crate) fn new<D: Dialect>(facade: &Arc<Facade>, rule: Rule) -> Self {
        Self { facade: Arc::clone(facade), rule, refuse: |error| Failure::<D>::from(error).into_response() }
    }
}

impl Around for Gate {
    async fn around<N: Next>(self, request: Request, next: N) -> Result<Response, N::Error> {
        // axum answers HEAD with a GET handler; the API knows no HEAD.
        if !matches!(*request.method(), Method::GET | Method::POST | Method::PUT | Method::DELETE) {
            return Ok(not_found().await);
        }
        let mut response = match check(&self.facade, self.rule, request).await {
            Ok(request) => next.run(request).await?,
            Err(error) => (self.refuse)(error),
        };
        // Everything here is about one person, and much of it carries a token.
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(NO_STORE);
        Ok(response)
    }
}

impl Facade {
    /// Counts a call that has found nobody against its address; one that finds somebody is free.
    pub(crate) async fn count_miss(&self, passed: &Passed) -> Result<()> {
        match (&passed.service, passed.info.ip) {
            (None, Some(ip)) => self.identity.count(Action::Other, ip).await,
            _ => Ok(()),
        }
    }
}

/// The answer to a path or method that does not exist.
pub(super) async fn not_found() -> Response {
    ([(header::CACHE_CONTROL, NO_STORE)], StatusCode::NOT_FOUND).into_response()
}

async fn check(facade: &Facade, rule: Rule, request: Request) -> Result<Request> {
    let (mut parts, body) = request.into_parts();
    let info = request::info(&parts.extensions, &parts.headers, &facade.identity.config().http.trusted_proxies)?;
    let service = service(facade, &parts.headers);
    let exempt = rule.for_services && matches!(service, Some(Ok(_)));
    if let (false, Some(action), Some(ip)) = (exempt, rule.action, info.ip) {
        facade.identity.count(action, ip).await?;
    }
    let service = service.transpose()?;
    let query = input::query(parts.uri.query())?;
    let input = input::read(&parts.headers, body, rule.forms).await?;
    if parts.method != Method::GET {
        if !exempt {
            origin::check(&facade.origins, &parts.headers, rule.signs_in)?;
        }
        if let Some(fields) = input.fields() {
            origin::check_targets(&facade.origins, fields)?;
        }
    }
    origin::check_targets(&facade.origins, &query)?;
    parts.extensions.insert(Passed { info, input, query, service });
    Ok(Request::from_parts(parts, Body::empty()))
}

/// The service that a request proves to come from. A wrong proof is an error, not an anonymous call.
fn service(facade: &Facade, headers: &HeaderMap) -> Option<Result<String>> {
    let value = headers.get(SERVICE_AUTHORIZATION)?;
    let credential = behind_bearer(value).and_then(|behind| std::str::from_utf8(behind).ok());
    let provisioning = facade.identity.provisioning();
    let name = credential.and_then(|credential| provisioning.authenticate(credential));
    Some(name.map(str::to_owned).ok_or_else(|| Error::new(Code::ServiceCredentialRequired)))
}
