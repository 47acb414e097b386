//! Verifying JSON Web Tokens (RFC 7519, RFC 8725): an explicit list of algorithms, types, issuer, audience and times.
//!
//! Signatures are checked by aws-lc itself. The library that gives JWKs their form would ask a provider that is one for the whole
//! process, which belongs to the embedding application and panics where two are compiled in.

mod algorithm;
mod keyset;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use aws_lc_rs::signature::ParsedPublicKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::time::{Timestamp, after, before};

pub use algorithm::Algorithm;
pub use jsonwebtoken::jwk::{Jwk, JwkSet};
pub use keyset::KeySet;

/// Longest token that is looked at, in bytes.
const MOST_BYTES: usize = 16 * 1024;

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
    pub allow_expired: bool,
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
    Parts::of(token)?.header()
}

/// Reads the claims of a token without believing them, to find out whose keys to ask for.
///
/// # Errors
/// `Malformed`.
pub fn peek(token: &str) -> Result<Map<String, Value>, Refusal> {
    object(Parts::of(token)?.payload)
}

/// The members of a header that mean something here. One that stands twice makes no header.
#[derive(Deserialize)]
struct Fields<'h> {
    #[serde(borrow)]
    alg: Cow<'h, str>,
    #[serde(borrow, default, deserialize_with = "there")]
    kid: Option<Cow<'h, str>>,
    #[serde(borrow, default, deserialize_with = "there")]
    typ: Option<Cow<'h, str>>,
    #[serde(default, deserialize_with = "there")]
    crit: Option<IgnoredAny>,
}

/// What stands there is a value, `null` too.
fn there<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// The parts of a JWS in compact form (RFC 7515, section 7.1).
struct Parts<'t> {
    header: &'t str,
    payload: &'t str,
    signature: &'t str,
    /// Header and payload with the dot between them.
    signed: &'t str,
}

impl<'t> Parts<'t> {
    fn of(token: &'t str) -> Result<Self, Refusal> {
        if token.len() > MOST_BYTES || token.bytes().filter(|byte| *byte == b'.').count() != 2 {
            return Err(Refusal::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Refusal::Malformed)?;
        Ok(Self { header, payload, signature, signed })
    }

    fn header(&self) -> Result<Header, Refusal> {
        let json = bytes(self.header).ok_or(Refusal::Malformed)?;
        let fields: Fields<'_> = serde_json::from_slice(&json).map_err(|_| Refusal::Malformed)?;
        let algorithm = Algorithm::parse(&fields.alg).ok_or(Refusal::Algorithm)?;
        // Whatever it lists: no extension is understood here (RFC 7515, section 4.1.11).
        if fields.crit.is_some() {
            return Err(Refusal::Critical);
        }
        let kind = fields.typ.map(|typ| {
            let typ = typ.to_ascii_lowercase();
            typ.strip_prefix("application/").map(str::to_owned).unwrap_or(typ)
        });
        Ok(Header { algorithm, key_id: fields.kid.map(Cow::into_owned), kind })
    }

    /// The header, if its algorithm is one of those that are accepted.
    fn expected_header(&self, expected: &Expected<'_>) -> Result<Header, Refusal> {
        let header = self.header()?;
        if expected.algorithms.contains(&header.algorithm) { Ok(header) } else { Err(Refusal::Algorithm) }
    }

    /// The claims, once everything is proved.
    fn claims(
        &self,
        header: &Header,
        key: &ParsedPublicKey,
        expected: &Expected<'_>,
    ) -> Result<Map<String, Value>, Refusal> {
        let signature = bytes(self.signature).ok_or(Refusal::Malformed)?;
        key.verify_sig(self.signed.as_bytes(), &signature).map_err(|_| Refusal::Signature)?;
        let claims = object(self.payload)?;
        let wanted = |typ: &&str| header.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case(typ));
        if !expected.types.is_empty() && !expected.types.iter().any(wanted) {
            return Err(Refusal::Type);
        }
        check(&claims, expected)?;
        Ok(claims)
    }
}

fn bytes(base64url: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(base64url).ok()
}

fn object(part: &str) -> Result<Map<String, Value>, Refusal> {
    serde_json::from_slice(&bytes(part).ok_or(Refusal::Malformed)?).map_err(|_| Refusal::Malformed)
}

fn check(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), Refusal> {
    if claims.get("iss").and_then(Value::as_str) != Some(expected.issuer) {
        return Err(Refusal::Issuer);
    }
    if !expected.audience.is_empty() && !audiences(claims).any(|audience| expected.audience.contains(&audience)) {
        return Err(Refusal::Audience);
    }
    let expires_at = moment(claims, "exp")?.ok_or(Refusal::Expired)?;
    if !expected.allow_expired && expires_at <= before(expected.now, expected.leeway) {
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
