//! Rows of verifications. Each is spent by one conditional update.

use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;

use super::model::{Purpose, State, Verification};
use crate::error::Result;
use crate::id::{UserId, VerificationId};
use crate::op::Op;
use crate::store::value::{self, column};
use crate::store::{Batch, Sql};
use crate::token::{Digest, kind};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_verifications")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    #[sea_orm(column_type = "Text")]
    pub purpose: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub user_id: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub email: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub new_email: Option<String>,
    #[sea_orm(unique)]
    pub token_digest: Vec<u8>,
    #[sea_orm(column_type = "Text")]
    pub state: String,
    pub tries: i32,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    fn into_verification(self, purpose: Purpose) -> Verification {
        Verification {
            id: VerificationId::from_text(self.id),
            purpose,
            user_id: self.user_id.map(UserId::from_text),
            email: self.email,
            new_email: self.new_email,
            state: State::parse(&self.state),
            expires_at: self.expires_at,
        }
    }
}

pub(crate) async fn insert(
    op: &mut Op<'_>,
    verification: &Verification,
    digest: &Digest<kind::Verification>,
) -> Result<()> {
    let row = ActiveModel {
        id: Set(verification.id.as_str().to_owned()),
        purpose: Set(verification.purpose.as_str().to_owned()),
        user_id: Set(verification.user_id.as_ref().map(|id| id.as_str().to_owned())),
        email: Set(verification.email.clone()),
        new_email: Set(verification.new_email.clone()),
        token_digest: Set(digest.as_bytes().to_vec()),
        state: Set(verification.state.as_str().to_owned()),
        tries: Set(0),
        created_at: Set(op.now()),
        expires_at: Set(verification.expires_at),
    };
    Entity::insert(row).exec_without_returning(op.db()).await?;
    Ok(())
}

/// The verification behind a token of the given purpose, whatever its state.
pub(crate) async fn find(
    op: &Op<'_>,
    purpose: Purpose,
    digest: &Digest<kind::Verification>,
) -> Result<Option<Verification>> {
    let rows = Entity::find()
        .filter(Column::TokenDigest.eq(digest.as_bytes().to_vec()))
        .filter(Column::Purpose.eq(purpose.as_str()))
        .all(op.db())
        .await?;
    Ok(rows.into_iter().next().map(|row| row.into_verification(purpose)))
}

/// Makes room for a code that happens to equal an earlier one of the same user: digests are unique.
pub(crate) async fn delete_same_digest(op: &mut Op<'_>, digest: &Digest<kind::Verification>) -> Result<()> {
    let sql = "DELETE FROM identity_verifications WHERE token_digest = $1";
    Sql::new(op.db(), sql, [value::digest(digest)]).execute(op.db()).await?;
    Ok(())
}

/// Spends a pending verification. Of several calls at once, one gets `true`.
pub(crate) async fn spend(op: &mut Op<'_>, found: &Verification) -> Result<bool> {
    let sql = "UPDATE identity_verifications SET state = 'spent' \
               WHERE id = $1 AND purpose = $2 AND state = 'pending' AND expires_at > $3";
    let values = [value::text(found.id.as_str()), value::text(found.purpose.as_str()), value::time(op.now())];
    Ok(Sql::new(op.db(), sql, values).execute(op.db()).await? == 1)
}

/// Closes every pending verification of the purpose.
pub(crate) async fn spend_others(op: &mut Op<'_>, user_id: &UserId, purpose: Purpose) -> Result<()> {
    let sql = "UPDATE identity_verifications SET state = 'superseded' \
               WHERE user_id = $1 AND purpose = $2 AND state = 'pending'";
    let values = [value::text(user_id.as_str()), value::text(purpose.as_str())];
    Sql::new(op.db(), sql, values).execute(op.db()).await?;
    Ok(())
}

/// The outcome of a guess at a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guess {
    /// It was right, and it was the first to be right.
    Right,
    /// It was wrong. It may have been the last one allowed; the next one finds no code.
    Wrong,
    /// There is no code to guess at.
    NoCode,
}

/// Counts a guess and, when it is right, spends the code, in one statement.
pub(crate) async fn guess(
    op: &mut Op<'_>,
    user_id: &UserId,
    purpose: Purpose,
    digest: &Digest<kind::Verification>,
    tries: u32,
) -> Result<Guess> {
    let sql = "UPDATE identity_verifications SET tries = tries + 1, state = CASE \
                 WHEN token_digest = $1 THEN 'spent' WHEN tries + 1 >= $2 THEN 'exhausted' ELSE state END \
               WHERE user_id = $3 AND purpose = $4 AND state = 'pending' AND expires_at > $5 RETURNING state";
    let values = [
        value::digest(digest),
        i32::try_from(tries).unwrap_or(i32::MAX).into(),
        value::text(user_id.as_str()),
        value::text(purpose.as_str()),
        value::time(op.now()),
    ];
    let Some(row) = Sql::new(op.db(), sql, values).row(op.db()).await? else { return Ok(Guess::NoCode) };
    let right = State::parse(&column::<String>(&row, 0)?) == State::Spent;
    Ok(if right { Guess::Right } else { Guess::Wrong })
}

/// The state of the newest verification of a purpose.
pub(crate) async fn newest(op: &Op<'_>, user_id: &UserId, purpose: Purpose) -> Result<Option<State>> {
    let sql = "SELECT state FROM identity_verifications WHERE user_id = $1 AND purpose = $2 \
               ORDER BY created_at DESC, id DESC LIMIT 1";
    let values = [value::text(user_id.as_str()), value::text(purpose.as_str())];
    let row = Sql::new(op.db(), sql, values).row(op.db()).await?;
    row.map(|row| column::<String>(&row, 0).map(|state| State::parse(&state))).transpose()
}

/// Removes what ran out before `limit`, at most 500 rows at a time. Returns how many.
pub(crate) async fn purge(op: &mut Op<'_>, limit: crate::time::Timestamp) -> Result<u64> {
    let batch = Batch {
        change: "DELETE FROM identity_verifications",
        table: "identity_verifications",
        key: "id",
        condition: "expires_at < $1",
    };
    batch.run(op.db(), [value::time(limit)]).await
}
