//! Creates the table of users.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    boolean, json_binary, text, text_null, text_uniq, timestamp_with_time_zone, timestamp_with_time_zone_null,
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
                    .table("identity_users")
                    .col(text("id").primary_key())
                    .col(text_uniq("email"))
                    .col(boolean("email_verified"))
                    .col(text("name"))
                    .col(text_null("image"))
                    .col(text("role"))
                    .col(boolean("banned"))
                    .col(text_null("ban_reason"))
                    .col(timestamp_with_time_zone_null("ban_expires_at"))
                    .col(json_binary("fields"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .to_owned(),
            )
            .await
    }
}
