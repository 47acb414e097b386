//! Layers around whole routers: request ids, security headers, the hosts that are answered.

pub mod headers;
pub mod host;
pub mod trace;

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::Response;
use tower::Service;

/// What a layer does with one request and the service behind it.
pub(crate) trait Around: Clone + Send + Sync + 'static {
    fn around<S>(self, request: Request, inner: S) -> impl Future<Output = Result<Response, S::Error>> + Send
    where
        S: Service<Request, Response = Response, Error: Send, Future: Send> + Send;
}

/// The service that one of our layers makes of the service it wraps.
#[derive(Clone, Debug)]
pub struct Wrapped<A, S> {
    around: A,
    inner: S,
}

impl<A, S> Wrapped<A, S> {
    pub(crate) fn new(around: A, inner: S) -> Self {
        Self { around, inner }
    }
}

impl<A, S> Service<Request> for Wrapped<A, S>
where
    A: Around,
    S: Service<Request, Response = Response, Error: Send, Future: Send> + Clone + Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The clone takes our place; the one that was polled ready is the one that is called.
        let next = self.inner.clone();
        let ready = mem::replace(&mut self.inner, next);
        let around = self.around.clone();
        Box::pin(async move { around.around(request, ready).await })
    }
}
