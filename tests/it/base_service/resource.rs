//! Services whose callers are clients: scopes, clients without a user, and what a refusal tells.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use identity_axum::{
    Guard, ProtectedResource, Provision, RequireScope, Scopes, TrustAnchor, protected_resource, scopes,
};
use serde_json::{Value, json};

use super::anchor::DEVICE;
use super::tokens::{Issuer, ask_with};
use super::{COOKIE, ask, refused, routes};

scopes! { ReadReports = "reports:read" }

async fn read(caller: RequireScope<ReadReports>) -> Json<Value> {
    Json(json!({ "user": caller.user().map(|user| &user.id), "client": caller.client_id, "scope": caller.scopes }))
}

fn app(anchor: &TrustAnchor) -> Router {
    let gate = Guard::Scoped(Scopes::new(["reports:read", "reports:write"]).unwrap());
    let gated = Router::new().route("/gated", get(async || "in")).route_layer(anchor.guard(gate));
    let users = Router::new().route("/users", get(async || "in")).route_layer(anchor.guard(Guard::Standard));
    let somebody = Router::new().route("/somebody", get(async || "in")).route_layer(anchor.guard(Guard::DeviceOrUser));
    routes().route("/read", get(read)).merge(gated).merge(users).merge(somebody).with_state(anchor.clone())
}

#[tokio::test]
async fn a_scope_lets_its_tokens_pass_and_a_refusal_names_it() {
    let issuer = Issuer::start().await;
    let app = app(&issuer.trusted().forward_bearer(true).build().unwrap());
    let with_scope = |scope: &str| issuer.token(|claims| claims["scope"] = json!(scope));
    let answer = ask_with(&app, "/read", &with_scope("openid reports:read")).await;
    assert_eq!(answer.json(), json!({ "user": "ann", "client": "app", "scope": "openid reports:read" }));
    assert_eq!(ask_with(&app, "/gated", &with_scope("reports:write reports:read")).await.text, "in");
    let nothing = issuer.token(|claims| drop(claims.as_object_mut().unwrap().remove("scope")));
    for less in
        [with_scope("openid"), with_scope("reports:reader"), with_scope("REPORTS:READ"), with_scope(""), nothing]
    {
        for (path, scope) in [("/read", "reports:read"), ("/gated", "reports:read reports:write")] {
            let answer = ask_with(&app, path, &less).await;
            assert_eq!(answer.refusal(), refused(403, "insufficient_scope"));
            let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
            assert_eq!(answer.header("www-authenticate"), Some(challenge.as_str()));
        }
    }
    assert_eq!(ask_with(&app, "/gated", &with_scope("reports:read")).await.status, StatusCode::FORBIDDEN);
    let expired = ask_with(&app, "/read", &issuer.token(|claims| claims["exp"] = json!(1))).await;
    assert_eq!(expired.refusal(), refused(401, "invalid_bearer"));
    let challenge = "Bearer error=\"invalid_token\", scope=\"reports:read\"";
    assert_eq!(expired.header("www-authenticate"), Some(challenge));
}

#[tokio::test]
async fn a_session_carries_no_scopes_and_nobody_is_asked_about_its_cookie() {
    let issuer = Issuer::start().await;
    let app = app(&issuer.trusted().forward_bearer(true).build().unwrap());
    for path in ["/read", "/gated"] {
        for headers in [vec![], vec![("cookie", COOKIE)], vec![("x-device-session-token", DEVICE)]] {
            let answer = ask(&app, path, &headers).await;
            assert_eq!(answer.refusal(), refused(401, "unauthorized"), "{headers:?}");
            assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer scope=\"reports:read"));
        }
    }
    assert_eq!(issuer.anchor.asked().len(), 0);
    assert_eq!(ask_with(&app, "/read", "bob").await.refusal(), refused(401, "invalid_bearer"));
}

