//! The Better Auth API and caller extractors for axum.
//!
//! A service that owns no identity tables asks its trust anchor who is calling:
//!
//! ```no_run
//! # #[cfg(feature = "remote")] fn build() -> identity_axum::Result<axum::Router> {
//! use axum::{Json, Router, routing::get};
//! use identity_axum::{Guard, RequireUser, TrustAnchor};
//!
//! let anchor = TrustAnchor::builder("https://id.example.com").build()?;
//! let app = Router::new()
//!     .route("/me", get(async |user: RequireUser| Json(user.profile().email.clone())))
//!     .route_layer(anchor.guard(Guard::Standard))
//!     .with_state(anchor);
//! # Ok(app) }
//! ```

pub mod auth;
#[cfg(feature = "store")]
mod better_auth;
#[cfg(feature = "store")]
mod cookie;
pub mod extract;
mod guard;
pub mod middleware;
pub mod problem;
mod provision;

#[cfg(feature = "remote")]
pub use auth::remote::{TrustAnchor, TrustAnchorBuilder};
pub use auth::{Authenticator, Authn};
#[cfg(feature = "store")]
pub use better_auth::{BetterAuth, router};
pub use extract::role::{RequireRole, Role};
pub use extract::user::RequireUser;
pub use guard::{Guard, GuardLayer, Roles};
pub use identity_core::principal::{Principal, Profile, SessionSummary};
pub use identity_core::{Code, Error, Result};
pub use problem::{Api, Dialect, Failure};
pub use provision::{Provision, ProvisionFailure};
