//! The authorization endpoint (RFC 6749, section 3.1; OpenID Connect Core, section 3.1.2.1).

use url::form_urlencoded::Serializer;

use super::AUTHORIZE;
use super::answer;
use super::reply::{Reply, see_other};
use super::visit::Visit;

/// The longest query that a posted request is turned into.
const LONGEST_QUERY: usize = 6 * 1024;

/// Begins an authorization.
pub(super) async fn endpoint(visit: Visit) -> Reply {
    if visit.posted && visit.caller.is_none() {
        // A form of another site comes without the cookie of the session (`SameSite=Lax`). The GET that follows has it.
        let query = Serializer::new(String::new()).extend_pairs(visit.fields.iter()).finish();
        if query.len() <= LONGEST_QUERY {
            return see_other(&format!("{AUTHORIZE}?{query}"));
        }
    }
    let oauth = visit.site.facade.identity.oauth();
    answer::follow(&visit, oauth.authorize(&visit.fields, visit.session(), &visit.info).await?)
}
