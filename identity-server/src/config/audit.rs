//! `[audit]`: the record of what happened.

use std::time::Duration;

use identity_core::config::AuditOptions;

use super::problem::{Problem, Problems};
use super::table::section;

section! {
    /// The record of what happened: sign-ins and failures, changes of credentials, acts of administrators.
    Audit = "audit" {
        /// Seconds that an event is kept.
        keep_for: u64 = AuditOptions::default().keep_for.as_secs();
    }
}

impl Audit {
    pub(super) fn check(&self, problems: &mut Problems) {
        if self.keep_for == 0 {
            problems.push(Problem::of("audit.keep_for", "must be at least 1 second"));
        }
    }

    /// What core needs to know.
    pub(super) fn options(&self) -> AuditOptions {
        AuditOptions { keep_for: Duration::from_secs(self.keep_for) }
    }
}
