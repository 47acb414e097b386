//! Whose account it is: taken before its owner comes, changed behind their back, reached by somebody else.

use std::sync::Arc;

use identity_core::config::{FieldKind, FieldSpec};
use identity_tests::{Actor, TestApp, race};
use serde_json::{Value, json};

use crate::better_auth::link_provider;

/// Case 10: the password of an account that waits for its proof is that of the first who asked, whoever asks again.
#[tokio::test]
async fn signing_up_again_does_not_replace_the_password_that_waits() {
    let app = TestApp::builder().config(|config| config.email.require_verification = true).start().await;
    let victim = app.actor("victim");
    let _ = victim.signs_up().await.expect(200);
    let mut attacker = victim.at_another_browser();
    attacker.password = "the choice of the attacker".to_owned();
    attacker.name = "Attacker".to_owned();
    let _ = attacker.signs_up().await.expect(200);
    let newest = app.letter_to(&victim.email, 1).await;
    assert_eq!(newest.purpose, "account_exists");
    // The newest mail has nothing to confirm; the first one proves the account of the victim.
    assert!(!newest.text.contains("http"), "{}", newest.text);
    let _ = victim.opens(&app.letter_to(&victim.email, 0).await.link()).await.expect(302);
    attacker.signs_in().await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    assert!(!attacker.is_signed_in().await);
    let user = victim.signs_in().await.expect(200).json()["user"].clone();
    assert_eq!((&user["name"], &user["emailVerified"]), (&json!("victim"), &json!(true)));
}

/// Case 11: a change of address that waits is worth nothing once somebody else has the address.
#[tokio::test]
async fn a_waiting_change_of_address_does_not_reach_into_an_account_made_meanwhile() {
    let app = TestApp::start().await;
    let attacker = app.user("attacker").await;
    let victim = app.actor("victim");
    let _ = attacker.post("/change-email", json!({ "newEmail": victim.email })).await.expect(200);
    let change = app.letter_to(&victim.email, 0).await.token();
    let _ = victim.signs_up().await.expect(200);
    let _ = victim.post("/send-verification-email", json!({ "email": victim.email })).await.expect(200);
    let proof = app.letter_to(&victim.email, 1).await.link();
    let _ = victim.opens(&proof).await.expect(302);
    for actor in [&attacker, &victim, &app.actor("nobody")] {
        let reply = actor.get(&format!("/verify-email?token={change}")).await;
        assert!(reply.status != 200 || !reply.text().contains("\"user\""), "{}", reply.text());
        let reply = actor.post("/verify-email", json!({ "token": change })).await;
        assert!([401, 422].contains(&reply.status.as_u16()), "{} {}", reply.status, reply.text());
    }
    let email = async |actor: &Actor| actor.session().await["user"]["email"].clone();
    assert_eq!((email(&attacker).await, email(&victim).await), (json!(attacker.email), json!(victim.email)));
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_users").await, 2);
    let _ = victim.at_another_browser().signs_in().await.expect(200);
}

/// Case 109: a link about an address sets that address, however many changes are asked for at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_changes_asked_for_at_once_each_link_sets_the_address_it_was_sent_to() {
    let app = Arc::new(TestApp::start().await);
    for round in 0..20 {
        let attacker = app.user(&format!("attacker{round}")).await;
        let (own, foreign) = (format!("own{round}@evil.test"), format!("victim{round}@example.test"));
        let replies = race(4, |number| {
            let (attacker, new) = (attacker.clone(), if number % 2 == 0 { own.clone() } else { foreign.clone() });
            async move { attacker.post("/change-email", json!({ "newEmail": new })).await }
        });
        assert!(replies.await.iter().all(|reply| reply.status == 200));
        let mut links = Vec::new();
        for (address, index) in [(&own, 0), (&own, 1), (&foreign, 0), (&foreign, 1)] {
            links.push(format!("/verify-email?token={}", app.letter_to(address, index).await.token()));
        }
        let mut changed = false;
        for link in &links[..2] {
            let reply = attacker.get(link).await;
            changed |= reply.status == 200;
            assert_ne!(attacker.session().await["user"]["email"], foreign.as_str());
        }
        assert!(changed && attacker.session().await["user"]["email"] == own.as_str());
        for link in &links[2..] {
            attacker.get(link).await.expect_error(401, "INVALID_TOKEN");
        }
    }
}

