//! Creates the table of the secrets of clients, of which only the digests are stored. A client has several while one replaces another.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{binary_uniq, text, timestamp_with_time_zone, timestamp_with_time_zone_null};

const TABLE: &str = "identity_client_secrets";

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
                    .col(text("client_id"))
                    .col(binary_uniq("digest"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("ends_at"))
                    .foreign_key(
                        ForeignKey::create()
                            .from(TABLE, "client_id")
                            .to("identity_clients", "id")
                            .on_delete(ForeignKeyAction::Cascade),
                    )
                    .to_owned(),
            )
            .await?;
        let indexes = [("identity_client_secrets_client", "client_id"), ("identity_client_secrets_end", "ends_at")];
        for (name, column) in indexes {
            manager.create_index(Index::create().name(name).table(TABLE).col(column).to_owned()).await?;
        }
        Ok(())
    }
}
