//! Rows of the outbox. A worker leases a row by moving its due time; nobody else sees it until the lease has run out.

use std::time::Duration;

use sea_orm::DbBackend;
use sea_orm::Value;
use sea_orm::entity::prelude::*;

use crate::error::Result;
use crate::id::OutboxId;
use crate::op::Op;
use crate::store::value::{self, column};
use crate::store::{Batch, Sql};
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
    /// When the lease ends.
    until: Timestamp,
}

/// Leases the oldest due row. A row that another worker is leasing at this moment is skipped.
///
/// The row is compared with `=`, so that it is chosen once. With `IN`, PostgreSQL may choose anew for each row of the table, depending on
/// how many it believes there are, and leases all that are due: those that are not returned here would wait until their lease has run out.
pub(crate) async fn lease(op: &mut Op<'_>, length: Duration) -> Result<Option<Leased>> {
    let skip = match op.db().get_database_backend() {
        DbBackend::Postgres => " FOR UPDATE SKIP LOCKED",
        _ => "",
    };
    let until = after(op.now(), length);
    let sql = format!(
        "UPDATE identity_outbox SET available_at = $1, attempts = attempts + 1 WHERE id = \
         (SELECT id FROM identity_outbox WHERE state = 'pending' AND available_at <= $2 \
          ORDER BY available_at, id LIMIT 1{skip}) \
         RETURNING id, topic, payload, attempts, expires_at"
    );
    let Some(row) = Sql::new(op.db(), sql, [value::time(until), value::time(op.now())]).row(op.db()).await? else {
        return Ok(None);
    };
    Ok(Some(Leased {
        id: OutboxId::from_text(column::<String>(&row, 0)?),
        topic: column(&row, 1)?,
        payload: column(&row, 2)?,
        attempts: column(&row, 3)?,
        expires_at: column(&row, 4)?,
        until,
    }))
}

/// Removes a row that has done its work: the sealed text with its live links does not stay behind.
pub(crate) async fn delete(op: &mut Op<'_>, row: &Leased) -> Result<()> {
    let sql = "DELETE FROM identity_outbox WHERE id = $1 AND available_at = $2";
    Sql::new(op.db(), sql, held(row)).execute(op.db()).await.map(|_| ())
}

/// Puts a row back, due at `available_at`.
pub(crate) async fn retry(op: &mut Op<'_>, row: &Leased, available_at: Timestamp, error: &str) -> Result<()> {
    let sql = "UPDATE identity_outbox SET available_at = $3, last_error = $4 WHERE id = $1 AND available_at = $2";
    let values = held(row).into_iter().chain([value::time(available_at), value::text(error)]);
    Sql::new(op.db(), sql, values).execute(op.db()).await.map(|_| ())
}

/// Gives a row up. It stays as a dead letter for the operator to see, without its body and the live links in it.
pub(crate) async fn bury(op: &mut Op<'_>, row: &Leased, error: &str) -> Result<()> {
    let sql = "UPDATE identity_outbox SET state = 'dead', last_error = $3, payload = $4 \
               WHERE id = $1 AND available_at = $2";
    let values = held(row).into_iter().chain([value::text(error), Value::from(Vec::<u8>::new())]);
    Sql::new(op.db(), sql, values).execute(op.db()).await.map(|_| ())
}

/// The condition that the lease is still ours: another worker's would have another end.
fn held(row: &Leased) -> [Value; 2] {
    [value::text(row.id.as_str()), value::time(row.until)]
}

/// Removes dead letters from before `limit`, at most 500 at a time. Returns how many.
pub(crate) async fn purge(op: &mut Op<'_>, limit: Timestamp) -> Result<u64> {
    let batch = Batch {
        change: "DELETE FROM identity_outbox",
        table: "identity_outbox",
        key: "id",
        condition: "state = 'dead' AND created_at < $1",
    };
    batch.run(op.db(), [value::time(limit)]).await
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
