//! The authorization server: OAuth 2.1 and OpenID Connect.

mod access;
pub mod authorize;
pub(crate) mod backchannel;
mod caller;
pub(crate) mod claims;
pub mod client;
mod code;
pub mod consent;
mod decide;
pub mod device;
mod discovery;
pub mod error;
mod grant;
mod id_token;
mod introspect;
mod issue;
pub mod logout;
mod offer;
pub mod params;
mod refresh;
mod request;
mod revoke;
mod subject;
#[cfg(feature = "testing")]
pub mod testing;
mod token;
mod userinfo;

pub use crate::scope::{self, ScopeSet};
pub use authorize::{Authorization, ClientAnswer, Interaction, ResponseMode, Step};
pub use client::{Client, ClientKind, ClientMetadata, ClientPolicy, GrantType};
pub use consent::Consent;
pub use device::DeviceRequest;
pub use error::{ErrorCode, OAuthError};
pub use logout::{BrowserSession, LogoutStep, PostLogoutRedirect};
pub use params::Params;
pub use userinfo::UserInfo;

use std::fmt;
use std::time::Duration;

use crate::error::Result;
use crate::family;
use crate::op::Op;
use crate::shared::Shared;
use crate::time::before;

/// How long codes and families are kept once they are over, so that one that comes back is known for what it is.
const KEEP: Duration = Duration::from_hours(24);
/// How long a device whose code has run out hears so, instead of that there is no such code.
const KEEP_DEVICES: Duration = Duration::from_mins(10);

/// What a client presents beside the parameters: the `Authorization` header, as it came.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    /// The whole value of the header.
    pub authorization: Option<&'a str>,
    /// The parameters of the form.
    pub params: &'a Params,
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented").field("params", self.params).finish_non_exhaustive()
    }
}

/// The authorization server.
#[derive(Debug)]
pub struct OAuth<'s> {
    pub(crate) shared: &'s Shared,
}

/// Removes what is over, at most 500 rows of each kind. Returns how many. What nobody answered goes first: anybody can ask.
pub(crate) async fn purge(op: &mut Op<'_>) -> Result<u64> {
    let limit = before(op.now(), KEEP);
    let grants = grant::store::purge(op, limit).await?;
    let families = family::store::purge(op, limit).await?;
    let tokens = access::store::purge(op).await?;
    let devices = device::store::purge(op, before(op.now(), KEEP_DEVICES)).await?;
    Ok(grants + families + tokens + devices)
}
