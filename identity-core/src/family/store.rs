//! Rows of token families. A refresh token is replaced by one conditional update.

use super::model::Family;
use crate::error::{Error, Result};
use crate::id::{ClientId, SessionId, TokenFamilyId, UserId};
use crate::op::Op;
use crate::store::value::{self, object, texts};
use crate::store::{Batch, Row, Sql, for_update};
use crate::time::Timestamp;
use crate::token::{Digest, kind};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT f.id, f.client_id, f.user_id, f.session_id, f.opened_in, f.scope, f.resources, f.claims, f.auth_time, \
             f.amr, f.generation, f.token_digest, f.previous_digest, f.rotated_at, f.used_at, f.created_at, f.expires_at, \
             f.ended_at FROM identity_token_families f ",
            $rest
        )
    };
}

pub(crate) async fn insert(op: &mut Op<'_>, family: &Family) -> Result<()> {
    let sql = "INSERT INTO identity_token_families \
               (id, client_id, user_id, session_id, opened_in, scope, resources, claims, auth_time, amr, generation, \
               token_digest, rotated_at, used_at, created_at, expires_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $13, $14)";
    let values = [
        value::text(family.id.as_str()),
        value::text(family.client_id.as_str()),
        value::text(family.user_id.as_str()),
        value::optional_text(family.session_id.as_ref().map(|id| id.as_str().to_owned())),
        value::text(family.opened_in.as_str()),
        value::text(family.scope.to_string()),
        value::list(&family.resources),
        value::json(&family.claims),
        value::time(family.auth_time),
        value::text(family.amr.join(" ")),
        i64::from(family.generation).into(),
        value::optional_digest(family.current.as_ref()),
        value::time(family.created_at),
        value::time(family.expires_at),
    ];
    Sql::new(op.db(), sql, values).execute(op.db()).await?;
    Ok(())
}

const FIND: &str = select!("WHERE f.id = $1");

pub(crate) async fn find(op: &Op<'_>, id: &TokenFamilyId) -> Result<Option<Family>> {
    one(op, FIND.to_owned(), id).await
}

/// Reads a family and holds the row until the end of the transaction.
pub(crate) async fn lock(op: &mut Op<'_>, id: &TokenFamilyId) -> Result<Option<Family>> {
    one(op, format!("{FIND}{}", for_update(op.db(), "f")), id).await
}

/// A family that has not ended, whose user is not banned, and whose session is live where it goes with one. `since` is when a session
/// must have been opened to be live.
pub(crate) async fn live(op: &Op<'_>, id: &TokenFamilyId, since: Timestamp) -> Result<Option<Family>> {
    let sql = select!(
        "JOIN identity_users u ON u.id = f.user_id LEFT JOIN identity_sessions s ON s.id = f.session_id WHERE f.id = $1 \
         AND f.ended_at IS NULL AND (u.banned = FALSE OR u.ban_expires_at <= $2) \
         AND (f.session_id IS NULL OR s.expires_at > $2 AND s.created_at > $3)"
    );
    let values = [value::text(id.as_str()), value::time(op.now()), value::time(since)];
    Sql::new(op.db(), sql, values).one(op.db(), read).await
}

async fn one(op: &Op<'_>, sql: String, id: &TokenFamilyId) -> Result<Option<Family>> {
    Sql::new(op.db(), sql, [value::text(id.as_str())]).one(op.db(), read).await
}

fn read(row: &Row<'_>) -> Result<Family> {
    let generation: i64 = row.column(10)?;
    Ok(Family {
        id: TokenFamilyId::from_text(row.column::<String>(0)?),
        client_id: ClientId::from_text(row.column::<String>(1)?),
        user_id: UserId::from_text(row.column::<String>(2)?),
        session_id: row.column::<Option<String>>(3)?.map(SessionId::from_text),
        opened_in: SessionId::from_text(row.column::<String>(4)?),
        scope: value::scopes(row, 5)?,
        resources: texts(row.column(6)?),
        claims: object(row.column(7)?),
        auth_time: row.time(8)?,
        amr: value::words(&row.column::<String>(9)?),
        generation: u32::try_from(generation).map_err(Error::internal)?,
        current: value::digest_of(row.column(11)?),
        previous: value::digest_of(row.column(12)?),
        rotated_at: row.column(13)?,
        used_at: row.time(14)?,
        created_at: row.time(15)?,
        expires_at: row.time(16)?,
        ended_at: row.column(17)?,
    })
}

