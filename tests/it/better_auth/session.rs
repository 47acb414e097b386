use std::time::Duration;

use identity_core::config::{FieldKind, FieldSpec};
use identity_tests::{Actor, TestApp};
use serde_json::{Value, json};

use super::{DELETIONS, STALE, deleted, keys};

const DAY: Duration = Duration::from_hours(24);

async fn session_id(actor: &Actor) -> String {
    actor.session().await["session"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn get_session_answers_the_session_and_the_user_and_is_never_cached() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let call = alice.request(http::Method::POST, "/sign-in/email").header("user-agent", "Browser 1.0");
    let alice = alice.from_ip([192, 0, 2, 7]);
    let _ = alice.send(call.json(&json!({ "email": alice.email, "password": alice.password }))).await.expect(200);
    let reply = alice.get("/get-session").await.expect(200);
    assert_eq!((reply.header("cache-control"), reply.header("pragma")), (Some("no-store"), Some("no-cache")));
    assert!(reply.cookies().is_empty());
    let body = reply.json();
    assert_eq!(keys(&body), ["session", "user"]);
    let session = &body["session"];
    let fields = ["createdAt", "expiresAt", "id", "ipAddress", "token", "updatedAt", "userAgent", "userId"];
    assert_eq!(keys(session), fields);
    let asked = alice.get("/get-session?disableRefresh=true").await.expect(200).json();
    let how = (&asked["session"]["acr"], &asked["session"]["amr"]);
    assert_eq!(how, (&json!("urn:identity:acr:pwd"), &json!(["pwd"])), "whoever only asks is told how");
    assert_eq!((&session["ipAddress"], &session["userAgent"]), (&json!("192.0.2.7"), &json!("Browser 1.0")));
    assert_eq!((&session["userId"], &session["expiresAt"]), (&body["user"]["id"], &json!("2026-01-08T00:00:00.000Z")));
}

#[tokio::test]
async fn nobody_is_null_and_only_a_cookie_of_ours_is_cleared() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let good = alice.browser(|browser| browser.get("session_token").unwrap().to_owned());
    let (token, signature) = good.split_once('.').unwrap();
    let visitor = app.actor("visitor");
    assert_eq!(visitor.session().await, Value::Null);
    let forged = [
        token.to_owned(),
        format!("{}.{signature}", token.replace(token.chars().next().unwrap(), "_")),
        format!("{token}.{}", signature.replace("%3D", "")),
        format!("{token}.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%3D"),
        String::from("%"),
        String::from("%ff"),
    ];
    for value in forged {
        visitor.browser(|browser| browser.set("better-auth.session_token", &value));
        let reply = visitor.get("/get-session").await.expect(200);
        assert_eq!((reply.json(), reply.cookies()), (Value::Null, Vec::new()), "{value}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
    let _ = alice.signs_out().await.expect(200);
    visitor.browser(|browser| browser.set("better-auth.session_token", &good));
    let reply = visitor.get("/get-session").await.expect(200);
    assert_eq!((reply.json(), deleted(&reply)), (Value::Null, DELETIONS.map(str::to_owned).to_vec()));
}

#[tokio::test]
async fn post_is_for_deferred_refresh_which_is_not_offered() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let reply = alice.post("/get-session", json!({})).await;
    reply.expect_error(405, "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED");
}

#[tokio::test]
async fn a_list_of_sessions_shows_no_token_but_the_own_one() {
    let app = TestApp::start().await;
    let (alice, _) = (app.user("alice").await, app.user("bob").await);
    let secret = alice.session().await["session"]["token"].as_str().unwrap().to_owned();
    app.pass(DAY);
    let at_work = alice.at_another_browser();
    let _ = at_work.signs_in().await.expect(200);
    let listed = at_work.get("/list-sessions").await.expect(200).json();
    let (home, work) = (&listed[0], &listed[1]);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(home["token"], home["id"]);
    assert_eq!(work["token"], at_work.session().await["session"]["token"]);
    assert_eq!(
        (&home["createdAt"], &work["createdAt"]),
        (&json!("2026-01-01T00:00:00.000Z"), &json!("2026-01-02T00:00:00.000Z"))
    );
    assert!(!listed.to_string().contains(&secret));
    app.pass(DAY * 6);
    let late = alice.at_another_browser();
    let _ = late.signs_in().await.expect(200);
    assert_eq!(late.get("/list-sessions").await.expect(200).json().as_array().unwrap().len(), 2, "one has run out");
}

#[tokio::test]
async fn a_list_of_sessions_needs_a_recent_sign_in() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    app.pass(STALE);
    alice.get("/list-sessions").await.expect_error(403, "SESSION_NOT_FRESH");
    let _ = alice.signs_in().await.expect(200);
    let _ = alice.get("/list-sessions").await.expect(200);
}

