use std::time::Duration;

use identity_tests::TestApp;
use serde_json::json;

use super::sessions;

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn a_session_slides_once_per_day() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let expires = async || alice.session().await["session"]["expiresAt"].as_str().unwrap().to_owned();
    app.pass(DAY - Duration::from_millis(1));
    let reply = alice.get("/get-session").await.expect(200);
    assert!(reply.cookies().is_empty());
    assert_eq!(reply.json()["session"]["expiresAt"], "2026-01-08T00:00:00.000Z");
    app.pass(Duration::from_millis(1));
    let asked = alice.get("/get-session?disableRefresh=true").await.expect(200);
    assert!(asked.cookies().is_empty());
    assert_eq!(asked.json()["session"]["expiresAt"], "2026-01-08T00:00:00.000Z");
    let reply = alice.get("/get-session").await.expect(200);
    assert_eq!(reply.cookies()[0].max_age, Some(604_800));
    let session = reply.json()["session"].clone();
    assert_eq!(
        (&session["expiresAt"], &session["updatedAt"]),
        (&json!("2026-01-09T00:00:00.000Z"), &json!("2026-01-02T00:00:00.000Z"))
    );
    assert!(alice.get("/get-session").await.expect(200).cookies().is_empty());
    app.pass(DAY * 6);
    assert_eq!(expires().await, "2026-01-15T00:00:00.000Z", "used on its last day");
}

#[tokio::test]
async fn a_session_that_nobody_uses_ends_after_seven_days_and_its_row_goes() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let cookie = alice.browser(|browser| browser.get("session_token").unwrap().to_owned());
    app.pass(DAY * 7);
    alice.browser(|browser| browser.set("better-auth.session_token", cookie));
    let reply = alice.get("/get-session").await.expect(200);
    assert!(reply.json().is_null());
    assert_eq!(reply.cookies().len(), 3);
    assert_eq!(sessions(&app).await, 0);
}

#[tokio::test]
async fn no_session_lives_longer_than_thirty_days_however_it_is_used() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for _ in 0..29 {
        app.pass(DAY);
        assert!(alice.is_signed_in().await);
    }
    let cookie = alice.browser(|browser| browser.get("session_token").unwrap().to_owned());
    assert_eq!(alice.session().await["session"]["expiresAt"], "2026-01-31T00:00:00.000Z");
    app.pass(DAY - Duration::from_millis(1));
    assert!(alice.is_signed_in().await);
    app.pass(Duration::from_millis(1));
    alice.browser(|browser| browser.set("better-auth.session_token", cookie));
    assert!(!alice.is_signed_in().await);
}

#[tokio::test]
async fn the_cookie_of_an_old_session_does_not_outlive_it() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for _ in 0..28 {
        app.pass(DAY);
        let reply = alice.get("/get-session").await.expect(200);
        let left = reply.cookies().first().and_then(|cookie| cookie.max_age).unwrap_or_default();
        assert!(left <= 604_800);
    }
    let reply = alice.post("/update-user", json!({ "name": "A" })).await.expect(200);
    assert_eq!(reply.cookies()[0].max_age, Some(2 * 86_400));
}

#[tokio::test]
async fn a_lowered_maximum_counts_for_sessions_that_are_there() {
    let app = TestApp::builder().config(|config| config.session.max_age = DAY * 2).start().await;
    let alice = app.user("alice").await;
    assert_eq!(alice.session().await["session"]["expiresAt"], "2026-01-03T00:00:00.000Z");
    // As if it had been opened under a longer one.
    let longer = if app.database().is_postgres() { "'2027-01-01T00:00:00Z'" } else { "'2027-01-01 00:00:00+00:00'" };
    app.database().change(&format!("UPDATE identity_sessions SET expires_at = {longer}")).await;
    assert!(alice.is_signed_in().await);
    app.pass(DAY * 2);
    assert!(!alice.is_signed_in().await);
}

#[tokio::test]
async fn nobody_chooses_how_long_a_session_lives() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let expires = alice.session().await["session"]["expiresAt"].clone();
    for name in ["expiresAt", "days", "expiresIn", "createdAt", "updatedAt"] {
        let body = json!({ name: "2099-01-01T00:00:00.000Z" });
        alice.post("/update-session", body).await.expect_error(400, "NO_FIELDS_TO_UPDATE");
    }
    for days in [json!(-1), json!(99_999)] {
        let body = json!({ "email": alice.email, "password": alice.password, "days": days, "expiresIn": days });
        let _ = alice.post("/sign-in/email", body).await.expect(200);
        assert_eq!(alice.session().await["session"]["expiresAt"], expires);
    }
}
