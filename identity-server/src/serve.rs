//! `serve`: from settings to open listeners, and back down in order.

use std::fmt::Write as _;
use std::future::{Future, pending};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum_server::accept::NoDelayAcceptor;
use axum_server::{Handle, Server};
use hyper_util::rt::TokioTimer;
use identity_core::store::Store;
use identity_core::text::Email;
use identity_core::time::{Clock, SystemClock};
use identity_core::user::{NewUser, SUPERADMIN};
use identity_core::{Code, Identity};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tower::{Layer as _, ServiceExt};

use crate::app::{App, app};
use crate::cli::Failure;
use crate::compose::{self, Mailer};
use crate::config::{Loaded, Profile, Settings};
use crate::data::Maker;
use crate::drain::Drain;
use crate::tls::Tls;
use crate::{conformance, mailbox, telemetry};

/// How long a client may take to send the headers of a request.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// How often a silent client of HTTP/2 is asked whether it is there.
const PING: Duration = Duration::from_secs(20);
/// Longer headers are answered with 431.
const HEADER_LIMIT: usize = 16 * 1024;
const HEADER_LIMIT_HTTP2: u32 = 16 * 1024;
/// How long requests in flight may take to finish once no more are accepted.
const GRACE: Duration = Duration::from_secs(10);
/// How long load balancers have to learn that the server is no longer ready, before it accepts no more.
const DRAIN: Duration = Duration::from_secs(5);
/// The same where everything is on one machine.
const LOOPBACK_DRAIN: Duration = Duration::from_secs(1);
/// How long a start waits for a database that is starting too.
const DATABASE_PATIENCE: Duration = Duration::from_secs(30);
const DATABASE_PAUSE: Duration = Duration::from_secs(1);

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn run(loaded: Loaded, migrate: bool, profile: Option<Profile>) -> Result<(), Failure> {
    let Loaded { settings, exposures, .. } = loaded;
    telemetry::log(&settings.telemetry);
    if !exposures.is_empty() {
        tracing::error!(
            "INSECURE: --insecure-dev accepts settings that give every account away on an open network:\n{exposures}"
        );
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mailer = Mailer::of(&settings, &clock)?;
    let identity = compose::identity(&settings, open(&settings).await?, &mailer, Maker::Server)?;
    prepare(&identity, &settings, migrate).await?;
    bootstrap(&identity, &settings).await?;
    if profile == Some(Profile::Conformance) {
        conformance::prepare(&identity).await?;
    }
    let drain = Drain::default();
    let app = app(&identity, &settings, mailer.mailbox(), &drain)?;
    let tls = settings.http.tls().map(Tls::load).transpose().map_err(Failure::new)?;
    let listener = bind(settings.http.listen).await?;
    // Before the first request is answered: meters that are asked for earlier count nothing.
    let metrics = open_metrics(&settings, clock.as_ref()).await?;
    announce(&settings, listener.local_addr()?, identity.users().has_superadmin().await?)?;

    let worker = identity.spawn_worker();
    let drain_time = if settings.is_loopback() { LOOPBACK_DRAIN } else { DRAIN };
    let served = tokio::select! {
        served = until_stopped(listener, tls.as_ref(), app, &drain, drain_time) => served,
        never = serve_metrics(metrics, &identity) => never,
        never = renew(tls.as_ref()) => never,
    };
    // A mail server that hangs must not hold the process; the mail in hand is leased and goes out later.
    if tokio::time::timeout(GRACE, worker.stop()).await.is_err() {
        tracing::warn!("a mail was still being sent");
    }
    if let Ok(closed) = tokio::time::timeout(GRACE, identity.store().clone().close()).await {
        closed?;
    } else {
        tracing::warn!("the database did not take its leave");
    }
    tracing::info!("stopped");
    served
}

/// Brings the tables up to date, or insists that they are.
async fn prepare(identity: &Identity, settings: &Settings, migrate: bool) -> Result<(), Failure> {
    if !migrate {
        return compose::require_current(identity.store(), settings).await;
    }
    let status = compose::migration_status(identity.store()).await?;
    if let Some(newest) = status.unknown.last() {
        tracing::warn!(newest, "a newer release has changed the tables; going on with what this one knows");
    }
    let pending = status.pending.len();
    compose::migrate(identity.store()).await?;
    if pending > 0 {
        tracing::info!(pending, "brought the tables up to date");
    }
    Ok(())
}

/// Opens the database, waiting for one that is not up yet.
async fn open(settings: &Settings) -> Result<Store, Failure> {
    let opening = async {
        loop {
            match compose::store(settings).await {
                Err(failure) if !settings.database.is_file() => {
                    tracing::warn!(%failure, "trying again");
                    tokio::time::sleep(DATABASE_PAUSE).await;
                }
                opened => return opened,
            }
        }
    };
    match tokio::time::timeout(DATABASE_PATIENCE, opening).await {
        Ok(opened) => opened,
        Err(_) => compose::store(settings).await,
    }
}

/// Makes the configured administrator. Of several processes that start at once one makes it, and the others find it.
async fn bootstrap(identity: &Identity, settings: &Settings) -> Result<(), Failure> {
    let (Some(email), Some(password)) = (&settings.bootstrap.admin_email, &settings.bootstrap.admin_password) else {
        return Ok(());
    };
    let email = Email::parse(email)?;
    let new = NewUser {
        email: email.clone(),
        name: String::from("Administrator"),
        password: Some(password.clone()),
        email_verified: true,
        role: String::from(SUPERADMIN),
    };
    // Once there is a superadmin, the variables do nothing: an administrator who was deleted or renamed does not come back with
    // the password that still stands in the environment.
    if identity.users().has_superadmin().await? {
        return Ok(());
    }
    if identity.users().find_by_email(&email).await?.is_none() {
        match identity.users().create(new).await {
            Ok(user) => {
                tracing::info!(id = %user.id, "created the first administrator");
                return Ok(());
            }
            Err(error) if error.code() == Code::EmailTaken => {}
            Err(error) => {
                let reason = Failure::from(error);
                return Err(Failure::new(format!("the bootstrap administrator could not be created: {reason}")));
            }
        }
    }
    match identity.users().find_by_email(&email).await? {
        Some(user) if user.is_superadmin() => {}
        // Whoever signed up with the address first must not become the administrator by it.
        _ => tracing::error!(
            "bootstrap.admin_email (IDENTITY_BOOTSTRAP__ADMIN_EMAIL) belongs to a user who is not a superadmin and was not \
             promoted; if it is the right person, run: identity-server users set-role {email} {SUPERADMIN}"
        ),
    }
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        Failure::new(format!(
            "cannot listen on {address}: {error}; http.listen (IDENTITY_HTTP__LISTEN) sets another address"
        ))
    })
}

