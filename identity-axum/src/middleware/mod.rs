//! Layers around whole routers: request ids, security headers, the hosts that are answered.

pub mod headers;
pub mod host;
pub mod trace;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::Response;
use tower::{Layer, Service, ServiceExt as _};

/// What a layer does with one request and the service behind it.
///
/// A layer written this way costs each request one allocation. Several of them in one `Router::layer`, as a tuple from the outside in,
/// cost less than as many calls of `Router::layer`, each of which stores every route anew.
pub trait Around: Clone + Send + Sync + 'static {
    /// Answers `request`, with or without asking `inner`, which is ready.
    fn around<S>(self, request: Request, inner: S) -> impl Future<Output = Result<Response, S::Error>> + Send
    where
        S: Service<Request, Response = Response, Error: Send, Future: Send> + Send;
}

/// The layer that does what `A` does.
#[derive(Clone, Copy, Debug)]
pub struct AroundLayer<A>(pub A);

impl<A: Around, S> Layer<S> for AroundLayer<A> {
    type Service = Wrapped<A, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Wrapped::new(self.0.clone(), inner)
    }
}

/// The service that one of our layers makes of the service it wraps.
///
/// axum clones the whole service for each request, and each layer clones what it wraps. The pointer ends that at the next layer:
/// without it the cost would grow with the square of the number of layers.
#[derive(Debug)]
pub struct Wrapped<A, S> {
    around: A,
    inner: Arc<S>,
}

impl<A, S> Wrapped<A, S> {
    pub(crate) fn new(around: A, inner: S) -> Self {
        Self { around, inner: Arc::new(inner) }
    }
}

impl<A: Clone, S> Clone for Wrapped<A, S> {
    fn clone(&self) -> Self {
        Self { around: self.around.clone(), inner: Arc::clone(&self.inner) }
    }
}

impl<A, S> Service<Request> for Wrapped<A, S>
where
    A: Around,
    S: Service<Request, Response = Response, Error: Send, Future: Send> + Clone + Send + Sync + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    /// Always ready: the clone that is called waits until it is.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let mut inner = S::clone(&self.inner);
        let around = self.around.clone();
        Box::pin(async move {
            inner.ready().await?;
            around.around(request, inner).await
        })
    }
}
