//! The database: how it is opened and how its errors read. Only this folder and the `store.rs` files name the ORM.

mod batch;
mod conn;
mod error;
mod lookup;
mod lookup_postgres;
mod tables;
pub(crate) mod value;

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::Connection as _;
use sea_orm::sqlx::sqlite::{SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseConnectionType, DatabaseTransaction,
    DbBackend, DbErr, ExecResult, QueryResult, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
    Value, sqlx,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::code::Code;
use crate::error::{Error, Result};
use crate::token::Digest;

use self::conn::{Doubts, PATIENCE};
use self::lookup::{Key, Lookups};
use self::lookup_postgres::LookupsOnPostgres;

pub(crate) use batch::Batch;
pub use conn::Conn;
pub(crate) use error::is_unique_violation;
pub(crate) use lookup::Row;
pub use tables::{Table, tables};

/// An open transaction of the embedding application or of ours.
pub type Tx = DatabaseTransaction;

/// When a commit counts as saved on SQLite. PostgreSQL decides by its own settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// A commit survives a power failure (`synchronous=FULL`).
    #[default]
    Full,
    /// A commit survives a crash of the process, but not always of the machine (`synchronous=NORMAL`).
    Process,
}

/// How to open the database.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// `sqlite:path/to/file.db` or `postgres://user:password@host/database`.
    pub url: String,
    /// When a commit counts as saved on SQLite.
    pub durability: Durability,
    /// Most connections at once. On PostgreSQL half of them only look credentials up, so that whoever is signed in is known however many
    /// others sign in, sign up or write at the same time. On SQLite, lookups open up to one more for each thread. Default 8, at least 2.
    pub max_connections: u32,
}

impl StoreOptions {
    /// The defaults for a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), durability: Durability::default(), max_connections: 8 }
    }
}

/// How long a writer waits for another writer of the same SQLite file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How much of a SQLite file the connections of the lookups map into memory, in bytes. Those of the pool do not: each page that eight
/// connections map counts eight times as memory of the process.
const MAPPED_BYTES: u32 = 128 << 20;

/// How many pages each connection of the pool to a SQLite file keeps, in KiB (negative, as the pragma wants it). What it has dropped is
/// one short read from the cache of the system away.
const CACHED_KIB: i32 = -128;

/// An open database, SQLite or PostgreSQL. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    connection: DatabaseConnection,
    /// SQLite lets one writer at a time; the others wait here, without a connection that a reader could use.
    turn: Option<Arc<Semaphore>>,
    lookups: LookupsBeside,
    /// What speaks against the connections of the pool.
    doubts: Doubts,
}

/// The connections beside the pool that only find rows of digests.
#[derive(Clone, Debug)]
enum LookupsBeside {
    /// The pool is somebody else's, or all there is of the database.
    None,
    OnSqlite(Arc<Lookups>),
    OnPostgres(Arc<LookupsOnPostgres>),
}

/// The turn of the one writer on SQLite, given back when the transaction has ended.
pub(crate) type Turn = Option<OwnedSemaphorePermit>;

