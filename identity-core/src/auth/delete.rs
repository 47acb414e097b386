//! Leaving: a user deletes their own account, with fresh proof.

use std::sync::Arc;

use super::email::minutes;
use super::links;
use super::resolve::Resolved;
use super::sign_in::confirm_password;
use crate::audit;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::event::{Act, Actor, Event};
use crate::mail::Message;
use crate::op::Op;
use crate::outbox;
use crate::request::RequestInfo;
use crate::session;
use crate::shared::Shared;
use crate::time::after;
use crate::token::{Token, kind};
use crate::user::{self, User};
use crate::verification::{self, About, Purpose, State};

/// How the user proves that the wish is theirs.
#[derive(Debug)]
pub enum DeleteProof<'a> {
    /// The password.
    Password(&'a str),
    /// The link of a mail, followed and confirmed.
    Mail(&'a Token<kind::Verification>),
    /// The sign-in itself, which has to be recent.
    Session,
}

/// How a wish to delete ended.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Deletion {
    /// The account and everything that belongs to it is gone.
    Deleted,
    /// A mail with a link is on its way.
    MailSent,
}

/// How long a deletion link is good.
const LINK_LIFETIME: std::time::Duration = std::time::Duration::from_hours(24);

/// Leaving.
#[derive(Debug)]
pub struct DeleteAccount<'s> {
    pub(crate) shared: &'s Arc<Shared>,
}

impl DeleteAccount<'_> {
    /// Deletes the caller's account.
    ///
    /// # Errors
    /// `delete_disabled`, `invalid_password`, `credential_account_not_found`, `invalid_deletion_token`, `session_expired` when the
    /// sign-in is too old to be proof, `last_administrator`, `rate_limited`.
    pub async fn perform(
        &self,
        caller: &Resolved,
        proof: DeleteProof<'_>,
        callback_url: Option<&str>,
        info: &RequestInfo,
    ) -> Result<Deletion> {
        let shared = self.shared;
        self.require_enabled()?;
        let read = Op::read(shared);
        let user = user::signed_in(&read, &caller.profile.id).await?;
        match proof {
            DeleteProof::Password(password) => {
                confirm_password(shared, &user, password, info).await?;
            }
            DeleteProof::Mail(token) => return self.with_link(&user, token).await,
            DeleteProof::Session if shared.config.user.delete_by_mail && shared.mail.is_some() => {
                return self.send_link(&user, callback_url).await;
            }
            DeleteProof::Session => {
                if !caller.session.is_fresh(read.now(), &shared.config.session) {
                    return Err(Error::new(Code::SessionExpired));
                }
            }
        }
        let mut op = Op::write(shared).await?;
        delete(&mut op, &user).await?;
        op.commit().await?;
        Ok(Deletion::Deleted)
    }

    /// Whether a deletion link is good for this caller; looking at it deletes nothing.
    ///
    /// # Errors
    /// `delete_disabled`; otherwise trouble with the database only.
    pub async fn is_good(&self, caller: &Resolved, token: &Token<kind::Verification>) -> Result<bool> {
        self.require_enabled()?;
        let op = Op::read(self.shared);
        let found = verification::store::find(&op, Purpose::AccountDeletion, &token.digest()).await?;
        Ok(found.is_some_and(|found| {
            found.state == State::Pending
                && op.now() < found.expires_at
                && found.user_id.as_ref() == Some(&caller.profile.id)
        }))
    }

    async fn with_link(&self, user: &User, token: &Token<kind::Verification>) -> Result<Deletion> {
        let mut op = Op::write(self.shared).await?;
        // All superadmins are locked before any user of them, so that two who leave at once do not wait for each other.
        user::keep_a_superadmin(&mut op, &user.id).await?;
        let held = verification::hold(&mut op, Purpose::AccountDeletion, &token.digest()).await?;
        let held = held.filter(|(found, owner)| owner.id == user.id && owner.email == found.email);
        let (found, _) = held.ok_or_else(|| Error::new(Code::InvalidDeletionToken))?;
        if !verification::store::spend(&mut op, &found).await? {
            return Err(Error::new(Code::InvalidDeletionToken));
        }
        remove(&mut op, user).await?;
        op.commit().await?;
        Ok(Deletion::Deleted)
    }

    async fn send_link(&self, user: &User, callback_url: Option<&str>) -> Result<Deletion> {
        let mut op = Op::write(self.shared).await?;
        let about = About { purpose: Purpose::AccountDeletion, user_id: &user.id, email: &user.email, new_email: None };
        let token = verification::issue_link(&mut op, about, LINK_LIFETIME).await?;
        let url = links::delete_account(&self.shared.config.http, &token, callback_url);
        let message = Message::DeleteAccount { url, minutes: minutes(LINK_LIFETIME) };
        let expires_at = after(op.now(), LINK_LIFETIME);
        outbox::mail(&mut op, &user.email, &user.name, &message, Some(expires_at)).await?;
        op.commit().await?;
        Ok(Deletion::MailSent)
    }

    fn require_enabled(&self) -> Result<()> {
        if self.shared.config.user.delete { Ok(()) } else { Err(Error::new(Code::DeleteDisabled)) }
    }
}

/// The rows of every table that belong to the user go with the user's own.
async fn delete(op: &mut Op<'_>, user: &User) -> Result<()> {
    user::keep_a_superadmin(op, &user.id).await?;
    remove(op, user).await
}

/// What stays is that there was an account, and what happened to it, under an id that names nobody any more.
async fn remove(op: &mut Op<'_>, user: &User) -> Result<()> {
    user::lock(op, &user.id).await?;
    session::end_all(op, &user.id).await?;
    user::store::delete(op, &user.id).await?;
    op.shared().limiter.forget_networks(op.db(), &user.email).await?;
    audit::forget(op, &user.id).await?;
    let act =
        Act { event: Event::UserDeleted, actor: Actor::User(user.id.clone()), user_id: Some(&user.id), info: None };
    audit::record(op, act).await
}
