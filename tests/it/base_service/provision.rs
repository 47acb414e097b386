//! Preparing a service's own part of a user at the first call.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::routing::get;
use axum::{Json, Router};
use identity_axum::{Guard, Provision, ProvisionFailure, RequireUser, TrustAnchor};
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::anchor::{Behaviour, FakeAnchor};
use super::{COOKIE, ask, refused, trusting};

const SESSION: &str = "/api/auth/get-session";
const PROVISION: &str = "/api/auth/provision";
const BOB: &str = "better-auth.session_token=bob.sig%3D";

/// The table that the wallet keeps: one row per user id.
#[derive(Clone, Debug, Default)]
struct Wallets {
    rows: Arc<Mutex<HashSet<String>>>,
    runs: Arc<AtomicUsize>,
}

impl Wallets {
    fn insert(&self, user: &str) {
        self.runs.fetch_add(1, Ordering::SeqCst);
        self.rows.lock().unwrap().insert(user.to_owned());
    }

    fn hook(&self) -> Provision {
        let wallets = self.clone();
        Provision::new("wallet", move |user| {
            wallets.insert(user.id.as_str());
            async { Ok(()) }
        })
    }

    fn counts(&self) -> (usize, usize) {
        (self.runs.load(Ordering::SeqCst), self.rows.lock().unwrap().len())
    }
}

fn routes() -> Router<TrustAnchor> {
    let wallet = async |user: RequireUser| Json(json!({ "hasWalletAccount": user.profile().is_provisioned("wallet") }));
    Router::new().route("/wallet", get(wallet))
}

fn service(anchor: &FakeAnchor, provision: Provision) -> Router {
    let anchor = trusting(anchor).service("wallet", "wallet-secret").build().unwrap();
    routes().route_layer(anchor.guard(Guard::Flexible(provision))).with_state(anchor)
}

async fn wallet(app: &Router) -> bool {
    let answer = ask(app, "/wallet", &[("cookie", COOKIE)]).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    answer.json()["hasWalletAccount"].as_bool().unwrap()
}

