//! The record of what happened.

use std::time::Duration;

use identity_core::audit::{EventFilter, Recorded};
use identity_core::event::Actor;
use identity_core::text::Email;
use identity_core::user::{Ban, NewUser, ProfileChange};
use identity_tests::{Actor as Person, TestApp};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::row;

const TICK: Duration = Duration::from_secs(1);

async fn events(app: &TestApp) -> Vec<Recorded> {
    app.identity.audit().list(&EventFilter::default(), None, 1000).await.unwrap()
}

/// The names of what has happened since the last call of this.
async fn news(app: &TestApp, seen: &mut usize) -> Vec<String> {
    // Events of one millisecond have no order.
    app.pass(TICK);
    let kinds: Vec<String> = events(app).await.into_iter().skip(*seen).map(|event| event.kind).collect();
    *seen += kinds.len();
    kinds
}

#[tokio::test]
async fn every_step_of_a_user_leaves_one_event() {
    let app = TestApp::start().await;
    let mut alice = app.user("alice").await;
    let mut seen = 0;
    assert_eq!(news(&app, &mut seen).await, ["sign_up.succeeded"]);

    let elsewhere = alice.at_another_browser();
    let _ = elsewhere.signs_in().await.expect(200);
    assert_eq!(news(&app, &mut seen).await, ["sign_in.succeeded"]);
    let _ = elsewhere.signs_out().await.expect(200);
    assert_eq!(news(&app, &mut seen).await, ["session.signed_out"]);
    let _ = elsewhere.signs_out().await.expect(200);
    assert_eq!(news(&app, &mut seen).await, [""; 0], "there was nothing to end");

    let wrong = json!({ "email": alice.email, "password": "a wrong password" });
    elsewhere.post("/sign-in/email", wrong).await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    let nobody = json!({ "email": "nobody@example.test", "password": "a wrong password" });
    elsewhere.post("/sign-in/email", nobody).await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    assert_eq!(news(&app, &mut seen).await, ["sign_in.failed"; 2]);

    alice
        .post("/verify-password", json!({ "password": "a wrong password" }))
        .await
        .expect_error(400, "INVALID_PASSWORD");
    assert_eq!(news(&app, &mut seen).await, ["password.refused"]);
    let change = json!({ "currentPassword": alice.password, "newPassword": "another password" });
    let _ = alice.post("/change-password", change).await.expect(200);
    assert_eq!(news(&app, &mut seen).await, ["password.changed"]);

    let _ = alice.post("/request-password-reset", json!({ "email": alice.email })).await.expect(200);
    let token = app.letter_to(&alice.email, 1).await.token();
    assert_eq!(news(&app, &mut seen).await, ["password.reset_requested"]);
    let reset = json!({ "newPassword": "a third password", "token": token });
    let _ = alice.post("/reset-password", reset).await.expect(200);
    assert_eq!(news(&app, &mut seen).await, ["password.reset"]);

    alice.password = "a third password".to_owned();
    let _ = alice.signs_in().await.expect(200);
    let _ = alice.post("/revoke-sessions", json!({})).await.expect(200);
    let _ = alice.signs_in().await.expect(200);
    let _ = news(&app, &mut seen).await;
    let new_email = json!({ "newEmail": "alice@elsewhere.test" });
    let _ = alice.post("/change-email", new_email).await.expect(200);
    assert_eq!(news(&app, &mut seen).await, ["email.change_requested"]);
    let link = app.letter_to("alice@elsewhere.test", 0).await.link();
    let _ = alice.opens(&link).await;
    assert_eq!(news(&app, &mut seen).await, ["email.changed"]);
    let kinds: Vec<String> = events(&app).await.into_iter().map(|event| event.kind).collect();
    assert!(kinds.contains(&"session.revoked".to_owned()));
}

#[tokio::test]
async fn an_event_says_who_whom_from_where_and_why() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let id = row(&app, &alice).await.id;
    app.pass(TICK);
    let stranger = app.actor("stranger").from_ip([203, 0, 113, 7]);
    let wrong = json!({ "email": alice.email, "password": "a wrong password" });
    stranger.post("/sign-in/email", wrong).await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    let [signed_up, failed] = events(&app).await.try_into().expect("two events");
    assert_eq!((signed_up.actor, signed_up.user_id.as_ref()), (Actor::User(id.clone()), Some(&id)));
    assert_eq!((failed.actor, failed.user_id), (Actor::Anonymous, Some(id)));
    assert_eq!(failed.ip, Some([203, 0, 113, 7].into()));
    assert_eq!(failed.user_agent.as_deref(), Some("identity-tests"));
    assert_eq!(Value::Object(failed.details), json!({ "reason": "invalid_credentials" }));
}

