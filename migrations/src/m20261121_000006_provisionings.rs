//! Creates the table of provisionings: which services have prepared their part for which user.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{text, timestamp_with_time_zone};

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
                    .table("identity_provisionings")
                    .col(text("user_id"))
                    .col(text("target"))
                    .col(timestamp_with_time_zone("provisioned_at"))
                    .primary_key(Index::create().col("user_id").col("target"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("identity_provisionings", "user_id")
                            .to("identity_users", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await
    }
}
