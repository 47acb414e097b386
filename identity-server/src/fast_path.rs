//! What is fetched most is given before a route is looked for.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::response::Response;
use futures_util::future::Either;
use http::{HeaderMap, HeaderValue, Request};
use identity_axum::Published;
use identity_axum::middleware::headers::SecurityHeaders;
use identity_axum::middleware::trace::{REQUEST_ID, Trace};
use identity_core::Identity;
use tower::{Layer, Service};

use crate::app::Common;
use crate::drain::Drain;
use crate::telemetry::Measure;

/// Gives the published documents of the authorization server, with what every request and every answer gets.
#[derive(Clone)]
pub(crate) struct FastPath(Arc<Documents>);

struct Documents {
    published: Published,
    trace: Trace,
    measure: Measure,
    drain: Drain,
}

impl FastPath {
    pub(crate) fn new(identity: &Identity, common: Common) -> Self {
        let Common { trace, security, measure, drain } = common;
        let published = Published::new(identity, every_answer(security));
        Self(Arc::new(Documents { published, trace, measure, drain }))
    }
}

/// The headers that do not depend on the request.
fn every_answer(security: SecurityHeaders) -> HeaderMap {
    let mut headers = HeaderMap::new();
    security.add(&mut headers);
    // Keeps the place of the id, so that no answer has to make room for it.
    headers.insert(REQUEST_ID, HeaderValue::from_static(""));
    headers
}

impl Documents {
    fn answer<B>(&self, request: &Request<B>) -> Option<Response> {
        let begun = Instant::now();
        let mut response = self.published.answer(request)?;
        let (method, route) = (request.method(), request.uri().path());
        let id = self.trace.request_id(request.headers());
        id.set_header(response.headers_mut());
        self.drain.end_connection(request.version(), &mut response);
        self.measure.count(route, method, response.status(), begun.elapsed());
        self.trace.write_answered(method, route, &id, response.status(), begun);
        Some(response)
    }
}

impl<S> Layer<S> for FastPath {
    type Service = WithFastPath<S>;

    fn layer(&self, routes: S) -> WithFastPath<S> {
        WithFastPath { fast_path: self.clone(), routes }
    }
}

/// Routes with a [`FastPath`] before them.
#[derive(Clone)]
pub(crate) struct WithFastPath<S> {
    fast_path: FastPath,
    routes: S,
}

impl<S, B> Service<Request<B>> for WithFastPath<S>
where
    S: Service<Request<B>, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<Ready<Result<Response, S::Error>>, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.routes.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.fast_path.0.answer(&request) {
            Some(response) => Either::Left(ready(Ok(response))),
            None => Either::Right(self.routes.call(request)),
        }
    }
}
