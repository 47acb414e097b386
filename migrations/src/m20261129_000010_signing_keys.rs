//! Creates the table of signing keys. Private keys are sealed. For each algorithm there is one active and at most one staged key.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{binary_null, json_binary, text, timestamp_with_time_zone};

const TABLE: &str = "identity_signing_keys";

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
                    .col(text("algorithm"))
                    .col(text("state"))
                    .col(timestamp_with_time_zone("state_at"))
                    .col(json_binary("public_jwk"))
                    .col(binary_null("private_key"))
                    .col(timestamp_with_time_zone("created_at"))
                    .to_owned(),
            )
            .await?;
        for state in ["active", "staged"] {
            let index = Index::create()
                .name(format!("identity_signing_keys_{state}"))
                .table(TABLE)
                .col("algorithm")
                .unique()
                .and_where(Expr::col("state").eq(state))
                .to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}
