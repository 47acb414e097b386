//! Hashing and checking passwords with argon2id (RFC 9106), a bounded number at a time.

mod pool;
mod stored;
#[cfg(test)]
mod tests;

use std::fmt;
use std::hint;
use std::sync::Arc;
use std::thread;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use self::pool::Pool;
use self::stored::Stored;
use crate::code::Code;
use crate::config::PasswordOptions;
use crate::entropy::Entropy;
use crate::error::{Error, Result};

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// Hashes and checks passwords on threads that may block, so that neither memory nor the other requests suffer.
pub struct PasswordHasher {
    params: Params,
    nobody: String,
    min_length: usize,
    max_length: usize,
    pool: Pool,
    entropy: Arc<dyn Entropy>,
}

/// What checking a password against a stored hash has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Verified {
    /// Whether it is the password.
    pub matches: bool,
    /// Whether the hash is imported or of other parameters than configured, and should be made anew from the password.
    pub outdated: bool,
}

impl PasswordHasher {
    /// Prepares hashing with the configured cost.
    ///
    /// # Errors
    /// One sentence that names the settings which argon2 does not accept.
    pub fn new(options: &PasswordOptions, entropy: Arc<dyn Entropy>) -> Result<Self, String> {
        let cores = || thread::available_parallelism().map_or(1, usize::from);
        let params =
            Params::new(options.argon2_memory, options.argon2_iterations, options.argon2_parallelism, Some(HASH_BYTES))
                .map_err(|problem| {
                    format!("password.argon2_memory, argon2_iterations and argon2_parallelism: {problem}.")
                })?;
        let nobody = unguessable(&params, &*entropy).map_err(|problem| format!("password.argon2_*: {problem}."))?;
        let blocks = params.block_count();
        Ok(Self {
            params,
            nobody,
            min_length: options.min_length,
            max_length: options.max_length,
            pool: Pool::new(options.permits.unwrap_or_else(cores), options.queue_wait, blocks),
            entropy,
        })
    }

    /// Whether a new password has an accepted length, in UTF-16 units after NFKC as a browser counts them.
    ///
    /// # Errors
    /// `password_too_short` or `password_too_long`.
    pub fn check_length(&self, password: &str) -> Result<()> {
        let length: usize = password.nfkc().map(char::len_utf16).sum();
        if length < self.min_length {
            Err(Error::new(Code::PasswordTooShort))
        } else if length > self.max_length {
            Err(Error::new(Code::PasswordTooLong))
        } else {
            Ok(())
        }
    }

    /// Asks whether a password would find its turn at all, before the database is asked for what it is compared with.
    ///
    /// # Errors
    /// `overloaded`.
    pub(crate) fn ask_for_room(&self) -> Result<()> {
        self.pool.ask_for_room()
    }

    /// Hashes a password for storage, as a PHC string of some 97 characters.
    ///
    /// # Errors
    /// `overloaded` when too many passwords are being hashed already.
    pub async fn hash(&self, password: &str) -> Result<String> {
        let mut salt = [0_u8; SALT_BYTES];
        self.entropy.fill(&mut salt);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone());
        let password = normal(password);
        let hashing = self.pool.run(move |memory| {
            let mut hash = [0_u8; HASH_BYTES];
            argon2.hash_password_into_with_memory(password.as_bytes(), &salt, &mut hash, memory).map(|()| hash)
        });
        let hash = hashing.await?.map_err(Error::internal)?;
        phc(&self.params, &salt, &hash).map_err(Error::internal)
    }

    /// Checks a password against a stored hash: ours, or one that was imported.
    ///
    /// Accepted are argon2id, argon2i and argon2d in PHC form, Better Auth's scrypt, bcrypt (`2a`, `2b`, `2y`),
    /// and PBKDF2-SHA256 in PHC and in Django's form. A hash of another form matches no password.
    ///
    /// # Errors
    /// `overloaded` when too many passwords are being hashed already.
    pub async fn verify(&self, password: &str, stored: &str) -> Result<Verified> {
        let typed = Zeroizing::new(password.to_owned());
        let (stored, own, nobody) = (stored.to_owned(), self.params.clone(), self.nobody.clone());
        self.pool
            .run(move |memory| match Stored::parse(&stored, &own) {
                Ok(stored) => check(&typed, &stored, &own, memory),
                Err(reason) => {
                    tracing::warn!(reason, "a stored password hash cannot be checked");
                    // The work is done for its time alone.
                    let checked = Stored::parse(&nobody, &own).map(|stored| check(&typed, &stored, &own, memory));
                    let _ = hint::black_box(checked);
                    Verified { matches: false, outdated: true }
                }
            })
            .await
    }

    /// Whether a stored text is a hash of a form and a cost that passwords are checked against.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn accepts(&self, stored: &str) -> bool {
        Stored::parse(stored, &self.params).is_ok()
    }

    /// How many passwords were hashed or checked so far.
    pub(crate) fn work_done(&self) -> u64 {
        self.pool.finished()
    }

    /// Takes the time of a check where there is no user, so that the answer's time does not tell.
    ///
    /// # Errors
    /// `overloaded` exactly as [`PasswordHasher::verify`].
    pub async fn verify_nothing(&self, password: &str) -> Result<()> {
        self.verify(password, &self.nobody).await.map(|_| ())
    }
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHasher").field("params", &self.params).field("pool", &self.pool).finish_non_exhaustive()
    }
}

/// Passwords are compared in the form in which equal-looking ones are equal (Unicode NFKC, UAX 15).
fn normal(password: &str) -> Zeroizing<String> {
    Zeroizing::new(password.nfkc().collect())
}

/// Our own hashes, and Better Auth's, are made from the normal form; other systems hash what was typed.
fn check(typed: &str, stored: &Stored<'_>, own: &Params, memory: &mut [Block]) -> Verified {
    let current = stored.is_current(own);
    let normal = normal(typed);
    let matches = stored.matches(&normal, memory) || (!current && *normal != typed && stored.matches(typed, memory));
    // HMAC, on which PBKDF2 and scrypt stand, fills its key up with NULs (RFC 2104, section 2): the same password with some at its end
    // would match. No password of ours has one.
    let padded = typed.contains('\0');
    Verified { matches: matches && !padded, outdated: !current }
}

/// A hash of the configured cost that no known password has.
fn unguessable(params: &Params, entropy: &dyn Entropy) -> Result<String, argon2::password_hash::Error> {
    let (mut salt, mut hash) = ([0_u8; SALT_BYTES], [0_u8; HASH_BYTES]);
    entropy.fill(&mut salt);
    entropy.fill(&mut hash);
    phc(params, &salt, &hash)
}

/// A hash as it is stored, in the PHC string format.
fn phc(
    params: &Params,
    salt: &[u8; SALT_BYTES],
    hash: &[u8; HASH_BYTES],
) -> Result<String, argon2::password_hash::Error> {
    let parts = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params)?,
        salt: Some(Salt::new(salt)?),
        hash: Some(Output::new(hash)?),
    };
    Ok(parts.to_string())
}
