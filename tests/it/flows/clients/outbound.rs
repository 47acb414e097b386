//! What is fetched on the word of a client, and what is not.

use std::time::Duration;

use http::StatusCode;
use identity_core::oauth::ErrorCode;
use identity_core::oauth::client::{AuthMethod, NewClient, SubjectType};
use identity_tests::{Site, SiteAnswer, TestApp};
use serde_json::json;
use tokio::net::TcpListener;

use super::{Key, REDIRECT, assert_as, claims, create, new};

async fn lenient_app() -> TestApp {
    TestApp::builder().config(|config| config.oauth.outbound.allow_private = true).start().await
}

fn with_keys_at(id: &str, url: &str) -> NewClient {
    let mut client = new(id, AuthMethod::PrivateKeyJwt);
    client.metadata.jwks_uri = Some(url.to_owned());
    client
}

#[tokio::test]
async fn a_client_that_replaces_its_key_is_known_by_the_new_one_at_once() {
    let app = lenient_app().await;
    let (old, new) = (Key::new(1, "old"), Key::new(2, "new"));
    let site = Site::start(SiteAnswer::Document(old.jwks())).await;
    create(&app, with_keys_at("app", &site.url())).await;
    assert_eq!(site.asked(), 0);
    for number in 0..5 {
        assert!(assert_as(&app, &old.sign(&claims(&app, "app", &format!("{number}")))).await.is_ok());
    }
    assert_eq!(site.asked(), 1);
    site.answers(SiteAnswer::Document(new.jwks()));
    app.pass(Duration::from_secs(10));
    assert!(assert_as(&app, &new.sign(&claims(&app, "app", "a"))).await.is_ok());
    assert_eq!(site.asked(), 2);
    assert!(assert_as(&app, &old.sign(&claims(&app, "app", "b"))).await.is_err());
}

#[tokio::test]
async fn unknown_keys_make_us_ask_seldom() {
    let app = lenient_app().await;
    let (key, stranger) = (Key::new(1, "one"), Key::new(2, "two"));
    let site = Site::start(SiteAnswer::Document(key.jwks())).await;
    create(&app, with_keys_at("app", &site.url())).await;
    for number in 0..50 {
        assert!(assert_as(&app, &stranger.sign(&claims(&app, "app", &format!("s{number}")))).await.is_err());
        assert!(assert_as(&app, &key.sign(&claims(&app, "app", &format!("k{number}")))).await.is_ok());
    }
    assert_eq!(site.asked(), 1);
    app.pass(Duration::from_secs(10));
    for number in 50..60 {
        assert!(assert_as(&app, &stranger.sign(&claims(&app, "app", &format!("s{number}")))).await.is_err());
    }
    assert_eq!(site.asked(), 2);
}

#[tokio::test]
async fn keys_that_cannot_be_fetched_again_are_good_for_an_hour() {
    let app = lenient_app().await;
    let key = Key::new(1, "one");
    let site = Site::start(SiteAnswer::Document(key.jwks())).await;
    create(&app, with_keys_at("app", &site.url())).await;
    let good = async |jti: &str| assert_as(&app, &key.sign(&claims(&app, "app", jti))).await.is_ok();
    assert!(good("1").await);
    site.answers(SiteAnswer::Status(StatusCode::INTERNAL_SERVER_ERROR));
    app.pass(Duration::from_mins(10));
    assert!(good("2").await);
    assert_eq!(site.asked(), 2);
    app.pass(Duration::from_mins(51));
    assert!(!good("3").await);
    assert_eq!(site.asked(), 3);
    assert!(!good("4").await);
    assert_eq!(site.asked(), 3, "failing is not a reason to ask more often");
    site.answers(SiteAnswer::Document(key.jwks()));
    app.pass(Duration::from_secs(10));
    assert!(good("5").await);
}

#[tokio::test]
async fn what_is_no_key_set_proves_nobody() {
    let app = lenient_app().await;
    let key = Key::new(1, "one");
    let canary = Site::start(SiteAnswer::Document(key.jwks())).await;
    let mut padded = key.jwks();
    padded["padding"] = json!("x".repeat(64 * 1024));
    let answers = [
        SiteAnswer::Text("<html>".to_owned()),
        SiteAnswer::Document(json!([])),
        SiteAnswer::Document(json!({ "keys": [] })),
        SiteAnswer::Document(json!({ "keys": [7, { "kty": "EC" }] })),
        SiteAnswer::Document(padded),
        SiteAnswer::Status(StatusCode::NOT_FOUND),
        SiteAnswer::Status(StatusCode::NO_CONTENT),
        SiteAnswer::Redirect(canary.url()),
    ];
    let site = Site::start(SiteAnswer::Silence).await;
    create(&app, with_keys_at("app", &site.url())).await;
    for (number, answer) in answers.into_iter().enumerate() {
        site.answers(answer);
        app.pass(Duration::from_secs(10));
        let outcome = assert_as(&app, &key.sign(&claims(&app, "app", &format!("{number}")))).await;
        assert_eq!(outcome.unwrap_err(), ErrorCode::InvalidClient, "answer {number}");
        assert_eq!(site.asked(), number + 1);
    }
    assert_eq!(canary.asked(), 0, "redirects are not followed");
}

