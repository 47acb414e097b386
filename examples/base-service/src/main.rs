//! A wallet: a service that owns no identity tables and asks its trust anchor who is calling.
//!
//! ```text
//! ANCHOR_URL=http://localhost:8888 SERVICE_NAME=wallet SERVICE_SECRET=... LISTEN=127.0.0.1:9000 \
//! DATABASE_URL=sqlite:wallet.db PUBLIC_URL=http://localhost:9000 cargo run -p example-base-service
//! ```

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use axum::extract::{FromRef, State};
use axum::routing::{get, post};
use axum::{BoxError, Json, Router};
use identity_axum::middleware::trace::Trace;
use identity_axum::{
    ACR_PASSWORD, Api, Authn, Code, DeviceOrUser, Error, Failure, Guard, Principal, Profile, ProtectedResource,
    Provision, RequireDevice, RequireRole, RequireScope, RequireUser, Roles, Scope as _, StepUp, TrustAnchor, UserId,
    protected_resource, roles, scopes,
};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

roles! { Analyst = "analyst" }
scopes! { ReadReport = "wallet:report" }

/// What the handlers need. The extractors find their part through `FromRef`.
#[derive(Clone, Debug)]
struct App {
    anchor: TrustAnchor,
    /// What the service is for clients that come with tokens.
    resource: ProtectedResource,
    wallets: SqlitePool,
}