#[tokio::test]
async fn the_first_call_prepares_the_row_then_the_flag_and_later_calls_do_neither() {
    let anchor = FakeAnchor::start().await;
    let wallets = Wallets::default();
    let app = service(&anchor, wallets.hook());
    assert_eq!(ask(&app, "/wallet", &[]).await.refusal(), refused(401, "unauthorized"));
    assert_eq!(wallets.counts(), (0, 0));
    for _ in 0..3 {
        assert!(wallet(&app).await);
    }
    assert_eq!(wallets.counts(), (1, 1));
    assert_eq!((anchor.count(SESSION), anchor.count(PROVISION)), (3, 1));
    let asked = anchor.asked().into_iter().find(|asked| asked.target == PROVISION).unwrap();
    assert_eq!(asked.header("cookie"), Some(COOKIE));
    assert_eq!(asked.header("x-service-authorization"), Some("Bearer wallet.wallet-secret"));
    assert_eq!(asked.header("content-type"), Some("application/json"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_parallel_first_calls_run_the_hook_once() {
    let anchor = FakeAnchor::start().await;
    let wallets = Wallets::default();
    let app = service(&anchor, wallets.hook());
    let calls: JoinSet<_> = (0..50)
        .map(|_| {
            let app = app.clone();
            async move { wallet(&app).await }
        })
        .collect();
    assert_eq!(calls.join_all().await, [true; 50]);
    assert_eq!(wallets.counts(), (1, 1));
    assert_eq!(anchor.count(PROVISION), 1);
}

#[tokio::test]
async fn one_user_does_not_wait_for_another() {
    let anchor = FakeAnchor::start().await;
    let (begun, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (signal, wait) = (Arc::clone(&begun), Arc::clone(&gate));
    let hook = Provision::new("wallet", move |user| {
        let (signal, wait) = (Arc::clone(&signal), Arc::clone(&wait));
        async move {
            if user.id.as_str() == "ann" {
                signal.notify_one();
                wait.notified().await;
            }
            Ok(())
        }
    });
    let app = service(&anchor, hook);
    let mut ann = JoinSet::new();
    let first = app.clone();
    ann.spawn(async move { wallet(&first).await });
    begun.notified().await;
    assert_eq!(ask(&app, "/wallet", &[("cookie", BOB)]).await.status.as_u16(), 200);
    gate.notify_one();
    assert_eq!(ann.join_all().await, [true]);
}

#[tokio::test]
async fn a_crash_between_row_and_flag_heals_on_the_next_call() {
    let anchor = FakeAnchor::start().await;
    let wallets = Wallets::default();
    let app = service(&anchor, wallets.hook());
    anchor.provision(Behaviour::status(500));
    assert_eq!(ask(&app, "/wallet", &[("cookie", COOKIE)]).await.refusal(), refused(503, "anchor_unavailable"));
    assert_eq!((wallets.counts(), anchor.is_provisioned("ann")), ((1, 1), false));
    anchor.provision(Behaviour::Normal);
    assert!(wallet(&app).await);
    assert_eq!((wallets.counts(), anchor.is_provisioned("ann")), ((2, 1), true));
}

#[tokio::test]
async fn a_failing_hook_refuses_and_is_tried_again() {
    let anchor = FakeAnchor::start().await;
    let tries = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&tries);
    let hook = Provision::new("wallet", move |_| {
        let first = counter.fetch_add(1, Ordering::SeqCst) == 0;
        async move { if first { Err("the disk is full of secrets".into()) } else { Ok(()) } }
    });
    let app = service(&anchor, hook);
    let answer = ask(&app, "/wallet", &[("cookie", COOKIE)]).await;
    assert_eq!(answer.refusal(), refused(503, "provisioning_failed"));
    assert!(!answer.text.contains("disk"));
    assert_eq!((anchor.count(PROVISION), anchor.is_provisioned("ann")), (0, false));
    assert!(wallet(&app).await);
    assert_eq!(tries.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_hook_that_panics_or_hangs_refuses_and_does_not_block_the_next_call() {
    let anchor = FakeAnchor::start().await;
    let tries = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&tries);
    let hook = Provision::new("wallet", move |_| {
        let attempt = counter.fetch_add(1, Ordering::SeqCst);
        async move {
            match attempt {
                0 => panic!("a bug in the hook"),
                1 => std::future::pending().await,
                _ => Ok(()),
            }
        }
    });
    let app = service(&anchor, hook.timeout(Duration::from_millis(50)));
    for _ in 0..2 {
        let answer = ask(&app, "/wallet", &[("cookie", COOKIE)]).await;
        assert_eq!(answer.refusal(), refused(503, "provisioning_failed"));
    }
    assert!(wallet(&app).await);
}

#[tokio::test]
async fn with_continue_a_failure_lets_the_request_through_with_the_old_flag() {
    let anchor = FakeAnchor::start().await;
    let wallets = Wallets::default();
    let app = service(&anchor, wallets.hook().on_failure(ProvisionFailure::Continue));
    for behaviour in [Behaviour::status(500), Behaviour::status(403), Behaviour::body("<html>")] {
        anchor.provision(behaviour);
        assert!(!wallet(&app).await);
    }
    anchor.provision(Behaviour::status(401));
    assert_eq!(ask(&app, "/wallet", &[("cookie", COOKIE)]).await.refusal(), refused(401, "unauthorized"));
    anchor.provision(Behaviour::Normal);
    assert!(wallet(&app).await);

    let app = service(
        &anchor,
        Provision::new("wallet", |_| async { Err("no".into()) }).on_failure(ProvisionFailure::Continue),
    );
    assert_eq!(ask(&app, "/wallet", &[("cookie", BOB)]).await.json()["hasWalletAccount"], false);
}

#[tokio::test]
async fn a_missing_or_foreign_credential_and_an_unknown_target_refuse() {
    let anchor = FakeAnchor::start().await;
    let uncredentialed = trusting(&anchor).build().unwrap();
    let foreign = trusting(&anchor).service("other", "secret").build().unwrap();
    let named = trusting(&anchor).service("wallet", "wallet-secret").build().unwrap();
    for (trusted, target) in [(uncredentialed, "wallet"), (foreign, "wallet"), (named, "typo")] {
        let guard = trusted.guard(Guard::Flexible(Provision::new(target, |_| async { Ok(()) })));
        let app = routes().route_layer(guard).with_state(trusted);
        assert_eq!(ask(&app, "/wallet", &[("cookie", COOKIE)]).await.refusal(), refused(503, "provisioning_failed"));
    }
    assert!(!anchor.is_provisioned("ann"));
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_stop_the_run() {
    let anchor = FakeAnchor::start().await;
    let (begun, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (signal, wait) = (Arc::clone(&begun), Arc::clone(&gate));
    let hook = Provision::new("wallet", move |_| {
        let (signal, wait) = (Arc::clone(&signal), Arc::clone(&wait));
        async move {
            signal.notify_one();
            wait.notified().await;
            Ok(())
        }
    });
    let app = service(&anchor, hook);
    let mut call = JoinSet::new();
    let first = app.clone();
    call.spawn(async move { wallet(&first).await });
    begun.notified().await;
    call.shutdown().await;
    gate.notify_one();
    anchor.until_asked(PROVISION).await;
    assert!(wallet(&app).await);
    assert_eq!(anchor.count(PROVISION), 1);
}
