//! `[bootstrap]`: the first administrator.

use identity_core::secret::Secret;
use identity_core::text::Email;

use super::problem::{Problem, Problems};
use super::table::section;

section! {
    /// The first administrator, made at start if nobody has the address yet. Both or neither.
    Bootstrap = "bootstrap" {
        /// The address.
        admin_email: Option<String> = None;
        /// The password.
        admin_password: Option<Secret<String>> = None;
    }
}

impl Bootstrap {
    pub(super) fn check(&self, problems: &mut Problems) {
        let keys = ["bootstrap.admin_email", "bootstrap.admin_password"];
        if self.admin_email.is_some() != self.admin_password.is_some() && problems.spare(&keys) {
            problems.push(Problem::between(&keys, "must be set together"));
        }
        if self.admin_email.as_ref().is_some_and(|email| Email::parse(email).is_err()) {
            problems.push(Problem::of("bootstrap.admin_email", "is not an e-mail address"));
        }
    }
}
