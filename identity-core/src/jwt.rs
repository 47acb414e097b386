//! Verifying JSON Web Tokens (RFC 7519, RFC 8725): an explicit list of algorithms, types, issuer, audience and times.

use std::fmt;
use std::time::Duration;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{DecodingKey, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::time::{Timestamp, after, before};

pub use jsonwebtoken::jwk::{Jwk, JwkSet};
pub use keyset::KeySet;

mod keyset;

/// Longest token that is looked at, in bytes.
const MOST_BYTES: usize = 16 * 1024;

/// A signature algorithm that is offered (RFC 7518, section 3.1). There is no `none` and no HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256; what every client understands.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519 (RFC 8037).
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// All of them, the default first.
    pub const ALL: &'static [Self] = &[Self::Rs256, Self::Ps256, Self::Es256, Self::EdDsa];

    /// Its name in headers and metadata.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.as_str() == name)
    }

    /// The same in the words of the library.
    #[must_use]
    pub const fn to_library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Ps256 => jsonwebtoken::Algorithm::PS256,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        }
    }

    fn of_library(algorithm: jsonwebtoken::Algorithm) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.to_library() == algorithm)
    }

    /// Whether a public key may be used with this algorithm: its type and curve fit, its size is safe, and it says nothing else of itself.
    #[must_use]
    pub fn fits(self, jwk: &Jwk) -> bool {
        let named = match (jwk.common.key_algorithm, self) {
            (None, _)
            | (Some(KeyAlgorithm::RS256), Self::Rs256)
            | (Some(KeyAlgorithm::PS256), Self::Ps256)
            | (Some(KeyAlgorithm::ES256), Self::Es256)
            | (Some(KeyAlgorithm::EdDSA), Self::EdDsa) => true,
            (Some(_), _) => false,
        };
        let signs = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
        let fits = match (&jwk.algorithm, self) {
            // 2048 bits are 342 characters of base64url.
            (AlgorithmParameters::RSA(key), Self::Rs256 | Self::Ps256) => key.n.len() >= 342,
            (AlgorithmParameters::EllipticCurve(key), Self::Es256) => key.curve == EllipticCurve::P256,
            (AlgorithmParameters::OctetKeyPair(key), Self::EdDsa) => key.curve == EllipticCurve::Ed25519,
            _ => false,
        };
        named && signs && fits
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a token must be to be good.
#[derive(Clone, Debug)]
pub struct Expected<'a> {
    /// The `iss` it must have.
    pub issuer: &'a str,
    /// The audiences of which `aud` must name one; empty where the audience is the caller's to check.
    pub audience: &'a [&'a str],
    /// The `typ` headers of which it must have one, without `application/` and in any case; empty where any will do.
    pub types: &'a [&'a str],
    /// The algorithms that are accepted.
    pub algorithms: &'a [Algorithm],
    /// The current time.
    pub now: Timestamp,
    /// How far the clock of the issuer may be off.
    pub leeway: Duration,
    /// Whether one that has run out is good enough, as the hint of a logout is.
    pub expired_is_fine: bool,
}

/// Why a token is not good. The words are for logs; a client only hears that it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not a JWS in compact form with a JSON object inside.
    Malformed,
    /// Its algorithm is none of the accepted.
    Algorithm,
    /// Its header asks for an extension that nobody here knows (`crit`).
    Critical,
    /// There is no key with its `kid` for its algorithm; a fresh key set may have one.
    UnknownKey,
    /// The signature is wrong.
    Signature,
    /// It is a token of another type.
    Type,
    /// It is of another issuer.
    Issuer,
    /// It is for somebody else.
    Audience,
    /// It has run out, or says nothing of when it will.
    Expired,
    /// Its time is yet to come.
    NotYet,
    /// It is bound to a key or a certificate (`cnf`, RFC 7800), which nobody here asks to see.
    Bound,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the token is refused: {self:?}")
    }
}

impl std::error::Error for Refusal {}

/// The header of a token, before anything of it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The algorithm, if it is one that is offered.
    pub algorithm: Algorithm,
    /// The key.
    pub key_id: Option<String>,
    /// The type, without `application/` and in lower case.
    pub kind: Option<String>,
}

