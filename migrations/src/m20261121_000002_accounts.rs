//! Creates the table of accounts: the password of a user, and later the linked providers.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{text, text_null, timestamp_with_time_zone};

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
                    .table("identity_accounts")
                    .col(text("id").primary_key())
                    .col(text("user_id"))
                    .col(text("provider_id"))
                    .col(text("account_id"))
                    .col(text_null("password_hash"))
                    .col(text("scopes"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("identity_accounts", "user_id")
                            .to("identity_users", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("identity_accounts_provider_account")
                    .table("identity_accounts")
                    .col("provider_id")
                    .col("account_id")
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("identity_accounts_user").table("identity_accounts").col("user_id").to_owned(),
            )
            .await
    }
}