#[tokio::test]
async fn every_act_on_the_host_leaves_one_event() {
    let app = TestApp::start().await;
    let users = app.identity.users();
    let new = NewUser {
        email: Email::parse("bob@example.test").unwrap(),
        name: "Bob".to_owned(),
        password: None,
        email_verified: true,
        role: "user".to_owned(),
    };
    let bob = users.create(new).await.unwrap().id;
    let mut seen = 0;
    assert_eq!(news(&app, &mut seen).await, ["user.created"]);
    users.set_role(&bob, "editor").await.unwrap();
    assert_eq!(news(&app, &mut seen).await, ["user.role_changed"]);
    users.ban(&bob, &Ban { reason: None, expires_at: None }).await.unwrap();
    assert_eq!(news(&app, &mut seen).await, ["user.banned"]);
    users.unban(&bob).await.unwrap();
    assert_eq!(news(&app, &mut seen).await, ["user.unbanned"]);
    users.recover(&bob, "a new password").await.unwrap();
    assert_eq!(news(&app, &mut seen).await, ["user.recovered"]);
    users.update(&bob, ProfileChange { name: Some("Robert".to_owned()), ..ProfileChange::default() }).await.unwrap();
    assert_eq!(news(&app, &mut seen).await, ["user.updated"]);
    let all = events(&app).await;
    assert!(all.iter().all(|event| event.actor == Actor::Operator && event.user_id.as_ref() == Some(&bob)));
    assert_eq!(Value::Object(all[1].details.clone()), json!({ "from": "user", "to": "editor" }));
}

#[tokio::test]
async fn events_are_found_by_account_by_kind_and_by_age() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    app.pass(Duration::from_hours(1));
    let since = app.identity.now();
    let _ = bob.signs_in().await.expect(200);
    let of = async |filter: EventFilter| app.identity.audit().list(&filter, None, 1000).await.unwrap().len();
    assert_eq!(of(EventFilter { user_id: Some(row(&app, &alice).await.id), ..EventFilter::default() }).await, 1);
    assert_eq!(of(EventFilter { user_id: Some(row(&app, &bob).await.id), ..EventFilter::default() }).await, 2);
    assert_eq!(of(EventFilter { kind: Some("sign_up".to_owned()), ..EventFilter::default() }).await, 2);
    assert_eq!(of(EventFilter { kind: Some("sign".to_owned()), ..EventFilter::default() }).await, 0);
    assert_eq!(of(EventFilter { since: Some(since), ..EventFilter::default() }).await, 1);
    let page = app.identity.audit().list(&EventFilter::default(), None, 2).await.unwrap();
    let rest = app.identity.audit().list(&EventFilter::default(), Some(&page[1].id), 1000).await.unwrap();
    assert_eq!((page.len(), rest.len()), (2, 1));
}

#[tokio::test]
async fn a_deleted_account_leaves_a_record_that_names_nobody() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let id = row(&app, &alice).await.id;
    let body = json!({ "password": alice.password });
    let _ = alice.post("/delete-user", body).await.expect(200);
    let left = events(&app).await;
    let mut kinds: Vec<&str> = left.iter().map(|event| event.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["sign_up.succeeded", "user.deleted"]);
    assert!(left.iter().all(|event| event.user_id.as_ref() == Some(&id)));
    assert!(left.iter().all(|event| event.ip.is_none() && event.user_agent.is_none()));
}

