//! Who is calling: one port for a local identity and for a trust anchor over the network.

#[cfg(feature = "remote")]
mod bearer;
#[cfg(feature = "remote")]
mod builder;
pub(crate) mod challenge;
#[cfg(feature = "remote")]
mod exchange;
#[cfg(feature = "remote")]
mod jwks;
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
use identity_core::principal::{Device, Principal, Profile, Proof, Subject, TokenSummary};
use identity_core::time::Timestamp;
use identity_core::token::{Token, kind};
use identity_core::{Code, Error, Result};

use crate::credentials::{Credential, Presentation, bearer, device_token};
use crate::middleware::trace::RequestId;
use crate::resource::ProtectedResource;

/// What an authenticator learns about a request besides its credential.
#[derive(Clone, Debug, Default)]
pub struct RequestContext {
    /// The id under which the request is logged; absent outside of [`Trace`](crate::middleware::trace::Trace).
    pub id: Option<RequestId>,
    /// The name of the API that is called, which its access tokens have as their audience; absent where it has none of its own.
    pub resource: Option<String>,
}

/// A source of truth about callers. Which credential speaks for a request is decided by [`Authn`], for all of them alike.
#[async_trait]
pub trait Authenticator: Any + Send + Sync + fmt::Debug {
    /// The names under which the auth cookie is looked for.
    fn cookie_names(&self) -> &[String];

    /// Whom a credential speaks for, or none if it is not good (any more). An error means that nobody can say.
    async fn resolve(&self, credential: &Credential, request: &RequestContext) -> Result<Option<Subject>>;

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

    /// Whether the service has a name of its own as the audience of its access tokens. One that has none takes those for the issuer,
    /// which clients get for whatever they do.
    fn has_own_audience(&self) -> bool {
        false
    }

    /// The current time, by which the age of a sign-in is measured.
    fn now(&self) -> Timestamp;

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
pub struct Authn {
    authenticator: Arc<dyn Authenticator>,
    resource: Option<ProtectedResource>,
}

/// Whoever is calling, and the credential that proved it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) subject: Subject,
    pub(crate) credential: Credential,
}

impl Caller {
    /// The user, if there is one.
    pub(crate) fn user_mut(&mut self) -> Option<&mut Principal> {
        match &mut self.subject {
            Subject::User(principal) => Some(principal),
            Subject::Client(_) => None,
        }
    }
}

