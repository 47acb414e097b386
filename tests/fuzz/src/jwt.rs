//! Tokens: what a stranger writes, and claims that our own key has signed.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity_core::jwt::{self, Algorithm, Expected, JwkSet, KeySet, Refusal};
use identity_core::keys::Signer;
use identity_core::time::Timestamp;
use serde_json::{Map, Value};

use crate::cut;

const NOW: u32 = 1_800_000_000;
const ISSUER: &str = "https://id.example.com";

/// Always the same, so that a finding can be tried again.
static SIGNER: LazyLock<Signer> = LazyLock::new(|| {
    let key = STANDARD.decode("MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f").expect("base64");
    Signer::from_pkcs8("key", Algorithm::EdDsa, &key).expect("a key")
});
static KEYS: LazyLock<KeySet> =
    LazyLock::new(|| KeySet::from(&JwkSet { keys: vec![SIGNER.jwk().expect("its public half")] }));

fn expected() -> Expected<'static> {
    Expected {
        issuer: ISSUER,
        audience: &["app"],
        types: &["at+jwt"],
        algorithms: Algorithm::ALL,
        now: Timestamp::from_timestamp(NOW.into(), 0).expect("a time"),
        leeway: Duration::ZERO,
        allow_expired: false,
    }
}

/// The first line is a token, which nobody has signed and which is never good. The rest are claims: signed with our key they are good
/// only for their issuer, their audience and their time, and come back whole.
#[must_use]
pub fn jwt(data: &[u8]) -> bool {
    let (token, claims) = cut(data);
    if let Ok(token) = std::str::from_utf8(token) {
        let _ = (jwt::header(token), jwt::peek(token));
        assert!(KEYS.verify_any(token, &expected()).is_err(), "{token} is good, and our key has not signed it");
    }
    let Ok(Value::Object(claims)) = serde_json::from_slice(claims) else { return false };
    let token = SIGNER.sign("at+jwt", &claims).expect("a signature");
    match KEYS.verify_any(&token, &expected()) {
        Ok(verified) => {
            assert!(verified.keys().eq(claims.keys()), "{claims:?} came back as {verified:?}");
            assert!(is_good(&claims), "{claims:?} are good");
            true
        }
        Err(refusal) => {
            let ours = [Refusal::Algorithm, Refusal::Critical, Refusal::UnknownKey, Refusal::Signature, Refusal::Type];
            assert!(!ours.contains(&refusal), "a token of our own is refused: {refusal}");
            false
        }
    }
}

/// The rules about claims, spelled out.
fn is_good(claims: &Map<String, Value>) -> bool {
    let number = |name: &str| claims.get(name).map(|value| value.as_f64().expect("a time is a number"));
    let audience = match claims.get("aud") {
        Some(Value::Array(several)) => several.iter().any(|one| one == "app"),
        Some(one) => one == "app",
        None => false,
    };
    let now = f64::from(NOW);
    let over = number("exp").is_none_or(|end| end <= now);
    let early = ["nbf", "iat"].into_iter().filter_map(number).any(|begin| begin.floor() > now);
    claims.get("iss").is_some_and(|issuer| issuer == ISSUER) && audience && !over && !early
}
