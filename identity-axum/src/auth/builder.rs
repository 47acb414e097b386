//! What a service says of the anchor that it trusts, and of itself.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use identity_core::jwt::Algorithm;
use identity_core::secret::Secret;
use identity_core::time::{Clock, SystemClock};
use identity_core::{Code, Error, Result};
use url::Url;

use super::bearer::{Rules, Tokens};
use super::exchange::Exchange;
use super::jwks::Jwks;
use super::remote::{Remote, TrustAnchor, sensitive};
use crate::credentials::auth_cookie_names;
use crate::resource::ProtectedResource;

/// The choices of a [`TrustAnchor`].
#[derive(Clone, Debug)]
pub struct TrustAnchorBuilder {
    url: String,
    base_path: String,
    cookie_prefix: String,
    service: Option<(String, Secret<String>)>,
    timeout: Duration,
    forward_bearer: bool,
    retry: bool,
    issuer: Option<String>,
    audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
    resource: Option<ProtectedResource>,
    stale_if_error: Duration,
    clock: Arc<dyn Clock>,
}

impl TrustAnchorBuilder {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            base_path: "/api/auth".to_owned(),
            cookie_prefix: "better-auth".to_owned(),
            service: None,
            timeout: Duration::from_secs(2),
            forward_bearer: false,
            retry: true,
            issuer: None,
            audiences: Vec::new(),
            algorithms: Algorithm::ALL.to_vec(),
            resource: None,
            stale_if_error: Duration::from_hours(1),
            clock: Arc::new(SystemClock),
        }
    }

    /// The name of this service at the anchor and the secret that proves it, sent on every call. Provisioning needs it.
    #[must_use]
    pub fn service(mut self, name: impl Into<String>, secret: impl Into<Secret<String>>) -> Self {
        self.service = Some((name.into(), secret.into()));
        self
    }

    /// How long a call may take in all, connecting and a retry included. Default 2 seconds.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Whether `Authorization: Bearer` is passed to the anchor as a session token. Default no: it is refused with 401. A JWT never
    /// is passed on.
    #[must_use]
    pub fn forward_bearer(mut self, forward: bool) -> Self {
        self.forward_bearer = forward;
        self
    }

    /// Whether asking for the session is tried a second time when the connection fails. Default yes.
    #[must_use]
    pub fn retry(mut self, retry: bool) -> Self {
        self.retry = retry;
        self
    }

    /// Where the anchor mounts its Better Auth API. Default `/api/auth`.
    #[must_use]
    pub fn base_path(mut self, path: impl Into<String>) -> Self {
        self.base_path = path.into();
        self
    }

    /// The prefix of the anchor's cookies. Default `better-auth`; the `__Secure-` variant is recognised as well.
    #[must_use]
    pub fn cookie_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.cookie_prefix = prefix.into();
        self
    }

    /// What the anchor calls itself in its tokens. Default its URL; differs from it where the anchor is reached by an internal name.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// A name of this service that a token may have as its audience; may be repeated. Without any name, tokens for the issuer are taken,
    /// and only where a scope is asked for: clients get those for whatever they do.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// This service as a protected resource: its URL is an audience, and refusals say where its metadata are. The metadata are served
    /// by [`protected_resource`](crate::protected_resource).
    #[must_use]
    pub fn resource(mut self, resource: ProtectedResource) -> Self {
        self.resource = Some(resource);
        self
    }

    /// The signature algorithms that are accepted. Default RS256, PS256, ES256 and `EdDSA`.
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// For how long after the anchor's keys should have been fetched anew the old ones are used, if the anchor does not answer.
    /// Default 1 hour; then tokens are answered with 503.
    #[must_use]
    pub fn stale_if_error(mut self, limit: Duration) -> Self {
        self.stale_if_error = limit;
        self
    }

    /// Where the time comes from, by which tokens end and keys are fetched anew. Default the machine.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Checks the choices and prepares the client. Nothing is sent yet: the anchor may start later.
    pub fn build(self) -> Result<TrustAnchor> {
        let url = Url::parse(&self.url)
            .map_err(|error| invalid("The URL of the trust anchor is not one.").caused_by(error))?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !plain {
            return Err(invalid("The URL of the trust anchor is http or https, without user, query and fragment."));
        }
        let root = url.as_str().trim_end_matches('/');
        let base = self.base_path.trim_matches('/');
        let endpoint = |path: &str| {
            Url::parse(&format!("{root}/{path}")).map_err(|error| invalid("The base path is not one.").caused_by(error))
        };
        if self.timeout.is_zero() {
            return Err(invalid("The timeout is zero."));
        }
        if self.algorithms.is_empty() {
            return Err(invalid("There is no algorithm."));
        }
        let issuer = self.issuer.unwrap_or_else(|| root.to_owned());
        if issuer.is_empty() || self.audiences.iter().any(String::is_empty) {
            return Err(invalid("The issuer or an audience is empty."));
        }
        let exchange = Exchange::new(url.scheme(), self.timeout, self.retry)?;
        let jwks =
            Jwks::new(exchange.clone(), root.to_owned(), issuer.clone(), self.stale_if_error, Arc::clone(&self.clock));
        let rules = Rules { issuer, audiences: self.audiences, algorithms: self.algorithms };
        let remote = Remote {
            exchange,
            tokens: Tokens { rules, jwks: Arc::new(jwks), clock: self.clock },
            get_session: endpoint(&format!("{base}/get-session?disableRefresh=true"))?,
            provision: endpoint(&format!("{base}/provision"))?,
            validate_device: endpoint("device-sessions/validate")?,
            cookie_names: auth_cookie_names(&self.cookie_prefix),
            service: self.service.map(|(name, secret)| service_authorization(&name, &secret)).transpose()?,
            forward_bearer: self.forward_bearer,
        };
        Ok(TrustAnchor { remote: Arc::new(remote), resource: self.resource })
    }
}

fn invalid(sentence: &'static str) -> Error {
    Error::new(Code::InvalidInput).with_detail(sentence)
}

/// `Bearer <service>.<secret>`. The name ends at the first dot, so it must not hold one.
fn service_authorization(name: &str, secret: &Secret<String>) -> Result<HeaderValue> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || !name.bytes().all(is_name) {
        return Err(invalid("A service name consists of lower-case letters, digits and dashes."));
    }
    let secret = secret.expose();
    if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(invalid("A service secret consists of visible ASCII characters."));
    }
    sensitive(&format!("Bearer {name}.{secret}"))
}
