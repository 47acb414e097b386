//! Accounts, sessions and verification as a library, on SQLite or PostgreSQL.

// Always: the words that a service shares with its trust anchor.
pub mod code;
pub mod entropy;
pub mod error;
pub mod id;
pub mod principal;
pub mod request;
pub mod secret;
pub mod time;
pub mod token;

#[cfg(feature = "store")]
pub mod config;
#[cfg(feature = "store")]
pub mod crypto;
#[cfg(feature = "store")]
pub mod text;

pub use code::{Class, Code};
pub use error::{Error, Result};
