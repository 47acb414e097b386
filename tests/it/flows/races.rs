//! Many at once: what must happen once happens once, and nobody gets an answer that is our fault.

use std::sync::Arc;
use std::time::Duration;

use identity_core::config::Config;
use identity_core::user::Ban;
use identity_tests::{Actor, Reply, TestApp, race};
use serde_json::{Value, json};

use super::imported_hashes::IMPORTED;
use super::{import_hash, row, sessions};

const MANY: usize = 50;

/// An app whose hashing has time for everybody.
async fn app(change: impl FnOnce(&mut Config)) -> Arc<TestApp> {
    let builder = TestApp::builder().config(|config| {
        config.password.queue_wait = Duration::from_mins(1);
        change(config);
    });
    Arc::new(builder.start().await)
}

/// The answers by status and code, sorted.
fn outcomes(replies: &[Reply]) -> Vec<(u16, String)> {
    let mut outcomes: Vec<_> =
        replies.iter().map(|reply| (reply.status.as_u16(), reply.code().unwrap_or_default())).collect();
    outcomes.sort();
    outcomes
}

/// One success, and for all others the same refusal.
#[track_caller]
fn one_wins(replies: &[Reply], status: u16, code: &str) {
    let mut expected = vec![(200, String::new())];
    expected.resize(replies.len(), (status, code.to_owned()));
    assert_eq!(outcomes(replies), expected);
}

/// An address in one of many spellings.
fn spelling(email: &str, number: usize) -> String {
    let upper = |(index, letter): (usize, char)| {
        if number >> (index % 6) & 1 == 1 { letter.to_ascii_uppercase() } else { letter }
    };
    email.chars().enumerate().map(upper).collect()
}

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
    let code = crate::better_auth::code_for(&app, &alice, 0).await;
    let replies = race(MANY, |_| gives(&alice, &code));
    one_wins(&replies.await, 400, "INVALID_OTP");
    assert_eq!(sessions(&app).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_wrong_codes_at_once_are_three_tries() {
    let app = app(|_| {}).await;
    let alice = app.user("alice").await;
    let code = crate::better_auth::code_for(&app, &alice, 0).await;
    let wrong = if code == "000000" { "111111" } else { "000000" };
    let outcomes = outcomes(&race(MANY, |_| gives(&alice, wrong)).await);
    let mut expected = vec![(400, "INVALID_OTP".to_owned()); 3];
    expected.resize(MANY, (403, "TOO_MANY_ATTEMPTS".to_owned()));
    assert_eq!(outcomes, expected);
    assert_eq!(app.database().number("SELECT CAST(MAX(tries) AS BIGINT) FROM identity_verifications").await, 3);
    gives(&alice, &code).await.expect_error(403, "TOO_MANY_ATTEMPTS");
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
        let code = crate::better_auth::code_for(&app, &alice, 0).await;
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
            match change {
                Some((actor, path)) => actor.get(&path).await,
                None => {
                    let body = json!({ "name": "carol", "email": "new@example.test", "password": late.password });
                    late.post("/sign-up/email", body).await
                }
            }
        }
    });
    one_wins(&replies.await, 422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL");
    let owners = app.database().number("SELECT COUNT(*) FROM identity_users WHERE email = 'new@example.test'").await;
    assert_eq!(owners, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_changed_password_leaves_no_session_of_the_old_one() {
    let app = app(|_| {}).await;
    let alice = app.user("alice").await;
    let browsers: Vec<Actor> = (0..MANY).map(|_| alice.at_another_browser()).collect();
    let replies = race(MANY + 1, |number| {
        let (alice, browser) = (alice.clone(), browsers.get(number).cloned());
        async move {
            match browser {
                Some(browser) => browser.signs_in().await,
                None => {
                    let body = json!({ "currentPassword": alice.password, "newPassword": "another password" });
                    alice.post("/change-password", body).await
                }
            }
        }
    });
    for reply in replies.await {
        assert!([200, 401].contains(&reply.status.as_u16()), "{} {}", reply.status, reply.text());
    }
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
        crate::better_auth::link_provider(&app, provider).await;
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
