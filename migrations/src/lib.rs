//! The schema of `identity-core`, as ordered migrations that run once, under a lock.
//!
//! All tables carry the prefix `identity_`, so that an embedding application keeps its own `user` or `session` table, and the
//! list of applied migrations stands in a table of its own, `identity_migrations`. A released migration is never edited.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbBackend, SqliteTransactionMode, TransactionOptions,
    TransactionTrait as _,
};

mod m20261121_000001_users;
mod m20261121_000002_accounts;
mod m20261121_000003_sessions;
mod m20261121_000004_verifications;
mod m20261121_000005_outbox;
mod m20261121_000006_provisionings;
mod m20261121_000007_device_sessions;
mod m20261121_000008_limits;
mod m20261121_000009_events;
mod m20261129_000010_signing_keys;
mod m20261129_000011_clients;
mod m20261129_000012_client_secrets;
mod m20261129_000013_client_assertions;
mod m20261129_000014_user_claims;
mod m20261129_000015_session_methods;
mod m20261129_000016_authorization_grants;
mod m20261129_000017_token_families;
mod m20261129_000018_access_tokens;
mod m20261129_000019_consents;
mod m20261129_000020_device_authorizations;
mod m20261129_000021_logout_deliveries;
mod m20261129_000022_used_devices;
mod m20261129_000023_grant_states;

/// The ordered list of migrations.
#[derive(Debug)]
struct Migrator;

#[async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_users::Migration),
            Box::new(m20261121_000002_accounts::Migration),
            Box::new(m20261121_000003_sessions::Migration),
            Box::new(m20261121_000004_verifications::Migration),
            Box::new(m20261121_000005_outbox::Migration),
            Box::new(m20261121_000006_provisionings::Migration),
            Box::new(m20261121_000007_device_sessions::Migration),
            Box::new(m20261121_000008_limits::Migration),
            Box::new(m20261121_000009_events::Migration),
            Box::new(m20261129_000010_signing_keys::Migration),
            Box::new(m20261129_000011_clients::Migration),
            Box::new(m20261129_000012_client_secrets::Migration),
            Box::new(m20261129_000013_client_assertions::Migration),
            Box::new(m20261129_000014_user_claims::Migration),
            Box::new(m20261129_000015_session_methods::Migration),
            Box::new(m20261129_000016_authorization_grants::Migration),
            Box::new(m20261129_000017_token_families::Migration),
            Box::new(m20261129_000018_access_tokens::Migration),
            Box::new(m20261129_000019_consents::Migration),
            Box::new(m20261129_000020_device_authorizations::Migration),
            Box::new(m20261129_000021_logout_deliveries::Migration),
            Box::new(m20261129_000022_used_devices::Migration),
            Box::new(m20261129_000023_grant_states::Migration),
        ]
    }

    fn migration_table_name() -> DynIden {
        "identity_migrations".into_iden()
    }
}

/// What has been applied to a database and what has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Names of the migrations that have run, in order.
    pub applied: Vec<String>,
    /// Names of the migrations that [`up`] would run, in order.
    pub pending: Vec<String>,
    /// Names of migrations that have run and that this release does not know: a newer one has been here.
    pub unknown: Vec<String>,
}

/// Brings a database to the current schema.
///
/// Safe when several processes start at once on an empty database: one transaction holds the lock and the schema changes, the
/// others wait for it and find nothing to do.
///
/// # Errors
/// Any error of the database; nothing has changed then.
pub async fn up(db: &DatabaseConnection) -> Result<(), DbErr> {
    let tx = locked(db).await?;
    // With nothing to do there is nothing to complain about: a newer release may already have gone further.
    if !status_of(&tx).await?.pending.is_empty() {
        Migrator::up(&tx, None).await?;
    }
    tx.commit().await
}

/// Says what [`up`] would do, without doing it.
///
/// # Errors
/// Any error of the database.
pub async fn status(db: &DatabaseConnection) -> Result<Status, DbErr> {
    status_of(db).await
}

async fn status_of<C>(db: &C) -> Result<Status, DbErr>
where
    C: ConnectionTrait,
    for<'c> &'c C: IntoSchemaManagerConnection<'c>,
{
    let known: Vec<String> = Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    let applied: Vec<String> = if SchemaManager::new(db).has_table("identity_migrations").await? {
        Migrator::get_migration_models(db).await?.into_iter().map(|model| model.version).collect()
    } else {
        Vec::new()
    };
    let pending = known.iter().filter(|name| !applied.contains(name)).cloned().collect();
    let unknown = applied.iter().filter(|name| !known.contains(name)).cloned().collect();
    Ok(Status { applied, pending, unknown })
}

/// Opens the transaction that excludes other migrating processes: the advisory lock on PostgreSQL, the write lock on SQLite.
async fn locked(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let tx = db
        .begin_with_options(TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        })
        .await?;
    if tx.get_database_backend() == DbBackend::Postgres {
        // Waiting for another process, or building an index, may take longer than a request may.
        tx.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
        // "identity" read as a number of eight letters; any constant that nobody else uses would do.
        tx.execute_unprepared("SELECT pg_advisory_xact_lock(7589740188513201785)").await?;
    }
    Ok(tx)
}
