//! The picture of an application is fetched, looked at and shown by us.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use identity_tests::TestApp;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{client, request};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and the rest of it";
const DRAWING: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>";

/// A server of pictures that counts what it is asked, for as long as it is held.
struct Pictures {
    base: String,
    asked: Arc<AtomicUsize>,
    _server: JoinSet<()>,
}

async fn pictures() -> Pictures {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let counted = move |body: &'static [u8]| {
        count.fetch_add(1, Ordering::Relaxed);
        // What a stranger says about the type does not count.
        ([("content-type", "text/html")], body)
    };
    let (png, svg) = (counted.clone(), counted);
    let routes = Router::new()
        .route("/logo", get(async move || png(PNG)))
        .route("/drawing", get(async move || svg(DRAWING)))
        .route("/slow", get(async || std::future::pending::<()>().await));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, routes).await.unwrap() });
    Pictures { base, asked, _server: server }
}

async fn app(logo: &str, private: bool) -> TestApp {
    let app = TestApp::builder().config(|config| config.oauth.outbound.allow_private = private).start().await;
    let logo = Some(logo.to_owned());
    client(&app, "ledger", |new| new.metadata.logo_uri = logo).await;
    app
}

#[tokio::test]
async fn it_is_shown_from_here_and_fetched_once() {
    let Pictures { base, asked, _server } = pictures().await;
    let app = app(&format!("{base}/logo"), true).await;
    let ann = app.actor("ann");
    for _ in 0..3 {
        let page = ann.visits(&request(&[])).await.at("/ui/login");
        let picture = page.tags().iter().find(|tag| tag.name == "img").unwrap();
        assert_eq!((picture.get("src"), picture.get("alt")), (Some("/ui/logo?client_id=ledger"), Some("")));
        assert!(!page.reply.text().contains(&base));
    }
    let reply = ann.opens("/ui/logo?client_id=ledger").await.expect(200);
    assert_eq!(reply.body, PNG);
    assert_eq!(reply.header("content-type"), Some("image/png"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert!(reply.header("content-security-policy").unwrap().contains("sandbox"));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    app.pass(Duration::from_hours(2));
    let _ = ann.visits(&request(&[])).await.at("/ui/login");
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn what_is_no_picture_or_not_there_in_time_is_a_letter() {
    let Pictures { base, _server, .. } = pictures().await;
    for place in ["drawing", "nowhere", "slow"] {
        let app = app(&format!("{base}/{place}"), true).await;
        let ann = app.actor("ann");
        for _ in 0..2 {
            let page = ann.visits(&request(&[])).await.at("/ui/login");
            assert!(page.tags().iter().all(|tag| tag.name != "img"), "{place}");
        }
        assert_eq!(ann.opens("/ui/logo?client_id=ledger").await.status, 404, "{place}");
    }
}

#[tokio::test]
async fn nothing_inside_is_fetched_for_a_picture() {
    let Pictures { base, asked, _server } = pictures().await;
    // What the name resolves to shows when it is fetched.
    let named = base.replace("http://127.0.0.1", "https://localhost");
    let app = app(&format!("{named}/logo"), false).await;
    let page = app.actor("ann").visits(&request(&[])).await.at("/ui/login");
    assert!(page.tags().iter().all(|tag| tag.name != "img"));
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    for id in ["ledger", "nobody", "", "%00"] {
        assert!(app.actor("ann").opens(&format!("/ui/logo?client_id={id}")).await.status.is_client_error(), "{id}");
    }
}
