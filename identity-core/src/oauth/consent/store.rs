//! Rows of consents, one per user and client.

use sea_orm::{ConnectionTrait as _, DbBackend};

use super::Consent;
use crate::error::{Error, Result};
use crate::id::{ClientId, UserId};
use crate::op::Op;
use crate::scope::ScopeSet;
use crate::store::value::{self, texts};
use crate::store::{Row, Sql};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT n.client_id, c.name, n.scope, n.resources, n.created_at, n.updated_at FROM identity_consents n \
             JOIN identity_clients c ON c.id = n.client_id WHERE n.user_id = $1",
            $rest
        )
    };
}

pub(crate) async fn find(op: &Op<'_>, user_id: &UserId, client_id: &ClientId) -> Result<Option<Consent>> {
    one(op, select!(" AND n.client_id = $2"), user_id, client_id).await
}

/// Reads a consent and holds the row until the end of the transaction.
pub(crate) async fn lock(op: &mut Op<'_>, user_id: &UserId, client_id: &ClientId) -> Result<Option<Consent>> {
    let postgres = op.db().get_database_backend() == DbBackend::Postgres;
    let held = select!(" AND n.client_id = $2 FOR UPDATE OF n");
    one(op, if postgres { held } else { select!(" AND n.client_id = $2") }, user_id, client_id).await
}

async fn one(op: &Op<'_>, sql: &str, user_id: &UserId, client_id: &ClientId) -> Result<Option<Consent>> {
    let values = [value::text(user_id.as_str()), value::text(client_id.as_str())];
    let row = Sql::new(op.db(), sql, values).row(op.db()).await?;
    row.map(|row| read(&Row::Pooled(&row))).transpose()
}

/// The consents of a user, the oldest first.
pub(crate) async fn list(op: &Op<'_>, user_id: &UserId) -> Result<Vec<Consent>> {
    let sql = select!(" ORDER BY n.created_at, n.client_id");
    let rows = Sql::new(op.db(), sql, [value::text(user_id.as_str())]).rows(op.db()).await?;
    rows.iter().map(|row| read(&Row::Pooled(row))).collect()
}

fn read(row: &Row<'_>) -> Result<Consent> {
    Ok(Consent {
        client_id: ClientId::from_text(row.column::<String>(0)?),
        client_name: row.column(1)?,
        scope: ScopeSet::try_from(row.column::<String>(2)?).map_err(|error| Error::internal(error.to_string()))?,
        resources: texts(row.column(3)?),
        created_at: row.column(4)?,
        updated_at: row.column(5)?,
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
