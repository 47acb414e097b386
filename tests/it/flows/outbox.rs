//! Mail leaves after its cause, in its own time, whatever the mail server does.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use identity_core::Identity;
use identity_core::mail::{Mail, MailError, MailTransport, SmtpTransport};
use identity_core::request::RequestInfo;
use identity_core::secret::Secret;
use identity_core::store::Store;
use identity_core::testing::{Failure, MemoryMailer};
use identity_core::text::Email;
use identity_core::time::Clock as _;
use identity_core::user::NewUser;
use identity_tests::{Actor, SECRET, SmtpSink, TestApp, TestDatabase};
use serde_json::json;

/// A mail server that takes a connection and never answers.
#[derive(Debug)]
struct Silent;

#[async_trait]
impl MailTransport for Silent {
    async fn send(&self, _mail: &Mail) -> Result<(), MailError> {
        std::future::pending().await
    }
}

async fn asks(actor: &Actor) {
    let _ = actor.post("/request-password-reset", json!({ "email": actor.email })).await.expect(200);
}

/// Waits until the only row has been tried so often and is due so many seconds from now.
async fn until_due(app: &TestApp, attempts: i64, seconds: i64) {
    let due = if app.database().is_postgres() {
        "CAST(EXTRACT(EPOCH FROM available_at) AS BIGINT)"
    } else {
        "CAST(strftime('%s', available_at) AS INTEGER)"
    };
    let due_at = app.clock.now().timestamp() + seconds;
    let sql = format!("SELECT COUNT(*) FROM identity_outbox WHERE attempts = {attempts} AND {due} = {due_at}");
    app.database().until(&sql, 1).await;
}

#[tokio::test]
async fn a_mail_server_that_never_answers_holds_up_no_request() {
    let builder = TestApp::builder().transport(Arc::new(Silent)).config(|config| config.email.send_on_sign_up = true);
    let app = builder.start().await;
    let everything = async {
        let alice = app.user("alice").await;
        asks(&alice).await;
        let body = json!({ "email": alice.email, "type": "email-verification" });
        let _ = alice.post("/email-otp/send-verification-otp", body).await.expect(200);
        let _ = alice.post("/change-email", json!({ "newEmail": "new@example.test" })).await.expect(200);
        let body = json!({ "currentPassword": alice.password, "newPassword": "another password" });
        let _ = alice.post("/change-password", body).await.expect(200);
        assert!(alice.is_signed_in().await);
    };
    tokio::time::timeout(Duration::from_secs(20), everything).await.expect("nothing waits for the mail server");
    assert_eq!(app.identity.outbox().await.unwrap().waiting, 5);
}

#[tokio::test]
async fn mail_that_was_written_while_the_server_was_down_leaves_when_it_is_back() {
    let mut sink = SmtpSink::start().await;
    let transport = SmtpTransport::new(&sink.url().into(), "Identity <identity@example.test>").unwrap();
    let app = TestApp::builder().transport(Arc::new(transport)).start().await;
    sink.stop().await;
    let alice = app.user("alice").await;
    asks(&alice).await;
    until_due(&app, 1, 5).await;
    sink.restart().await;
    app.pass(Duration::from_secs(5));
    let _worker = app.identity.spawn_worker();
    let letter = sink.letter_to(&alice.email, 0).await;
    let body = json!({ "newPassword": "another password", "token": letter.token() });
    let _ = alice.post("/reset-password", body).await.expect(200);
    assert_ne!(sink.letter_to(&alice.email, 1).await.subject, letter.subject, "the notice follows");
}

#[tokio::test]
async fn a_mail_is_tried_again_after_pauses_that_double() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    app.mailer.fail(Some(Failure::Transient));
    asks(&alice).await;
    let pauses = [5, 10, 20, 40, 80, 160, 320];
    let mut workers = Vec::new();
    for (attempt, pause) in (1..).zip(pauses) {
        until_due(&app, attempt, pause).await;
        app.pass(Duration::from_secs(pause.unsigned_abs()));
        workers.push(app.identity.spawn_worker());
    }
    until_due(&app, 8, 640).await;
    app.mailer.fail(None);
    app.pass(Duration::from_secs(640));
    workers.push(app.identity.spawn_worker());
    assert_eq!(app.letter_to(&alice.email, 0).await.subject, "Choose a new password for Identity");
    app.database().until("SELECT COUNT(*) FROM identity_outbox", 0).await;
    assert_eq!(app.mailer.mails().len(), 1, "many workers send it once");
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_becomes_a_dead_letter_and_holds_up_no_other() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    app.mailer.fail(Some(Failure::Permanent));
    asks(&alice).await;
    let dead = "SELECT COUNT(*) FROM identity_outbox WHERE state = 'dead' AND last_error LIKE '%refused%'";
    app.database().until(dead, 1).await;
    app.mailer.fail(None);
    asks(&bob).await;
    let _ = app.letter_to(&bob.email, 0).await;
    let counts = app.identity.outbox().await.unwrap();
    assert_eq!(counts.dead, 1);
    assert!(app.mailer.mails_to(&alice.email).is_empty());
}

