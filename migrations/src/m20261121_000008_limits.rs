//! Creates the counters of limits: calls by address, and wrong passwords by account. Times are microseconds since 1970, so that one
//! statement can compare them and add to them on both databases.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, binary, integer};

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
                    .table("identity_limits")
                    .col(binary("digest").primary_key())
                    .col(big_integer("full_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("identity_guesses")
                    .col(binary("digest").primary_key())
                    .col(binary("account"))
                    .col(integer("failures"))
                    .col(big_integer("paused_until"))
                    .col(big_integer("forgotten_at"))
                    .col(big_integer("known_until"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("identity_guesses_account").table("identity_guesses").col("account").to_owned(),
            )
            .await
    }
}