/// Case 62: what belongs to somebody else is what does not exist.
#[tokio::test]
async fn ids_of_somebody_else_are_answered_like_ids_of_nobody() {
    let app = TestApp::start().await;
    let (alice, mallory) = (app.user("alice").await, app.user("mallory").await);
    link_provider(&app, "google").await;
    let session = alice.session().await["session"].clone();
    let accounts = alice.get("/list-accounts").await.expect(200).json();
    let ids: Vec<&Value> = [&session["id"], &session["token"], &session["userId"]]
        .into_iter()
        .chain(accounts.as_array().unwrap().iter().flat_map(|account| [&account["id"], &account["accountId"]]))
        .collect();
    let before = app.database().dump().await;
    for (path, field, status) in [
        ("/revoke-session-by-id", "sessionId", 404),
        ("/revoke-session", "token", 200),
        ("/unlink-account", "accountId", 400),
        ("/delete-user/callback", "token", 404),
    ] {
        let unknown = mallory.post(path, json!({ field: "unknown" })).await.expect(status);
        for id in &ids {
            let reply = mallory.post(path, json!({ field: id })).await;
            assert_eq!((reply.status, &reply.body, &reply.headers), (unknown.status, &unknown.body, &unknown.headers));
        }
    }
    // Naming somebody in the query or in another field changes nothing about whose data it is.
    let id = session["userId"].as_str().unwrap();
    for path in ["/list-sessions", "/list-accounts", "/me", "/get-session", "/has-password"] {
        let own = mallory.get(path).await.expect(200);
        let reply = mallory.get(&format!("{path}?userId={id}&id={id}&email={}", alice.email)).await.expect(200);
        assert_eq!(reply.body, own.body, "{path}");
        assert!(!reply.text().contains(id) && !reply.text().contains(&alice.email), "{path}");
    }
    assert_eq!(before, app.database().dump().await);
}

/// Case 64: answers have the documented members and no other, and nothing in them is a secret of the server.
#[tokio::test]
async fn answers_show_what_is_documented_and_nothing_else() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    link_provider(&app, "google").await;
    let at_work = alice.at_another_browser();
    let other = at_work.signs_in().await.expect(200).json()["token"].as_str().unwrap().to_owned();
    let user = ["createdAt", "email", "emailVerified", "id", "image", "name", "role", "updatedAt"];
    let session = ["createdAt", "expiresAt", "id", "ipAddress", "token", "updatedAt", "userAgent", "userId"];
    let account = ["accountId", "createdAt", "id", "providerId", "scopes", "updatedAt", "userId"];
    let keys = |value: &Value| -> Vec<String> {
        let mut keys: Vec<String> = value.as_object().expect("an object").keys().cloned().collect();
        keys.sort();
        keys
    };
    let mut texts = Vec::new();
    let mut read = async |path: &str| {
        let reply = alice.get(path).await.expect(200);
        texts.push(reply.text());
        reply.json()
    };
    let whole = read("/get-session").await;
    assert_eq!(keys(&whole), ["session", "user"]);
    assert_eq!(
        (keys(&whole["user"]), keys(&whole["session"])),
        (user.map(str::to_owned).to_vec(), session.map(str::to_owned).to_vec())
    );
    assert_eq!(keys(&read("/me").await), user);
    for listed in read("/list-sessions").await.as_array().unwrap() {
        assert_eq!(keys(listed), session);
    }
    for listed in read("/list-accounts").await.as_array().unwrap() {
        assert_eq!(keys(listed), account);
    }
    let signed_in = alice.signs_in().await.expect(200);
    assert_eq!(
        (keys(&signed_in.json()), keys(&signed_in.json()["user"])),
        (["redirect", "token", "user"].map(str::to_owned).to_vec(), user.map(str::to_owned).to_vec())
    );
    texts.push(signed_in.text());
    for text in &texts {
        for secret in ["argon2", "hash", &other, &alice.password, &bob.email] {
            assert!(!text.to_lowercase().contains(&secret.to_lowercase()), "{secret}: {text}");
        }
    }
}

