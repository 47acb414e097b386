//! Creates the table of access tokens: the opaque ones, and the signed ones that were revoked before they ran out. A signed one stands
//! there by the digest of its `jti`.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    binary, json_binary, text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null,
};

const TABLE: &str = "identity_access_tokens";

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
                    .col(binary("token_digest").primary_key())
                    .col(text("client_id"))
                    .col(text_null("family_id"))
                    .col(json_binary("claims"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .col(timestamp_with_time_zone_null("revoked_at"))
                    .foreign_key(&mut belongs_to("client_id", "identity_clients"))
                    .foreign_key(&mut belongs_to("family_id", "identity_token_families"))
                    .to_owned(),
            )
            .await?;
        for (name, column) in [
            ("identity_access_tokens_client", "client_id"),
            ("identity_access_tokens_family", "family_id"),
            ("identity_access_tokens_expiry", "expires_at"),
        ] {
            manager.create_index(Index::create().name(name).table(TABLE).col(column).to_owned()).await?;
        }
        Ok(())
    }
}
