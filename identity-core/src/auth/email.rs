//! Proving an address, by the link or by the six digits of a mail.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::email_change::{self, ChangeStep};
use super::links;
use super::resolve::{Resolved, profile_of};
use crate::account;
use crate::audit;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::event::{Act, Event};
use crate::id::UserId;
use crate::limits::Target;
use crate::mail::Message;
use crate::op::Op;
use crate::outbox;
use crate::principal::Profile;
use crate::request::RequestInfo;
use crate::session::{self, Issued, Method, Proof};
use crate::shared::Shared;
use crate::text::Email;
use crate::time::{Timestamp, after};
use crate::token::{Digest, Token, kind};
use crate::user::{self, User};
use crate::verification::{self, About, Guess, Purpose, State};

/// What a browser keeps between asking for a verification mail at sign-up or sign-in and following its link: only this browser is
/// signed in by the link, not the scanner of a mail server and not whoever else gets hold of the mail.
#[derive(Clone)]
pub struct EmailFlow {
    value: String,
    lifetime: Duration,
}

impl EmailFlow {
    pub(crate) fn begin(op: &Op<'_>, user_id: &UserId) -> Self {
        let shared = op.shared();
        let lifetime = shared.config.email.link_expires_in;
        let named = format!("{}.{}", user_id.as_str(), after(op.now(), lifetime).timestamp());
        let signature = URL_SAFE_NO_PAD.encode(shared.signing.email_flow.sign(named.as_bytes()));
        Self { value: format!("{named}.{signature}"), lifetime }
    }

    /// The value for the cookie.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// How long the cookie is of use.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Whether a presented cookie value was given to a browser that waits for this user's verification.
    fn names(shared: &Shared, value: &str, user_id: &UserId, now: Timestamp) -> bool {
        let Some((named, signature)) = value.rsplit_once('.') else { return false };
        let Some((name, expires)) = named.rsplit_once('.') else { return false };
        let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
        let fresh = expires.parse::<i64>().is_ok_and(|end| now.timestamp() < end);
        fresh && name == user_id.as_str() && shared.signing.email_flow.verify(named.as_bytes(), &signature)
    }
}

impl std::fmt::Debug for EmailFlow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EmailFlow(redacted)")
    }
}

/// What following a link of a verification mail came to.
#[derive(Debug)]
#[must_use]
pub enum VerifyLink {
    /// The address is proved. The session is there when the configuration and the flow cookie allow it.
    Verified {
        /// The user.
        profile: Profile,
        /// The session, when the link signs in.
        issued: Option<Issued>,
    },
    /// The link had done its work before.
    AlreadyDone,
    /// The link is about a change of address.
    Change(ChangeStep),
}

/// The six digits of a mail, and what is known about the browser that gives them.
#[derive(Debug)]
pub struct GivenCode<'a> {
    /// The address the mail went to.
    pub email: &'a Email,
    /// The six digits.
    pub code: &'a str,
    /// The value of the flow cookie.
    pub flow: Option<&'a str>,
    /// The session of the browser.
    pub caller: Option<&'a Resolved>,
    /// Whether a session that it opens should outlive the browser.
    pub remember: bool,
}

/// Proving an address.
#[derive(Debug)]
pub struct EmailVerification<'s> {
    pub(crate) shared: &'s Shared,
}

