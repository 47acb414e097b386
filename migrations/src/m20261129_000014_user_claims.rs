//! Adds the claims of OpenID Connect that the other columns of a user do not hold.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::json_binary;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(
                Table::alter().table("identity_users").add_column(json_binary("claims").default("{}")).to_owned(),
            )
            .await
    }
}
