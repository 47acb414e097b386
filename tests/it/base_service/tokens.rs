//! Tokens as an anchor issues them, and as it never would.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaKeyPair,
};
use aws_lc_rs::{hmac, rand};
use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity_axum::TrustAnchorBuilder;
use identity_core::testing::ManualClock;
use identity_core::time::Clock as _;
use serde_json::{Value, json};

use super::anchor::{Behaviour, FakeAnchor};
use super::{Answer, ask, trusting};

/// RSA keys take long to make, so that all tests share these.
static RSA: LazyLock<[RsaKeyPair; 2]> =
    LazyLock::new(|| [(); 2].map(|()| RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));

enum Pair {
    Rsa(&'static RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// A key that signs, by an algorithm that it is told.
pub(super) struct Key {
    pub(super) id: &'static str,
    pub(super) algorithm: &'static str,
    pair: Pair,
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Key {
    pub(super) fn new(id: &'static str, algorithm: &'static str) -> Self {
        let pair = match algorithm {
            "RS256" => Pair::Rsa(&RSA[0]),
            "PS256" => Pair::Rsa(&RSA[1]),
            "ES256" => Pair::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()),
            "EdDSA" => Pair::Ed(Ed25519KeyPair::generate().unwrap()),
            other => panic!("{other}"),
        };
        Self { id, algorithm, pair }
    }

    pub(super) fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let modulus = encoded(public.modulus().big_endian_without_leading_zero());
                json!({ "kty": "RSA", "n": modulus, "e": encoded(public.exponent().big_endian_without_leading_zero()) })
            }
            Pair::Ecdsa(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y) })
            }
            Pair::Ed(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded(pair.public_key()) }),
        };
        jwk["kid"] = json!(self.id);
        jwk["alg"] = json!(self.algorithm);
        jwk["use"] = json!("sig");
        jwk
    }

    /// Signs with exactly this header, by the algorithm that it names or else by the key's own.
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let padding = if header["alg"] == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message.as_bytes(), &mut signature).unwrap();
                signature
            }
            Pair::Ecdsa(pair) => pair.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", encoded(signature))
    }

    pub(super) fn header(&self) -> Value {
        json!({ "alg": self.algorithm, "kid": self.id, "typ": "at+jwt" })
    }

    /// What a library signs that takes the public key for a shared secret.
    pub(super) fn sign_with_public_key(&self, header: &Value, claims: &Value) -> Vec<String> {
        let message = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
        let jwk = self.jwk();
        let modulus = jwk["n"].as_str().unwrap_or_default();
        let secrets =
            [jwk.to_string().into_bytes(), modulus.into(), URL_SAFE_NO_PAD.decode(modulus).unwrap(), Vec::new()];
        let signed = secrets.map(|secret| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes()));
        signed.iter().map(|signature| format!("{message}.{}", encoded(signature))).collect()
    }
}

pub(super) fn key_set(keys: &[&Key]) -> String {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() }).to_string()
}

/// An anchor with keys, and the clock of the service that trusts it.
pub(super) struct Issuer {
    pub(super) anchor: FakeAnchor,
    pub(super) clock: Arc<ManualClock>,
    pub(super) key: Key,
}

impl Issuer {
    pub(super) async fn start() -> Self {
        let (anchor, key) = (FakeAnchor::start().await, Key::new("one", "ES256"));
        anchor.jwks(Behaviour::body(key_set(&[&key])));
        Self { anchor, clock: Arc::new(ManualClock::new()), key }
    }

    pub(super) fn trusted(&self) -> TrustAnchorBuilder {
        trusting(&self.anchor).clock(Arc::clone(&self.clock) as _).timeout(Duration::from_secs(20)).audience("reports")
    }

    /// What a good token says.
    pub(super) fn claims(&self) -> Value {
        let now = self.clock.now().timestamp();
        json!({
            "iss": self.anchor.url, "aud": "reports", "sub": "ann", "client_id": "app", "jti": "1", "scope": "reports:read",
            "iat": now, "exp": now + 600,
        })
    }

    /// A good token, but for what `change` does to its claims.
    pub(super) fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims();
        change(&mut claims);
        self.key.sign(&self.key.header(), &claims)
    }

    /// A token whose key nobody has published.
    pub(super) fn token_of_unknown_key(&self, id: &str) -> String {
        let mut header = self.key.header();
        header["kid"] = json!(id);
        self.key.sign(&header, &self.claims())
    }

    pub(super) fn fetches(&self) -> usize {
        self.anchor.count("/oauth2/jwks")
    }
}

/// Asks with a token.
pub(super) async fn ask_with(app: &Router, path: &str, token: &str) -> Answer {
    ask(app, path, &[("authorization", &format!("Bearer {token}"))]).await
}

/// A key id that is new.
pub(super) fn fresh_id() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).unwrap();
    encoded(bytes)
}
