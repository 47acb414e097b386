//! Creates the outbox: sealed messages that leave after the change that caused them has been committed.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    binary, integer, text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null,
};

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
                    .table("identity_outbox")
                    .col(text("id").primary_key())
                    .col(text("topic"))
                    .col(binary("payload"))
                    .col(text("state"))
                    .col(integer("attempts"))
                    .col(timestamp_with_time_zone("available_at"))
                    .col(timestamp_with_time_zone_null("expires_at"))
                    .col(text_null("last_error"))
                    .col(timestamp_with_time_zone("created_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("identity_outbox_due")
                    .table("identity_outbox")
                    .col("state")
                    .col("available_at")
                    .to_owned(),
            )
            .await
    }
}
