//! From what somebody agreed to, to the tokens of an answer.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::access::{self, Terms};
use super::client::{Client, ClientKind, GrantType, RefreshPolicy};
use super::error::{ErrorCode, OAuthError};
use super::{id_token, offer};
use crate::config::Config;
use crate::error::Result;
use crate::family::{self, Family, OpenedIn, Opening, Rotation, Rules};
use crate::id::TokenFamilyId;
use crate::keys::{self, Signer};
use crate::op::Op;
use crate::scope::{OFFLINE_ACCESS, OPENID, ScopeSet};
use crate::session::Session;
use crate::shared::Shared;
use crate::time::after;
use crate::token::{Token, kind};
use crate::user::User;

/// How long the refresh token of a public client that cannot store a successor is good without being used, at most.
const STATIC_IDLE: Duration = Duration::from_hours(24 * 7);

/// The keys for the tokens of a client, fetched before a transaction begins.
#[derive(Debug)]
pub(crate) struct Signers {
    access: Arc<Signer>,
    id_token: Arc<Signer>,
}

impl Signers {
    pub(crate) async fn of(shared: &Shared, client: &Client) -> Result<Self> {
        let access = keys::signer(shared, client.policy.access_token_alg).await?;
        let id_token = keys::signer(shared, client.id_token_alg()).await?;
        Ok(Self { access, id_token })
    }
}

/// The answer of the token endpoint, before it is signed.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) access: access::Draft,
    pub(crate) refresh: Option<Token<kind::Refresh>>,
    pub(crate) id_token: Option<id_token::Draft>,
}

impl Draft {
    /// Signs the tokens, once everything is committed.
    pub(crate) fn finish(self, signers: &Signers) -> Result<Map<String, Value>> {
        let mut answer = Map::new();
        let mut set = |name: &str, value: Value| answer.insert(name.to_owned(), value);
        set("token_type", json!("Bearer"));
        set("expires_in", json!(self.access.lifetime.as_secs()));
        set("scope", json!(self.access.scope.to_string()));
        let access_token = self.access.finish(&signers.access)?;
        if let Some(id_token) = self.id_token {
            set("id_token", json!(id_token.finish(&access_token, &signers.id_token)?));
        }
        if let Some(refresh) = self.refresh {
            set("refresh_token", json!(refresh.expose()));
        }
        set("access_token", json!(access_token));
        Ok(answer)
    }
}

/// What a user agreed to that a client gets.
#[derive(Debug)]
pub(crate) struct Agreement {
    pub(crate) family: TokenFamilyId,
    pub(crate) scope: ScopeSet,
    pub(crate) resources: Vec<String>,
    /// The names of the claims that were asked for one by one.
    pub(crate) claims: Map<String, Value>,
    pub(crate) nonce: Option<String>,
}

/// Opens a family and makes its first tokens, for `resources` of those that were agreed to. The caller holds user and session.
pub(crate) async fn open(
    op: &mut Op<'_>,
    client: &Client,
    (session, user): (&Session, &User),
    agreement: Agreement,
    resources: &[String],
) -> Result<Draft> {
    let options = &op.shared().config.oauth;
    let Agreement { family, scope, claims, nonce, .. } = agreement;
    let offline = scope.contains(OFFLINE_ACCESS);
    let refreshes = client.may_use(GrantType::RefreshToken) && (offline || client.policy.first_party);
    let lasts = if refreshes { options.refresh_token_lifetime } else { access::lifetime(op.shared(), client) };
    let opening = Opening {
        id: family,
        client_id: &client.id,
        user_id: &user.id,
        session: OpenedIn { id: &session.id, auth_time: session.created_at, amr: &session.amr, offline },
        scope,
        resources: agreement.resources,
        claims,
        refreshes,
        expires_at: after(op.now(), lasts),
    };
    let (family, refresh) = family::open(op, opening).await?;
    let scope = family.scope.clone();
    renew(op, client, &family, user, (&scope, resources), nonce.as_deref(), refresh).await
}

/// Makes further tokens of a family, for this scope and these resources, as far as the client may still have the scope.
pub(crate) async fn renew(
    op: &mut Op<'_>,
    client: &Client,
    family: &Family,
    user: &User,
    (scope, resources): (&ScopeSet, &[String]),
    nonce: Option<&str>,
    refresh: Option<Token<kind::Refresh>>,
) -> Result<Draft> {
    let scope = &scope.intersection(&offer::scopes_for(&op.shared().config.oauth, client));
    let access = access::draft(op, &Terms { client, family: Some(family), scope, resources }).await?;
    let id_token = if scope.contains(OPENID) {
        Some(id_token::draft(op, client, family, user, scope, nonce).await?)
    } else {
        None
    };
    Ok(Draft { access, refresh, id_token })
}

/// What holds for the refresh tokens of a client.
pub(crate) fn refresh_rules(shared: &Shared, client: &Client) -> Rules {
    let options = &shared.config.oauth;
    let idle = Client::lifetime(client.policy.refresh_token_idle, options.refresh_token_idle);
    let (rotation, idle) = match (client.policy.refresh, client.kind) {
        (RefreshPolicy::Static, ClientKind::Public) => (Rotation::Never, idle.min(STATIC_IDLE)),
        (RefreshPolicy::Static, ClientKind::Confidential) => (Rotation::Never, idle),
        (RefreshPolicy::Rotate, ClientKind::Confidential) => (Rotation::Late, idle),
        (RefreshPolicy::Rotate, ClientKind::Public) => (Rotation::Always, idle),
    };
    Rules { rotation, idle, replay_window: options.refresh_replay_window }
}

/// The resources that a token is asked for now, of those that were agreed to (RFC 8707, section 2.2) and that the client may still ask
/// for.
pub(crate) fn narrowed(
    config: &Config,
    client: &Client,
    asked: Vec<String>,
    agreed: &[String],
) -> Result<Vec<String>, OAuthError> {
    let wrong = |text: &'static str| Err(OAuthError::new(ErrorCode::InvalidTarget, text));
    let may_reach = |uri: &&String| offer::may_reach(config, client, uri);
    let ours_alone = agreed.is_empty() && asked.iter().all(|uri| *uri == config.http.base_url);
    if asked.is_empty() || ours_alone {
        let left: Vec<String> = agreed.iter().filter(may_reach).cloned().collect();
        // Without any it would be a token for ourselves, which nobody has asked for.
        return if left.is_empty() && !agreed.is_empty() {
            wrong("The client may not have the resource any more.")
        } else {
            Ok(left)
        };
    }
    if asked.iter().all(|uri| agreed.contains(uri) && may_reach(&uri)) {
        return Ok(asked);
    }
    wrong("The resource is more than was agreed to, or not for this client any more.")
}
