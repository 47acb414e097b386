//! How an authorization goes on: back to the application, to the next page, or nowhere.

use askama::Template;
use identity_core::Code;
use identity_core::oauth::{Authorization, ClientAnswer, ResponseMode, Step};
use url::form_urlencoded::Serializer;

use super::reply::{Reply, forwarding_page, see_other};
use super::view::{Pending, View, host_of};
use super::visit::Visit;
use super::{ACCOUNT, CONSENT, LOGIN, REGISTER, error};

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
        Authorization::Ask(interaction) => {
            let mut view = visit.view.clone();
            view.pending = Pending::Grant(interaction.grant);
            see_other(&view.url(page_of(&interaction.step)))
        }
        Authorization::Refused(refusal) => error::refused(visit, &refusal),
    }
}

/// The page of a step.
pub(super) fn page_of(step: &Step) -> &'static str {
    match step {
        Step::Login => LOGIN,
        Step::Register => REGISTER,
        Step::SelectAccount => ACCOUNT,
        Step::Consent { .. } => CONSENT,
    }
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

/// A redirect URI with parameters behind those it has (RFC 6749, section 3.1.2).
pub(super) fn with_parameters(uri: &str, params: &[(&'static str, String)]) -> String {
    let separator = match uri.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    let query = Serializer::new(String::new()).extend_pairs(params).finish();
    format!("{uri}{separator}{query}")
}

/// Gives up what waits.
pub(super) async fn cancel(visit: Visit) -> Reply {
    let Pending::Grant(grant) = &visit.view.pending else { return Err(Code::InvalidInput.into()) };
    let oauth = visit.site.facade.identity.oauth();
    follow(&visit, oauth.cancel(grant, &visit.info).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_go_behind_those_that_a_redirect_uri_has() {
        let params = [("code", "a b".to_owned()), ("state", "&=é".to_owned())];
        let query = "code=a+b&state=%26%3D%C3%A9";
        for (uri, expected) in [
            ("https://app.example/cb", format!("https://app.example/cb?{query}")),
            ("https://app.example/cb?x=1", format!("https://app.example/cb?x=1&{query}")),
            ("https://app.example/cb?", format!("https://app.example/cb?{query}")),
            ("com.example.app:/cb", format!("com.example.app:/cb?{query}")),
        ] {
            assert_eq!(with_parameters(uri, &params), expected);
        }
    }
}
