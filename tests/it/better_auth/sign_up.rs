use identity_core::config::{Config, FieldKind, FieldSpec};
use identity_tests::TestApp;
use serde_json::{Value, json};

use super::{deleted, keys};

fn field(kind: FieldKind) -> FieldSpec {
    FieldSpec { kind, required: false, input: true, default: None }
}

#[tokio::test]
async fn a_new_account_is_signed_in_at_once() {
    let app = TestApp::start().await;
    let alice = app.actor("alice");
    let reply = alice.signs_up().await.expect(200);
    let body = reply.json();
    assert_eq!(keys(&body), ["token", "user"]);
    let user = &body["user"];
    assert_eq!(keys(user), ["createdAt", "email", "emailVerified", "id", "image", "name", "role", "updatedAt"]);
    assert_eq!((&user["email"], &user["name"]), (&json!("alice@example.test"), &json!("alice")));
    assert_eq!((&user["emailVerified"], &user["image"], &user["role"]), (&json!(false), &Value::Null, &json!("user")));
    assert_eq!(user["createdAt"], "2026-01-01T00:00:00.000Z");
    let token = body["token"].as_str().unwrap();
    assert!(token.len() >= 32 && token.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{token}");
    let [cookie] = &reply.cookies()[..] else { panic!("{:?}", reply.cookies()) };
    assert_eq!((cookie.name.as_str(), cookie.max_age), ("better-auth.session_token", Some(604_800)));
    assert!(cookie.value.starts_with(&format!("{token}.")), "{cookie:?}");
    let session = alice.session().await;
    assert_eq!((&session["user"], &session["session"]["token"]), (user, &json!(token)));
}

#[tokio::test]
async fn one_address_is_one_account_in_whatever_letters() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for spelling in ["alice@example.test", "ALICE@EXAMPLE.TEST", "Alice@Example.Test"] {
        let mut impostor = app.actor("impostor");
        impostor.email = spelling.to_owned();
        impostor.signs_up().await.expect_error(422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
        assert!(!impostor.is_signed_in().await);
        impostor.password.clone_from(&alice.password);
        assert_eq!(impostor.signs_in().await.expect(200).json()["user"]["name"], "alice");
    }
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_users").await, 1);
}

#[tokio::test]
async fn a_password_has_8_to_128_characters_as_javascript_counts_them_after_normalising() {
    let app = TestApp::start().await;
    let cases = [
        ("1234567".to_owned(), Some("PASSWORD_TOO_SHORT")),
        ("12345678".to_owned(), None),
        ("x".repeat(128), None),
        ("x".repeat(129), Some("PASSWORD_TOO_LONG")),
        ("😀".repeat(4), None),
        ("😀".repeat(64), None),
        ("😀".repeat(65), Some("PASSWORD_TOO_LONG")),
        // Each of these becomes two letters.
        ("\u{fb01}".repeat(4), None),
        ("\u{fb01}".repeat(65), Some("PASSWORD_TOO_LONG")),
    ];
    for (number, (password, refusal)) in cases.into_iter().enumerate() {
        let mut actor = app.actor(&format!("user{number}"));
        actor.password = password;
        let reply = actor.signs_up().await;
        match refusal {
            Some(code) => reply.expect_error(400, code),
            None => drop(reply.expect(200)),
        }
        assert_eq!(actor.is_signed_in().await, refusal.is_none(), "{:?}", actor.password);
    }
}

#[tokio::test]
async fn nobody_sets_what_only_the_system_sets() {
    let app = TestApp::builder()
        .config(|config| {
            let secret = "the-secret-of-the-wallet".into();
            config.provisioning.push(identity_core::config::ProvisioningTarget { name: "wallet".to_owned(), secret });
        })
        .start()
        .await;
    let alice = app.actor("alice");
    let sign_up = |extra: Value| {
        let mut body = json!({ "name": "alice", "email": alice.email, "password": alice.password });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        alice.post("/sign-up/email", body)
    };
    for (name, value) in [("role", json!("admin")), ("hasWalletAccount", json!(true))] {
        let reply = sign_up(json!({ name: value })).await;
        reply.expect_error(400, "FIELD_NOT_ALLOWED");
        assert_eq!(reply.json()["message"], format!("{name} is not allowed to be set"));
    }
    let ignored = json!({
        "emailVerified": true, "id": "chosen", "createdAt": "1999-01-01T00:00:00.000Z", "banned": true, "userId": "x",
        "hasPassword": false, "email_verified": true, "unheard": { "of": [1] },
    });
    let user = sign_up(ignored).await.expect(200).json()["user"].clone();
    assert_eq!((&user["emailVerified"], &user["hasWalletAccount"]), (&json!(false), &json!(false)));
    assert_eq!((&user["role"], &user["createdAt"]), (&json!("user"), &json!("2026-01-01T00:00:00.000Z")));
    assert!(user["id"] != "chosen" && user.get("unheard").is_none(), "{user}");
}

#[tokio::test]
async fn declared_fields_are_taken_checked_and_shown() {
    let app = TestApp::builder()
        .config(|config| {
            let fields = &mut config.user.fields;
            fields.insert("company".to_owned(), FieldSpec { required: true, ..field(FieldKind::String) });
            fields.insert("newsletter".to_owned(), field(FieldKind::Boolean));
            fields.insert("floor".to_owned(), FieldSpec { default: Some(json!(3)), ..field(FieldKind::Number) });
            fields.insert("score".to_owned(), FieldSpec { input: false, ..field(FieldKind::Number) });
        })
        .start()
        .await;
    let alice = app.actor("alice");
    let sign_up = |extra: Value| {
        let mut body = json!({ "name": "alice", "email": alice.email, "password": alice.password });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        alice.post("/sign-up/email", body)
    };
    sign_up(json!({})).await.expect_error(400, "MISSING_FIELD");
    sign_up(json!({ "company": "Acme", "score": 7 })).await.expect_error(400, "FIELD_NOT_ALLOWED");
    for (name, value) in [("company", json!(7)), ("newsletter", json!("yes")), ("floor", json!([]))] {
        let mut fields = json!({ "company": "Acme" });
        fields[name] = value;
        let reply = sign_up(fields).await;
        reply.expect_error(400, "VALIDATION_ERROR");
        assert!(reply.json()["message"].as_str().unwrap().contains(&format!("[body.{name}]")), "{}", reply.text());
    }
    let user = sign_up(json!({ "company": "Acme", "newsletter": true })).await.expect(200).json()["user"].clone();
    let shown = json!([user["company"], user["newsletter"], user["floor"], user["score"]]);
    assert_eq!(shown, json!(["Acme", true, 3, null]));
    assert_eq!(alice.session().await["user"], user);
}

/// PostgreSQL gives them back with all their digits, of which the largest has 309.
#[tokio::test]
async fn numbers_come_back_as_they_were_sent_however_large_or_small() {
    let config = |config: &mut Config| {
        let number = field(FieldKind::Number);
        config.user.fields =
            ["largest", "lowest", "smallest", "fraction"].map(|name| (name.to_owned(), number.clone())).into();
    };
    let app = TestApp::builder().config(config).start().await;
    let alice = app.actor("alice");
    let sent = json!({
        "name": "alice", "email": alice.email, "password": alice.password,
        "largest": f64::MAX, "lowest": f64::MIN, "smallest": 5e-324, "fraction": 0.1,
    });
    let _ = alice.post("/sign-up/email", sent.clone()).await.expect(200);
    let user = alice.session().await["user"].clone();
    for name in ["largest", "lowest", "smallest", "fraction"] {
        assert_eq!(user[name], sent[name], "{name}");
    }
}

#[tokio::test]
async fn where_addresses_have_to_be_proved_a_taken_one_answers_like_a_free_one() {
    let app = TestApp::builder().config(|config| config.email.require_verification = true).start().await;
    let alice = app.actor("alice");
    let first = alice.signs_up().await.expect(200);
    assert_eq!(first.json()["token"], Value::Null);
    assert!(!alice.is_signed_in().await);
    assert_eq!(app.letter_to(&alice.email, 0).await.subject, "Confirm your e-mail address for Identity");

    let mut mallory = app.actor("mallory");
    mallory.email = "Alice@Example.test".to_owned();
    let second = mallory.signs_up().await.expect(200);
    let shape = |reply: &identity_tests::Reply| {
        let mut body = reply.json();
        let user = body["user"].as_object_mut().unwrap();
        assert!(user["id"].as_str().is_some_and(|id| id.len() >= 16));
        user.remove("id");
        user.remove("name");
        let cookies = reply.cookies().into_iter();
        let cookies = cookies.map(|cookie| (cookie.name, cookie.max_age, cookie.value.len())).collect::<Vec<_>>();
        (reply.status, body, cookies)
    };
    assert_eq!(shape(&first), shape(&second));
    assert_ne!(first.json()["user"]["id"], second.json()["user"]["id"]);
    assert_eq!(app.letter_to(&alice.email, 1).await.subject, "You already have an account at Identity");
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_users").await, 1);
    mallory.signs_in().await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    alice.signs_in().await.expect_error(403, "EMAIL_NOT_VERIFIED");
}

#[tokio::test]
async fn who_does_not_want_to_be_remembered_is_forgotten_with_the_browser() {
    let app = TestApp::start().await;
    let alice = app.actor("alice");
    let body = json!({ "name": "alice", "email": alice.email, "password": alice.password, "rememberMe": false });
    let reply = alice.post("/sign-up/email", body).await.expect(200);
    let cookies: Vec<_> = reply.cookies().into_iter().map(|cookie| (cookie.name, cookie.max_age)).collect();
    let expected = ["better-auth.session_token", "better-auth.dont_remember"].map(|name| (name.to_owned(), None));
    assert_eq!(cookies, expected);
    assert!(deleted(&reply).is_empty());
    alice.browser(identity_tests::Browser::restart);
    assert!(!alice.is_signed_in().await);
}

#[tokio::test]
async fn a_page_without_javascript_signs_up_with_a_form() {
    let app = TestApp::start().await;
    let alice = app.actor("alice");
    let form = "name=Alice+A&email=alice%40example.test&password=the+password+of+alice&rememberMe=true";
    let call = alice.request(http::Method::POST, "/sign-up/email");
    let call = call.header("content-type", "application/x-www-form-urlencoded").body(form);
    assert_eq!(alice.send(call).await.expect(200).json()["user"]["name"], "Alice A");
    assert!(alice.at_another_browser().signs_in().await.status.is_success());
}
