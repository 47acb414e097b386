//! A way to sign in.

use crate::id::{AccountId, UserId};
use crate::time::Timestamp;

/// The provider id of the account that holds a password.
pub const CREDENTIAL: &str = "credential";

/// One way a user signs in: the password, or a linked provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The id by which it is listed and unlinked.
    pub id: AccountId,
    /// Whose it is.
    pub user_id: UserId,
    /// `credential`, or the id of a provider.
    pub provider_id: String,
    /// The user's id at the provider; the user's own id for `credential`.
    pub account_id: String,
    /// The scopes that the provider granted.
    pub scopes: Vec<String>,
    /// When it was linked.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// The stored password of a user. `Debug` does not show the hash.
#[derive(Clone)]
pub(crate) struct Credential {
    pub(crate) user_id: UserId,
    pub(crate) hash: String,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential({})", self.user_id)
    }
}