impl EmailVerification<'_> {
    /// Sends a mail with a link and a code. For an address that nobody has, or that is proved already, nothing is sent and the
    /// answer is the same, in the same time; only the user who is signed in is told more.
    ///
    /// # Errors
    /// `verification_disabled`; `email_mismatch` and `email_already_verified` for a signed-in user.
    pub async fn request_link(
        &self,
        email: &Email,
        caller: Option<&Resolved>,
        callback_url: Option<&str>,
    ) -> Result<()> {
        self.require_enabled()?;
        if let Some(caller) = caller {
            if caller.profile.email.as_deref() != Some(email.as_str()) {
                return Err(Error::new(Code::EmailMismatch));
            }
            if caller.profile.email_verified {
                return Err(Error::new(Code::EmailAlreadyVerified));
            }
        }
        let mut op = Op::write(self.shared).await?;
        match user::store::by_email(&op, email.as_str()).await? {
            Some(user) if !user.email_verified => send_verification(&mut op, &user, callback_url).await?,
            _ => send_nothing(&mut op, email).await?,
        }
        op.commit().await
    }

    /// Sends a mail with a code alone. The answer never tells whether there was anybody to send it to.
    ///
    /// # Errors
    /// `verification_disabled`.
    pub async fn request_code(&self, email: &Email) -> Result<()> {
        self.require_enabled()?;
        let mut op = Op::write(self.shared).await?;
        match user::store::by_email(&op, email.as_str()).await? {
            Some(user) if !user.email_verified => send_code(&mut op, &user).await?,
            _ => send_nothing(&mut op, email).await?,
        }
        op.commit().await
    }

    /// Follows the link of a mail: proves an address, or takes a step of a change of address.
    ///
    /// `flow` is the value of the flow cookie; `callback_url` is where the link of a next mail, if there is one, leads in the end.
    /// A link about a change acts at once only for the user's own session; anybody else is asked to confirm first, so that a mail
    /// scanner changes nothing.
    ///
    /// # Errors
    /// `invalid_verification_token`, `token_expired`, `user_not_found`, `invalid_user`.
    pub async fn follow_link(
        &self,
        token: &Token<kind::Verification>,
        flow: Option<&str>,
        caller: Option<&Resolved>,
        callback_url: Option<&str>,
        info: &RequestInfo,
    ) -> Result<VerifyLink> {
        let digest = token.digest();
        if verification::store::find(&Op::read(self.shared), Purpose::EmailLink, &digest).await?.is_some() {
            return self.verify(&digest, flow, info).await;
        }
        email_change::follow(self.shared, token, caller, callback_url, false, info).await.map(VerifyLink::Change)
    }

    async fn verify(
        &self,
        digest: &Digest<kind::Verification>,
        flow: Option<&str>,
        info: &RequestInfo,
    ) -> Result<VerifyLink> {
        let shared = self.shared;
        let mut op = Op::write(shared).await?;
        let held = verification::hold(&mut op, Purpose::EmailLink, digest).await?;
        let (found, user) = held.ok_or_else(|| Error::new(Code::InvalidVerificationToken))?;
        if user.email != found.email {
            return Err(Error::new(Code::InvalidVerificationToken));
        }
        match found.state {
            State::Pending if found.expires_at <= op.now() => return Err(Error::new(Code::TokenExpired)),
            State::Spent | State::Pending if user.email_verified => return Ok(VerifyLink::AlreadyDone),
            State::Pending => {}
            State::Spent | State::Exhausted | State::Superseded => {
                return Err(Error::new(Code::InvalidVerificationToken));
            }
        }
        if !verification::store::spend(&mut op, &found).await? {
            return Ok(VerifyLink::AlreadyDone);
        }
        let signs_in = shared.config.email.sign_in_after_verification
            && flow.is_some_and(|value| EmailFlow::names(shared, value, &user.id, op.now()));
        let (profile, issued) = complete(&mut op, user, signs_in, true, info).await?;
        op.commit().await?;
        Ok(VerifyLink::Verified { profile, issued })
    }

    /// Takes the six digits of a mail.
    ///
    /// Where the configuration lets a verification sign in, it signs in a browser that is known (by the flow cookie of a sign-up or
    /// sign-in, or by a session of this user), and any browser when the account has no password. Only a known browser is told why
    /// there is no code; to others every refusal is the same.
    ///
    /// # Errors
    /// `invalid_code`, also for an address that nobody has; `code_expired` and `too_many_attempts` for a known browser;
    /// `rate_limited` after many wrong codes.
    pub async fn give_code(&self, given: GivenCode<'_>, info: &RequestInfo) -> Result<(Profile, Option<Issued>)> {
        let shared = self.shared;
        // A code allows few tries, but new codes can be asked for: the account's wrong guesses count as well.
        let attempt = shared.limiter.guess(&shared.store, Target::Code(given.email.as_str())).await?;
        let mut op = Op::write(shared).await?;
        let Some(user) = user::lock_by_email(&mut op, given.email).await? else {
            // The same statements for nobody.
            let nobody = UserId::mint(op.now(), op.entropy());
            verification::guess_code(&mut op, &nobody, given.email.as_str(), given.code).await?;
            audit::record(&mut op, Act::anonymous(Event::CodeRefused, None, info)).await?;
            op.commit().await?;
            return Err(Error::new(Code::InvalidCode));
        };
        let known = given.flow.is_some_and(|value| EmailFlow::names(shared, value, &user.id, op.now()))
            || given.caller.is_some_and(|caller| caller.profile.id == user.id);
        match verification::guess_code(&mut op, &user.id, &user.email, given.code).await? {
            Guess::Right => attempt.right(op.db()).await?,
            Guess::Wrong => {
                audit::record(&mut op, Act::anonymous(Event::CodeRefused, Some(&user.id), info)).await?;
                // The guess is counted although the answer is a refusal.
                op.commit().await?;
                return Err(Error::new(Code::InvalidCode));
            }
            Guess::NoCode => {
                audit::record(&mut op, Act::anonymous(Event::CodeRefused, Some(&user.id), info)).await?;
                let reason = if known { why_no_code(&op, &user).await? } else { Code::InvalidCode };
                op.commit().await?;
                return Err(Error::new(reason));
            }
        }
        // Where there is a password, whoever set it may still be signed in; the mailbox's owner must not be led into their account.
        let safe = known || account::store::credential(&op, &user.id).await?.is_none();
        let signs_in = safe && shared.config.email.sign_in_after_verification && !user.is_banned(op.now());
        let outcome = complete(&mut op, user, signs_in, given.remember, info).await?;
        op.commit().await?;
        Ok(outcome)
    }

    fn require_enabled(&self) -> Result<()> {
        if self.shared.config.email.verification && self.shared.mail.is_some() {
            Ok(())
        } else {
            Err(Error::new(Code::VerificationDisabled))
        }
    }
}

