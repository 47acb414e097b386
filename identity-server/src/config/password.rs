//! `[password]`: rules of passwords and the cost of their hashes.

use identity_core::config::PasswordOptions;

use super::problem::{Problem, Problems};
use super::table::section;

section! {
    /// Rules of passwords and the cost of their hashes.
    Password = "password" {
        /// Whether a forgotten password can be reset by mail.
        reset: bool = true;
        /// Fewest characters.
        min_length: usize = PasswordOptions::default().min_length;
        /// Most characters.
        max_length: usize = PasswordOptions::default().max_length;
        /// Argon2id memory in KiB.
        argon2_memory: u32 = PasswordOptions::default().argon2_memory;
        /// Argon2id passes.
        argon2_iterations: u32 = PasswordOptions::default().argon2_iterations;
        /// Argon2id lanes.
        argon2_parallelism: u32 = PasswordOptions::default().argon2_parallelism;
        /// How many hashes are computed at once; memory use is this times `argon2_memory`. Without it: one per core.
        permits: Option<usize> = None;
    }
}

/// Memory in KiB and passes that OWASP's password storage cheat sheet holds to be equally strong, with one lane.
const OWASP: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

impl Password {
    pub(super) fn check(&self, problems: &mut Problems) {
        if self.min_length == 0 {
            problems.push(Problem::of("password.min_length", "must be at least 1"));
        }
        if self.min_length > self.max_length {
            let keys = ["password.min_length", "password.max_length"];
            problems
                .push(Problem::between(&keys, "no password could be long enough: the minimum is above the maximum"));
        }
        if self.permits == Some(0) {
            problems.push(Problem::of("password.permits", "must be at least 1"));
        }
        for (key, value) in [
            ("password.argon2_iterations", self.argon2_iterations),
            ("password.argon2_parallelism", self.argon2_parallelism),
        ] {
            if value == 0 {
                problems.push(Problem::of(key, "must be at least 1"));
            }
        }
        if self.argon2_memory < self.argon2_parallelism.saturating_mul(8) {
            problems.push(Problem::of("password.argon2_memory", "must be at least 8 KiB per lane"));
        }
    }

    /// Whether hashes cost at least what OWASP asks for.
    pub(super) fn is_strong(&self) -> bool {
        OWASP.iter().any(|(memory, passes)| self.argon2_memory >= *memory && self.argon2_iterations >= *passes)
    }

    /// What core needs to know.
    pub(super) fn options(&self) -> PasswordOptions {
        PasswordOptions {
            reset: self.reset,
            min_length: self.min_length,
            max_length: self.max_length,
            argon2_memory: self.argon2_memory,
            argon2_iterations: self.argon2_iterations,
            argon2_parallelism: self.argon2_parallelism,
            permits: self.permits,
            ..PasswordOptions::default()
        }
    }
}