#[tokio::test]
async fn one_session_is_revoked_by_its_token_or_by_the_id_that_the_list_shows() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let (at_work, on_phone) = (alice.at_another_browser(), alice.at_another_browser());
    let _ = (at_work.signs_in().await.expect(200), on_phone.signs_in().await.expect(200));
    let token = at_work.session().await["session"]["token"].clone();
    let id = session_id(&on_phone).await;
    for (name, other) in [(token, &at_work), (json!(id), &on_phone)] {
        assert!(other.is_signed_in().await);
        let reply = alice.post("/revoke-session", json!({ "token": name })).await.expect(200);
        assert_eq!((reply.json(), reply.cookies()), (json!({ "status": true }), Vec::new()));
        assert!(!other.is_signed_in().await && alice.is_signed_in().await);
    }
    let own = session_id(&alice).await;
    let reply = alice.post("/revoke-session", json!({ "token": own })).await.expect(200);
    assert_eq!(deleted(&reply), DELETIONS);
    assert!(!alice.is_signed_in().await);
}

#[tokio::test]
async fn a_session_of_somebody_else_cannot_be_revoked() {
    let app = TestApp::start().await;
    let (alice, mallory) = (app.user("alice").await, app.user("mallory").await);
    let session = alice.session().await["session"].clone();
    for name in [&session["token"], &session["id"], &json!("unknown"), &json!("")] {
        let reply = mallory.post("/revoke-session", json!({ "token": name })).await.expect(200);
        assert_eq!(reply.json(), json!({ "status": true }));
    }
    for id in [&session["id"], &session["token"], &json!("unknown")] {
        let reply = mallory.post("/revoke-session-by-id", json!({ "sessionId": id })).await;
        reply.expect_error(404, "SESSION_NOT_FOUND");
    }
    assert!(alice.is_signed_in().await && mallory.is_signed_in().await);
}

#[tokio::test]
async fn a_session_is_revoked_by_its_id_once() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let at_work = alice.at_another_browser();
    let _ = at_work.signs_in().await.expect(200);
    let body = json!({ "sessionId": session_id(&at_work).await });
    let reply = alice.post("/revoke-session-by-id", body.clone()).await.expect(200);
    assert!(reply.cookies().is_empty() && !at_work.is_signed_in().await);
    alice.post("/revoke-session-by-id", body).await.expect_error(404, "SESSION_NOT_FOUND");
    let reply = alice.post("/revoke-session-by-id", json!({ "sessionId": session_id(&alice).await })).await;
    assert_eq!(deleted(&reply.expect(200)), DELETIONS);
}

#[tokio::test]
async fn the_other_sessions_end_and_exactly_the_callers_stays() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let others = [alice.at_another_browser(), alice.at_another_browser()];
    for other in &others {
        let _ = other.signs_in().await.expect(200);
    }
    let reply = alice.post("/revoke-other-sessions", json!({})).await.expect(200);
    assert_eq!((reply.json(), reply.cookies()), (json!({ "status": true }), Vec::new()));
    assert!(!others[0].is_signed_in().await && !others[1].is_signed_in().await);
    assert!(alice.is_signed_in().await && bob.is_signed_in().await);
}

#[tokio::test]
async fn all_sessions_end_together() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let at_work = alice.at_another_browser();
    let _ = at_work.signs_in().await.expect(200);
    let reply = alice.post("/revoke-sessions", json!({})).await.expect(200);
    assert_eq!((reply.json(), deleted(&reply)), (json!({ "status": true }), DELETIONS.map(str::to_owned).to_vec()));
    assert!(!at_work.is_signed_in().await && !alice.is_signed_in().await && bob.is_signed_in().await);
}