async fn why_no_code(op: &Op<'_>, user: &User) -> Result<Code> {
    let newest = verification::store::newest(op, &user.id, Purpose::EmailCode).await?;
    Ok(match newest {
        Some(State::Exhausted) => Code::TooManyAttempts,
        Some(State::Pending) => Code::CodeExpired,
        Some(State::Spent | State::Superseded) | None => Code::InvalidCode,
    })
}

/// Marks the address as proved, closes the other links and codes for it, and opens a session when asked to.
async fn complete(
    op: &mut Op<'_>,
    mut user: User,
    signs_in: bool,
    remember: bool,
    info: &RequestInfo,
) -> Result<(Profile, Option<Issued>)> {
    if !user::store::verify_email(op, &user.id, &user.email).await? {
        return Err(Error::new(Code::InvalidVerificationToken));
    }
    user.email_verified = true;
    user.updated_at = op.now();
    // A change of a proved address needs the consent of its mailbox, so a link that was asked for without is dead.
    verification::close(op, &user.id, &[Purpose::EmailCode, Purpose::EmailChangeProof]).await?;
    audit::record(op, Act::own(Event::EmailVerified, &user.id, info)).await?;
    let issued =
        if signs_in { session::open(op, &user, &Proof::User, Method::Mail, remember, info).await? } else { None };
    if issued.is_some() {
        audit::record(op, Act::own(Event::SignedIn, &user.id, info)).await?;
    }
    Ok((profile_of(op, user).await?, issued))
}

/// Puts the verification mail, with link and code, into the outbox.
pub(crate) async fn send_verification(op: &mut Op<'_>, user: &User, callback_url: Option<&str>) -> Result<()> {
    let shared = op.shared();
    let about = About { purpose: Purpose::EmailLink, user_id: &user.id, email: &user.email, new_email: None };
    // The code goes first: it locks the user's row, which a new link refers to.
    let code = verification::issue_code(op, &user.id, &user.email).await?;
    let token = verification::issue_link(op, about, shared.config.email.link_expires_in).await?;
    let message = link_and_code(shared, links::verify_email(&shared.config.http, &token, callback_url), code);
    let expires_at = after(op.now(), shared.config.email.link_expires_in);
    outbox::mail(op, &user.email, &user.name, &message, Some(expires_at)).await
}

async fn send_code(op: &mut Op<'_>, user: &User) -> Result<()> {
    let lifetime = op.shared().config.email.code_expires_in;
    let code = verification::issue_code(op, &user.id, &user.email).await?;
    let message = Message::VerificationCode { code, minutes: minutes(lifetime) };
    let expires_at = after(op.now(), lifetime);
    outbox::mail(op, &user.email, &user.name, &message, Some(expires_at)).await
}

/// Writes what [`send_verification`] would write, for nobody.
pub(crate) async fn send_nothing(op: &mut Op<'_>, email: &Email) -> Result<()> {
    let shared = op.shared();
    verification::issue_decoy(op, Purpose::EmailLink, email.as_str()).await?;
    verification::issue_decoy(op, Purpose::EmailCode, email.as_str()).await?;
    let token = Token::mint(op.entropy());
    let message = link_and_code(shared, links::verify_email(&shared.config.http, &token, None), String::new());
    outbox::decoy(op, email.as_str(), email.as_str(), &message).await
}

fn link_and_code(shared: &Shared, url: String, code: String) -> Message {
    Message::VerifyEmail {
        url,
        code: Some(code),
        link_minutes: minutes(shared.config.email.link_expires_in),
        code_minutes: minutes(shared.config.email.code_expires_in),
    }
}

pub(crate) fn minutes(duration: Duration) -> u64 {
    duration.as_secs().div_ceil(60)
}