/// What was found out about a request. The type is private, so no client and no other layer can put one there.
#[derive(Clone)]
struct Resolved {
    by: Authn,
    caller: Option<Arc<Caller>>,
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
        Self { authenticator, resource: None }
    }

    /// Takes access tokens that were issued for this API, and lets every refusal say where its metadata are
    /// ([`protected_resource`](crate::protected_resource)).
    #[must_use]
    pub fn with_resource(mut self, resource: ProtectedResource) -> Self {
        self.resource = Some(resource);
        self
    }

    pub(crate) fn resource(&self) -> Option<&ProtectedResource> {
        self.resource.as_ref()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.authenticator.now()
    }

    /// Whoever is calling, or none without a live session and without a token. Asks once per request, however often it is called.
    ///
    /// A bearer credential outranks the cookie; a bad one is [`Code::InvalidBearer`] even if a good cookie stands beside
    /// it. A stale cookie counts as absent.
    pub async fn authenticate(&self, parts: &mut Parts) -> Result<Option<Subject>> {
        Ok(self.caller(parts).await?.map(|caller| caller.subject.clone()))
    }

    /// The user who is calling, by themselves or through a client, or none.
    ///
    /// [`Code::PermissionDenied`] is for clients that are not asked for a scope here and yet may not pass: one that calls in its own
    /// name, and one that comes with a token for the issuer, which it may have got for something else entirely. They are somebody, so
    /// that no lesser credential beside the token may speak for the request.
    pub async fn user(&self, parts: &mut Parts) -> Result<Option<Principal>> {
        let caller = self.caller(parts).await?;
        caller.map(|caller| self.admit(&caller.subject).cloned()).transpose()
    }

    /// The user behind a credential that was found good.
    pub(crate) fn admit<'s>(&self, subject: &'s Subject) -> Result<&'s Principal> {
        let refused = |why: &'static str| Err(Error::new(Code::PermissionDenied).with_detail(why));
        match subject {
            Subject::Client(_) => refused("This is for users, and the token is of a client alone."),
            Subject::User(principal) if principal.token().is_some() && !self.has_own_audience() => {
                refused("The token is for the issuer; this needs one that was issued for this service.")
            }
            Subject::User(principal) => Ok(principal),
        }
    }

    fn has_own_audience(&self) -> bool {
        self.resource.is_some() || self.authenticator.has_own_audience()
    }

    /// What the authenticator learns about a request.
    pub(crate) fn context(&self, parts: &Parts) -> RequestContext {
        let resource = self.resource.as_ref().map(|resource| resource.url().to_owned());
        RequestContext { id: parts.extensions.get().cloned(), resource }
    }

    /// Whoever is calling with an access token. Without a bearer nobody is asked, and it is [`Code::Unauthorized`]: a session has no
    /// scopes, and a browser sends its cookie to wherever a page tells it to. A bearer that is no access token is
    /// [`Code::InvalidBearer`].
    pub async fn token(&self, parts: &mut Parts) -> Result<(Subject, Arc<TokenSummary>)> {
        if matches!(bearer(&parts.headers), Presentation::NotPresented) {
            return Err(Code::Unauthorized.into());
        }
        let subject = self.authenticate(parts).await?.ok_or(Code::InvalidBearer)?;
        let token = match &subject {
            Subject::Client(token) => Arc::clone(token),
            Subject::User(principal) => match &principal.proof {
                Proof::Token(token) => Arc::clone(token),
                Proof::Session(_) => return Err(Code::InvalidBearer.into()),
            },
        };
        Ok((subject, token))
    }

    /// Whether `other` gives the same answers.
    fn is(&self, other: &Self) -> bool {
        self.resource == other.resource && self.authenticator.is(other.authenticator.as_ref())
    }

    pub(crate) async fn caller(&self, parts: &mut Parts) -> Result<Option<Arc<Caller>>> {
        if let Some(known) = parts.extensions.get::<Resolved>().filter(|known| self.is(&known.by)) {
            return Ok(known.caller.clone());
        }
        let caller = self.ask(parts).await?.map(Arc::new);
        self.remember(parts, caller.clone());
        Ok(caller)
    }

    /// The device that is calling, by its header; the bearer and the cookie are not looked at. Asks once per request, however often
    /// it is called.
    ///
    /// No header is [`Code::DeviceTokenMissing`]; a token that is malformed, unknown or over is [`Code::InvalidDeviceToken`].
    pub async fn device(&self, parts: &mut Parts) -> Result<Device> {
        if let Some(known) = parts.extensions.get::<ResolvedDevice>().filter(|known| self.is(&known.by)) {
            return Ok(known.device.clone());
        }
        let token = match device_token(&parts.headers) {
            Presentation::Presented(token) => token,
            Presentation::NotPresented => return Err(Code::DeviceTokenMissing.into()),
            Presentation::Malformed => return Err(Code::InvalidDeviceToken.into()),
        };
        let device = self.authenticator.resolve_device(&token, &self.context(parts)).await?;
        let device = device.ok_or(Code::InvalidDeviceToken)?;
        parts.extensions.insert(ResolvedDevice { by: self.clone(), device: device.clone() });
        Ok(device)
    }

    /// Keeps what was found out for the extractors behind a layer.
    pub(crate) fn remember(&self, parts: &mut Parts, caller: Option<Arc<Caller>>) {
        parts.extensions.insert(Resolved { by: self.clone(), caller });
    }

    pub(crate) async fn complete_provisioning(
        &self,
        credential: &Credential,
        target: &str,
        request: &RequestContext,
    ) -> Result<Profile> {
        self.authenticator.complete_provisioning(credential, target, request).await
    }

    async fn ask(&self, parts: &Parts) -> Result<Option<Caller>> {
        let credential = match Credential::of(&parts.headers, self.authenticator.cookie_names()) {
            Presentation::Presented(credential) => credential,
            Presentation::NotPresented => return Ok(None),
            Presentation::Malformed => return Err(Code::InvalidBearer.into()),
        };
        match (self.authenticator.resolve(&credential, &self.context(parts)).await?, &credential) {
            (Some(subject), _) => Ok(Some(Caller { subject, credential })),
            (None, Credential::Cookies(_)) => Ok(None),
            (None, Credential::Bearer(_) | Credential::AccessToken(_)) => Err(Code::InvalidBearer.into()),
        }
    }
}
