//! `[secrets]`: what everything else is derived from.

use identity_core::secret::Secret;

use super::problem::{Problem, Problems};
use super::table::section;

/// Fewest characters of the secret.
const MIN_SECRET: usize = 32;

section! {
    /// What cookies are signed with and stored values are sealed with. `identity-server generate-env` makes one.
    Secrets = "secrets" {
        /// At least 32 characters. On this machine alone it is made in `./identity-data/secret` when it is missing.
        secret: Option<Secret<String>> = None;
    }
}

impl Secrets {
    pub(super) fn check(&self, problems: &mut Problems) {
        if self.secret.as_ref().is_some_and(|secret| secret.expose().chars().count() < MIN_SECRET) {
            problems.push(Problem::of("secrets.secret", format!("must have at least {MIN_SECRET} characters")));
        }
    }
}
