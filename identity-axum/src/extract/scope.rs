//! Access tokens with a scope, named by a type.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use identity_core::Code;
use identity_core::principal::{Profile, Subject, TokenSummary};

use crate::auth::Authn;
use crate::auth::challenge::Demand;
use crate::problem::{Api, Failure};

/// A scope as a type, declared with [`scopes!`](crate::scopes).
pub trait Scope: Send + Sync + 'static {
    /// The scope as it stands in tokens.
    const NAME: &'static str;
}

/// Declares scopes as types: `scopes! { pub ReadReports = "reports:read"; WriteReports = "reports:write"; }`.
///
/// What is no scope (RFC 6749, section 3.3), such as an empty name or one that holds a space, does not compile.
#[macro_export]
macro_rules! scopes {
    ($($(#[$meta:meta])* $visibility:vis $name:ident = $scope:literal);+ $(;)?) => {$(
        #[doc = concat!("The scope `", $scope, "`.")]
        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        $visibility enum $name {}

        impl $crate::Scope for $name {
            const NAME: &'static str = $scope;
        }

        const _: () = assert!($crate::extract::scope::is_scope($scope), "a scope is one word");
    )+};
}

/// Whether `name` can stand in a token's list of scopes as one of them.
#[must_use]
pub const fn is_scope(name: &str) -> bool {
    let mut rest = name.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if !first.is_ascii_graphic() || matches!(*first, b'"' | b'\\') {
            return false;
        }
        rest = tail;
    }
    !name.is_empty()
}

/// A client with an access token that has the scope `S`, in the name of a user or in its own.
///
/// 401 without a token and with a bad one, 403 `insufficient_scope` with a token that may do less; `WWW-Authenticate` names the scope.
/// A session is 401: it carries no scopes, whoever it belongs to. A route for both has two handlers, or takes
/// [`RequireUser`](crate::RequireUser) and looks at [`token`](crate::RequireUser::token) itself.
pub struct RequireScope<S> {
    subject: Subject,
    token: Arc<TokenSummary>,
    scope: PhantomData<fn() -> S>,
}

impl<S> RequireScope<S> {
    /// The user in whose name the client calls, if it is not its own. Without asking the anchor the id is all that is known.
    #[must_use]
    pub fn user(&self) -> Option<&Profile> {
        match &self.subject {
            Subject::User(principal) => Some(&principal.user),
            Subject::Client(_) => None,
        }
    }

    /// The token.
    #[must_use]
    pub fn token(&self) -> &TokenSummary {
        &self.token
    }

    /// Whoever is calling, when the scope itself has served its purpose.
    #[must_use]
    pub fn into_subject(self) -> Subject {
        self.subject
    }
}

impl<S> Deref for RequireScope<S> {
    type Target = TokenSummary;

    fn deref(&self) -> &TokenSummary {
        &self.token
    }
}

impl<S> Clone for RequireScope<S> {
    fn clone(&self) -> Self {
        Self { subject: self.subject.clone(), token: Arc::clone(&self.token), scope: PhantomData }
    }
}

impl<S> fmt::Debug for RequireScope<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequireScope").field(&self.subject).finish()
    }
}

impl Authn {
    /// Whoever is calling with a token that has all of `scopes`.
    pub(crate) async fn scoped(
        &self,
        parts: &mut Parts,
        scopes: &[&str],
    ) -> Result<(Subject, Arc<TokenSummary>), Failure<Api>> {
        let demand = Demand { scopes, ..Demand::default() };
        let (subject, token) = self.token(parts).await.map_err(|error| self.refuse_for(error, demand))?;
        if scopes.iter().all(|scope| token.scopes.contains(scope)) {
            Ok((subject, token))
        } else {
            Err(self.refuse_for(Code::InsufficientScope.into(), demand))
        }
    }
}

impl<St, S> FromRequestParts<St> for RequireScope<S>
where
    St: Send + Sync,
    Authn: FromRef<St>,
    S: Scope,
{
    type Rejection = Failure<Api>;

    async fn from_request_parts(parts: &mut Parts, state: &St) -> Result<Self, Self::Rejection> {
        let (subject, token) = Authn::from_ref(state).scoped(parts, &[S::NAME]).await?;
        Ok(Self { subject, token, scope: PhantomData })
    }
}
