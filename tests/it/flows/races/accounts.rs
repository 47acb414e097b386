//! Accounts, passwords and sessions.

use std::sync::Arc;
use std::time::Duration;

use identity_core::request::RequestInfo;
use identity_core::token::Token;
use identity_core::user::Ban;
use identity_tests::{Actor, TestApp, race};
use serde_json::{Value, json};

use super::{MANY, app, one_wins, outcomes, spelling};
use crate::better_auth::link_provider;
use crate::flows::imported_hashes::IMPORTED;
use crate::flows::{import_hash, row, sessions};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_sign_ups_of_one_address_in_different_spellings_make_one_user() {
    let app = app(|_| {}).await;
    let replies = race(MANY, |number| {
        let mut alice = app.actor("alice");
        alice.email = spelling(&alice.email, number);
        async move { alice.signs_up().await }
    });
    one_wins(&replies.await, 422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_users").await, 1);
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_accounts").await, 1);
    assert_eq!(sessions(&app).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_sign_ups_of_one_address_look_alike_where_addresses_have_to_be_proved() {
    let app = app(|config| config.email.require_verification = true).await;
    let replies = race(MANY, |number| {
        let mut alice = app.actor("alice");
        alice.email = spelling(&alice.email, number);
        async move { alice.signs_up().await }
    });
    assert!(outcomes(&replies.await).iter().all(|(status, _)| *status == 200));
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_users").await, 1);
    let _ = app.letter_to("alice@example.test", MANY - 1).await;
    let mails = app.mailer.mails();
    let verifications = mails.iter().filter(|mail| mail.purpose.id() == "verify_email").count();
    assert_eq!((verifications, mails.len()), (1, MANY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_changed_password_leaves_no_session_of_the_old_one() {
    // One hash at a time: sign-ins wait in line with the change, and some are checked before it and let in after it.
    let app = app(|config| config.password.permits = Some(1)).await;
    let alice = app.user("alice").await;
    let browsers: Vec<Actor> = (0..MANY).map(|_| alice.at_another_browser()).collect();
    let statuses = race(MANY + 1, |number| {
        let (alice, browser) = (alice.clone(), browsers.get(number).cloned());
        async move {
            let Some(browser) = browser else {
                let body = json!({ "currentPassword": alice.password, "newPassword": "another password" });
                return vec![alice.post("/change-password", body).await.status.as_u16()];
            };
            let mut statuses = Vec::new();
            while statuses.len() < 5 && statuses.last() != Some(&401) {
                statuses.push(browser.signs_in().await.status.as_u16());
            }
            statuses
        }
    });
    let statuses = statuses.await;
    assert!(statuses.iter().flatten().all(|status| [200, 401].contains(status)), "{statuses:?}");
    for browser in browsers {
        assert!(!browser.is_signed_in().await);
    }
    assert!(alice.is_signed_in().await);
    assert_eq!(sessions(&app).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_ban_leaves_no_session_that_was_being_opened() {
    let app = app(|_| {}).await;
    let alice = app.user("alice").await;
    let id = row(&app, &alice).await.id;
    let browsers: Vec<Actor> = (0..MANY).map(|_| alice.at_another_browser()).collect();
    let statuses = race(MANY + 1, |number| {
        let (app, id, browser) = (Arc::clone(&app), id.clone(), browsers.get(number).cloned());
        async move {
            if let Some(browser) = browser {
                return browser.signs_in().await.status.as_u16();
            }
            app.identity.users().ban(&id, &Ban { reason: None, expires_at: None }).await.unwrap();
            200
        }
    });
    for status in statuses.await {
        assert!([200, 401, 403].contains(&status), "{status}");
    }
    for browser in browsers {
        assert!(!browser.is_signed_in().await);
    }
    assert_eq!(sessions(&app).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_ban_and_a_changed_password_do_not_wait_for_each_other_in_vain() {
    let app = app(|_| {}).await;
    for round in 0..10 {
        let alice = app.user(&format!("alice{round}")).await;
        let id = row(&app, &alice).await.id;
        let statuses = race(2, |number| {
            let (app, id, alice) = (Arc::clone(&app), id.clone(), alice.clone());
            async move {
                if number == 0 {
                    app.identity.users().ban(&id, &Ban { reason: None, expires_at: None }).await.unwrap();
                    return 200;
                }
                let new = "another password";
                let body =
                    json!({ "currentPassword": alice.password, "newPassword": new, "revokeOtherSessions": true });
                alice.post("/change-password", body).await.status.as_u16()
            }
        });
        let statuses = statuses.await;
        assert!([200, 401].contains(&statuses[1]), "round {round}: {statuses:?}");
        assert!(!alice.is_signed_in().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_due_session_is_extended_once_by_many_at_once() {
    let app = app(|_| {}).await;
    let alice = app.user("alice").await;
    app.pass(Duration::from_hours(24));
    let replies = race(MANY, |_| {
        let alice = alice.clone();
        async move { alice.get("/get-session").await }
    })
    .await;
    assert!(replies.iter().all(|reply| reply.status == 200 && reply.json()["user"]["email"] == alice.email));
    assert_eq!(replies.iter().filter(|reply| !reply.cookies().is_empty()).count(), 1);
    assert_eq!(alice.session().await["session"]["expiresAt"], "2026-01-09T00:00:00.000Z");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn accounts_that_are_unlinked_at_once_leave_one() {
    let app = app(|_| {}).await;
    let alice = app.user("alice").await;
    for provider in ["google", "github", "apple"] {
        link_provider(&app, provider).await;
    }
    let accounts: Value = alice.get("/list-accounts").await.expect(200).json();
    let ids: Vec<Value> = accounts.as_array().unwrap().iter().map(|account| account["id"].clone()).collect();
    let replies = race(ids.len() * 5, |number| {
        let (alice, body) = (alice.clone(), json!({ "accountId": ids[number % ids.len()] }));
        async move { alice.post("/unlink-account", body).await }
    })
    .await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 3);
    assert!(replies.iter().all(|reply| [200, 400].contains(&reply.status.as_u16())), "{:?}", outcomes(&replies));
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_accounts").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_first_password_that_is_set_twice_at_once_is_set_once() {
    let app = app(|_| {}).await;
    let alice = app.user("alice").await;
    assert_eq!(app.database().change("DELETE FROM identity_accounts").await, 1);
    let replies = race(10, |number| {
        let (alice, body) = (alice.clone(), json!({ "newPassword": format!("password number {number}") }));
        async move { alice.post("/set-password", body).await }
    });
    one_wins(&replies.await, 400, "PASSWORD_ALREADY_SET");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_sign_ins_at_once_upgrade_an_imported_hash_without_turning_anybody_away() {
    for (name, hash) in IMPORTED {
        let app = app(|_| {}).await;
        let mut alice = app.user("alice").await;
        import_hash(&app, hash).await;
        alice.password = "correct horse battery staple".to_owned();
        let replies = race(8, |_| {
            let browser = alice.at_another_browser();
            async move { browser.signs_in().await }
        });
        for reply in replies.await {
            assert_eq!(reply.status, 200, "{name}: {}", reply.text());
        }
        assert_eq!(sessions(&app).await, 9);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_sign_ins_at_once_after_a_ban_has_run_out_all_come_in() {
    let app = app(|_| {}).await;
    let alice = app.user("alice").await;
    let ended = if app.database().is_postgres() { "'2025-01-01T00:00:00Z'" } else { "'2025-01-01 00:00:00+00:00'" };
    app.database().change(&format!("UPDATE identity_users SET banned = TRUE, ban_expires_at = {ended}")).await;
    let replies = race(20, |_| {
        let browser = alice.at_another_browser();
        async move { browser.signs_in().await }
    });
    for reply in replies.await {
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    assert!(row(&app, &alice).await.ban.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_account_that_is_deleted_many_times_at_once_is_deleted_once() {
    let app = app(|_| {}).await;
    let alice = app.user("alice").await;
    let jar = alice.browser(|browser| browser.clone());
    let replies = race(20, |_| {
        let (tab, jar) = (alice.at_another_browser(), jar.clone());
        tab.browser(|browser| *browser = jar);
        async move { tab.delete("/account").await }
    })
    .await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1, "{:?}", outcomes(&replies));
    assert!(replies.iter().all(|reply| [200, 400, 401].contains(&reply.status.as_u16())), "{:?}", outcomes(&replies));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_burst_of_guesses_does_not_outrun_the_count_of_wrong_ones() {
    let app = app(|config| config.limits.enabled = true).await;
    let alice = app.user("alice").await;
    let replies = race(MANY, |number| {
        let part = u16::try_from(number).unwrap();
        let browser = alice.at_another_browser().from_ip([0x2001, 0xdb8, part, 0, 0, 0, 0, 1]);
        let body = json!({ "email": browser.email, "password": "a wrong password" });
        async move { browser.post("/sign-in/email", body).await }
    })
    .await;
    let judged = replies.iter().filter(|reply| reply.status == 401).count();
    assert!((1..=5).contains(&judged), "{:?}", outcomes(&replies));
    assert!(replies.iter().all(|reply| [401, 429].contains(&reply.status.as_u16())), "{:?}", outcomes(&replies));
}

#[tokio::test]
async fn callers_who_go_away_leave_no_transaction_behind() {
    let app = TestApp::start().await;
    let (sessions, nobody, info) =
        (app.identity.sessions(), Token::presented("a token of nobody"), RequestInfo::default());
    for patience in 0..200 {
        let signing_out = sessions.sign_out(&nobody, &info);
        let _ = tokio::time::timeout(Duration::from_micros(patience * 20), signing_out).await;
    }
    if app.database().url().starts_with("postgres") {
        // Whoever looks is in a transaction of its own, but not idle.
        let idle = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'";
        app.database().until(idle, 0).await;
    }
    let _ = app.user("alice").await;
}
