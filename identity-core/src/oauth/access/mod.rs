//! Access tokens: signed ones that an API verifies by itself (RFC 9068), and opaque ones that it asks us about.

pub(crate) mod store;

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::client::{self, AccessTokenFormat, Client};
use super::offer;
use super::subject::{sid, subject};
use crate::entropy::alphanumeric;
use crate::error::Result;
use crate::family::{self, Family};
use crate::id::{ClientId, TokenFamilyId};
use crate::jwt::{Algorithm, Expected, moment};
use crate::keys::{self, Signer};
use crate::op::Op;
use crate::principal;
use crate::scope::ScopeSet;
use crate::shared::Shared;
use crate::time::{CLOCK_SKEW, Timestamp, after, before};
use crate::token::{Digest, Token, kind};

/// The `typ` of a signed access token (RFC 9068, section 2.1).
const TYPE: &str = "at+jwt";

/// The claim with the family of a token, by which its end is seen at once where somebody asks us.
const FAMILY: &str = "family";

/// What a new token is for.
#[derive(Debug)]
pub(crate) struct Terms<'a> {
    pub(crate) client: &'a Client,
    /// What came of a user's word; none for a client that acts for itself.
    pub(crate) family: Option<&'a Family>,
    pub(crate) scope: &'a ScopeSet,
    pub(crate) resources: &'a [String],
}

/// A new token. A signed one is signed after the transaction.
#[derive(Debug)]
pub(crate) struct Draft {
    form: Form,
    pub(crate) scope: ScopeSet,
    pub(crate) lifetime: Duration,
}

#[derive(Debug)]
enum Form {
    Signed(Map<String, Value>),
    Opaque(Token<kind::Access>),
}

impl Draft {
    /// The text for the client.
    pub(crate) fn finish(self, signer: &Signer) -> Result<String> {
        match self.form {
            Form::Signed(claims) => signer.sign(TYPE, &claims),
            Form::Opaque(token) => Ok(token.expose().to_owned()),
        }
    }
}

/// Makes a token.
pub(crate) async fn draft(op: &mut Op<'_>, terms: &Terms<'_>) -> Result<Draft> {
    let shared = op.shared();
    let (client, options) = (terms.client, &shared.config.oauth);
    let lifetime = lifetime(shared, client);
    let expires_at = after(op.now(), lifetime);
    let scope = offer::scopes_at(options, terms.scope, terms.resources);
    let claims = claims(op, terms, &scope, expires_at);
    let form = if is_opaque(shared, client, terms.resources) {
        let token = Token::mint(op.entropy());
        let family = terms.family.map(|family| &family.id);
        store::insert(op, &token.digest(), &client.id, family, &claims, expires_at).await?;
        Form::Opaque(token)
    } else {
        Form::Signed(claims)
    };
    Ok(Draft { form, scope, lifetime })
}

/// Whether tokens of a client for these resources have a row in the database.
pub(crate) fn is_opaque(shared: &Shared, client: &Client, resources: &[String]) -> bool {
    let there = |uri: &String| offer::resource(&shared.config.oauth, uri).is_some_and(|resource| resource.opaque);
    client.policy.access_token_format == AccessTokenFormat::Opaque || resources.iter().any(there)
}

/// How long the access tokens of a client are good.
pub(crate) fn lifetime(shared: &Shared, client: &Client) -> Duration {
    Client::lifetime(client.policy.access_token_lifetime, shared.config.oauth.access_token_lifetime)
}

