//! `[secrets]`: what everything else is derived from.

use std::collections::BTreeSet;

use identity_core::secret::Secret;

use super::problem::{Problem, Problems};
use super::table::section;

/// Fewest characters of the secret.
const MIN_SECRET: usize = 32;

/// Fewer different characters than any random text of that length has.
const MIN_VARIETY: usize = 8;

/// What samples are recognised by, in lower case. The first is what Better Auth falls back to.
const SAMPLES: [&str; 6] = ["better-auth-secret", "change-me", "change_me", "changeme", "your-secret", "your_secret"];

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
    /// Whether the secret is one that others can guess: the sample of a documentation, or a few characters over and over.
    pub(super) fn is_guessable(&self) -> bool {
        self.secret.as_ref().is_some_and(|secret| {
            let text = secret.expose().to_ascii_lowercase();
            let variety: BTreeSet<char> = text.chars().collect();
            variety.len() < MIN_VARIETY || SAMPLES.iter().any(|sample| text.contains(sample))
        })
    }
}
