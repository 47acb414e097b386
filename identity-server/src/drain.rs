//! Leaving without losing a request: whoever sends them learns first that no more should come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::Request;
use axum::response::Response;
use http::{HeaderValue, Version, header};
use identity_axum::middleware::{Around, Next};

/// Whether the server is about to stop. Until it does, it answers everything and is not ready, and each answer is the last one on
/// its connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drain(Arc<AtomicBool>);

impl Drain {
    /// Begins to leave.
    pub(crate) fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the server is leaving.
    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Makes an answer the last one on its connection, where the server is leaving.
    pub(crate) fn end_connection(&self, version: Version, response: &mut Response) {
        // HTTP/2 has no such header; its connections hear of the end all at once.
        if version < Version::HTTP_2 && self.has_begun() {
            // A connection that is closed while it is idle may be closed under a request that is on its way.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

impl Around for Drain {
    async fn around<N: Next>(self, request: Request, next: N) -> Result<Response, N::Error> {
        let version = request.version();
        let mut response = next.run(request).await?;
        self.end_connection(version, &mut response);
        Ok(response)
    }
}
