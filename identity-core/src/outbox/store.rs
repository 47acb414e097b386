//! Rows of the outbox. A worker leases a row by moving its due time; nobody else sees it until the lease has run out.

use std::time::Duration;

use sea_orm::DbBackend;
use sea_orm::Value;
use sea_orm::entity::prelude::*;

use crate::error::Result;
use crate::id::OutboxId;
use crate::op::Op;
use crate::store::Sql;
use crate::store::value::{self, column};
use crate::time::{Timestamp, after};

pub(crate) async fn insert(
    op: &mut Op<'_>,
    id: &OutboxId,
    topic: &str,
    payload: Vec<u8>,
    expires_at: Option<Timestamp>,
) -> Result<()> {
    let sql = "INSERT INTO identity_outbox (id, topic, payload, state, attempts, available_at, expires_at, created_at) \
               VALUES ($1, $2, $3, 'pending', 0, $4, $5, $4)";
    let values = [
        value::text(id.as_str()),
        value::text(topic),
        Value::from(payload),
        value::time(op.now()),
        Value::from(expires_at),
    ];
    Sql::new(op.db(), sql, values).execute(op.db()).await?;
    Ok(())
}

/// A row that this worker holds the lease of.
pub(crate) struct Leased {
    pub(crate) id: OutboxId,
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    /// How often it has been tried, this time included.
    pub(crate) attempts: i32,
    pub(crate) expires_at: Option<Timestamp>,
}

/// Leases at most ten due rows, oldest first. Rows that another worker is leasing at this moment are skipped.
pub(crate) async fn lease(op: &mut Op<'_>, length: Duration) -> Result<Vec<Leased>> {
    let skip = match op.db().get_database_backend() {
        DbBackend::Postgres => " FOR UPDATE SKIP LOCKED",
        _ => "",
    };
    let sql = format!(
        "UPDATE identity_outbox SET available_at = $1, attempts = attempts + 1 WHERE id IN \
         (SELECT id FROM identity_outbox WHERE state = 'pending' AND available_at <= $2 \
          ORDER BY available_at, id LIMIT 10{skip}) \
         RETURNING id, topic, payload, attempts, expires_at"
    );
    let values = [value::time(after(op.now(), length)), value::time(op.now())];
    let rows = Sql::new(op.db(), sql, values).rows(op.db()).await?;
    let mut leased = rows
        .iter()
        .map(|row| {
            Ok(Leased {
                id: OutboxId::from_text(column::<String>(row, 0)?),
                topic: column(row, 1)?,
                payload: column(row, 2)?,
                attempts: column(row, 3)?,
                expires_at: column(row, 4)?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    // Ids are minted in order of time, so this is the order in which the mails were written.
    leased.sort_by(|left, right| left.id.cmp(&right.id));
    Ok(leased)
}

/// Removes a row that has done its work: the sealed text with its live links does not stay behind.
pub(crate) async fn delete(op: &mut Op<'_>, id: &OutboxId) -> Result<()> {
    let sql = "DELETE FROM identity_outbox WHERE id = $1";
    Sql::new(op.db(), sql, [value::text(id.as_str())]).execute(op.db()).await?;
    Ok(())
}

/// Puts a row back, due at `available_at`.
pub(crate) async fn retry(op: &mut Op<'_>, id: &OutboxId, available_at: Timestamp, error: &str) -> Result<()> {
    let sql = "UPDATE identity_outbox SET available_at = $1, last_error = $2 WHERE id = $3";
    let values = [value::time(available_at), value::text(error), value::text(id.as_str())];
    Sql::new(op.db(), sql, values).execute(op.db()).await?;
    Ok(())
}

/// Gives a row up. It stays as a dead letter for the operator to see, without its body.
pub(crate) async fn bury(op: &mut Op<'_>, id: &OutboxId, error: &str) -> Result<()> {
    let sql = "UPDATE identity_outbox SET state = 'dead', last_error = $1, payload = $2 WHERE id = $3";
    let values = [value::text(error), Value::from(Vec::<u8>::new()), value::text(id.as_str())];
    Sql::new(op.db(), sql, values).execute(op.db()).await?;
    Ok(())
}

/// How many rows are waiting and how many are dead letters.
pub(crate) async fn counts(op: &Op<'_>) -> Result<(i64, i64)> {
    let sql = "SELECT COUNT(CASE WHEN state = 'pending' THEN 1 END), COUNT(CASE WHEN state = 'dead' THEN 1 END) \
               FROM identity_outbox";
    match Sql::new(op.db(), sql, []).row(op.db()).await? {
        Some(row) => Ok((column(&row, 0)?, column(&row, 1)?)),
        None => Ok((0, 0)),
    }
}
