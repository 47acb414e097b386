//! Rows of device sessions. What happens once is one conditional statement.

use sea_orm::{ConnectionTrait as _, DbBackend};

use super::model::{Currency, DeviceId, DeviceSession, Migration};
use crate::error::Result;
use crate::id::{DeviceSessionId, UserId};
use crate::op::Op;
use crate::store::value;
use crate::store::{Batch, Row, Sql};
use crate::time::{Timestamp, before};
use crate::token::{Digest, kind};

const FIND: &str = "SELECT id, device_id, preferred_currency, created_at, last_active_at, expires_at, migrated_at, \
                    migrated_to_user_id, used FROM identity_device_sessions WHERE token_digest = $1";

pub(crate) async fn find(op: &Op<'_>, digest: &Digest<kind::Device>) -> Result<Option<DeviceSession>> {
    op.shared().store.row_of_digest(op.db(), FIND, digest, |row| read(&row)).await
}

fn read(row: &Row<'_>) -> Result<DeviceSession> {
    let migrated_at: Option<Timestamp> = row.column(6)?;
    let user_id: Option<String> = row.column(7)?;
    Ok(DeviceSession {
        id: DeviceSessionId::from_text(row.column::<String>(0)?),
        device_id: DeviceId::stored(row.column(1)?),
        preferred_currency: Currency::stored(row.column(2)?),
        created_at: row.time(3)?,
        last_active_at: row.time(4)?,
        expires_at: row.time(5)?,
        used: row.column(8)?,
        migration: migrated_at.zip(user_id).map(|(at, id)| Migration { at, user_id: UserId::from_text(id) }),
    })
}

/// Until when a session must have been active to be good.
fn quiet_since(op: &Op<'_>) -> Timestamp {
    before(op.now(), op.shared().config.device.expires_in)
}

/// Lets one transaction at a time count the sessions of a device. SQLite needs nothing: its writers come one at a time.
pub(crate) async fn lock_device(op: &mut Op<'_>, device_id: &DeviceId) -> Result<()> {
    if op.db().get_database_backend() == DbBackend::Postgres {
        // "devs" read as a number of four letters keeps these locks apart from those of others.
        let sql = "SELECT pg_advisory_xact_lock(1684371059, hashtext($1))";
        Sql::new(op.db(), sql, [value::text(device_id.as_str())]).row(op.db()).await?;
    }
    Ok(())
}

/// Removes the sessions of a device that have run out, and answers how many are live.
pub(crate) async fn count_live(op: &mut Op<'_>, device_id: &DeviceId) -> Result<i64> {
    let values = || [value::text(device_id.as_str()), value::time(op.now()), value::time(quiet_since(op))];
    let over = "DELETE FROM identity_device_sessions WHERE device_id = $1 AND migrated_at IS NULL \
                AND (expires_at <= $2 OR last_active_at <= $3)";
    Sql::new(op.db(), over, values()).execute(op.db()).await?;
    let live = "SELECT COUNT(*) FROM identity_device_sessions WHERE device_id = $1 AND migrated_at IS NULL \
                AND expires_at > $2 AND last_active_at > $3";
    let row = Sql::new(op.db(), live, values()).row(op.db()).await?;
    row.map_or(Ok(0), |row| value::column(&row, 0))
}

/// Ends the session of a token if it is one of a device. Says whether it was.
pub(crate) async fn replace(op: &mut Op<'_>, device_id: &DeviceId, digest: &Digest<kind::Device>) -> Result<bool> {
    let sql = "DELETE FROM identity_device_sessions WHERE token_digest = $1 AND device_id = $2 AND migrated_at IS NULL";
    let values = [value::digest(digest), value::text(device_id.as_str())];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

/// Ends sessions of a device that were never used, at most `count`, the oldest first. Answers how many.
pub(crate) async fn delete_unused(op: &mut Op<'_>, device_id: &DeviceId, count: i64) -> Result<u64> {
    // A session that is used for the first time at this moment is none of them any more.
    let sql = format!(
        "DELETE FROM identity_device_sessions WHERE used = FALSE AND migrated_at IS NULL AND id IN \
         (SELECT id FROM identity_device_sessions WHERE device_id = $1 AND used = FALSE AND migrated_at IS NULL \
          ORDER BY created_at, id LIMIT {count})"
    );
    Sql::new(op.db(), sql, [value::text(device_id.as_str())]).execute(op.db()).await
}

pub(crate) async fn insert(op: &mut Op<'_>, session: &DeviceSession, digest: &Digest<kind::Device>) -> Result<()> {
    let sql = "INSERT INTO identity_device_sessions \
               (id, device_id, token_digest, preferred_currency, created_at, last_active_at, expires_at, used) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = [
        value::text(session.id.as_str()),
        value::text(session.device_id.as_str()),
        value::digest(digest),
        value::text(session.preferred_currency.as_str()),
        value::time(session.created_at),
        value::time(session.last_active_at),
        value::time(session.expires_at),
        session.used.into(),
    ];
    Sql::new(op.db(), sql, values).execute(op.db()).await?;
    Ok(())
}

/// Writes down that a device is there, provided its session still is good. Says whether it was.
pub(crate) async fn touch(op: &mut Op<'_>, digest: &Digest<kind::Device>) -> Result<bool> {
    let sql = "UPDATE identity_device_sessions SET last_active_at = $1, used = TRUE \
               WHERE token_digest = $2 AND migrated_at IS NULL AND expires_at > $1 AND last_active_at > $3";
    let values = [value::time(op.now()), value::digest(digest), value::time(quiet_since(op))];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

/// Makes a session a user's, provided it still is good and nobody's. Of several calls at once, one gets `true`.
pub(crate) async fn migrate(op: &mut Op<'_>, digest: &Digest<kind::Device>, user_id: &UserId) -> Result<bool> {
    let sql = "UPDATE identity_device_sessions SET migrated_at = $1, migrated_to_user_id = $2 \
               WHERE token_digest = $3 AND migrated_at IS NULL AND expires_at > $1 AND last_active_at > $4";
    let values =
        [value::time(op.now()), value::text(user_id.as_str()), value::digest(digest), value::time(quiet_since(op))];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

/// Ends a session that is nobody's; one that has become a user's stays as the record of that.
pub(crate) async fn delete(op: &mut Op<'_>, digest: &Digest<kind::Device>) -> Result<()> {
    let sql = "DELETE FROM identity_device_sessions WHERE token_digest = $1 AND migrated_at IS NULL";
    Sql::new(op.db(), sql, [value::digest(digest)]).execute(op.db()).await?;
    Ok(())
}

/// Removes sessions that have run out, at most 500 at a time. Returns how many.
pub(crate) async fn purge(op: &mut Op<'_>) -> Result<u64> {
    let batch = Batch {
        change: "DELETE FROM identity_device_sessions",
        table: "identity_device_sessions",
        key: "id",
        condition: "expires_at <= $1 OR last_active_at <= $2",
    };
    batch.run(op.db(), [value::time(op.now()), value::time(quiet_since(op))]).await
}