/// Replaces the refresh token that is good. Of several calls at once, one gets `true`.
pub(crate) async fn rotate(
    op: &mut Op<'_>,
    family: &Family,
    generation: u32,
    successor: &Digest<kind::Refresh>,
) -> Result<bool> {
    let sql = "UPDATE identity_token_families SET generation = $1, previous_digest = token_digest, token_digest = $2, \
               rotated_at = $3, used_at = $3 WHERE id = $4 AND generation = $5 AND ended_at IS NULL";
    let values = [
        i64::from(generation).into(),
        value::digest(successor),
        value::time(op.now()),
        value::text(family.id.as_str()),
        i64::from(family.generation).into(),
    ];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

/// Writes down that the refresh token was used, provided the family has not ended. Says whether it was.
pub(crate) async fn touch(op: &mut Op<'_>, family: &Family) -> Result<bool> {
    let sql = "UPDATE identity_token_families SET used_at = $1 WHERE id = $2 AND ended_at IS NULL";
    let values = [value::time(op.now()), value::text(family.id.as_str())];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

/// Ends a family. Says whether this call did it.
pub(crate) async fn end(op: &mut Op<'_>, id: &TokenFamilyId) -> Result<bool> {
    let sql = "UPDATE identity_token_families SET ended_at = $1, expires_at = $1 WHERE id = $2 AND ended_at IS NULL";
    let values = [value::time(op.now()), value::text(id.as_str())];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

pub(crate) async fn end_all(op: &mut Op<'_>, user_id: &UserId, keep: Option<&SessionId>) -> Result<()> {
    let mut sql = String::from(
        "UPDATE identity_token_families SET ended_at = $1, expires_at = $1 WHERE user_id = $2 AND ended_at IS NULL",
    );
    let mut values = vec![value::time(op.now()), value::text(user_id.as_str())];
    if let Some(id) = keep {
        sql.push_str(" AND opened_in <> $3");
        values.push(value::text(id.as_str()));
    }
    Sql::new(op.db(), sql, values).execute(op.db()).await?;
    Ok(())
}

/// Ends what a client was given for a user.
pub(crate) async fn end_of_client(op: &mut Op<'_>, user_id: &UserId, client_id: &ClientId) -> Result<()> {
    let sql = "UPDATE identity_token_families SET ended_at = $1, expires_at = $1 \
               WHERE user_id = $2 AND client_id = $3 AND ended_at IS NULL";
    let values = [value::time(op.now()), value::text(user_id.as_str()), value::text(client_id.as_str())];
    Sql::new(op.db(), sql, values).execute(op.db()).await?;
    Ok(())
}

/// Removes families that ran out or were ended before `limit`, at most 500 at a time. Returns how many. As long as a session lives, the
/// last family of each client in it stays: it says who has to hear of the logout.
pub(crate) async fn purge(op: &mut Op<'_>, limit: Timestamp) -> Result<u64> {
    let over = Batch {
        change: "DELETE FROM identity_token_families",
        table: "identity_token_families",
        key: "id",
        condition: "expires_at < $1 \
                    AND (NOT EXISTS (SELECT 1 FROM identity_sessions s WHERE s.id = identity_token_families.opened_in) \
                         OR EXISTS (SELECT 1 FROM identity_token_families n \
                                    WHERE n.opened_in = identity_token_families.opened_in \
                                    AND n.client_id = identity_token_families.client_id \
                                    AND n.id > identity_token_families.id))",
    };
    over.run(op.db(), [value::time(limit)]).await
}
