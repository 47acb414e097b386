//! Creates the table of events: who did what to whose account. It refers to no other table, because it outlives what it tells about.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{json_binary, text, text_null, timestamp_with_time_zone};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("identity_events")
                    .col(text("id").primary_key())
                    .col(text("kind"))
                    .col(text_null("user_id"))
                    .col(text("actor"))
                    .col(text_null("actor_id"))
                    .col(text_null("ip_address"))
                    .col(text_null("user_agent"))
                    .col(text_null("request_id"))
                    .col(json_binary("details"))
                    .col(timestamp_with_time_zone("created_at"))
                    .to_owned(),
            )
            .await?;
        let by_user =
            Index::create().name("identity_events_user").table("identity_events").col("user_id").col("id").to_owned();
        manager.create_index(by_user).await?;
        let by_age = Index::create().name("identity_events_age").table("identity_events").col("created_at").to_owned();
        manager.create_index(by_age).await
    }
}
