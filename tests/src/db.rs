//! A database for each test: a SQLite file, or a PostgreSQL database when `TEST_DATABASE_URL` names a server.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use identity_core::time::Timestamp;
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement};
use tempfile::TempDir;
use url::Url;

/// How long a test waits for its database to be dropped.
const LONGEST_DROP: Duration = Duration::from_secs(2);

/// How long a test waits for what others do.
const PATIENCE: Duration = Duration::from_secs(20);

/// An empty or migrated database that is gone when the value is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Sqlite { _folder: TempDir },
    Postgres { server: String, name: String },
}

impl TestDatabase {
    /// A database without tables.
    pub async fn empty() -> Self {
        match postgres_server() {
            Some(server) => Self::in_postgres(server, "template0").await,
            None => Self::in_sqlite(),
        }
    }

    /// A database with the current schema.
    pub async fn migrated() -> Self {
        if let Some(server) = postgres_server() {
            let template = postgres_template(&server).await;
            return Self::in_postgres(server, &template).await;
        }
        let database = Self::in_sqlite();
        let connection = database.connect().await;
        identity_migrations::up(&connection).await.expect("the migrations run");
        connection.close().await.expect("the connection closes");
        database
    }

    /// Where it is, as `database.url` is configured.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether it is on PostgreSQL.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        matches!(self.kind, Kind::Postgres { .. })
    }

    /// A connection of the test's own, to look at rows or to change them behind the server's back.
    pub async fn connect(&self) -> DatabaseConnection {
        connect(&self.url).await
    }

    /// The number that a query answers, such as a count of rows.
    ///
    /// # Panics
    /// When the database refuses the query, or answers no number.
    pub async fn number(&self, sql: &str) -> i64 {
        let connection = self.connect().await;
        let row = connection.query_one_raw(Statement::from_string(connection.get_database_backend(), sql)).await;
        let row = row.unwrap_or_else(|error| panic!("{sql}: {error}")).expect("a row");
        row.try_get_by_index(0).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Waits until a query answers this number: what a worker does in its own time.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn until(&self, sql: &str, expected: i64) {
        let waiting = async {
            while self.number(sql).await != expected {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
        assert!(in_time, "{sql} never was {expected}, but {}", self.number(sql).await);
    }

    /// Changes rows behind the server's back, and answers how many.
    pub async fn change(&self, sql: &str) -> u64 {
        execute(&self.connect().await, sql).await
    }

    /// Sets a moment in all rows of a table, as if time had passed since.
    ///
    /// # Panics
    /// When the database refuses, or there is no row.
    pub async fn set_moment(&self, table: &str, column: &str, moment: Timestamp) {
        let connection = self.connect().await;
        let backend = connection.get_database_backend();
        let sql = format!("UPDATE {table} SET {column} = $1");
        let changed = connection.execute_raw(Statement::from_sql_and_values(backend, &sql, [moment.into()])).await;
        let changed = changed.unwrap_or_else(|error| panic!("{sql}: {error}")).rows_affected();
        assert!(changed > 0, "{table} has no row");
    }

    /// All rows of all our tables as text, as a thief of a backup has them; bytes are in lower-case hexadecimal.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn dump(&self) -> String {
        let connection = self.connect().await;
        let backend = connection.get_database_backend();
        let texts = async |sql: String| {
            let rows = connection.query_all_raw(Statement::from_string(backend, sql)).await;
            let rows = rows.expect("the database answers");
            rows.iter().map(|row| row.try_get_by_index(0).expect("text")).collect::<Vec<String>>()
        };
        let tables = match backend {
            DbBackend::Postgres => "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'",
            _ => "SELECT name FROM sqlite_master WHERE type = 'table'",
        };
        let mut dump = String::new();
        for table in texts(tables.to_owned()).await {
            let row = if backend == DbBackend::Postgres {
                format!("{table}::text")
            } else {
                let columns = texts(format!("SELECT name FROM pragma_table_info('{table}')")).await;
                let columns = columns.iter().map(|name| {
                    format!("CASE typeof({name}) WHEN 'blob' THEN lower(hex({name})) ELSE quote({name}) END")
                });
                columns.collect::<Vec<_>>().join(" || ',' || ")
            };
            for text in texts(format!("SELECT {row} FROM {table}")).await {
                let _ = writeln!(dump, "{table}: {text}");
            }
        }
        dump
    }

    fn in_sqlite() -> Self {
        let folder = tempfile::Builder::new().prefix("identity-db-").tempdir().expect("a temporary folder");
        let url = format!("sqlite://{}", folder.path().join("identity.db").display());
        Self { url, kind: Kind::Sqlite { _folder: folder } }
    }

    async fn in_postgres(server: String, template: &str) -> Self {
        let name = format!("identity_test_{}", unique());
        let connection = connect(&server).await;
        execute(&connection, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        connection.close().await.expect("the connection closes");
        Self { url: beside(&server, &name), kind: Kind::Postgres { server, name } }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Kind::Postgres { server, name } = &self.kind else { return };
        let (server, sql) = (server.clone(), format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        // Dropping happens inside the test's runtime, which may not block; a thread of its own may.
        let (done, outcome) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let connection = connect(&server).await;
                execute(&connection, &sql).await;
            });
            // Nobody may be waiting any more.
            let _ = done.send(());
        });
        // The server waits for clients that are just about to sign in, and one of ours may be one of them, held up by this very wait.
        // It has been told by now, and drops the database whether or not anybody waits for it.
        let failed = outcome.recv_timeout(LONGEST_DROP) == Err(RecvTimeoutError::Disconnected);
        assert!(!failed || std::thread::panicking(), "the database of the test could not be dropped");
    }
}

