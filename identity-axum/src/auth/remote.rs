//! The client of a trust anchor: asks over the network who is calling.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::BoxError;
use axum::extract::FromRef;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use identity_core::principal::{Device, Principal, Profile};
use identity_core::secret::Secret;
use identity_core::token::{Token, kind};
use identity_core::{Code, Error, Result};
use reqwest::redirect;
use url::Url;

use super::credentials::{Credential, auth_cookie_names};
use super::{Authenticator, Authn, RequestContext, wire};
use crate::guard::{Guard, GuardLayer};
use crate::middleware::trace::REQUEST_ID;

const SERVICE_AUTHORIZATION: HeaderName = HeaderName::from_static("x-service-authorization");
const MOST_BYTES: usize = 64 * 1024;
/// How long clients are told to wait when the anchor does not say; and the longest that it may say.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// The identity service that a service without identity tables trusts; cheap to clone.
///
/// It is asked on every request: `GET /api/auth/get-session?disableRefresh=true` with the auth cookie alone, so a revoked
/// session is refused at once. A device is asked for with `POST /device-sessions/validate`. No session is 401; an anchor that refuses, fails, limits or does not answer in time is 503
/// with `Retry-After`, never 401. Redirects are not followed and the proxy variables of the environment are not read, so
/// no credential reaches another host.
#[derive(Clone, Debug)]
pub struct TrustAnchor(Arc<Remote>);

impl TrustAnchor {
    /// Trusts the identity service at `url`, such as `https://id.example.com`.
    pub fn builder(url: impl Into<String>) -> TrustAnchorBuilder {
        TrustAnchorBuilder {
            url: url.into(),
            base_path: "/api/auth".to_owned(),
            cookie_prefix: "better-auth".to_owned(),
            service: None,
            timeout: Duration::from_secs(2),
            forward_bearer: false,
            retry: true,
        }
    }

    /// The anchor as the extractors take it.
    #[must_use]
    pub fn authn(&self) -> Authn {
        Authn::new(Arc::<Remote>::clone(&self.0))
    }

    /// A layer for whole routers, see [`Authn::guard`].
    #[must_use]
    pub fn guard(&self, guard: Guard) -> GuardLayer {
        self.authn().guard(guard)
    }
}

impl FromRef<TrustAnchor> for Authn {
    fn from_ref(anchor: &TrustAnchor) -> Self {
        anchor.authn()
    }
}

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
}

impl TrustAnchorBuilder {
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

    /// Whether `Authorization: Bearer` is passed to the anchor as a session token. Default no: it is refused with 401.
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

    /// Checks the choices and prepares the client. Nothing is sent yet: the anchor may start later.
    #[expect(clippy::disallowed_methods, reason = "the operator names the anchor, which may be inside of the network")]
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
        let mut client = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(self.timeout);
        if url.scheme() == "http" {
            // An anchor on plain http needs no certificates, and a bare machine has none.
            client = client.tls_certs_only([]);
        }
        Ok(TrustAnchor(Arc::new(Remote {
            get_session: endpoint(&format!("{base}/get-session?disableRefresh=true"))?,
            provision: endpoint(&format!("{base}/provision"))?,
            validate_device: endpoint("device-sessions/validate")?,
            client: client.build().map_err(Error::internal)?,
            cookie_names: auth_cookie_names(&self.cookie_prefix),
            service: self.service.map(|(name, secret)| service_authorization(&name, &secret)).transpose()?,
            timeout: self.timeout,
            forward_bearer: self.forward_bearer,
            retry: self.retry,
        })))
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

fn sensitive(value: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(value).map_err(Error::internal)?;
    value.set_sensitive(true);
    Ok(value)
}

struct Remote {
    client: reqwest::Client,
    get_session: Url,
    provision: Url,
    validate_device: Url,
    cookie_names: [String; 2],
    service: Option<HeaderValue>,
    timeout: Duration,
    forward_bearer: bool,
    retry: bool,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("get_session", &self.get_session.as_str())
            .field("timeout", &self.timeout)
            .field("forward_bearer", &self.forward_bearer)
            .field("has_service_credential", &self.service.is_some())
            .finish_non_exhaustive()
    }
}

/// What came back: the body only of a success, all that is read of a refusal is its status and its wait.
enum Reply {
    Success(Vec<u8>),
    Refusal(StatusCode, Option<Duration>),
}

#[async_trait]
impl Authenticator for Remote {
    fn cookie_names(&self) -> &[String] {
        &self.cookie_names
    }

    async fn resolve(&self, credential: &Credential, request: &RequestContext) -> Result<Option<Principal>> {
        if matches!(credential, Credential::Bearer(_)) && !self.forward_bearer {
            return Ok(None);
        }
        let headers = self.headers_with(credential, request)?;
        match self.ask(Method::GET, &self.get_session, headers, None).await? {
            Reply::Success(body) => wire::principal(&body).map_err(unavailable),
            Reply::Refusal(StatusCode::UNAUTHORIZED, _) => Ok(None),
            Reply::Refusal(status, wait) => Err(refused(status, wait)),
        }
    }

