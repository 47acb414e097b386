//! A pending proof: a link or a code that went out by mail.
//!
//! ```text
//! pending ──(right token or code, in time)──► spent
//!    ├──(too many wrong codes)──► exhausted
//!    └──(replaced by a newer code)──► superseded
//! ```

use crate::id::{UserId, VerificationId};
use crate::time::Timestamp;

/// What a verification proves, and so what may be done with it. A token of one purpose is nothing for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The link that proves the user's address.
    EmailLink,
    /// The six digits that prove the user's address.
    EmailCode,
    /// The link that lets the owner of the mailbox set a new password.
    PasswordReset,
    /// The link to the old address that allows a change of address.
    EmailChangeConsent,
    /// The link to the new address that completes a change of address.
    EmailChangeProof,
    /// The link that confirms the deletion of an account.
    AccountDeletion,
}

impl Purpose {
    pub(crate) const ALL: [Self; 6] = [
        Self::EmailLink,
        Self::EmailCode,
        Self::PasswordReset,
        Self::EmailChangeConsent,
        Self::EmailChangeProof,
        Self::AccountDeletion,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::EmailLink => "email_link",
            Self::EmailCode => "email_code",
            Self::PasswordReset => "password_reset",
            Self::EmailChangeConsent => "email_change_consent",
            Self::EmailChangeProof => "email_change_proof",
            Self::AccountDeletion => "account_deletion",
        }
    }
}

/// Where a verification stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Pending,
    Spent,
    Exhausted,
    Superseded,
}

impl State {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Spent => "spent",
            Self::Exhausted => "exhausted",
            Self::Superseded => "superseded",
        }
    }

    pub(crate) fn parse(text: &str) -> Self {
        [Self::Pending, Self::Spent, Self::Exhausted]
            .into_iter()
            .find(|state| state.as_str() == text)
            .unwrap_or(Self::Superseded)
    }
}

/// A verification as stored, without its token.
#[derive(Clone, Debug)]
pub(crate) struct Verification {
    pub(crate) id: VerificationId,
    pub(crate) purpose: Purpose,
    /// `None` for a decoy: the row that makes a request for an unknown address cost the same as one for a known address.
    pub(crate) user_id: Option<UserId>,
    /// The address the mail went to, or that the change started from.
    pub(crate) email: String,
    pub(crate) new_email: Option<String>,
    pub(crate) state: State,
    pub(crate) expires_at: Timestamp,
}
