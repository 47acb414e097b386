//! Logs on the standard error, metrics for Prometheus.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::io::IsTerminal as _;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use axum::routing::get;
use http::{Method, StatusCode, header};
use identity_axum::middleware::{Around, Next};
use identity_core::Identity;
use identity_core::time::Clock;
use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::cli::Failure;
use crate::config::{LogFormat, Telemetry};

const REQUESTS: &str = "http_requests_total";
const DURATION: &str = "http_request_duration_seconds";
const OUTBOX: &str = "outbox_messages";
const LOGOUTS: &str = "logout_deliveries";
const HASHED: &str = "passwords_hashed_total";
const START: &str = "process_start_time_seconds";

/// Bounds of the latency histogram in seconds: hot reads are below a millisecond, a password takes some tens.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// They report every migration and every table that exists already at every start; one line of ours says what matters.
const QUIET: &str = "sea_orm_migration=warn,sqlx=warn";

/// How long a scrape waits for the database.
const OUTBOX_PATIENCE: Duration = Duration::from_secs(2);

/// How often the recorder folds its samples into the histogram.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts logging to the standard error.
pub(crate) fn log(settings: &Telemetry) {
    // The filter was checked with the configuration. What it says about a module wins over the quiet put before it.
    let filter = EnvFilter::try_new(format!("{QUIET},{}", settings.log.0)).unwrap_or_default();
    let base = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = match settings.log_format {
        LogFormat::Pretty => base.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => base.json().flatten_event(true).with_span_list(false).try_init(),
    };
    // The default hook would write around the log, and in another format.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panicked: {}", panic.payload_as_str().unwrap_or("no message"));
    }));
}

/// Starts counting, and returns what renders the counts. What was counted before is lost.
pub(crate) fn count(clock: &dyn Clock) -> Result<PrometheusHandle, Failure> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(String::from(DURATION)), &BUCKETS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| Failure::new(format!("cannot start metrics: {error}")))?;
    metrics::describe_counter!(REQUESTS, "Requests by method, route and class of status.");
    metrics::describe_histogram!(DURATION, metrics::Unit::Seconds, "Time to answer by method and route.");
    metrics::describe_gauge!(OUTBOX, "Mails that wait for their turn, and mails that were given up.");
    metrics::describe_gauge!(LOGOUTS, "Logouts that clients have yet to hear of, and those that were given up.");
    metrics::describe_counter!(HASHED, "Passwords that were hashed or checked, the dearest work there is.");
    metrics::describe_gauge!(START, metrics::Unit::Seconds, "When the process started, in seconds since 1970.");
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit a float for 200 million years")]
    metrics::gauge!(START).set(clock.now().timestamp() as f64);
    Ok(handle)
}

/// The router of the metrics listener.
pub(crate) fn metrics_routes(handle: PrometheusHandle, identity: Identity) -> Router {
    let render = async move || {
        measure_outbox(&identity).await;
        metrics::counter!(HASHED).absolute(identity.passwords_hashed());
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render())
    };
    Router::new().route("/metrics", get(render))
}

/// While the database does not answer, the last values stand.
async fn measure_outbox(identity: &Identity) {
    if let Ok(Ok(counts)) = tokio::time::timeout(OUTBOX_PATIENCE, identity.outbox()).await {
        show(OUTBOX, counts.waiting, counts.dead);
    }
    if let Ok(Ok(counts)) = tokio::time::timeout(OUTBOX_PATIENCE, identity.logouts().counts()).await {
        show(LOGOUTS, counts.waiting, counts.dead);
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 mails or logouts")]
fn show(gauge: &'static str, waiting: i64, dead: i64) {
    for (state, count) in [("waiting", waiting), ("dead", dead)] {
        metrics::gauge!(gauge, "state" => state).set(count as f64);
    }
}

/// Keeps the memory of the recorder in bounds for as long as it is polled.
pub(crate) async fn keep_up(handle: PrometheusHandle) -> Infallible {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        ticks.tick().await;
        handle.run_upkeep();
    }
}

/// Counts requests. Paths outside of the routes are one label, so that a scanner cannot fill the memory.
///
/// Looking a meter up by its labels takes longer than counting, so that each route keeps its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measure {
    routes: Arc<RwLock<HashMap<String, Arc<Route>>>>,
}

/// The meters of a route: its durations by method, and its requests by method and class of status.
#[derive(Debug, Default)]
struct Route {
    durations: [OnceLock<MeterOf<Histogram>>; METHODS.len()],
    requests: [[OnceLock<MeterOf<Counter>>; STATUSES.len()]; METHODS.len()],
}

/// A meter, which shows nothing of itself.
struct MeterOf<M>(M);

impl<M> fmt::Debug for MeterOf<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meter")
    }
}

const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "other"];
const STATUSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

impl Measure {
    /// Counts a request. `route` is one of a fixed set, never a path that a stranger chose: each is kept for good.
    pub(crate) fn count(&self, route: &str, method: &Method, status: StatusCode, elapsed: Duration) {
        self.route(route).count(route, method, status, elapsed);
    }

    fn route(&self, name: &str) -> Arc<Route> {
        let known = self.routes.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        known.unwrap_or_else(|| {
            let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(routes.entry(name.to_owned()).or_default())
        })
    }
}

impl Route {
    fn count(&self, name: &str, method: &Method, status: StatusCode, elapsed: Duration) {
        let method = METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len() - 1);
        let status = usize::from(status.as_u16() / 100).clamp(1, STATUSES.len()) - 1;
        let label = METHODS.get(method).copied().unwrap_or_default();
        if let Some(meter) = self.durations.get(method) {
            let of = || MeterOf(metrics::histogram!(DURATION, "method" => label, "route" => name.to_owned()));
            meter.get_or_init(of).0.record(elapsed.as_secs_f64());
        }
        if let Some(meter) = self.requests.get(method).and_then(|requests| requests.get(status)) {
            let status = STATUSES.get(status).copied().unwrap_or_default();
            let labels =
                || metrics::counter!(REQUESTS, "method" => label, "route" => name.to_owned(), "status" => status);
            meter.get_or_init(|| MeterOf(labels())).0.increment(1);
        }
    }
}

impl Around for Measure {
    async fn around<N: Next>(self, request: Request, next: N) -> Result<Response, N::Error> {
        let (method, path) = (request.method().clone(), request.extensions().get::<MatchedPath>().cloned());
        let begun = Instant::now();
        let response = next.run(request).await?;
        let name = path.as_ref().map_or("none", MatchedPath::as_str);
        self.count(name, &method, response.status(), begun.elapsed());
        Ok(response)
    }
}
