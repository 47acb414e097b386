//! The memory that hashes are computed in, kept from one to the next.
//!
//! A fresh block for each hash would be given back to whichever thread it ran on, and allocators keep such blocks per thread: what
//! is taken at most would be a matter of how many threads there are, not of how many hashes run at a time.

use std::sync::{Mutex, PoisonError};

use argon2::{Argon2, Block};

/// At most as many blocks as hashes have ever run at a time, each for the configured cost.
#[derive(Debug)]
pub(super) struct Memory {
    free: Mutex<Vec<Vec<Block>>>,
    size: usize,
}

impl Memory {
    /// Room for hashes of up to `size` KiB. Nothing is taken yet.
    pub(super) fn new(size: usize) -> Self {
        Self { free: Mutex::default(), size }
    }

    /// Computes a hash. One that needs more than the configured memory gets its own for as long as it runs.
    ///
    /// # Errors
    /// When argon2 does not accept the lengths.
    pub(super) fn hash(&self, argon2: &Argon2<'_>, password: &[u8], salt: &[u8], out: &mut [u8]) -> argon2::Result<()> {
        let size = argon2.params().block_count();
        if size > self.size {
            return argon2.hash_password_into(password, salt, out);
        }
        let free = || self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = free().pop();
        let mut blocks = kept.unwrap_or_else(|| vec![Block::new(); self.size]);
        let hashed =
            argon2.hash_password_into_with_memory(password, salt, out, blocks.get_mut(..size).unwrap_or_default());
        free().push(blocks);
        hashed
    }
}
