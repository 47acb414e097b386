//! `[limits]`: brute-force and flood limits.

use identity_core::config::LimitOptions;

use super::table::section;

section! {
    /// Brute-force and flood limits.
    Limits = "limits" {
        /// Whether anything is limited. Off only for tests.
        enabled: bool = true;
    }
}

impl Limits {
    /// What core needs to know.
    pub(super) fn options(&self) -> LimitOptions {
        LimitOptions { enabled: self.enabled }
    }
}
