//! A client that is told of logouts: it keeps what it hears, and answers as a test wants.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// How long a test waits for a logout.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where a client hears of logouts, on a loopback port of its own.
#[derive(Debug)]
pub struct Told {
    address: SocketAddr,
    heard: Arc<Heard>,
    _running: JoinSet<()>,
}

#[derive(Debug)]
struct Heard {
    /// The forms that were posted, with their media types.
    posts: Mutex<Vec<(String, String)>>,
    arrived: Notify,
    /// The status of the answer; none when there is no answer.
    answer: Mutex<Option<StatusCode>>,
}

impl Told {
    /// Starts one that confirms everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let answer = Mutex::new(Some(StatusCode::OK));
        let heard = Arc::new(Heard { posts: Mutex::default(), arrived: Notify::new(), answer });
        let router = Router::new().route("/logout", post(hear)).with_state(Arc::clone(&heard));
        let mut running = JoinSet::new();
        running.spawn(async move { axum::serve(listener, router).await.expect("a listener accepts") });
        Self { address, heard, _running: running }
    }

    /// Its `backchannel_logout_uri`.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("http://{}/logout", self.address)
    }

    /// Answers with this status from now on; with none, not at all.
    pub fn answers(&self, status: Option<u16>) {
        let status = status.map(|status| StatusCode::from_u16(status).expect("a status"));
        *lock(&self.heard.answer) = status;
    }

    /// The forms that were posted so far, with their media types.
    #[must_use]
    pub fn posts(&self) -> Vec<(String, String)> {
        lock(&self.heard.posts).clone()
    }

    /// The logout token number `index` (from zero), once it is there.
    ///
    /// # Panics
    /// When it does not come in time, or something else than a single token comes.
    pub async fn token(&self, index: usize) -> String {
        let waiting = async {
            loop {
                let arrived = self.heard.arrived.notified();
                if let Some((kind, form)) = self.posts().into_iter().nth(index) {
                    assert_eq!(kind, "application/x-www-form-urlencoded");
                    let fields: Vec<(String, String)> =
                        url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
                    let [(name, token)] = fields.as_slice() else { panic!("one field: {form}") };
                    assert_eq!(name, "logout_token");
                    return token.clone();
                }
                arrived.await;
            }
        };
        let token = tokio::time::timeout(PATIENCE, waiting).await;
        token.unwrap_or_else(|_| panic!("logout {index} did not come; there are {}", self.posts().len()))
    }

    /// The claims of the logout token number `index` (from zero).
    pub async fn claims(&self, index: usize) -> Map<String, Value> {
        crate::claims(&self.token(index).await)
    }
}

async fn hear(State(heard): State<Arc<Heard>>, headers: HeaderMap, body: String) -> StatusCode {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    lock(&heard.posts).push((kind.to_owned(), body));
    heard.arrived.notify_waiters();
    let answer = *lock(&heard.answer);
    match answer {
        Some(status) => status,
        None => std::future::pending().await,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
