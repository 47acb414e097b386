//! Changing an address: the old one agrees, the new one proves itself.

use super::email::minutes;
use super::links;
use super::resolve::{Resolved, profile_of};
use crate::audit;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::event::{Act, Event};
use crate::mail::Message;
use crate::op::Op;
use crate::outbox;
use crate::principal::Profile;
use crate::request::RequestInfo;
use crate::session;
use crate::shared::Shared;
use crate::text::Email;
use crate::time::after;
use crate::token::{Token, kind};
use crate::user::{self, User};
use crate::verification::{self, About, Purpose, State, Verification};

/// What following a link about a change of address came to.
#[derive(Debug)]
#[must_use]
pub enum ChangeStep {
    /// Nothing has changed yet: the person has to confirm, because the browser is not signed in as the user.
    NeedsConfirmation {
        /// The address that the link would change to.
        new_email: String,
    },
    /// The old address has agreed, and a mail is on its way to the new one.
    Consented,
    /// The address is changed.
    Changed {
        /// The user with the new address.
        profile: Profile,
    },
    /// The link had done its work before.
    AlreadyDone,
}

/// Changing an address.
#[derive(Debug)]
pub struct ChangeEmail<'s> {
    pub(crate) shared: &'s Shared,
}

impl ChangeEmail<'_> {
    /// Starts a change. A user whose address is proved confirms from the old address first; otherwise the mail goes straight to
    /// the new one. When the new address is taken nothing is sent, and the answer is the same, in the same time.
    ///
    /// # Errors
    /// `change_email_disabled`, `email_unchanged`, `verification_disabled` when no mail can be sent, `session_not_fresh`.
    pub async fn request(
        &self,
        caller: &Resolved,
        new_email: &Email,
        callback_url: Option<&str>,
        info: &RequestInfo,
    ) -> Result<()> {
        let shared = self.shared;
        if !shared.config.user.change_email {
            return Err(Error::new(Code::ChangeEmailDisabled));
        }
        if caller.profile.email.as_deref() == Some(new_email.as_str()) {
            return Err(Error::new(Code::EmailUnchanged));
        }
        if shared.mail.is_none() {
            return Err(Error::new(Code::VerificationDisabled));
        }
        if !caller.session.is_fresh(shared.clock.now(), &shared.config.session) {
            return Err(Error::new(Code::SessionNotFresh));
        }
        let mut op = Op::write(shared).await?;
        let user = user::store::lock(&mut op, &caller.profile.id).await?.ok_or(Code::Unauthorized)?;
        // A reset or a change of password may have ended the session while this was waiting for the row.
        session::store::lock(&mut op, &caller.session.id).await?.ok_or(Code::Unauthorized)?;
        if user::store::by_email(&op, new_email.as_str()).await?.is_some() {
            send_nothing(&mut op, &user, new_email).await?;
        } else {
            let purpose = if user.email_verified { Purpose::EmailChangeConsent } else { Purpose::EmailChangeProof };
            send(&mut op, &user, purpose, new_email.as_str(), callback_url).await?;
        }
        audit::record(&mut op, Act::own(Event::EmailChangeRequested, &user.id, info)).await?;
        op.commit().await
    }

    /// Takes the step of a link after the person has confirmed it on a page. `callback_url` is where the link of a next mail, if
    /// the step sends one, leads in the end.
    ///
    /// # Errors
    /// `invalid_verification_token`, `token_expired`, `user_not_found`.
    pub async fn confirm(
        &self,
        token: &Token<kind::Verification>,
        caller: Option<&Resolved>,
        callback_url: Option<&str>,
        info: &RequestInfo,
    ) -> Result<ChangeStep> {
        follow(self.shared, token, caller, callback_url, true, info).await
    }
}

