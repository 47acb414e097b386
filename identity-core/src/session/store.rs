//! Rows of sessions. The lookup by token is the hottest statement of all and is written by hand.

use sea_orm::DbBackend;
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use serde_json::Value as Json;

use super::Proof;
use super::model::Session;
use crate::account::CREDENTIAL;
use crate::error::Result;
use crate::id::{SessionId, UserId};
use crate::op::Op;
use crate::store::value::{self, object};
use crate::store::{Batch, Row, Sql, for_update, lock_rows};
use crate::time::Timestamp;
use crate::token::{Digest, kind};
use crate::user::{self, User};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    #[sea_orm(column_type = "Text")]
    pub user_id: String,
    #[sea_orm(unique)]
    pub token_digest: Vec<u8>,
    pub remembered: bool,
    #[sea_orm(column_type = "Text", nullable)]
    pub ip_address: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub user_agent: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub amr: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub fields: Json,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for Session {
    fn from(row: Model) -> Self {
        Self {
            id: SessionId::from_text(row.id),
            user_id: UserId::from_text(row.user_id),
            remembered: row.remembered,
            ip_address: row.ip_address.and_then(|ip| ip.parse().ok()),
            user_agent: row.user_agent,
            amr: value::words(&row.amr),
            fields: object(row.fields),
            created_at: row.created_at,
            updated_at: row.updated_at,
            expires_at: row.expires_at,
        }
    }
}

