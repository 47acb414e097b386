//! Going on with the account that is signed in, or with another one.

use askama::Template;
use http::StatusCode;
use identity_core::oauth::Step;

use super::answer::{self, follow};
use super::reply::{self, Reply, see_other};
use super::view::{Pending, View};
use super::visit::{Asked, Visit};
use super::{HOME, LOGIN, LOGOUT, login};

#[derive(Debug, Template)]
#[template(path = "account.html")]
struct Page<'a> {
    view: &'a View,
    name: &'a str,
    email: &'a str,
    letters: String,
    other: String,
    sign_out: String,
}

pub(super) async fn show(mut visit: Visit) -> Reply {
    match visit.asked().await? {
        Asked::Elsewhere(response) => return Ok(response),
        Asked::Application(interaction) if interaction.step != Step::SelectAccount => {
            return see_other(&answer::page(&visit, &interaction));
        }
        Asked::Application(_) | Asked::Nobody => {}
    }
    let Some(session) = visit.session() else { return see_other(&visit.view.url(LOGIN)) };
    let (name, email) = (session.profile.name.as_str(), session.profile.email.as_deref().unwrap_or_default());
    let page = Page {
        view: &visit.view,
        name: if name.trim().is_empty() { email } else { name },
        email,
        letters: initials(name),
        other: visit.view.url_with(LOGIN, &[login::AGAIN]),
        sign_out: visit.view.url(LOGOUT),
    };
    reply::page(StatusCode::OK, &visit.view, &page)
}

/// The first letters of the first and the last word of a name.
pub(super) fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|letter| letter.is_alphanumeric()));
    let (first, last) = (words.next(), words.next_back());
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

/// Goes on with the account that is signed in.
pub(super) async fn submit(visit: Visit) -> Reply {
    let Some(session) = visit.session() else { return see_other(&visit.view.url(LOGIN)) };
    let Pending::Grant(grant) = &visit.view.pending else { return see_other(HOME) };
    let oauth = visit.site.facade.identity.oauth();
    follow(&visit, oauth.keep_account(grant, session).await?)
}