fn claims(op: &Op<'_>, terms: &Terms<'_>, scope: &ScopeSet, expires_at: Timestamp) -> Map<String, Value> {
    let shared = op.shared();
    let (issuer, client) = (&shared.config.http.base_url, terms.client);
    let audience = match terms.resources {
        [] => json!(issuer),
        [only] => json!(only),
        several => json!(several),
    };
    let sub = match terms.family {
        Some(family) => subject(shared, client, &family.user_id),
        None => client.id.as_str().to_owned(),
    };
    let mut claims = Map::new();
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    set("iss", json!(issuer));
    set("sub", json!(sub));
    set("aud", audience);
    set("client_id", json!(client.id));
    set("scope", json!(scope.to_string()));
    set("jti", json!(alphanumeric(op.entropy(), 22)));
    set("iat", json!(op.now().timestamp()));
    set("exp", json!(expires_at.timestamp()));
    if let Some(family) = terms.family {
        set("auth_time", json!(family.auth_time.timestamp()));
        if let Some(acr) = principal::acr(&family.amr) {
            set("acr", json!(acr));
        }
        if !family.amr.is_empty() {
            set("amr", json!(family.amr));
        }
        set("sid", json!(sid(shared, &client.id, &family.opened_in)));
        set(FAMILY, json!(family.id));
    }
    claims
}

/// An access token that is good at this moment: it has neither run out nor been revoked, and what it came of still stands.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) client_id: ClientId,
    pub(crate) family: Option<Family>,
    /// What the token says, or would say if it were signed.
    pub(crate) claims: Map<String, Value>,
    /// What the token stands by in the database.
    digest: Digest<kind::Access>,
    expires_at: Timestamp,
}

impl Access {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.claims.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn scope(&self) -> ScopeSet {
        ScopeSet::parse(self.text("scope")).unwrap_or_default()
    }

    /// The claims for others than ourselves.
    pub(crate) fn public_claims(&self) -> Map<String, Value> {
        let mut claims = self.claims.clone();
        claims.remove(FAMILY);
        claims
    }
}

/// Finds what stands behind a token. `None` for one that is not good, whatever the reason.
pub(crate) async fn find(shared: &Shared, token: &str) -> Result<Option<Access>> {
    let op = Op::read(shared);
    let Some(access) = (if token.contains('.') { signed(&op, token).await? } else { opaque(&op, token).await? }) else {
        return Ok(None);
    };
    let Some(id) = access.claims.get(FAMILY).and_then(Value::as_str) else {
        return Ok(client::store::find(&op, &access.client_id).await?.map(|_| access));
    };
    let since = before(op.now(), shared.config.session.max_age);
    let family = family::store::live(&op, &TokenFamilyId::from_text(id), since).await?;
    let family = family.filter(|family| family.client_id == access.client_id);
    Ok(family.map(|family| Access { family: Some(family), ..access }))
}

async fn signed(op: &Op<'_>, token: &str) -> Result<Option<Access>> {
    let shared = op.shared();
    let expected = Expected {
        issuer: &shared.config.http.base_url,
        audience: &[],
        types: &[TYPE],
        algorithms: Algorithm::ALL,
        now: op.now(),
        // Another node may have issued it just now. When it ends, our own clock says.
        leeway: CLOCK_SKEW,
        allow_expired: false,
    };
    let Ok(claims) = keys::verify(shared, token, &expected).await? else { return Ok(None) };
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let (Some(client_id), Some(jti), Ok(Some(expires_at))) = (text("client_id"), text("jti"), moment(&claims, "exp"))
    else {
        return Ok(None);
    };
    let (client_id, digest) = (ClientId::from_text(client_id), Token::presented(jti).digest());
    if op.now() >= expires_at || store::find(op, &digest).await?.is_some_and(|stored| stored.is_revoked) {
        return Ok(None);
    }
    Ok(Some(Access { client_id, family: None, claims, digest, expires_at }))
}

async fn opaque(op: &Op<'_>, token: &str) -> Result<Option<Access>> {
    let digest = Token::presented(token).digest();
    let stored = store::find(op, &digest).await?.filter(|stored| !stored.is_revoked && op.now() < stored.expires_at);
    // The row of a signed token says nothing but that it was revoked.
    Ok(stored.and_then(|stored| {
        let client_id = ClientId::from_text(stored.claims.get("client_id")?.as_str()?);
        Some(Access { client_id, family: None, claims: stored.claims, digest, expires_at: stored.expires_at })
    }))
}

/// Revokes a token, and nothing else that came of the same word.
pub(crate) async fn revoke(op: &mut Op<'_>, access: &Access) -> Result<()> {
    store::revoke(op, &access.digest, &access.client_id, access.expires_at).await
}
