//! Creates the table of assertions that clients have proved themselves with, each of which is good once.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{binary, timestamp_with_time_zone};

const TABLE: &str = "identity_client_assertions";

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
                    .col(binary("digest").primary_key())
                    .col(timestamp_with_time_zone("expires_at"))
                    .to_owned(),
            )
            .await?;
        let by_end =
            Index::create().name("identity_client_assertions_expiry").table(TABLE).col("expires_at").to_owned();
        manager.create_index(by_end).await
    }
}
