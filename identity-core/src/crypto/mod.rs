//! Keys, signatures, encryption at rest and password hashes.

pub mod aead;
pub mod hmac;
pub mod keys;
pub mod password;

pub use aead::{AtRest, Place};
pub use keys::Keys;
pub use password::{PasswordHasher, Verified};
