//! Signing out.

use askama::Template;
use http::StatusCode;

use super::reply::{self, Reply, see_other};
use super::view::View;
use super::visit::Visit;
use super::{HOME, LOGGED_OUT, LOGIN};
use crate::cookie::Name;

#[derive(Debug, Template)]
#[template(path = "logout.html")]
struct Page<'a> {
    view: &'a View,
}

#[derive(Debug, Template)]
#[template(path = "logged_out.html")]
struct Done<'a> {
    view: &'a View,
    again: String,
}

/// Asks whether to sign out.
pub(super) async fn show(visit: Visit) -> Reply {
    if visit.caller.is_none() {
        return see_other(&visit.view.url(LOGGED_OUT));
    }
    reply::page(StatusCode::OK, &visit.view, &Page { view: &visit.view })
}

/// Ends the session of the browser, or leaves it.
pub(super) async fn submit(visit: Visit) -> Reply {
    if !visit.says("decision", "confirm")? {
        return see_other(HOME);
    }
    let facade = &visit.site.facade;
    if let Some(caller) = &visit.caller {
        facade.identity.sessions().sign_out(&caller.token, &visit.info).await?;
    }
    let mut response = see_other(&visit.view.url(LOGGED_OUT))?;
    facade.cookies.clear_session(response.headers_mut());
    // Whoever comes next to this browser is not told who was here.
    facade.cookies.clear(response.headers_mut(), Name::Address);
    Ok(response)
}

pub(super) async fn done(visit: Visit) -> Reply {
    let again = visit.view.url(LOGIN);
    reply::page(StatusCode::OK, &visit.view, &Done { view: &visit.view, again })
}
