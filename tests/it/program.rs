//! The programs as an operator runs them: what only a process, a signal or a mail server can show.

use std::time::{Duration, Instant};

use identity_tests::{BaseService, Server, SmtpSink};
use serde_json::json;

#[tokio::test]
async fn a_cookie_survives_a_killed_server() {
    let mut server = Server::start().await;
    let alice = server.actor("alice");
    let _ = alice.signs_up().await.expect(200);
    server.kill();
    server.restart().await;
    assert_eq!(alice.session().await["user"]["email"], "alice@example.test");
}

#[tokio::test]
async fn the_server_stops_when_it_is_asked_to() {
    let mut server = Server::start().await;
    assert!(server.terminate().await.success(), "{}", server.logs());
}

#[tokio::test]
async fn mail_that_cannot_leave_delays_nobody_and_arrives_later() {
    let mut sink = SmtpSink::start().await;
    let server = Server::builder()
        .env("IDENTITY_MAIL__SMTP_URL", sink.url())
        .env("IDENTITY_MAIL__FROM", "Identity <no-reply@identity.test>")
        .start()
        .await;
    let alice = server.actor("alice");
    let _ = alice.signs_up().await.expect(200);
    sink.stop().await;
    let asked = Instant::now();
    let body = json!({ "email": alice.email, "redirectTo": "/reset" });
    let _ = alice.post("/request-password-reset", body).await.expect(200);
    assert!(asked.elapsed() < Duration::from_secs(2), "the answer waited for the mail server");
    sink.restart().await;
    let token = sink.letter_to(&alice.email, 0).await.token();
    let body = json!({ "newPassword": "another password", "token": token });
    let _ = alice.at_another_browser().post("/reset-password", body).await.expect(200);
    assert!(!alice.is_signed_in().await);
}

#[tokio::test]
async fn a_wallet_is_opened_once_and_knows_who_is_calling() {
    let (server, wallet) = server_and_wallet().await;
    let alice = server.actor("alice");
    assert_eq!(wallet.get(&alice, "/wallet").await.status, 401);
    let _ = alice.signs_up().await.expect(200);
    assert_eq!(alice.session().await["user"]["hasWalletAccount"], false);
    let _ = wallet.get(&alice, "/wallet").await.expect(200);
    assert_eq!(alice.session().await["user"]["hasWalletAccount"], true);
    let _ = wallet.get(&alice, "/admin").await.expect(403);
    let cookies = alice.browser(|browser| browser.clone());
    let _ = alice.signs_out().await.expect(200);
    alice.browser(|browser| *browser = cookies);
    assert_eq!(wallet.get(&alice, "/wallet").await.status, 401);
}

#[tokio::test]
async fn a_stopped_anchor_is_an_outage_for_those_who_need_it_alone() {
    let (mut server, wallet) = server_and_wallet().await;
    let alice = server.actor("alice");
    let _ = alice.signs_up().await.expect(200);
    let _ = wallet.get(&alice, "/me").await.expect(200);
    server.kill();
    let asked = Instant::now();
    assert_eq!(wallet.get(&alice, "/me").await.status, 503);
    assert!(asked.elapsed() < Duration::from_secs(10));
    let _ = wallet.get(&alice, "/public").await.expect(200);
    server.restart().await;
    let _ = wallet.get(&alice, "/me").await.expect(200);
}

async fn server_and_wallet() -> (Server, BaseService) {
    const SECRET: &str = "the-secret-of-the-wallet-0123456789";
    let server = Server::builder().env("IDENTITY_PROVISIONING__TARGETS", format!("wallet={SECRET}")).start().await;
    let wallet = BaseService::start(&server, "wallet", SECRET).await;
    (server, wallet)
}
