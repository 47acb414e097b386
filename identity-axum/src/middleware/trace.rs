//! One id and one span per request.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use identity_core::entropy::{self, Entropy, OsEntropy};
use tower::Layer;
use tracing::{Instrument, Span};

use super::{Around, Next, Wrapped};
use crate::problem::Rendered;

/// The header that carries the id of a request, in and out.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MOST_CHARACTERS: usize = 128;
const MINTED_CHARACTERS: usize = 24;

/// The id of a request, found in its extensions behind [`Trace`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// Takes an id that a client sent: 1 to 128 characters of `A-Z a-z 0-9 . _ -`.
    #[must_use]
    pub fn presented(text: &str) -> Option<Self> {
        let fits = (1..=MOST_CHARACTERS).contains(&text.len());
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        (fits && plain).then(|| Self(text.into()))
    }

    /// The id as it stands in headers, logs and errors.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Sets `X-Request-ID`, replacing any other.
    pub fn set_header(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_str(&self.0) {
            headers.insert(REQUEST_ID, value);
        }
    }

    fn of(headers: &HeaderMap, entropy: &dyn Entropy) -> Self {
        let mut sent = headers.get_all(REQUEST_ID).iter();
        let presented = match (sent.next(), sent.next()) {
            (Some(only), None) => only.to_str().ok().and_then(Self::presented),
            _ => None,
        };
        presented.unwrap_or_else(|| Self(entropy::alphanumeric(entropy, MINTED_CHARACTERS).into()))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A layer that gives every request an id and a tracing span.
///
/// An acceptable `X-Request-ID` is kept, any other is replaced. The id stands on every response, in the body of our own
/// errors, in the span and on calls to the trust anchor. The span names the matched route, never the path or the query:
/// they may hold tokens. Put it outside of all other layers with `Router::layer`; behind another `Trace` it does nothing.
#[derive(Clone, Debug)]
pub struct Trace {
    supply: Arc<Supply>,
}

impl Default for Trace {
    fn default() -> Self {
        Self::with_entropy(Arc::new(OsEntropy))
    }
}

impl Trace {
    /// Mints ids from the randomness of the operating system.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Mints ids from `entropy`, which is asked for 4096 bytes at a time.
    #[must_use]
    pub fn with_entropy(entropy: Arc<dyn Entropy>) -> Self {
        Self { supply: Arc::new(Supply { entropy, left: Mutex::default() }) }
    }

    /// The id for a request with these headers: the one that it brings, if that is acceptable, or a new one.
    #[must_use]
    pub fn request_id(&self, headers: &HeaderMap) -> RequestId {
        RequestId::of(headers, self.supply.as_ref())
    }

    /// Writes to the log what the layer would have written of an answer that was given without it. For answers on whose way nothing else
    /// is written: where the level of these lines is not enabled, not even the span is made.
    pub fn write_answered(&self, method: &Method, route: &str, id: &RequestId, status: StatusCode, begun: Instant) {
        if tracing::enabled!(tracing::Level::DEBUG) {
            span(method, route, id).in_scope(|| answered(status, begun));
        }
    }
}

fn span(method: &Method, route: &str, id: &RequestId) -> Span {
    tracing::info_span!("request", %method, %route, %id)
}

fn answered(status: StatusCode, begun: Instant) {
    tracing::debug!(status = status.as_u16(), elapsed = ?begun.elapsed(), "answered");
}

/// How many random bytes are fetched at once.
const FETCHED: usize = 4096;

/// Randomness that was fetched ahead. It is good enough for ids, which are no secrets, and fetching it for each costs more than all else
/// about them.
struct Supply {
    entropy: Arc<dyn Entropy>,
    left: Mutex<Vec<u8>>,
}

impl fmt::Debug for Supply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supply").field("entropy", &self.entropy).finish_non_exhaustive()
    }
}

impl Entropy for Supply {
    fn fill(&self, bytes: &mut [u8]) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() < bytes.len() {
            // Only whole is it put where ids are taken from: a source may panic.
            let mut fresh = vec![0; FETCHED.max(bytes.len())];
            self.entropy.fill(&mut fresh);
            *left = fresh;
        }
        let rest = left.len() - bytes.len();
        for (byte, drawn) in bytes.iter_mut().zip(left.drain(rest..)) {
            *byte = drawn;
        }
    }
}

impl<S> Layer<S> for Trace {
    type Service = Wrapped<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Wrapped::new(self.clone(), inner)
    }
}

impl Around for Trace {
    async fn around<N: Next>(self, mut request: Request, next: N) -> Result<Response, N::Error> {
        if request.extensions().get::<RequestId>().is_some() {
            return next.run(request).await;
        }
        let id = self.request_id(request.headers());
        let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let span = span(request.method(), route, &id);
        request.extensions_mut().insert(id.clone());
        async move {
            let begun = Instant::now();
            let mut response = next.run(request).await?;
            if let Some(rendered) = response.extensions().get::<Rendered>().cloned() {
                rendered.name_request(id.as_str(), &mut response);
            }
            id.set_header(response.headers_mut());
            answered(response.status(), begun);
            Ok(response)
        }
        .instrument(span)
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn plain_ids_of_up_to_128_characters_are_kept_and_all_others_refused() {
        assert_eq!(RequestId::presented("a.B_9-").unwrap().as_str(), "a.B_9-");
        assert!(RequestId::presented(&"x".repeat(128)).is_some());
        for bad in ["", &"x".repeat(129), "a b", "a\"b", "a/b", "é", "a\u{0}"] {
            assert_eq!(RequestId::presented(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn two_ids_on_one_request_are_replaced_by_a_minted_one() {
        let mut headers = HeaderMap::new();
        headers.append(REQUEST_ID, HeaderValue::from_static("one"));
        assert_eq!(RequestId::of(&headers, &OsEntropy).as_str(), "one");
        headers.append(REQUEST_ID, HeaderValue::from_static("two"));
        assert_eq!(RequestId::of(&headers, &OsEntropy).as_str().len(), MINTED_CHARACTERS);
    }

    /// Fails once, and then gives the same byte again and again.
    #[derive(Debug, Default)]
    struct Faulty(AtomicBool);

    impl Entropy for Faulty {
        fn fill(&self, bytes: &mut [u8]) {
            assert!(self.0.swap(true, Ordering::Relaxed), "no randomness");
            bytes.fill(9);
        }
    }

    #[test]
    fn randomness_that_could_not_be_fetched_is_not_used() {
        let trace = Trace::with_entropy(Arc::new(Faulty::default()));
        let minted = || trace.request_id(&HeaderMap::new());
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(minted)).is_err());
        assert_eq!(minted().as_str(), "J".repeat(MINTED_CHARACTERS));
    }

    #[test]
    fn no_two_requests_get_the_same_minted_id() {
        let trace = Trace::new();
        let minted: std::collections::BTreeSet<String> =
            (0..1000).map(|_| trace.request_id(&HeaderMap::new()).to_string()).collect();
        assert_eq!(minted.len(), 1000);
    }
}
