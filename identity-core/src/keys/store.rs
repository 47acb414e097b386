//! Rows of signing keys. Every step of a key's life is one conditional statement, so that of several nodes one takes it.

use sea_orm::QueryResult;
use serde_json::Value as Json;

use super::model::{SigningKey, State};
use crate::crypto::aead::Place;
use crate::error::{Error, Result};
use crate::id::SigningKeyId;
use crate::jwt::Algorithm;
use crate::op::Op;
use crate::store::Sql;
use crate::store::value::{self, column};
use crate::time::Timestamp;

/// A key with its private half, sealed; a retiring one has none any more.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) key: SigningKey,
    pub(super) sealed: Option<Vec<u8>>,
}

/// Where the private half of a key stands.
pub(super) fn place(id: &SigningKeyId) -> Place<'_> {
    Place { table: "identity_signing_keys", column: "private_key", row: id.as_str() }
}

/// All keys; those of an algorithm stand together, the active one first. Of an algorithm that only a newer release knows there are none.
pub(super) async fn all(op: &Op<'_>) -> Result<Vec<Stored>> {
    let sql = "SELECT id, algorithm, state, state_at, public_jwk, created_at, private_key FROM identity_signing_keys \
               ORDER BY algorithm, state, id";
    Sql::new(op.db(), sql, []).rows(op.db()).await?.iter().filter_map(|row| read(row).transpose()).collect()
}

fn read(row: &QueryResult) -> Result<Option<Stored>> {
    let (algorithm, state): (String, String) = (column(row, 1)?, column(row, 2)?);
    let Some(algorithm) = Algorithm::parse(&algorithm) else { return Ok(None) };
    let Some(state) = State::of(&state, column(row, 3)?) else { return Ok(None) };
    let key = SigningKey {
        id: SigningKeyId::from_text(column::<String>(row, 0)?),
        algorithm,
        state,
        jwk: serde_json::from_value(column::<Json>(row, 4)?).map_err(Error::internal)?,
        created_at: column(row, 5)?,
    };
    Ok(Some(Stored { key, sealed: column(row, 6)? }))
}

/// Adds a key, provided its algorithm has none in that state. Says whether it was added.
pub(super) async fn insert(op: &mut Op<'_>, key: &SigningKey, sealed: Vec<u8>) -> Result<bool> {
    let sql = "INSERT INTO identity_signing_keys (id, algorithm, state, state_at, public_jwk, private_key, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    let values = [
        value::text(key.id.as_str()),
        value::text(key.algorithm.as_str()),
        value::text(key.state.name()),
        value::time(key.state.time()),
        value::serialized(&key.jwk)?,
        value::bytes(sealed),
        value::time(key.created_at),
    ];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

/// Lets a staged key sign whose time has come. Says whether it did.
pub(super) async fn activate(op: &mut Op<'_>, id: &SigningKeyId) -> Result<bool> {
    let sql = "UPDATE identity_signing_keys SET state = 'active', state_at = $1 \
               WHERE id = $2 AND state = 'staged' AND state_at <= $1";
    Ok(Sql::new(op.db(), sql, [value::time(op.now()), value::text(id.as_str())]).execute(op.db()).await? == 1)
}

/// Ends the time of an active key and erases its private half. Says whether it was active.
pub(super) async fn retire(op: &mut Op<'_>, id: &SigningKeyId, until: Timestamp) -> Result<bool> {
    let sql = "UPDATE identity_signing_keys SET state = 'retiring', state_at = $1, private_key = NULL \
               WHERE id = $2 AND state = 'active'";
    Ok(Sql::new(op.db(), sql, [value::time(until), value::text(id.as_str())]).execute(op.db()).await? == 1)
}

/// Removes a key that has not signed yet. Says whether there was one.
pub(super) async fn discard(op: &mut Op<'_>, id: &SigningKeyId) -> Result<bool> {
    let sql = "DELETE FROM identity_signing_keys WHERE id = $1 AND state = 'staged'";
    Ok(Sql::new(op.db(), sql, [value::text(id.as_str())]).execute(op.db()).await? == 1)
}

/// Removes the keys whose last token has expired.
pub(super) async fn purge(op: &mut Op<'_>) -> Result<u64> {
    let sql = "DELETE FROM identity_signing_keys WHERE state = 'retiring' AND state_at <= $1";
    Sql::new(op.db(), sql, [value::time(op.now())]).execute(op.db()).await
}
