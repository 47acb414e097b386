//! Black-box tests, in the shape of what they test.
#![cfg(test)]

mod architecture;
mod base_service;
mod documents;
mod harness;
mod program;
