//! `sign-up/email`.

use std::sync::Arc;

use axum::extract::State;
use http::HeaderMap;
use identity_core::auth::{NewAccount, SignedUp};
use identity_core::secret::Secret;
use serde_json::json;

use super::gate::Passed;
use super::input::Check;
use super::oauth;
use super::reply::{self, Reply};
use crate::cookie::Name;
use crate::facade::Facade;
use crate::facade::wire::User;

pub(super) async fn email(State(facade): State<Arc<Facade>>, passed: Passed, headers: HeaderMap) -> Reply {
    let mut check = Check::body(&passed.input);
    let name = check.text("name");
    let email = check.email("email");
    let password = check.filled("password");
    let image = check.nullable_text("image");
    let callback_url = check.optional_text("callbackURL");
    let remember = check.optional_bool("rememberMe");
    check.finish()?;
    let pending = oauth::pending(&facade, &passed)?;
    let Some(email) = email else { return Err(identity_core::Code::InvalidEmail.into()) };
    let new = NewAccount {
        email,
        password: Secret::from(password),
        name: name.to_owned(),
        image: image.flatten(),
        extra: passed.input.fields().cloned().unwrap_or_default(),
        remember: remember.unwrap_or(true),
        callback_url: callback_url.filter(|url| !url.is_empty()).map(str::to_owned),
    };
    Ok(match facade.identity.sign_up().with_password(new, &passed.info).await? {
        SignedUp::Complete { issued, profile } => {
            let body = json!({ "token": issued.token.expose(), "user": User(&profile) });
            let mut response = oauth::resume_or(body, &facade, pending, (&issued, &profile)).await;
            facade.sign_in(response.headers_mut(), &headers, &issued, &profile);
            response
        }
        SignedUp::VerifyEmail { profile, flow } => {
            let mut response = reply::json(json!({ "token": null, "user": User(&profile) }));
            facade.cookies.set(response.headers_mut(), Name::EmailFlow, flow.value(), Some(flow.lifetime()));
            response
        }
    })
}
