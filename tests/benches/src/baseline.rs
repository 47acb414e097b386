//! The least that answers `get-session`: axum and sqlx, one signature, one digest, one JOIN, one JSON text.
//!
//! It reads the same rows with the same settings of the connections and gives the same answer. It has no limits, no checks of
//! hosts and origins, no request ids, no logs, no metrics, no security headers, and nothing else that a server needs.

use std::net::SocketAddr;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use http::{HeaderMap, StatusCode, header};
use percent_encoding::percent_decode_str;
use serde::{Serialize, Serializer};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ColumnIndex, Decode, Row, Type};

use crate::Result;
use crate::bare::serve;
use crate::data::COOKIE;

const FIND: &str = "SELECT s.id, s.user_id, s.ip_address, s.user_agent, s.created_at, s.updated_at, s.expires_at, \
     u.email, u.email_verified, u.name, u.image, u.role, u.banned, u.created_at, u.updated_at \
     FROM identity_sessions s JOIN identity_users u ON u.id = s.user_id WHERE s.token_digest = $1";

enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

struct App {
    pool: Pool,
    key: hmac::Key,
}

/// Serves until it is killed.
pub(crate) async fn run(listen: SocketAddr, database: &str, secret: &str) -> Result<()> {
    let pool = connect(database).await?;
    let app = App { pool, key: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()) };
    serve(listen, Router::new().route("/api/auth/get-session", get(get_session)).with_state(Arc::new(app))).await
}

/// With the settings of the server.
async fn connect(database: &str) -> Result<Pool> {
    const CONNECTIONS: u32 = 8;
    if !database.starts_with("sqlite:") {
        let options = PgConnectOptions::from_str(database)?.options([("statement_timeout", "2000")]);
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
        return Ok(Pool::Postgres(pool.connect_with(options).await?));
    }
    let options = SqliteConnectOptions::from_str(database)?
        .busy_timeout(Duration::from_secs(5))
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("temp_store", "MEMORY")
        .pragma("mmap_size", "134217728");
    let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
    Ok(Pool::Sqlite(pool.connect_with(options).await?))
}

async fn get_session(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let Some(token) = token(&headers, &app.key) else { return StatusCode::UNAUTHORIZED.into_response() };
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    let found = match &app.pool {
        Pool::Sqlite(pool) => {
            let found = sqlx::query(FIND).bind(digest.as_ref()).fetch_optional(pool).await;
            found.and_then(|row| row.map(|row| answer(&row, &token)).transpose())
        }
        Pool::Postgres(pool) => {
            let found = sqlx::query(FIND).bind(digest.as_ref()).fetch_optional(pool).await;
            found.and_then(|row| row.map(|row| answer(&row, &token)).transpose())
        }
    };
    match found {
        Ok(answer) => answer.unwrap_or_else(|| StatusCode::UNAUTHORIZED.into_response()),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The token inside the signed cookie.
fn token(headers: &HeaderMap, key: &hmac::Key) -> Option<String> {
    let pairs = headers.get(header::COOKIE)?.to_str().ok()?.split(';');
    let mut values = pairs.filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = values.find(|(name, _)| *name == COOKIE)?;
    let signed = percent_decode_str(value).decode_utf8().ok()?;
    let (token, signature) = signed.rsplit_once('.')?;
    hmac::verify(key, token.as_bytes(), &STANDARD.decode(signature).ok()?).ok()?;
    Some(token.to_owned())
}

fn answer<R: Row>(row: &R, token: &str) -> Result<Response, sqlx::Error>
where
    usize: ColumnIndex<R>,
    bool: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    DateTime<Utc>: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    for<'r> &'r str: Decode<'r, R::Database> + Type<R::Database>,
{
    let expires_at: DateTime<Utc> = row.try_get(6)?;
    #[expect(clippy::disallowed_methods, reason = "the baseline has no clock to move")]
    let now = Utc::now();
    if expires_at <= now || row.try_get(12)? {
        return Ok(StatusCode::UNAUTHORIZED.into_response());
    }
    let user_id: &str = row.try_get(1)?;
    let session = Session {
        expires_at,
        token,
        created_at: row.try_get(4)?,
        updated_at: row.try_get(5)?,
        ip_address: row.try_get(2)?,
        user_agent: row.try_get(3)?,
        user_id,
        id: row.try_get(0)?,
    };
    let user = User {
        name: row.try_get(9)?,
        email: row.try_get(7)?,
        email_verified: row.try_get(8)?,
        image: row.try_get(10)?,
        created_at: row.try_get(13)?,
        updated_at: row.try_get(14)?,
        role: row.try_get(11)?,
        id: user_id,
    };
    Ok(Json(Answer { session, user }).into_response())
}

#[derive(Serialize)]
struct Answer<'r> {
    session: Session<'r>,
    user: User<'r>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Session<'r> {
    #[serde(serialize_with = "date")]
    expires_at: DateTime<Utc>,
    token: &'r str,
    #[serde(serialize_with = "date")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "date")]
    updated_at: DateTime<Utc>,
    ip_address: Option<&'r str>,
    user_agent: Option<&'r str>,
    user_id: &'r str,
    id: &'r str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct User<'r> {
    name: &'r str,
    email: &'r str,
    email_verified: bool,
    image: Option<&'r str>,
    #[serde(serialize_with = "date")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "date")]
    updated_at: DateTime<Utc>,
    role: &'r str,
    id: &'r str,
}

fn date<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}
