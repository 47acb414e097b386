//! The pages that people meet: signing in and up, getting back in, agreeing, signing out, and the endpoints that send them there.
//!
//! The whole of each task works with HTML alone. Pages call the flows that the Better Auth API calls, set the same cookies and count
//! against the same limits.

mod account;
mod answer;
mod assets;
mod authorize;
mod consent;
mod device;
mod enter;
mod error;
mod form;
mod gate;
mod login;
mod logout;
mod register;
mod reply;
mod reset;
#[cfg(feature = "testing")]
pub(crate) mod testing;
mod texts;
mod verify;
mod view;
mod visit;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::{MethodRouter, any};
use identity_core::Identity;
use identity_core::limits::Action;

pub use error::Pages;

use self::gate::{Gate, Rule};
use self::visit::Visit;
use crate::facade::Facade;
use crate::facade::route::{ACCOUNT, CONSENT, LOGIN, REGISTER};
use crate::middleware::AroundLayer;
use crate::middleware::host::Hosts;
use crate::problem::Dialect as _;

/// The authorization endpoint (RFC 6749, section 3.1).
const AUTHORIZE: &str = "/oauth2/authorize";
/// The end session endpoint (OpenID Connect RP-Initiated Logout, section 2).
const END_SESSION: &str = "/oauth2/logout";
/// Where the pages are that no authorization leads to at once.
const FORGOT: &str = "/ui/forgot";
const RESET: &str = "/ui/reset";
const VERIFY: &str = "/ui/verify";
const DEVICE: &str = "/ui/device";
const DEVICE_CONFIRM: &str = "/ui/device/confirm";
const LOGOUT: &str = "/ui/logout";
const LOGGED_OUT: &str = "/ui/logged-out";
const LOGO: &str = "/ui/logo";
const ERROR: &str = "/ui/error";
/// Where somebody goes on to who came by themselves.
const HOME: &str = "/";

/// What the pages share.
#[derive(Debug)]
struct Site {
    facade: Arc<Facade>,
    app: Arc<str>,
}

/// The pages under `/ui/`, the authorization endpoint and the end session endpoint, for the hosts that the identity answers for.
///
/// They are optional: an application with pages of its own mounts only [`router`](crate::router). As with that one, serve the
/// application with `into_make_service_with_connect_info::<SocketAddr>()`.
pub fn router<S>(identity: &Identity) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let site =
        Arc::new(Site { facade: Facade::new(identity), app: Arc::from(identity.config().mail.app_name.as_str()) });
    let hosts = Hosts::of(&identity.config().http).layer(|_: &Request, error| Pages::render(&error, None));
    routes(&site).layer(AroundLayer(hosts)).with_state(site)
}

/// Every page with what the gate has to know about it: no page can be mounted without its rule.
fn routes(site: &Arc<Site>) -> Router<Arc<Site>> {
    const PLAIN: Rule = Rule::Page(Action::Other);
    const SIGN_IN: Rule = Rule::Page(Action::SignIn);
    const SIGN_UP: Rule = Rule::Page(Action::SignUp);
    const RESET_MAIL: Rule = Rule::Page(Action::RequestReset);
    const NEW_PASSWORD: Rule = Rule::Page(Action::ResetPassword);
    const CODE: Rule = Rule::Page(Action::GiveCode);
    const VERIFICATION_MAIL: Rule = Rule::Page(Action::RequestVerification);

    type Methods = MethodRouter<Arc<Site>>;
    let only = || MethodRouter::new().fallback(error::wrong_method);
    let pages: [(&'static str, Rule, Methods); 22] = [
        (AUTHORIZE, Rule::FromAnywhere, only().get(authorize::endpoint).post(authorize::endpoint)),
        (
            END_SESSION,
            Rule::FromAnywhere,
            only().get(logout::endpoint).post(logout::endpoint).head(error::wrong_method),
        ),
        (LOGIN, SIGN_IN, only().get(login::show).post(login::submit)),
        ("/ui/cancel", PLAIN, only().post(answer::cancel)),
        (REGISTER, SIGN_UP, only().get(register::show).post(register::submit)),
        (FORGOT, RESET_MAIL, only().get(reset::ask).post(reset::send)),
        (RESET, NEW_PASSWORD, only().get(reset::show).post(reset::submit)),
        (VERIFY, CODE, only().get(verify::show).post(verify::submit)),
        ("/ui/verify/send", VERIFICATION_MAIL, only().post(verify::send)),
        (CONSENT, PLAIN, only().get(consent::show).post(consent::submit)),
        (ACCOUNT, PLAIN, only().get(account::show).post(account::submit)),
        (DEVICE, PLAIN, only().get(device::show).post(device::submit)),
        (DEVICE_CONFIRM, PLAIN, only().get(device::ask).post(device::decide)),
        (LOGOUT, PLAIN, only().get(logout::show).post(logout::submit)),
        (LOGGED_OUT, PLAIN, only().get(logout::done)),
        (ERROR, PLAIN, only().get(error::show)),
        ("/ui/assets/app.css", Rule::Free, only().get(assets::style)),
        ("/ui/assets/enhance.js", Rule::Free, only().get(assets::script)),
        (LOGO, Rule::ForAnybody, only().get(assets::logo)),
        ("/ui", PLAIN, only().get(async |visit: Visit| reply::see_other(&visit.view.url(LOGIN)))),
        ("/ui/", PLAIN, only().get(async |visit: Visit| reply::see_other(&visit.view.url(LOGIN)))),
        ("/ui/{*path}", PLAIN, any(error::not_found)),
    ];
    let router = pages.into_iter().fold(Router::new(), |router, (path, rule, methods)| {
        router.route(path, methods.layer(AroundLayer(Gate::new(site, path, rule))))
    });
    // Where the official Better Auth client looks for them.
    let base = &site.facade.identity.config().http.base_path;
    let gate = |path| AroundLayer(Gate::new(site, path, Rule::FromAnywhere));
    let authorize = only().get(authorize::below_better_auth).post(authorize::below_better_auth).layer(gate(AUTHORIZE));
    let end_session =
        only().get(logout::endpoint).post(logout::endpoint).head(error::wrong_method).layer(gate(END_SESSION));
    let router = router.route(&format!("{base}{AUTHORIZE}"), authorize);
    router.route(&format!("{base}/oauth2/end-session"), end_session)
}