/// Inserts a session, provided that what it rests on still stands at this very moment: the user is live, and the password that
/// was verified still is the user's password. Says whether it was inserted.
///
/// On PostgreSQL the rows it rests on are share-locked until the end of the transaction. A password change or a ban that comes
/// first makes the condition fail; one that comes second waits, and then finds the session and ends it.
pub(crate) async fn insert(
    op: &mut Op<'_>,
    session: &Session,
    digest: &Digest<kind::Session>,
    proof: &Proof,
) -> Result<bool> {
    let mut values = vec![
        value::text(session.id.as_str()),
        value::text(session.user_id.as_str()),
        value::digest(digest),
        session.remembered.into(),
        value::optional_text(session.ip_address.map(|ip| ip.to_string())),
        value::optional_text(session.user_agent.clone()),
        value::json(&session.fields),
        value::time(session.created_at),
        value::time(session.expires_at),
        value::text(session.amr.join(" ")),
    ];
    let live = "u.id = $2 AND (u.banned = FALSE OR u.ban_expires_at <= $8)";
    let mut sql = String::from(
        "INSERT INTO identity_sessions \
         (id, user_id, token_digest, remembered, ip_address, user_agent, fields, created_at, updated_at, expires_at, \
         amr) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10 FROM identity_users u ",
    );
    match proof {
        Proof::Password(credential) => {
            sql.push_str("JOIN identity_accounts a ON a.user_id = u.id WHERE ");
            sql.push_str(live);
            sql.push_str(" AND a.provider_id = $11 AND a.password_hash = $12");
            sql.push_str(&lock_rows(op.db(), "u, a"));
            values.extend([value::text(CREDENTIAL), value::text(&credential.hash)]);
        }
        Proof::User => {
            sql.push_str("WHERE ");
            sql.push_str(live);
            sql.push_str(&lock_rows(op.db(), "u"));
        }
    }
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

/// A session found by its token, with its user and, when asked for, the services that have prepared their part.
pub(crate) struct Found {
    pub(crate) session: Session,
    pub(crate) user: User,
    pub(crate) provisioned: Vec<String>,
}

/// The statement that finds a session and its user, with this as the list of provisioned services.
macro_rules! find {
    ($provisioned:literal, $rest:literal) => {
        concat!(
            "SELECT s.id, s.user_id, s.remembered, s.ip_address, s.user_agent, s.fields, s.created_at, s.updated_at, \
             s.expires_at, u.email, u.email_verified, u.name, u.image, u.role, u.banned, u.ban_reason, \
             u.ban_expires_at, u.fields, u.created_at, u.updated_at, s.amr",
            $provisioned,
            " FROM identity_sessions s JOIN identity_users u ON u.id = s.user_id WHERE ",
            $rest
        )
    };
}

const FIND: &str = find!("", "s.token_digest = $1");
const FIND_PROVISIONED: &str = find!(
    ", (SELECT group_concat(p.target, ',') FROM identity_provisionings p WHERE p.user_id = u.id)",
    "s.token_digest = $1"
);
const FIND_PROVISIONED_ON_POSTGRES: &str = find!(
    ", (SELECT string_agg(p.target, ',') FROM identity_provisionings p WHERE p.user_id = u.id)",
    "s.token_digest = $1"
);

pub(crate) async fn find(
    op: &Op<'_>,
    digest: &Digest<kind::Session>,
    with_provisioning: bool,
) -> Result<Option<Found>> {
    let sql = match (with_provisioning, op.db().get_database_backend()) {
        (false, _) => FIND,
        (true, DbBackend::Postgres) => FIND_PROVISIONED_ON_POSTGRES,
        (true, _) => FIND_PROVISIONED,
    };
    op.shared().store.row_of_digest(op.db(), sql, digest, |row| read(&row, with_provisioning)).await
}

/// Finds a session and its user by the id of the session, and keeps both as they are until the end of the transaction.
pub(crate) async fn hold(op: &mut Op<'_>, id: &SessionId) -> Result<Option<Found>> {
    let sql = format!("{}{}", find!("", "s.id = $1"), lock_rows(op.db(), "u, s"));
    Sql::new(op.db(), sql, [value::text(id.as_str())]).one(op.db(), |row| read(row, false)).await
}

fn read(row: &Row<'_>, with_provisioning: bool) -> Result<Found> {
    let session = Session {
        id: SessionId::from_text(row.column::<String>(0)?),
        user_id: UserId::from_text(row.column::<String>(1)?),
        remembered: row.column(2)?,
        ip_address: row.column::<Option<String>>(3)?.and_then(|ip| ip.parse().ok()),
        user_agent: row.column(4)?,
        amr: value::words(&row.column::<String>(20)?),
        fields: object(row.column(5)?),
        created_at: row.time(6)?,
        updated_at: row.time(7)?,
        expires_at: row.time(8)?,
    };
    let user = user::store::read(row, 1, 9)?;
    let targets: Option<String> = if with_provisioning { row.column(21)? } else { None };
    let provisioned = targets.map(|list| list.split(',').map(str::to_owned).collect()).unwrap_or_default();
    Ok(Found { session, user, provisioned })
}

/// Extends a session, provided nobody else has meanwhile. Says whether this call did it.
pub(crate) async fn extend(op: &mut Op<'_>, session: &Session, until: Timestamp) -> Result<bool> {
    let sql = "UPDATE identity_sessions SET expires_at = $1, updated_at = $2 WHERE id = $3 AND expires_at = $4";
    let values =
        [value::time(until), value::time(op.now()), value::text(session.id.as_str()), value::time(session.expires_at)];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

pub(crate) async fn set_fields(op: &mut Op<'_>, session: &Session) -> Result<bool> {
    let sql = "UPDATE identity_sessions SET fields = $1, updated_at = $2 WHERE id = $3";
    let values = [value::json(&session.fields), value::time(op.now()), value::text(session.id.as_str())];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

/// Removes a session that has run out, provided it was not extended meanwhile. It ran out, nobody ended it: no client is told.
pub(crate) async fn delete_expired(op: &mut Op<'_>, session: &Session) -> Result<()> {
    let sql = "DELETE FROM identity_sessions WHERE id = $1 AND expires_at = $2";
    let values = [value::text(session.id.as_str()), value::time(session.expires_at)];
    Sql::new(op.db(), sql, values).execute(op.db()).await?;
    Ok(())
}

/// The session of a token, locked until the end of the transaction, and whose it is.
pub(super) async fn lock_token(op: &mut Op<'_>, digest: &Digest<kind::Session>) -> Result<Option<(SessionId, UserId)>> {
    lock_where(op, "token_digest = $1", vec![value::digest(digest)]).await
}

/// The session of a user that a token or an id names, locked until the end of the transaction.
pub(super) async fn lock_named(
    op: &mut Op<'_>,
    user_id: &UserId,
    digest: &Digest<kind::Session>,
    id: &SessionId,
) -> Result<Option<(SessionId, UserId)>> {
    let values = vec![value::text(user_id.as_str()), value::digest(digest), value::text(id.as_str())];
    lock_where(op, "user_id = $1 AND (token_digest = $2 OR id = $3)", values).await
}

async fn lock_where(
    op: &mut Op<'_>,
    condition: &str,
    values: Vec<sea_orm::Value>,
) -> Result<Option<(SessionId, UserId)>> {
    let lock = for_update(op.db(), "identity_sessions");
    let sql = format!("SELECT id, user_id FROM identity_sessions WHERE {condition}{lock}");
    let read = |row: &Row<'_>| {
        Ok((SessionId::from_text(row.column::<String>(0)?), UserId::from_text(row.column::<String>(1)?)))
    };
    Sql::new(op.db(), sql, values).one(op.db(), read).await
}

/// Removes a session. Says whether this call did it.
pub(super) async fn delete(op: &mut Op<'_>, id: &SessionId) -> Result<bool> {
    let sql = "DELETE FROM identity_sessions WHERE id = $1";
    Ok(Sql::new(op.db(), sql, [value::text(id.as_str())]).execute(op.db()).await? == 1)
}

/// Locks the sessions of a user, all or all but one, until the end of the transaction.
pub(super) async fn lock_all(op: &mut Op<'_>, user_id: &UserId, except: Option<&SessionId>) -> Result<()> {
    if op.db().get_database_backend() == DbBackend::Postgres {
        let sql = "SELECT id FROM identity_sessions WHERE user_id = $1 AND id <> $2 ORDER BY id FOR UPDATE";
        Sql::new(op.db(), sql, of_user(user_id, except)).rows(op.db()).await?;
    }
    Ok(())
}

/// Removes the sessions of a user, all or all but one. Returns how many.
pub(super) async fn delete_all(op: &mut Op<'_>, user_id: &UserId, except: Option<&SessionId>) -> Result<u64> {
    let sql = "DELETE FROM identity_sessions WHERE user_id = $1 AND id <> $2";
    Sql::new(op.db(), sql, of_user(user_id, except)).execute(op.db()).await
}

fn of_user(user_id: &UserId, except: Option<&SessionId>) -> [sea_orm::Value; 2] {
    [value::text(user_id.as_str()), value::text(except.map_or("", SessionId::as_str))]
}

/// The sessions of a user that have not run out, oldest first.
pub(crate) async fn list(op: &Op<'_>, user_id: &UserId) -> Result<Vec<Session>> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user_id.as_str()))
        .filter(Column::ExpiresAt.gt(op.now()))
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .all(op.db())
        .await?;
    Ok(rows.into_iter().map(Session::from).collect())
}

/// Removes sessions that ran out before `limit`, at most 500 at a time, without telling any client. Returns how many.
pub(crate) async fn purge(op: &mut Op<'_>, limit: Timestamp) -> Result<u64> {
    let batch = Batch {
        change: "DELETE FROM identity_sessions",
        table: "identity_sessions",
        key: "id",
        condition: "expires_at < $1",
    };
    batch.run(op.db(), [value::time(limit)]).await
}

/// Reads a session and holds the row until the end of the transaction.
pub(crate) async fn lock(op: &mut Op<'_>, id: &SessionId) -> Result<Option<Session>> {
    use sea_orm::QuerySelect as _;
    let mut select = Entity::find().filter(Column::Id.eq(id.as_str()));
    if op.db().get_database_backend() == DbBackend::Postgres {
        select = select.lock_exclusive();
    }
    Ok(select.all(op.db()).await?.into_iter().next().map(Session::from))
}