#[tokio::test]
async fn nothing_inside_of_our_networks_is_reached_on_the_word_of_a_client() {
    let app = TestApp::start().await;
    let key = Key::new(1, "one");
    // Nobody could tell from the answer whether somebody listens.
    let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = canary.local_addr().unwrap().port();
    let refused_at_once = [
        format!("http://127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("https://127.1:{port}/"),
        format!("https://2130706433:{port}/"),
        format!("https://0x7f000001:{port}/"),
        format!("https://0177.0.0.1:{port}/"),
        format!("https://0.0.0.0:{port}/"),
        format!("https://[::1]:{port}/"),
        format!("https://[::]:{port}/"),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
        format!("https://user:password@localhost:{port}/"),
        format!("http://localhost:{port}/"),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
        "https://10.0.0.1/".to_owned(),
        "https://192.168.0.1/".to_owned(),
        "https://[fd00::1]/".to_owned(),
        "https://[64:ff9b::7f00:1]/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "data:application/json,{}".to_owned(),
        "ftp://example.com/".to_owned(),
        "gopher://example.com/".to_owned(),
        "unix:/run/docker.sock".to_owned(),
        "jar:https://example.com!/".to_owned(),
    ];
    for url in refused_at_once {
        let error = app.identity.clients().create(with_keys_at("app", &url)).await.unwrap_err();
        assert_eq!(error.field(), Some("jwks_uri"), "{url}");
        let mut client = new("app", AuthMethod::None);
        client.metadata.sector_identifier_uri = Some(url.clone());
        let error = app.identity.clients().create(client).await.unwrap_err();
        assert_eq!(error.field(), Some("sector_identifier_uri"), "{url}");
        let mut client = new("app", AuthMethod::None);
        client.metadata.backchannel_logout_uri = Some(url.clone());
        let error = app.identity.clients().create(client).await.unwrap_err();
        assert_eq!(error.field(), Some("backchannel_logout_uri"), "{url}");
    }
    // What a name resolves to shows when it is asked.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let mut answers = Vec::new();
    for port in [port, closed] {
        for (number, host) in ["localhost", "LOCALHOST", "localhost."].into_iter().enumerate() {
            let url = format!("https://{host}:{port}/");
            let id = format!("app-{port}-{number}");
            create(&app, with_keys_at(&id, &url)).await;
            assert!(assert_as(&app, &key.sign(&claims(&app, &id, "1"))).await.is_err());
            let mut client = new("sector", AuthMethod::None);
            client.metadata.sector_identifier_uri = Some(url);
            let error = app.identity.clients().create(client).await.unwrap_err();
            answers.push(error.to_string());
        }
    }
    answers.dedup();
    assert_eq!(answers, ["sector_identifier_uri could not be fetched"]);
    let visitor = tokio::time::timeout(Duration::from_millis(50), canary.accept()).await;
    assert!(visitor.is_err(), "somebody knocked");
}

#[tokio::test]
async fn a_sector_agrees_to_every_redirect_uri_of_its_clients() {
    let app = lenient_app().await;
    let site = Site::start(SiteAnswer::Document(json!([REDIRECT, "https://other.example.com/callback"]))).await;
    let client = || {
        let mut client = new("app", AuthMethod::None);
        client.metadata.subject_type = SubjectType::Pairwise;
        client.metadata.redirect_uris.push("https://other.example.com/callback".to_owned());
        client.metadata.sector_identifier_uri = Some(site.url());
        client
    };
    create(&app, client()).await;
    let answers = [
        SiteAnswer::Document(json!([REDIRECT])),
        SiteAnswer::Document(json!({ "redirect_uris": [REDIRECT, "https://other.example.com/callback"] })),
        SiteAnswer::Document(json!([REDIRECT, 7])),
        SiteAnswer::Text(String::new()),
        SiteAnswer::Status(StatusCode::NOT_FOUND),
    ];
    for answer in answers {
        site.answers(answer);
        let mut client = client();
        client.id = None;
        let error = app.identity.clients().create(client).await.unwrap_err();
        assert_eq!(error.field(), Some("sector_identifier_uri"));
    }
}
