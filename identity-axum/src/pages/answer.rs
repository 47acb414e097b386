//! How an authorization goes on: back to the application, to the next page, or nowhere.

use askama::Template;
use identity_core::Code;
use identity_core::oauth::{Authorization, ClientAnswer, Interaction, ResponseMode};

use super::error;
use super::reply::{Reply, forwarding_page, see_other};
use super::view::{Pending, View, host_of};
use super::visit::Visit;
use crate::facade::bridge::with_parameters;
use crate::facade::route::page_of;

#[derive(Debug, Template)]
#[template(path = "form_post.html")]
struct FormPost<'a> {
    view: &'a View,
    to: &'a str,
    host: String,
    params: &'a [(&'static str, String)],
}

/// Takes the step that an authorization has come to.
pub(super) fn follow(visit: &Visit, authorization: Authorization) -> Reply {
    match authorization {
        Authorization::Answer(answer) => deliver(visit, &answer),
        Authorization::Ask(interaction) => see_other(&page(visit, &interaction)),
        Authorization::Refused(refusal) => error::refused(visit, &refusal),
    }
}

/// The address of the page for what is next: one of an application, or ours.
pub(super) fn page(visit: &Visit, interaction: &Interaction) -> String {
    visit.site.facade.page_of_application(interaction).unwrap_or_else(|| {
        let mut view = visit.view.clone();
        view.pending = Pending::Grant(interaction.grant.clone());
        view.url(page_of(&interaction.step))
    })
}

fn deliver(visit: &Visit, answer: &ClientAnswer) -> Reply {
    match answer.mode {
        ResponseMode::Query => see_other(&with_parameters(&answer.redirect_uri, &answer.params)),
        ResponseMode::FormPost => {
            let host = host_of(&answer.redirect_uri).unwrap_or_else(|| answer.redirect_uri.clone());
            let mut view = visit.view.clone();
            // What was answered cannot be asked for in another language.
            view.here = None;
            forwarding_page(&FormPost { view: &view, to: &answer.redirect_uri, host, params: &answer.params })
        }
    }
}

/// Gives up what waits.
pub(super) async fn cancel(visit: Visit) -> Reply {
    let Pending::Grant(grant) = &visit.view.pending else { return Err(Code::InvalidInput.into()) };
    let oauth = visit.site.facade.identity.oauth();
    follow(&visit, oauth.cancel(grant).await?)
}
