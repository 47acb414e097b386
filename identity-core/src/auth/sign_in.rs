//! Signing in with an address and a password.

use super::email::{EmailFlow, send_verification};
use super::resolve::profile_of;
use crate::account::{self, Credential};
use crate::audit;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::event::{Act, Event};
use crate::id::UserId;
use crate::limits::{Guess, Target};
use crate::op::Op;
use crate::principal::Profile;
use crate::request::RequestInfo;
use crate::secret::Secret;
use crate::session::{self, Issued, Method, Proof};
use crate::shared::Shared;
use crate::text::Email;
use crate::token::{Token, kind};
use crate::user::{self, User};

/// What a person brings to sign in.
#[derive(Debug)]
pub struct PasswordSignIn {
    /// The address.
    pub email: Email,
    /// The password in clear text.
    pub password: Secret<String>,
    /// Whether the session should outlive the browser.
    pub remember: bool,
    /// Where a verification link leads in the end, should one be sent.
    pub callback_url: Option<String>,
    /// The session that the browser holds already; it ends if it is the same user's.
    pub replaces: Option<Token<kind::Session>>,
}

/// How a sign-in with the right password ended.
#[derive(Debug)]
#[must_use]
#[expect(clippy::large_enum_variant, reason = "made once per sign-in and taken apart by the next line")]
pub enum SignedIn {
    /// The browser is signed in.
    Complete {
        /// The session.
        issued: Issued,
        /// The user.
        profile: Profile,
    },
    /// The address has to be proved first.
    VerifyEmail {
        /// What lets this browser, and no other, be signed in by the link.
        flow: EmailFlow,
    },
}

/// Signing in.
#[derive(Debug)]
pub struct SignIn<'s> {
    pub(crate) shared: &'s Shared,
}