#[tokio::test]
async fn a_link_that_has_run_out_is_not_sent_any_more() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    app.mailer.fail(Some(Failure::Transient));
    asks(&alice).await;
    until_due(&app, 1, 5).await;
    app.pass(Duration::from_hours(1));
    app.mailer.fail(None);
    let _worker = app.identity.spawn_worker();
    app.database().until("SELECT COUNT(*) FROM identity_outbox WHERE state = 'dead'", 1).await;
    assert!(app.mailer.mails().is_empty());
}

#[tokio::test]
async fn what_is_written_for_nobody_is_never_sent_and_does_not_stay() {
    let app = TestApp::start().await;
    let nobody = app.actor("nobody");
    asks(&nobody).await;
    let _ = nobody.post("/send-verification-email", json!({ "email": nobody.email })).await.expect(200);
    let decoys = "SELECT COUNT(*) FROM identity_verifications WHERE user_id IS NULL";
    assert_eq!(app.database().number(decoys).await, 3, "a reset link, a verification link and a code");
    app.database().until("SELECT COUNT(*) FROM identity_outbox", 0).await;
    assert!(app.mailer.mails().is_empty());
    app.pass(Duration::from_hours(24 * 8));
    let _worker = app.identity.spawn_worker();
    app.database().until(decoys, 0).await;
}

#[tokio::test]
async fn a_request_for_nobody_writes_what_one_for_somebody_writes() {
    let app = TestApp::builder().transport(Arc::new(Silent)).start().await;
    let (alice, nobody) = (app.user("alice").await, app.actor("nobody"));
    let mut sizes = Vec::new();
    for actor in [&alice, &nobody] {
        let before = app.database().number("SELECT COUNT(*) FROM identity_verifications").await;
        asks(&actor.at_another_browser()).await;
        let after = app.database().number("SELECT COUNT(*) FROM identity_verifications").await;
        sizes.push((after - before, app.database().number("SELECT COUNT(*) FROM identity_outbox").await));
    }
    assert_eq!(sizes[0].0, sizes[1].0);
    assert_eq!(sizes[0].1, 1);
}

#[tokio::test]
async fn mail_is_written_with_the_change_that_caused_it_or_not_at_all() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let body = json!({ "currentPassword": "a wrong password", "newPassword": "another password" });
    alice.post("/change-password", body).await.expect_error(400, "INVALID_PASSWORD");
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_outbox").await, 0);
    assert_eq!(app.identity.outbox().await.unwrap().waiting, 0);
}

#[tokio::test]
async fn every_mail_leaves_at_once_whatever_the_database_believes_about_the_outbox() {
    let database = TestDatabase::migrated().await;
    if database.is_postgres() {
        // An outbox that was full once and has one row since: the planner believes that there is one, and looks for it in its own way.
        let many = "INSERT INTO identity_outbox (id, topic, payload, state, attempts, available_at, created_at) \
                    SELECT 'row' || number, 'mail', '', 'dead', 0, now(), now() FROM generate_series(1, 20000) AS number";
        assert_eq!(database.change(many).await, 20_000);
        database.change("DELETE FROM identity_outbox WHERE id <> 'row20000'").await;
        database.change("VACUUM ANALYZE identity_outbox").await;
    }
    let mailer = Arc::new(MemoryMailer::new());
    let store = Store::connect(database.url()).await.unwrap();
    let builder = Identity::builder(store, Secret::new(SECRET.to_owned())).mailer(mailer.clone());
    let identity = builder.build().unwrap();
    let info = RequestInfo::default();
    let emails = (0..6).map(|number| Email::parse(&format!("user{number}@example.test")).unwrap());
    for email in emails.clone() {
        let (name, role) = ("User".to_owned(), "user".to_owned());
        let new = NewUser { email: email.clone(), name, password: None, email_verified: true, role };
        identity.users().create(new).await.unwrap();
        identity.password_reset().request(&email, None, &info).await.unwrap();
    }
    // All of them are due when the worker first looks.
    let worker = identity.spawn_worker();
    database.until("SELECT COUNT(*) FROM identity_outbox WHERE state = 'pending'", 0).await;
    worker.stop().await;
    for email in emails {
        assert_eq!(mailer.mails_to(email.as_str()).len(), 1, "{email:?}");
    }
}
