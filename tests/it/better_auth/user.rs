use identity_core::config::{FieldKind, FieldSpec};
use identity_tests::TestApp;
use serde_json::{Value, json};

#[tokio::test]
async fn me_is_the_user_as_one_flat_object() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let reply = alice.get("/me").await.expect(200);
    assert_eq!(reply.json(), alice.session().await["user"]);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_user_changes_name_and_picture() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    app.pass(std::time::Duration::from_mins(1));
    let body = json!({ "name": "Alice Ä. 😀", "image": "https://example.test/alice.png" });
    let reply = alice.post("/update-user", body).await.expect(200);
    assert_eq!(reply.json(), json!({ "status": true }));
    let cookies: Vec<_> = reply.cookies().into_iter().map(|cookie| (cookie.name, cookie.max_age)).collect();
    assert_eq!(cookies, [("better-auth.session_token".to_owned(), Some(604_800))]);
    let user = alice.session().await["user"].clone();
    assert_eq!((&user["name"], &user["image"]), (&json!("Alice Ä. 😀"), &json!("https://example.test/alice.png")));
    assert_eq!(
        (&user["createdAt"], &user["updatedAt"]),
        (&json!("2026-01-01T00:00:00.000Z"), &json!("2026-01-01T00:01:00.000Z"))
    );
    let user = alice.put("/profile", json!({ "image": null })).await.expect(200).json();
    assert_eq!((&user["name"], &user["image"]), (&json!("Alice Ä. 😀"), &Value::Null));
    assert_eq!(alice.session().await["user"], user);
}

#[tokio::test]
async fn a_session_that_is_not_remembered_stays_so_when_its_cookie_is_set_anew() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let body = json!({ "email": alice.email, "password": alice.password, "rememberMe": false });
    let _ = alice.post("/sign-in/email", body).await.expect(200);
    let reply = alice.post("/update-user", json!({ "name": "A" })).await.expect(200);
    assert_eq!(reply.cookies()[0].max_age, None);
}

#[tokio::test]
async fn what_is_not_for_the_user_to_change_is_refused() {
    let app = TestApp::builder()
        .config(|config| {
            let field = FieldSpec { kind: FieldKind::Number, required: false, input: false, default: None };
            config.user.fields.insert("score".to_owned(), field);
        })
        .start()
        .await;
    let alice = app.user("alice").await;
    let before = alice.session().await["user"].clone();
    let refused = [
        (json!({ "email": "new@example.test" }), "EMAIL_CAN_NOT_BE_UPDATED"),
        (json!({ "name": "A", "email": alice.email }), "EMAIL_CAN_NOT_BE_UPDATED"),
        (json!({ "name": "A", "role": "admin" }), "FIELD_NOT_ALLOWED"),
        (json!({ "name": "A", "score": 100 }), "FIELD_NOT_ALLOWED"),
        (json!({}), "NO_FIELDS_TO_UPDATE"),
        (json!({ "emailVerified": true, "id": "x" }), "NO_FIELDS_TO_UPDATE"),
        (json!([]), "BODY_MUST_BE_AN_OBJECT"),
        (json!("name"), "BODY_MUST_BE_AN_OBJECT"),
        (json!({ "name": 7 }), "VALIDATION_ERROR"),
        (json!({ "name": null }), "VALIDATION_ERROR"),
        (json!({ "image": false }), "VALIDATION_ERROR"),
        (json!({ "name": "line\nbreak" }), "VALIDATION_ERROR"),
        (json!({ "name": "x".repeat(257) }), "VALIDATION_ERROR"),
    ];
    for (body, code) in refused {
        alice.post("/update-user", body.clone()).await.expect_error(400, code);
        alice.put("/profile", body).await.expect_error(400, code);
    }
    let empty = alice.send(alice.request(http::Method::POST, "/update-user")).await;
    empty.expect_error(400, "NO_FIELDS_TO_UPDATE");
    assert_eq!(alice.session().await["user"], before);
}

#[tokio::test]
async fn an_extra_field_is_set_changed_and_removed() {
    let app = TestApp::builder()
        .config(|config| {
            let field = FieldSpec { kind: FieldKind::String, required: false, input: true, default: None };
            config.user.fields.insert("company".to_owned(), field);
        })
        .start()
        .await;
    let alice = app.user("alice").await;
    for value in [json!("Acme"), json!("\u{202e}ǝɯɔ∀"), json!(""), Value::Null] {
        let _ = alice.post("/update-user", json!({ "company": value })).await.expect(200);
        assert_eq!(alice.session().await["user"]["company"], value);
    }
}

#[tokio::test]
async fn a_role_can_be_kept_off_the_wire() {
    let app = TestApp::builder().config(|config| config.user.expose_role = false).start().await;
    let alice = app.user("alice").await;
    assert_eq!(alice.session().await["user"].get("role"), None);
    let _ = alice.post("/update-user", json!({ "name": "A", "role": "admin" })).await.expect(200);
    let roles = app.database().number("SELECT COUNT(*) FROM identity_users WHERE role = 'user'").await;
    assert_eq!(roles, 1);
}