#[tokio::test]
async fn an_account_is_deleted_however_much_strangers_have_made_happen_to_it() {
    let app = TestApp::builder().without_worker().start().await;
    let alice = app.user("alice").await;
    let id = row(&app, &alice).await.id;
    let storm = format!(
        "INSERT INTO identity_events (id, kind, user_id, actor, ip_address, user_agent, details, created_at) \
         WITH RECURSIVE storm (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM storm WHERE number < 3000) \
         SELECT 'storm' || number, 'sign_in.failed', '{id}', 'anonymous', '203.0.113.7', 'curl', details, created_at \
         FROM storm, identity_events WHERE kind = 'sign_up.succeeded'"
    );
    assert_eq!(app.database().change(&storm).await, 3000);
    let _ = alice.post("/delete-user", json!({ "password": alice.password })).await.expect(200);
    // The deletion forgets from where at most 500 of them came, so that it does not take as long as strangers please.
    let remembered = "SELECT COUNT(*) FROM identity_events WHERE ip_address IS NOT NULL";
    assert_eq!(app.database().number(remembered).await, 3000 + 1 - 500, "some are left to the worker");
    app.identity.clean_up().await.unwrap();
    assert_eq!(app.database().number(remembered).await, 0);
}

#[tokio::test]
async fn events_go_when_they_are_old_enough() {
    let builder = TestApp::builder().config(|config| config.audit.keep_for = Duration::from_hours(24));
    let app = builder.without_worker().start().await;
    let alice: Person = app.user("alice").await;
    app.pass(Duration::from_hours(25));
    let _ = alice.signs_in().await.expect(200);
    app.identity.clean_up().await.unwrap();
    let kinds: Vec<String> = events(&app).await.into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["sign_in.succeeded"]);
}

#[tokio::test]
async fn events_of_strangers_go_sooner_and_the_oldest_of_too_many_first() {
    let builder = TestApp::builder().config(|config| config.audit.strangers_at_most = 3);
    let app = builder.without_worker().start().await;
    let alice = app.user("alice").await;
    // When each of them happened, a second apart.
    let strangers = async |from: usize, count: usize| {
        let mut times = Vec::new();
        for number in from..from + count {
            let stranger = app.actor(&format!("stranger{number}"));
            app.pass(TICK);
            times.push(app.identity.now());
            stranger.signs_in().await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
            app.pass(TICK);
            times.push(app.identity.now());
            let _ = stranger.post("/request-password-reset", json!({ "email": stranger.email })).await.expect(200);
        }
        times
    };
    // How many there are about an account, and when the others happened.
    let left = async || {
        app.identity.clean_up().await.unwrap();
        let (known, unknown): (Vec<_>, Vec<_>) =
            events(&app).await.into_iter().partition(|event| event.user_id.is_some());
        (known.len(), unknown.into_iter().map(|event| event.at).collect::<Vec<_>>())
    };
    let first = strangers(0, 3).await;
    let mut thief = alice.at_another_browser();
    thief.password = "a wrong password".to_owned();
    thief.signs_in().await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    assert_eq!(left().await, (2, first[3..].to_vec()));
    let week = Duration::from_hours(24 * 7);
    app.pass(week.saturating_sub(2 * TICK));
    let second = strangers(3, 1).await;
    assert_eq!(left().await, (2, vec![first[5], second[0], second[1]]));
    app.pass(TICK);
    assert_eq!(left().await, (2, second), "what happened to an account is kept as long as ever");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_hangs_up_while_a_password_is_checked_leaves_an_event() {
    let app = TestApp::builder()
        .config(|config| {
            config.limits.enabled = true;
            config.password.argon2_memory = 64 << 10;
            config.password.argon2_iterations = 4;
        })
        .start()
        .await;
    let alice = app.user("alice").await;
    let charged = "SELECT CAST(COALESCE(SUM(failures), 0) AS BIGINT) FROM identity_guesses";
    for (path, body, kind) in [
        ("/sign-in/email", json!({ "email": alice.email, "password": "a wrong password" }), "sign_in.abandoned"),
        ("/verify-password", json!({ "password": "a wrong password" }), "password.abandoned"),
    ] {
        let before = app.database().number(charged).await;
        let caller = alice.clone();
        let mut asking = JoinSet::new();
        asking.spawn(async move { caller.post(path, body).await });
        app.database().until(charged, before + 1).await;
        // It is being hashed, which takes a while.
        asking.abort_all();
        let hung_up = asking.join_next().await.unwrap().is_err_and(|error| error.is_cancelled());
        assert!(hung_up, "{path} was answered before anybody hung up");
        let seen = format!("SELECT COUNT(*) FROM identity_events WHERE kind = '{kind}'");
        app.database().until(&seen, 1).await;
    }
}
