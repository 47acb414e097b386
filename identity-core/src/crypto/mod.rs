//! Keys, signatures, encryption at rest and password hashes.

pub mod aead;
pub mod hmac;
pub(crate) mod keyring;
pub mod keys;
pub mod password;
pub mod signer;

pub use aead::{AtRest, Place};
pub use keys::Keys;
pub use password::{PasswordHasher, Verified};
pub use signer::Signer;