impl Store {
    /// Opens a database with the default options; a missing SQLite file is created.
    ///
    /// # Errors
    /// `store_unavailable` when it cannot be reached or the URL is of another kind.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::connect_with(StoreOptions::new(url)).await
    }

    /// Opens a database.
    ///
    /// # Errors
    /// `store_unavailable` when it cannot be reached or the URL is of another kind.
    pub async fn connect_with(options: StoreOptions) -> Result<Self> {
        let doubts = Doubts::default();
        let mut connect = ConnectOptions::new(options.url.as_str());
        let mut in_pool = options.max_connections;
        let for_lookups = (options.max_connections / 2).max(1);
        if !options.url.starts_with("sqlite:") {
            in_pool = in_pool.saturating_sub(for_lookups).max(1);
        }
        connect.max_connections(in_pool).acquire_timeout(PATIENCE).sqlx_logging(false);
        if options.url.starts_with("sqlite:") {
            // A file cannot hang up; asking it before each statement would cost as much as the statement.
            connect.test_before_acquire(false);
            connect.map_sqlx_sqlite_pool_opts(|pool| {
                pool.after_release(|connection, _| Box::pin(async { is_reusable(connection).await }))
            });
            let synchronous = match options.durability {
                Durability::Full => SqliteSynchronous::Full,
                Durability::Process => SqliteSynchronous::Normal,
            };
            connect.map_sqlx_sqlite_opts(move |sqlite| {
                sqlite
                    .create_if_missing(true)
                    .busy_timeout(BUSY_TIMEOUT)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(synchronous)
                    .foreign_keys(true)
                    .pragma("temp_store", "MEMORY")
                    .pragma("cache_size", CACHED_KIB.to_string())
                    .optimize_on_close(true, None)
            });
        } else if options.url.starts_with("postgres:") || options.url.starts_with("postgresql:") {
            let doubts = doubts.clone();
            connect
                .test_before_acquire_if_idle_for(Duration::from_mins(1))
                .set_application_name("identity")
                .statement_timeout(PATIENCE)
                .map_sqlx_postgres_pool_opts(move |pool| {
                    let doubts = doubts.clone();
                    pool.after_release(move |connection, _| {
                        let doubts = doubts.clone();
                        Box::pin(async move { doubts.is_answering(connection).await })
                    })
                });
        } else {
            return Err(
                Error::new(Code::StoreUnavailable).with_detail("the database URL must start with sqlite: or postgres:")
            );
        }
        let connection = open(connect).await?;
        let lookups = match &connection.inner {
            DatabaseConnectionType::SqlxSqlitePoolConnection(_) => {
                let file = connection.get_sqlite_connection_pool().connect_options();
                Lookups::of(file.get_filename(), &options.url).map(Arc::new).map(LookupsBeside::OnSqlite)
            }
            DatabaseConnectionType::SqlxPostgresPoolConnection(_) => {
                let server = connection.get_postgres_connection_pool().connect_options();
                Some(LookupsBeside::OnPostgres(Arc::new(LookupsOnPostgres::of(&server, for_lookups))))
            }
            DatabaseConnectionType::Disconnected => None,
        };
        let lookups = lookups.unwrap_or(LookupsBeside::None);
        Ok(Self { lookups, doubts, ..Self::from_connection(connection) })
    }

    /// Takes over a connection that the embedding application has opened. A SQLite pool must have been opened with foreign keys on.
    #[must_use]
    pub fn from_connection(connection: DatabaseConnection) -> Self {
        let one_writer = connection.get_database_backend() == DbBackend::Sqlite;
        Self {
            connection,
            turn: one_writer.then(|| Arc::new(Semaphore::new(1))),
            lookups: LookupsBeside::None,
            doubts: Doubts::default(),
        }
    }

    /// The connection, for migrations and for the embedding application's own tables.
    #[must_use]
    pub fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// `store_unavailable` when it does not answer.
    pub async fn ping(&self) -> Result<()> {
        if let LookupsBeside::OnPostgres(lookups) = &self.lookups
            && lookups.ping().await.is_ok()
        {
            return Ok(());
        }
        let conn = Conn::pool(self);
        Sql::new(&conn, "SELECT 1", []).row(&conn).await.map(|_| ())
    }

    /// Closes the pool after the statements in flight.
    ///
    /// # Errors
    /// Any error of the database.
    pub async fn close(self) -> Result<()> {
        match &self.lookups {
            LookupsBeside::None => {}
            LookupsBeside::OnSqlite(lookups) => lookups.close(),
            LookupsBeside::OnPostgres(lookups) => lookups.close().await,
        }
        self.connection.close().await?;
        Ok(())
    }

    /// Reads the row that a digest names: what every request with a credential does.
    pub(crate) async fn row_of_digest<K, T>(
        &self,
        conn: &Conn<'_>,
        sql: &'static str,
        digest: &Digest<K>,
        read: impl Fn(Row<'_>) -> Result<T> + Send,
    ) -> Result<Option<T>> {
        self.row_of(conn, sql, Key::Bytes(digest.as_bytes()), read).await
    }

    /// Reads the row that a text names, such as an id or an address, where every sign-in or every request of a client does.
    pub(crate) async fn row_of_text<T>(
        &self,
        conn: &Conn<'_>,
        sql: &'static str,
        text: &str,
        read: impl Fn(Row<'_>) -> Result<T> + Send,
    ) -> Result<Option<T>> {
        self.row_of(conn, sql, Key::Text(text), read).await
    }

    async fn row_of<T>(
        &self,
        conn: &Conn<'_>,
        sql: &'static str,
        key: Key<'_>,
        read: impl Fn(Row<'_>) -> Result<T> + Send,
    ) -> Result<Option<T>> {
        // Any error means that the pool has to be asked, which waits where a lookup does not, and knows better what is wrong.
        let left_to_the_pool = |error: Error| tracing::debug!(?error, "a lookup is left to the pool");
        match (conn.as_pool(), &self.lookups) {
            (Some(_), LookupsBeside::OnSqlite(lookups)) => match lookups.row(sql, key, &read) {
                Ok(found) => return Ok(found),
                Err(error) => left_to_the_pool(error),
            },
            (Some(_), LookupsBeside::OnPostgres(lookups)) => match lookups.row(sql, key).await {
                Ok(row) => return row.map(|row| read(Row::Pooled(&row))).transpose(),
                // It has waited long enough already.
                Err(error) if error.code() == Code::StoreUnavailable => return Err(error),
                Err(error) => left_to_the_pool(error),
            },
            (None, _) | (Some(_), LookupsBeside::None) => {}
        }
        let row = pooled_row(conn, sql, key).await?;
        row.map(|row| read(Row::Pooled(&row))).transpose()
    }

    /// Opens a transaction that writes. On SQLite it takes the write lock at once: a transaction that reads first and writes
    /// later fails under contention whatever the busy timeout.
    pub(crate) async fn begin_write(&self) -> Result<(Tx, Turn)> {
        let turn = self.turn().await?;
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let backend = self.connection.get_database_backend();
        if backend != DbBackend::Postgres {
            return Ok((self.connection.begin_with_options(options).await?, turn));
        }
        let begun = begin_for_certain(self.connection.clone(), options);
        let begun = async { begun.await.map_err(|lost| DbErr::Custom(lost.to_string()))? };
        let tx = self.doubts.in_time(backend, begun).await?;
        Ok((tx, turn))
    }

    /// Runs one statement that writes and needs no other beside it. Answers how many rows it has written.
    pub(crate) async fn write_alone(&self, sql: &'static str, values: impl IntoIterator<Item = Value>) -> Result<u64> {
        let _turn = self.turn().await?;
        let conn = Conn::pool(self);
        Sql::new(&conn, sql, values).execute(&conn).await
    }

    async fn turn(&self) -> Result<Turn> {
        let Some(turn) = &self.turn else { return Ok(None) };
        Ok(Some(timeout(BUSY_TIMEOUT, Arc::clone(turn).acquire_owned()).await.map_err(busy)?.map_err(busy)?))
    }
}

/// Opens the pool. Of several processes that open an empty SQLite file at once, one makes it a WAL and the others are told that it is
/// locked, whatever their busy timeout; it is over in a moment.
async fn open(connect: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    for _ in 0..100 {
        match Database::connect(connect.clone()).await {
            Err(error) if error::is_busy(&error) => sleep(BUSY_TIMEOUT / 100).await,
            opened => return opened,
        }
    }
    Database::connect(connect).await
}

/// Begins a transaction, also when nobody waits for it any more. The driver knows of a transaction only once the server has answered: a
/// `BEGIN` that was given up on the way would bring its connection back to the pool inside of a transaction that nobody ends.
#[expect(
    clippy::disallowed_methods,
    reason = "one round trip that must not be cancelled; what it begins ends when it is dropped"
)]
fn begin_for_certain(pool: DatabaseConnection, options: TransactionOptions) -> JoinHandle<Result<Tx, DbErr>> {
    tokio::spawn(async move { pool.begin_with_options(options).await })
}

