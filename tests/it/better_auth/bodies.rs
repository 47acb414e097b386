//! Wrong input against every endpoint: never our fault, always a refusal that names the field where there is one.

use http::header::CONTENT_TYPE;
use identity_core::config::{FieldKind, FieldSpec};
use identity_tests::{Actor, Call, Reply, TestApp};
use serde_json::{Value, json};

/// An endpoint that takes a body: method, path, fields that must come, fields that may come, switches that may come.
pub(crate) struct Endpoint(
    pub(crate) &'static str,
    pub(crate) &'static str,
    pub(crate) &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

pub(crate) const ENDPOINTS: [Endpoint; 27] = [
    Endpoint("POST", "/sign-up/email", &["name", "email", "password"], &["image"], &["rememberMe"]),
    Endpoint("POST", "/sign-in/email", &["email", "password"], &[], &["rememberMe"]),
    Endpoint("POST", "/sign-out", &[], &[], &[]),
    Endpoint("POST", "/get-session", &[], &[], &[]),
    Endpoint("POST", "/revoke-session", &["token"], &[], &[]),
    Endpoint("POST", "/revoke-session-by-id", &["sessionId"], &[], &[]),
    Endpoint("POST", "/revoke-sessions", &[], &[], &[]),
    Endpoint("POST", "/revoke-other-sessions", &[], &[], &[]),
    Endpoint("POST", "/update-session", &[], &["theme"], &[]),
    Endpoint("POST", "/update-user", &[], &["name", "image", "company"], &[]),
    Endpoint("PUT", "/profile", &[], &["name", "image", "company"], &[]),
    Endpoint("POST", "/delete-user", &[], &["password", "token"], &[]),
    Endpoint("DELETE", "/account", &[], &["password", "token"], &[]),
    Endpoint("POST", "/delete-user/callback", &["token"], &[], &[]),
    Endpoint("POST", "/unlink-account", &["accountId"], &[], &[]),
    Endpoint("POST", "/provision", &["app"], &[], &[]),
    Endpoint("POST", "/change-password", &["newPassword", "currentPassword"], &[], &["revokeOtherSessions"]),
    Endpoint("POST", "/set-password", &["newPassword"], &[], &[]),
    Endpoint("POST", "/verify-password", &["password"], &[], &[]),
    Endpoint("POST", "/request-password-reset", &["email"], &[], &[]),
    Endpoint("POST", "/forget-password", &["email"], &[], &[]),
    Endpoint("POST", "/reset-password", &["newPassword"], &["token"], &[]),
    Endpoint("POST", "/send-verification-email", &["email"], &[], &[]),
    Endpoint("POST", "/verify-email", &["token"], &[], &[]),
    Endpoint("POST", "/change-email", &["newEmail"], &[], &[]),
    Endpoint("POST", "/email-otp/send-verification-otp", &["email", "type"], &[], &[]),
    Endpoint("POST", "/email-otp/verify-email", &["email", "otp"], &[], &["rememberMe"]),
];

impl Endpoint {
    pub(crate) fn call(&self, actor: &Actor) -> Call {
        actor.request(self.0.parse().unwrap(), self.1)
    }

    /// A body in which every field that must come is of the right type.
    pub(crate) fn body(&self) -> Value {
        let fields = self.2.iter().map(|&name| {
            let email = name.to_ascii_lowercase().contains("email");
            (name.to_owned(), if email { json!("nobody@example.test") } else { json!("a good long text") })
        });
        Value::Object(fields.collect())
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = &'static str> {
        self.2.iter().chain(self.3).copied()
    }
}

pub(crate) async fn app() -> TestApp {
    let field = || FieldSpec { kind: FieldKind::String, required: false, input: true, default: None };
    let builder = TestApp::builder().config(|config| {
        config.http.bearer = true;
        config.http.cookie_cache = true;
        config.email.sign_in_after_verification = true;
        config.user.session_fields.insert("theme".to_owned(), field());
        config.user.fields.insert("company".to_owned(), field());
    });
    builder.start().await
}

/// Somebody for each endpoint: some of them sign out, or delete the account.
pub(crate) async fn each_endpoint(app: &TestApp) -> Vec<(&'static Endpoint, Actor)> {
    let mut users = Vec::new();
    for (number, endpoint) in ENDPOINTS.iter().enumerate() {
        users.push((endpoint, app.user(&format!("user{number}")).await));
    }
    users
}

/// Whatever it was, it was not our fault, and a refusal says why.
#[track_caller]
pub(crate) fn not_our_fault(reply: &Reply, what: &str) {
    let status = reply.status.as_u16();
    assert!(status < 500, "{what}: {status} {}", reply.text());
    if status >= 400 && status != 404 {
        assert!(reply.code().is_some(), "{what}: {status} {:?}", reply.text());
        assert!(reply.json()["message"].as_str().is_some_and(|text| !text.is_empty()), "{what}: {}", reply.text());
    }
}

#[track_caller]
fn names(reply: &Reply, field: &str, what: &str) {
    let seen = (reply.status.as_u16(), reply.code());
    assert_eq!(seen, (400, Some("VALIDATION_ERROR".to_owned())), "{what}: {}", reply.text());
    let message = reply.json()["message"].as_str().unwrap().to_owned();
    assert!(message.contains(&format!("[body.{field}]")), "{what}: {message}");
}

#[tokio::test]
async fn what_is_no_json_is_called_so() {
    let app = app().await;
    let broken: [&[u8]; 14] = [
        b"{",
        b"}",
        b"{]",
        b"{\"a\":}",
        b"{\"a\":1,}",
        b"{'a':1}",
        b"{} {}",
        b"nothing",
        b"NaN",
        b"{\"a\":1e999}",
        b"{\"a\":\"\\ud800\"}",
        b"{\"a\":\"\xff\"}",
        b"\xef\xbb\xbf{}",
        b"{\"a\":\"\n\"}",
    ];
    for (endpoint, actor) in each_endpoint(&app).await {
        for body in broken {
            let reply = actor.send(endpoint.call(&actor).header(CONTENT_TYPE, "application/json").body(body)).await;
            let what = format!("{} {:?}", endpoint.1, String::from_utf8_lossy(body));
            assert_eq!((reply.status.as_u16(), reply.code().as_deref()), (400, Some("BAD_REQUEST")), "{what}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_no_object_is_refused_wherever_a_field_must_come() {
    let app = app().await;
    for (endpoint, actor) in each_endpoint(&app).await {
        for body in [json!(null), json!([]), json!([{}]), json!(7), json!(-0.5), json!("text"), json!(true)] {
            let reply = actor.send(endpoint.call(&actor).json(&body)).await;
            let what = format!("{} {body}", endpoint.1);
            not_our_fault(&reply, &what);
            if !endpoint.2.is_empty() {
                assert_eq!((reply.status.as_u16(), reply.code().as_deref()), (400, Some("VALIDATION_ERROR")), "{what}");
                assert!(reply.text().contains("[body] Invalid input: expected object"), "{what}: {}", reply.text());
            }
        }
        let nothing = actor.send(endpoint.call(&actor)).await;
        not_our_fault(&nothing, endpoint.1);
        assert!(endpoint.2.is_empty() || nothing.status == 400, "{} without a body", endpoint.1);
    }
}

#[tokio::test]
async fn missing_and_wrongly_typed_fields_are_named() {
    let app = app().await;
    for (endpoint, actor) in each_endpoint(&app).await {
        for &field in endpoint.2 {
            let mut body = endpoint.body();
            body.as_object_mut().unwrap().remove(field);
            let reply = actor.send(endpoint.call(&actor).json(&body)).await;
            names(&reply, field, &format!("{} without {field}", endpoint.1));
            assert!(reply.text().contains("received undefined"), "{}", reply.text());
        }
        let wrong = [json!(7), json!(true), json!([]), json!({}), json!({ "toString": "x" }), json!(["a"])];
        for field in endpoint.fields() {
            for value in &wrong {
                let mut body = endpoint.body();
                body[field] = value.clone();
                let reply = actor.send(endpoint.call(&actor).json(&body)).await;
                names(&reply, field, &format!("{} with {field}={value}", endpoint.1));
            }
        }
        for &field in endpoint.4 {
            for value in [json!("true"), json!(1), json!(null), json!([])] {
                let mut body = endpoint.body();
                body[field] = value.clone();
                let reply = actor.send(endpoint.call(&actor).json(&body)).await;
                names(&reply, field, &format!("{} with {field}={value}", endpoint.1));
            }
        }
    }
}

#[tokio::test]
async fn several_problems_are_reported_together() {
    let app = app().await;
    let visitor = app.actor("visitor");
    let reply = visitor.post("/sign-up/email", json!({ "email": "x", "password": "" })).await;
    reply.expect_error(400, "VALIDATION_ERROR");
    assert_eq!(
        reply.json()["message"],
        "[body.name] Invalid input: expected string, received undefined; [body.email] Invalid email address; \
         [body.password] Too small: expected string to have >=1 characters"
    );
}

#[tokio::test]
async fn a_nul_character_is_refused_wherever_it_hides() {
    let app = app().await;
    for (endpoint, actor) in each_endpoint(&app).await {
        for field in endpoint.fields() {
            let mut body = endpoint.body();
            body[field] = json!("a\0b");
            let reply = actor.send(endpoint.call(&actor).json(&body)).await;
            names(&reply, field, &format!("{} with a NUL in {field}", endpoint.1));
        }
        for extra in [json!({ "unheard": "\0" }), json!({ "\0": 1 }), json!({ "of": [{ "deep": ["\0"] }] })] {
            let mut body = endpoint.body();
            body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            let reply = actor.send(endpoint.call(&actor).json(&body)).await;
            assert_eq!(reply.code().as_deref(), Some("VALIDATION_ERROR"), "{} {body}", endpoint.1);
        }
    }
}

#[tokio::test]
async fn a_body_may_have_64_kib_and_32_levels() {
    let app = app().await;
    let arrays = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    for (endpoint, actor) in each_endpoint(&app).await {
        let json = || endpoint.call(&actor).header(CONTENT_TYPE, "application/json");
        for size in [64 * 1024 + 1, 1024 * 1024] {
            let large = format!("{{\"a\":\"{}\"}}", "x".repeat(size - 8));
            assert_eq!(large.len(), size);
            let reply = actor.send(json().body(large)).await;
            assert_eq!(
                (reply.status.as_u16(), reply.code().as_deref()),
                (413, Some("PAYLOAD_TOO_LARGE")),
                "{}",
                endpoint.1
            );
        }
        for body in [arrays(32), arrays(20_000), objects(33), objects(10_000), "[".repeat(60_000)] {
            let reply = actor.send(json().body(body)).await;
            assert_eq!(
                (reply.status.as_u16(), reply.code().as_deref()),
                (400, Some("VALIDATION_ERROR")),
                "{}",
                endpoint.1
            );
        }
    }
    let visitor = app.actor("visitor");
    let mut body = json!({ "email": visitor.email, "password": "wrong", "brackets": "[".repeat(1000) });
    body["deep"] =
        serde_json::from_str(&"[".repeat(31).chars().chain("]".repeat(31).chars()).collect::<String>()).unwrap();
    body["padding"] = json!("x".repeat(64 * 1024 - body.to_string().len() - 13));
    assert_eq!(body.to_string().len(), 64 * 1024);
    visitor.post("/sign-in/email", body).await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
}

#[tokio::test]
async fn a_body_of_another_type_is_refused() {
    let app = app().await;
    let form = "application/x-www-form-urlencoded";
    for (endpoint, actor) in each_endpoint(&app).await {
        let body = endpoint.body().to_string();
        for kind in [
            "text/plain",
            "text/json",
            "multipart/form-data; boundary=x",
            "application/xml",
            "",
            "json",
            "a/b/c",
            "\u{e9}",
        ] {
            let reply = actor.send(endpoint.call(&actor).header(CONTENT_TYPE, kind).body(body.clone())).await;
            let seen = (reply.status.as_u16(), reply.code());
            assert_eq!(seen, (415, Some("UNSUPPORTED_MEDIA_TYPE".to_owned())), "{} {kind:?}", endpoint.1);
        }
        let reply = actor.send(endpoint.call(&actor).body(body.clone())).await;
        assert!(reply.status == 415 && reply.text().contains("Content-Type is required."), "{}", reply.text());
        let takes_forms = ["/sign-in/email", "/sign-up/email", "/verify-email", "/delete-user/callback"];
        let reply = actor.send(endpoint.call(&actor).header(CONTENT_TYPE, form).body("a=b")).await;
        assert_eq!(reply.status == 415, !takes_forms.contains(&endpoint.1), "{} {}", endpoint.1, reply.text());
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json"] {
            let reply = actor.send(endpoint.call(&actor).header(CONTENT_TYPE, kind).body(body.clone())).await;
            assert_ne!(reply.status, 415, "{} {kind}", endpoint.1);
        }
    }
}
