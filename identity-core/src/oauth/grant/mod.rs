//! Authorizations: what a client asked for, from the request to the redeemed code.

pub(crate) mod model;
pub(crate) mod store;

pub(crate) use model::{Grant, Holder, State};
