//! `[email]`: when an address has to be proved.

use identity_core::config::EmailOptions;

use super::problem::{Problem, Problems};
use super::table::section;

section! {
    /// When an e-mail address has to be proved.
    Email = "email" {
        /// Whether verification mails can be asked for at all.
        verification: bool = true;
        /// Whether nobody signs in before the address is proved.
        require_verification: bool = false;
        /// Whether a verification mail follows a sign-up; `require_verification` implies it.
        send_on_sign_up: bool = false;
        /// Whether a refused sign-in with an unproved address sends another mail.
        send_on_sign_in: bool = false;
        /// Whether following the link signs in the browser that signed up.
        sign_in_after_verification: bool = false;
    }
}

impl Email {
    pub(super) fn check(&self, problems: &mut Problems) {
        if self.require_verification && !self.verification {
            let keys = ["email.require_verification", "email.verification"];
            problems.push(Problem::between(&keys, "nobody could sign in: verification is required but turned off"));
        }
    }

    /// What core needs to know.
    pub(super) fn options(&self) -> EmailOptions {
        EmailOptions {
            verification: self.verification,
            require_verification: self.require_verification,
            send_on_sign_up: self.send_on_sign_up,
            send_on_sign_in: self.send_on_sign_in,
            sign_in_after_verification: self.sign_in_after_verification,
            ..EmailOptions::default()
        }
    }
}
