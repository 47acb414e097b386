//! What everything that browsers talk to stands on: the identity, its cookies, the origins it trusts, and who is calling.

pub(crate) mod bridge;
pub(crate) mod cache;
pub(crate) mod caller;
pub(crate) mod origin;
pub(crate) mod route;
pub(crate) mod session;
pub(crate) mod wire;

use std::sync::Arc;

use identity_core::Identity;

use self::origin::TrustedOrigins;
use crate::cookie::Cookies;

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct Facade {
    pub(crate) identity: Identity,
    pub(crate) cookies: Cookies,
    pub(crate) origins: TrustedOrigins,
}

impl Facade {
    pub(crate) fn new(identity: &Identity) -> Arc<Self> {
        Arc::new(Self {
            cookies: Cookies::of(identity),
            origins: TrustedOrigins::new(&identity.config().http),
            identity: identity.clone(),
        })
    }
}
