//! Guards around whole routers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get;
use identity_axum::{Guard, RequireUser, Roles, TrustAnchor};

use super::anchor::{Behaviour, FakeAnchor};
use super::{Analyst, COOKIE, ask, refused, routes, trusting};

fn counting(anchor: &TrustAnchor, guard: Guard) -> (Router, Arc<AtomicUsize>) {
    let ran = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&ran);
    let handler = get(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        async { "in" }
    });
    (Router::new().route("/", handler).route_layer(anchor.guard(guard)), ran)
}

fn cookie(token: &str) -> String {
    format!("better-auth.session_token={token}.sig%3D")
}

#[tokio::test]
async fn a_handler_never_runs_for_a_refused_request() {
    let anchor = FakeAnchor::start().await;
    let (app, ran) = counting(&trusting(&anchor).build().unwrap(), Guard::Standard);
    assert_eq!(ask(&app, "/", &[]).await.refusal(), refused(401, "unauthorized"));
    assert_eq!(ask(&app, "/", &[("authorization", "Bearer x")]).await.refusal(), refused(401, "invalid_bearer"));
    anchor.session(Behaviour::status(500));
    assert_eq!(ask(&app, "/", &[("cookie", COOKIE)]).await.refusal(), refused(503, "anchor_unavailable"));
    assert_eq!(ran.load(Ordering::SeqCst), 0);
    anchor.session(Behaviour::Normal);
    assert_eq!(ask(&app, "/", &[("cookie", COOKIE)]).await.text, "in");
}

#[tokio::test]
async fn a_role_gate_wants_one_of_its_roles() {
    let anchor = FakeAnchor::start().await;
    let trusted = trusting(&anchor).build().unwrap();
    for roles in [Roles::new(["editor", "analyst"]).unwrap(), Roles::of::<Analyst>()] {
        let (app, ran) = counting(&trusted, Guard::RoleGated(roles));
        assert_eq!(ask(&app, "/", &[]).await.refusal(), refused(401, "unauthorized"));
        assert_eq!(ask(&app, "/", &[("cookie", &cookie("ann"))]).await.refusal(), refused(403, "permission_denied"));
        assert_eq!(ran.load(Ordering::SeqCst), 0);
        assert_eq!(ask(&app, "/", &[("cookie", &cookie("bob"))]).await.text, "in");
        assert_eq!(ask(&app, "/", &[("cookie", &cookie("root"))]).await.text, "in");
    }
}

#[tokio::test]
async fn no_guard_asks_nobody() {
    let anchor = FakeAnchor::start().await;
    anchor.session(Behaviour::status(500));
    let (app, _) = counting(&trusting(&anchor).build().unwrap(), Guard::None);
    assert_eq!(ask(&app, "/", &[("cookie", COOKIE)]).await.text, "in");
    assert_eq!(anchor.asked().len(), 0);
}

#[tokio::test]
async fn extractors_behind_a_guard_ask_nobody_again() {
    let anchor = FakeAnchor::start().await;
    let trusted = trusting(&anchor).build().unwrap();
    let app = routes().route_layer(trusted.guard(Guard::Standard)).with_state(trusted);
    for path in ["/me", "/feed", "/public"] {
        assert_eq!(ask(&app, path, &[("cookie", COOKIE)]).await.status.as_u16(), 200);
    }
    assert_eq!(anchor.asked().len(), 3);
}

#[tokio::test]
async fn the_answer_of_one_anchor_is_not_taken_for_that_of_another() {
    let (lenient, strict) = (FakeAnchor::start().await, FakeAnchor::start().await);
    strict.session(Behaviour::body("null"));
    let state = trusting(&strict).build().unwrap();
    let outer = trusting(&lenient).build().unwrap().guard(Guard::Standard);
    let handler = get(async |_: RequireUser| "in");
    let app = Router::new().route("/", handler).route_layer(outer).with_state(state);
    assert_eq!(ask(&app, "/", &[("cookie", COOKIE)]).await.refusal(), refused(401, "unauthorized"));
    assert_eq!((lenient.asked().len(), strict.asked().len()), (1, 1));
}
