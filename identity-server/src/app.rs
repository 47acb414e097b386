//! Everything that answers on the main listener, and the layers around it.

use std::fmt::Write as _;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::FutureExt as _;
use identity_axum::middleware::headers::SecurityHeaders;
use identity_axum::middleware::host::Hosts;
use identity_axum::middleware::trace::Trace;
use identity_axum::middleware::{Around, AroundLayer, Next};
use identity_axum::{Api, BetterAuth, Code, Dialect, Error, Failure, OAuth, Pages};
use identity_core::Identity;

use crate::config::Settings;
use crate::drain::Drain;
use crate::fast_path::FastPath;
use crate::mailbox::Mailbox;
use crate::page::{escape, page};
use crate::telemetry::Measure;
use crate::{health, mailbox};

/// Larger bodies are refused.
const BODY_LIMIT: usize = 64 * 1024;

/// From the end of the request's headers to the beginning of the answer.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// When a client whose request took too long may try again.
const RETRY: Duration = Duration::from_secs(1);

/// What answers on the main listener.
pub(crate) struct App {
    pub(crate) routes: Router,
    /// What stands before the routes.
    pub(crate) fast_path: FastPath,
}

/// What every request and every answer gets, by whichever way it is answered.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) trace: Trace,
    pub(crate) security: SecurityHeaders,
    pub(crate) measure: Measure,
    pub(crate) drain: Drain,
}

impl Common {
    fn new(base_url: &str, drain: &Drain) -> Self {
        Self {
            trace: Trace::new(),
            security: SecurityHeaders::new(base_url),
            measure: Measure::default(),
            drain: drain.clone(),
        }
    }
}

/// Puts together what answers on the main listener.
pub(crate) fn app(
    identity: &Identity,
    settings: &Settings,
    mailbox: Option<&Mailbox>,
    drain: &Drain,
) -> identity_core::Result<App> {
    let http = &identity.config().http;
    let common = Common::new(&http.base_url, drain);
    let front = front_page(settings);
    let mut routes = Router::new().route("/", get(async move || page("Identity", &front)));
    if let Some(mailbox) = mailbox {
        routes = routes.merge(mailbox.routes());
    }
    let hosts = Hosts::new(&http.base_url, &http.allowed_hosts)?;
    let routes = routes
        .fallback(async || refuse::<Api>(Error::new(Code::NotFound)))
        .layer(hosts.layer(|_: &Request, error| refuse::<Api>(error)))
        .merge(health::routes(identity.clone(), drain.clone()))
        .merge(identity_axum::device_router(identity))
        .method_not_allowed_fallback(async || refuse::<Api>(Error::new(Code::MethodNotAllowed)));
    let routes = protect::<Api>(routes, &common);
    let routes = routes.merge(protect::<OAuth>(identity_axum::oidc_router(identity), &common));
    let routes = routes.merge(protect::<BetterAuth>(identity_axum::router(identity), &common));
    let routes = routes.merge(protect::<Pages>(identity_axum::page_router(identity), &common));
    Ok(App { routes, fast_path: FastPath::new(identity, common) })
}

/// The layers around all routes, from the outside in: what a request carries, and what keeps it from harming others. Each part of the
/// server refuses in its own dialect.
fn protect<D: Dialect>(routes: Router, common: &Common) -> Router {
    let Common { trace, security, measure, drain } = common.clone();
    routes.layer((
        AroundLayer((trace, security, measure, (drain, Contained::<D>(PhantomData)))),
        DefaultBodyLimit::max(BODY_LIMIT),
    ))
}

fn refuse<D: Dialect>(error: Error) -> Response {
    Failure::<D>::from(error).into_response()
}

/// Answers for requests that take longer than [`REQUEST_TIME`], and for those that panic.
#[derive(Debug)]
struct Contained<D>(PhantomData<fn() -> D>);

