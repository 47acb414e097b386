//! The forms in which a password hash may be stored: ours, and those that users bring along from other systems.
//!
//! The cost of an imported hash is bounded before anything is computed, so that an import cannot eat memory or time.

use std::num::NonZeroU32;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::pbkdf2;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::memory::Memory;
use crate::token;

/// No accepted form is longer.
const MAX_TEXT: usize = 512;

/// KiB of memory: four times what libsodium and RFC 9106 recommend for sign-in.
const MAX_ARGON2_MEMORY: u32 = 256 * 1024;
/// KiB of memory times passes: about a second.
const MAX_ARGON2_WORK: u64 = 1024 * 1024;
const MAX_ARGON2_LANES: u32 = 64;
/// About a second.
const MAX_BCRYPT_COST: u32 = 14;
const MAX_PBKDF2_ITERATIONS: u32 = 2_000_000;
/// Bytes. A shorter hash would be guessed rather than computed.
const MIN_PBKDF2_HASH: usize = 16;

/// A stored hash whose form is known and whose cost is accepted.
pub(super) enum Stored<'a> {
    Argon2 {
        algorithm: Algorithm,
        version: Version,
        params: Params,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    /// scrypt (RFC 7914) as Better Auth stores it: the salt is fed as the hexadecimal text it is written in.
    BetterAuth {
        salt: &'a str,
        hash: Vec<u8>,
    },
    Bcrypt(&'a str),
    Pbkdf2 {
        iterations: NonZeroU32,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
}

impl<'a> Stored<'a> {
    /// Reads a stored hash. `own` are the parameters we hash with; they are accepted however large they are.
    ///
    /// # Errors
    /// A reason for the log that shows nothing of the hash.
    pub(super) fn parse(text: &'a str, own: &Params) -> Result<Self, &'static str> {
        if text.len() > MAX_TEXT {
            return Err("it is too long");
        }
        if let Some(rest) = text.strip_prefix("$2") {
            return bcrypt(text, rest);
        }
        if let Some(rest) = text.strip_prefix("pbkdf2_sha256$") {
            return django(rest);
        }
        if text.starts_with('$') {
            return phc(text, own);
        }
        better_auth(text)
    }

    /// Whether we would store it like this today.
    pub(super) fn is_current(&self, own: &Params) -> bool {
        matches!(self, Self::Argon2 { algorithm: Algorithm::Argon2id, version: Version::V0x13, params, .. } if params == own)
    }

    /// Whether it is the hash of exactly this password. This is the work that takes its time.
    pub(super) fn matches(&self, password: &str, memory: &Memory) -> bool {
        let bytes = password.as_bytes();
        match self {
            Self::Argon2 { algorithm, version, params, salt, hash } => {
                let mut computed = vec![0; hash.len()];
                let argon2 = Argon2::new(*algorithm, *version, params.clone());
                memory.hash(&argon2, bytes, salt, &mut computed).is_ok() && token::same(&computed, hash)
            }
            Self::BetterAuth { salt, hash } => {
                let mut computed = vec![0; hash.len()];
                scrypt::Params::new(14, 16, 1)
                    .is_ok_and(|params| scrypt::scrypt(bytes, salt.as_bytes(), &params, &mut computed).is_ok())
                    && token::same(&computed, hash)
            }
            // bcrypt ends a password at its first NUL and repeats it up to 72 bytes: `a` and `a NUL a` would be one.
            // Whatever follows byte 72 was cut when the hash was made, so it is cut here.
            Self::Bcrypt(text) => bcrypt::verify(bytes, text).unwrap_or(false) && !bytes.contains(&0),
            Self::Pbkdf2 { iterations, salt, hash } => {
                pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, *iterations, salt, bytes, hash).is_ok()
            }
        }
    }
}

const UNKNOWN: &str = "its format is unknown";
const TOO_COSTLY: &str = "its cost is beyond what is accepted";

fn bcrypt<'a>(text: &'a str, rest: &str) -> Result<Stored<'a>, &'static str> {
    if !["a$", "b$", "y$"].iter().any(|variant| rest.starts_with(variant)) {
        return Err(UNKNOWN);
    }
    let parts: bcrypt::HashParts = text.parse().map_err(|_| UNKNOWN)?;
    if parts.get_cost() > MAX_BCRYPT_COST {
        return Err(TOO_COSTLY);
    }
    Ok(Stored::Bcrypt(text))
}

/// `<iterations>$<salt>$<base64 of 32 bytes>`, with the salt taken as text.
fn django(rest: &str) -> Result<Stored<'static>, &'static str> {
    let mut parts = rest.split('$');
    let (Some(iterations), Some(salt), Some(hash), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(UNKNOWN);
    };
    let hash = STANDARD.decode(hash).map_err(|_| UNKNOWN)?;
    pbkdf2_sha256(iterations, salt.as_bytes().to_vec(), hash)
}

fn pbkdf2_sha256(iterations: &str, salt: Vec<u8>, hash: Vec<u8>) -> Result<Stored<'static>, &'static str> {
    let iterations: NonZeroU32 = iterations.parse().map_err(|_| UNKNOWN)?;
    if hash.len() < MIN_PBKDF2_HASH {
        return Err(UNKNOWN);
    }
    let blocks = hash.len().div_ceil(32);
    if u32::try_from(blocks).is_ok_and(|blocks| iterations.get().saturating_mul(blocks) <= MAX_PBKDF2_ITERATIONS) {
        Ok(Stored::Pbkdf2 { iterations, salt, hash })
    } else {
        Err(TOO_COSTLY)
    }
}

/// The PHC string format: `$<algorithm>$v=..$<parameters>$<salt>$<hash>`.
fn phc(text: &str, own: &Params) -> Result<Stored<'static>, &'static str> {
    let parsed = PasswordHash::new(text).map_err(|_| UNKNOWN)?;
    let (Some(salt), Some(hash)) = (parsed.salt, parsed.hash) else { return Err(UNKNOWN) };
    let (salt, hash) = (salt.to_vec(), hash.as_bytes().to_vec());
    if parsed.algorithm.as_str() == "pbkdf2-sha256" {
        if parsed.params.get_decimal("l").is_some_and(|length| usize::try_from(length) != Ok(hash.len())) {
            return Err(UNKNOWN);
        }
        return pbkdf2_sha256(parsed.params.get_str("i").ok_or(UNKNOWN)?, salt, hash);
    }
    let algorithm = Algorithm::try_from(parsed.algorithm.as_str()).map_err(|_| UNKNOWN)?;
    // Hashes from before the version was written down are of the first one.
    let version = parsed.version.map_or(Ok(Version::V0x10), Version::try_from).map_err(|_| UNKNOWN)?;
    let params = Params::try_from(&parsed).map_err(|_| UNKNOWN)?;
    let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
    let bounded =
        params.m_cost() <= MAX_ARGON2_MEMORY && work <= MAX_ARGON2_WORK && params.p_cost() <= MAX_ARGON2_LANES;
    if bounded || params == *own {
        Ok(Stored::Argon2 { algorithm, version, params, salt, hash })
    } else {
        Err(TOO_COSTLY)
    }
}

/// `<32 hexadecimal digits>:<128 hexadecimal digits>`.
fn better_auth(text: &str) -> Result<Stored<'_>, &'static str> {
    let (salt, key) = text.split_once(':').ok_or(UNKNOWN)?;
    let hash = hexadecimal(key).ok_or(UNKNOWN)?;
    if salt.len() == 32 && hexadecimal(salt).is_some() && hash.len() == 64 {
        Ok(Stored::BetterAuth { salt, hash })
    } else {
        Err(UNKNOWN)
    }
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok())).collect();
    let digits = digits?;
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    Some(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
