//! The signing keys as they were last read, so that neither signing nor verifying asks the database.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};

use super::signer::Signer;
use crate::jwt::{Algorithm, JwkSet, KeySet};
use crate::time::{Timestamp, after};

/// The keys of one moment.
#[derive(Clone, Debug)]
pub(crate) struct Ring {
    /// The active key of each algorithm that has one; `None` where it does not open.
    pub(crate) signers: BTreeMap<Algorithm, Option<Arc<Signer>>>,
    /// All public keys, as they are published.
    pub(crate) public: Arc<JwkSet>,
    /// The same, as tokens are verified with them.
    pub(crate) verifying: Arc<KeySet>,
    /// When they were read.
    pub(crate) read_at: Timestamp,
    /// When it was last tried to read them.
    pub(crate) looked_at: Timestamp,
}

impl Ring {
    /// The key that signs with an algorithm.
    pub(crate) fn signer(&self, algorithm: Algorithm) -> Option<Arc<Signer>> {
        self.signers.get(&algorithm).cloned().flatten()
    }

    /// Whether the database was asked less than `age` ago. A clock that was set back counts as a long time.
    pub(crate) fn is_younger(&self, now: Timestamp, age: Duration) -> bool {
        self.looked_at <= now && now < after(self.looked_at, age)
    }
}

/// Keeps the keys that were read last.
#[derive(Debug, Default)]
pub(crate) struct Keyring {
    last: RwLock<Option<Arc<Ring>>>,
    turn: Mutex<()>,
}

impl Keyring {
    /// What was read last, however long ago.
    pub(crate) fn last(&self) -> Option<Arc<Ring>> {
        self.last.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces what was read before.
    pub(crate) fn keep(&self, ring: Ring) -> Arc<Ring> {
        let ring = Arc::new(ring);
        *self.last.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&ring));
        ring
    }

    /// Waits until nobody else reads or makes keys in this process.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }
}
