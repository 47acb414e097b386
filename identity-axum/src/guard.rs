//! The layer that asks who is calling before any handler of a router runs.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use identity_core::{Code, Error, Result};
use tower::Layer;

use crate::auth::{Authn, Caller};
use crate::extract::role::is_role;
use crate::extract::scope::is_scope;
use crate::extract::step_up::StepUp;
use crate::middleware::{Around, Next, Wrapped};
use crate::problem::{Api, Failure};
use crate::provision::Provision;

/// Who may pass to the handlers of a router.
#[derive(Clone, Debug)]
pub enum Guard {
    /// Everybody; nobody is asked.
    None,
    /// Users, with a session or through a client; 401 for others, 403 for a client that calls in its own name.
    Standard,
    /// Signed-in users with one of the roles; 401 for nobody, 403 for the wrong role.
    RoleGated(Roles),
    /// Signed-in users, for whom this service has prepared its own part first. An access token tells nothing of that: 403.
    Flexible(Provision),
    /// Access tokens with all of the scopes; 401 for others, sessions included, 403 for tokens with less.
    Scoped(Scopes),
    /// Users who signed in lately or surely enough; 401 for others (RFC 9470).
    StepUp(StepUp),
    /// Devices with an anonymous session; 401 for others, signed in or not.
    Device,
    /// Signed-in users, and devices with an anonymous session; 401 for others.
    DeviceOrUser,
}

/// The roles of a gate: at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles(Vec<String>);

impl Roles {
    /// The roles of which a user needs one. An empty list is an error: it would let nobody or everybody through, and
    /// either would be a surprise. So is a name that is not one word.
    pub fn new<R: Into<String>>(roles: impl IntoIterator<Item = R>) -> Result<Self> {
        let roles: Vec<String> = roles.into_iter().map(Into::into).collect();
        if roles.is_empty() {
            return Err(Error::new(Code::InvalidRole).with_detail("A role gate needs at least one role."));
        }
        match roles.iter().find(|role| !is_role(role)) {
            Some(bad) => Err(Error::new(Code::InvalidRole).with_detail(format!("'{bad}' is not a role."))),
            None => Ok(Self(roles)),
        }
    }

    /// The role declared by a type, see [`roles!`](crate::roles).
    #[must_use]
    pub fn of<R: crate::Role>() -> Self {
        Self(vec![R::NAME.to_owned()])
    }
}

/// The scopes of a gate: at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// The scopes of which a token needs all. An empty list is an error, and so is a name that is not one word (RFC 6749, section 3.3).
    pub fn new<S: Into<String>>(scopes: impl IntoIterator<Item = S>) -> Result<Self> {
        let scopes: Vec<String> = scopes.into_iter().map(Into::into).collect();
        if scopes.is_empty() {
            return Err(Error::new(Code::InvalidInput).with_detail("A gate of scopes needs at least one."));
        }
        match scopes.iter().find(|scope| !is_scope(scope)) {
            Some(bad) => Err(Error::new(Code::InvalidInput).with_detail(format!("'{bad}' is not a scope."))),
            None => Ok(Self(scopes)),
        }
    }

    /// The scope declared by a type, see [`scopes!`](crate::scopes).
    #[must_use]
    pub fn of<S: crate::Scope>() -> Self {
        Self(vec![S::NAME.to_owned()])
    }
}

#[cfg(feature = "remote")]
impl crate::TrustAnchor {
    /// A layer for whole routers, see [`Authn::guard`].
    #[must_use]
    pub fn guard(&self, guard: Guard) -> GuardLayer {
        self.authn().guard(guard)
    }
}

impl Authn {
    /// A layer for whole routers: `router.route_layer(authn.guard(Guard::Standard))`.
    ///
    /// The handler never runs for a refused request. Extractors behind it use its answer and ask nobody again. With
    /// `Router::layer` unknown paths are guarded too.
    #[must_use]
    pub fn guard(&self, guard: Guard) -> GuardLayer {
        GuardLayer { authn: self.clone(), guard: Arc::new(guard) }
    }
}

/// The layer made by [`Authn::guard`].
#[derive(Clone, Debug)]
pub struct GuardLayer {
    authn: Authn,
    guard: Arc<Guard>,
}

impl GuardLayer {
    async fn admit(&self, parts: &mut Parts) -> Result<(), Failure<Api>> {
        let authn = &self.authn;
        let admitted = match self.guard.as_ref() {
            Guard::None => Ok(()),
            Guard::Standard => self.caller(parts).await.and_then(|caller| authn.admit(&caller.subject).map(drop)),
            Guard::RoleGated(Roles(roles)) => self.caller(parts).await.and_then(|caller| {
                let holds = authn.admit(&caller.subject)?.user.has_any_role(roles);
                if holds { Ok(()) } else { Err(Code::PermissionDenied.into()) }
            }),
            Guard::Flexible(provision) => self.provisioned(parts, provision).await,
            Guard::Device => authn.device(parts).await.map(drop),
            Guard::DeviceOrUser => authn.device_or_user(parts).await.map(drop),
            Guard::Scoped(Scopes(scopes)) => {
                let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
                return authn.scoped(parts, &scopes).await.map(drop);
            }
            Guard::StepUp(step_up) => return authn.stepped_up(parts, step_up).await.map(drop),
        };
        admitted.map_err(|error| authn.refuse(error))
    }

    async fn caller(&self, parts: &mut Parts) -> Result<Arc<Caller>> {
        self.authn.caller(parts).await?.ok_or_else(|| Code::Unauthorized.into())
    }

    async fn provisioned(&self, parts: &mut Parts, provision: &Provision) -> Result<()> {
        let mut caller = Caller::clone(&*self.caller(parts).await?);
        let user = self.authn.admit(&caller.subject)?.user.clone();
        let profile = provision.ensure(&self.authn, user, &caller.credential, self.authn.context(parts)).await?;
        if let Some(principal) = caller.user_mut() {
            principal.user = profile;
        }
        self.authn.remember(parts, Some(Arc::new(caller)));
        Ok(())
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Wrapped<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Wrapped::new(self.clone(), inner)
    }
}

impl Around for GuardLayer {
    async fn around<N: Next>(self, request: Request, next: N) -> std::result::Result<Response, N::Error> {
        let (mut parts, body) = request.into_parts();
        match self.admit(&mut parts).await {
            Ok(()) => next.run(Request::from_parts(parts, body)).await,
            Err(failure) => Ok(failure.into_response()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_without_a_role_cannot_be_built() {
        assert_eq!(Roles::new(Vec::<String>::new()).unwrap_err().code(), Code::InvalidRole);
        for bad in ["", " ", "a,b", "a b"] {
            assert!(Roles::new(["analyst", bad]).is_err(), "{bad:?}");
        }
        assert!(Roles::new(["analyst", "editor"]).is_ok());
    }

    #[test]
    fn a_gate_without_a_scope_cannot_be_built() {
        assert!(Scopes::new(Vec::<String>::new()).is_err());
        for bad in ["", " ", "a b", "a\"b", "a\\b", "é"] {
            assert!(Scopes::new(["reports:read", bad]).is_err(), "{bad:?}");
        }
        assert!(Scopes::new(["reports:read", "https://api.test/x"]).is_ok());
    }
}
