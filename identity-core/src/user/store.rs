//! Rows of users.

use sea_orm::DbBackend;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, QueryOrder, QuerySelect};
use serde_json::{Map, Value as Json};

use super::model::{Ban, ProfileChange, User};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::op::Op;
use crate::store::value::{column, object};
use crate::store::{Row, Sql, is_unique_violation, value};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    #[sea_orm(unique, column_type = "Text")]
    pub email: String,
    pub email_verified: bool,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub image: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub role: String,
    pub banned: bool,
    #[sea_orm(column_type = "Text", nullable)]
    pub ban_reason: Option<String>,
    pub ban_expires_at: Option<DateTimeUtc>,
    #[sea_orm(column_type = "JsonBinary")]
    pub fields: Json,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for User {
    fn from(row: Model) -> Self {
        Self {
            id: UserId::from_text(row.id),
            email: row.email,
            email_verified: row.email_verified,
            name: row.name,
            image: row.image,
            role: row.role,
            ban: row.banned.then_some(Ban { reason: row.ban_reason, expires_at: row.ban_expires_at }),
            fields: object(row.fields),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

pub(crate) async fn insert(op: &mut Op<'_>, user: &User) -> Result<()> {
    let row = ActiveModel {
        id: Set(user.id.as_str().to_owned()),
        email: Set(user.email.clone()),
        email_verified: Set(user.email_verified),
        name: Set(user.name.clone()),
        image: Set(user.image.clone()),
        role: Set(user.role.clone()),
        banned: Set(user.ban.is_some()),
        ban_reason: Set(user.ban.as_ref().and_then(|ban| ban.reason.clone())),
        ban_expires_at: Set(user.ban.as_ref().and_then(|ban| ban.expires_at)),
        fields: Set(Json::Object(user.fields.clone())),
        created_at: Set(user.created_at),
        updated_at: Set(user.updated_at),
    };
    match Entity::insert(row).exec_without_returning(op.db()).await {
        Ok(_) => Ok(()),
        Err(error) if is_unique_violation(&error) => Err(Error::new(Code::EmailTaken).caused_by(error)),
        Err(error) => Err(error.into()),
    }
}

/// Finds a user by a unique column, as every sign-in and every request of a client does.
macro_rules! find {
    ($unique:literal) => {
        concat!(
            "SELECT id, email, email_verified, name, image, role, banned, ban_reason, ban_expires_at, fields, \
             created_at, updated_at FROM identity_users WHERE ",
            $unique
        )
    };
}

pub(crate) async fn by_id(op: &Op<'_>, id: &UserId) -> Result<Option<User>> {
    op.shared().store.row_of_text(op.db(), find!("id = $1"), id.as_str(), |row| read(&row, 0, 1)).await
}

pub(crate) async fn by_email(op: &Op<'_>, email: &str) -> Result<Option<User>> {
    op.shared().store.row_of_text(op.db(), find!("email = $1"), email, |row| read(&row, 0, 1)).await
}

/// Reads a user whose id is in the column `id`, and the rest in the order of [`User`] in the columns from `rest` on.
pub(crate) fn read(row: &Row<'_>, id: usize, rest: usize) -> Result<User> {
    let banned: bool = row.column(rest + 5)?;
    Ok(User {
        id: UserId::from_text(row.column::<String>(id)?),
        email: row.column(rest)?,
        email_verified: row.column(rest + 1)?,
        name: row.column(rest + 2)?,
        image: row.column(rest + 3)?,
        role: row.column(rest + 4)?,
        ban: if banned { Some(Ban { reason: row.column(rest + 6)?, expires_at: row.column(rest + 7)? }) } else { None },
        fields: object(row.column(rest + 8)?),
        created_at: row.time(rest + 9)?,
        updated_at: row.time(rest + 10)?,
    })
}

/// Whether there is a user with this id.
pub(crate) async fn exists(op: &Op<'_>, id: &UserId) -> Result<bool> {
    let sql = "SELECT id FROM identity_users WHERE id = $1";
    let found = op.shared().store.row_of_text(op.db(), sql, id.as_str(), |row| row.column::<String>(0)).await?;
    Ok(found.is_some())
}

/// A page of users in order of their ids, which is the order of their creation.
pub(crate) async fn list(op: &Op<'_>, after: Option<&UserId>, limit: u64) -> Result<Vec<User>> {
    let mut select = Entity::find().order_by_asc(Column::Id).limit(limit);
    if let Some(after) = after {
        select = select.filter(Column::Id.gt(after.as_str()));
    }
    Ok(select.all(op.db()).await?.into_iter().map(User::from).collect())
}

pub(crate) async fn update_profile(op: &mut Op<'_>, user: &User, change: &ProfileChange) -> Result<User> {
    let mut changed = user.clone();
    changed.updated_at = op.now();
    if let Some(name) = &change.name {
        changed.name.clone_from(name);
    }
    if let Some(image) = &change.image {
        changed.image.clone_from(image);
    }
    changed.fields.extend(change.fields.clone());
    let sql = "UPDATE identity_users SET name = $1, image = $2, fields = $3, updated_at = $4 WHERE id = $5";
    let values = [
        value::text(&changed.name),
        value::optional_text(changed.image.clone()),
        value::json(&changed.fields),
        value::time(changed.updated_at),
        value::text(user.id.as_str()),
    ];
    expect_one(Sql::new(op.db(), sql, values).execute(op.db()).await?)?;
    Ok(changed)
}

/// Marks the address as proved, provided it still is the one that was proved. Says whether it was.
pub(crate) async fn verify_email(op: &mut Op<'_>, id: &UserId, email: &str) -> Result<bool> {
    let sql = "UPDATE identity_users SET email_verified = TRUE, updated_at = $1 WHERE id = $2 AND email = $3";
    let values = [value::time(op.now()), value::text(id.as_str()), value::text(email)];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

/// Replaces the address, provided it still is the old one. Says whether it was.
pub(crate) async fn change_email(op: &mut Op<'_>, id: &UserId, old: &str, new: &str, verified: bool) -> Result<bool> {
    let sql = "UPDATE identity_users SET email = $1, email_verified = $2, updated_at = $3 WHERE id = $4 AND email = $5";
    let values = [value::text(new), verified.into(), value::time(op.now()), value::text(id.as_str()), value::text(old)];
    let statement = sea_orm::Statement::from_sql_and_values(op.db().get_database_backend(), sql, values);
    match op.db().execute_raw(statement).await {
        Ok(done) => Ok(done.rows_affected() == 1),
        Err(error) if is_unique_violation(&error) => Err(Error::new(Code::EmailTaken).caused_by(error)),
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn set_role(op: &mut Op<'_>, id: &UserId, role: &str) -> Result<()> {
    let sql = "UPDATE identity_users SET role = $1, updated_at = $2 WHERE id = $3";
    let values = [value::text(role), value::time(op.now()), value::text(id.as_str())];
    expect_one(Sql::new(op.db(), sql, values).execute(op.db()).await?)
}

pub(crate) async fn set_ban(op: &mut Op<'_>, id: &UserId, ban: Option<&Ban>) -> Result<()> {
    let sql =
        "UPDATE identity_users SET banned = $1, ban_reason = $2, ban_expires_at = $3, updated_at = $4 WHERE id = $5";
    let values = [
        ban.is_some().into(),
        value::optional_text(ban.and_then(|ban| ban.reason.clone())),
        ban.and_then(|ban| ban.expires_at).into(),
        value::time(op.now()),
        value::text(id.as_str()),
    ];
    expect_one(Sql::new(op.db(), sql, values).execute(op.db()).await?)
}

/// Removes a ban that has run out, and leaves one that was set meanwhile.
pub(crate) async fn lift_lapsed_ban(op: &mut Op<'_>, id: &UserId) -> Result<()> {
    let sql = "UPDATE identity_users SET banned = FALSE, ban_reason = NULL, ban_expires_at = NULL, updated_at = $1 \
               WHERE id = $2 AND banned = TRUE AND ban_expires_at <= $1";
    Sql::new(op.db(), sql, [value::time(op.now()), value::text(id.as_str())]).execute(op.db()).await?;
    Ok(())
}

/// Deletes the user; the rows of every other table that belong to the user go with it.
pub(crate) async fn delete(op: &mut Op<'_>, id: &UserId) -> Result<()> {
    let sql = "DELETE FROM identity_users WHERE id = $1";
    expect_one(Sql::new(op.db(), sql, [value::text(id.as_str())]).execute(op.db()).await?)
}

/// The superadmins who can sign in.
pub(crate) async fn superadmins(op: &Op<'_>) -> Result<Vec<UserId>> {
    standing(op, Entity::find()).await
}

/// The same, with their rows held, so that two operations cannot each remove the other's last one.
pub(crate) async fn lock_superadmins(op: &mut Op<'_>) -> Result<Vec<UserId>> {
    let select = Entity::find();
    let postgres = op.db().get_database_backend() == DbBackend::Postgres;
    standing(op, if postgres { select.lock_exclusive() } else { select }).await
}

async fn standing(op: &Op<'_>, select: Select<Entity>) -> Result<Vec<UserId>> {
    let select = select.filter(Column::Role.contains(super::model::SUPERADMIN)).order_by_asc(Column::Id);
    let now = op.now();
    let users = select.all(op.db()).await?.into_iter().map(User::from);
    Ok(users.filter(|user| user.is_superadmin() && !user.is_banned(now)).map(|user| user.id).collect())
}

/// Reads a user and holds the row until the end of the transaction.
pub(crate) async fn lock(op: &mut Op<'_>, id: &UserId) -> Result<Option<User>> {
    let mut select = Entity::find().filter(Column::Id.eq(id.as_str()));
    if op.db().get_database_backend() == DbBackend::Postgres {
        select = select.lock_exclusive();
    }
    Ok(select.all(op.db()).await?.into_iter().next().map(User::from))
}

/// Reads a user and keeps the row as it is until the end of the transaction; others may read it meanwhile.
pub(crate) async fn share(op: &mut Op<'_>, id: &UserId) -> Result<Option<User>> {
    let mut select = Entity::find().filter(Column::Id.eq(id.as_str()));
    if op.db().get_database_backend() == DbBackend::Postgres {
        select = select.lock_shared();
    }
    Ok(select.all(op.db()).await?.into_iter().next().map(User::from))
}

/// The claims of OpenID Connect that other columns do not hold.
pub(crate) async fn claims(op: &Op<'_>, id: &UserId) -> Result<Map<String, Json>> {
    let sql = "SELECT claims FROM identity_users WHERE id = $1";
    let row = Sql::new(op.db(), sql, [value::text(id.as_str())]).row(op.db()).await?;
    Ok(row.map(|row| column(&row, 0)).transpose()?.map(object).unwrap_or_default())
}

pub(crate) async fn set_claims(op: &mut Op<'_>, id: &UserId, claims: &Map<String, Json>) -> Result<()> {
    let sql = "UPDATE identity_users SET claims = $1, updated_at = $2 WHERE id = $3";
    let values = [value::json(claims), value::time(op.now()), value::text(id.as_str())];
    expect_one(Sql::new(op.db(), sql, values).execute(op.db()).await?)
}

fn expect_one(rows: u64) -> Result<()> {
    if rows == 1 { Ok(()) } else { Err(Error::new(Code::UserNotFound)) }
}
