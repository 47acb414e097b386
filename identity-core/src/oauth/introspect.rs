//! The introspection endpoint (RFC 7662).

use serde_json::{Map, Value, json};

use super::access::{self, Access};
use super::client::{Client, ClientKind, auth};
use super::error::{ErrorCode, OAuthError};
use super::{OAuth, Presented, issue, offer, request};
use crate::family::{self, Presented as Refresh, Verdict};
use crate::jwt::audiences;
use crate::op::Op;
use crate::shared::Shared;
use crate::time::before;
use crate::token::Token;

use super::subject::subject;

impl OAuth<'_> {
    /// Tells a client about a token: one that it was given, or one that is for a resource of its own. Of all others it hears that they
    /// are not active, whatever they are. Returns the JSON object of the answer.
    ///
    /// # Errors
    /// `invalid_client`, also for public clients; `invalid_request` without a token.
    pub async fn introspect(&self, presented: Presented<'_>) -> Result<Map<String, Value>, OAuthError> {
        request::everything_is_text(presented.params)?;
        request::nothing_is_repeated(presented.params)?;
        let client = auth::authenticate(self.shared, presented).await?.into_client();
        if client.kind == ClientKind::Public {
            return Err(OAuthError::new(ErrorCode::InvalidClient, "A public client cannot prove that it is itself."));
        }
        let token = presented.params.required("token")?;
        if let Some(access) = access::find(self.shared, token).await? {
            let allowed = access.client_id == client.id || is_for(self.shared, &access, &client);
            return Ok(if allowed { of_access_token(&access) } else { inactive() });
        }
        Ok(of_refresh_token(self.shared, &client, token).await?.unwrap_or_else(inactive))
    }
}

/// Whether a token is for a resource whose operator named this client as the one that asks about its tokens.
fn is_for(shared: &Shared, access: &Access, client: &Client) -> bool {
    audiences(&access.claims).any(|audience| {
        offer::resource(&shared.config.oauth, audience)
            .is_some_and(|resource| resource.client.as_deref() == Some(client.id.as_str()))
    })
}

fn inactive() -> Map<String, Value> {
    [("active".to_owned(), json!(false))].into_iter().collect()
}

fn of_access_token(access: &Access) -> Map<String, Value> {
    let mut answer = access.public_claims();
    answer.insert("active".to_owned(), json!(true));
    answer.insert("token_type".to_owned(), json!("Bearer"));
    answer
}

async fn of_refresh_token(
    shared: &Shared,
    client: &Client,
    token: &str,
) -> Result<Option<Map<String, Value>>, OAuthError> {
    let Some(presented) = Refresh::parse(&shared.signing.refresh, &Token::presented(token)) else { return Ok(None) };
    let op = Op::read(shared);
    let since = before(op.now(), shared.config.session.max_age);
    let family = family::store::live(&op, &presented.family, since).await?;
    let Some(family) = family.filter(|family| family.client_id == client.id) else { return Ok(None) };
    let verdict = family.judge(&presented, op.now(), &issue::refresh_rules(shared, client));
    if !matches!(verdict, Verdict::Rotate | Verdict::Keep | Verdict::Repeat) {
        return Ok(None);
    }
    let mut answer = Map::new();
    let mut set = |name: &str, value: Value| answer.insert(name.to_owned(), value);
    set("active", json!(true));
    set("token_type", json!("refresh_token"));
    set("iss", json!(shared.config.http.base_url));
    set("sub", json!(subject(shared, client, &family.user_id)));
    set("client_id", json!(client.id));
    set("scope", json!(family.scope.to_string()));
    set("iat", json!(family.rotated_at.timestamp()));
    set("exp", json!(family.expires_at.timestamp()));
    set("auth_time", json!(family.auth_time.timestamp()));
    Ok(Some(answer))
}
