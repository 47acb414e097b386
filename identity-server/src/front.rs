//! What is fetched most is given before a route is looked for.

use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::response::Response;
use futures_util::future::Either;
use http::{HeaderMap, HeaderValue};
use identity_axum::Published;
use identity_axum::middleware::headers::SecurityHeaders;
use identity_axum::middleware::trace::{REQUEST_ID, Trace};
use identity_core::Identity;
use tower::Service;

use crate::drain::Drain;
use crate::telemetry::Measure;

/// Gives the published documents of the authorization server, with what the layers around the routes give to every answer.
#[derive(Clone)]
pub(crate) struct Front(Arc<Parts>);

struct Parts {
    published: Published,
    trace: Trace,
    measure: Measure,
    drain: Drain,
}

impl Front {
    pub(crate) fn new(identity: &Identity, measure: &Measure, drain: &Drain) -> Self {
        let mut common = HeaderMap::new();
        SecurityHeaders::new(&identity.config().http.base_url).add(&mut common);
        // Keeps the place of the id, so that no answer has to make room for it.
        common.insert(REQUEST_ID, HeaderValue::from_static(""));
        Self(Arc::new(Parts {
            published: Published::new(identity, common),
            trace: Trace::new(),
            measure: measure.clone(),
            drain: drain.clone(),
        }))
    }

    /// Puts itself before `routes`.
    pub(crate) fn before<S>(&self, routes: S) -> Fronted<S> {
        Fronted { front: self.clone(), routes }
    }
}

impl Parts {
    fn answer<B>(&self, request: &http::Request<B>) -> Option<Response> {
        let begun = Instant::now();
        let mut response = self.published.answer(request)?;
        let (method, route) = (request.method(), request.uri().path());
        let id = self.trace.id(request.headers());
        id.stamp(response.headers_mut());
        self.drain.mark(request.version(), &mut response);
        self.measure.count(route, method, response.status(), begun.elapsed());
        // Nothing else is written on the way, so that a span would say this once more.
        tracing::debug!(%method, route, %id, status = response.status().as_u16(), elapsed = ?begun.elapsed(), "answered");
        Some(response)
    }
}

/// Routes with a [`Front`] before them.
#[derive(Clone)]
pub(crate) struct Fronted<S> {
    front: Front,
    routes: S,
}

impl<S> fmt::Debug for Fronted<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fronted")
    }
}

impl<S, B> Service<http::Request<B>> for Fronted<S>
where
    S: Service<http::Request<B>, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<Ready<Result<Response, S::Error>>, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.routes.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        match self.front.0.answer(&request) {
            Some(response) => Either::Left(ready(Ok(response))),
            None => Either::Right(self.routes.call(request)),
        }
    }
}
