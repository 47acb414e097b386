//! Who is calling: one port for a local identity and for a trust anchor over the network.

pub mod credentials;
#[cfg(feature = "store")]
mod local;
#[cfg(feature = "remote")]
pub mod remote;
#[cfg(feature = "remote")]
mod wire;

use std::any::Any;
use std::fmt;
use std::ptr;
use std::sync::Arc;

use async_trait::async_trait;
use http::request::Parts;
use identity_core::principal::{Device, Principal, Profile};
use identity_core::token::{Token, kind};
use identity_core::{Code, Result};

use crate::middleware::trace::RequestId;
use credentials::{Credential, Presentation, device_token};

/// What an authenticator learns about a request besides its credential.
#[derive(Clone, Debug, Default)]
pub struct RequestContext {
    /// The id under which the request is logged; absent outside of [`Trace`](crate::middleware::trace::Trace).
    pub id: Option<RequestId>,
}

impl RequestContext {
    pub(crate) fn of(parts: &Parts) -> Self {
        Self { id: parts.extensions.get().cloned() }
    }
}

/// A source of truth about callers. Which credential speaks for a request is decided by [`Authn`], for all of them alike.
#[async_trait]
pub trait Authenticator: Any + Send + Sync + fmt::Debug {
    /// The names under which the auth cookie is looked for.
    fn cookie_names(&self) -> &[String];

    /// The principal behind a credential, or none if it is not good (any more). An error means that nobody can say.
    async fn resolve(&self, credential: &Credential, request: &RequestContext) -> Result<Option<Principal>>;

    /// The device behind the token of an anonymous session, or none if it is not good (any more). An error means that nobody can
    /// say.
    async fn resolve_device(&self, token: &Token<kind::Device>, request: &RequestContext) -> Result<Option<Device>>;

    /// Records that the service `target` has prepared its part for the holder of `credential`. Repeating it changes nothing.
    async fn complete_provisioning(
        &self,
        credential: &Credential,
        target: &str,
        request: &RequestContext,
    ) -> Result<Profile>;

    /// Whether `other` gives the same answers, so that its answer to a request may be used again.
    fn is(&self, other: &dyn Authenticator) -> bool {
        ptr::addr_eq(ptr::from_ref(self), ptr::from_ref(other))
    }
}

/// How a router finds out who is calling; cheap to clone.
///
/// The extractors ask for `Authn: FromRef<S>`: a `TrustAnchor` is one as it stands, a state of your own says
/// `impl FromRef<AppState> for Authn` or derives `FromRef` with a field of this type.
#[derive(Clone, Debug)]
pub struct Authn(Arc<dyn Authenticator>);

/// A principal and the credential that proved it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    pub(crate) credential: Credential,
}

/// What was found out about a request. The type is private, so no client and no other layer can put one there.
#[derive(Clone)]
struct Resolved {
    by: Authn,
    caller: Option<Caller>,
}

/// The same about the device.
#[derive(Clone)]
struct ResolvedDevice {
    by: Authn,
    device: Device,
}

impl Authn {
    /// Asks `authenticator`.
    #[must_use]
    pub fn new(authenticator: Arc<dyn Authenticator>) -> Self {
        Self(authenticator)
    }

    /// The principal that is calling, or none without a live session. Asks once per request, however often it is called.
    ///
    /// A bearer credential outranks the cookie; a bad one is [`Code::InvalidBearer`] even if a good cookie stands beside
    /// it. A stale cookie counts as absent.
    pub async fn authenticate(&self, parts: &mut Parts) -> Result<Option<Principal>> {
        Ok(self.caller(parts).await?.map(|caller| caller.principal))
    }

    pub(crate) async fn caller(&self, parts: &mut Parts) -> Result<Option<Caller>> {
        if let Some(known) = parts.extensions.get::<Resolved>().filter(|known| self.0.is(known.by.0.as_ref())) {
            return Ok(known.caller.clone());
        }
        let caller = self.ask(parts).await?;
        self.remember(parts, caller.clone());
        Ok(caller)
    }

    /// The device that is calling, by its header; the bearer and the cookie are not looked at. Asks once per request, however often
    /// it is called.
    ///
    /// No header is [`Code::DeviceTokenMissing`]; a token that is malformed, unknown or over is [`Code::InvalidDeviceToken`].
    pub async fn device(&self, parts: &mut Parts) -> Result<Device> {
        if let Some(known) = parts.extensions.get::<ResolvedDevice>().filter(|known| self.0.is(known.by.0.as_ref())) {
            return Ok(known.device.clone());
        }
        let token = match device_token(&parts.headers) {
            Presentation::Presented(token) => token,
            Presentation::NotPresented => return Err(Code::DeviceTokenMissing.into()),
            Presentation::Malformed => return Err(Code::InvalidDeviceToken.into()),
        };
        let device = self.0.resolve_device(&token, &RequestContext::of(parts)).await?;
        let device = device.ok_or(Code::InvalidDeviceToken)?;
        parts.extensions.insert(ResolvedDevice { by: self.clone(), device: device.clone() });
        Ok(device)
    }

    /// Keeps what was found out for the extractors behind a layer.
    pub(crate) fn remember(&self, parts: &mut Parts, caller: Option<Caller>) {
        parts.extensions.insert(Resolved { by: self.clone(), caller });
    }

    pub(crate) async fn complete_provisioning(
        &self,
        credential: &Credential,
        target: &str,
        request: &RequestContext,
    ) -> Result<Profile> {
        self.0.complete_provisioning(credential, target, request).await
    }

    async fn ask(&self, parts: &Parts) -> Result<Option<Caller>> {
        let credential = match Credential::of(&parts.headers, self.0.cookie_names()) {
            Presentation::Presented(credential) => credential,
            Presentation::NotPresented => return Ok(None),
            Presentation::Malformed => return Err(Code::InvalidBearer.into()),
        };
        match (self.0.resolve(&credential, &RequestContext::of(parts)).await?, &credential) {
            (Some(principal), _) => Ok(Some(Caller { principal, credential })),
            (None, Credential::Cookies(_)) => Ok(None),
            (None, Credential::Bearer(_)) => Err(Code::InvalidBearer.into()),
        }
    }
}
