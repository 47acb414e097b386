//! The Better Auth API under `/api/auth`: what the official `better-auth/client` speaks, and the routes of a trust anchor.

mod caller;
pub(crate) mod cors;
mod email;
mod error;
pub(crate) mod gate;
pub(crate) mod input;
mod oauth;
mod page;
mod password;
mod reply;
mod session;
mod sign_in;
mod sign_up;
mod user;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, any, delete, get, post, put};
use identity_core::Identity;
use identity_core::limits::Action;
use serde_json::json;

pub use error::BetterAuth;

use self::cors::Cors;
use self::gate::{Gate, Rule};
use crate::facade::Facade;
use crate::middleware::AroundLayer;
use crate::middleware::host::Hosts;
use crate::problem::Failure;

/// The routes of the Better Auth API, at the base path of the identity's configuration, for the hosts it answers for.
///
/// Serve the application with `into_make_service_with_connect_info::<SocketAddr>()`: without it every call fails with a clear
/// error, because all clients would share one limit.
pub fn router<S>(identity: &Identity) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let facade = Facade::new(identity);
    let hosts = Hosts::of(&identity.config().http).layer(|_, error| Failure::<BetterAuth>::from(error).into_response());
    let cors = Cors::new(&facade, cors::HEADERS);
    routes(&facade).layer(AroundLayer((hosts, cors))).with_state(facade)
}

/// Every endpoint with what the gate has to know about it: no endpoint can be mounted without its rule.
fn routes(facade: &Arc<Facade>) -> Router<Arc<Facade>> {
    const PLAIN: Rule = Rule::PLAIN;
    const SIGN_UP: Rule = Rule::limited(Action::SignUp).with_forms().signing_in();
    const SIGN_IN: Rule = Rule::limited(Action::SignIn).with_forms().signing_in();
    const PASSWORD: Rule = Rule::limited(Action::ChangePassword);
    const EMAIL: Rule = Rule::limited(Action::ChangeEmail);
    const RESET: Rule = Rule::limited(Action::ResetPassword);
    const RESET_MAIL: Rule = Rule::limited(Action::RequestReset);
    const VERIFICATION_MAIL: Rule = Rule::limited(Action::RequestVerification);
    const CODE_MAIL: Rule = Rule::limited(Action::RequestCode).signing_in();
    const CODE: Rule = Rule::limited(Action::GiveCode).signing_in();
    const PAGE: Rule = Rule::PLAIN.with_forms();

    type Methods = MethodRouter<Arc<Facade>>;
    let endpoints: [(&str, Rule, Methods); 38] = [
        ("/ok", PLAIN, get(async || reply::json(json!({ "ok": true })))),
        ("/error", PLAIN, get(page::error)),
        ("/sign-up/email", SIGN_UP, post(sign_up::email)),
        ("/sign-in/email", SIGN_IN, post(sign_in::email)),
        ("/sign-out", PLAIN, post(session::sign_out)),
        ("/get-session", Rule::COUNTS_ITSELF, get(session::get).post(session::post)),
        ("/list-sessions", PLAIN, get(session::list)),
        ("/revoke-session", PLAIN, post(session::revoke)),
        ("/revoke-session-by-id", PLAIN, post(session::revoke_by_id)),
        ("/revoke-sessions", PLAIN, post(session::revoke_all)),
        ("/revoke-other-sessions", PLAIN, post(session::revoke_others)),
        ("/update-session", PLAIN, post(session::update)),
        ("/me", PLAIN, get(user::me)),
        ("/profile", PLAIN, put(user::put_profile)),
        ("/account", PASSWORD, delete(user::delete_account)),
        ("/update-user", PLAIN, post(user::update)),
        ("/delete-user", PASSWORD, post(user::delete)),
        ("/delete-user/callback", PAGE, get(user::follow_deletion).post(user::confirm_deletion)),
        ("/list-accounts", PLAIN, get(user::list_accounts)),
        ("/unlink-account", PLAIN, post(user::unlink_account)),
        ("/provision", Rule::FOR_SERVICES, post(user::provision)),
        ("/change-password", PASSWORD, post(password::change)),
        ("/set-password", PASSWORD, post(password::set)),
        ("/has-password", PLAIN, get(password::has)),
        ("/verify-password", PASSWORD, post(password::verify)),
        ("/request-password-reset", RESET_MAIL, post(password::request_reset)),
        ("/forget-password", RESET_MAIL, post(password::request_reset)),
        ("/reset-password", RESET, post(password::reset)),
        ("/reset-password/{token}", PLAIN, get(password::follow_reset)),
        ("/send-verification-email", VERIFICATION_MAIL, post(email::send)),
        ("/verify-email", PAGE, get(email::follow).post(email::confirm)),
        ("/change-email", EMAIL, post(email::change)),
        ("/email-otp/send-verification-otp", CODE_MAIL, post(email::send_code)),
        ("/oauth2/consent", PLAIN, post(oauth::consent)),
        ("/oauth2/continue", PLAIN, post(oauth::proceed)),
        ("/oauth2/public-client", PLAIN, get(oauth::public_client)),
        ("/oauth2/public-client-prelogin", PLAIN, post(oauth::public_client_prelogin)),
        ("/email-otp/verify-email", CODE, post(email::give_code)),
    ];
    let base = &facade.identity.config().http.base_path;
    // `Router::nest` would write the URI of each request anew.
    let nothing = [base.clone(), format!("{base}/"), format!("{base}/{{*path}}")];
    let router = nothing.iter().fold(Router::new(), |router, path| router.route(path, any(gate::not_found)));
    let router = endpoints.into_iter().fold(router, |router, (path, rule, methods)| {
        let gate = Gate::new::<BetterAuth>(facade, rule);
        router.route(&format!("{base}{path}"), methods.layer(AroundLayer(gate)))
    });
    router.method_not_allowed_fallback(gate::not_found)
}
