//! Black-box tests, in the shape of what they test.
#![cfg(test)]

mod base_service;
