//! `[audit]`: the record of what happened.

use std::time::Duration;

use identity_core::config::AuditOptions;

use super::table::section;

section! {
    /// The record of what happened: sign-ins and failures, changes of credentials, acts of administrators.
    Audit = "audit" {
        /// Seconds that an event is kept.
        keep_for: u64 = AuditOptions::default().keep_for.as_secs();
    }
}

impl Audit {
    /// What core needs to know.
    pub(super) fn options(&self) -> AuditOptions {
        AuditOptions { keep_for: Duration::from_secs(self.keep_for) }
    }
}
