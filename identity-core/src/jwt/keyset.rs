//! Public keys that are parsed once, for whoever verifies many tokens.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaParameters, RsaPublicKeyComponents,
};
use jsonwebtoken::jwk::AlgorithmParameters;
use serde_json::{Map, Value};

use super::{Algorithm, Expected, Jwk, JwkSet, Parts, Refusal, bytes};

/// Keys of a document beyond these are left out of its set.
const MOST_KEYS: usize = 100;

/// The public keys of an issuer. Verifying with it neither decodes nor parses a key again.
#[derive(Clone, Default)]
pub struct KeySet(Vec<Key>);

/// One key for one algorithm: an RSA key that does not say which is good for two.
#[derive(Clone)]
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    parsed: ParsedPublicKey,
}

impl KeySet {
    /// Reads a JWK set (RFC 7517, section 5). Keys of types, curves, sizes and uses that verify none of our algorithms are left out;
    /// `None` is for what is no set at all.
    #[must_use]
    pub fn parse(json: &[u8]) -> Option<Self> {
        Self::read(serde_json::from_slice(json).ok()?)
    }

    /// The same of a document that was read already.
    #[must_use]
    pub fn read(document: Value) -> Option<Self> {
        let Value::Object(mut set) = document else { return None };
        let Value::Array(keys) = set.remove("keys")? else { return None };
        Some(Self::of(keys.into_iter().take(MOST_KEYS).filter_map(|key| serde_json::from_value(key).ok())))
    }

    fn of(keys: impl Iterator<Item = Jwk>) -> Self {
        let keys = keys.flat_map(|jwk| {
            let parsed = Algorithm::ALL.iter().filter_map(|&algorithm| {
                Some(Key { id: jwk.common.key_id.clone(), algorithm, parsed: parsed(&jwk, algorithm)? })
            });
            parsed.collect::<Vec<_>>()
        });
        Self(keys.collect())
    }

    /// Whether no key of the set verifies anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is a key for one of these algorithms.
    #[must_use]
    pub fn has_one_for(&self, algorithms: &[Algorithm]) -> bool {
        self.0.iter().any(|key| algorithms.contains(&key.algorithm))
    }

    /// Verifies a token: header, signature with the key that its `kid` names, and the registered claims. Returns all of its claims.
    ///
    /// # Errors
    /// The first thing that is wrong, in that order. `UnknownKey` also where the token names no key.
    pub fn verify(&self, token: &str, expected: &Expected<'_>) -> Result<Map<String, Value>, Refusal> {
        self.verified(token, expected, |_| Err(Refusal::UnknownKey))
    }

    /// The same for issuers that need not name their keys: a token without a `kid` is good where only one key can be meant.
    ///
    /// # Errors
    /// The first thing that is wrong. `UnknownKey` also where the token names no key and there are several for its algorithm.
    pub fn verify_any(&self, token: &str, expected: &Expected<'_>) -> Result<Map<String, Value>, Refusal> {
        self.verified(token, expected, |algorithm| {
            let mut fitting = self.0.iter().filter(|key| key.algorithm == algorithm);
            fitting.next().filter(|_| fitting.next().is_none()).ok_or(Refusal::UnknownKey)
        })
    }

    fn verified<'k>(
        &'k self,
        token: &str,
        expected: &Expected<'_>,
        nameless: impl FnOnce(Algorithm) -> Result<&'k Key, Refusal>,
    ) -> Result<Map<String, Value>, Refusal> {
        let parts = Parts::of(token)?;
        let header = parts.expected_header(expected)?;
        let key = match &header.key_id {
            Some(id) => self.find(id, header.algorithm)?,
            None => nameless(header.algorithm)?,
        };
        parts.claims(&header, &key.parsed, expected)
    }

    /// A key that is known for another algorithm will not be found in a fresh set either.
    fn find(&self, id: &str, algorithm: Algorithm) -> Result<&Key, Refusal> {
        let mut known = self.0.iter().filter(|key| key.id.as_deref() == Some(id)).peekable();
        if known.peek().is_none() {
            return Err(Refusal::UnknownKey);
        }
        known.find(|key| key.algorithm == algorithm).ok_or(Refusal::Algorithm)
    }
}

impl From<&JwkSet> for KeySet {
    fn from(set: &JwkSet) -> Self {
        Self::of(set.keys.iter().cloned())
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| (&key.id, key.algorithm))).finish()
    }
}

/// A public key, if it may be used with this algorithm.
fn parsed(jwk: &Jwk, algorithm: Algorithm) -> Option<ParsedPublicKey> {
    if !algorithm.fits(jwk) {
        return None;
    }
    match (algorithm, &jwk.algorithm) {
        (Algorithm::Rs256, AlgorithmParameters::RSA(key)) => rsa(&key.n, &key.e, &RSA_PKCS1_2048_8192_SHA256),
        (Algorithm::Ps256, AlgorithmParameters::RSA(key)) => rsa(&key.n, &key.e, &RSA_PSS_2048_8192_SHA256),
        (Algorithm::Es256, AlgorithmParameters::EllipticCurve(key)) => {
            // An uncompressed point begins with 4 (SEC 1, section 2.3.3).
            let point = [vec![4], coordinate(&key.x)?, coordinate(&key.y)?].concat();
            ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()
        }
        (Algorithm::EdDsa, AlgorithmParameters::OctetKeyPair(key)) => {
            ParsedPublicKey::new(&ED25519, coordinate(&key.x)?).ok()
        }
        _ => None,
    }
}

fn rsa(modulus: &str, exponent: &str, parameters: &'static RsaParameters) -> Option<ParsedPublicKey> {
    let components = RsaPublicKeyComponents { n: bytes(modulus)?, e: bytes(exponent)? };
    components.to_parsed_public_key(parameters).ok()
}

/// 32 bytes: a coordinate of P-256, or a point of Ed25519.
fn coordinate(text: &str) -> Option<Vec<u8>> {
    bytes(text).filter(|bytes| bytes.len() == 32)
}
