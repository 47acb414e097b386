//! A server that dies between what it has done and what it would have said.

use http::Method;
use identity_tests::{Actor, Call, Page, Server, challenge};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::cheap;

const CALLBACK: &str = "https://app.example.test/callback";
const VERIFIER: &str = "a-verifier-of-tests-that-is-long-enough-for-pkce";
const FAMILY: &str = "SELECT COUNT(*) FROM identity_token_families WHERE generation = 1 AND ended_at IS NULL";

/// A server with a client, and somebody who has let it in.
async fn world(window: &str) -> (Server, Actor, Value) {
    let server = cheap().env("IDENTITY_OAUTH__REFRESH_REPLAY_WINDOW", window).start().await;
    let create = ["clients", "create", "--id", "page", "--name", "The page", "--public", "--redirect-uri", CALLBACK];
    let create = [create.as_slice(), &["--grant", "authorization_code", "--grant", "refresh_token"]].concat();
    let (done, printed) = server.command(&create).await;
    assert!(done, "{printed}");
    let ann = server.actor("ann");
    let _ = ann.signs_up().await.expect(200);
    let page = ann.visits(&request("consent")).await.at("/ui/consent").form("consent-allow").submit().await;
    let tokens = redeems(&ann, &page).await;
    (server, ann, tokens)
}

fn request(prompt: &str) -> String {
    format!(
        "/oauth2/authorize?response_type=code&client_id=page&redirect_uri={CALLBACK}&scope=openid+offline_access&state=s\
         &code_challenge={}&code_challenge_method=S256&prompt={prompt}",
        challenge(VERIFIER)
    )
}

async fn redeems(ann: &Actor, page: &Page) -> Value {
    let code = page.query("code").unwrap_or_else(|| panic!("{}: {}", page.url, page.text()));
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "page"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    ann.send(Call::at(Method::POST, "/oauth2/token").form(&fields)).await.expect(200).json()
}

fn refresh(token: &str) -> Call {
    let fields = [("grant_type", "refresh_token"), ("client_id", "page"), ("refresh_token", token)];
    Call::at(Method::POST, "/oauth2/token").form(&fields)
}

fn text<'t>(tokens: &'t Value, name: &str) -> &'t str {
    tokens[name].as_str().unwrap_or_else(|| panic!("{name} in {tokens}"))
}

/// Asks for new tokens and kills the server once they are given out, without a look at the answer.
async fn dies_over_it(server: &mut Server, token: &str) {
    let body = format!("grant_type=refresh_token&client_id=page&refresh_token={token}");
    let head = format!(
        "POST /oauth2/token HTTP/1.1\r\nhost: {}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
        server.base_url().trim_start_matches("http://"),
        body.len()
    );
    let mut wire = TcpStream::connect(server.address()).await.unwrap();
    wire.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    server.database().until(FAMILY, 1).await;
    server.kill();
    drop(wire);
    server.restart().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_lost_the_answer_to_a_refresh_in_a_crash_gets_the_same_successor() {
    let (mut server, ann, tokens) = world("600").await;
    let first = text(&tokens, "refresh_token");
    dies_over_it(&mut server, first).await;
    let answer = ann.send(refresh(first)).await.expect(200).json();
    let again = ann.send(refresh(first)).await.expect(200).json();
    let successor = text(&answer, "refresh_token");
    assert_ne!(successor, first);
    assert_eq!(successor, text(&again, "refresh_token"), "the same for whoever asks again");
    assert_eq!(server.database().number(FAMILY).await, 1, "nothing was replaced a second time");
    let next = ann.send(refresh(successor)).await.expect(200).json();
    assert_ne!(text(&next, "refresh_token"), successor);
    let reused = "SELECT COUNT(*) FROM identity_events WHERE kind = 'token.reuse_detected'";
    assert_eq!(server.database().number(reused).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_window_a_crash_costs_the_tokens_and_nobody_is_signed_out() {
    let (mut server, ann, tokens) = world("0").await;
    let first = text(&tokens, "refresh_token");
    dies_over_it(&mut server, first).await;
    ann.send(refresh(first)).await.expect_oauth(400, "invalid_grant");
    assert!(ann.is_signed_in().await);
    // The client comes to new tokens without anybody being asked for anything.
    let tokens = redeems(&ann, &ann.visits(&request("none")).await).await;
    let _ = ann.send(refresh(text(&tokens, "refresh_token"))).await.expect(200);
}
