//! Rows of consents, one per user and client.

use super::Consent;
use crate::error::Result;
use crate::id::{ClientId, UserId};
use crate::op::Op;
use crate::scope::ScopeSet;
use crate::store::value::{self, texts};
use crate::store::{Row, Sql, for_update};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT n.client_id, c.name, n.scope, n.resources, n.created_at, n.updated_at FROM identity_consents n \
             JOIN identity_clients c ON c.id = n.client_id WHERE n.user_id = $1",
            $rest
        )
    };
}

const FIND: &str = select!(" AND n.client_id = $2");

pub(crate) async fn find(op: &Op<'_>, user_id: &UserId, client_id: &ClientId) -> Result<Option<Consent>> {
    one(op, FIND.to_owned(), user_id, client_id).await
}

/// Reads a consent and holds the row until the end of the transaction.
pub(crate) async fn lock(op: &mut Op<'_>, user_id: &UserId, client_id: &ClientId) -> Result<Option<Consent>> {
    one(op, format!("{FIND}{}", for_update(op.db(), "n")), user_id, client_id).await
}

async fn one(op: &Op<'_>, sql: String, user_id: &UserId, client_id: &ClientId) -> Result<Option<Consent>> {
    let values = [value::text(user_id.as_str()), value::text(client_id.as_str())];
    Sql::new(op.db(), sql, values).one(op.db(), read).await
}

/// The consents of a user, the oldest first.
pub(crate) async fn list(op: &Op<'_>, user_id: &UserId) -> Result<Vec<Consent>> {
    let sql = select!(" ORDER BY n.created_at, n.client_id");
    Sql::new(op.db(), sql, [value::text(user_id.as_str())]).all(op.db(), read).await
}

fn read(row: &Row<'_>) -> Result<Consent> {
    Ok(Consent {
        client_id: ClientId::from_text(row.column::<String>(0)?),
        client_name: row.column(1)?,
        scope: value::scopes(row, 2)?,
        resources: texts(row.column(3)?),
        created_at: row.time(4)?,
        updated_at: row.time(5)?,
    })
}

/// Writes a consent down, in place of an earlier one.
pub(crate) async fn put(
    op: &mut Op<'_>,
    user_id: &UserId,
    client_id: &ClientId,
    scope: &ScopeSet,
    resources: &[String],
) -> Result<()> {
    let sql = "INSERT INTO identity_consents (user_id, client_id, scope, resources, created_at, updated_at) \
               VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (user_id, client_id) \
               DO UPDATE SET scope = excluded.scope, resources = excluded.resources, updated_at = excluded.updated_at";
    let values = [
        value::text(user_id.as_str()),
        value::text(client_id.as_str()),
        value::text(scope.to_string()),
        value::list(resources),
        value::time(op.now()),
    ];
    Sql::new(op.db(), sql, values).execute(op.db()).await?;
    Ok(())
}

/// Removes a consent. Says whether there was one.
pub(crate) async fn delete(op: &mut Op<'_>, user_id: &UserId, client_id: &ClientId) -> Result<bool> {
    let sql = "DELETE FROM identity_consents WHERE user_id = $1 AND client_id = $2";
    let values = [value::text(user_id.as_str()), value::text(client_id.as_str())];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}
