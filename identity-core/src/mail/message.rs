//! The mails there are, with what each of them has to say.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use crate::text::Email;

macro_rules! purposes {
    ($($(#[$doc:meta])* $name:ident = $id:literal;)+) => {
        /// What a mail is for. The id is stable: templates are named after it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Purpose {
            $($(#[$doc])* $name,)+
        }

        impl Purpose {
            /// All purposes.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable identifier, in `snake_case`.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)+ }
            }
        }
    };
}

purposes! {
    /// To prove an address, by a link and perhaps by a code.
    VerifyEmail = "verify_email";
    /// To prove an address, by a code alone.
    VerificationCode = "verification_code";
    /// Somebody has signed up with an address that already has an account.
    AccountExists = "account_exists";
    /// To choose a new password.
    ResetPassword = "reset_password";
    /// To the old address: somebody wants to change it.
    ConfirmEmailChange = "confirm_email_change";
    /// To the new address: to prove it.
    VerifyNewEmail = "verify_new_email";
    /// To confirm that the account is to be deleted.
    DeleteAccount = "delete_account";
    /// The password has been changed.
    PasswordChanged = "password_changed";
    /// To the old address: it has been changed.
    EmailChanged = "email_changed";
}

/// What a mail says. Links and codes are as good as a password, so `Debug` shows the purpose only.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "purpose", rename_all = "snake_case")]
pub enum Message {
    /// Prove your address.
    VerifyEmail {
        /// The link that does it.
        url: String,
        /// A code that does it as well.
        code: Option<String>,
        /// How many minutes the link is good.
        link_minutes: u64,
        /// How many minutes the code is good.
        code_minutes: u64,
    },
    /// Prove your address with a code.
    VerificationCode {
        /// The code.
        code: String,
        /// How many minutes it is good.
        minutes: u64,
    },
    /// Somebody has signed up with your address, although you have an account.
    AccountExists,
    /// Choose a new password.
    ResetPassword {
        /// The link that does it.
        url: String,
        /// How many minutes it is good.
        minutes: u64,
    },
    /// Confirm that your address is to become another.
    ConfirmEmailChange {
        /// The other address.
        #[serde(serialize_with = "as_text")]
        new_email: Email,
        /// The link that confirms it.
        url: String,
        /// How many minutes it is good.
        minutes: u64,
    },
    /// Prove that this is your new address.
    VerifyNewEmail {
        /// The link that does it.
        url: String,
        /// How many minutes it is good.
        minutes: u64,
    },
    /// Confirm that your account is to be deleted.
    DeleteAccount {
        /// The link that confirms it.
        url: String,
        /// How many minutes it is good.
        minutes: u64,
    },
    /// Your password has been changed.
    PasswordChanged,
    /// Your address has been changed.
    EmailChanged {
        /// The address it has become.
        #[serde(serialize_with = "as_text")]
        new_email: Email,
    },
}

impl Message {
    /// What it is for.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        match self {
            Self::VerifyEmail { .. } => Purpose::VerifyEmail,
            Self::VerificationCode { .. } => Purpose::VerificationCode,
            Self::AccountExists => Purpose::AccountExists,
            Self::ResetPassword { .. } => Purpose::ResetPassword,
            Self::ConfirmEmailChange { .. } => Purpose::ConfirmEmailChange,
            Self::VerifyNewEmail { .. } => Purpose::VerifyNewEmail,
            Self::DeleteAccount { .. } => Purpose::DeleteAccount,
            Self::PasswordChanged => Purpose::PasswordChanged,
            Self::EmailChanged { .. } => Purpose::EmailChanged,
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({})", self.purpose().id())
    }
}

fn as_text<S: Serializer>(email: &Email, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(email.as_str())
}