/// Whether a connection is outside of any transaction, so that the next one on it really is one. SQLite itself rolls back what
/// does not fit on the disk; the driver then finds nothing to roll back and goes on counting a transaction, inside of which the
/// next would only be a savepoint. A savepoint that fails leaves the write lock taken for good.
async fn is_reusable(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // The rollback of a dropped transaction may still be on its way to the connection.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

fn busy(late: impl StdError + Send + Sync + 'static) -> Error {
    Error::new(Code::StoreUnavailable).retry_after(Duration::from_secs(1)).caused_by(late)
}

/// A hand-written statement with `$1`-style parameters, which both databases accept. For hot paths and for conditional writes
/// whose row count decides a race. It never binds a `LIMIT`: SQLite would prepare the statement again at every call.
pub(crate) struct Sql(Statement);

impl Sql {
    pub(crate) fn new(conn: &Conn<'_>, sql: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Self {
        Self(Statement::from_sql_and_values(conn.get_database_backend(), sql, values))
    }

    pub(crate) async fn execute(self, conn: &Conn<'_>) -> Result<u64> {
        let done: ExecResult = conn.execute_raw(self.0).await?;
        Ok(done.rows_affected())
    }

    pub(crate) async fn row(self, conn: &Conn<'_>) -> Result<Option<QueryResult>> {
        Ok(conn.query_one_raw(self.0).await?)
    }

    pub(crate) async fn rows(self, conn: &Conn<'_>) -> Result<Vec<QueryResult>> {
        Ok(conn.query_all_raw(self.0).await?)
    }

    /// The row, as what it stands for.
    pub(crate) async fn one<T>(
        self,
        conn: &Conn<'_>,
        read: impl FnOnce(&Row<'_>) -> Result<T> + Send,
    ) -> Result<Option<T>> {
        self.row(conn).await?.map(|row| read(&Row::Pooled(&row))).transpose()
    }

    /// The rows, as what they stand for.
    pub(crate) async fn all<T>(self, conn: &Conn<'_>, read: impl Fn(&Row<'_>) -> Result<T> + Send) -> Result<Vec<T>> {
        self.rows(conn).await?.iter().map(|row| read(&Row::Pooled(row))).collect()
    }
}

/// Asks the pool itself. The futures of SeaORM have room for opening a connection to any database, some 80 KiB, and are moved three
/// times for each statement; that costs as much as the statement.
async fn pooled_row(conn: &Conn<'_>, sql: &'static str, key: Key<'_>) -> Result<Option<QueryResult>> {
    if let Some(connection) = conn.as_pool() {
        if matches!(connection.inner, DatabaseConnectionType::SqlxSqlitePoolConnection(_)) {
            let pool = connection.get_sqlite_connection_pool();
            let query = match key {
                Key::Bytes(bytes) => sqlx::query(sql).bind(bytes),
                Key::Text(text) => sqlx::query(sql).bind(text),
            };
            return Ok(query.fetch_optional(pool).await?.map(QueryResult::from));
        }
        if matches!(connection.inner, DatabaseConnectionType::SqlxPostgresPoolConnection(_)) {
            let pool = connection.get_postgres_connection_pool();
            let query = match key {
                Key::Bytes(bytes) => sqlx::query(sql).bind(bytes),
                Key::Text(text) => sqlx::query(sql).bind(text),
            };
            let row = async { Ok::<_, Error>(query.fetch_optional(pool).await?) };
            return Ok(conn.in_time(row).await?.map(QueryResult::from));
        }
    }
    let value = match key {
        Key::Bytes(bytes) => Value::from(bytes.to_vec()),
        Key::Text(text) => value::text(text),
    };
    Sql::new(conn, sql, [value]).row(conn).await
}

/// The clause that keeps rows for whoever reads them, until the end of the transaction: nobody else writes or keeps them meanwhile.
/// SQLite needs none: its writers come one at a time.
pub(crate) fn for_update(conn: &Conn<'_>, table: &str) -> String {
    match conn.get_database_backend() {
        DbBackend::Postgres => format!(" FOR UPDATE OF {table}"),
        _ => String::new(),
    }
}

/// The clause that locks the rows a conditional insert depends on. SQLite needs none: its writers come one at a time.
pub(crate) fn lock_rows(conn: &Conn<'_>, tables: &str) -> String {
    match conn.get_database_backend() {
        DbBackend::Postgres => format!(" FOR SHARE OF {tables}"),
        _ => String::new(),
    }
}
