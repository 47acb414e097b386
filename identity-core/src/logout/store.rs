//! Rows of logouts. A worker leases a row, and with it the turn of its client: one that does not answer holds up nobody else.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DbBackend};

use super::model::{Fate, Leased, LogoutDelivery, LogoutState};
use crate::error::{Error, Result};
use crate::id::{ClientId, LogoutDeliveryId, SessionId, UserId};
use crate::op::Op;
use crate::store::value::{self, column};
use crate::store::{Batch, Row, Sql};
use crate::time::{Timestamp, after};

/// The clients that were given something and want to be told of logouts, with the sessions they were given it in.
macro_rules! told {
    ($condition:literal) => {
        concat!(
            "SELECT DISTINCT f.client_id, f.opened_in FROM identity_token_families f \
             JOIN identity_clients c ON c.id = f.client_id \
             WHERE c.metadata ->> 'backchannel_logout_uri' IS NOT NULL AND ",
            $condition,
            " ORDER BY f.opened_in, f.client_id"
        )
    };
}

/// The clients that have to hear that a session ends.
pub(crate) async fn clients_of_session(op: &Op<'_>, session_id: &SessionId) -> Result<Vec<ClientId>> {
    let sql = told!("f.opened_in = $1");
    let rows = Sql::new(op.db(), sql, [value::text(session_id.as_str())]).rows(op.db()).await?;
    rows.iter().map(|row| column::<String>(row, 0).map(ClientId::from_text)).collect()
}

/// The clients that have to hear that the sessions of a user end, all or all but one.
pub(crate) async fn clients_of_user(
    op: &Op<'_>,
    user_id: &UserId,
    keep: Option<&SessionId>,
) -> Result<Vec<(ClientId, SessionId)>> {
    let sql = told!("f.user_id = $1 AND f.opened_in <> $2");
    let values = [value::text(user_id.as_str()), value::text(keep.map_or("", SessionId::as_str))];
    let rows = Sql::new(op.db(), sql, values).rows(op.db()).await?;
    let read =
        |row| Ok((ClientId::from_text(column::<String>(row, 0)?), SessionId::from_text(column::<String>(row, 1)?)));
    rows.iter().map(read).collect()
}

/// Writes down that a client has to hear that a session has ended, unless that is written down already.
pub(crate) async fn insert(
    op: &mut Op<'_>,
    client_id: &ClientId,
    user_id: &UserId,
    session_id: &SessionId,
) -> Result<()> {
    let sql = "INSERT INTO identity_logout_deliveries \
               (id, client_id, user_id, session_id, state, attempts, due_at, created_at) \
               VALUES ($1, $2, $3, $4, 'waiting', 0, $5, $5) ON CONFLICT (session_id, client_id) DO NOTHING";
    let values = [
        value::text(LogoutDeliveryId::mint(op.now(), op.entropy()).as_str()),
        value::text(client_id.as_str()),
        value::text(user_id.as_str()),
        value::text(session_id.as_str()),
        value::time(op.now()),
    ];
    Sql::new(op.db(), sql, values).execute(op.db()).await?;
    op.wake_logouts();
    Ok(())
}

/// Whether any row is due. Reading first spares the lock for writing while there is nothing to do.
pub(crate) async fn any_due(op: &Op<'_>) -> Result<bool> {
    let sql = "SELECT 1 FROM identity_logout_deliveries WHERE state = 'waiting' AND due_at <= $1 LIMIT 1";
    Ok(Sql::new(op.db(), sql, [value::time(op.now())]).row(op.db()).await?.is_some())
}

/// Leases the oldest row that is due of a client whose turn it is, of those that fail at this time or of the others. A row that another
/// worker is leasing at this moment is skipped; one that it has just leased is looked at again by itself (`leased_until`), because the list
/// of turns is from before.
pub(crate) async fn lease(op: &mut Op<'_>, length: Duration, failing: bool) -> Result<Option<Leased>> {
    let of_those = if failing { "IN" } else { "NOT IN" };
    let skip = match op.db().get_database_backend() {
        DbBackend::Postgres => " FOR UPDATE SKIP LOCKED",
        _ => "",
    };
    let until = after(op.now(), length);
    let sql = format!(
        "UPDATE identity_logout_deliveries SET leased_until = $1, attempts = attempts + 1 WHERE id = \
         (SELECT id FROM identity_logout_deliveries WHERE state = 'waiting' AND due_at <= $2 \
          AND (leased_until IS NULL OR leased_until <= $2) AND client_id NOT IN \
          (SELECT client_id FROM identity_logout_deliveries WHERE state = 'waiting' AND leased_until > $2) \
          AND client_id {of_those} \
          (SELECT client_id FROM identity_logout_deliveries WHERE state = 'waiting' AND last_error IS NOT NULL) \
          ORDER BY due_at, id LIMIT 1{skip}) \
         RETURNING id, client_id, user_id, session_id, attempts"
    );
    let values = [value::time(until), value::time(op.now())];
    let Some(row) = Sql::new(op.db(), sql, values).row(op.db()).await? else { return Ok(None) };
    Ok(Some(Leased {
        id: LogoutDeliveryId::from_text(column::<String>(&row, 0)?),
        client_id: ClientId::from_text(column::<String>(&row, 1)?),
        user_id: UserId::from_text(column::<String>(&row, 2)?),
        session_id: SessionId::from_text(column::<String>(&row, 3)?),
        attempts: count(column(&row, 4)?)?,
        until,
    }))
}

