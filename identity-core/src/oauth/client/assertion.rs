//! Clients that prove themselves with a token that they sign (RFC 7523, section 3).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::auth::{find, refused};
use super::model::{AuthMethod, Client};
use super::store;
use crate::jwt::{self, Expected, KeySet, Refusal};
use crate::oauth::OAuthError;
use crate::outbound::Want;
use crate::shared::Shared;
use crate::time::{Timestamp, after};
use crate::token::Token;

/// How far ahead an assertion may run out.
const LONGEST: Duration = Duration::from_mins(5);
/// How far the clock of a client may be off.
const LEEWAY: Duration = Duration::from_secs(30);
/// How much longer a spent assertion is remembered than it is good, for the clocks of several nodes.
const MARGIN: Duration = Duration::from_mins(1);
const LONGEST_ID: usize = 512;

/// The client that has signed an assertion, which is spent.
pub(super) async fn prove(shared: &Shared, named: Option<&str>, token: &str) -> Result<Client, OAuthError> {
    let claimed = jwt::peek(token).map_err(|_| refused("the assertion is no JWT"))?;
    let id = text(&claimed, "sub").ok_or_else(|| refused("the assertion has no subject"))?;
    if text(&claimed, "iss") != Some(id) || named.is_some_and(|named| named != id) {
        return Err(refused("the assertion is of another client"));
    }
    let client = find(shared, id).await?.filter(|client| client.auth_method == AuthMethod::PrivateKeyJwt);
    let client = client.ok_or_else(|| refused("there is no such client that signs assertions"))?;
    let now = shared.clock.now();
    let ours = audiences_of(shared);
    let ours = ours.each_ref().map(String::as_str);
    let claims = verified(shared, &client, token, &ours, now).await?;
    let expires_at = jwt::moment(&claims, "exp").ok().flatten().ok_or_else(|| refused("the assertion has no end"))?;
    if expires_at > after(after(now, LONGEST), LEEWAY) {
        return Err(refused("the assertion is good for too long"));
    }
    if jwt::audiences(&claims).any(|audience| !ours.contains(&audience)) {
        // Whoever else it is for could use it here (RFC 7523, section 3).
        return Err(refused("the assertion is for others too"));
    }
    let jti = text(&claims, "jti").filter(|jti| (1..=LONGEST_ID).contains(&jti.len()));
    let jti = jti.ok_or_else(|| refused("the assertion has no id"))?;
    let digest = Token::presented(format!("{id}\0{jti}")).digest();
    let kept_until = after(after(expires_at, LEEWAY), MARGIN);
    if !store::spend(&shared.store, &digest, kept_until).await? {
        return Err(refused("the assertion was used before"));
    }
    Ok(client)
}

fn text<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c str> {
    claims.get(name).and_then(Value::as_str)
}

/// What an assertion may name as its audience: the issuer, and the token endpoint, which older clients name.
fn audiences_of(shared: &Shared) -> [String; 2] {
    let issuer = &shared.config.http.base_url;
    [issuer.clone(), format!("{issuer}/oauth2/token")]
}

/// The claims of an assertion that is good. A key that is not in the set of the client may have been added since.
async fn verified(
    shared: &Shared,
    client: &Client,
    token: &str,
    audience: &[&str],
    now: Timestamp,
) -> Result<Map<String, Value>, OAuthError> {
    let expected = Expected {
        issuer: client.id.as_str(),
        audience,
        types: &[],
        algorithms: client.assertion_algorithms(),
        now,
        leeway: LEEWAY,
        allow_expired: false,
    };
    let keys = keys(shared, client, Want::Recent, now).await?;
    let mut outcome = keys.verify_any(token, &expected);
    if client.metadata.jwks_uri.is_some() && matches!(outcome, Err(Refusal::UnknownKey | Refusal::Signature)) {
        let keys = self::keys(shared, client, Want::New, now).await?;
        outcome = keys.verify_any(token, &expected);
    }
    outcome.map_err(|refusal| {
        tracing::debug!(%refusal, client = client.id.as_str(), "an assertion is refused");
        refused("the assertion is not good")
    })
}

async fn keys(shared: &Shared, client: &Client, want: Want, now: Timestamp) -> Result<Arc<KeySet>, OAuthError> {
    if let Some(url) = &client.metadata.jwks_uri {
        let keys = shared.outbound.keys(url, want, now).await;
        return keys.map_err(|_| refused("its keys cannot be fetched"));
    }
    let keys = client.metadata.jwks.clone().and_then(KeySet::read);
    Ok(Arc::new(keys.unwrap_or_default()))
}
