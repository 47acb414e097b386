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

/// What stands behind a layer: it answers one request.
pub trait Next: Send {
    /// What it fails with; in a router nothing.
    type Error: Send;

    /// Answers `request`.
    fn run(self, request: Request) -> impl Future<Output = Result<Response, Self::Error>> + Send;
}

/// What a layer does with one request. Several of them, as a tuple from the outside in, are one layer.
///
/// That matters where every microsecond counts: each `Router::layer` stores every route anew, and each request pays for it.
pub trait Around: Clone + Send + Sync + 'static {
    /// Answers `request`, with or without asking `next`.
    fn around<N: Next>(self, request: Request, next: N) -> impl Future<Output = Result<Response, N::Error>> + Send;
}

impl<A: Around, B: Around> Around for (A, B) {
    fn around<N: Next>(self, request: Request, next: N) -> impl Future<Output = Result<Response, N::Error>> + Send {
        self.0.around(request, Then(self.1, next))
    }
}

impl<A: Around, B: Around, C: Around, D: Around> Around for (A, B, C, D) {
    fn around<N: Next>(self, request: Request, next: N) -> impl Future<Output = Result<Response, N::Error>> + Send {
        ((self.0, self.1), (self.2, self.3)).around(request, next)
    }
}

/// A layer and what stands behind it.
struct Then<A, N>(A, N);

impl<A: Around, N: Next> Next for Then<A, N> {
    type Error = N::Error;

    fn run(self, request: Request) -> impl Future<Output = Result<Response, N::Error>> + Send {
        self.0.around(request, self.1)
    }
}

/// A service at the end of the layers.
struct Innermost<S>(S);

impl<S> Next for Innermost<S>
where
    S: Service<Request, Response = Response, Error: Send, Future: Send> + Send,
{
    type Error = S::Error;

    async fn run(mut self, request: Request) -> Result<Response, S::Error> {
        self.0.ready().await?.call(request).await
    }
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
        Box::pin(self.around.clone().around(request, Innermost(S::clone(&self.inner))))
    }
}
