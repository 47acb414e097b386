//! A user and what can happen to one.

use serde_json::{Map, Value};

use crate::id::UserId;
use crate::principal::is_administrator;
use crate::text::Email;
use crate::time::Timestamp;

/// The role of a user who was given none.
pub const DEFAULT_ROLE: &str = "user";

/// The rank that only its own kind may touch, and that never dies out.
pub const SUPERADMIN: &str = "superadmin";

/// A person with an account.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// The id that other tables key on.
    pub id: UserId,
    /// The address, unique, in lower case.
    pub email: String,
    /// Whether mail to the address is known to reach the user.
    pub email_verified: bool,
    /// The display name.
    pub name: String,
    /// The picture's URL.
    pub image: Option<String>,
    /// The roles, comma-joined.
    pub role: String,
    /// The ban, whether or not it has run out.
    pub ban: Option<Ban>,
    /// The declared extra fields that have a value.
    pub fields: Map<String, Value>,
    /// When the account was created.
    pub created_at: Timestamp,
    /// When the profile was last changed.
    pub updated_at: Timestamp,
}

/// Why and until when a user is shut out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// The reason, as an administrator wrote it.
    pub reason: Option<String>,
    /// When the ban ends by itself; `None` means never.
    pub expires_at: Option<Timestamp>,
}

impl Ban {
    /// Whether the ban still holds.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

impl User {
    /// Whether the user is shut out.
    #[must_use]
    pub fn is_banned(&self, now: Timestamp) -> bool {
        self.ban.as_ref().is_some_and(|ban| ban.holds(now))
    }

    /// Whether the user passes every role gate, whatever others are told about roles.
    #[must_use]
    pub fn is_administrator(&self) -> bool {
        is_administrator(&self.role)
    }

    /// Whether the user holds the rank that must not die out.
    #[must_use]
    pub fn is_superadmin(&self) -> bool {
        self.role.split(',').any(|role| role.trim() == SUPERADMIN)
    }
}

/// What it takes to create a user from outside a sign-up: by an administrator, the command line or an import.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The address.
    pub email: Email,
    /// The display name.
    pub name: String,
    /// The password in clear text; without one the user has to reset it before the first sign-in.
    pub password: Option<crate::secret::Secret<String>>,
    /// Whether the address counts as proved.
    pub email_verified: bool,
    /// The roles, comma-joined.
    pub role: String,
}

/// A change of the parts of a profile that a user may change; `None` leaves a part as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProfileChange {
    /// The new display name.
    pub name: Option<String>,
    /// The new picture, or `Some(None)` to remove it.
    pub image: Option<Option<String>>,
    /// New values of declared extra fields; `null` removes one.
    pub fields: Map<String, Value>,
}

impl ProfileChange {
    /// Whether nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.name.is_none() && self.image.is_none() && self.fields.is_empty()
    }
}

/// Checks a comma-joined list of roles: words of letters, digits, `_`, `-`, `.` and `:`, at least one.
#[must_use]
pub(crate) fn is_valid_role(role: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word.len() <= 64
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte))
    };
    role.len() <= 512 && role.split(',').all(word)
}
