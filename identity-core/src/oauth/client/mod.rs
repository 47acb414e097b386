//! Clients: the applications that ask for tokens.

pub(crate) mod auth;
pub mod model;
pub(crate) mod store;

pub use model::{
    AccessTokenFormat, AuthMethod, Client, ClientKind, ClientMetadata, ClientPolicy, GrantType, RefreshPolicy,
    SubjectType,
};
