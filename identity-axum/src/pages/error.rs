//! The page for what does not go on.

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use identity_core::oauth::{ErrorCode, OAuthError};
use identity_core::time::Timestamp;
use identity_core::{Class, Code, Error};

use super::reply::{self, Reply};
use super::view::{Pending, View};
use super::visit::Visit;
use crate::problem::{self, Dialect};

#[derive(Debug, Template)]
#[template(path = "error.html")]
struct Page<'a> {
    view: &'a View,
    lede: &'static str,
    code: &'a str,
    description: &'a str,
    time: Option<Timestamp>,
    request_id: Option<&'a str>,
}

/// What went wrong, for people.
fn lede(view: &View, code: Code) -> &'static str {
    let texts = &view.t().error;
    match code.class() {
        Class::NotFound => texts.address(),
        Class::Method => texts.method(),
        Class::TooLarge => texts.large(),
        Class::Misdirected => texts.host(),
        Class::TooMany => texts.too_many(),
        Class::Unavailable => texts.temporary(),
        Class::Internal => texts.ours(),
        Class::Forbidden if code == Code::FormNotOurs => texts.form(),
        Class::Unauthenticated | Class::Forbidden | Class::Conflict => texts.origin(),
        Class::Invalid | Class::Unsupported => texts.unreadable(),
    }
}

/// A failure as a page.
pub(super) fn page(view: &View, request_id: Option<&str>, error: &Error) -> Response {
    problem::log(error);
    let code = error.code();
    let mut view = view.clone();
    (view.pending, view.here) = (Pending::Nothing, None);
    let page = Page { lede: lede(&view, code), view: &view, code: code.id(), description: "", time: None, request_id };
    let mut response = rendered(reply::page(problem::status(code), &view, &page));
    if let Some(seconds) = error.wait_seconds() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A request at the authorization endpoint that goes nowhere: client or redirect URI are wrong, or what it began is over.
pub(super) fn refused(visit: &Visit, refusal: &OAuthError) -> Reply {
    if let Some(cause) = refusal.cause() {
        problem::log(cause);
    }
    let mut view = visit.view.clone();
    (view.pending, view.here) = (Pending::Nothing, None);
    let texts = &view.t().error;
    let (status, lede) = match refusal.code() {
        ErrorCode::TemporarilyUnavailable => (StatusCode::SERVICE_UNAVAILABLE, texts.temporary()),
        ErrorCode::ServerError => (StatusCode::INTERNAL_SERVER_ERROR, texts.ours()),
        _ => (StatusCode::BAD_REQUEST, texts.request()),
    };
    let page = Page {
        view: &view,
        lede,
        code: refusal.code().as_str(),
        description: &refusal.description(),
        time: Some(visit.site.facade.identity.now()),
        request_id: visit.info.request_id.as_deref(),
    };
    reply::page(status, &view, &page)
}

/// The page that redirects lead to which could not say more: `?error=` names one of the words of OAuth or of ours.
pub(super) async fn show(visit: Visit) -> Reply {
    let sent = visit.text("error")?;
    let known = ErrorCode::ALL.iter().map(|code| code.as_str()).chain(Code::ALL.iter().map(|code| code.id()));
    let code = known.into_iter().find(|word| *word == sent).unwrap_or(ErrorCode::ServerError.as_str());
    let mut view = visit.view.clone();
    view.pending = Pending::Nothing;
    let lede = view.t().error.request();
    let request_id = visit.info.request_id.as_deref();
    let page = Page { view: &view, lede, code, description: "", time: None, request_id };
    reply::page(StatusCode::BAD_REQUEST, &view, &page)
}

pub(super) async fn not_found(_visit: Visit) -> Reply {
    Err(Code::NotFound.into())
}

pub(super) async fn wrong_method() -> Reply {
    Err(Code::MethodNotAllowed.into())
}

fn rendered(page: Reply) -> Response {
    page.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// The dialect of pages, for what is refused before anything is known about the visitor.
#[derive(Clone, Copy, Debug)]
pub enum Pages {}

impl Dialect for Pages {
    fn render(error: &Error, request_id: Option<&str>) -> Response {
        page(&View::plain(), request_id, error)
    }
}
