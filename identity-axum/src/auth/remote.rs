//! The client of a trust anchor: asks over the network who is calling.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::FromRef;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use identity_core::principal::{Device, Profile, Subject};
use identity_core::time::Timestamp;
use identity_core::token::{Token, kind};
use identity_core::{Code, Error, Result};
use url::Url;

use super::bearer::Tokens;
pub use super::builder::TrustAnchorBuilder;
use super::exchange::{Exchange, Reply, refused, unavailable};
use super::{Authenticator, Authn, RequestContext, wire};
use crate::credentials::Credential;
use crate::middleware::trace::REQUEST_ID;
use crate::resource::ProtectedResource;

const SERVICE_AUTHORIZATION: HeaderName = HeaderName::from_static("x-service-authorization");

/// The identity service that a service without identity tables trusts; cheap to clone.
///
/// It is asked on every request: `GET /api/auth/get-session?disableRefresh=true` with the auth cookie alone, so a revoked
/// session is refused at once. A device is asked for with `POST /device-sessions/validate`. No session is 401; an anchor that refuses, fails, limits or does not answer in time is 503
/// with `Retry-After`, never 401. Redirects are not followed and the proxy variables of the environment are not read, so
/// no credential reaches another host.
///
/// A bearer that is a JWT is an access token of the anchor's (RFC 9068). It is verified here, with keys that the anchor publishes
/// and that are fetched seldom; nobody is asked about the token itself.
#[derive(Clone, Debug)]
pub struct TrustAnchor {
    pub(super) remote: Arc<Remote>,
    pub(super) resource: Option<ProtectedResource>,
}

impl TrustAnchor {
    /// Trusts the identity service at `url`, such as `https://id.example.com`.
    pub fn builder(url: impl Into<String>) -> TrustAnchorBuilder {
        TrustAnchorBuilder::new(url.into())
    }

    /// The anchor as the extractors take it.
    #[must_use]
    pub fn authn(&self) -> Authn {
        let authn = Authn::new(Arc::<Remote>::clone(&self.remote));
        self.resource.iter().fold(authn, |authn, resource| authn.with_resource(resource.clone()))
    }
}

impl FromRef<TrustAnchor> for Authn {
    fn from_ref(anchor: &TrustAnchor) -> Self {
        anchor.authn()
    }
}

#[derive(Debug)]
pub(super) struct Remote {
    pub(super) exchange: Exchange,
    pub(super) tokens: Tokens,
    pub(super) get_session: Url,
    pub(super) provision: Url,
    pub(super) validate_device: Url,
    pub(super) cookie_names: [String; 2],
    /// Marked as sensitive, so that it is not shown.
    pub(super) service: Option<HeaderValue>,
    pub(super) forward_bearer: bool,
}

#[async_trait]
impl Authenticator for Remote {
    fn cookie_names(&self) -> &[String] {
        &self.cookie_names
    }

    async fn resolve(&self, credential: &Credential, request: &RequestContext) -> Result<Option<Subject>> {
        match credential {
            Credential::AccessToken(token) => return self.tokens.resolve(token, request.resource.as_deref()).await,
            Credential::Bearer(_) if !self.forward_bearer => return Ok(None),
            Credential::Bearer(_) | Credential::Cookies(_) => {}
        }
        let headers = self.headers_with(credential, request)?;
        match self.exchange.ask(Method::GET, &self.get_session, headers, None).await? {
            Reply::Success(_, body) => {
                Ok(wire::principal(&body).map_err(unavailable)?.map(|principal| Subject::User(Box::new(principal))))
            }
            Reply::Refusal(StatusCode::UNAUTHORIZED, _) => Ok(None),
            Reply::Refusal(status, wait) => Err(refused(status, wait)),
        }
    }

    async fn resolve_device(&self, token: &Token<kind::Device>, request: &RequestContext) -> Result<Option<Device>> {
        let mut headers = self.headers(request)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = serde_json::json!({ "sessionToken": token.expose() }).to_string();
        match self.exchange.ask(Method::POST, &self.validate_device, headers, Some(body)).await? {
            Reply::Success(_, body) => wire::device(&body).map_err(unavailable),
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
        match self.exchange.tell(Method::POST, &self.provision, headers, Some(body)).await? {
            Reply::Success(_, body) => wire::profile(&body).map_err(unavailable),
            Reply::Refusal(StatusCode::UNAUTHORIZED, _) => Err(Code::Unauthorized.into()),
            Reply::Refusal(status @ (StatusCode::FORBIDDEN | StatusCode::NOT_FOUND), _) => Err(failed(format!(
                "the trust anchor answered {status}: is '{target}' one of its targets, and is this its credential?"
            ))),
            Reply::Refusal(status, wait) => Err(refused(status, wait)),
        }
    }

    fn has_own_audience(&self) -> bool {
        !self.tokens.rules.audiences.is_empty()
    }

    fn now(&self) -> Timestamp {
        self.tokens.clock.now()
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
        let bearer = |token: &str| sensitive(&format!("Bearer {token}"));
        match credential {
            Credential::Bearer(token) => {
                headers.insert(AUTHORIZATION, bearer(token.expose())?);
            }
            Credential::AccessToken(token) => {
                headers.insert(AUTHORIZATION, bearer(token.expose())?);
            }
            Credential::Cookies(cookies) => {
                let pairs: Vec<_> =
                    cookies.iter().map(|cookie| format!("{}={}", cookie.name(), cookie.raw())).collect();
                headers.insert(COOKIE, sensitive(&pairs.join("; "))?);
            }
        }
        Ok(headers)
    }
}

pub(super) fn sensitive(value: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(value).map_err(Error::internal)?;
    value.set_sensitive(true);
    Ok(value)
}
