//! The authorization endpoint (RFC 6749, section 3.1; OpenID Connect Core, section 3.1.2.1).

use http::{HeaderMap, header};

use super::AUTHORIZE;
use super::answer;
use super::error;
use super::reply::{Reply, see_other};
use super::visit::Visit;
use crate::facade::route;

/// Begins an authorization.
pub(super) async fn endpoint(visit: Visit) -> Reply {
    if let Some(address) = visit.by_get(AUTHORIZE) {
        return see_other(&address);
    }
    let oauth = visit.site.facade.identity.oauth();
    answer::follow(&visit, oauth.authorize(&visit.fields, visit.session(), &visit.info).await?)
}

/// The same below the base path of the Better Auth API, where a script may ask too: it is told where to send the browser.
pub(super) async fn below_better_auth(visit: Visit) -> Reply {
    if !is_script(&visit.headers) {
        return endpoint(visit).await;
    }
    let facade = &visit.site.facade;
    let oauth = facade.identity.oauth();
    match facade.next(oauth.authorize(&visit.fields, visit.session(), &visit.info).await?) {
        Ok(url) => Ok(route::told(&url)),
        Err(refusal) => error::refused(&visit, &refusal),
    }
}

fn is_script(headers: &HeaderMap) -> bool {
    let says = |name: &str, value: &str| headers.get(name).is_some_and(|found| found.as_bytes() == value.as_bytes());
    says("sec-fetch-mode", "cors") || says(header::ACCEPT.as_str(), "application/json")
}