/// Says where the server is: in the log, and on this machine also to the person at the terminal.
fn announce(settings: &Settings, address: SocketAddr, has_admin: bool) -> Result<(), Failure> {
    let base_url = settings.http.base_url.as_str();
    tracing::info!(%address, base_url, database = settings.database.described(), "serving");
    if !settings.is_loopback() {
        if !has_admin {
            tracing::warn!(
                "there is no administrator yet; create one with `identity-server users create --role superadmin …`"
            );
        }
        return Ok(());
    }
    if settings.http.base_url.port() != Some(address.port()) {
        tracing::warn!(
            "http.base_url (IDENTITY_HTTP__BASE_URL) is {base_url}, but the server listens on {address}: links lead elsewhere"
        );
    }
    let mut banner = format!("\nidentity-server serves {base_url} for this machine alone.\n\n");
    let _ = writeln!(banner, "  API       {base_url}/api/auth");
    if settings.has_mailbox() {
        let _ = writeln!(banner, "  Mailbox   {base_url}{}", mailbox::PATH);
    }
    let _ = writeln!(banner, "  Database  {}", settings.database.described());
    if !has_admin {
        let _ = writeln!(
            banner,
            "\nTo create the first administrator, run in another terminal, and type the password:\n\n  \
             identity-server users create --email you@example.com --name You --role superadmin --verified --password-stdin"
        );
    }
    banner.push('\n');
    let mut out = io::stdout().lock();
    out.write_all(banner.as_bytes())?;
    Ok(out.flush()?)
}

