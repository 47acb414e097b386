//! Refresh tokens that are used at the same moment, or again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use identity_tests::{RelyingParty, Reply, TestApp, race};
use serde_json::Value;

use super::over_http::events;

const MANY: usize = 20;
const OFFLINE: &str = "openid offline_access";

fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_else(|| panic!("{name} in {answer}")).to_owned()
}

/// Two nodes, a client at each, and its first refresh token.
async fn world(window: Option<Duration>) -> (Arc<TestApp>, Arc<TestApp>, [RelyingParty; 2], String) {
    let with = |config: &mut identity_core::config::Config| {
        if let Some(window) = window {
            config.oauth.refresh_replay_window = window;
        }
    };
    let app = Arc::new(TestApp::builder().config(with).start().await);
    let node = Arc::new(TestApp::builder().config(with).beside(&app).start().await);
    let ann = app.user("ann").await;
    let here = RelyingParty::public(&app, "page").await;
    let there = RelyingParty { actor: node.actor("backend"), ..here.clone() };
    let first = text(&here.tokens(&app, &ann, OFFLINE).await, "refresh_token");
    (app, node, [here, there], first)
}

async fn all_at_once(parties: &[RelyingParty; 2], token: &str) -> Vec<Reply> {
    race(MANY, |number| {
        let (party, token) = (parties[number % 2].clone(), token.to_owned());
        async move { party.refreshes(&token).await }
    })
    .await
}

/// Case 105: within the window everybody gets the same successor, and after it the token ends its family.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_refreshes_at_once_comes_one_line_and_a_late_one_ends_it() {
    let (app, _node, parties, first) = Box::pin(world(None)).await;
    let answers: Vec<Value> =
        all_at_once(&parties, &first).await.into_iter().map(|reply| reply.expect(200).json()).collect();
    let successors: BTreeSet<String> = answers.iter().map(|answer| text(answer, "refresh_token")).collect();
    assert_eq!(successors.len(), 1, "one line: {successors:?}");
    assert!(!successors.contains(&first));
    let mut alive = answers.iter().map(|answer| text(answer, "access_token")).collect::<Vec<_>>();
    for (number, access) in alive.iter().enumerate() {
        let _ = parties[number % 2].userinfo(access).await.expect(200);
    }
    // Every token that was returned is used, at both nodes.
    let mut newest = BTreeSet::new();
    for (number, answer) in answers.iter().enumerate() {
        let reply = parties[number % 2].refreshes(&text(answer, "refresh_token")).await.expect(200).json();
        newest.insert(text(&reply, "refresh_token"));
        alive.push(text(&reply, "access_token"));
    }
    assert_eq!(newest.len(), 1);
    assert_eq!(events(&app, "token.reuse_detected").await, 0);
    let families = "SELECT COUNT(*) FROM identity_token_families WHERE ended_at IS NULL";
    assert_eq!(app.database().number(families).await, 1);
    // The original comes back when it is long replaced.
    app.pass(Duration::from_secs(31));
    parties[1].refreshes(&first).await.expect_oauth(400, "invalid_grant");
    assert_eq!((events(&app, "token.reuse_detected").await, app.database().number(families).await), (1, 0));
    for token in newest.iter().chain(&successors).chain([&first]) {
        for party in &parties {
            party.refreshes(token).await.expect_oauth(400, "invalid_grant");
        }
    }
    for access in &alive {
        parties[0].userinfo(access).await.expect_oauth(401, "invalid_token");
    }
}

/// Case 105: without a window one of many has a successor, and the family does not outlive that two hold its token.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_a_window_one_of_many_refreshes_at_once_succeeds() {
    let (app, _node, parties, first) = Box::pin(world(Some(Duration::ZERO))).await;
    let replies = all_at_once(&parties, &first).await;
    let (won, lost): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
    assert_eq!((won.len(), lost.len()), (1, MANY - 1));
    for reply in &lost {
        reply.expect_oauth(400, "invalid_grant");
    }
    assert_eq!(events(&app, "token.reuse_detected").await, 1);
    let answer = won[0].json();
    parties[0].refreshes(&text(&answer, "refresh_token")).await.expect_oauth(400, "invalid_grant");
    parties[1].userinfo(&text(&answer, "access_token")).await.expect_oauth(401, "invalid_token");
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_token_families").await, 1);
}
