//! Rows of events. They are inserted, and removed by age; nothing updates one but the deletion of its account.

use sea_orm::entity::prelude::*;
use sea_orm::{ExprTrait as _, QueryOrder, QuerySelect, Value};
use serde_json::Value as Json;

use super::{EventFilter, Recorded};
use crate::error::Result;
use crate::event::{Act, Actor, Event};
use crate::id::{EventId, UserId};
use crate::op::Op;
use crate::store::value::{self, object};
use crate::store::{Batch, Sql};
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub id: String,
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub user_id: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub actor: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub actor_id: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub ip_address: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub user_agent: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub request_id: Option<String>,
    #[sea_orm(column_type = "JsonBinary")]
    pub details: Json,
    pub created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for Recorded {
    fn from(row: Model) -> Self {
        Self {
            id: EventId::from_text(row.id),
            kind: row.kind,
            user_id: row.user_id.map(UserId::from_text),
            actor: Actor::from_row(&row.actor, row.actor_id),
            ip: row.ip_address.and_then(|ip| ip.parse().ok()),
            user_agent: row.user_agent,
            request_id: row.request_id,
            details: object(row.details),
            at: row.created_at,
        }
    }
}

pub(super) async fn insert(op: &mut Op<'_>, act: &Act<'_>) -> Result<()> {
    let sql = "INSERT INTO identity_events \
               (id, kind, user_id, actor, actor_id, ip_address, user_agent, request_id, details, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let info = act.info.cloned().unwrap_or_default();
    let values = [
        value::text(EventId::mint(op.now(), op.entropy()).as_str()),
        value::text(act.event.kind()),
        value::optional_text(act.user_id.map(ToString::to_string)),
        value::text(act.actor.kind()),
        value::optional_text(act.actor.id().map(str::to_owned)),
        value::optional_text(info.ip.map(|ip| ip.to_string())),
        value::optional_text(info.user_agent),
        value::optional_text(info.request_id),
        value::json(&act.event.details()),
        value::time(op.now()),
    ];
    Sql::new(op.db(), sql, values).execute(op.db()).await.map(|_| ())
}

pub(super) async fn list(
    op: &Op<'_>,
    filter: &EventFilter,
    after: Option<&EventId>,
    limit: u64,
) -> Result<Vec<Recorded>> {
    let mut select = Entity::find().order_by_asc(Column::Id).limit(limit);
    if let Some(user_id) = &filter.user_id {
        select = select.filter(Column::UserId.eq(user_id.as_str()));
    }
    if let Some(kind) = &filter.kind {
        select = select.filter(Column::Kind.eq(kind.as_str()).or(Column::Kind.starts_with(format!("{kind}."))));
    }
    if let Some(since) = filter.since {
        select = select.filter(Column::CreatedAt.gte(since));
    }
    if let Some(after) = after {
        select = select.filter(Column::Id.gt(after.as_str()));
    }
    Ok(select.all(op.db()).await?.into_iter().map(Recorded::from).collect())
}

/// Events that still say from where an account was used, as far as `condition` reaches.
async fn forget_where(op: &mut Op<'_>, condition: &str, values: impl IntoIterator<Item = Value>) -> Result<u64> {
    let batch = Batch {
        change: "UPDATE identity_events SET ip_address = NULL, user_agent = NULL",
        table: "identity_events",
        key: "id",
        condition: &format!("{condition} AND (ip_address IS NOT NULL OR user_agent IS NOT NULL)"),
    };
    batch.run(op.db(), values).await
}

/// Forgets from where a user came whose account is deleted, as far as 500 events reach: strangers can cause any number of them, and the
/// deletion must not wait for all. The worker goes on. That something happened stays, under an id that names nobody any more.
pub(crate) async fn forget(op: &mut Op<'_>, user_id: &UserId) -> Result<()> {
    forget_where(op, "user_id = $1", [value::text(user_id.as_str())]).await.map(|_| ())
}

/// Goes on with what [`forget`] has left of accounts that were deleted since `limit`, at most 500 events at a time. Returns how many.
pub(crate) async fn forget_rest(op: &mut Op<'_>, limit: Timestamp) -> Result<u64> {
    let deleted = "user_id IN (SELECT user_id FROM identity_events WHERE kind = $1 AND created_at > $2)";
    forget_where(op, deleted, [value::text(Event::UserDeleted.kind()), value::time(limit)]).await
}

/// Removes events, at most 500 at a time. Returns how many.
async fn purge_where(op: &mut Op<'_>, condition: &str, values: impl IntoIterator<Item = Value>) -> Result<u64> {
    let batch = Batch { change: "DELETE FROM identity_events", table: "identity_events", key: "id", condition };
    batch.run(op.db(), values).await
}

/// Removes events from before `limit`, at most 500 at a time. Returns how many.
pub(crate) async fn purge(op: &mut Op<'_>, limit: Timestamp) -> Result<u64> {
    purge_where(op, "created_at < $1", [value::time(limit)]).await
}

/// What strangers have caused and what is about no account.
const OF_STRANGERS: &str = "user_id IS NULL AND actor = 'anonymous'";

/// The newest event of strangers that is one too many, if `most` are kept.
pub(crate) async fn surplus_of_strangers(op: &Op<'_>, most: u64) -> Result<Option<EventId>> {
    let sql = format!("SELECT id FROM identity_events WHERE {OF_STRANGERS} ORDER BY id DESC LIMIT 1 OFFSET {most}");
    let row = Sql::new(op.db(), sql, []).row(op.db()).await?;
    row.map(|row| value::column::<String>(&row, 0).map(EventId::from_text)).transpose()
}

/// Removes events of strangers from before `limit`, and those up to `surplus`, at most 500 at a time. Returns how many.
pub(crate) async fn purge_strangers(op: &mut Op<'_>, limit: Timestamp, surplus: Option<&EventId>) -> Result<u64> {
    let condition = format!("{OF_STRANGERS} AND (created_at < $1 OR id <= $2)");
    purge_where(op, &condition, [value::time(limit), value::text(surplus.map_or("", EventId::as_str))]).await
}
