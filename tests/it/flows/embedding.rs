//! The identity inside another program.

use std::sync::Arc;
use std::time::Duration;

use identity_core::Identity;
use identity_core::code::Code;
use identity_core::config::{Config, OAuthOptions, Registration, ResourceSpec};
use identity_core::store::{Store, Tx};
use identity_core::text::Email;
use identity_core::user::{Ban, NewUser, SUPERADMIN};
use identity_tests::{SECRET, TestApp, race};
use sea_orm::{ConnectionTrait as _, SqliteTransactionMode, TransactionOptions, TransactionTrait as _};
use serde_json::Value;

use super::row;

fn new_user(name: &str) -> NewUser {
    NewUser {
        email: Email::parse(&format!("{name}@example.test")).unwrap(),
        name: name.to_owned(),
        password: Some("a password of the importer".into()),
        email_verified: true,
        role: "user".to_owned(),
    }
}

async fn begin(app: &TestApp) -> Tx {
    let immediate = Some(SqliteTransactionMode::Immediate);
    let options = TransactionOptions { sqlite_transaction_mode: immediate, ..TransactionOptions::default() };
    app.identity.store().connection().begin_with_options(options).await.unwrap()
}

type Change = Box<dyn FnOnce(&mut OAuthOptions)>;

/// What is wrong with choices for the authorization server, under `https://id.example.test`.
async fn problems(change: impl FnOnce(&mut OAuthOptions)) -> Vec<String> {
    let mut config = Config::default();
    config.http.base_url = "https://id.example.test".to_owned();
    config.http.trusted_origins = vec!["https://app.example.test".to_owned(), "https://*.shop.test".to_owned()];
    change(&mut config.oauth);
    let store = Store::connect("sqlite::memory:").await.unwrap();
    let built = Identity::builder(store, SECRET.to_owned()).config(config).build();
    built.map_or_else(|problems| problems.0, |_| Vec::new())
}

#[tokio::test]
async fn clients_cannot_be_registered_with_a_token_that_anybody_guesses() {
    for token in ["", "guess", "fifteen letters"] {
        let problems = problems(|oauth| oauth.registration = Registration::WithToken(token.into())).await;
        assert!(problems.concat().contains("initial access token"), "{token:?}: {problems:?}");
    }
    let good = problems(|oauth| oauth.registration = Registration::WithToken("an initial token".into())).await;
    assert_eq!(good, Vec::<String>::new());
}

#[tokio::test]
async fn whoever_embeds_the_authorization_server_is_told_what_it_cannot_be() {
    let resource = |uri: &str, scope: &str| ResourceSpec { scopes: vec![scope.to_owned()], ..ResourceSpec::new(uri) };
    let second = Duration::from_secs(1);
    let wrong: Vec<(&str, Change)> = vec![
        ("authorization codes", Box::new(|oauth| oauth.code_lifetime = Duration::ZERO)),
        ("ten minutes", Box::new(move |oauth| oauth.code_lifetime = OAuthOptions::LONGEST_CODE + second)),
        ("authorization requests", Box::new(|oauth| oauth.request_lifetime = Duration::ZERO)),
        ("access tokens", Box::new(|oauth| oauth.access_token_lifetime = Duration::from_millis(1))),
        ("ID tokens", Box::new(|oauth| oauth.id_token_lifetime = Duration::ZERO)),
        ("refresh tokens without use", Box::new(|oauth| oauth.refresh_token_idle = Duration::ZERO)),
        ("refresh tokens must", Box::new(|oauth| oauth.refresh_token_lifetime = Duration::ZERO)),
        ("codes of devices", Box::new(|oauth| oauth.device_code_lifetime = Duration::ZERO)),
        ("between two questions", Box::new(|oauth| oauth.device_poll_interval = Duration::ZERO)),
        ("between two questions", Box::new(|oauth| oauth.device_poll_interval = Duration::from_hours(1))),
        ("`a b` is not a scope", Box::new(|oauth| oauth.scopes = vec!["a b".to_owned()])),
        ("`` is not a scope", Box::new(|oauth| oauth.scopes = vec![String::new()])),
        ("`a b` is not a scope", Box::new(move |oauth| oauth.resources = vec![resource("urn:a", "a b")])),
        ("absolute", Box::new(move |oauth| oauth.resources = vec![resource("api", "a")])),
        ("absolute", Box::new(move |oauth| oauth.resources = vec![resource("https://api.test/#a", "a")])),
        ("twice", Box::new(move |oauth| oauth.resources = vec![resource("urn:a", "a"), resource("urn:a", "b")])),
        ("UserInfo", Box::new(move |oauth| oauth.resources = vec![resource("https://id.example.test", "a")])),
        ("trusted", Box::new(|oauth| oauth.login_url = Some("https://evil.example/login".to_owned()))),
        ("trusted", Box::new(|oauth| oauth.consent_url = Some("https://app.example.test:444/agree".to_owned()))),
        ("trusted", Box::new(|oauth| oauth.login_url = Some("https://shop.test/login".to_owned()))),
        ("https, as the base URL", Box::new(|oauth| oauth.login_url = Some("http://app.example.test/".to_owned()))),
    ];
    for (expected, change) in wrong {
        let problems = problems(change).await;
        assert!(problems.concat().contains(expected), "{expected}: {problems:?}");
    }
    let good = problems(|oauth| {
        oauth.scopes = vec!["a".to_owned()];
        oauth.resources = vec![resource("urn:a", "a"), resource("https://api.test", "b")];
        oauth.login_url = Some("https://app.example.test/login?theme=dark".to_owned());
        oauth.consent_url = Some("https://one.shop.test/agree".to_owned());
    });
    assert_eq!(good.await, Vec::<String>::new());
    assert_eq!(problems(|oauth| oauth.login_url = Some("/login".to_owned())).await, Vec::<String>::new());
}

