//! Finds authorizations that are over by how they ended: those that nobody answered are removed before those whose code may come back.

use sea_orm_migration::prelude::*;

const TABLE: &str = "identity_authorization_grants";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let by_end = Index::create()
            .name("identity_authorization_grants_state_expiry")
            .table(TABLE)
            .col("state")
            .col("expires_at")
            .to_owned();
        manager.create_index(by_end).await?;
        let by_time = Index::drop().name("identity_authorization_grants_expiry").table(TABLE).to_owned();
        manager.drop_index(by_time).await
    }
}
