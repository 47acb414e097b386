#![doc = include_str!("../README.md")]

// Always: the words that a service shares with its trust anchor.
pub mod code;
pub mod entropy;
pub mod error;
pub mod id;
pub mod jwt;
pub mod principal;
pub mod request;
pub mod scope;
pub mod secret;
pub mod time;
pub mod token;

// Everything that owns data.
#[cfg(feature = "store")]
pub mod account;
#[cfg(feature = "store")]
pub mod admin;
#[cfg(feature = "store")]
pub mod audit;
#[cfg(feature = "store")]
pub mod auth;
#[cfg(feature = "store")]
mod claims;
#[cfg(feature = "store")]
pub mod config;
#[cfg(feature = "store")]
pub mod crypto;
#[cfg(feature = "store")]
pub mod device;
#[cfg(feature = "store")]
pub mod event;
#[cfg(feature = "store")]
mod family;
#[cfg(feature = "store")]
mod identity;
#[cfg(feature = "store")]
pub mod keys;
#[cfg(feature = "store")]
pub mod limits;
#[cfg(feature = "store")]
pub mod mail;
#[cfg(feature = "store")]
pub mod oauth;
#[cfg(feature = "store")]
mod op;
#[cfg(feature = "store")]
mod outbound;
#[cfg(feature = "store")]
mod outbox;
#[cfg(feature = "store")]
pub mod provisioning;
#[cfg(feature = "store")]
pub mod session;
#[cfg(feature = "store")]
mod shared;
#[cfg(feature = "store")]
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "store")]
pub mod text;
#[cfg(feature = "store")]
pub mod user;
#[cfg(feature = "store")]
mod verification;

pub use code::{Class, Code};
pub use error::{Error, Result};
#[cfg(feature = "store")]
pub use {
    identity::{ConfigProblems, Identity, IdentityBuilder, OutboxCounts},
    outbox::Worker,
};
