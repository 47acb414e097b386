//! Creates the table of consents: what users have agreed that a client may do.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{json_binary, text, timestamp_with_time_zone};

const TABLE: &str = "identity_consents";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let belongs_to = |column: &'static str, table: &'static str| {
            ForeignKey::create().from(TABLE, column).to(table, "id").on_delete(ForeignKeyAction::Cascade).to_owned()
        };
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(text("user_id"))
                    .col(text("client_id"))
                    .col(text("scope"))
                    .col(json_binary("resources"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .primary_key(Index::create().col("user_id").col("client_id"))
                    .foreign_key(&mut belongs_to("user_id", "identity_users"))
                    .foreign_key(&mut belongs_to("client_id", "identity_clients"))
                    .to_owned(),
            )
            .await?;
        let by_client = Index::create().name("identity_consents_client").table(TABLE).col("client_id").to_owned();
        manager.create_index(by_client).await
    }
}
