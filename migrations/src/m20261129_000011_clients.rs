//! Creates the table of clients. Only the digest of a registration token is stored.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{binary_null, boolean, json_binary, text, timestamp_with_time_zone};

const TABLE: &str = "identity_clients";

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
                    .col(text("name"))
                    .col(text("kind"))
                    .col(text("auth_method"))
                    .col(json_binary("metadata"))
                    .col(json_binary("policy"))
                    .col(boolean("registered"))
                    .col(boolean("expires_unused"))
                    .col(binary_null("registration_digest").unique_key())
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(timestamp_with_time_zone("last_used_at"))
                    .to_owned(),
            )
            .await?;
        let by_use = Index::create().name("identity_clients_use").table(TABLE).col("last_used_at").to_owned();
        manager.create_index(by_use).await
    }
}
