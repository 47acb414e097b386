//! Bearer credentials in their two forms: the token that leaves once and the digest that is stored.

use std::fmt;
use std::marker::PhantomData;

use aws_lc_rs::digest;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::entropy::{self, Entropy};

/// What a token is good for. The kinds are types, so that a reset token cannot be looked up as a session.
pub mod kind {
    /// Lets a client call an API: the opaque form (RFC 6750).
    #[derive(Clone, Copy, Debug)]
    pub enum Access {}
    /// Lets a client call an API: the form that speaks for itself (RFC 9068).
    #[derive(Clone, Copy, Debug)]
    pub enum SignedAccess {}
    /// Is exchanged for tokens once (RFC 6749, section 4.1.2).
    #[derive(Clone, Copy, Debug)]
    pub enum AuthorizationCode {}
    /// Proves a confidential client.
    #[derive(Clone, Copy, Debug)]
    pub enum ClientSecret {}
    /// Is what a device polls with (RFC 8628, section 3.2).
    #[derive(Clone, Copy, Debug)]
    pub enum DeviceCode {}
    /// Lets a client have its tokens renewed (RFC 6749, section 6).
    #[derive(Clone, Copy, Debug)]
    pub enum Refresh {}
    /// Lets a registered client read and change its own registration (RFC 7592).
    #[derive(Clone, Copy, Debug)]
    pub enum Registration {}
    /// Proves a signed-in session.
    #[derive(Clone, Copy, Debug)]
    pub enum Session {}
    /// Proves an anonymous session of a device.
    #[derive(Clone, Copy, Debug)]
    pub enum Device {}
    /// Proves that a mail was received.
    #[derive(Clone, Copy, Debug)]
    pub enum Verification {}
}

/// An opaque credential in clear text. It has no `Display`, no `Serialize`, and `Debug` shows only its kind.
pub struct Token<K> {
    text: String,
    kind: PhantomData<fn() -> K>,
}

impl<K> Token<K> {
    /// Characters of a minted token: 43 alphanumerics, 256 bits.
    pub const LENGTH: usize = 43;

    /// Mints an unguessable token.
    #[must_use]
    pub fn mint(entropy: &dyn Entropy) -> Self {
        Self::presented(entropy::alphanumeric(entropy, Self::LENGTH))
    }

    /// Takes a token that a client presented. Nothing is checked: only a lookup by [`Token::digest`] says whether it is good.
    pub fn presented(text: impl Into<String>) -> Self {
        Self { text: text.into(), kind: PhantomData }
    }

    /// The text, for the one response, cookie or mail that carries it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The form that is stored and looked up.
    #[must_use]
    pub fn digest(&self) -> Digest<K> {
        Digest::from_bytes(sha256(self.text.as_bytes()))
    }
}

/// Tokens of devices have the form of a UUID, which their clients check: 36 characters, the letters in lower case.
impl Token<kind::Device> {
    /// Mints an unguessable token: a UUID of version 4 with 122 random bits (RFC 9562, section 5.4).
    #[must_use]
    pub fn mint_uuid(entropy: &dyn Entropy) -> Self {
        let mut random = [0_u8; 16];
        entropy.fill(&mut random);
        Self::presented(uuid::Builder::from_random_bytes(random).into_uuid().to_string())
    }

    /// Takes a token that a client presented, if it has the form of one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |(place, byte): (usize, u8)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        };
        (text.len() == 36 && text.bytes().enumerate().all(fits)).then(|| Self::presented(text))
    }
}

impl<K> Clone for Token<K> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), kind: PhantomData }
    }
}

impl<K> Drop for Token<K> {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

impl<K> fmt::Debug for Token<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token<{}>(redacted)", std::any::type_name::<K>().rsplit("::").next().unwrap_or_default())
    }
}

/// The SHA-256 of a token: enough to find a row, not enough to sign in.
pub struct Digest<K> {
    bytes: [u8; 32],
    kind: PhantomData<fn() -> K>,
}

impl<K> Digest<K> {
    /// Takes over the 32 bytes of a stored digest.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self { bytes, kind: PhantomData }
    }

    /// The 32 bytes as stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl<K> Clone for Digest<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Digest<K> {}

/// Compared in constant time.
impl<K> PartialEq for Digest<K> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes.ct_eq(&other.bytes).into()
    }
}

impl<K> Eq for Digest<K> {}

impl<K> fmt::Debug for Digest<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(redacted)")
    }
}

/// The SHA-256 of bytes (FIPS 180-4). Of a token, [`Token::digest`] also says what it is the digest of.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0_u8; 32];
    for (target, source) in hash.iter_mut().zip(digest::digest(&digest::SHA256, bytes).as_ref()) {
        *target = *source;
    }
    hash
}

/// Whether two credentials are equal, in time that depends on their lengths only.
#[must_use]
pub fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}
