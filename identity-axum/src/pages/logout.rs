//! Signing out: at one's own wish, or at that of an application (OpenID Connect RP-Initiated Logout 1.0).

use askama::Template;
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode};
use identity_core::id::ClientId;
use identity_core::oauth::{BrowserSession, LogoutStep, PostLogoutRedirect};
use identity_core::{Code, Error, Result};

use super::reply::{self, Forms, Reply, see_other};
use super::view::{Asking, UI_LOCALES, View, web_page};
use super::visit::Visit;
use super::{END_SESSION, HOME, LOGGED_OUT, LOGIN, LOGOUT, error};
use crate::cookie::Name;
use crate::facade::bridge::with_parameters;

/// The parameter that names the application.
const CLIENT: &str = "client_id";
/// Tells a browser what to forget (Clear Site Data, section 3.1).
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

#[derive(Debug, Template)]
#[template(path = "logout.html")]
struct Page<'a> {
    view: &'a View,
    /// What the application asked for, for the form.
    asked: Vec<(&'static str, String)>,
}

#[derive(Debug, Template)]
#[template(path = "logged_out.html")]
struct Done<'a> {
    view: &'a View,
    again: String,
    /// The page of the application that asked.
    back: Option<String>,
}

/// The endpoint that applications send people to.
pub(super) async fn endpoint(visit: Visit) -> Reply {
    if let Some(address) = visit.by_get(END_SESSION) {
        return see_other(&address);
    }
    if visit.is_of_another_site() {
        // Its form came without the cookie of the session, so nothing is known of whoever is signed in here.
        return Err(Error::new(Code::PayloadTooLarge).into());
    }
    let oauth = visit.site.facade.identity.oauth();
    match oauth.logout(&visit.fields, browser(&visit), &visit.info).await? {
        LogoutStep::Ask { redirect } => {
            let mut asked = redirect.map(|redirect| parameters(&redirect)).unwrap_or_default();
            asked.extend(visit.fields.all(UI_LOCALES).next().map(|locales| (UI_LOCALES, locales.to_owned())));
            let asked: Vec<(&str, &str)> = asked.iter().map(|(name, value)| (*name, value.as_str())).collect();
            see_other(&visit.view.url_with(LOGOUT, &asked))
        }
        LogoutStep::Done { redirect: Some(redirect), .. } => leave(&visit, &address(&redirect)),
        LogoutStep::Done { client, redirect: None } => {
            let client = client.map(|client| client.id);
            let client: Vec<(&str, &str)> = client.iter().map(|id| (CLIENT, id.as_str())).collect();
            leave(&visit, &visit.view.url_with(LOGGED_OUT, &client))
        }
        LogoutStep::Refused(refusal) => error::refused(&visit, &refusal),
    }
}

/// Asks whether to sign out.
pub(super) async fn show(mut visit: Visit) -> Reply {
    let redirect = visit.site.facade.identity.oauth().asked_logout(&visit.fields).await?;
    if visit.caller.is_none() && redirect.is_none() {
        return see_other(&visit.view.url(LOGGED_OUT));
    }
    visit.view.client = redirect.as_ref().map(|redirect| Asking::of(&redirect.client));
    let asked = redirect.as_ref().map(parameters).unwrap_or_default();
    let forms = if redirect.is_some() { Forms::Anywhere } else { Forms::Here };
    reply::page_with_forms(StatusCode::OK, &Page { view: &visit.view, asked }, forms)
}

/// Ends the session of the browser, or leaves it.
pub(super) async fn submit(visit: Visit) -> Reply {
    if !visit.says("decision", "confirm")? {
        return see_other(HOME);
    }
    let oauth = visit.site.facade.identity.oauth();
    match oauth.confirm_logout(&visit.fields, browser(&visit), &visit.info).await? {
        Some(redirect) => leave(&visit, &address(&redirect)),
        None => leave(&visit, &visit.view.url(LOGGED_OUT)),
    }
}

pub(super) async fn done(mut visit: Visit) -> Reply {
    let again = visit.view.url(LOGIN);
    let client = visit.text(CLIENT)?;
    let client = if client.is_empty() {
        None
    } else {
        visit.site.facade.identity.clients().find(&ClientId::from_text(client)).await?
    };
    let back = client.as_ref().and_then(|client| web_page(client.metadata.client_uri.as_deref()?));
    visit.view.client = client.as_ref().map(Asking::of);
    reply::page(StatusCode::OK, &visit.view, &Done { view: &visit.view, again, back })
}

fn browser(visit: &Visit) -> Option<BrowserSession<'_>> {
    visit.caller.as_ref().map(|caller| BrowserSession { token: &caller.token, session: &caller.resolved })
}

/// Goes on without the cookies of the session that has ended; where there was none, nothing is taken from the browser.
fn leave(visit: &Visit, location: &str) -> Result<Response, reply::Failed> {
    let mut response = see_other(location)?;
    if visit.caller.is_none() {
        return Ok(response);
    }
    let cookies = &visit.site.facade.cookies;
    cookies.clear_session(response.headers_mut());
    // Whoever comes next to this browser is not told who was here.
    cookies.clear(response.headers_mut(), Name::Address);
    // Nothing of ours may be stored; some browsers keep whole pages for the way back all the same.
    response.headers_mut().insert(CLEAR_SITE_DATA, HeaderValue::from_static("\"cache\""));
    Ok(response)
}

/// The address that a browser goes on to: the registered one with `state`, and nothing else (section 3).
fn address(redirect: &PostLogoutRedirect) -> String {
    match &redirect.state {
        Some(state) => with_parameters(&redirect.uri, &[("state", state.clone())]),
        None => redirect.uri.clone(),
    }
}

/// What the page that asks has to know to go on.
fn parameters(redirect: &PostLogoutRedirect) -> Vec<(&'static str, String)> {
    let asked = [(CLIENT, redirect.client.id.as_str()), ("post_logout_redirect_uri", redirect.uri.as_str())];
    asked
        .into_iter()
        .chain(redirect.state.as_deref().map(|state| ("state", state)))
        .map(|(name, value)| (name, value.to_owned()))
        .collect()
}
