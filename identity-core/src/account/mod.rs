//! Accounts: the ways in which a user signs in.

pub(crate) mod model;
pub(crate) mod store;

pub(crate) use model::Credential;
pub use model::{Account, CREDENTIAL};

use crate::audit;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::event::{Act, Event};
use crate::id::{AccountId, UserId};
use crate::op::Op;
use crate::request::RequestInfo;
use crate::shared::Shared;

/// The ways in which a user signs in.
#[derive(Debug)]
pub struct Accounts<'s> {
    pub(crate) shared: &'s Shared,
}

impl Accounts<'_> {
    /// All accounts of a user, oldest first.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn list(&self, user_id: &UserId) -> Result<Vec<Account>> {
        store::list(&Op::read(self.shared), user_id).await
    }

    /// Removes one of several accounts of a user.
    ///
    /// # Errors
    /// `account_not_found`, `last_account`.
    pub async fn unlink(&self, user_id: &UserId, id: &AccountId, info: &RequestInfo) -> Result<()> {
        let mut op = Op::write(self.shared).await?;
        // The user's row is locked, so that two unlinks at once cannot each remove the other's last account.
        crate::user::lock(&mut op, user_id).await?;
        if store::delete_unless_last(&mut op, user_id, id).await? {
            audit::record(&mut op, Act::own(Event::AccountUnlinked, user_id, info)).await?;
            return op.commit().await;
        }
        let accounts = store::list(&op, user_id).await?;
        let last = accounts.len() == 1;
        Err(Error::new(if last { Code::LastAccount } else { Code::AccountNotFound }))
    }

    /// Whether the user can sign in with a password.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn has_password(&self, user_id: &UserId) -> Result<bool> {
        Ok(store::credential(&Op::read(self.shared), user_id).await?.is_some())
    }
}

/// Adds the password of a user who has none.
pub(crate) async fn add_credential(op: &mut Op<'_>, user_id: &UserId, hash: &str) -> Result<()> {
    store::insert_credential(op, user_id, hash).await
}

/// Sets the password of a user, whether or not there was one.
pub(crate) async fn put_credential(op: &mut Op<'_>, user_id: &UserId, hash: &str) -> Result<()> {
    store::put_credential(op, user_id, hash).await
}
