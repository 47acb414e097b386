//! Extractors: who is calling, with which role or scope, how surely, from where.

#[cfg(feature = "store")]
pub(crate) mod body;
pub mod client_ip;
pub mod device;
pub mod request;
pub mod role;
pub mod scope;
pub mod step_up;
pub mod user;