/// Case 65: what only the system sets is not set by whoever writes it into a body.
#[tokio::test]
async fn no_body_sets_what_only_the_system_sets() {
    let builder = TestApp::builder().config(|config| {
        let field = FieldSpec { kind: FieldKind::Boolean, required: false, input: false, default: None };
        config.user.fields.insert("isAdmin".to_owned(), field);
    });
    let app = builder.start().await;
    let wishes = [
        ("emailVerified", json!(true)),
        ("email_verified", json!(true)),
        ("isVerified", json!(true)),
        ("phoneVerified", json!(true)),
        ("role", json!("admin")),
        ("roles", json!(["admin"])),
        ("isAdmin", json!(true)),
        ("banned", json!(true)),
        ("banExpires", json!(0)),
        ("orgId", json!("x")),
        ("claims", json!({ "admin": true })),
        ("createdAt", json!("1999-01-01T00:00:00.000Z")),
        ("updatedAt", json!("1999-01-01T00:00:00.000Z")),
        ("id", json!("chosen")),
        ("userId", json!("chosen")),
        ("passwordHash", json!("$argon2id$x")),
        ("password_hash", json!("$argon2id$x")),
        ("twoFactorEnabled", json!(false)),
        ("expiresAt", json!("2099-01-01T00:00:00.000Z")),
        ("token", json!("chosen")),
        ("user", json!({ "role": "admin", "emailVerified": true })),
    ];
    let mallory = app.user("mallory").await;
    let honest = |session: &Value| session["user"].clone();
    let before = mallory.session().await;
    for (number, (name, value)) in wishes.iter().enumerate() {
        let newcomer = app.actor(&format!("new{number}"));
        let mut body = json!({ "name": "x", "email": newcomer.email, "password": newcomer.password });
        body[*name] = value.clone();
        let reply = newcomer.post("/sign-up/email", body).await;
        assert!([200, 400].contains(&reply.status.as_u16()), "{name}: {}", reply.text());
        if reply.status == 200 {
            let user = newcomer.session().await["user"].clone();
            let shown = json!([user["role"], user["emailVerified"], user["isAdmin"], user["createdAt"], user["email"]]);
            assert_eq!(shown, json!(["user", false, null, "2026-01-01T00:00:00.000Z", newcomer.email]), "{name}");
            assert_ne!(user["id"], "chosen");
        }
        let new = format!("changed{number}@example.test");
        for (path, mut body) in [
            ("/update-user", json!({})),
            ("/change-email", json!({ "newEmail": new })),
            ("/change-password", json!({ "currentPassword": "a wrong one", "newPassword": "another password" })),
            ("/send-verification-email", json!({ "email": mallory.email })),
            ("/update-session", json!({})),
        ] {
            body[*name] = value.clone();
            let reply = mallory.post(path, body.clone()).await;
            assert!([200, 400].contains(&reply.status.as_u16()), "{path} {body}: {}", reply.text());
        }
        assert!([400, 200].contains(&mallory.put("/profile", json!({ *name: value })).await.status.as_u16()));
    }
    assert_eq!(honest(&mallory.session().await), honest(&before));
    assert_eq!(mallory.session().await["session"]["expiresAt"], before["session"]["expiresAt"]);
    let privileged = "SELECT COUNT(*) FROM identity_users WHERE role <> 'user' OR email_verified OR banned";
    assert_eq!(app.database().number(privileged).await, 0);
}
