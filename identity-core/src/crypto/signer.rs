//! Keys that sign JSON Web Tokens (RFC 7515), parsed once.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, EllipticCurve, EllipticCurveKeyParameters, EllipticCurveKeyType,
    OctetKeyPairParameters, OctetKeyPairType, PublicKeyUse, RSAKeyParameters, RSAKeyType,
};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::jwt::{Algorithm, Jwk};

/// A key that is ready to sign.
pub struct Signer {
    key_id: String,
    algorithm: Algorithm,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ecdsa(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Signer {
    /// Makes a new key: RSA of 2048 bits, P-256 or Ed25519. RSA takes a good part of a second.
    ///
    /// # Errors
    /// `internal` when there is no randomness.
    pub fn generate(key_id: impl Into<String>, algorithm: Algorithm) -> Result<Self> {
        let pair = match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => {
                Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).map_err(Error::internal)?, padding(algorithm))
            }
            Algorithm::Es256 => {
                Pair::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(Error::internal)?)
            }
            Algorithm::EdDsa => Pair::Ed(Ed25519KeyPair::generate().map_err(Error::internal)?),
        };
        Ok(Self { key_id: key_id.into(), algorithm, pair })
    }

    /// Takes a private key in PKCS#8 (RFC 5958).
    ///
    /// # Errors
    /// `internal` when it is none, or of another type than the algorithm has.
    pub fn from_pkcs8(key_id: impl Into<String>, algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self> {
        let pair = match algorithm {
            Algorithm::Rs256 | Algorithm::Ps256 => {
                Pair::Rsa(RsaKeyPair::from_pkcs8(pkcs8).map_err(Error::internal)?, padding(algorithm))
            }
            Algorithm::Es256 => {
                Pair::Ecdsa(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(Error::internal)?)
            }
            Algorithm::EdDsa => Pair::Ed(Ed25519KeyPair::from_pkcs8(pkcs8).map_err(Error::internal)?),
        };
        Ok(Self { key_id: key_id.into(), algorithm, pair })
    }

    /// The private key in PKCS#8.
    ///
    /// # Errors
    /// `internal` when there is no memory for it.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>> {
        let bytes = match &self.pair {
            Pair::Rsa(pair, _) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(Error::internal)?;
                der.as_ref().to_vec()
            }
            Pair::Ecdsa(pair) => pair.to_pkcs8v1().map_err(Error::internal)?.as_ref().to_vec(),
            Pair::Ed(pair) => pair.to_pkcs8v1().map_err(Error::internal)?.as_ref().to_vec(),
        };
        Ok(Zeroizing::new(bytes))
    }

    /// The `kid` of its tokens.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The public key (RFC 7517), with `kid`, `alg` and `use`.
    ///
    /// # Errors
    /// `internal` when a point of P-256 is not of 65 bytes, which is never.
    pub fn jwk(&self) -> Result<Jwk> {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let parameters = match &self.pair {
            Pair::Rsa(pair, _) => {
                let public = pair.public_key();
                AlgorithmParameters::RSA(RSAKeyParameters {
                    key_type: RSAKeyType::RSA,
                    n: text(public.modulus().big_endian_without_leading_zero()),
                    e: text(public.exponent().big_endian_without_leading_zero()),
                })
            }
            Pair::Ecdsa(pair) => {
                // 4, x, y (SEC 1, section 2.3.3).
                let point = pair.public_key().as_ref();
                let (x, y) = point
                    .strip_prefix(&[4])
                    .and_then(|both| both.split_at_checked(32))
                    .ok_or_else(|| Error::internal("the public key is not an uncompressed point"))?;
                AlgorithmParameters::EllipticCurve(EllipticCurveKeyParameters {
                    key_type: EllipticCurveKeyType::EC,
                    curve: EllipticCurve::P256,
                    x: text(x),
                    y: text(y),
                })
            }
            Pair::Ed(pair) => AlgorithmParameters::OctetKeyPair(OctetKeyPairParameters {
                key_type: OctetKeyPairType::OctetKeyPair,
                curve: EllipticCurve::Ed25519,
                x: text(pair.public_key().as_ref()),
            }),
        };
        let common = CommonParameters {
            public_key_use: Some(PublicKeyUse::Signature),
            key_algorithm: Some(self.algorithm.of_jwk()),
            key_id: Some(self.key_id.clone()),
            ..CommonParameters::default()
        };
        Ok(Jwk { common, algorithm: parameters })
    }

    /// Signs claims as a JWS in compact form whose header says `alg`, `kid` and `typ`.
    ///
    /// # Errors
    /// `internal` when the library fails.
    pub fn sign(&self, typ: &str, claims: &Map<String, Value>) -> Result<String> {
        let claims = serde_json::to_vec(claims).map_err(Error::internal)?;
        self.compact(&json!({ "alg": self.algorithm, "kid": self.key_id, "typ": typ }), &claims)
    }

    /// Signs a payload behind a header that the caller answers for.
    pub(crate) fn compact(&self, header: &Value, payload: &[u8]) -> Result<String> {
        let header = serde_json::to_vec(header).map_err(Error::internal)?;
        // RSA signatures are of 256 bytes, which are 342 characters.
        let mut token = String::with_capacity((header.len() + payload.len()) * 4 / 3 + 350);
        URL_SAFE_NO_PAD.encode_string(header, &mut token);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = self.signature(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair, padding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*padding, &random, message, &mut signature).map_err(Error::internal)?;
                Ok(signature)
            }
            Pair::Ecdsa(pair) => Ok(pair.sign(&random, message).map_err(Error::internal)?.as_ref().to_vec()),
            Pair::Ed(pair) => Ok(pair.try_sign(message).map_err(Error::internal)?.as_ref().to_vec()),
        }
    }
}

fn padding(algorithm: Algorithm) -> &'static dyn RsaEncoding {
    if algorithm == Algorithm::Ps256 { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("key_id", &self.key_id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_that_was_written_down_signs_for_the_same_public_key() {
        for &algorithm in Algorithm::ALL {
            let made = Signer::generate("one", algorithm).unwrap();
            let read = Signer::from_pkcs8("one", algorithm, &made.to_pkcs8().unwrap()).unwrap();
            assert_eq!(made.jwk().unwrap(), read.jwk().unwrap());
            assert!(algorithm.fits(&read.jwk().unwrap()));
        }
    }

    #[test]
    fn a_private_key_of_another_type_is_none() {
        let ed = Signer::generate("one", Algorithm::EdDsa).unwrap().to_pkcs8().unwrap();
        for algorithm in [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256] {
            assert!(Signer::from_pkcs8("one", algorithm, &ed).is_err(), "{algorithm}");
        }
        assert!(Signer::from_pkcs8("one", Algorithm::EdDsa, &ed[1..]).is_err());
    }

    #[test]
    fn debug_shows_nothing_of_the_key() {
        let signer = Signer::generate("one", Algorithm::EdDsa).unwrap();
        assert_eq!(format!("{signer:?}"), "Signer { key_id: \"one\", algorithm: EdDsa, .. }");
    }
}
