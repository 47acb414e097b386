//! Signing in.

use askama::Template;
use http::StatusCode;
use identity_core::Code;
use identity_core::auth::{PasswordSignIn, SignedIn};
use identity_core::oauth::Step;
use identity_core::secret::Secret;
use identity_core::text::Email;

use super::answer;
use super::form::{Field, Notice, Trouble, focus_first};
use super::reply::{self, Reply, see_other};
use super::view::{Pending, View};
use super::visit::{Asked, Visit};
use super::{ACCOUNT, DEVICE_CONFIRM, verify};

/// The parameter with which somebody who is signed in asks for the form all the same, in the word of OpenID Connect.
pub(super) const AGAIN: (&str, &str) = ("prompt", "login");
/// The parameter with which another page says what has happened, and its words.
pub(super) const NOTICE: &str = "notice";
pub(super) const VERIFIED: &str = "verified";
pub(super) const RESET: &str = "reset";

#[derive(Debug, Template)]
#[template(path = "login.html")]
struct Page<'a> {
    view: &'a View,
    username: Field,
    password: Field,
    remember: bool,
    notice: Option<Notice>,
    /// Whether the password is what was wrong, or the address: nobody is told which.
    wrong: bool,
    /// Whether a forgotten password can be reset.
    resets: bool,
}

impl<'a> Page<'a> {
    fn new(visit: &'a Visit, username: impl Into<String>) -> Self {
        let identity = &visit.site.facade.identity;
        Self {
            view: &visit.view,
            username: Field::new("username", username),
            password: Field::new("password", ""),
            remember: true,
            notice: None,
            wrong: false,
            resets: identity.config().password.reset && identity.has_mailer(),
        }
    }
}

pub(super) async fn show(mut visit: Visit) -> Reply {
    let again = visit.says(AGAIN.0, AGAIN.1)?;
    let mut hint = None;
    match visit.asked().await? {
        Asked::Elsewhere(response) => return Ok(response),
        Asked::Application(interaction) => {
            if !again && matches!(interaction.step, Step::SelectAccount | Step::Consent { .. }) {
                return see_other(&answer::page(&visit, &interaction));
            }
            hint = interaction.login_hint;
        }
        Asked::Nobody if visit.caller.is_some() && !again => {
            let device = matches!(visit.view.pending, Pending::Device(_));
            return see_other(&visit.view.url(if device { DEVICE_CONFIRM } else { ACCOUNT }));
        }
        Asked::Nobody => {}
    }
    let own = visit.session().filter(|_| !again).and_then(|session| session.profile.email.clone());
    let username = hint.or(own).or_else(|| visit.address().filter(|_| !again).map(String::from)).unwrap_or_default();
    let username: String = username.chars().take(Email::MAX_BYTES).collect();
    let texts = &visit.view.t().login;
    let notice = match visit.text(NOTICE)? {
        VERIFIED => Some(Notice::good(texts.verified())),
        RESET => Some(Notice::good(texts.reset())),
        _ => None,
    };
    let mut page = Page { notice, ..Page::new(&visit, username) };
    let first = if page.username.value.is_empty() { &mut page.username } else { &mut page.password };
    first.focus = true;
    reply::page(StatusCode::OK, &visit.view, &page)
}

pub(super) async fn submit(mut visit: Visit) -> Reply {
    let username = visit.text("username")?.trim().to_owned();
    let password = Secret::from(visit.text("password")?);
    let remember = !visit.text("remember")?.is_empty();
    let email = match Email::parse(&username) {
        Ok(email) if !password.expose().is_empty() => email,
        email => {
            if let Asked::Elsewhere(response) = visit.asked().await? {
                return Ok(response);
            }
            let texts = &visit.view.t().common;
            let mut page = Page { remember, ..Page::new(&visit, username.as_str()) };
            if email.is_err() {
                page.username.refuse_address(&visit.view);
            }
            if password.expose().is_empty() {
                page.password.refuse(texts.no_password());
            }
            if focus_first([&mut page.username, &mut page.password]) > 1 {
                page.notice = Some(Notice::bad(texts.wrong_fields(2)));
            }
            return reply::page(StatusCode::UNPROCESSABLE_ENTITY, &visit.view, &page);
        }
    };
    let sign_in = PasswordSignIn {
        email: email.clone(),
        password,
        remember,
        callback_url: Some(verify::callback(&visit.view)),
        replaces: visit.caller.as_ref().map(|caller| caller.token.clone()),
    };
    let error = match visit.site.facade.identity.sign_in().with_password(sign_in, &visit.info).await {
        Ok(outcome) => return signed_in(&visit, outcome, &email).await,
        Err(error) => error,
    };
    if let Asked::Elsewhere(response) = visit.asked().await? {
        return Ok(response);
    }
    let mut page = Page { remember, ..Page::new(&visit, username.as_str()) };
    page.password.focus = true;
    match error.code() {
        Code::InvalidCredentials | Code::PasswordTooLong => {
            page.wrong = true;
            reply::page(StatusCode::BAD_REQUEST, &visit.view, &page)
        }
        Code::UserBanned => {
            page.notice = Some(Notice::bad(visit.view.t().login.blocked(&visit.view.app)));
            reply::page(StatusCode::FORBIDDEN, &visit.view, &page)
        }
        _ => {
            let trouble = Trouble::of(&visit.view, error)?;
            page.notice = Some(trouble.notice());
            trouble.on(reply::page(trouble.status, &visit.view, &page))
        }
    }
}

/// Lets the browser in, or sends it to prove its address.
pub(super) async fn signed_in(visit: &Visit, outcome: SignedIn, email: &Email) -> Reply {
    match outcome {
        SignedIn::Complete { issued, profile } => Ok(visit.enter(&issued, profile).await),
        SignedIn::VerifyEmail { flow } => {
            visit.to_verify(&flow, email, visit.site.facade.identity.config().email.send_on_sign_in)
        }
    }
}
