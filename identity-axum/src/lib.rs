#![doc = include_str!("../README.md")]

pub mod auth;
#[cfg(feature = "store")]
mod better_auth;
#[cfg(feature = "store")]
mod cookie;
pub mod credentials;
#[cfg(feature = "store")]
mod device_sessions;
pub mod extract;
#[cfg(feature = "store")]
mod facade;
mod guard;
pub mod middleware;
#[cfg(feature = "store")]
mod oidc;
#[cfg(feature = "store")]
mod pages;
pub mod problem;
mod provision;
mod resource;
#[cfg(feature = "testing")]
pub mod testing;

#[cfg(feature = "remote")]
pub use auth::remote::{TrustAnchor, TrustAnchorBuilder};
pub use auth::{Authenticator, Authn};
#[cfg(feature = "store")]
pub use better_auth::{BetterAuth, router};
#[cfg(feature = "store")]
pub use device_sessions::router as device_router;
pub use extract::device::{AuthType, DeviceOrUser, RequireDevice};
pub use extract::role::{RequireRole, Role};
pub use extract::scope::{RequireScope, Scope};
pub use extract::step_up::{Acr, RequireAcr, RequireFresh, StepUp};
pub use extract::user::RequireUser;
pub use guard::{Guard, GuardLayer, Roles, Scopes};
pub use identity_core::id::UserId;
pub use identity_core::principal::{
    ACR_MAIL, ACR_PASSWORD, Device, Principal, Profile, Proof, SessionSummary, Subject, TokenSummary,
};
pub use identity_core::{Code, Error, Result};
#[cfg(feature = "store")]
pub use oidc::{OAuth, Published, router as oidc_router};
#[cfg(feature = "store")]
pub use pages::{Pages, router as page_router};
pub use problem::{Api, Dialect, Failure};
pub use provision::{Provision, ProvisionFailure};
pub use resource::{ProtectedResource, protected_resource};
