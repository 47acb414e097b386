//! Black-box tests, in the shape of what they test.
#![cfg(test)]

mod architecture;
mod base_service;
mod better_auth;
mod conformance;
mod container;
mod device_sessions;
mod documents;
mod flows;
mod harness;
mod isolation;
mod oidc;
mod pages;
mod program;
mod security;
mod stock_client;
mod tls;