#[tokio::test]
async fn a_client_in_its_own_name_is_no_user_and_no_lesser_credential_speaks_for_it() {
    let issuer = Issuer::start().await;
    let app = app(&issuer.trusted().build().unwrap());
    let token = issuer.token(|claims| claims["sub"] = json!("app"));
    let answer = ask_with(&app, "/read", &token).await;
    assert_eq!(answer.json(), json!({ "user": null, "client": "app", "scope": "reports:read" }));
    let bearer = format!("Bearer {token}");
    let all = [("authorization", &*bearer), ("cookie", COOKIE), ("x-device-session-token", DEVICE)];
    for path in ["/me", "/report", "/either", "/users", "/somebody"] {
        let answer = ask(&app, path, &all).await;
        assert_eq!(answer.refusal(), refused(403, "permission_denied"), "{path}");
        assert_eq!(answer.json()["error"]["details"], "This is for users, and the token is of a client alone.");
    }
    assert_eq!(ask(&app, "/feed", &all).await.json(), Value::Null, "there is no user");
    assert_eq!(issuer.anchor.count("/api/auth") + issuer.anchor.count("/device-sessions"), 0);
}

#[tokio::test]
async fn a_token_prepares_no_part_of_a_user() {
    let issuer = Issuer::start().await;
    let anchor = issuer.trusted().service("wallet", "wallet-secret").build().unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    let hook = Provision::new("wallet", move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        async { Ok(()) }
    });
    let app = Router::new().route("/", get(async || "in")).route_layer(anchor.guard(Guard::Flexible(hook)));
    assert_eq!(ask_with(&app, "/", &issuer.token(|_| ())).await.refusal(), refused(403, "permission_denied"));
    assert_eq!((runs.load(Ordering::SeqCst), issuer.anchor.count("/api/auth")), (0, 0));
    assert_eq!(ask(&app, "/", &[("cookie", COOKIE)]).await.text, "in");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_resource_says_where_its_tokens_come_from_and_every_refusal_leads_there() {
    let issuer = Issuer::start().await;
    let reports = ProtectedResource::new("https://api.test/reports", &issuer.anchor.url).unwrap();
    let reports = reports.scopes(["reports:read"]).name("Reports");
    let anchor = issuer.trusted().resource(reports.clone()).build().unwrap();
    let app = app(&anchor).merge(protected_resource(&reports));
    let answer = ask(&app, "/.well-known/oauth-protected-resource/reports", &[("origin", "https://spa.test")]).await;
    assert_eq!(
        answer.json(),
        json!({
            "resource": "https://api.test/reports", "authorization_servers": [issuer.anchor.url],
            "bearer_methods_supported": ["header"], "scopes_supported": ["reports:read"], "resource_name": "Reports",
        })
    );
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert!(answer.header("cache-control").unwrap().contains("max-age="));

    let by_url = issuer.token(|claims| claims["aud"] = json!("https://api.test/reports"));
    assert_eq!(ask_with(&app, "/read", &by_url).await.status, StatusCode::OK);
    let metadata = "resource_metadata=\"https://api.test/.well-known/oauth-protected-resource/reports\"";
    let less = issuer.token(|claims| claims["scope"] = json!("openid"));
    let client = issuer.token(|claims| claims["sub"] = json!("app"));
    for (path, token, status) in [
        ("/me", "", 401),
        ("/feed", "nonsense", 401),
        ("/either", "", 401),
        ("/report", "", 401),
        ("/report", &*less, 403),
        ("/users", "", 401),
        ("/users", &*client, 403),
        ("/read", "", 401),
        ("/read", &*less, 403),
        ("/gated", &*less, 403),
    ] {
        let answer = if token.is_empty() { ask(&app, path, &[]).await } else { ask_with(&app, path, token).await };
        assert_eq!(answer.status.as_u16(), status, "{path} {answer:?}");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Bearer ") && challenge.ends_with(metadata), "{path}: {challenge}");
    }
}
