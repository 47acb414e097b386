//! What every response tells the browser about how to treat it.

use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tower::Layer;

use super::{Around, Next, Wrapped};

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

static ALWAYS: [(HeaderName, HeaderValue); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ),
    (OPENER_POLICY, HeaderValue::from_static("same-origin")),
    (RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
    (
        PERMISSIONS_POLICY,
        HeaderValue::from_static(
            "accelerometer=(), camera=(), geolocation=(), gyroscope=(), microphone=(), payment=(), usb=()",
        ),
    ),
];

/// A layer that adds the security headers which a response does not bring itself.
///
/// `nosniff`, no framing, no referrer, a content security policy that allows nothing, no window or resource shared with other
/// origins (what CORS allows is not touched by that), no device permissions, and, when the base URL is https, one year of strict
/// transport security (RFC 6797). A page that needs a wider policy sets its own.
#[derive(Clone, Copy, Debug)]
pub struct SecurityHeaders {
    https: bool,
}

impl SecurityHeaders {
    /// The headers for a server that is reached at `base_url`.
    #[must_use]
    pub fn new(base_url: &str) -> Self {
        Self { https: base_url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://")) }
    }

    /// Adds the security headers that `headers` lacks.
    pub fn add(&self, headers: &mut HeaderMap) {
        // Room at once for these and for what layers further out add.
        headers.reserve(ALWAYS.len() + 4);
        for (name, value) in &ALWAYS {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        if self.https {
            let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
            headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(year);
        }
    }
}

impl<S> Layer<S> for SecurityHeaders {
    type Service = Wrapped<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Wrapped::new(*self, inner)
    }
}

impl Around for SecurityHeaders {
    async fn around<N: Next>(self, request: Request, next: N) -> Result<Response, N::Error> {
        let mut response = next.run(request).await?;
        self.add(response.headers_mut());
        Ok(response)
    }
}
