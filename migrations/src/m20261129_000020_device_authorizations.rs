//! Creates the table of devices that wait for somebody to enter their code. Only digests of codes are stored.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, binary_uniq, json_binary, text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null,
};

const TABLE: &str = "identity_device_authorizations";

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
                    .col(text("id").primary_key())
                    .col(text("client_id"))
                    .col(text("state"))
                    .col(binary_uniq("device_digest"))
                    .col(binary_uniq("user_code_digest"))
                    .col(text("scope"))
                    .col(json_binary("resources"))
                    .col(big_integer("interval_seconds"))
                    .col(timestamp_with_time_zone_null("polled_at"))
                    .col(text_null("user_id"))
                    .col(text_null("session_id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .foreign_key(&mut belongs_to("client_id", "identity_clients"))
                    .foreign_key(&mut belongs_to("user_id", "identity_users"))
                    .to_owned(),
            )
            .await?;
        for (name, column) in [
            ("identity_device_authorizations_client", "client_id"),
            ("identity_device_authorizations_user", "user_id"),
            ("identity_device_authorizations_expiry", "expires_at"),
        ] {
            manager.create_index(Index::create().name(name).table(TABLE).col(column).to_owned()).await?;
        }
        Ok(())
    }
}