#[tokio::test]
async fn two_identities_in_one_process_know_nothing_of_each_other() {
    let one = TestApp::start().await;
    let other = TestApp::builder().seed("another").start().await;
    let (alice, namesake) = (one.user("alice").await, other.user("alice").await);
    assert_ne!(alice.session().await["user"]["id"], namesake.session().await["user"]["id"]);
    let jar = alice.browser(|browser| browser.clone());
    let visitor = other.actor("visitor");
    visitor.browser(|browser| *browser = jar);
    assert_eq!(
        visitor.session().await,
        Value::Null,
        "a cookie of one is nothing to the other, under the same secret too"
    );
    let _ = namesake.delete("/account").await.expect(200);
    assert!(alice.is_signed_in().await && !namesake.is_signed_in().await);
    one.pass(Duration::from_hours(1));
    assert_ne!(one.identity.now(), other.identity.now());
}

#[tokio::test]
async fn a_user_who_is_created_in_the_embedders_transaction_comes_and_goes_with_it() {
    let app = TestApp::start().await;
    let users = app.identity.users();
    app.database().change("CREATE TABLE shop_customers (user_id TEXT NOT NULL)").await;
    let customers = "SELECT COUNT(*) FROM shop_customers JOIN identity_users ON id = user_id";
    for (name, keeps, expected) in [("bob", false, 0), ("carol", true, 1)] {
        let tx = begin(&app).await;
        let user = users.create_in(&tx, users.prepare(new_user(name)).await.unwrap()).await.unwrap();
        tx.execute_unprepared(&format!("INSERT INTO shop_customers VALUES ('{}')", user.id)).await.unwrap();
        if keeps {
            tx.commit().await.unwrap();
        } else {
            tx.rollback().await.unwrap();
        }
        assert_eq!(app.database().number(customers).await, expected);
        assert_eq!(users.find(&user.id).await.unwrap().is_some(), keeps);
        let mut actor = app.actor(name);
        actor.password = "a password of the importer".to_owned();
        assert_eq!(actor.signs_in().await.status.is_success(), keeps);
    }
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_accounts").await, 1);
    let tx = begin(&app).await;
    let taken = users.create_in(&tx, users.prepare(new_user("Carol")).await.unwrap()).await.unwrap_err();
    assert_eq!(taken.code(), Code::EmailTaken);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn superadmins_who_remove_each_other_at_once_leave_one() {
    let app = Arc::new(TestApp::start().await);
    let actors = [app.user("one").await, app.user("two").await];
    let ids = [row(&app, &actors[0]).await.id, row(&app, &actors[1]).await.id];
    for round in 0..6 {
        for id in &ids {
            app.identity.users().unban(id).await.unwrap();
            app.identity.users().set_role(id, SUPERADMIN).await.unwrap();
        }
        let outcomes = race(2, |number| {
            let (app, id) = (Arc::clone(&app), ids[number].clone());
            async move {
                let users = app.identity.users();
                if round % 2 == 0 {
                    users.set_role(&id, "user").await
                } else {
                    users.ban(&id, &Ban { reason: None, expires_at: None }).await
                }
            }
        });
        let refused: Vec<_> = outcomes.await.into_iter().filter_map(Result::err).map(|error| error.code()).collect();
        assert_eq!(refused, [Code::LastAdministrator], "round {round}");
        let standing = "SELECT COUNT(*) FROM identity_users WHERE role = 'superadmin' AND banned = FALSE";
        assert_eq!(app.database().number(standing).await, 1, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn superadmins_who_leave_at_once_leave_one() {
    let app = Arc::new(TestApp::start().await);
    let actors = [app.user("one").await, app.user("two").await];
    for actor in &actors {
        app.identity.users().set_role(&row(&app, actor).await.id, SUPERADMIN).await.unwrap();
    }
    let replies = race(2, |number| {
        let actor = actors[number].clone();
        async move { actor.delete("/account").await.status.as_u16() }
    });
    let mut replies = replies.await;
    replies.sort_unstable();
    assert_eq!(replies, [200, 409]);
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_users").await, 1);
}
