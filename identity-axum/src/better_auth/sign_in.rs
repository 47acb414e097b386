//! `sign-in/email`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderMap, HeaderValue, header};
use identity_core::Code;
use identity_core::auth::{PasswordSignIn, SignedIn};
use identity_core::secret::Secret;
use identity_core::text::Email;
use serde_json::json;

use super::caller;
use super::error::BetterAuth;
use super::gate::Passed;
use super::input::Check;
use super::oauth;
use super::reply::Reply;
use crate::cookie::Name;
use crate::facade::Facade;
use crate::facade::wire::User;
use crate::problem::Failure;

pub(super) async fn email(State(facade): State<Arc<Facade>>, passed: Passed, headers: HeaderMap) -> Reply {
    let mut check = Check::body(&passed.input);
    let email = check.text("email");
    let password = check.text("password");
    let callback_url = check.optional_text("callbackURL");
    let remember = check.optional_bool("rememberMe");
    check.finish()?;
    let pending = oauth::pending(&facade, &passed)?;
    let callback_url = callback_url.filter(|url| !url.is_empty());
    let sign_in = PasswordSignIn {
        email: Email::parse(email)?,
        password: Secret::from(password),
        remember: remember.unwrap_or(true),
        callback_url: callback_url.map(str::to_owned),
        replaces: caller::presented(&facade, &headers),
    };
    Ok(match facade.identity.sign_in().with_password(sign_in, &passed.info).await? {
        SignedIn::Complete { issued, profile } => {
            let mut body = json!({
                "redirect": callback_url.is_some(), "token": issued.token.expose(), "user": User(&profile),
            });
            if let (Some(url), Some(fields)) = (callback_url, body.as_object_mut()) {
                fields.insert("url".to_owned(), url.into());
            }
            let mut response = oauth::resume_or(body, &facade, pending, (&issued, &profile)).await;
            if let Some(Ok(location)) = callback_url.map(HeaderValue::try_from) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            facade.sign_in(response.headers_mut(), &headers, &issued, &profile);
            response
        }
        SignedIn::VerifyEmail { flow } => {
            let mut response = Failure::<BetterAuth>::from(Code::EmailNotVerified).into_response();
            facade.cookies.set(response.headers_mut(), Name::EmailFlow, flow.value(), Some(flow.lifetime()));
            response
        }
    })
}
