//! What every service of one identity borrows.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::config::Config;
use crate::crypto::aead::AtRest;
use crate::crypto::hmac;
use crate::crypto::password::PasswordHasher;
use crate::entropy::Entropy;
use crate::limits::Limiter;
use crate::mail::{MailTransport, Templates};
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
    pub(crate) signing: SigningKeys,
    pub(crate) at_rest: AtRest,
    pub(crate) limiter: Limiter,
    pub(crate) mail: Option<Arc<dyn MailTransport>>,
    pub(crate) templates: Templates,
    /// Wakes the worker when a commit has put something into the outbox.
    pub(crate) outbox_filled: Notify,
}

/// The keys that sign what comes back, each for one thing.
#[derive(Debug)]
pub(crate) struct SigningKeys {
    /// The secret itself, as the reference signs its cookies.
    pub(crate) cookie: hmac::Key,
    pub(crate) verification_code: hmac::Key,
    pub(crate) email_flow: hmac::Key,
    /// The forms of our own pages.
    pub(crate) forms: hmac::Key,
}
