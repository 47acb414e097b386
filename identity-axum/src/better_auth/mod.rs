//! The Better Auth API under `/api/auth`: what the official `better-auth/client` speaks, and the routes of a trust anchor.

mod cache;
mod caller;
mod cors;
mod email;
mod error;
mod gate;
mod input;
mod origin;
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
use axum::routing::{delete, get, post, put};
use identity_core::Identity;
use serde_json::json;

pub use error::BetterAuth;

use self::cors::Cors;
use self::gate::Gate;
use self::origin::TrustedOrigins;
use crate::cookie::Cookies;
use crate::middleware::AroundLayer;
use crate::middleware::host::Hosts;
use crate::problem::Failure;

/// What the handlers share.
#[derive(Debug)]
struct Facade {
    identity: Identity,
    cookies: Cookies,
    origins: TrustedOrigins,
}

/// The routes of the Better Auth API, at the base path of the identity's configuration, for the hosts it answers for.
///
/// Serve the application with `into_make_service_with_connect_info::<SocketAddr>()`: without it every call fails with a clear
/// error, because all clients would share one limit.
pub fn router<S>(identity: &Identity) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let http = &identity.config().http;
    let facade = Arc::new(Facade {
        cookies: Cookies::new(identity),
        origins: TrustedOrigins::new(http),
        identity: identity.clone(),
    });
    let routes = routes()
        .route_layer(AroundLayer(Gate(Arc::clone(&facade))))
        .method_not_allowed_fallback(gate::not_found)
        .fallback(gate::not_found);
    Router::new()
        .nest(&http.base_path, routes)
        .layer((
            Hosts::of(http).layer(|_, error| Failure::<BetterAuth>::from(error).into_response()),
            AroundLayer(Cors(Arc::clone(&facade))),
        ))
        .with_state(facade)
}

fn routes() -> Router<Arc<Facade>> {
    Router::new()
        .route("/ok", get(async || reply::json(json!({ "ok": true }))))
        .route("/error", get(page::error))
        .route("/sign-up/email", post(sign_up::email))
        .route("/sign-in/email", post(sign_in::email))
        .route("/sign-out", post(session::sign_out))
        .route("/get-session", get(session::get).post(session::post))
        .route("/list-sessions", get(session::list))
        .route("/revoke-session", post(session::revoke))
        .route("/revoke-session-by-id", post(session::revoke_by_id))
        .route("/revoke-sessions", post(session::revoke_all))
        .route("/revoke-other-sessions", post(session::revoke_others))
        .route("/update-session", post(session::update))
        .route("/me", get(user::me))
        .route("/profile", put(user::put_profile))
        .route("/account", delete(user::delete_account))
        .route("/update-user", post(user::update))
        .route("/delete-user", post(user::delete))
        .route("/delete-user/callback", get(user::follow_deletion).post(user::confirm_deletion))
        .route("/list-accounts", get(user::list_accounts))
        .route("/unlink-account", post(user::unlink_account))
        .route("/provision", post(user::provision))
        .route("/change-password", post(password::change))
        .route("/set-password", post(password::set))
        .route("/has-password", get(password::has))
        .route("/verify-password", post(password::verify))
        .route("/request-password-reset", post(password::request_reset))
        .route("/forget-password", post(password::request_reset))
        .route("/reset-password", post(password::reset))
        .route("/reset-password/{token}", get(password::follow_reset))
        .route("/send-verification-email", post(email::send))
        .route("/verify-email", get(email::follow).post(email::confirm))
        .route("/change-email", post(email::change))
        .route("/email-otp/send-verification-otp", post(email::send_code))
        .route("/email-otp/verify-email", post(email::give_code))
}
