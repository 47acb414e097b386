//! What pages of an application call on the way to an authorization: `oauth2/consent`, `oauth2/continue`, `oauth2/public-client`, and how
//! signing in goes on to it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use identity_core::auth::Resolved;
use identity_core::id::ClientId;
use identity_core::oauth::{Authorization, Client, ErrorCode, OAuthError, ScopeSet};
use identity_core::principal::Profile;
use identity_core::session::Issued;
use identity_core::{Code, Error, Result};
use serde_json::{Map, Value, json};

use super::caller::Caller;
use super::gate::Passed;
use super::input::Check;
use super::reply::{self, Reply};
use crate::facade::bridge::Pending;
use crate::facade::{Facade, route};
use crate::oidc;
use crate::problem;

/// The field in which a page gives the signed query back.
const QUERY: &str = "oauth_query";

/// The authorization that waits for a call. The query is checked before anything is done.
///
/// # Errors
/// `invalid_authorization_query`.
pub(super) fn pending(facade: &Facade, passed: &Passed) -> Result<Option<Pending>> {
    match passed.input.fields().and_then(|fields| fields.get(QUERY)) {
        None | Some(Value::Null) => Ok(None),
        Some(query) => {
            let pending = query.as_str().and_then(|query| facade.pending(query));
            pending.map(Some).ok_or_else(|| Error::new(Code::InvalidAuthorizationQuery))
        }
    }
}

/// What is answered to somebody who has just signed in: where they go on to while an authorization waits, else `usual`.
pub(super) async fn resume_or(
    usual: Value,
    facade: &Facade,
    pending: Option<Pending>,
    (issued, profile): (&Issued, &Profile),
) -> Response {
    let Some(pending) = pending else { return reply::json(usual) };
    let session = Resolved::of(issued, profile.clone());
    let stand = facade.identity.oauth().resume(&pending.grant, Some(&session)).await;
    // Somebody is signed in, and the cookie has to travel, whatever has become of the authorization: a page says so.
    let url = stand.map_err(OAuthError::from).and_then(|stand| facade.next(stand)).unwrap_or_else(|error| {
        let http = &facade.identity.config().http;
        tracing::info!(%error, "an authorization could not go on after a sign-in");
        if let Some(cause) = error.cause() {
            problem::log(cause);
        }
        format!("{}{}/error?error={}", http.base_url, http.base_path, error.code().as_str())
    });
    route::told(&url)
}

/// Agrees, to everything or to some of the scopes, or does not.
pub(super) async fn consent(State(facade): State<Arc<Facade>>, passed: Passed, caller: Caller) -> Reply {
    let mut check = Check::body(&passed.input);
    let accept = check.bool("accept");
    let scope = check.optional_text("scope");
    check.finish()?;
    let Some(pending) = pending(&facade, &passed)? else { return Ok(missing()) };
    let Ok(scope) = scope.map(ScopeSet::parse).transpose() else {
        return Ok(wrong(ErrorCode::InvalidScope, "The scope is not a list of scopes."));
    };
    let (oauth, browser) = (facade.identity.oauth(), &caller.resolved);
    let stand = match scope.filter(|_| accept) {
        Some(scope) => oauth.consent_to(&pending.grant, browser, &scope, &passed.info).await?,
        None => oauth.consent(&pending.grant, browser, accept, &passed.info).await?,
    };
    Ok(go_on(&facade, stand))
}

/// Goes on after a page has done its part.
pub(super) async fn proceed(State(facade): State<Arc<Facade>>, passed: Passed, caller: Caller) -> Reply {
    let mut check = Check::body(&passed.input);
    let selected = check.optional_bool("selected");
    let done = [selected, check.optional_bool("created"), check.optional_bool("postLogin")];
    check.finish()?;
    let Some(pending) = pending(&facade, &passed)? else { return Ok(missing()) };
    if !done.contains(&Some(true)) {
        return Ok(wrong(ErrorCode::InvalidRequest, "One of selected, created and postLogin must be true."));
    }
    let (oauth, browser) = (facade.identity.oauth(), &caller.resolved);
    let stand = if selected == Some(true) {
        oauth.keep_account(&pending.grant, browser).await?
    } else {
        oauth.resume(&pending.grant, Some(browser)).await?
    };
    Ok(go_on(&facade, stand))
}

/// What people may know of a client, for somebody who is signed in.
pub(super) async fn public_client(State(facade): State<Arc<Facade>>, passed: Passed, _caller: Caller) -> Reply {
    let mut check = Check::query(&passed.query);
    let id = ClientId::from_text(check.text("client_id"));
    check.finish()?;
    shown(&facade, &id).await
}

/// The same for somebody who is about to sign in, of the client that waits for them.
pub(super) async fn public_client_prelogin(State(facade): State<Arc<Facade>>, passed: Passed) -> Reply {
    let mut check = Check::body(&passed.input);
    let id = ClientId::from_text(check.text("client_id"));
    check.finish()?;
    match pending(&facade, &passed)? {
        Some(pending) if pending.client_id == id => shown(&facade, &id).await,
        Some(_) => Ok(wrong(ErrorCode::InvalidClient, "Another client waits.")),
        None => Ok(missing()),
    }
}

async fn shown(facade: &Facade, id: &ClientId) -> Reply {
    let Some(client) = facade.identity.clients().find(id).await? else { return Err(Code::NotFound.into()) };
    Ok(reply::json(public(&client)))
}

fn public(client: &Client) -> Map<String, Value> {
    let metadata = &client.metadata;
    let known = [
        ("client_id", Some(json!(client.id))),
        ("client_name", Some(json!(client.name))),
        ("client_uri", metadata.client_uri.as_ref().map(|uri| json!(uri))),
        ("logo_uri", metadata.logo_uri.as_ref().map(|uri| json!(uri))),
        ("contacts", Some(json!(metadata.contacts)).filter(|_| !metadata.contacts.is_empty())),
        ("tos_uri", metadata.tos_uri.as_ref().map(|uri| json!(uri))),
        ("policy_uri", metadata.policy_uri.as_ref().map(|uri| json!(uri))),
        // The reference names them and shows none.
        ("redirect_uris", Some(json!([]))),
    ];
    known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn go_on(facade: &Facade, stand: Authorization) -> Response {
    facade.next(stand).map_or_else(|error| oidc::refused(&error), |url| route::told(&url))
}

fn missing() -> Response {
    wrong(ErrorCode::InvalidRequest, "The oauth_query is missing.")
}

fn wrong(code: ErrorCode, text: &'static str) -> Response {
    oidc::refused(&OAuthError::new(code, text))
}