#[tokio::test]
async fn declared_session_fields_are_set_and_shown() {
    let field = |kind, input| FieldSpec { kind, required: false, input, default: None };
    let app = TestApp::builder()
        .config(|config| {
            let fields = &mut config.user.session_fields;
            fields.insert("theme".to_owned(), field(FieldKind::String, true));
            fields.insert("organization".to_owned(), field(FieldKind::String, false));
        })
        .start()
        .await;
    let alice = app.user("alice").await;
    assert_eq!(alice.session().await["session"]["theme"], Value::Null);
    let reply = alice.post("/update-session", json!({ "theme": "dark", "userId": "somebody" })).await.expect(200);
    assert_eq!(keys(&reply.json()), ["session"]);
    assert_eq!(reply.json()["session"]["theme"], "dark");
    assert_eq!(reply.cookies()[0].max_age, Some(604_800));
    let session = alice.session().await["session"].clone();
    assert_eq!((&session["theme"], &session["organization"]), (&json!("dark"), &Value::Null));
    assert_ne!(session["userId"], "somebody");
    let refused = [
        (json!({}), "NO_FIELDS_TO_UPDATE"),
        (json!({ "unheard": 1 }), "NO_FIELDS_TO_UPDATE"),
        (json!({ "theme": 7 }), "VALIDATION_ERROR"),
        (json!({ "organization": "acme" }), "FIELD_NOT_ALLOWED"),
        (json!([]), "BODY_MUST_BE_AN_OBJECT"),
    ];
    for (body, code) in refused {
        alice.post("/update-session", body).await.expect_error(400, code);
    }
    assert_eq!(alice.session().await["session"]["theme"], "dark");
}

#[tokio::test]
async fn without_a_session_there_is_nothing_to_do() {
    let app = TestApp::start().await;
    let visitor = app.actor("visitor");
    for path in ["/list-sessions", "/me", "/has-password", "/list-accounts", "/delete-user/callback?token=x"] {
        visitor.get(path).await.expect_error(401, "UNAUTHORIZED");
    }
    let posts = [
        ("/revoke-session", json!({ "token": "x" })),
        ("/revoke-session-by-id", json!({ "sessionId": "x" })),
        ("/revoke-sessions", json!({})),
        ("/revoke-other-sessions", json!({})),
        ("/update-session", json!({ "theme": "dark" })),
        ("/update-user", json!({ "name": "x" })),
        ("/delete-user", json!({ "password": "x" })),
        ("/delete-user/callback", json!({ "token": "x" })),
        ("/unlink-account", json!({ "accountId": "x" })),
        ("/provision", json!({ "app": "x" })),
        ("/change-password", json!({ "currentPassword": "x", "newPassword": "another password" })),
        ("/set-password", json!({ "newPassword": "another password" })),
        ("/verify-password", json!({ "password": "x" })),
        ("/change-email", json!({ "newEmail": "new@example.test" })),
    ];
    for (path, body) in posts {
        visitor.post(path, body).await.expect_error(401, "UNAUTHORIZED");
    }
    visitor.put("/profile", json!({ "name": "x" })).await.expect_error(401, "UNAUTHORIZED");
    visitor.delete("/account").await.expect_error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn routes_are_exact() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    assert_eq!(alice.get("/ok").await.expect(200).json(), json!({ "ok": true }));
    let strangers = [
        ("GET", "/sign-in/email"),
        ("POST", "/ok"),
        ("GET", "/ok/"),
        ("GET", "//ok"),
        ("GET", ""),
        ("GET", "/"),
        ("GET", "/unheard-of"),
        ("HEAD", "/ok"),
        ("HEAD", "/get-session"),
        ("OPTIONS", "/get-session"),
        ("DELETE", "/get-session"),
        ("PATCH", "/profile"),
        ("TRACE", "/get-session"),
    ];
    for (method, path) in strangers {
        let method: http::Method = method.parse().unwrap();
        let reply = alice.send(alice.request(method.clone(), path)).await;
        assert_eq!((reply.status.as_u16(), reply.text().as_str()), (404, ""), "{method} {path}");
        assert_eq!(reply.header("content-type"), None, "{method} {path}");
    }
}