pub(crate) async fn follow(
    shared: &Shared,
    token: &Token<kind::Verification>,
    caller: Option<&Resolved>,
    callback_url: Option<&str>,
    confirmed: bool,
    info: &RequestInfo,
) -> Result<ChangeStep> {
    let mut op = Op::write(shared).await?;
    let (found, user) = hold(&mut op, token).await?;
    let new_email = found.new_email.clone().ok_or_else(|| Error::new(Code::InvalidVerificationToken))?;
    match found.state {
        State::Pending if found.expires_at <= op.now() => return Err(Error::new(Code::TokenExpired)),
        State::Pending if user.email != found.email => return Err(Error::new(Code::InvalidVerificationToken)),
        State::Pending => {}
        State::Spent if user.email == new_email || found.purpose == Purpose::EmailChangeConsent => {
            return Ok(ChangeStep::AlreadyDone);
        }
        State::Spent | State::Exhausted | State::Superseded => {
            return Err(Error::new(Code::InvalidVerificationToken));
        }
    }
    match caller {
        Some(caller) if caller.profile.id != user.id => return Err(Error::new(Code::InvalidUser)),
        None if !confirmed => return Ok(ChangeStep::NeedsConfirmation { new_email }),
        _ => {}
    }
    if !verification::store::spend(&mut op, &found).await? {
        return Ok(ChangeStep::AlreadyDone);
    }
    let step = if found.purpose == Purpose::EmailChangeConsent {
        send(&mut op, &user, Purpose::EmailChangeProof, &new_email, callback_url).await?;
        ChangeStep::Consented
    } else {
        audit::record(&mut op, Act::own(Event::EmailChanged, &user.id, info)).await?;
        ChangeStep::Changed { profile: change(&mut op, user, &new_email, caller).await? }
    };
    op.commit().await?;
    Ok(step)
}

async fn hold(op: &mut Op<'_>, token: &Token<kind::Verification>) -> Result<(Verification, User)> {
    let digest = token.digest();
    for purpose in [Purpose::EmailChangeConsent, Purpose::EmailChangeProof] {
        if let Some(held) = verification::hold(op, purpose, &digest).await? {
            return Ok(held);
        }
    }
    Err(Error::new(Code::InvalidVerificationToken))
}

/// Changes the address, ends the other sessions, closes every link and code that went to the old address, and tells the old
/// address. Whether the address counted as proved stays as it was.
async fn change(op: &mut Op<'_>, mut user: User, new_email: &str, caller: Option<&Resolved>) -> Result<Profile> {
    let old_email = std::mem::replace(&mut user.email, new_email.to_owned());
    if !user::store::change_email(op, &user.id, &old_email, new_email, user.email_verified).await? {
        return Err(Error::new(Code::InvalidVerificationToken));
    }
    match caller {
        Some(caller) => session::end_others(op, &user.id, &caller.session.id).await?,
        None => session::end_all(op, &user.id).await?,
    }
    verification::close(op, &user.id, &Purpose::ALL).await?;
    let notice = Message::EmailChanged { new_email: Email::parse(new_email)? };
    outbox::mail(op, &old_email, &user.name, &notice, None).await?;
    user.updated_at = op.now();
    profile_of(op, user).await
}

async fn send(
    op: &mut Op<'_>,
    user: &User,
    purpose: Purpose,
    new_email: &str,
    callback_url: Option<&str>,
) -> Result<()> {
    let shared = op.shared();
    let lifetime = shared.config.email.link_expires_in;
    let about = About { purpose, user_id: &user.id, email: &user.email, new_email: Some(new_email) };
    let token = verification::issue_link(op, about, lifetime).await?;
    let url = links::verify_email(&shared.config.http, &token, callback_url);
    let minutes = minutes(lifetime);
    let (to, message) = if purpose == Purpose::EmailChangeConsent {
        (user.email.as_str(), Message::ConfirmEmailChange { new_email: Email::parse(new_email)?, url, minutes })
    } else {
        (new_email, Message::VerifyNewEmail { url, minutes })
    };
    let expires_at = after(op.now(), lifetime);
    outbox::mail(op, to, &user.name, &message, Some(expires_at)).await
}

/// Writes what [`send`] would write, for nobody.
async fn send_nothing(op: &mut Op<'_>, user: &User, new_email: &Email) -> Result<()> {
    let shared = op.shared();
    verification::issue_decoy(op, Purpose::EmailChangeProof, new_email.as_str()).await?;
    let url = links::verify_email(&shared.config.http, &Token::mint(op.entropy()), None);
    let message = Message::VerifyNewEmail { url, minutes: minutes(shared.config.email.link_expires_in) };
    outbox::decoy(op, new_email.as_str(), &user.name, &message).await
}
