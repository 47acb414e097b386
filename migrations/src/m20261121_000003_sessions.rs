//! Creates the table of sessions. Only the digest of a token is stored.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{binary_uniq, boolean, json_binary, text, text_null, timestamp_with_time_zone};

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
                    .table("identity_sessions")
                    .col(text("id").primary_key())
                    .col(text("user_id"))
                    .col(binary_uniq("token_digest"))
                    .col(boolean("remembered"))
                    .col(text_null("ip_address"))
                    .col(text_null("user_agent"))
                    .col(json_binary("fields"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("identity_sessions", "user_id")
                            .to("identity_users", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("identity_sessions_user").table("identity_sessions").col("user_id").to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("identity_sessions_expiry")
                    .table("identity_sessions")
                    .col("expires_at")
                    .to_owned(),
            )
            .await
    }
}
