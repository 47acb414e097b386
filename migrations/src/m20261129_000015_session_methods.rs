//! Adds how a session was opened, as words of RFC 8176 that are separated by spaces. Nobody knows it of older sessions.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::text;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(Table::alter().table("identity_sessions").add_column(text("amr").default("")).to_owned())
            .await
    }
}
