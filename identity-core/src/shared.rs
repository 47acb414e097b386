//! What every service of one identity borrows.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::config::Config;
use crate::crypto::aead::AtRest;
use crate::crypto::password::PasswordHasher;
use crate::entropy::Entropy;
use crate::limits::Limiter;
use crate::mail::{MailTransport, Templates};
use crate::secret::Secret;
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
    pub(crate) secret: Secret<String>,
    pub(crate) derived: DerivedKeys,
    pub(crate) at_rest: AtRest,
    pub(crate) limiter: Limiter,
    pub(crate) mail: Option<Arc<dyn MailTransport>>,
    pub(crate) templates: Templates,
    /// Wakes the worker when a commit has put something into the outbox.
    pub(crate) outbox_filled: Notify,
}

/// The keys that are needed on every request, derived once.
#[derive(Debug)]
pub(crate) struct DerivedKeys {
    pub(crate) verification_code: Secret<[u8; 32]>,
    pub(crate) email_flow: Secret<[u8; 32]>,
}
