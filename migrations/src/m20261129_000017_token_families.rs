//! Creates the table of token families. One that is not offline goes with its session. Only digests of refresh tokens are stored.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, binary_null, json_binary, text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null,
};

const TABLE: &str = "identity_token_families";

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
                    .col(text("user_id"))
                    .col(text_null("session_id"))
                    .col(text("opened_in"))
                    .col(text("scope"))
                    .col(json_binary("resources"))
                    .col(json_binary("claims"))
                    .col(timestamp_with_time_zone("auth_time"))
                    .col(text("amr"))
                    .col(big_integer("generation"))
                    .col(binary_null("token_digest"))
                    .col(binary_null("previous_digest"))
                    .col(timestamp_with_time_zone("rotated_at"))
                    .col(timestamp_with_time_zone("used_at"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .col(timestamp_with_time_zone_null("ended_at"))
                    .foreign_key(&mut belongs_to("client_id", "identity_clients"))
                    .foreign_key(&mut belongs_to("user_id", "identity_users"))
                    .foreign_key(&mut belongs_to("session_id", "identity_sessions"))
                    .to_owned(),
            )
            .await?;
        let indexes = [
            ("identity_token_families_client", "client_id"),
            ("identity_token_families_user", "user_id"),
            ("identity_token_families_session", "session_id"),
            ("identity_token_families_opened", "opened_in"),
            ("identity_token_families_expiry", "expires_at"),
        ];
        for (name, column) in indexes {
            manager.create_index(Index::create().name(name).table(TABLE).col(column).to_owned()).await?;
        }
        Ok(())
    }
}
