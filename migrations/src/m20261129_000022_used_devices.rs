//! Notes of each device session whether it was ever used. Of those that are there it is not known, so they count as used.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::boolean;

const TABLE: &str = "identity_device_sessions";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let used = boolean("used").default(true).to_owned();
        manager.alter_table(Table::alter().table(TABLE).add_column(used).to_owned()).await
    }
}
