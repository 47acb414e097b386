//! Verifications: links and codes that go out by mail and come back once.

pub(crate) mod model;
pub(crate) mod store;

use std::time::Duration;

pub(crate) use model::{Purpose, State, Verification};
pub(crate) use store::Guess;

use crate::entropy::digits;
use crate::error::Result;
use crate::id::{UserId, VerificationId};
use crate::op::Op;
use crate::time::after;
use crate::token::{Digest, Token, kind};
use crate::user::{self, User};

/// What a new link is about.
#[derive(Debug)]
pub(crate) struct About<'a> {
    pub(crate) purpose: Purpose,
    pub(crate) user_id: &'a UserId,
    pub(crate) email: &'a str,
    pub(crate) new_email: Option<&'a str>,
}

/// The links with which somebody who once had the account could take it back after its password was changed.
pub(crate) const OF_ACCOUNT: [Purpose; 4] =
    [Purpose::PasswordReset, Purpose::EmailChangeConsent, Purpose::EmailChangeProof, Purpose::AccountDeletion];

/// The links that a signed-in browser can ask for.
pub(crate) const BY_SESSION: [Purpose; 3] =
    [Purpose::EmailChangeConsent, Purpose::EmailChangeProof, Purpose::AccountDeletion];

/// Digits of a code that goes out by mail.
const CODE_DIGITS: usize = 6;

/// Issues a link and returns its token, which goes into one mail and nowhere else.
pub(crate) async fn issue_link(
    op: &mut Op<'_>,
    about: About<'_>,
    lifetime: Duration,
) -> Result<Token<kind::Verification>> {
    let token = Token::mint(op.entropy());
    let verification = Verification {
        id: VerificationId::mint(op.now(), op.entropy()),
        purpose: about.purpose,
        user_id: Some(about.user_id.clone()),
        email: about.email.to_owned(),
        new_email: about.new_email.map(str::to_owned),
        state: State::Pending,
        expires_at: after(op.now(), lifetime),
    };
    store::insert(op, &verification, &token.digest()).await?;
    Ok(token)
}

/// Finds a verification and its user, and holds the user until the end of the transaction. A decoy has none and is not found.
pub(crate) async fn hold(
    op: &mut Op<'_>,
    purpose: Purpose,
    digest: &Digest<kind::Verification>,
) -> Result<Option<(Verification, User)>> {
    let found = store::find(op, purpose, digest).await?;
    let Some(user_id) = found.and_then(|found| found.user_id) else { return Ok(None) };
    let user = user::lock(op, &user_id).await?;
    // Only now that nobody else can change it, its state counts.
    Ok(store::find(op, purpose, digest).await?.map(|found| (found, user)))
}

/// Issues a six-digit code; the one before it is dead from here on.
pub(crate) async fn issue_code(op: &mut Op<'_>, user_id: &UserId, email: &str) -> Result<String> {
    let lifetime = op.shared().config.email.code_expires_in;
    // Two mails asked for at once must not leave two codes open.
    user::lock(op, user_id).await?;
    store::spend_others(op, user_id, Purpose::EmailCode).await?;
    let code = digits(op.entropy(), CODE_DIGITS);
    let verification = Verification {
        id: VerificationId::mint(op.now(), op.entropy()),
        purpose: Purpose::EmailCode,
        user_id: Some(user_id.clone()),
        email: email.to_owned(),
        new_email: None,
        state: State::Pending,
        expires_at: after(op.now(), lifetime),
    };
    let digest = code_digest(op, user_id, email, &code);
    store::delete_same_digest(op, &digest).await?;
    store::insert(op, &verification, &digest).await?;
    Ok(code)
}

/// Closes every link and code of the given purposes that a user has open.
pub(crate) async fn close(op: &mut Op<'_>, user_id: &UserId, purposes: &[Purpose]) -> Result<()> {
    for purpose in purposes {
        store::spend_others(op, user_id, *purpose).await?;
    }
    Ok(())
}

/// Checks a code against the pending one of a user and spends it when it is right.
pub(crate) async fn guess_code(op: &mut Op<'_>, user_id: &UserId, email: &str, code: &str) -> Result<Guess> {
    let tries = op.shared().config.email.code_tries;
    let digest = code_digest(op, user_id, email, code);
    store::guess(op, user_id, Purpose::EmailCode, &digest, tries).await
}

/// Does the writing that [`issue_link`] does, for an address that nobody has: the time of an answer tells nothing.
pub(crate) async fn issue_decoy(op: &mut Op<'_>, purpose: Purpose, email: &str) -> Result<()> {
    let token = Token::<kind::Verification>::mint(op.entropy());
    let verification = Verification {
        id: VerificationId::mint(op.now(), op.entropy()),
        purpose,
        user_id: None,
        email: email.to_owned(),
        new_email: None,
        state: State::Spent,
        expires_at: op.now(),
    };
    store::insert(op, &verification, &token.digest()).await
}

/// A code has a million values, so a plain hash of it in a stolen dump would give it away; it is keyed, and bound to its user.
fn code_digest(op: &Op<'_>, user_id: &UserId, email: &str, code: &str) -> Digest<kind::Verification> {
    let key = &op.shared().signing.verification_code;
    let message = format!("{}\n{}\n{email}\n{code}", Purpose::EmailCode.as_str(), user_id.as_str());
    Digest::from_bytes(key.sign(message.as_bytes()))
}
