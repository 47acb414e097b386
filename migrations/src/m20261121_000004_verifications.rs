//! Creates the table of verifications: single-use links and codes, stored as digests.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{binary_uniq, integer, text, text_null, timestamp_with_time_zone};

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
                    .table("identity_verifications")
                    .col(text("id").primary_key())
                    .col(text("purpose"))
                    .col(text_null("user_id"))
                    .col(text("email"))
                    .col(text_null("new_email"))
                    .col(binary_uniq("token_digest"))
                    .col(text("state"))
                    .col(integer("tries"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("identity_verifications", "user_id")
                            .to("identity_users", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("identity_verifications_user_purpose")
                    .table("identity_verifications")
                    .col("user_id")
                    .col("purpose")
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("identity_verifications_expiry")
                    .table("identity_verifications")
                    .col("expires_at")
                    .to_owned(),
            )
            .await
    }
}
