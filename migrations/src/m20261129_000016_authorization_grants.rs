//! Creates the table of authorizations: what a client asked for, from the request to the redeemed code. Only the digest of a code is
//! stored.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{binary_null, json_binary, text, text_null, timestamp_with_time_zone};

const TABLE: &str = "identity_authorization_grants";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let belongs_to = |column: &'static str, table: &'static str| {
            ForeignKey::create().from(TABLE, column).to(table, "id").on_delete(ForeignKeyAction::Cascade).to_owned()
        };
        manager
            .create_table(
                Table::create()
                    .table(TABLE)
                    .col(text("id").primary_key())
                    .col(text("client_id"))
                    .col(text("state"))
                    .col(json_binary("request"))
                    .col(text_null("began_in"))
                    .col(text_null("kept_in"))
                    .col(text_null("consented_by"))
                    .col(binary_null("code_digest").unique_key())
                    .col(text_null("user_id"))
                    .col(text_null("session_id"))
                    .col(text_null("family_id"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .foreign_key(&mut belongs_to("client_id", "identity_clients"))
                    .foreign_key(&mut belongs_to("user_id", "identity_users"))
                    .to_owned(),
            )
            .await?;
        let indexes = [
            ("identity_authorization_grants_client", "client_id"),
            ("identity_authorization_grants_user", "user_id"),
            ("identity_authorization_grants_expiry", "expires_at"),
        ];
        for (name, column) in indexes {
            manager.create_index(Index::create().name(name).table(TABLE).col(column).to_owned()).await?;
        }
        Ok(())
    }
}
