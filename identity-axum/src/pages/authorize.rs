//! The authorization endpoint (RFC 6749, section 3.1; OpenID Connect Core, section 3.1.2.1).

use super::AUTHORIZE;
use super::answer;
use super::reply::{Reply, see_other};
use super::visit::Visit;

/// Begins an authorization.
pub(super) async fn endpoint(visit: Visit) -> Reply {
    if let Some(address) = visit.by_get(AUTHORIZE) {
        return see_other(&address);
    }
    let oauth = visit.site.facade.identity.oauth();
    answer::follow(&visit, oauth.authorize(&visit.fields, visit.session(), &visit.info).await?)
}
