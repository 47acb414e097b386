//! Links and codes, which work once.

use identity_tests::{Actor, Reply, race};
use serde_json::json;

use super::{MANY, app, one_wins, outcomes};
use crate::better_auth::code_for;
use crate::flows::{row, sessions};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_reset_link_used_many_times_at_once_works_once() {
    let app = app(|_| {}).await;
    let alice = app.user("alice").await;
    let _ = alice.post("/request-password-reset", json!({ "email": alice.email })).await.expect(200);
    let token = app.letter_to(&alice.email, 0).await.token();
    let replies = race(MANY, |number| {
        let (actor, token) = (alice.at_another_browser(), token.clone());
        let body = json!({ "newPassword": format!("password number {number}"), "token": token });
        async move { actor.post("/reset-password", body).await }
    })
    .await;
    one_wins(&replies, 400, "INVALID_TOKEN");
    let winner = replies.iter().position(|reply| reply.status == 200).unwrap();
    for number in 0..MANY {
        let body = json!({ "email": alice.email, "password": format!("password number {number}") });
        let reply = alice.post("/sign-in/email", body).await;
        assert_eq!(reply.status == 200, number == winner, "{number} where {winner} won");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_reset_links_of_one_user_used_at_once_one_works() {
    let app = app(|_| {}).await;
    for with_password in [true, false] {
        let alice = app.user(&format!("alice{with_password}")).await;
        let mut tokens = Vec::new();
        for index in 0..10 {
            let _ = alice.post("/request-password-reset", json!({ "email": alice.email })).await.expect(200);
            tokens.push(app.letter_to(&alice.email, index).await.token());
        }
        if !with_password {
            let id = row(&app, &alice).await.id;
            app.database().change(&format!("DELETE FROM identity_accounts WHERE user_id = '{id}'")).await;
        }
        let replies = race(tokens.len(), |number| {
            let body = json!({ "newPassword": "another password", "token": tokens[number] });
            let actor = alice.at_another_browser();
            async move { actor.post("/reset-password", body).await }
        });
        one_wins(&replies.await, 400, "INVALID_TOKEN");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_code_given_many_times_at_once_works_once() {
    let app = app(|config| config.email.sign_in_after_verification = true).await;
    let alice = app.user("alice").await;
    let _ = alice.signs_out().await;
    let code = code_for(&app, &alice, 0).await;
    let replies = race(MANY, |_| gives(&alice, &code));
    one_wins(&replies.await, 400, "INVALID_OTP");
    assert_eq!(sessions(&app).await, 0, "an account with a password opens to no browser that is not known");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_wrong_codes_at_once_are_three_tries() {
    let app = app(|_| {}).await;
    let alice = app.user("alice").await;
    let code = code_for(&app, &alice, 0).await;
    let wrong = if code == "000000" { "111111" } else { "000000" };
    let outcomes = outcomes(&race(MANY, |_| gives(&alice, wrong)).await);
    assert_eq!(outcomes, vec![(400, "INVALID_OTP".to_owned()); MANY]);
    assert_eq!(app.database().number("SELECT CAST(MAX(tries) AS BIGINT) FROM identity_verifications").await, 3);
    gives(&alice, &code).await.expect_error(400, "INVALID_OTP");
}

fn gives(actor: &Actor, code: &str) -> impl Future<Output = Reply> + Send + 'static {
    let (actor, body) = (actor.at_another_browser(), json!({ "email": actor.email, "otp": code }));
    async move { actor.post("/email-otp/verify-email", body).await }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_code_that_is_given_while_new_ones_are_asked_for_is_nobodys_fault() {
    let app = app(|_| {}).await;
    for round in 0..5 {
        let alice = app.user(&format!("alice{round}")).await;
        let code = code_for(&app, &alice, 0).await;
        let replies = race(12, |number| {
            let (actor, body) = (alice.at_another_browser(), json!({ "email": alice.email, "otp": code }));
            async move {
                match number % 3 {
                    0 => actor.post("/email-otp/verify-email", body).await,
                    1 => {
                        let body = json!({ "email": actor.email, "type": "email-verification" });
                        actor.post("/email-otp/send-verification-otp", body).await
                    }
                    _ => actor.post("/send-verification-email", json!({ "email": actor.email })).await,
                }
            }
        });
        for reply in replies.await {
            assert!(
                [200, 400, 403].contains(&reply.status.as_u16()),
                "round {round}: {} {}",
                reply.status,
                reply.text()
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_verification_link_opened_many_times_at_once_says_yes_to_all_and_signs_in_once() {
    let app = app(|config| {
        config.email.require_verification = true;
        config.email.sign_in_after_verification = true;
    })
    .await;
    let alice = app.actor("alice");
    let _ = alice.signs_up().await.expect(200);
    let link = app.letter_to(&alice.email, 0).await.link();
    let jar = alice.browser(|browser| browser.clone());
    let replies = race(MANY, |_| {
        let (tab, jar, link) = (alice.at_another_browser(), jar.clone(), link.clone());
        tab.browser(|browser| *browser = jar);
        async move { tab.opens(&link).await }
    })
    .await;
    assert!(replies.iter().all(|reply| reply.status == 302 && reply.header("location") == Some("/")), "{replies:?}");
    let signed_in = replies.iter().filter(|reply| !reply.cookies().is_empty()).count();
    assert_eq!((signed_in, sessions(&app).await), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_changes_of_address_proved_at_once_one_counts() {
    let app = app(|_| {}).await;
    for round in 0..5 {
        let alice = app.user(&format!("alice{round}")).await;
        let mut tokens = Vec::new();
        for number in 0..4 {
            let new = format!("new{round}{number}@example.test");
            let _ = alice.post("/change-email", json!({ "newEmail": new })).await.expect(200);
            tokens.push(app.letter_to(&new, 0).await.token());
        }
        let replies = race(4, |number| {
            let (actor, path) = (alice.clone(), format!("/verify-email?token={}", tokens[number]));
            async move { actor.get(&path).await }
        });
        one_wins(&replies.await, 401, "INVALID_TOKEN");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_address_that_two_users_prove_at_once_has_one_owner() {
    let app = app(|_| {}).await;
    let mut changes = Vec::new();
    for name in ["alice", "bob"] {
        let actor = app.user(name).await;
        let _ = actor.post("/change-email", json!({ "newEmail": "new@example.test" })).await.expect(200);
        let token = app.letter_to("new@example.test", changes.len()).await.token();
        changes.push((actor, format!("/verify-email?token={token}")));
    }
    let replies = race(3, |number| {
        let late = app.actor("carol");
        let change = changes.get(number).cloned();
        async move {
            if let Some((actor, path)) = change {
                return actor.get(&path).await;
            }
            let body = json!({ "name": "carol", "email": "new@example.test", "password": late.password });
            late.post("/sign-up/email", body).await
        }
    });
    one_wins(&replies.await, 422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
    let owners = app.database().number("SELECT COUNT(*) FROM identity_users WHERE email = 'new@example.test'").await;
    assert_eq!(owners, 1);
}
