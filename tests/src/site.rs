//! A server of somebody else, of which we fetch: it counts who asks, and answers as a test wants.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A server of a client: it counts who asks, and answers what it is told to.
#[derive(Debug)]
pub struct Site {
    port: u16,
    asked: Arc<AtomicUsize>,
    answer: Arc<Mutex<SiteAnswer>>,
    _serving: JoinSet<()>,
}

/// What it answers.
#[derive(Clone, Debug)]
pub enum SiteAnswer {
    /// A document.
    Document(Value),
    /// A text.
    Text(String),
    /// Nothing but a status.
    Status(StatusCode),
    /// Another place, with 307.
    Redirect(String),
    /// Nothing at all.
    Silence,
}

impl Site {
    /// Starts one.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start(answer: SiteAnswer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a test server works");
        let port = listener.local_addr().expect("a test server works").port();
        let asked = Arc::new(AtomicUsize::new(0));
        let answer = Arc::new(Mutex::new(answer));
        let state = (Arc::clone(&asked), Arc::clone(&answer));
        let router = Router::new().fallback(get(reply)).with_state(state);
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.expect("a test server works") });
        Self { port, asked, answer, _serving: serving }
    }

    /// Where its document is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/document", self.port)
    }

    /// Answers something else from now on.
    pub fn answers(&self, answer: SiteAnswer) {
        *self.answer.lock().expect("a test server works") = answer;
    }

    /// How often it was asked.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

type Shared = (Arc<AtomicUsize>, Arc<Mutex<SiteAnswer>>);

async fn reply(State((asked, answer)): State<Shared>) -> Response {
    asked.fetch_add(1, Ordering::SeqCst);
    let answer = answer.lock().expect("a test server works").clone();
    match answer {
        SiteAnswer::Document(document) => document.to_string().into_response(),
        SiteAnswer::Text(text) => text.into_response(),
        SiteAnswer::Status(status) => status.into_response(),
        SiteAnswer::Redirect(to) => Redirect::temporary(&to).into_response(),
        SiteAnswer::Silence => std::future::pending().await,
    }
}
