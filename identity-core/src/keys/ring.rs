//! Reading the keys into the keyring, and when that is due.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::model::{FRESH, GRACE, MIN_RELOAD_INTERVAL, SigningKey, State};
use super::rotation;
use super::store::{self, Stored};
use crate::crypto::Signer;
use crate::crypto::keyring::Ring;
use crate::error::{Error, Result};
use crate::jwt::{JwkSet, KeySet};
use crate::op::{Op, soon};
use crate::shared::Shared;
use crate::time::{Timestamp, after};

/// The keys, no older than a few seconds.
pub(super) async fn current(shared: &Shared) -> Result<Arc<Ring>> {
    younger_than(shared, FRESH).await
}

/// The same without reading them, while those that were read last are no older.
pub(super) fn cached(shared: &Shared) -> Option<Arc<Ring>> {
    last(shared, FRESH)
}

/// The keys, where it was not just now that they were read.
pub(super) async fn newer(shared: &Shared) -> Result<Arc<Ring>> {
    younger_than(shared, MIN_RELOAD_INTERVAL).await
}

async fn younger_than(shared: &Shared, age: Duration) -> Result<Arc<Ring>> {
    if let Some(ring) = last(shared, age) {
        return Ok(ring);
    }
    let _turn = shared.keyring.turn().await;
    match last(shared, age) {
        Some(ring) => Ok(ring),
        // On the heap: every request that signs or verifies carries the room for this.
        None => Box::pin(reload(shared)).await,
    }
}

fn last(shared: &Shared, age: Duration) -> Option<Arc<Ring>> {
    let now = shared.clock.now();
    shared.keyring.last().filter(|ring| ring.is_younger(now, age))
}

/// Reads the keys, in one's turn. While the database does not answer, those of before are good for a while.
pub(super) async fn reload(shared: &Shared) -> Result<Arc<Ring>> {
    let before = shared.keyring.last();
    let now = shared.clock.now();
    match keys(shared).await {
        Ok(keys) => Ok(shared.keyring.keep(build(shared, before.as_deref(), keys, now))),
        Err(error) => match before.filter(|ring| now < after(ring.read_at, GRACE)) {
            Some(ring) => {
                tracing::warn!(error = error.chain(), "the signing keys cannot be read; those of before are used");
                Ok(shared.keyring.keep(Ring { looked_at: now, ..Ring::clone(&ring) }))
            }
            None => Err(error),
        },
    }
}

/// All keys as they are stored, after those whose time has come have begun to sign.
pub(super) async fn keys(shared: &Shared) -> Result<Vec<Stored>> {
    let op = Op::read(shared);
    let stored = store::all(&op).await?;
    let due = |stored: &&Stored| stored.key.is_due(op.now());
    let (ours, foreign): (Vec<_>, Vec<_>) = stored.iter().filter(due).partition(|stored| is_ours(shared, stored));
    for stored in foreign {
        tracing::error!(kid = %stored.key.id, algorithm = %stored.key.algorithm, "the next signing key was made under another secret and does not sign");
    }
    if ours.is_empty() {
        return Ok(stored);
    }
    let due: Vec<SigningKey> = ours.into_iter().map(|stored| stored.key.clone()).collect();
    let keys: Vec<SigningKey> = stored.iter().map(|stored| stored.key.clone()).collect();
    match soon(rotation::promote(shared, &keys, &due)).await {
        Ok(()) => store::all(&op).await,
        Err(error) => {
            tracing::warn!(error = error.chain(), "the next signing key does not sign yet");
            Ok(stored)
        }
    }
}

fn build(shared: &Shared, before: Option<&Ring>, keys: Vec<Stored>, now: Timestamp) -> Ring {
    let mut signers = BTreeMap::new();
    for stored in &keys {
        let key = &stored.key;
        if !matches!(key.state, State::Active { .. }) {
            continue;
        }
        let known = before.and_then(|ring| ring.signer(key.algorithm));
        let known = known.filter(|signer| signer.key_id() == key.id.as_str());
        let signer = known.map_or_else(|| open(shared, stored).map(Arc::new), Ok);
        let signer = signer.map_err(|error| {
            tracing::error!(kid = %key.id, algorithm = %key.algorithm, error = error.chain(), "a signing key cannot be used");
        });
        signers.insert(key.algorithm, signer.ok());
    }
    let public = JwkSet { keys: keys.into_iter().map(|stored| stored.key.jwk).collect() };
    let same = before.filter(|ring| *ring.public == public);
    let verifying = same.map_or_else(|| Arc::new(KeySet::from(&public)), |ring| Arc::clone(&ring.verifying));
    let public = same.map_or_else(|| Arc::new(public), |ring| Arc::clone(&ring.public));
    Ring { signers, public, verifying, read_at: now, looked_at: now }
}

/// Whether a key can be used here: one that was made under another secret cannot.
pub(super) fn is_ours(shared: &Shared, stored: &Stored) -> bool {
    open(shared, stored).is_ok()
}

/// Opens a private key in its place. Tokens of one that does not belong to what is published would be good for nobody.
fn open(shared: &Shared, stored: &Stored) -> Result<Signer> {
    let key = &stored.key;
    let sealed = stored.sealed.as_deref().ok_or_else(|| Error::internal("an active key has no private half"))?;
    let clear = Zeroizing::new(shared.at_rest.open(store::place(&key.id), sealed)?);
    let signer = Signer::from_pkcs8(key.id.as_str(), key.algorithm, &clear)?;
    if signer.jwk()? == key.jwk {
        Ok(signer)
    } else {
        Err(Error::internal("the private half of a key does not belong to the public one"))
    }
}