impl SignIn<'_> {
    /// Checks a password and opens a session.
    ///
    /// An unknown address, an account without a password and a wrong password give the same answer in the same time.
    ///
    /// # Errors
    /// `invalid_credentials`; `user_banned` after the right password only; `rate_limited` from the fifth wrong password of an
    /// account on; `password_too_long`; `overloaded`.
    pub async fn with_password(&self, sign_in: PasswordSignIn, info: &RequestInfo) -> Result<SignedIn> {
        let shared = self.shared;
        if let Err(error) = shared.hasher.check_length(sign_in.password.expose())
            && error.code() == Code::PasswordTooLong
        {
            return Err(error);
        }
        let target = Target::SignIn { email: sign_in.email.as_str(), from: info.ip };
        let guess = shared.limiter.guess(&shared.store, target).await?;
        let outcome = self.check(&guess, &sign_in, info).await;
        guess.checked(&shared.store, outcome).await?.ok_or_else(|| Error::new(Code::InvalidCredentials))
    }

    /// Checks the password. `None` means that it is wrong.
    async fn check(&self, guess: &Guess, sign_in: &PasswordSignIn, info: &RequestInfo) -> Result<Option<SignedIn>> {
        let shared = self.shared;
        let password = sign_in.password.expose();
        let mut subject = None;
        // The stored hash may be replaced while the password is being checked against it: by a password change, or by another
        // sign-in that brings an imported hash up to date. Then the password is checked once more, against the new one.
        for _ in 0..2 {
            let Some((user, credential)) = find(shared, &sign_in.email).await? else {
                shared.hasher.verify_nothing(password).await?;
                break;
            };
            subject = Some(user.id.clone());
            let verified = shared.hasher.verify(password, &credential.hash).await?;
            if !verified.matches {
                break;
            }
            if user.is_banned(shared.clock.now()) {
                audit::note(shared, refused(Code::UserBanned, subject.as_ref(), info)).await;
                guess.right_at_once(&shared.store).await?;
                return Err(Error::new(Code::UserBanned));
            }
            if shared.config.email.require_verification && !user.email_verified {
                audit::note(shared, refused(Code::EmailNotVerified, subject.as_ref(), info)).await;
                return self.ask_for_verification(guess, &user, sign_in.callback_url.as_deref()).await.map(Some);
            }
            let rehashed = if verified.outdated { Some(shared.hasher.hash(password).await?) } else { None };
            if let Some(complete) = self.open(guess, user, credential, rehashed, sign_in, info).await? {
                return Ok(Some(complete));
            }
        }
        audit::note(shared, refused(Code::InvalidCredentials, subject.as_ref(), info)).await;
        Ok(None)
    }

    /// Opens the session of a password that was verified. `None` means that it proves nothing any more.
    async fn open(
        &self,
        guess: &Guess,
        mut user: User,
        mut credential: Credential,
        rehashed: Option<String>,
        sign_in: &PasswordSignIn,
        info: &RequestInfo,
    ) -> Result<Option<SignedIn>> {
        let mut op = Op::write(self.shared).await?;
        // What is written to the rows that the session rests on is written before the session is: two sign-ins that first share
        // these rows and then both want to write them would wait for each other.
        if user.ban.take().is_some() {
            user::store::lift_lapsed_ban(&mut op, &user.id).await?;
            user.updated_at = op.now();
        }
        if let Some(hash) = rehashed {
            if !account::store::replace_hash(&mut op, &credential, &hash).await? {
                return Ok(None);
            }
            credential.hash = hash;
        }
        let proof = Proof::Password(credential);
        let Some(issued) = session::open(&mut op, &user, &proof, Method::Password, sign_in.remember, info).await?
        else {
            return Ok(None);
        };
        if let Some(replaced) = &sign_in.replaces {
            session::end_token(&mut op, &user.id, replaced).await?;
        }
        guess.right(op.db()).await?;
        audit::record(&mut op, Act::own(Event::SignedIn, &user.id, info)).await?;
        let profile = profile_of(&op, user).await?;
        op.commit().await?;
        Ok(Some(SignedIn::Complete { issued, profile }))
    }

    async fn ask_for_verification(&self, guess: &Guess, user: &User, callback_url: Option<&str>) -> Result<SignedIn> {
        let mut op = Op::write(self.shared).await?;
        if self.shared.config.email.send_on_sign_in {
            send_verification(&mut op, user, callback_url).await?;
        }
        guess.right(op.db()).await?;
        let flow = EmailFlow::begin(&op, &user.id);
        op.commit().await?;
        Ok(SignedIn::VerifyEmail { flow })
    }
}

fn refused<'a>(reason: Code, user_id: Option<&'a UserId>, info: &'a RequestInfo) -> Act<'a> {
    Act::anonymous(Event::SignInFailed { reason }, user_id, info)
}

async fn find(shared: &Shared, email: &Email) -> Result<Option<(User, Credential)>> {
    let op = Op::read(shared);
    let Some(user) = user::store::by_email(&op, email.as_str()).await? else { return Ok(None) };
    Ok(account::store::credential(&op, &user.id).await?.map(|credential| (user, credential)))
}

/// Checks the password of a signed-in user who is about to change something; wrong ones count like wrong sign-ins.
pub(crate) async fn confirm_password(
    shared: &Shared,
    user: &User,
    password: &str,
    info: &RequestInfo,
) -> Result<Credential> {
    if let Err(error) = shared.hasher.check_length(password)
        && error.code() == Code::PasswordTooLong
    {
        return Err(Error::new(Code::InvalidPassword));
    }
    let credential = account::store::credential(&Op::read(shared), &user.id).await?;
    let credential = credential.ok_or_else(|| Error::new(Code::CredentialAccountNotFound))?;
    let guess = shared.limiter.guess(&shared.store, Target::Confirmation(&user.id)).await?;
    let verified = shared.hasher.verify(password, &credential.hash).await;
    if !guess.checked(&shared.store, verified).await?.matches {
        audit::note(shared, Act::own(Event::PasswordRefused, &user.id, info)).await;
        return Err(Error::new(Code::InvalidPassword));
    }
    guess.right_at_once(&shared.store).await?;
    Ok(credential)
}
