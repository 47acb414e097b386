//! Rows of accounts.

use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, QueryOrder};

use super::model::{Account, CREDENTIAL, Credential};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::id::{AccountId, UserId};
use crate::op::Op;
use crate::store::{Sql, is_unique_violation, value};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_accounts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    #[sea_orm(column_type = "Text")]
    pub user_id: String,
    #[sea_orm(column_type = "Text")]
    pub provider_id: String,
    #[sea_orm(column_type = "Text")]
    pub account_id: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub password_hash: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub scopes: String,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for Account {
    fn from(row: Model) -> Self {
        Self {
            id: AccountId::from_text(row.id),
            user_id: UserId::from_text(row.user_id),
            provider_id: row.provider_id,
            account_id: row.account_id,
            scopes: row.scopes.split(',').filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

pub(crate) async fn insert_credential(op: &mut Op<'_>, user_id: &UserId, hash: &str) -> Result<()> {
    let row = ActiveModel {
        id: Set(AccountId::mint(op.now(), op.entropy()).into()),
        user_id: Set(user_id.as_str().to_owned()),
        provider_id: Set(CREDENTIAL.to_owned()),
        account_id: Set(user_id.as_str().to_owned()),
        password_hash: Set(Some(hash.to_owned())),
        scopes: Set(String::new()),
        created_at: Set(op.now()),
        updated_at: Set(op.now()),
    };
    match Entity::insert(row).exec_without_returning(op.db()).await {
        Ok(_) => Ok(()),
        Err(error) if is_unique_violation(&error) => Err(Error::new(Code::PasswordAlreadySet).caused_by(error)),
        Err(error) => Err(error.into()),
    }
}

/// Sets the password hash of a user, whether or not there was one.
pub(crate) async fn put_credential(op: &mut Op<'_>, user_id: &UserId, hash: &str) -> Result<()> {
    let sql = "INSERT INTO identity_accounts \
               (id, user_id, provider_id, account_id, password_hash, scopes, created_at, updated_at) \
               VALUES ($1, $2, $3, $2, $4, '', $5, $5) \
               ON CONFLICT (provider_id, account_id) DO UPDATE SET password_hash = $4, updated_at = $5";
    let values = [
        value::text(AccountId::mint(op.now(), op.entropy())),
        value::text(user_id.as_str()),
        value::text(CREDENTIAL),
        value::text(hash),
        value::time(op.now()),
    ];
    Sql::new(op.db(), sql, values).execute(op.db()).await.map(|_| ())
}

pub(crate) async fn credential(op: &Op<'_>, user_id: &UserId) -> Result<Option<Credential>> {
    let sql = "SELECT password_hash FROM identity_accounts WHERE user_id = $1 AND provider_id = 'credential'";
    let hash = op.shared().store.row_of_text(op.db(), sql, user_id.as_str(), |row| row.column::<Option<String>>(0));
    Ok(hash.await?.flatten().map(|hash| Credential { user_id: user_id.clone(), hash }))
}

/// Replaces a password hash, provided it still is the one that was verified. Says whether it was.
pub(crate) async fn replace_hash(op: &mut Op<'_>, verified: &Credential, hash: &str) -> Result<bool> {
    let sql = "UPDATE identity_accounts SET password_hash = $1, updated_at = $2 \
               WHERE user_id = $3 AND provider_id = $4 AND password_hash = $5";
    let values = [
        value::text(hash),
        value::time(op.now()),
        value::text(verified.user_id.as_str()),
        value::text(CREDENTIAL),
        value::text(&verified.hash),
    ];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

pub(crate) async fn list(op: &Op<'_>, user_id: &UserId) -> Result<Vec<Account>> {
    let rows =
        Entity::find().filter(Column::UserId.eq(user_id.as_str())).order_by_asc(Column::CreatedAt).all(op.db()).await?;
    Ok(rows.into_iter().map(Account::from).collect())
}

/// Removes an account of a user unless it is the last one. Says whether it was removed.
pub(crate) async fn delete_unless_last(op: &mut Op<'_>, user_id: &UserId, id: &AccountId) -> Result<bool> {
    let sql = "DELETE FROM identity_accounts WHERE id = $1 AND user_id = $2 \
               AND EXISTS (SELECT 1 FROM identity_accounts other WHERE other.user_id = $2 AND other.id <> $1)";
    let values = [value::text(id.as_str()), value::text(user_id.as_str())];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}
