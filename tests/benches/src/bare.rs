//! The least that does the work of an authorization server and of an API behind it: axum, one signature, one insert. For
//! answers that need no work, axum alone.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use http::{HeaderMap, StatusCode, header};
use identity_core::entropy::{OsEntropy, alphanumeric};
use identity_core::jwt::Algorithm;
use identity_core::keys::Signer;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions};

use crate::Result;

/// An API that takes access tokens: it verifies one signature and looks at the claims that must be looked at.
struct Api {
    keys: HashMap<String, ParsedPublicKey>,
    issuer: String,
    audience: String,
}

/// Serves `/me` for the tokens of an issuer until it is killed; `keys` is a file with its key set.
pub(crate) async fn api(listen: SocketAddr, keys: &Path, issuer: String, audience: String) -> Result<()> {
    let document: Value = serde_json::from_slice(&std::fs::read(keys)?)?;
    let all = document.get("keys").and_then(Value::as_array).ok_or("no key set")?;
    let keys = all.iter().filter_map(|key| Some((key.get("kid")?.as_str()?.to_owned(), parsed(key)?))).collect();
    let routes = Router::new().route("/me", get(me)).with_state(Arc::new(Api { keys, issuer, audience }));
    serve(listen, routes).await
}

fn parsed(key: &Value) -> Option<ParsedPublicKey> {
    let part = |name: &str| URL_SAFE_NO_PAD.decode(key.get(name)?.as_str()?).ok();
    match key.get("alg")?.as_str()? {
        "RS256" => RsaPublicKeyComponents { n: part("n")?, e: part("e")? }
            .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            .ok(),
        "ES256" => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [vec![4], part("x")?, part("y")?].concat()).ok(),
        _ => None,
    }
}

#[derive(Deserialize)]
struct Header<'t> {
    kid: &'t str,
    typ: &'t str,
}

#[derive(Deserialize)]
struct Claims<'t> {
    iss: &'t str,
    aud: &'t str,
    sub: &'t str,
    exp: i64,
}

/// What the example of a base service says of the user of a token.
#[derive(Serialize)]
pub(crate) struct Me<T> {
    pub(crate) id: T,
    pub(crate) email: Option<T>,
    pub(crate) name: T,
    pub(crate) role: Option<T>,
}

async fn me(State(api): State<Arc<Api>>, headers: HeaderMap) -> Response {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    token.and_then(|token| answer(&api, token)).unwrap_or_else(|| StatusCode::UNAUTHORIZED.into_response())
}

fn answer(api: &Api, token: &str) -> Option<Response> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let [header, claims, signature] = [header, claims, signature].map(|part| URL_SAFE_NO_PAD.decode(part));
    let header = header.ok()?;
    let header: Header<'_> = serde_json::from_slice(&header).ok()?;
    api.keys.get(header.kid)?.verify_sig(signed.as_bytes(), &signature.ok()?).ok()?;
    let claims = claims.ok()?;
    let claims: Claims<'_> = serde_json::from_slice(&claims).ok()?;
    #[expect(clippy::disallowed_methods, reason = "the baseline has no clock to move")]
    let now = Utc::now().timestamp();
    let good = header.typ == "at+jwt" && claims.iss == api.issuer && claims.aud == api.audience && claims.exp > now;
    good.then(|| Json(Me { id: claims.sub, email: None, name: "", role: None }).into_response())
}

/// What makes tokens: it signs one and writes one row.
struct Issuer {
    signer: Signer,
    pool: SqlitePool,
}

/// Serves `/oauth2/token` until it is killed.
pub(crate) async fn issuer(listen: SocketAddr, database: &str, algorithm: &str) -> Result<()> {
    let algorithm = Algorithm::parse(algorithm).ok_or("no such algorithm")?;
    let signer = Signer::generate("bare", algorithm).map_err(|error| format!("{error:?}"))?;
    let options = SqliteConnectOptions::from_str(database)?.create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
    sqlx::query("CREATE TABLE IF NOT EXISTS tokens (digest BLOB PRIMARY KEY, expires_at INTEGER NOT NULL)")
        .execute(&pool)
        .await?;
    serve(listen, Router::new().route("/oauth2/token", post(token)).with_state(Arc::new(Issuer { signer, pool }))).await
}

async fn token(State(issuer): State<Arc<Issuer>>) -> Response {
    issue(&issuer).await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn issue(issuer: &Issuer) -> Result<Response> {
    #[expect(clippy::disallowed_methods, reason = "the baseline has no clock to move")]
    let now = Utc::now().timestamp();
    let claims: Map<String, Value> = [
        ("iss", json!("http://localhost")),
        ("sub", json!("bench")),
        ("aud", json!("http://localhost")),
        ("client_id", json!("bench")),
        ("scope", json!("")),
        ("jti", json!(alphanumeric(&OsEntropy, 22))),
        ("iat", json!(now)),
        ("exp", json!(now + 600)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    let token = issuer.signer.sign("at+jwt", &claims).map_err(|error| format!("{error:?}"))?;
    let digest = digest::digest(&digest::SHA256, token.as_bytes());
    let row = sqlx::query("INSERT INTO tokens VALUES (?, ?)").bind(digest.as_ref()).bind(now + 600);
    row.execute(&issuer.pool).await?;
    Ok(Json(json!({ "access_token": token, "token_type": "Bearer", "expires_in": 600 })).into_response())
}

/// Serves the text of a file at a path until it is killed.
pub(crate) async fn document(listen: SocketAddr, path: &str, file: &Path) -> Result<()> {
    let text = Bytes::from(std::fs::read(file)?);
    let answer = async move || ([(header::CONTENT_TYPE, "application/json")], text.clone());
    serve(listen, Router::new().route(path, get(answer))).await
}

/// Serves until the process is killed.
pub(crate) async fn serve(listen: SocketAddr, routes: Router) -> Result<()> {
    let listener = tokio::net::TcpListener::bind(listen).await?.tap_io(|stream| {
        // A connection that cannot be told so is as good as any other.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, routes).await?)
}
