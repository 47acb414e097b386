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
        /// Seconds that an event is kept which strangers have caused and which is about no account, such as a sign-in for an address that
        /// nobody has.
        strangers_for: u64 = AuditOptions::default().strangers_for.as_secs();
        /// How many of these events are kept at most, the newest.
        strangers_at_most: u64 = AuditOptions::default().strangers_at_most;
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
        AuditOptions {
            keep_for: Duration::from_secs(self.keep_for),
            strangers_for: Duration::from_secs(self.strangers_for),
            strangers_at_most: self.strangers_at_most,
        }
    }
}
