//! Who is calling: the session that a request presents.

use http::HeaderMap;
use identity_core::Result;
use identity_core::auth::{Refresh, Resolved};
use identity_core::token::{Token, kind};

use super::Facade;
use crate::cookie::Name;
use crate::credentials::{Presentation, bearer};

/// A live session and the token that proved it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) token: Token<kind::Session>,
    pub(crate) resolved: Resolved,
}

/// A token that a request presents, in the cookie or, where that is switched on, as a bearer.
pub(crate) fn presented(facade: &Facade, headers: &HeaderMap) -> Option<Token<kind::Session>> {
    if facade.identity.config().http.bearer {
        match bearer(headers) {
            Presentation::Presented(token) => return facade.cookies.token_of_bearer(token.expose()),
            Presentation::Malformed => return None,
            Presentation::NotPresented => {}
        }
    }
    facade.cookies.signed(headers, Name::SessionToken).map(Token::presented)
}

/// The caller of a request, or none.
pub(crate) async fn find(facade: &Facade, headers: &HeaderMap, refresh: Refresh) -> Result<Option<Caller>> {
    let Some(token) = presented(facade, headers) else { return Ok(None) };
    let resolved = facade.identity.resolve(&token, refresh).await?;
    Ok(resolved.map(|resolved| Caller { token, resolved }))
}
