//! Agreeing to what an application wants.

use askama::Template;
use http::StatusCode;
use identity_core::oauth::client::Client;
use identity_core::oauth::scope::{OFFLINE_ACCESS, OPENID};
use identity_core::oauth::{ScopeSet, Step};
use identity_core::principal::Profile;

use super::account::initials;
use super::answer::{self, follow};
use super::reply::{self, Reply, see_other};
use super::view::{Asking, Pending, View};
use super::visit::{Asked, Visit};
use super::{LOGIN, login};

/// The scopes of OpenID Connect as they are read out, before all others.
const ORDER: [&str; 6] = [OPENID, "profile", "email", "phone", "address", OFFLINE_ACCESS];

/// A scope in words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Right {
    pub(super) name: String,
    pub(super) hint: Option<String>,
}

#[derive(Debug, Template)]
#[template(path = "consent.html")]
struct Page<'a> {
    view: &'a View,
    client: &'a Asking,
    email: &'a str,
    letters: String,
    not_you: String,
    rights: Vec<Right>,
    resources: Vec<String>,
}

pub(super) async fn show(mut visit: Visit) -> Reply {
    let interaction = match visit.asked().await? {
        Asked::Elsewhere(response) => return Ok(response),
        Asked::Nobody => return see_other(&visit.view.url(LOGIN)),
        Asked::Application(interaction) => interaction,
    };
    let Step::Consent { scopes, resources } = &interaction.step else {
        return see_other(&answer::page(&visit, &interaction));
    };
    let (Some(session), Some(client)) = (visit.session(), &visit.view.client) else {
        return see_other(&visit.view.url(LOGIN));
    };
    let page = Page {
        view: &visit.view,
        client,
        email: &session.profile.email,
        letters: initials(&session.profile.name),
        not_you: visit.view.url_with(LOGIN, &[login::AGAIN]),
        rights: rights(&visit, &interaction.client, scopes, &session.profile),
        resources: resources.clone(),
    };
    reply::page(StatusCode::OK, &visit.view, &page)
}

/// What scopes allow, in words.
pub(super) fn rights(visit: &Visit, client: &Client, scopes: &ScopeSet, user: &Profile) -> Vec<Right> {
    let texts = &visit.view.t().consent;
    let idle = visit.site.facade.identity.config().oauth.refresh_token_idle;
    let days = Client::lifetime(client.policy.refresh_token_idle, idle).as_secs().div_ceil(24 * 60 * 60);
    let right = |scope: &str| {
        let (name, hint) = match scope {
            OPENID => (texts.openid().to_owned(), Some(texts.openid_hint().to_owned())),
            "profile" => (texts.profile().to_owned(), Some(texts.profile_hint().to_owned())),
            "email" => (texts.email().to_owned(), Some(user.email.clone())),
            "address" => (texts.address().to_owned(), None),
            "phone" => (texts.phone().to_owned(), None),
            OFFLINE_ACCESS => (
                texts.offline().to_owned(),
                Some(if days == 1 { texts.offline_hint_one().to_owned() } else { texts.offline_hint(days) }),
            ),
            other => (texts.other(other), None),
        };
        Right { name, hint }
    };
    let known = ORDER.into_iter().filter(|scope| scopes.contains(scope));
    known.chain(scopes.iter().filter(|scope| !ORDER.contains(scope))).map(right).collect()
}

/// Takes the answer.
pub(super) async fn submit(visit: Visit) -> Reply {
    let allow = visit.says("decision", "allow")?;
    let Pending::Grant(grant) = &visit.view.pending else { return see_other(&visit.view.url(LOGIN)) };
    let Some(session) = visit.session() else { return see_other(&visit.view.url(LOGIN)) };
    let oauth = visit.site.facade.identity.oauth();
    follow(&visit, oauth.consent(grant, session, allow, &visit.info).await?)
}
