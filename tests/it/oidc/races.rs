//! Many at once: a code is redeemed once, and a refresh token has one successor.

use std::collections::BTreeSet;
use std::sync::Arc;

use identity_core::request::RequestInfo;
use identity_tests::{RelyingParty, TestApp, race};

use super::events;
use crate::flows::row;

const MANY: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_redemptions_of_a_code_one_succeeds() {
    let app = Arc::new(TestApp::start().await);
    let alice = app.user("alice").await;
    let party = RelyingParty::public(&app, "page").await;
    let code = party.code(&app, &alice, &party.ask()).await;
    let replies = race(MANY, |_| {
        let (party, code) = (party.clone(), code.clone());
        async move { party.redeems(&code).await }
    })
    .await;
    let won: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
    assert_eq!(won.len(), 1);
    for lost in replies.iter().filter(|reply| reply.status != 200) {
        lost.expect_oauth(400, "invalid_grant");
    }
    let access = won[0].json()["access_token"].as_str().unwrap().to_owned();
    party.userinfo(&access).await.expect_oauth(401, "invalid_token");
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_token_families").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_refreshes_of_a_token_at_two_nodes_leave_one_family_line() {
    let app = Arc::new(TestApp::start().await);
    let node = Arc::new(TestApp::builder().beside(&app).start().await);
    let alice = app.user("alice").await;
    let party = RelyingParty::public(&app, "page").await;
    let there = RelyingParty { actor: node.actor("backend"), ..party.clone() };
    let tokens = party.tokens(&app, &alice, "openid offline_access").await;
    let first = tokens["refresh_token"].as_str().unwrap().to_owned();
    let replies = race(MANY, |number| {
        let (party, token) = (if number % 2 == 0 { party.clone() } else { there.clone() }, first.clone());
        async move { party.refreshes(&token).await }
    })
    .await;
    let answers: Vec<_> = replies.into_iter().map(|reply| reply.expect(200).json()).collect();
    let successors: BTreeSet<&str> = answers.iter().map(|answer| answer["refresh_token"].as_str().unwrap()).collect();
    assert_eq!(successors.len(), 1, "everybody gets the same successor");
    for answer in &answers {
        let _ = party.userinfo(answer["access_token"].as_str().unwrap()).await.expect(200);
    }
    let _ = party.refreshes(successors.first().unwrap()).await.expect(200);
    assert_eq!(events(&app, "token.reuse_detected").await, 0);
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_token_families").await, 1);
    assert_eq!(app.database().number("SELECT CAST(generation AS BIGINT) FROM identity_token_families").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_comes_first_a_revoked_family_stays_dead() {
    let app = Arc::new(TestApp::start().await);
    let alice = app.user("alice").await;
    let party = RelyingParty::public(&app, "page").await;
    for _ in 0..5 {
        let tokens = party.tokens(&app, &alice, "openid offline_access").await;
        let first = tokens["refresh_token"].as_str().unwrap().to_owned();
        let replies = race(8, |number| {
            let (party, token) = (party.clone(), first.clone());
            async move {
                if number == 0 {
                    party.post("/oauth2/revoke", &[("token", &token)]).await
                } else {
                    party.refreshes(&token).await
                }
            }
        })
        .await;
        for reply in replies {
            assert!(reply.status == 200 || reply.oauth_error().as_deref() == Some("invalid_grant"), "{}", reply.text());
            if let Ok(answer) = serde_json::from_slice::<serde_json::Value>(&reply.body)
                && let Some(token) = answer["refresh_token"].as_str()
            {
                party.refreshes(token).await.expect_oauth(400, "invalid_grant");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_outlives_a_ban_that_happens_meanwhile() {
    let app = Arc::new(TestApp::start().await);
    let party = RelyingParty::public(&app, "page").await;
    for round in 0..5 {
        let user = app.user(&format!("user{round}")).await;
        let id = row(&app, &user).await.id;
        let code = party.code(&app, &user, &party.ask().with("scope", "openid offline_access")).await;
        let tokens = party.tokens(&app, &user, "openid offline_access").await;
        let refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
        let replies = race(6, |number| {
            let (app, party, code, refresh, id) =
                (app.clone(), party.clone(), code.clone(), refresh.clone(), id.clone());
            async move {
                match number {
                    0 => {
                        let ban = identity_core::user::Ban { reason: None, expires_at: None };
                        app.identity.users().ban(&id, &ban).await.unwrap();
                        None
                    }
                    1 => Some(party.redeems(&code).await),
                    _ => Some(party.refreshes(&refresh).await),
                }
            }
        })
        .await;
        app.identity.users().unban(&id).await.unwrap();
        for reply in replies.into_iter().flatten() {
            assert!(reply.status == 200 || reply.oauth_error().as_deref() == Some("invalid_grant"), "{}", reply.text());
            if reply.status == 200 {
                let answer = reply.json();
                party.userinfo(answer["access_token"].as_str().unwrap()).await.expect_oauth(401, "invalid_token");
                party.refreshes(answer["refresh_token"].as_str().unwrap()).await.expect_oauth(400, "invalid_grant");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_answers_to_one_request_one_has_a_code() {
    let app = Arc::new(TestApp::start().await);
    let alice = app.user("alice").await;
    let party = RelyingParty::public(&app, "page").await;
    let browser = identity_tests::resolved(&app, &alice).await.unwrap();
    let info = RequestInfo::default();
    let stand = app.identity.oauth().authorize(&party.ask().params(), Some(&browser), &info).await.unwrap();
    let identity_core::oauth::Authorization::Ask(waiting) = stand else { panic!("{stand:?}") };
    let stands = race(MANY, |_| {
        let (app, browser, grant) = (app.clone(), browser.clone(), waiting.grant.clone());
        async move { app.identity.oauth().consent(&grant, &browser, true, &RequestInfo::default()).await.unwrap() }
    })
    .await;
    let answers = stands.iter().filter(|stand| matches!(stand, identity_core::oauth::Authorization::Answer(_)));
    assert_eq!(answers.count(), 1);
}
