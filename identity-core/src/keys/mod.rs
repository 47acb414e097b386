//! The keys that sign tokens: how they are made, published, used and replaced.

mod model;
mod ring;
mod rotation;
mod store;

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::crypto::keyring::Ring;
use crate::error::{Error, Result};
use crate::jwt::{Algorithm, Expected, JwkSet, Refusal};
use crate::shared::Shared;

pub use crate::crypto::Signer;
pub use model::{SigningKey, State};
pub(crate) use rotation::tend;

/// The keys that sign tokens.
#[derive(Debug)]
pub struct SigningKeys<'s> {
    pub(crate) shared: &'s Shared,
}

impl SigningKeys<'_> {
    /// All keys; those of an algorithm stand together, the active one first. None as long as nobody has asked for a token.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn list(&self) -> Result<Vec<SigningKey>> {
        Ok(ring::keys(self.shared).await?.into_iter().map(|stored| stored.key).collect())
    }

    /// Gives every algorithm a next key and answers those keys. It is published at once, and signs after `oauth.key_publication`; with
    /// `at_once` as soon as every node publishes it, 15 seconds from now, instead of one that was to sign later. A next key that is
    /// on its way already and signs no later stays. What was signed before stays good until it expires.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn rotate(&self, at_once: bool) -> Result<Vec<SigningKey>> {
        rotation::rotate(self.shared, at_once).await
    }

    /// The public keys (RFC 7517): those that sign, those that will, and those whose tokens are still good. The same `Arc` as before,
    /// unless they were read anew.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn public(&self) -> Result<Arc<JwkSet>> {
        public(self.shared).await
    }

    /// The key that signs with an algorithm at this moment, which is made if there is none. For one token, not to be kept: its time
    /// ends.
    ///
    /// # Errors
    /// Trouble with the database; `internal` for an algorithm that is not among `oauth.algorithms`.
    pub async fn signer(&self, algorithm: Algorithm) -> Result<Arc<Signer>> {
        signer(self.shared, algorithm).await
    }

    /// Verifies a token that one of these keys has signed, and answers its claims.
    ///
    /// # Errors
    /// Trouble with the database; what is wrong with the token is the inner answer.
    pub async fn verify(
        &self,
        token: &str,
        expected: &Expected<'_>,
    ) -> Result<std::result::Result<Map<String, Value>, Refusal>> {
        verify(self.shared, token, expected).await
    }

    /// Does what is due: publishes the next key, lets it sign, removes the old one. The worker does it every ten minutes.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn tend(&self) -> Result<()> {
        tend(self.shared).await
    }
}

/// The active key of an algorithm, which is made if there is none.
pub(crate) async fn signer(shared: &Shared, algorithm: Algorithm) -> Result<Arc<Signer>> {
    let mut ring = ring::current(shared).await?;
    let offered = shared.config.oauth.algorithms.contains(&algorithm);
    if offered && !ring.signers.contains_key(&algorithm) {
        ring = rotation::complete(shared, &[algorithm]).await?;
    }
    let signer = ring.signer(algorithm).filter(|_| offered);
    signer.ok_or_else(|| Error::internal(format!("there is no key that signs with {algorithm}")))
}

/// The public keys: those that sign, those that will, and those whose tokens are still good.
pub(crate) async fn public(shared: &Shared) -> Result<Arc<JwkSet>> {
    let mut ring = ring::current(shared).await?;
    if !is_complete(shared, &ring) {
        ring = rotation::complete(shared, &shared.config.oauth.algorithms).await?;
    }
    Ok(Arc::clone(&ring.public))
}

/// The same, where they need be neither read nor made.
pub(crate) fn cached_public(shared: &Shared) -> Option<Arc<JwkSet>> {
    let ring = ring::cached(shared).filter(|ring| is_complete(shared, ring))?;
    Some(Arc::clone(&ring.public))
}

/// Whether there is a key for every algorithm that is offered.
fn is_complete(shared: &Shared, ring: &Ring) -> bool {
    shared.config.oauth.algorithms.iter().all(|algorithm| ring.signers.contains_key(algorithm))
}

/// Verifies a token of our own.
pub(crate) async fn verify(
    shared: &Shared,
    token: &str,
    expected: &Expected<'_>,
) -> Result<std::result::Result<Map<String, Value>, Refusal>> {
    match ring::current(shared).await?.verifying.verify(token, expected) {
        // Another node may have made its first key meanwhile.
        Err(Refusal::UnknownKey) => Ok(ring::newer(shared).await?.verifying.verify(token, expected)),
        verified => Ok(verified),
    }
}
