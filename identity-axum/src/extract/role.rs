//! Callers with a role, named by a type.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use identity_core::Code;
use identity_core::principal::Principal;

use super::user::RequireUser;
use crate::auth::Authn;
use crate::problem::{Api, Failure};

/// A role as a type, declared with [`roles!`](crate::roles).
pub trait Role: Send + Sync + 'static {
    /// The role as it stands on the user.
    const NAME: &'static str;
}

/// Declares roles as types: `roles! { pub Analyst = "analyst"; Editor = "editor"; }`.
///
/// An empty name, or one that holds a comma or white space, does not compile.
#[macro_export]
macro_rules! roles {
    ($($(#[$meta:meta])* $visibility:vis $name:ident = $role:literal);+ $(;)?) => {$(
        #[doc = concat!("The role `", $role, "`.")]
        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        $visibility enum $name {}

        impl $crate::Role for $name {
            const NAME: &'static str = $role;
        }

        const _: () = assert!($crate::extract::role::is_role($role), "a role is one word");
    )+};
}

/// Whether `name` can stand in a user's comma-joined roles as one of them.
#[must_use]
pub const fn is_role(name: &str) -> bool {
    let mut rest = name.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b',' || !first.is_ascii_graphic() {
            return false;
        }
        rest = tail;
    }
    !name.is_empty()
}

/// A signed-in user who holds the role `R`: 401 for nobody, 403 for somebody else. `admin` and `superadmin` pass. An access token that
/// nobody was asked about tells no role, so that it is 403.
pub struct RequireRole<R> {
    principal: Principal,
    role: PhantomData<fn() -> R>,
}

impl<R> RequireRole<R> {
    /// The caller, when the role itself has served its purpose.
    #[must_use]
    pub fn into_principal(self) -> Principal {
        self.principal
    }
}

impl<R> Deref for RequireRole<R> {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.principal
    }
}

impl<R> Clone for RequireRole<R> {
    fn clone(&self) -> Self {
        Self { principal: self.principal.clone(), role: PhantomData }
    }
}

impl<R> fmt::Debug for RequireRole<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequireRole").field(&self.principal).finish()
    }
}

impl<S, R> FromRequestParts<S> for RequireRole<R>
where
    S: Send + Sync,
    Authn: FromRef<S>,
    R: Role,
{
    type Rejection = Failure<Api>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let RequireUser(principal) = <RequireUser as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        if principal.user.has_any_role(&[R::NAME]) {
            Ok(Self { principal, role: PhantomData })
        } else {
            Err(Authn::from_ref(state).refuse(Code::PermissionDenied.into()))
        }
    }
}