/// Serves until a signal to stop, then for as long as it takes others to notice, and then until the requests in flight are
/// answered, within [`GRACE`]. Each further signal ends one of these waits.
async fn until_stopped(
    listener: TcpListener,
    tls: Option<&Tls>,
    app: App,
    drain: &Drain,
    drain_time: Duration,
) -> Result<(), Failure> {
    let mut stop = Stop::new()?;
    let handle = Handle::new();
    let mut server = Server::<SocketAddr>::from_listener(listener).handle(handle.clone());
    let http = server.http_builder();
    // Without it each answer would be sent as two pieces of memory, its headers and its body, which takes the kernel longer than it
    // takes hyper to copy a body of a few kilobytes behind the headers.
    http.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIME).max_buf_size(HEADER_LIMIT).writev(false);
    // Whoever is in the middle of sending headers cannot answer a ping, so that this ends them as well.
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(HEADER_TIME)
        .max_header_list_size(HEADER_LIMIT_HTTP2);
    let App { routes, fast_path } = app;
    let routes = routes.into_make_service_with_connect_info::<SocketAddr>();
    // Around the routes of each connection: what the address of the client costs is for those that look at it.
    let app = ServiceExt::<SocketAddr>::map_response(routes, move |routes| fast_path.layer(routes));
    let mut serving: Pin<Box<dyn Future<Output = io::Result<()>> + Send>> = match tls {
        Some(tls) => Box::pin(server.acceptor(tls.acceptor(HEADER_TIME)).serve(app)),
        // HTTP/2 without TLS is not offered: nobody needs it behind a proxy.
        None => Box::pin(server.acceptor(NoDelayAcceptor::new()).http1_only().serve(app)),
    };
    let asked = tokio::select! {
        ended = &mut serving => return Ok(ended?),
        asked = stop.signal() => asked,
    };
    drain.begin();
    if asked == SignalKind::terminate() {
        tracing::info!("stopping; for {} s requests are still accepted", drain_time.as_secs());
        tokio::select! {
            ended = &mut serving => return Ok(ended?),
            _ = stop.signal() => {}
            () = tokio::time::sleep(drain_time) => {}
        }
    }
    tracing::info!("requests in flight have {} s", GRACE.as_secs());
    handle.graceful_shutdown(Some(GRACE));
    tokio::select! {
        ended = &mut serving => Ok(ended?),
        _ = stop.signal() => Ok(()),
    }
}

/// Looks for new certificates for as long as it is polled.
async fn renew<T>(tls: Option<&Tls>) -> Result<T, Failure> {
    match tls {
        Some(tls) => match tls.keep_up(signal(SignalKind::hangup())?).await {},
        None => pending().await,
    }
}

/// The signals to stop: from a process supervisor, and from the keyboard, where a person waits and nobody else sends requests.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn new() -> Result<Self, Failure> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Which of them came.
    async fn signal(&mut self) -> SignalKind {
        tokio::select! {
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.interrupt.recv() => SignalKind::interrupt(),
        }
    }
}

/// The listener of the metrics, and what renders them. A taken port is no reason not to serve users.
async fn open_metrics(
    settings: &Settings,
    clock: &dyn Clock,
) -> Result<Option<(TcpListener, PrometheusHandle)>, Failure> {
    let Some(address) = settings.telemetry.metrics_listen.0 else { return Ok(None) };
    match TcpListener::bind(address).await {
        Ok(listener) => {
            tracing::info!(%address, "serving metrics");
            Ok(Some((listener, telemetry::count(clock)?)))
        }
        Err(error) => {
            tracing::warn!(
                "no metrics: cannot listen on {address}: {error}; telemetry.metrics_listen (IDENTITY_TELEMETRY__METRICS_LISTEN) \
                 sets another address, and an empty text turns them off"
            );
            Ok(None)
        }
    }
}

/// Serves metrics for as long as it is polled.
async fn serve_metrics<T>(metrics: Option<(TcpListener, PrometheusHandle)>, identity: &Identity) -> Result<T, Failure> {
    if let Some((listener, handle)) = metrics {
        let routes = telemetry::metrics_routes(handle.clone(), identity.clone());
        let served = Server::<SocketAddr>::from_listener(listener).serve(routes.into_make_service());
        tokio::select! {
            served = served => served?,
            never = telemetry::keep_up(handle) => match never {},
        }
    }
    pending().await
}
