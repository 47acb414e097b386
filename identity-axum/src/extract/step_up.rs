//! Users who have proved lately, or surely enough, that it is they (RFC 9470).

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use identity_core::principal::{Principal, Proof};
use identity_core::time::{Timestamp, after};
use identity_core::{Code, Error, Result};

use crate::auth::Authn;
use crate::auth::challenge::Demand;
use crate::extract::scope::is_scope;
use crate::problem::{Api, Failure};

/// How lately, or in which way, a user must have signed in.
///
/// A token that falls short is 401 `insufficient_user_authentication`, and `WWW-Authenticate` says what the client has to ask the
/// authorization server for. A session that falls short is 403 `session_not_fresh`: the user signs in again, in a way that is enough.
/// Which classes there are depends on the trust anchor; ours knows [`ACR_PASSWORD`](crate::ACR_PASSWORD) and
/// [`ACR_MAIL`](crate::ACR_MAIL). A session from before it was written down how the user signed in is of no class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepUp {
    max_age: Option<Duration>,
    acr_values: Vec<String>,
}

impl StepUp {
    /// The user signed in no longer ago than `max_age`, in whole seconds.
    #[must_use]
    pub fn within(max_age: Duration) -> Self {
        Self { max_age: Some(max_age), acr_values: Vec::new() }
    }

    /// The user signed in in one of these ways: authentication context classes, the one that is preferred first. An empty list is an
    /// error, and so is a value that is not one word.
    pub fn acr<V: Into<String>>(values: impl IntoIterator<Item = V>) -> Result<Self> {
        let acr_values: Vec<String> = values.into_iter().map(Into::into).collect();
        if acr_values.is_empty() || !acr_values.iter().all(|value| is_scope(value)) {
            return Err(Error::new(Code::InvalidInput).with_detail("A step-up needs authentication context classes."));
        }
        Ok(Self { max_age: None, acr_values })
    }

    /// Asks for the time as well.
    #[must_use]
    pub fn and_within(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    fn is_met_by(&self, principal: &Principal, now: Timestamp) -> bool {
        let is_recent = |max_age| principal.auth_time().is_some_and(|time| now <= after(time, max_age));
        let is_wanted = |acr| self.acr_values.iter().any(|wanted| wanted == acr);
        self.max_age.is_none_or(is_recent) && (self.acr_values.is_empty() || principal.acr().is_some_and(is_wanted))
    }
}

impl Authn {
    /// The user who is calling, if they signed in as `step_up` says.
    pub(crate) async fn stepped_up(&self, parts: &mut Parts, step_up: &StepUp) -> Result<Principal, Failure<Api>> {
        let acr_values: Vec<&str> = step_up.acr_values.iter().map(String::as_str).collect();
        let demand = Demand { max_age: step_up.max_age, acr_values: &acr_values, ..Demand::default() };
        let user = self.user(parts).await.and_then(|user| user.ok_or_else(|| Code::Unauthorized.into()));
        let principal = user.map_err(|error| self.refuse_for(error, demand))?;
        if step_up.is_met_by(&principal, self.now()) {
            return Ok(principal);
        }
        let code = match principal.proof {
            Proof::Session(_) => Code::SessionNotFresh,
            Proof::Token(_) => Code::InsufficientAuthentication,
        };
        Err(self.refuse_for(code.into(), demand))
    }
}

/// A user who signed in no longer than `SECONDS` ago: `RequireFresh<300>`. See [`StepUp`] for those who did not.
#[derive(Clone, Debug, PartialEq)]
pub struct RequireFresh<const SECONDS: u64>(pub Principal);

impl<const SECONDS: u64> Deref for RequireFresh<SECONDS> {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl<S, const SECONDS: u64> FromRequestParts<S> for RequireFresh<SECONDS>
where
    S: Send + Sync,
    Authn: FromRef<S>,
{
    type Rejection = Failure<Api>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let step_up = StepUp::within(Duration::from_secs(SECONDS));
        Authn::from_ref(state).stepped_up(parts, &step_up).await.map(Self)
    }
}

/// Authentication context classes as a type.
///
/// ```
/// use identity_axum::{ACR_PASSWORD, Acr};
///
/// enum ByPassword {}
///
/// impl Acr for ByPassword {
///     const VALUES: &'static [&'static str] = &[ACR_PASSWORD];
/// }
/// ```
pub trait Acr: Send + Sync + 'static {
    /// The classes of which one is needed, the preferred one first.
    const VALUES: &'static [&'static str];
}

/// A user who signed in in one of the ways of `A`. See [`StepUp`] for those who did not.
pub struct RequireAcr<A> {
    principal: Principal,
    acr: PhantomData<fn() -> A>,
}

impl<A> RequireAcr<A> {
    /// The user, when the way has served its purpose.
    #[must_use]
    pub fn into_principal(self) -> Principal {
        self.principal
    }
}

impl<A> Deref for RequireAcr<A> {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.principal
    }
}

impl<A> Clone for RequireAcr<A> {
    fn clone(&self) -> Self {
        Self { principal: self.principal.clone(), acr: PhantomData }
    }
}

impl<A> fmt::Debug for RequireAcr<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequireAcr").field(&self.principal).finish()
    }
}

impl<S, A> FromRequestParts<S> for RequireAcr<A>
where
    S: Send + Sync,
    Authn: FromRef<S>,
    A: Acr,
{
    type Rejection = Failure<Api>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        const { assert!(!A::VALUES.is_empty(), "a step-up needs a class") };
        let step_up = StepUp { max_age: None, acr_values: A::VALUES.iter().map(|value| (*value).to_owned()).collect() };
        let principal = Authn::from_ref(state).stepped_up(parts, &step_up).await?;
        Ok(Self { principal, acr: PhantomData })
    }
}
