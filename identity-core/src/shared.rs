//! What every service of one identity borrows.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::config::Config;
use crate::crypto::aead::AtRest;
use crate::crypto::hmac;
use crate::crypto::keyring::Keyring;
use crate::crypto::password::PasswordHasher;
use crate::entropy::Entropy;
use crate::limits::Limiter;
use crate::mail::{MailTransport, Templates};
use crate::outbound::Outbound;
use crate::store::Store;
use crate::time::Clock;

/// The store, the choices and the ports of one identity.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) config: Config,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) hasher: PasswordHasher,
    pub(crate) signing: HmacKeys,
    pub(crate) at_rest: AtRest,
    /// The keys that sign tokens, as they were read last.
    pub(crate) keyring: Keyring,
    pub(crate) limiter: Limiter,
    pub(crate) mail: Option<Arc<dyn MailTransport>>,
    pub(crate) templates: Templates,
    /// Requests to addresses that strangers name.
    pub(crate) outbound: Outbound,
    /// Wakes the worker when a commit has put something into the outbox.
    pub(crate) outbox_filled: Notify,
}

/// The keys that sign what comes back, each for one thing.
#[derive(Debug)]
pub(crate) struct HmacKeys {
    /// The secret itself, as the reference signs its cookies.
    pub(crate) cookie: hmac::Key,
    pub(crate) verification_code: hmac::Key,
    pub(crate) email_flow: hmac::Key,
    /// Makes the refresh tokens of a family.
    pub(crate) refresh: hmac::Key,
    /// Makes the names of users and sessions that only one client or sector sees.
    pub(crate) pairwise: hmac::Key,
    /// What the codes that people enter for a device are known by in the database.
    pub(crate) user_code: hmac::Key,
}
