//! Black-box tests, in the shape of what they test.
#![cfg(test)]

mod architecture;
mod documents;
mod harness;
