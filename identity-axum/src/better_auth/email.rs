//! Proving and changing an address.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use identity_core::auth::{ChangeStep, GivenCode, VerifyLink};
use identity_core::principal::Profile;
use identity_core::text::Email;
use identity_core::token::Token;
use identity_core::{Code, Error, Result};
use serde_json::json;

use super::caller::{Caller, MaybeCaller};
use super::error::{BetterAuth, wire_code};
use super::gate::Passed;
use super::input::Check;
use super::oauth;
use super::page;
use super::reply::{self, Reply, with_parameter};
use crate::cookie::Name;
use crate::facade::Facade;
use crate::facade::wire::User;
use crate::problem::Failure;

pub(super) async fn send(State(facade): State<Arc<Facade>>, MaybeCaller(caller): MaybeCaller, passed: Passed) -> Reply {
    let mut check = Check::body(&passed.input);
    let email = check.email("email");
    let callback_url = check.optional_text("callbackURL").filter(|url| !url.is_empty());
    check.finish()?;
    let Some(email) = email else { return Err(Code::InvalidEmail.into()) };
    let caller = caller.as_ref().map(|caller| &caller.resolved);
    facade.identity.email_verification().request_link(&email, caller, callback_url).await?;
    Ok(reply::json(json!({ "status": true })))
}

/// Follows the link of a mail. Failures lead to the callback with their code, if there is one.
pub(super) async fn follow(
    State(facade): State<Arc<Facade>>,
    MaybeCaller(caller): MaybeCaller,
    passed: Passed,
    headers: HeaderMap,
) -> Reply {
    let mut check = Check::query(&passed.query);
    let token = check.text("token");
    let callback_url = check.optional_text("callbackURL").filter(|url| !url.is_empty());
    check.finish()?;
    let flow = facade.cookies.plain(&headers, Name::EmailFlow);
    let resolved = caller.as_ref().map(|caller| &caller.resolved);
    let verification = facade.identity.email_verification();
    let link = Token::presented(token);
    Ok(match verification.follow_link(&link, flow.as_deref(), resolved, callback_url, &passed.info).await {
        Err(error) => failed(error, callback_url)?,
        Ok(VerifyLink::Verified { profile, issued }) => {
            let mut response = done(callback_url, None);
            if let Some(issued) = issued {
                facade.sign_in(response.headers_mut(), &headers, &issued, &profile);
                facade.cookies.clear(response.headers_mut(), Name::EmailFlow);
            }
            response
        }
        Ok(VerifyLink::AlreadyDone) => done(callback_url, None),
        Ok(VerifyLink::Change(step)) => changed(&facade, step, caller.as_ref(), token, callback_url),
    })
}

/// Takes the step of a change of address that was confirmed on our page.
pub(super) async fn confirm(
    State(facade): State<Arc<Facade>>,
    MaybeCaller(caller): MaybeCaller,
    passed: Passed,
) -> Reply {
    let mut check = Check::body(&passed.input);
    let token = check.filled("token");
    let callback_url = check.optional_text("callbackURL").filter(|url| !url.is_empty());
    check.finish()?;
    let resolved = caller.as_ref().map(|caller| &caller.resolved);
    let (changes, link) = (facade.identity.change_email(), Token::presented(token));
    Ok(match changes.confirm(&link, resolved, callback_url, &passed.info).await {
        Err(error) => failed(error, callback_url)?,
        Ok(step) => changed(&facade, step, caller.as_ref(), token, callback_url),
    })
}

fn changed(
    facade: &Facade,
    step: ChangeStep,
    caller: Option<&Caller>,
    token: &str,
    callback_url: Option<&str>,
) -> Response {
    match step {
        ChangeStep::NeedsConfirmation { new_email } => {
            page::confirm_email_change(facade, &new_email, token, callback_url)
        }
        ChangeStep::Consented | ChangeStep::AlreadyDone => done(callback_url, None),
        ChangeStep::Changed { profile } => {
            let mut response = done(callback_url, Some(&profile));
            if let Some(caller) = caller {
                let headers = response.headers_mut();
                facade.set_session(headers, &caller.token, &caller.resolved.session, &profile);
            }
            response
        }
    }
}

fn done(callback_url: Option<&str>, user: Option<&Profile>) -> Response {
    match callback_url {
        Some(url) => reply::redirect(url),
        None => reply::json(json!({ "status": true, "user": user.map(User) })),
    }
}

fn failed(error: Error, callback_url: Option<&str>) -> Result<Response> {
    let temporary = error.code().class().status() >= 500;
    match callback_url {
        Some(url) if !temporary => Ok(reply::redirect(&with_parameter(url, "error", wire_code(error.code())))),
        _ => Err(match error.code() {
            Code::UserNotFound => Error::new(Code::InvalidVerificationToken).caused_by(error),
            _ => error,
        }),
    }
}

pub(super) async fn change(State(facade): State<Arc<Facade>>, caller: Caller, passed: Passed) -> Reply {
    let mut check = Check::body(&passed.input);
    let new_email = check.email("newEmail");
    let callback_url = check.optional_text("callbackURL").filter(|url| !url.is_empty());
    check.finish()?;
    let Some(new_email) = new_email else { return Err(Code::InvalidEmail.into()) };
    facade.identity.change_email().request(&caller.resolved, &new_email, callback_url, &passed.info).await?;
    Ok(reply::json(json!({ "status": true })))
}

pub(super) async fn send_code(State(facade): State<Arc<Facade>>, passed: Passed) -> Reply {
    let mut check = Check::body(&passed.input);
    let email = check.text("email");
    let purpose = check.text("type");
    check.finish()?;
    if purpose != "email-verification" {
        return Err(Error::new(Code::InvalidInput)
            .with_detail("[body.type] Invalid option: expected \"email-verification\"")
            .into());
    }
    facade.identity.email_verification().request_code(&Email::parse(email)?).await?;
    Ok(reply::json(json!({ "success": true })))
}

pub(super) async fn give_code(
    State(facade): State<Arc<Facade>>,
    MaybeCaller(caller): MaybeCaller,
    passed: Passed,
    headers: HeaderMap,
) -> Result<Response, Failure<BetterAuth>> {
    let mut check = Check::body(&passed.input);
    let email = check.text("email");
    let code = check.text("otp");
    let remember = check.optional_bool("rememberMe");
    check.finish()?;
    let pending = oauth::pending(&facade, &passed)?;
    let email = Email::parse(email)?;
    let flow = facade.cookies.plain(&headers, Name::EmailFlow);
    let given = GivenCode {
        email: &email,
        code,
        flow: flow.as_deref(),
        caller: caller.as_ref().map(|caller| &caller.resolved),
        remember: remember.unwrap_or(true),
    };
    let (profile, issued) = facade.identity.email_verification().give_code(given, &passed.info).await?;
    let token = issued.as_ref().map(|issued| issued.token.expose());
    let body = json!({ "status": true, "token": token, "user": User(&profile) });
    let Some(issued) = &issued else { return Ok(reply::json(body)) };
    let mut response = oauth::resume_or(body, &facade, pending, (issued, &profile)).await;
    facade.sign_in(response.headers_mut(), &headers, issued, &profile);
    facade.cookies.clear(response.headers_mut(), Name::EmailFlow);
    Ok(response)
}