fn postgres_server() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the test run chooses the database here, and nothing else is read")]
    std::env::var("TEST_DATABASE_URL").ok().filter(|url| !url.is_empty())
}

/// The name of the migrated database that tests are copied from. The first process to ask makes it, the others wait.
async fn postgres_template(server: &str) -> String {
    let name = format!("identity_template_{:016x}", schema_version());
    let connection = connect(server).await;
    let single = "SELECT pg_advisory_lock(hashtext('identity_tests'))";
    execute(&connection, single).await;
    let known = Statement::from_string(
        DbBackend::Postgres,
        format!("SELECT 1 FROM pg_database WHERE datname = '{name}' AND datistemplate"),
    );
    if connection.query_one_raw(known).await.expect("the server answers").is_none() {
        execute(&connection, &format!("DROP DATABASE IF EXISTS {name}")).await;
        execute(&connection, &format!("CREATE DATABASE {name} TEMPLATE template0")).await;
        let template = connect(&beside(server, &name)).await;
        identity_migrations::up(&template).await.expect("the migrations run");
        template.close().await.expect("the connection closes");
        execute(&connection, &format!("ALTER DATABASE {name} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false")).await;
    }
    // The lock goes with the connection.
    connection.close().await.expect("the connection closes");
    name
}

/// Changes whenever the tests, and with them the migrations, are built anew.
fn schema_version() -> u64 {
    let executable = std::env::current_exe().and_then(std::fs::metadata).expect("the running program is a file");
    let mut hasher = DefaultHasher::new();
    (executable.len(), executable.modified().ok()).hash(&mut hasher);
    hasher.finish()
}

/// A connection that is one connection, so that a session-level lock stays where it was taken.
async fn connect(url: &str) -> DatabaseConnection {
    let url = if url.starts_with("sqlite:") && !url.contains('?') { format!("{url}?mode=rwc") } else { url.to_owned() };
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await.expect("the database can be reached")
}

async fn execute(connection: &DatabaseConnection, sql: &str) -> u64 {
    let done = connection.execute_unprepared(sql).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}")).rows_affected()
}

/// The URL of the database `name` on the same server.
fn beside(server: &str, name: &str) -> String {
    let mut url = Url::parse(server).expect("TEST_DATABASE_URL is a URL");
    url.set_path(name);
    url.into()
}

/// Letters and digits that no other test of this or another process draws.
fn unique() -> String {
    let mut bytes = [0_u8; 8];
    identity_core::entropy::Entropy::fill(&identity_core::entropy::OsEntropy, &mut bytes);
    format!("{:016x}", u64::from_be_bytes(bytes))
}