/// Reads the header of a token. Nothing of it is proved.
///
/// # Errors
/// `Malformed`, `Algorithm`, `Critical`.
pub fn header(token: &str) -> Result<Header, Refusal> {
    if token.len() > MOST_BYTES || token.split('.').count() != 3 {
        return Err(Refusal::Malformed);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| Refusal::Malformed)?;
    let algorithm = Algorithm::of_library(header.alg).ok_or(Refusal::Algorithm)?;
    if header.crit.is_some() {
        return Err(Refusal::Critical);
    }
    let kind = header.typ.map(|typ| typ.to_ascii_lowercase());
    let kind = kind.map(|typ| typ.strip_prefix("application/").map(str::to_owned).unwrap_or(typ));
    Ok(Header { algorithm, key_id: header.kid, kind })
}

/// Reads the claims of a token without believing them, to find out whose keys to ask for.
///
/// # Errors
/// `Malformed`.
pub fn peek(token: &str) -> Result<Map<String, Value>, Refusal> {
    if token.len() > MOST_BYTES {
        return Err(Refusal::Malformed);
    }
    jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(|_| Refusal::Malformed)
}

/// Verifies a token: header, signature with a key of the set, and the registered claims. Returns all of its claims.
///
/// # Errors
/// The first thing that is wrong, in that order.
pub fn verify(token: &str, keys: &JwkSet, expected: &Expected<'_>) -> Result<Map<String, Value>, Refusal> {
    let header = header(token)?;
    if !expected.algorithms.contains(&header.algorithm) {
        return Err(Refusal::Algorithm);
    }
    let fits = |key: &&Jwk| header.algorithm.fits(key);
    let key = match &header.key_id {
        Some(id) => keys.keys.iter().find(|key| key.common.key_id.as_ref() == Some(id) && fits(key)),
        // Without a name only one key may be meant.
        None => {
            let mut fitting = keys.keys.iter().filter(fits);
            fitting.next().filter(|_| fitting.next().is_none())
        }
    };
    let claims = signed_claims(token, key.ok_or(Refusal::UnknownKey)?, header.algorithm)?;
    let wanted = |typ: &&str| header.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case(typ));
    if !expected.types.is_empty() && !expected.types.iter().any(|typ| wanted(&typ)) {
        return Err(Refusal::Type);
    }
    check(&claims, expected)?;
    Ok(claims)
}

fn signed_claims(token: &str, key: &Jwk, algorithm: Algorithm) -> Result<Map<String, Value>, Refusal> {
    let key = DecodingKey::from_jwk(key).map_err(|_| Refusal::UnknownKey)?;
    // The library's own checks read the clock of the system; ours come after.
    let mut validation = Validation::new(algorithm.to_library());
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    match jsonwebtoken::decode::<Map<String, Value>>(token, &key, &validation) {
        Ok(data) => Ok(data.claims),
        Err(error) => Err(match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => Refusal::Signature,
            _ => Refusal::Malformed,
        }),
    }
}

fn check(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), Refusal> {
    if claims.get("iss").and_then(Value::as_str) != Some(expected.issuer) {
        return Err(Refusal::Issuer);
    }
    if !expected.audience.is_empty() && !audiences(claims).any(|audience| expected.audience.contains(&audience)) {
        return Err(Refusal::Audience);
    }
    let expires_at = moment(claims, "exp")?.ok_or(Refusal::Expired)?;
    if !expected.expired_is_fine && expires_at <= before(expected.now, expected.leeway) {
        return Err(Refusal::Expired);
    }
    let latest = after(expected.now, expected.leeway);
    for name in ["nbf", "iat"] {
        if moment(claims, name)?.is_some_and(|moment| moment > latest) {
            return Err(Refusal::NotYet);
        }
    }
    Ok(())
}

/// The audiences of a token: `aud` is a text or a list of texts (RFC 7519, section 4.1.3).
pub fn audiences(claims: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let (one, many) = match claims.get("aud") {
        Some(Value::String(one)) => (Some(one.as_str()), [].as_slice()),
        Some(Value::Array(many)) => (None, many.as_slice()),
        _ => (None, [].as_slice()),
    };
    one.into_iter().chain(many.iter().filter_map(Value::as_str))
}

/// A claim that is a time in seconds since 1970, whole or not.
///
/// # Errors
/// `Malformed` when it is there and no such number.
pub fn moment(claims: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, Refusal> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = match value.as_i64() {
        Some(seconds) => seconds,
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a fraction of a second makes no difference, and casts saturate"
        )]
        None => value.as_f64().ok_or(Refusal::Malformed)?.floor() as i64,
    };
    Timestamp::from_timestamp(seconds, 0).map(Some).ok_or(Refusal::Malformed)
}
