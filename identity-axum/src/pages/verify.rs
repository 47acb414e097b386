//! Proving an address, by the code or the link of a mail.

use askama::Template;
use http::StatusCode;
use identity_core::Code;
use identity_core::auth::GivenCode;
use identity_core::text::Email;

use super::form::{Field, Notice, Trouble};
use super::reply::{self, Reply, see_other};
use super::view::View;
use super::visit::{Asked, Visit};
use super::{LOGIN, VERIFY, login};
use crate::cookie::Name;

/// Says that a mail is on its way, that there is none yet, or that its link was followed.
const STATE: &str = "state";
const SENT: &str = "sent";
const UNSENT: &str = "unsent";
const FOLLOWED: &str = "followed";

#[derive(Debug, Template)]
#[template(path = "verify.html")]
struct Page<'a> {
    view: &'a View,
    /// The address, where the browser has given one.
    email: Option<Email>,
    /// The field for an address, where it has not.
    address: Field,
    code: Field,
    /// Whether there is a code to enter.
    sent: bool,
    /// Whether mails can be asked for.
    offered: bool,
    notice: Option<Notice>,
}

impl<'a> Page<'a> {
    fn new(visit: &'a Visit, email: Option<Email>, sent: bool) -> Self {
        let identity = &visit.site.facade.identity;
        Self {
            view: &visit.view,
            email,
            address: Field::new("email", "").focused(),
            code: Field::new("code", "").focused(),
            sent,
            offered: identity.config().email.verification && identity.has_mailer(),
            notice: None,
        }
    }
}

/// The part of the query that says whether a mail is on its way.
pub(super) const fn state(sent: bool) -> &'static [(&'static str, &'static str)] {
    if sent { &[(STATE, SENT)] } else { &[(STATE, UNSENT)] }
}

/// Where the link of a verification mail leads in the end: back to what waits.
pub(super) fn callback(view: &View) -> String {
    view.url_with(VERIFY, &[(STATE, FOLLOWED)])
}

pub(super) async fn show(mut visit: Visit) -> Reply {
    let (state, failed) = (visit.text(STATE)?.to_owned(), !visit.text("error")?.is_empty());
    if state == FOLLOWED && !failed {
        // With a session the page of the sign-in leads on by itself.
        let notice: &[_] = if visit.caller.is_some() { &[] } else { &[(login::NOTICE, login::VERIFIED)] };
        return see_other(&visit.view.url_with(LOGIN, notice));
    }
    if let Asked::Elsewhere(response) = visit.asked().await? {
        return Ok(response);
    }
    let own = visit.session().and_then(|session| Email::parse(session.profile.email.as_deref()?).ok());
    let mut page = Page::new(&visit, visit.address().or(own), state == SENT);
    if failed {
        page.notice = Some(Notice::bad(visit.view.t().verify.over()));
    }
    reply::page(StatusCode::OK, &visit.view, &page)
}

/// Takes the code.
pub(super) async fn submit(mut visit: Visit) -> Reply {
    let code: String = visit.text("code")?.chars().filter(|letter| !letter.is_whitespace()).collect();
    let Ok(email) = Email::parse(visit.text("email")?) else { return see_other(&visit.view.url(VERIFY)) };
    let facade = &visit.site.facade;
    let error = if code.is_empty() {
        None
    } else {
        let flow = visit.flow();
        let given =
            GivenCode { email: &email, code: &code, flow: flow.as_deref(), caller: visit.session(), remember: true };
        match facade.identity.email_verification().give_code(given, &visit.info).await {
            Err(error) => Some(error),
            Ok((profile, Some(issued))) => {
                let mut response = visit.enter(&issued, profile).await;
                facade.cookies.clear(response.headers_mut(), Name::EmailFlow);
                return Ok(response);
            }
            Ok((_, None)) => match visit.session() {
                Some(session) => return Ok(visit.go_on(session).await),
                None => return see_other(&visit.view.url_with(LOGIN, &[(login::NOTICE, login::VERIFIED)])),
            },
        }
    };
    if let Asked::Elsewhere(response) = visit.asked().await? {
        return Ok(response);
    }
    let texts = visit.view.t();
    let mut page = Page::new(&visit, Some(email), true);
    match error {
        None => page.code.refuse(texts.common.no_code()),
        Some(error) => match error.code() {
            Code::InvalidCode => page.code.refuse(texts.verify.wrong()),
            Code::CodeExpired => page.code.refuse(texts.verify.expired()),
            Code::TooManyAttempts => page.code.refuse(texts.verify.exhausted()),
            _ => {
                let trouble = Trouble::of(&visit.view, error)?;
                page.notice = Some(trouble.notice());
                return trouble.on(reply::page(trouble.status, &visit.view, &page));
            }
        },
    }
    reply::page(StatusCode::UNPROCESSABLE_ENTITY, &visit.view, &page)
}

/// Sends another mail.
pub(super) async fn send(mut visit: Visit) -> Reply {
    let typed = visit.text("email")?.trim().to_owned();
    let Ok(email) = Email::parse(&typed) else {
        if let Asked::Elsewhere(response) = visit.asked().await? {
            return Ok(response);
        }
        let mut page = Page::new(&visit, None, false);
        page.address.value = typed;
        page.address.refuse_address(&visit.view);
        return reply::page(StatusCode::UNPROCESSABLE_ENTITY, &visit.view, &page);
    };
    let own = visit.session().filter(|session| session.profile.email.as_deref() == Some(email.as_str()));
    let callback = callback(&visit.view);
    let asked = visit.site.facade.identity.email_verification().request_link(&email, own, Some(&callback)).await;
    match asked {
        Ok(()) => {}
        Err(error) if error.code() == Code::EmailAlreadyVerified => return see_other(&visit.view.url(LOGIN)),
        Err(error) if error.code() == Code::VerificationDisabled => return see_other(&visit.view.url(VERIFY)),
        Err(error) => {
            let trouble = Trouble::of(&visit.view, error)?;
            let page = Page { notice: Some(trouble.notice()), ..Page::new(&visit, Some(email), false) };
            return trouble.on(reply::page(trouble.status, &visit.view, &page));
        }
    }
    let mut response = see_other(&visit.view.url_with(VERIFY, state(true)))?;
    visit.keep_address(&mut response, &email);
    Ok(response)
}
