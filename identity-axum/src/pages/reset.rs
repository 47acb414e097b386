//! Getting back in with a forgotten password.

use askama::Template;
use http::StatusCode;
use identity_core::Code;
use identity_core::auth::PasswordSignIn;
use identity_core::secret::Secret;
use identity_core::text::Email;
use identity_core::token::{Token, kind};

use super::form::{Field, Notice, Trouble};
use super::reply::{self, Reply, see_other};
use super::view::View;
use super::visit::{Asked, Visit};
use super::{FORGOT, LOGIN, RESET, login, verify};

/// Says that the mail was asked for.
const SENT: (&str, &str) = ("sent", "1");

#[derive(Debug, Template)]
#[template(path = "forgot.html")]
struct Ask<'a> {
    view: &'a View,
    email: Field,
    /// Whether a mail can be sent at all.
    offered: bool,
    notice: Option<Notice>,
}

#[derive(Debug, Template)]
#[template(path = "forgot_sent.html")]
struct Sent<'a> {
    view: &'a View,
    email: Option<Email>,
}

#[derive(Template)]
#[template(path = "reset.html")]
struct Choose<'a> {
    view: &'a View,
    token: &'a str,
    /// For the password manager.
    username: Option<Email>,
    password: Field,
    min: usize,
    notice: Option<Notice>,
}

#[derive(Debug, Template)]
#[template(path = "reset_over.html")]
struct Over<'a> {
    view: &'a View,
}

fn offered(visit: &Visit) -> bool {
    let identity = &visit.site.facade.identity;
    identity.config().password.reset && identity.has_mailer()
}

/// Asks for the address, or says that the mail is on its way.
pub(super) async fn ask(mut visit: Visit) -> Reply {
    let sent = visit.says(SENT.0, SENT.1)?;
    if let Asked::Elsewhere(response) = visit.asked().await? {
        return Ok(response);
    }
    let offered = offered(&visit);
    if sent && offered {
        return reply::page(StatusCode::OK, &visit.view, &Sent { view: &visit.view, email: visit.address() });
    }
    let known = visit.address().map(String::from).unwrap_or_default();
    let page = Ask { view: &visit.view, email: Field::new("email", known).focused(), offered, notice: None };
    reply::page(StatusCode::OK, &visit.view, &page)
}

/// Sends the mail. The link in it leads back to what waits.
pub(super) async fn send(mut visit: Visit) -> Reply {
    let typed = visit.text("email")?.trim().to_owned();
    let Ok(email) = Email::parse(&typed) else {
        if let Asked::Elsewhere(response) = visit.asked().await? {
            return Ok(response);
        }
        let mut email = Field::new("email", typed.as_str()).focused();
        email.refuse_address(&visit.view);
        let page = Ask { view: &visit.view, email, offered: offered(&visit), notice: None };
        return reply::page(StatusCode::UNPROCESSABLE_ENTITY, &visit.view, &page);
    };
    let back = visit.view.url(RESET);
    if let Err(error) = visit.site.facade.identity.password_reset().request(&email, Some(&back), &visit.info).await {
        if error.code() == Code::ResetPasswordDisabled {
            return see_other(&visit.view.url(FORGOT));
        }
        let trouble = Trouble::of(&visit.view, error)?;
        let email = Field::new("email", typed.as_str());
        let page = Ask { view: &visit.view, email, offered: true, notice: Some(trouble.notice()) };
        return trouble.on(reply::page(trouble.status, &visit.view, &page));
    }
    let mut response = see_other(&visit.view.url_with(FORGOT, &[SENT]))?;
    visit.keep_address(&mut response, &email);
    Ok(response)
}

/// Where the link of the mail leads in the end: asks for the new password, if the link is good.
pub(super) async fn show(mut visit: Visit) -> Reply {
    let sent = visit.text("token")?.to_owned();
    let token = Token::presented(sent.as_str());
    let good = !sent.is_empty() && visit.site.facade.identity.password_reset().is_good(&token).await?;
    if let Asked::Elsewhere(response) = visit.asked().await? {
        // What waited is over, but a new password can be chosen all the same.
        if !good {
            return Ok(response);
        }
        visit.view.pending = super::view::Pending::Nothing;
    }
    if good { choose(&visit, &sent, &token, None, None).await } else { over(&visit, StatusCode::OK) }
}

async fn choose(
    visit: &Visit,
    sent: &str,
    token: &Token<kind::Verification>,
    wrong: Option<String>,
    trouble: Option<Trouble>,
) -> Reply {
    let identity = &visit.site.facade.identity;
    let status = match (&wrong, &trouble) {
        (None, None) => StatusCode::OK,
        (_, Some(trouble)) => trouble.status,
        (Some(_), None) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = Choose {
        view: &visit.view,
        token: sent,
        username: identity.password_reset().address(token).await?,
        password: Field { error: wrong, ..Field::new("new-password", "").focused() },
        min: identity.config().password.min_length,
        notice: trouble.as_ref().map(Trouble::notice),
    };
    let reply = reply::page(status, &visit.view, &page);
    match trouble {
        Some(trouble) => trouble.on(reply),
        None => reply,
    }
}

fn over(visit: &Visit, status: StatusCode) -> Reply {
    reply::page(status, &visit.view, &Over { view: &visit.view })
}

/// Sets the new password, and signs in with it.
pub(super) async fn submit(mut visit: Visit) -> Reply {
    let sent = visit.text("token")?.to_owned();
    let password = Secret::from(visit.text("new_password")?);
    let token = Token::presented(sent.as_str());
    let resets = visit.site.facade.identity.password_reset();
    let address = resets.address(&token).await?;
    let error = match resets.perform(&token, password.expose(), &visit.info).await {
        Ok(()) => return with_new_password(&visit, address, password).await,
        Err(error) => error,
    };
    if let Asked::Elsewhere(_) = visit.asked().await? {
        visit.view.pending = super::view::Pending::Nothing;
    }
    let (texts, limits) = (&visit.view.t().common, &visit.site.facade.identity.config().password);
    let (wrong, trouble) = match error.code() {
        Code::InvalidToken => return over(&visit, StatusCode::BAD_REQUEST),
        Code::PasswordTooShort if password.expose().is_empty() => (Some(texts.no_password().to_owned()), None),
        Code::PasswordTooShort => (Some(texts.short_password(limits.min_length)), None),
        Code::PasswordTooLong => (Some(texts.long_password(limits.max_length)), None),
        _ => (None, Some(Trouble::of(&visit.view, error)?)),
    };
    choose(&visit, &sent, &token, wrong, trouble).await
}

/// Signs in by the way that everybody takes, so that whatever it asks for is asked for here too.
async fn with_new_password(visit: &Visit, address: Option<Email>, password: Secret<String>) -> Reply {
    let identity = &visit.site.facade.identity;
    if let Some(email) = address {
        let sign_in = PasswordSignIn {
            email: email.clone(),
            password,
            remember: true,
            callback_url: Some(verify::callback(&visit.view)),
            replaces: None,
        };
        match identity.sign_in().with_password(sign_in, &visit.info).await {
            Ok(outcome) => return login::signed_in(visit, outcome, &email).await,
            Err(error) => tracing::debug!(code = error.code().id(), "the new password does not sign in by itself"),
        }
    }
    see_other(&visit.view.url_with(LOGIN, &[(login::NOTICE, login::RESET)]))
}