impl FromRef<App> for Authn {
    fn from_ref(app: &App) -> Self {
        app.anchor.authn()
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().with_ansi(io::stdout().is_terminal()).init();
    let anchor_url = setting("ANCHOR_URL", Some("http://localhost:8888"))?;
    let resource = ProtectedResource::new(setting("PUBLIC_URL", Some("http://localhost:9000"))?, &anchor_url)?;
    let resource = resource.scopes([ReadReport::NAME]).name("Wallet");
    let anchor = TrustAnchor::builder(anchor_url)
        .resource(resource.clone())
        .service(setting("SERVICE_NAME", Some("wallet"))?, setting("SERVICE_SECRET", None)?)
        .build()?;
    let wallets = open(&setting("DATABASE_URL", Some("sqlite:wallet.db"))?).await?;
    let listener = TcpListener::bind(setting("LISTEN", Some("127.0.0.1:9000"))?).await?;
    let mut stop = signal(SignalKind::terminate())?;

    tracing::info!(address = %listener.local_addr()?, "the wallet listens");
    axum::serve(listener, router(App { anchor, resource, wallets })?)
        .with_graceful_shutdown(async move {
            stop.recv().await;
        })
        .await?;
    Ok(())
}

/// One router per guard: no handler decides who may call it. Which scope a token needs stands in the handler that it is for.
fn router(app: App) -> identity_axum::Result<Router> {
    let signed_in = Router::new().route("/me", get(me)).route_layer(app.anchor.guard(Guard::Standard));
    let analysts = Router::new()
        .route("/admin", get(admin))
        .route_layer(app.anchor.guard(Guard::RoleGated(Roles::of::<Analyst>())));
    let with_wallet = Router::new()
        .route("/wallet", get(wallet))
        .route_layer(app.anchor.guard(Guard::Flexible(open_wallet(app.wallets.clone()))));
    let surely = StepUp::acr([ACR_PASSWORD])?.and_within(Duration::from_mins(5));
    let closing =
        Router::new().route("/wallet/close", post(close)).route_layer(app.anchor.guard(Guard::StepUp(surely)));
    let devices = Router::new().route("/device", get(device)).route_layer(app.anchor.guard(Guard::Device));
    let somebody = Router::new().route("/feed", get(feed)).route_layer(app.anchor.guard(Guard::DeviceOrUser));
    let anybody = Router::new().route("/public", get(async || "Anybody may read this.\n"));
    let router = anybody
        .merge(signed_in)
        .merge(analysts)
        .merge(with_wallet)
        .merge(closing)
        .merge(devices)
        .merge(somebody)
        .merge(protected_resource(&app.resource))
        .route("/report", get(report))
        .layer(Trace::new())
        .with_state(app);
    Ok(router)
}

/// Prepares the wallet of a user at their first call. It may run more than once: the second time changes nothing.
fn open_wallet(wallets: SqlitePool) -> Provision {
    Provision::new("wallet", move |user: Profile| {
        let wallets = wallets.clone();
        async move {
            sqlx::query("INSERT INTO wallets (user_id, balance) VALUES (?, 0) ON CONFLICT DO NOTHING")
                .bind(user.id.as_str())
                .execute(&wallets)
                .await?;
            Ok(())
        }
    })
}

/// Who is calling.
#[derive(Serialize)]
struct Me {
    id: UserId,
    email: Option<String>,
    name: String,
    role: Option<String>,
}

async fn me(RequireUser(Principal { user, .. }): RequireUser) -> Json<Me> {
    // Taken apart, so that nothing has to be copied.
    Json(Me { id: user.id, email: user.email, name: user.name, role: user.role })
}

async fn admin(State(app): State<App>, analyst: RequireRole<Analyst>) -> Result<Json<Value>, Failure<Api>> {
    let wallets: i64 =
        sqlx::query_scalar("SELECT count(*) FROM wallets").fetch_one(&app.wallets).await.map_err(Error::internal)?;
    Ok(Json(json!({ "analyst": analyst.user.email, "wallets": wallets })))
}

async fn wallet(State(app): State<App>, user: RequireUser) -> Result<Json<Value>, Failure<Api>> {
    let profile = user.profile();
    let balance: i64 = sqlx::query_scalar("SELECT balance FROM wallets WHERE user_id = ?")
        .bind(profile.id.as_str())
        .fetch_optional(&app.wallets)
        .await
        .map_err(Error::internal)?
        .ok_or(Code::NotFound)?;
    Ok(Json(json!({
        "userId": profile.id,
        "balance": balance,
        "hasWalletAccount": profile.is_provisioned("wallet"),
    })))
}

/// What cannot be taken back is only for somebody who has given the password lately.
async fn close(State(app): State<App>, user: RequireUser) -> Result<Json<Value>, Failure<Api>> {
    let closed = sqlx::query("DELETE FROM wallets WHERE user_id = ?")
        .bind(user.profile().id.as_str())
        .execute(&app.wallets)
        .await
        .map_err(Error::internal)?;
    Ok(Json(json!({ "closed": closed.rows_affected() == 1 })))
}

/// For clients with a token, in the name of a user or in their own. A session does not open it.
async fn report(State(app): State<App>, client: RequireScope<ReadReport>) -> Result<Json<Value>, Failure<Api>> {
    let wallets: i64 =
        sqlx::query_scalar("SELECT count(*) FROM wallets").fetch_one(&app.wallets).await.map_err(Error::internal)?;
    Ok(Json(json!({ "client": client.client_id, "user": client.user().map(|user| &user.id), "wallets": wallets })))
}

/// What nobody has to sign in for: rows of the service are keyed on the id of the device session.
async fn device(device: RequireDevice) -> Json<Value> {
    Json(json!({ "deviceId": device.device_id, "sessionId": device.session_id, "expiresAt": device.expires_at }))
}

async fn feed(caller: DeviceOrUser) -> Json<Value> {
    Json(json!({ "authType": caller.auth_type() }))
}

/// The service's own database: its own data, keyed on the user's id.
async fn open(url: &str) -> Result<SqlitePool, sqlx::Error> {
    let options = url.parse::<SqliteConnectOptions>()?.create_if_missing(true);
    let pool = SqlitePoolOptions::new().connect_with(options).await?;
    sqlx::query("CREATE TABLE IF NOT EXISTS wallets (user_id TEXT PRIMARY KEY, balance INTEGER NOT NULL)")
        .execute(&pool)
        .await?;
    Ok(pool)
}

#[expect(clippy::disallowed_methods, reason = "an example has no configuration module")]
fn setting(name: &str, default: Option<&str>) -> Result<String, BoxError> {
    let given = std::env::var(name).ok().or_else(|| default.map(str::to_owned));
    given.ok_or_else(|| format!("set {name}").into())
}
