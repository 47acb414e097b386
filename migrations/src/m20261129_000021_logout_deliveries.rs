//! Creates the table of logouts that clients have to hear of. It refers to no other table: the session and perhaps the user are gone.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    integer, integer_null, text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null,
};

const TABLE: &str = "identity_logout_deliveries";

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
                    .table(TABLE)
                    .col(text("id").primary_key())
                    .col(text("client_id"))
                    .col(text("user_id"))
                    .col(text("session_id"))
                    .col(text("state"))
                    .col(integer("attempts"))
                    .col(timestamp_with_time_zone("due_at"))
                    .col(timestamp_with_time_zone_null("leased_until"))
                    .col(integer_null("last_status"))
                    .col(text_null("last_error"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("settled_at"))
                    .to_owned(),
            )
            .await?;
        let once = Index::create()
            .name("identity_logout_deliveries_once")
            .table(TABLE)
            .col("session_id")
            .col("client_id")
            .unique()
            .to_owned();
        manager.create_index(once).await?;
        let due =
            Index::create().name("identity_logout_deliveries_due").table(TABLE).col("state").col("due_at").to_owned();
        manager.create_index(due).await
    }
}