/// Writes down what has become of a delivery, provided that the lease is still ours: another worker's would have another end.
pub(crate) async fn settle(
    op: &mut Op<'_>,
    row: &Leased,
    fate: Fate,
    status: Option<u16>,
    error: Option<String>,
) -> Result<()> {
    let (state, due_at, settled_at) = match fate {
        Fate::Delivered => (LogoutState::Delivered, None, Some(op.now())),
        Fate::Retry(due_at) => (LogoutState::Waiting, Some(due_at), None),
        Fate::Dead => (LogoutState::Dead, None, Some(op.now())),
    };
    let sql = "UPDATE identity_logout_deliveries SET state = $3, due_at = COALESCE($4, due_at), leased_until = NULL, \
               last_status = $5, last_error = $6, settled_at = $7 WHERE id = $1 AND leased_until = $2";
    let values = [
        value::text(row.id.as_str()),
        value::time(row.until),
        value::text(state.as_str()),
        due_at.into(),
        status.map(i32::from).into(),
        value::optional_text(error),
        settled_at.into(),
    ];
    Sql::new(op.db(), sql, values).execute(op.db()).await.map(|_| ())
}

/// Removes what nobody has to hear of any more: the client is gone, or no longer wants to be told.
pub(crate) async fn drop(op: &mut Op<'_>, row: &Leased) -> Result<()> {
    let sql = "DELETE FROM identity_logout_deliveries WHERE id = $1 AND leased_until = $2";
    let values = [value::text(row.id.as_str()), value::time(row.until)];
    Sql::new(op.db(), sql, values).execute(op.db()).await.map(|_| ())
}

/// A page of logouts in order of their ids.
pub(crate) async fn list(
    op: &Op<'_>,
    state: Option<LogoutState>,
    after: Option<&LogoutDeliveryId>,
    limit: u64,
) -> Result<Vec<LogoutDelivery>> {
    let sql = format!(
        "SELECT id, client_id, user_id, session_id, state, attempts, due_at, last_status, last_error, created_at, \
         settled_at FROM identity_logout_deliveries WHERE id > $1 AND ($2 = '' OR state = $2) ORDER BY id LIMIT {limit}"
    );
    let values =
        [value::text(after.map_or("", LogoutDeliveryId::as_str)), value::text(state.map_or("", LogoutState::as_str))];
    let rows = Sql::new(op.db(), sql, values).rows(op.db()).await?;
    let read = |row| {
        Ok(LogoutDelivery {
            id: LogoutDeliveryId::from_text(column::<String>(row, 0)?),
            client_id: ClientId::from_text(column::<String>(row, 1)?),
            user_id: UserId::from_text(column::<String>(row, 2)?),
            session_id: SessionId::from_text(column::<String>(row, 3)?),
            state: value::word(&Row::Pooled(row), 4, LogoutState::parse)?,
            attempts: count(column(row, 5)?)?,
            due_at: column(row, 6)?,
            last_status: column::<Option<i32>>(row, 7)?.and_then(|status| u16::try_from(status).ok()),
            last_error: column(row, 8)?,
            created_at: column(row, 9)?,
            settled_at: column(row, 10)?,
        })
    };
    rows.iter().map(read).collect()
}

/// How many are waiting and how many were given up.
pub(crate) async fn counts(op: &Op<'_>) -> Result<(i64, i64)> {
    let sql = "SELECT COUNT(CASE WHEN state = 'waiting' THEN 1 END), COUNT(CASE WHEN state = 'dead' THEN 1 END) \
               FROM identity_logout_deliveries WHERE state IN ('waiting', 'dead')";
    match Sql::new(op.db(), sql, []).row(op.db()).await? {
        Some(row) => Ok((column(&row, 0)?, column(&row, 1)?)),
        None => Ok((0, 0)),
    }
}

/// Removes what was delivered before `delivered` or given up before `dead`, at most 500 at a time. Returns how many.
pub(crate) async fn purge(op: &mut Op<'_>, delivered: Timestamp, dead: Timestamp) -> Result<u64> {
    let settled = Batch {
        change: "DELETE FROM identity_logout_deliveries",
        table: "identity_logout_deliveries",
        key: "id",
        condition: "state = 'delivered' AND settled_at < $1 OR state = 'dead' AND settled_at < $2",
    };
    settled.run(op.db(), [value::time(delivered), value::time(dead)]).await
}

fn count(attempts: i32) -> Result<u32> {
    u32::try_from(attempts).map_err(Error::internal)
}
