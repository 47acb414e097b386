//! The keys that sign tokens.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::error::Result;
use crate::jwt::{Algorithm, Expected, JwkSet, Refusal};
use crate::shared::Shared;

/// A key that is ready to sign.
#[derive(Debug)]
pub(crate) struct Signer {}

impl Signer {
    /// Signs claims as a JWS in compact form whose header says `alg`, `kid` and `typ`.
    pub(crate) fn sign(&self, _typ: &str, _claims: &Map<String, Value>) -> Result<String> {
        todo!()
    }
}

/// The active key of an algorithm.
pub(crate) async fn signer(_shared: &Shared, _algorithm: Algorithm) -> Result<Arc<Signer>> {
    todo!()
}

/// The public keys: those that sign, those that will, and those whose tokens are still good.
pub(crate) async fn public(_shared: &Shared) -> Result<Arc<JwkSet>> {
    todo!()
}

/// Verifies a token of our own.
pub(crate) async fn verify(
    _shared: &Shared,
    _token: &str,
    _expected: &Expected<'_>,
) -> Result<std::result::Result<Map<String, Value>, Refusal>> {
    todo!()
}
