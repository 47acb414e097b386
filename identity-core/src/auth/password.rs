//! Changing, setting and confirming the password of a signed-in user.

use super::recover::notify;
use super::resolve::{Resolved, profile_of};
use super::sign_in::confirm_password;
use crate::account;
use crate::audit;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::event::{Act, Event};
use crate::op::Op;
use crate::principal::Profile;
use crate::request::RequestInfo;
use crate::session::{self, Issued, Method, Proof};
use crate::shared::Shared;
use crate::user;
use crate::verification;

/// What it takes to change a password.
#[derive(Debug)]
pub struct ChangePassword<'a> {
    /// The password as it is.
    pub current: &'a str,
    /// The password as it shall be.
    pub new: &'a str,
    /// `None` ends the user's other sessions, `Some(true)` replaces all of them by a new one, `Some(false)` leaves them.
    pub revoke_others: Option<bool>,
}

/// A changed password.
#[derive(Debug)]
pub struct PasswordChange {
    /// The user.
    pub profile: Profile,
    /// The session that takes the place of the caller's, when all were to be replaced.
    pub issued: Option<Issued>,
}

/// The password of a signed-in user.
#[derive(Debug)]
pub struct Passwords<'s> {
    pub(crate) shared: &'s Shared,
}

impl Passwords<'_> {
    /// Replaces the password and ends the user's other sessions unless told otherwise.
    ///
    /// # Errors
    /// `invalid_password`, `password_too_short`, `password_too_long`, `credential_account_not_found`, `rate_limited`, `overloaded`.
    pub async fn change(
        &self,
        caller: &Resolved,
        change: ChangePassword<'_>,
        info: &RequestInfo,
    ) -> Result<PasswordChange> {
        let shared = self.shared;
        shared.hasher.check_length(change.new)?;
        let user = user::require(&Op::read(shared), &caller.profile.id).await?;
        let credential = confirm_password(shared, &user, change.current, info).await?;
        let hash = shared.hasher.hash(change.new).await?;

        let mut op = Op::write(shared).await?;
        let user = user::lock(&mut op, &user.id).await?;
        // The hash goes before the sessions: a sign-in in flight holds it until its session exists, and then the session is found here.
        if !account::store::replace_hash(&mut op, &credential, &hash).await? {
            return Err(Error::new(Code::InvalidPassword));
        }
        let issued = match change.revoke_others {
            Some(false) => None,
            None => {
                session::end_others(&mut op, &user.id, &caller.session.id).await?;
                None
            }
            Some(true) => {
                session::end_all(&mut op, &user.id).await?;
                let remembered = caller.session.remembered;
                let opened = session::open(&mut op, &user, &Proof::User, Method::Password, remembered, info).await?;
                Some(opened.ok_or_else(|| Error::new(Code::Unauthorized))?)
            }
        };
        verification::close(&mut op, &user.id, &verification::OF_ACCOUNT).await?;
        shared.limiter.forget_networks(op.db(), &user.email).await?;
        shared.limiter.know(op.db(), &user.email, info.ip).await?;
        notify(&mut op, &user).await?;
        audit::record(&mut op, Act::own(Event::PasswordChanged, &user.id, info)).await?;
        let profile = profile_of(&op, user).await?;
        op.commit().await?;
        Ok(PasswordChange { profile, issued })
    }

    /// Gives a password to a user who has none, such as one who came through a provider. The sign-in has to be recent.
    ///
    /// # Errors
    /// `password_already_set`, `session_not_fresh`, `password_too_short`, `password_too_long`, `overloaded`.
    pub async fn set(&self, caller: &Resolved, new: &str, info: &RequestInfo) -> Result<()> {
        let shared = self.shared;
        shared.hasher.check_length(new)?;
        let op = Op::read(shared);
        if account::store::credential(&op, &caller.profile.id).await?.is_some() {
            return Err(Error::new(Code::PasswordAlreadySet));
        }
        if !caller.session.is_fresh(op.now(), &shared.config.session) {
            return Err(Error::new(Code::SessionNotFresh));
        }
        let hash = shared.hasher.hash(new).await?;
        let mut op = Op::write(shared).await?;
        let user = user::lock(&mut op, &caller.profile.id).await?;
        if account::store::credential(&op, &user.id).await?.is_some() {
            return Err(Error::new(Code::PasswordAlreadySet));
        }
        account::add_credential(&mut op, &user.id, &hash).await?;
        notify(&mut op, &user).await?;
        audit::record(&mut op, Act::own(Event::PasswordSet, &user.id, info)).await?;
        op.commit().await
    }

    /// Confirms that the caller knows the password.
    ///
    /// # Errors
    /// `invalid_password`, `credential_account_not_found`, `rate_limited`, `overloaded`.
    pub async fn verify(&self, caller: &Resolved, password: &str, info: &RequestInfo) -> Result<()> {
        let user = user::require(&Op::read(self.shared), &caller.profile.id).await?;
        confirm_password(self.shared, &user, password, info).await.map(|_| ())
    }
}
