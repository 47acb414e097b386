//! Creates the table of device sessions. Only the digest of a token is stored.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    binary_uniq, text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null,
};

const TABLE: &str = "identity_device_sessions";

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
                    .col(text("device_id"))
                    .col(binary_uniq("token_digest"))
                    .col(text("preferred_currency"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("last_active_at"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .col(timestamp_with_time_zone_null("migrated_at"))
                    .col(text_null("migrated_to_user_id"))
                    .foreign_key(
                        ForeignKey::create()
                            .from(TABLE, "migrated_to_user_id")
                            .to("identity_users", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        let indexes = [
            ("identity_device_sessions_device", "device_id"),
            ("identity_device_sessions_user", "migrated_to_user_id"),
            ("identity_device_sessions_activity", "last_active_at"),
            ("identity_device_sessions_expiry", "expires_at"),
        ];
        for (name, column) in indexes {
            manager.create_index(Index::create().name(name).table(TABLE).col(column).to_owned()).await?;
        }
        Ok(())
    }
}
