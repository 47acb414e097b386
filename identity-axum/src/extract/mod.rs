//! Extractors: who is calling, with which role, from where.

pub mod client_ip;
pub mod device;
pub mod request;
pub mod role;
pub mod user;
