//! Changing, setting, confirming and resetting a password.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::HeaderMap;
use identity_core::Code;
use identity_core::auth::ChangePassword;
use identity_core::text::Email;
use identity_core::token::Token;
use serde_json::json;

use super::caller::Caller;
use super::gate::Passed;
use super::input::Check;
use super::reply::{self, Reply, with_parameter};
use crate::facade::Facade;
use crate::facade::wire::User;

pub(super) async fn change(
    State(facade): State<Arc<Facade>>,
    caller: Caller,
    passed: Passed,
    headers: HeaderMap,
) -> Reply {
    let mut check = Check::body(&passed.input);
    let new = check.text("newPassword");
    let current = check.text("currentPassword");
    let revoke_others = check.optional_bool("revokeOtherSessions");
    check.finish()?;
    let change = ChangePassword { current, new, revoke_others };
    let changed = facade.identity.passwords().change(&caller.resolved, change, &passed.info).await?;
    let token = changed.issued.as_ref().map(|issued| issued.token.expose());
    let mut response = reply::json(json!({ "token": token, "user": User(&changed.profile) }));
    if let Some(issued) = &changed.issued {
        facade.sign_in(response.headers_mut(), &headers, issued, &changed.profile);
    }
    Ok(response)
}

pub(super) async fn set(State(facade): State<Arc<Facade>>, caller: Caller, passed: Passed) -> Reply {
    let mut check = Check::body(&passed.input);
    let new = check.text("newPassword");
    check.finish()?;
    facade.identity.passwords().set(&caller.resolved, new, &passed.info).await?;
    Ok(reply::json(json!({ "status": true })))
}

pub(super) async fn verify(State(facade): State<Arc<Facade>>, caller: Caller, passed: Passed) -> Reply {
    let mut check = Check::body(&passed.input);
    let password = check.text("password");
    check.finish()?;
    facade.identity.passwords().verify(&caller.resolved, password, &passed.info).await?;
    Ok(reply::json(json!({ "status": true })))
}

pub(super) async fn has(State(facade): State<Arc<Facade>>, caller: Caller) -> Reply {
    let has = facade.identity.accounts().has_password(&caller.resolved.profile.id).await?;
    Ok(reply::json(json!({ "hasPassword": has })))
}

pub(super) async fn request_reset(State(facade): State<Arc<Facade>>, passed: Passed) -> Reply {
    let mut check = Check::body(&passed.input);
    let email: Option<Email> = check.email("email");
    let redirect_to = check.optional_text("redirectTo");
    check.finish()?;
    let Some(email) = email else { return Err(Code::InvalidEmail.into()) };
    facade.identity.password_reset().request(&email, redirect_to, &passed.info).await?;
    let message = "If this email exists in our system, check your email for the reset link";
    Ok(reply::json(json!({ "status": true, "message": message })))
}

/// Leads from the mail to the page of the application, with the token or with what is wrong about it. Changes nothing.
pub(super) async fn follow_reset(
    State(facade): State<Arc<Facade>>,
    token: Result<Path<String>, PathRejection>,
    passed: Passed,
) -> Reply {
    // A token that is not even text is an unknown one.
    let token = token.map(|Path(token)| token).unwrap_or_default();
    let mut check = Check::query(&passed.query);
    let callback = check.text("callbackURL");
    check.finish()?;
    let good = facade.identity.password_reset().is_good(&Token::presented(token.as_str())).await?;
    let error_page = format!("{}/error", facade.identity.config().http.base_path);
    let target = facade.origins.absolute(if callback.is_empty() { &error_page } else { callback });
    let good = good && !callback.is_empty();
    let (name, value) = if good { ("token", token.as_str()) } else { ("error", "INVALID_TOKEN") };
    Ok(reply::redirect(&with_parameter(&target, name, value)))
}

pub(super) async fn reset(State(facade): State<Arc<Facade>>, passed: Passed) -> Reply {
    let mut check = Check::body(&passed.input);
    let new = check.text("newPassword");
    let token = check.optional_text("token");
    check.finish()?;
    let token = token.or_else(|| passed.query_text("token")).ok_or(Code::InvalidToken)?;
    facade.identity.password_reset().perform(&Token::presented(token), new, &passed.info).await?;
    Ok(reply::json(json!({ "status": true })))
}
