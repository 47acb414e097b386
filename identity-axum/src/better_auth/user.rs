//! The user's own profile and account.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use identity_core::auth::{DeleteProof, Deletion};
use identity_core::id::AccountId;
use identity_core::principal::Profile;
use identity_core::token::Token;
use identity_core::user::ProfileChange;
use identity_core::{Code, Error, Result};
use serde_json::json;

use super::caller::{Caller, FreshCaller};
use super::gate::Passed;
use super::input::{Check, Input};
use super::page;
use super::reply::{self, Reply};
use super::wire::AccountView;
use crate::facade::Facade;
use crate::facade::wire::User;

/// Who the caller is, as one flat object.
pub(super) async fn me(caller: Caller) -> Reply {
    let mut response = reply::json(User(&caller.resolved.profile));
    reply::no_store(response.headers_mut());
    Ok(response)
}

pub(super) async fn update(State(facade): State<Arc<Facade>>, caller: Caller, passed: Passed) -> Reply {
    let profile = change_profile(&facade, &caller, &passed).await?;
    let mut response = reply::json(json!({ "status": true }));
    facade.set_session(response.headers_mut(), &caller.token, &caller.resolved.session, &profile);
    Ok(response)
}

/// The same change, answered with the user.
pub(super) async fn put_profile(State(facade): State<Arc<Facade>>, caller: Caller, passed: Passed) -> Reply {
    let profile = change_profile(&facade, &caller, &passed).await?;
    Ok(reply::json(User(&profile)))
}

async fn change_profile(facade: &Facade, caller: &Caller, passed: &Passed) -> Result<Profile> {
    let sent = passed.input.optional_object()?;
    let input = if passed.input == Input::Absent { Input::Json(json!({})) } else { passed.input.clone() };
    let mut check = Check::body(&input);
    let name = check.optional_text("name").map(str::to_owned);
    let image = check.nullable_text("image");
    check.finish()?;
    let change = ProfileChange { name, image, ..ProfileChange::default() };
    facade.identity.profiles().update(&caller.resolved, change, &sent).await
}

pub(super) async fn delete(State(facade): State<Arc<Facade>>, caller: Caller, passed: Passed) -> Reply {
    let deletion = perform_deletion(&facade, &caller, &passed).await?;
    Ok(deleted(&facade, &deletion))
}

async fn perform_deletion(facade: &Facade, caller: &Caller, passed: &Passed) -> Result<Deletion> {
    let sent = Input::Json(passed.input.optional_object()?.into());
    let mut check = Check::body(&sent);
    let password = check.optional_text("password");
    let token = check.optional_text("token").map(Token::presented);
    let callback_url = check.optional_text("callbackURL").filter(|url| !url.is_empty());
    check.finish()?;
    let proof = match (password, &token) {
        (Some(password), _) => DeleteProof::Password(password),
        (None, Some(token)) => DeleteProof::Mail(token),
        (None, None) => DeleteProof::Session,
    };
    facade.identity.delete_account().perform(&caller.resolved, proof, callback_url, &passed.info).await
}

fn deleted(facade: &Facade, deletion: &Deletion) -> Response {
    match deletion {
        Deletion::MailSent => reply::json(json!({ "success": true, "message": "Verification email sent" })),
        Deletion::Deleted => {
            let mut response = reply::json(json!({ "success": true, "message": "User deleted" }));
            facade.cookies.clear_session(response.headers_mut());
            response
        }
    }
}

/// Deletion as a plain REST call; asks for the same proof.
pub(super) async fn delete_account(State(facade): State<Arc<Facade>>, caller: Caller, passed: Passed) -> Reply {
    let deletion = perform_deletion(&facade, &caller, &passed).await?;
    let message = match deletion {
        Deletion::MailSent => "Verification email sent",
        Deletion::Deleted => "Account deleted",
    };
    let mut response = reply::json(json!({ "message": message }));
    if deletion == Deletion::Deleted {
        facade.cookies.clear_session(response.headers_mut());
    }
    Ok(response)
}

/// Shows the page that asks for a last confirmation; following the link of the mail deletes nothing.
pub(super) async fn follow_deletion(State(facade): State<Arc<Facade>>, caller: Caller, passed: Passed) -> Reply {
    let mut check = Check::query(&passed.query);
    let token = check.text("token");
    let callback_url = check.optional_text("callbackURL").filter(|url| !url.is_empty());
    check.finish()?;
    if !facade.identity.delete_account().is_good(&caller.resolved, &Token::presented(token)).await? {
        return Err(Error::new(Code::InvalidDeletionToken).into());
    }
    Ok(page::confirm_deletion(
        &facade,
        caller.resolved.profile.email.as_deref().unwrap_or_default(),
        token,
        callback_url,
    ))
}

/// Deletes the account after the page has asked.
pub(super) async fn confirm_deletion(State(facade): State<Arc<Facade>>, caller: Caller, passed: Passed) -> Reply {
    let mut check = Check::body(&passed.input);
    let token = check.filled("token");
    let callback_url = check.optional_text("callbackURL").filter(|url| !url.is_empty());
    check.finish()?;
    let token = Token::presented(token);
    let leaving = facade.identity.delete_account();
    let deletion = leaving.perform(&caller.resolved, DeleteProof::Mail(&token), None, &passed.info).await?;
    let mut response = deleted(&facade, &deletion);
    if let Some(url) = callback_url {
        let redirect = reply::redirect(url);
        *response.status_mut() = StatusCode::FOUND;
        response.headers_mut().extend(redirect.headers().clone());
        *response.body_mut() = axum::body::Body::empty();
        response.headers_mut().remove(http::header::CONTENT_LENGTH);
    }
    Ok(response)
}

pub(super) async fn list_accounts(State(facade): State<Arc<Facade>>, caller: Caller) -> Reply {
    let accounts = facade.identity.accounts().list(&caller.resolved.profile.id).await?;
    Ok(reply::json(accounts.iter().map(AccountView).collect::<Vec<_>>()))
}

pub(super) async fn unlink_account(
    State(facade): State<Arc<Facade>>,
    FreshCaller(caller): FreshCaller,
    passed: Passed,
) -> Reply {
    let mut check = Check::body(&passed.input);
    let id = check.text("accountId");
    check.finish()?;
    let id = AccountId::from_text(id);
    facade.identity.accounts().unlink(&caller.resolved.profile.id, &id, &passed.info).await?;
    Ok(reply::json(json!({ "status": true })))
}

/// Records that a service has prepared its part for the caller. Only that service may say so, and only while acting for them.
pub(super) async fn provision(State(facade): State<Arc<Facade>>, caller: Caller, passed: Passed) -> Reply {
    let mut check = Check::body(&passed.input);
    let app = check.filled("app");
    check.finish()?;
    let service = passed.service.as_deref().ok_or(Code::ServiceCredentialRequired)?;
    let provisioning = facade.identity.provisioning();
    provisioning.require(app)?;
    if service != app {
        return Err(Error::new(Code::ServiceCredentialRequired).into());
    }
    let profile = provisioning.complete(&caller.resolved.profile.id, app).await?;
    Ok(reply::json(json!({ "user": User(&profile) })))
}