    async fn resolve_device(&self, token: &Token<kind::Device>, request: &RequestContext) -> Result<Option<Device>> {
        let mut headers = self.headers(request)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = serde_json::json!({ "sessionToken": token.expose() }).to_string();
        match self.ask(Method::POST, &self.validate_device, headers, Some(body)).await? {
            Reply::Success(body) => wire::device(&body).map_err(unavailable),
            Reply::Refusal(status, wait) => Err(refused(status, wait)),
        }
    }

    async fn complete_provisioning(
        &self,
        credential: &Credential,
        target: &str,
        request: &RequestContext,
    ) -> Result<Profile> {
        let failed = |cause: String| Error::new(Code::ProvisioningFailed).caused_by(cause);
        if self.service.is_none() {
            return Err(failed("provisioning needs `TrustAnchor::builder(..).service(name, secret)`".to_owned()));
        }
        let mut headers = self.headers_with(credential, request)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = serde_json::json!({ "app": target }).to_string();
        match self.exchange(Method::POST, &self.provision, headers, Some(body), false).await? {
            Reply::Success(body) => wire::profile(&body).map_err(unavailable),
            Reply::Refusal(StatusCode::UNAUTHORIZED, _) => Err(Code::Unauthorized.into()),
            Reply::Refusal(status @ (StatusCode::FORBIDDEN | StatusCode::NOT_FOUND), _) => Err(failed(format!(
                "the trust anchor answered {status}: is '{target}' one of its targets, and is this its credential?"
            ))),
            Reply::Refusal(status, wait) => Err(refused(status, wait)),
        }
    }
}

impl Remote {
    /// What every call carries: which service asks, and for which request.
    fn headers(&self, request: &RequestContext) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(service) = &self.service {
            headers.insert(SERVICE_AUTHORIZATION, service.clone());
        }
        if let Some(id) = &request.id {
            headers.insert(REQUEST_ID, HeaderValue::from_str(id.as_str()).map_err(Error::internal)?);
        }
        Ok(headers)
    }

    fn headers_with(&self, credential: &Credential, request: &RequestContext) -> Result<HeaderMap> {
        let mut headers = self.headers(request)?;
        match credential {
            Credential::Bearer(token) => {
                headers.insert(AUTHORIZATION, sensitive(&format!("Bearer {}", token.expose()))?);
            }
            Credential::Cookies(cookies) => {
                let pairs: Vec<_> =
                    cookies.iter().map(|cookie| format!("{}={}", cookie.name(), cookie.raw())).collect();
                headers.insert(COOKIE, sensitive(&pairs.join("; "))?);
            }
        }
        Ok(headers)
    }

    /// A question: it changes nothing, so it may be asked again.
    async fn ask(&self, method: Method, url: &Url, headers: HeaderMap, body: Option<String>) -> Result<Reply> {
        self.exchange(method, url, headers, body, self.retry).await
    }

    async fn exchange(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Option<String>,
        retry: bool,
    ) -> Result<Reply> {
        tokio::time::timeout(self.timeout, async {
            let send = || {
                let request = self.client.request(method.clone(), url.clone()).headers(headers.clone());
                body.iter().fold(request, |request, body| request.body(body.clone())).send()
            };
            let response = match send().await {
                Err(error) if retry && !error.is_timeout() => send().await,
                first => first,
            };
            read(response.map_err(unavailable)?).await
        })
        .await
        .map_err(|_| unavailable(format!("no answer within {:?}", self.timeout)))?
    }
}

async fn read(mut response: reqwest::Response) -> Result<Reply> {
    if !response.status().is_success() {
        return Ok(Reply::Refusal(response.status(), wait(response.headers())));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unavailable)? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(unavailable("the answer is larger than 64 KiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply::Success(body))
}

fn wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).clamp(SHORTEST_WAIT, LONGEST_WAIT))
}

fn refused(status: StatusCode, wait: Option<Duration>) -> Error {
    let hint = match status {
        StatusCode::FORBIDDEN => ": does it know this service credential?",
        StatusCode::MISDIRECTED_REQUEST => ": is the host of the anchor URL among its allowed hosts?",
        StatusCode::NOT_FOUND => ": is the base path right?",
        _ if status.is_redirection() => ": redirects are not followed",
        _ => "",
    };
    unavailable(format!("the trust anchor answered {status}{hint}")).retry_after(wait.unwrap_or(SHORTEST_WAIT))
}

fn unavailable(cause: impl Into<BoxError>) -> Error {
    Error::new(Code::AnchorUnavailable).retry_after(SHORTEST_WAIT).caused_by(cause)
}
