//! Rows of devices that wait. What happens once is one conditional update.

use super::model::{DeviceAuthorization, Entered, SLOWER, State};
use crate::error::Result;
use crate::id::{ClientId, DeviceAuthorizationId, SessionId, UserId};
use crate::op::Op;
use crate::store::value::{self, texts};
use crate::store::{Batch, Row, Sql, for_update};
use crate::time::Timestamp;
use crate::token::{Digest, kind};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, client_id, state, scope, resources, interval_seconds, polled_at, user_id, session_id, created_at, \
             expires_at FROM identity_device_authorizations WHERE ",
            $rest
        )
    };
}

/// Inserts a device that waits. `false` means that another one has the same code at this moment.
pub(crate) async fn insert(
    op: &mut Op<'_>,
    waiting: &DeviceAuthorization,
    device: &Digest<kind::DeviceCode>,
    code: &Digest<Entered>,
) -> Result<bool> {
    let sql = "INSERT INTO identity_device_authorizations \
               (id, client_id, state, device_digest, user_code_digest, scope, resources, interval_seconds, created_at, \
               expires_at) VALUES ($1, $2, 'pending', $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
    let values = [
        value::text(waiting.id.as_str()),
        value::text(waiting.client_id.as_str()),
        value::digest(device),
        value::digest(code),
        value::text(waiting.scope.to_string()),
        value::list(&waiting.resources),
        waiting.interval.into(),
        value::time(waiting.created_at),
        value::time(waiting.expires_at),
    ];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

/// The device of a code that somebody entered.
pub(crate) async fn find_by_code(op: &Op<'_>, code: &Digest<Entered>) -> Result<Option<DeviceAuthorization>> {
    Sql::new(op.db(), select!("user_code_digest = $1"), [value::digest(code)]).one(op.db(), read).await
}

/// The device that polls.
pub(crate) async fn find(op: &Op<'_>, device: &Digest<kind::DeviceCode>) -> Result<Option<DeviceAuthorization>> {
    Sql::new(op.db(), select!("device_digest = $1"), [value::digest(device)]).one(op.db(), read).await
}

/// Reads a device and holds the row until the end of the transaction.
pub(crate) async fn lock(op: &mut Op<'_>, id: &DeviceAuthorizationId) -> Result<Option<DeviceAuthorization>> {
    let sql = format!("{}{}", select!("id = $1"), for_update(op.db(), "identity_device_authorizations"));
    Sql::new(op.db(), sql, [value::text(id.as_str())]).one(op.db(), read).await
}

fn read(row: &Row<'_>) -> Result<DeviceAuthorization> {
    Ok(DeviceAuthorization {
        id: DeviceAuthorizationId::from_text(row.column::<String>(0)?),
        client_id: ClientId::from_text(row.column::<String>(1)?),
        state: value::word(row, 2, State::parse)?,
        scope: value::scopes(row, 3)?,
        resources: texts(row.column(4)?),
        interval: row.column(5)?,
        polled_at: row.column(6)?,
        user_id: row.column::<Option<String>>(7)?.map(UserId::from_text),
        session_id: row.column::<Option<String>>(8)?.map(SessionId::from_text),
        created_at: row.time(9)?,
        expires_at: row.time(10)?,
    })
}

/// Lets a user decide about a device that waits. The first who opens it is the only one: whoever has looked over their shoulder cannot.
pub(crate) async fn claim(op: &mut Op<'_>, code: &Digest<Entered>, user_id: &UserId) -> Result<bool> {
    let sql = "UPDATE identity_device_authorizations SET user_id = $1 WHERE user_code_digest = $2 \
               AND state = 'pending' AND expires_at > $3 AND (user_id IS NULL OR user_id = $1)";
    let values = [value::text(user_id.as_str()), value::digest(code), value::time(op.now())];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

/// Writes down what the user who has opened it decided. Says whether it still was to be decided.
pub(crate) async fn decide(
    op: &mut Op<'_>,
    code: &Digest<Entered>,
    user_id: &UserId,
    approved_in: Option<&SessionId>,
) -> Result<bool> {
    let sql = "UPDATE identity_device_authorizations SET state = $1, session_id = $2 WHERE user_code_digest = $3 \
               AND state = 'pending' AND expires_at > $4 AND user_id = $5";
    let values = [
        value::text(if approved_in.is_some() { State::Approved } else { State::Denied }.as_str()),
        value::optional_text(approved_in.map(|id| id.as_str().to_owned())),
        value::digest(code),
        value::time(op.now()),
        value::text(user_id.as_str()),
    ];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

/// Writes down that a device has asked, and slows it down if it asks too often.
pub(crate) async fn polled(op: &mut Op<'_>, id: &DeviceAuthorizationId, too_soon: bool) -> Result<()> {
    let sql = "UPDATE identity_device_authorizations SET polled_at = $1, interval_seconds = interval_seconds + $2 \
               WHERE id = $3";
    let slower = if too_soon { SLOWER } else { 0 };
    let values = [value::time(op.now()), slower.into(), value::text(id.as_str())];
    Sql::new(op.db(), sql, values).execute(op.db()).await?;
    Ok(())
}

/// Spends an approval. Of several calls at once, one gets `true`.
pub(crate) async fn spend(op: &mut Op<'_>, id: &DeviceAuthorizationId) -> Result<bool> {
    let sql = "UPDATE identity_device_authorizations SET state = 'spent' \
               WHERE id = $1 AND state = 'approved' AND expires_at > $2";
    let values = [value::text(id.as_str()), value::time(op.now())];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

/// Shuts out the devices of a client that a user has let in and no longer agrees to.
pub(crate) async fn deny_approved(op: &mut Op<'_>, user_id: &UserId, client_id: &ClientId) -> Result<()> {
    let sql = "UPDATE identity_device_authorizations SET state = 'denied' \
               WHERE user_id = $1 AND client_id = $2 AND state = 'approved'";
    let values = [value::text(user_id.as_str()), value::text(client_id.as_str())];
    Sql::new(op.db(), sql, values).execute(op.db()).await?;
    Ok(())
}

/// Removes what was over before `limit`, at most 500 at a time. Returns how many.
pub(crate) async fn purge(op: &mut Op<'_>, limit: Timestamp) -> Result<u64> {
    let over = Batch {
        change: "DELETE FROM identity_device_authorizations",
        table: "identity_device_authorizations",
        key: "id",
        condition: "expires_at < $1",
    };
    over.run(op.db(), [value::time(limit)]).await
}
