//! Families of tokens: what a client was given for a user, as long as it lasts.

pub(crate) mod model;
pub(crate) mod store;

pub(crate) use model::{Family, Presented, Rotation, Rules, Verdict};

use serde_json::{Map, Value};

use crate::error::Result;
use crate::id::{ClientId, SessionId, TokenFamilyId, UserId};
use crate::op::Op;
use crate::scope::ScopeSet;
use crate::time::Timestamp;
use crate::token::{Token, kind};

/// What a family is opened for.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    pub(crate) id: TokenFamilyId,
    pub(crate) client_id: &'a ClientId,
    pub(crate) user_id: &'a UserId,
    pub(crate) session: OpenedIn<'a>,
    pub(crate) scope: ScopeSet,
    pub(crate) resources: Vec<String>,
    pub(crate) claims: Map<String, Value>,
    /// Whether there are refresh tokens.
    pub(crate) refreshes: bool,
    pub(crate) expires_at: Timestamp,
}

/// The session that a family is opened in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenedIn<'a> {
    pub(crate) id: &'a SessionId,
    pub(crate) auth_time: Timestamp,
    pub(crate) amr: &'a [String],
    /// Whether the family outlives it.
    pub(crate) offline: bool,
}

/// Opens a family. The caller holds user and session.
pub(crate) async fn open(op: &mut Op<'_>, opening: Opening<'_>) -> Result<(Family, Option<Token<kind::Refresh>>)> {
    let id = opening.id;
    let key = &op.shared().signing.refresh;
    let token = opening.refreshes.then(|| model::refresh_token(key, &id, 0)).transpose()?;
    let session = opening.session;
    let family = Family {
        id,
        client_id: opening.client_id.clone(),
        user_id: opening.user_id.clone(),
        session_id: (!session.offline).then(|| session.id.clone()),
        opened_in: session.id.clone(),
        scope: opening.scope,
        resources: opening.resources,
        claims: opening.claims,
        auth_time: session.auth_time,
        amr: session.amr.to_vec(),
        generation: 0,
        current: token.as_ref().map(Token::digest),
        previous: None,
        rotated_at: op.now(),
        used_at: op.now(),
        created_at: op.now(),
        expires_at: opening.expires_at,
        ended_at: None,
    };
    store::insert(op, &family).await?;
    Ok((family, token))
}

/// The refresh token that is good now. The caller holds the family.
pub(crate) fn current_token(op: &Op<'_>, family: &Family) -> Result<Token<kind::Refresh>> {
    model::refresh_token(&op.shared().signing.refresh, &family.id, family.generation)
}

/// Replaces the refresh token by its successor. `None` means that somebody else has meanwhile.
pub(crate) async fn rotate(op: &mut Op<'_>, family: &Family) -> Result<Option<Token<kind::Refresh>>> {
    let next = family.generation.saturating_add(1);
    let successor = model::refresh_token(&op.shared().signing.refresh, &family.id, next)?;
    Ok(store::rotate(op, family, next, &successor.digest()).await?.then_some(successor))
}

/// Ends all families of a user, or all but those that were opened in one session.
pub(crate) async fn end_all(op: &mut Op<'_>, user_id: &UserId, keep: Option<&SessionId>) -> Result<()> {
    store::end_all(op, user_id, keep).await
}
