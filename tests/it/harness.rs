//! The harness itself: what other tests rely on without looking.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::HeaderMap;
use http::header::SET_COOKIE;
use identity_tests::{Browser, Letter, SmtpSink, TestApp, TestDatabase};
use sea_orm::ConnectionTrait as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const NOON: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).unwrap();

#[test]
fn a_browser_forgets_deleted_and_expired_cookies() {
    let mut browser = Browser::default();
    browser.take(&set_cookies(&["a=1; Max-Age=60; Path=/; HttpOnly", "b=2; Path=/", "c=3; Max-Age=60"]), NOON);
    assert_eq!(browser.header(NOON).as_deref(), Some("a=1; b=2; c=3"));
    browser.take(&set_cookies(&["c=; Max-Age=0"]), NOON);
    assert_eq!(browser.header(NOON + Duration::from_secs(59)).as_deref(), Some("a=1; b=2"));
    assert_eq!(browser.header(NOON + Duration::from_mins(1)).as_deref(), Some("b=2"));
    browser.restart();
    assert_eq!(browser.header(NOON).as_deref(), Some("a=1"));
}

#[test]
fn a_letter_is_read_from_an_encoded_part() {
    let letter = Letter::read(
        "alice@example.test",
        "Subject: Choose a new password for App\r\nContent-Type: multipart/alternative;\r\n boundary=\"xyz\"\r\n\r\n\
         --xyz\r\nContent-Type: text/html\r\n\r\n<a href=\"http://wrong.test\">\r\n\
         --xyz\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
         Follow http://localhost:1/api/auth/reset-password/abc?callbackURL=3D%2F=\r\nreset now, or type 123456.\r\n--xyz--\r\n",
    );
    assert_eq!(letter.purpose, "reset_password");
    assert_eq!(letter.link(), "http://localhost:1/api/auth/reset-password/abc?callbackURL=%2Freset");
    assert_eq!(letter.token(), "abc");
    assert_eq!(letter.code(), "123456");
}

#[tokio::test]
async fn a_mail_sink_refuses_while_it_is_stopped() {
    let mut sink = SmtpSink::start().await;
    let address = sink.url().trim_start_matches("smtp://").to_owned();
    sink.stop().await;
    assert!(TcpStream::connect(&address).await.is_err());
    sink.restart().await;
    let mut client = TcpStream::connect(&address).await.unwrap();
    let message = "From: <i@example.test>\r\nSubject: Hello\r\n\r\n..A line that begins with a dot\r\n.\r\n";
    client
        .write_all(
            format!("EHLO me\r\nMAIL FROM:<i@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n{message}QUIT\r\n")
                .as_bytes(),
        )
        .await
        .unwrap();
    let letter = sink.letter_to("bob@example.test", 0).await;
    assert_eq!((letter.subject.as_str(), letter.text.as_str()), ("Hello", ".A line that begins with a dot"));
    let mut conversation = String::new();
    client.shutdown().await.unwrap();
    client.read_to_string(&mut conversation).await.unwrap();
    assert!(conversation.contains("250 Kept"), "{conversation}");
}

#[tokio::test]
async fn each_test_has_a_migrated_database_of_its_own() {
    let (one, other) = (TestDatabase::migrated().await, TestDatabase::migrated().await);
    assert_ne!(one.url(), other.url());
    let row = "INSERT INTO identity_provisionings (user_id, target, provisioned_at) SELECT 'u', 't', NULL WHERE false";
    one.connect().await.execute_unprepared(row).await.unwrap();
    other.connect().await.execute_unprepared(row).await.unwrap();
    let empty = TestDatabase::empty().await;
    assert!(empty.connect().await.execute_unprepared(row).await.is_err());
}

#[tokio::test]
async fn people_sign_up_and_are_known_until_their_cookie_expires() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    assert_eq!(alice.session().await["user"]["email"], "alice@example.test");
    assert!(!alice.at_another_browser().is_signed_in().await);
    app.pass(Duration::from_hours(8 * 24));
    assert!(!alice.is_signed_in().await);
}

#[tokio::test]
async fn people_follow_the_links_in_their_mails() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let body = json!({ "email": alice.email, "callbackURL": "/welcome" });
    let _ = alice.post("/send-verification-email", body).await.expect(200);
    let letter = app.letter_to(&alice.email, 0).await;
    assert_eq!(alice.opens(&letter.link()).await.expect(302).header("location"), Some("/welcome"));
    assert_eq!(alice.session().await["user"]["emailVerified"], true);
    app.until_mails_have_left().await;
    assert_eq!(app.mailer.mails().len(), 1);
}

fn set_cookies(lines: &[&str]) -> HeaderMap {
    lines.iter().map(|line| (SET_COOKIE, line.parse().unwrap())).collect()
}