impl<D> Clone for Contained<D> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<D: Dialect> Around for Contained<D> {
    async fn around<N: Next>(self, request: Request, next: N) -> Result<Response, N::Error> {
        // What a request shares with others bears that it panics: our locks ignore poisoning, and a transaction that is dropped is undone.
        let running = AssertUnwindSafe(next.run(request)).catch_unwind();
        match tokio::time::timeout(REQUEST_TIME, running).await {
            Ok(Ok(answered)) => answered,
            // What went wrong was logged by the panic hook, which knows the place.
            Ok(Err(_)) => Ok(refuse::<D>(Error::new(Code::Internal))),
            Err(elapsed) => Ok(refuse::<D>(Error::new(Code::Overloaded).retry_after(RETRY).caused_by(elapsed))),
        }
    }
}

/// Where everything is, for whoever opens the server in a browser.
fn front_page(settings: &Settings) -> String {
    let base_url = settings.http.base_url.as_str();
    let mut rows = vec![
        (
            "Account",
            format!("{} and {}", link(&format!("{base_url}/ui/login")), link(&format!("{base_url}/ui/logout"))),
        ),
        ("Better Auth API", link(&format!("{base_url}/api/auth/ok"))),
        ("OpenID Connect", link(&format!("{base_url}/.well-known/openid-configuration"))),
        (
            "Health",
            format!("{} and {}", link(&format!("{base_url}/health")), link(&format!("{base_url}/health/ready"))),
        ),
    ];
    if settings.has_mailbox() {
        rows.push(("Mailbox", link(&format!("{base_url}{}", mailbox::PATH))));
    }
    if settings.is_loopback()
        && let Some(address) = settings.telemetry.metrics_listen.0
    {
        rows.push(("Metrics", link(&format!("http://{address}/metrics"))));
    }
    rows.push(("Settings", String::from("<code>identity-server config show --defaults</code>")));
    rows.push(("Commands", String::from("<code>identity-server help</code>")));
    let mut list = String::new();
    for (name, value) in &rows {
        let _ = writeln!(list, "<dt>{name}</dt><dd>{value}</dd>");
    }
    format!(
        "<h1>Identity</h1>\n<p class=\"lede\">Sign-up, sign-in and sessions for your applications. Point the Better Auth \
         client at this address.</p>\n<dl>\n{list}</dl>\n"
    )
}

fn link(url: &str) -> String {
    let url = escape(url);
    format!("<a href=\"{url}\">{url}</a>")
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::StatusCode;
    use serde_json::Value;
    use tower::ServiceExt as _;

    use super::*;

    async fn answer<D: Dialect>(routes: Router) -> (StatusCode, Value) {
        let request = Request::get("/").header("x-request-id", "one").body(Body::empty()).unwrap();
        let response = protect::<D>(routes, &Common::new("http://localhost:8888", &Drain::default()))
            .oneshot(request)
            .await
            .unwrap();
        let status = response.status();
        assert_eq!(response.headers()["x-request-id"], "one");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        (status, serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap())
    }

    fn panicking() -> Router {
        Router::new().route("/", get(async || -> &'static str { panic!("hunter2") }))
    }

    #[tokio::test]
    async fn a_panic_is_a_bland_500_in_the_dialect_of_its_part() {
        let (status, body) = answer::<Api>(panicking()).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(body["error"]["code"], "internal");
        assert_eq!(body["error"]["requestId"], "one");
        assert!(!body.to_string().contains("hunter2"));
        let (status, body) = answer::<BetterAuth>(panicking()).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(body["message"].is_string() && !body.to_string().contains("hunter2"), "{body}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_takes_too_long_is_a_503() {
        let slow = Router::new().route("/", get(async || -> &'static str { std::future::pending().await }));
        let (status, body) = answer::<Api>(slow).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body["error"]["code"], "overloaded");
        assert_eq!(body["error"]["requestId"], "one");
    }

    #[test]
    fn the_front_page_names_the_mailbox_and_metrics_only_on_this_machine() {
        let mut settings = Settings::default();
        let page = front_page(&settings);
        assert!(page.contains("http://localhost:8888/dev/mailbox") && page.contains("http://127.0.0.1:9464/metrics"));
        settings.http.listen = "0.0.0.0:8888".parse().unwrap();
        let page = front_page(&settings);
        assert!(!page.contains("mailbox") && !page.contains("metrics") && page.contains("/api/auth"));
    }
}
