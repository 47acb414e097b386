//! Getting back in with a forgotten password.

use super::email::minutes;
use super::links;
use crate::account;
use crate::audit;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::event::{Act, Event};
use crate::mail::Message;
use crate::op::Op;
use crate::outbox;
use crate::request::RequestInfo;
use crate::session;
use crate::shared::Shared;
use crate::text::Email;
use crate::time::after;
use crate::token::{Token, kind};
use crate::user::{self, User};
use crate::verification::{self, About, Purpose, State, Verification};

/// Getting back in with a forgotten password.
#[derive(Debug)]
pub struct PasswordReset<'s> {
    pub(crate) shared: &'s Shared,
}

impl PasswordReset<'_> {
    /// Sends a link with which the owner of the mailbox can set a new password. For an address that nobody has, nothing is sent
    /// and the answer is the same, in the same time.
    ///
    /// # Errors
    /// `reset_password_disabled`.
    pub async fn request(&self, email: &Email, redirect_to: Option<&str>, info: &RequestInfo) -> Result<()> {
        let shared = self.shared;
        if !shared.config.password.reset || shared.mail.is_none() {
            return Err(Error::new(Code::ResetPasswordDisabled));
        }
        let lifetime = shared.config.password.reset_expires_in;
        let message = |url| Message::ResetPassword { url, minutes: minutes(lifetime) };
        let mut op = Op::write(shared).await?;
        if let Some(user) = user::lock_by_email(&mut op, email).await? {
            let about =
                About { purpose: Purpose::PasswordReset, user_id: &user.id, email: &user.email, new_email: None };
            let token = verification::issue_link(&mut op, about, lifetime).await?;
            let message = message(links::reset_password(&shared.config.http, &token, redirect_to));
            let expires_at = after(op.now(), lifetime);
            outbox::mail(&mut op, &user.email, &user.name, &message, Some(expires_at)).await?;
            audit::record(&mut op, Act::anonymous(Event::PasswordResetRequested, Some(&user.id), info)).await?;
        } else {
            verification::issue_decoy(&mut op, Purpose::PasswordReset, email.as_str()).await?;
            let message = message(links::reset_password(&shared.config.http, &Token::mint(op.entropy()), redirect_to));
            outbox::decoy(&mut op, email.as_str(), email.as_str(), &message).await?;
            audit::record(&mut op, Act::anonymous(Event::PasswordResetRequested, None, info)).await?;
        }
        op.commit().await
    }

    /// Whether a reset link is still good; following it changes nothing.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn is_good(&self, token: &Token<kind::Verification>) -> Result<bool> {
        Ok(pending(&Op::read(self.shared), token).await?.is_some())
    }

    /// The address that a reset link was sent to, if the link is still good: whoever holds it has the mail.
    ///
    /// # Errors
    /// Trouble with the database only.
    pub async fn address(&self, token: &Token<kind::Verification>) -> Result<Option<Email>> {
        let held = pending(&Op::read(self.shared), token).await?;
        Ok(held.and_then(|(_, user)| Email::parse(&user.email).ok()))
    }

    /// Sets a new password and ends all sessions of the user. A user who had no password has one from here on.
    ///
    /// # Errors
    /// `password_too_short` and `password_too_long`, which leave the link good; `invalid_token` for a link that is unknown, spent
    /// or expired; `overloaded`.
    pub async fn perform(
        &self,
        token: &Token<kind::Verification>,
        new_password: &str,
        info: &RequestInfo,
    ) -> Result<()> {
        let shared = self.shared;
        shared.hasher.check_length(new_password)?;
        shared.hasher.ask_for_room()?;
        if !self.is_good(token).await? {
            return Err(Error::new(Code::InvalidToken));
        }
        let hash = shared.hasher.hash(new_password).await?;
        let mut op = Op::write(shared).await?;
        // The user goes first: a sign-in in flight holds the row until its session exists, and then the session is found here.
        let held = verification::hold(&mut op, Purpose::PasswordReset, &token.digest()).await?;
        // Looked at again under the lock: the address may have changed hands meanwhile.
        let held = held.filter(|(found, user)| user.email == found.email);
        let (found, user) = held.ok_or_else(|| Error::new(Code::InvalidToken))?;
        if !verification::store::spend(&mut op, &found).await? {
            return Err(Error::new(Code::InvalidToken));
        }
        account::put_credential(&mut op, &user.id, &hash).await?;
        session::end_all(&mut op, &user.id).await?;
        // Whoever guessed the old password from a known network is a stranger again, and the owner can sign in from here at once.
        shared.limiter.forget_networks(op.db(), &user.email).await?;
        shared.limiter.know(op.db(), &user.email, info.ip).await?;
        verification::close(&mut op, &user.id, &verification::OF_ACCOUNT).await?;
        notify(&mut op, &user).await?;
        audit::record(&mut op, Act::own(Event::PasswordReset, &user.id, info)).await?;
        op.commit().await
    }
}

/// The link and its user, if it is good: a link that went to an address which the user has left since is not.
async fn pending(op: &Op<'_>, token: &Token<kind::Verification>) -> Result<Option<(Verification, User)>> {
    let found = verification::store::find(op, Purpose::PasswordReset, &token.digest()).await?;
    let Some(found) = found.filter(|found| found.state == State::Pending && op.now() < found.expires_at) else {
        return Ok(None);
    };
    let Some(id) = &found.user_id else { return Ok(None) };
    let user = user::store::by_id(op, id).await?.filter(|user| user.email == found.email);
    Ok(user.map(|user| (found, user)))
}

/// Tells the owner that the password is another one now, should somebody else have done it.
pub(crate) async fn notify(op: &mut Op<'_>, user: &User) -> Result<()> {
    if op.shared().mail.is_some() {
        outbox::mail(op, &user.email, &user.name, &Message::PasswordChanged, None).await?;
    }
    Ok(())
}
