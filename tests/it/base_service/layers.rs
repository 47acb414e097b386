//! Request ids, security headers, hosts and the error envelope.

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header::{CONTENT_SECURITY_POLICY, SET_COOKIE};
use identity_axum::middleware::headers::SecurityHeaders;
use identity_axum::middleware::host::Hosts;
use identity_axum::middleware::trace::Trace;
use identity_axum::{Api, Code, Error, Failure};
use serde_json::json;

use super::anchor::FakeAnchor;
use super::{COOKIE, ask, refused, service, trusting};

fn failing() -> Router {
    let broken = get(async || Failure::<Api>::from(Error::internal("password=hush").with_detail("row 7")));
    let invalid =
        get(async || Failure::<Api>::from(Error::new(Code::InvalidInput).with_detail("'age' is not a number.")));
    let with_cookie = get(async || ([(SET_COOKIE, "a=b")], Failure::<Api>::from(Code::Unauthorized)));
    Router::new().route("/broken", broken).route("/invalid", invalid).route("/cookie", with_cookie).layer(Trace::new())
}

#[tokio::test]
async fn a_request_id_is_echoed_on_success_and_on_failure_and_reaches_the_anchor() {
    let anchor = FakeAnchor::start().await;
    let app = service(&trusting(&anchor).build().unwrap());
    let fine = ask(&app, "/me", &[("cookie", COOKIE), ("x-request-id", "req_1.a-B")]).await;
    assert_eq!((fine.status.as_u16(), fine.header("x-request-id")), (200, Some("req_1.a-B")));
    assert_eq!(anchor.asked()[0].header("x-request-id"), Some("req_1.a-B"));
    let refused = ask(&app, "/me", &[("x-request-id", "req_2")]).await;
    assert_eq!((refused.status.as_u16(), refused.header("x-request-id")), (401, Some("req_2")));
    assert_eq!(refused.json()["error"]["requestId"], "req_2");
    let missing = ask(&app, "/nowhere", &[("x-request-id", "req_3")]).await;
    assert_eq!((missing.status.as_u16(), missing.header("x-request-id")), (404, Some("req_3")));
}

#[tokio::test]
async fn an_unacceptable_request_id_is_replaced() {
    let long = "x".repeat(129);
    for sent in ["", "a b", "<script>", &long] {
        let answer = ask(&failing(), "/broken", &[("x-request-id", sent)]).await;
        let id = answer.header("x-request-id").unwrap().to_owned();
        assert!(id != sent && (1..=128).contains(&id.len()), "{sent:?} became {id:?}");
        assert_eq!(answer.json()["error"]["requestId"], id);
    }
    let ids = (ask(&failing(), "/broken", &[]).await, ask(&failing(), "/broken", &[]).await);
    assert_ne!(ids.0.header("x-request-id"), ids.1.header("x-request-id"));
}

#[tokio::test]
async fn failures_stand_in_one_envelope_and_those_of_the_server_show_nothing() {
    let answer = ask(&failing(), "/broken", &[("x-request-id", "r")]).await;
    let body = json!({ "error": { "code": "internal", "message": Code::Internal.title(), "requestId": "r" } });
    assert_eq!((answer.status.as_u16(), answer.json()), (500, body));
    let answer = ask(&failing(), "/invalid", &[("x-request-id", "r")]).await;
    let error = &answer.json()["error"];
    assert_eq!((answer.status.as_u16(), &error["details"]), (400, &json!("'age' is not a number.")));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let answer = ask(&failing(), "/cookie", &[]).await;
    assert_eq!(answer.header("set-cookie"), Some("a=b"), "naming the request keeps the headers");
}

#[tokio::test]
async fn every_code_has_the_status_of_its_class() {
    for code in Code::ALL {
        let response = Failure::<Api>::from(*code).into_response();
        assert_eq!(response.status().as_u16(), code.class().status(), "{code:?}");
    }
}

#[tokio::test]
async fn security_headers_stand_on_every_response_and_a_page_may_bring_its_own_policy() {
    let page = get(async || ([(CONTENT_SECURITY_POLICY, "default-src 'self'")], "page"));
    let app = |base_url| Router::new().route("/page", page.clone()).layer(SecurityHeaders::new(base_url));
    for path in ["/page", "/nowhere"] {
        let answer = ask(&app("https://id.example.com"), path, &[]).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert!(answer.header("permissions-policy").is_some());
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000; includeSubDomains"));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(if path == "/page" {
            policy == "default-src 'self'"
        } else {
            policy.starts_with("default-src 'none'")
        });
    }
    assert_eq!(ask(&app("http://localhost:8888"), "/page", &[]).await.header("strict-transport-security"), None);
}

#[tokio::test]
async fn a_request_for_another_host_is_misdirected() {
    let hosts = Hosts::new("http://localhost:8888", &["identity.internal".to_owned()]).unwrap();
    let layer = hosts.layer(|_, error| Failure::<Api>::from(error).into_response());
    let app = Router::new().route("/", get(async || "in")).layer(layer);
    for host in ["localhost:8888", "127.0.0.1:8888", "identity.internal"] {
        assert_eq!(ask(&app, "/", &[("host", host)]).await.text, "in");
    }
    assert_eq!(ask(&app, "/", &[("host", "rebound.example:8888")]).await.refusal(), refused(421, "host_not_allowed"));
    for headers in [vec![], vec![("host", "localhost"), ("host", "evil.example")]] {
        assert_eq!(ask(&app, "/", &headers).await.refusal(), refused(400, "invalid_input"));
    }
}
