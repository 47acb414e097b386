//! Secrets, and clients that have none.

use std::time::Duration;

use identity_core::Code;
use identity_core::id::ClientId;
use identity_core::oauth::client::{AuthMethod, ClientChange};
use identity_core::oauth::{ClientPolicy, ErrorCode};
use identity_tests::TestApp;
use serde_json::json;

use super::{basic, call, create, events, new};

#[tokio::test]
async fn a_secret_is_shown_once_and_stored_as_a_digest() {
    let app = TestApp::start().await;
    let created = create(&app, new("app", AuthMethod::ClientSecretBasic)).await;
    let secret = created.secret.unwrap();
    assert_eq!(secret.expose().len(), 43);
    assert!(!app.database().dump().await.contains(secret.expose()));
    let client = call(&app, Some(&basic("app", secret.expose())), &[]).await.unwrap();
    assert_eq!(client, created.client);
    assert_eq!(client.id.as_str(), "app");
    let mut minted = new("x", AuthMethod::None);
    minted.id = None;
    let minted = create(&app, minted).await;
    assert!(minted.secret.is_none());
    assert_eq!(minted.client.id.as_str().len(), 36);
}

#[tokio::test]
async fn a_client_proves_itself_as_it_registered_and_in_no_other_way() {
    let app = TestApp::start().await;
    let header = create(&app, new("header", AuthMethod::ClientSecretBasic)).await.secret.unwrap();
    let post = create(&app, new("post", AuthMethod::ClientSecretPost)).await.secret.unwrap();
    create(&app, new("public", AuthMethod::None)).await;
    let (header, post) = (header.expose(), post.expose());
    assert!(call(&app, Some(&basic("header", header)), &[("client_id", "header")]).await.is_ok());
    assert!(call(&app, None, &[("client_id", "post"), ("client_secret", post)]).await.is_ok());
    assert!(call(&app, None, &[("client_id", "public")]).await.is_ok());
    let refused: [(Option<String>, &[_]); 12] = [
        (None, &[("client_id", "header"), ("client_secret", header)]),
        (Some(basic("post", post)), &[]),
        (None, &[("client_id", "header")]),
        (None, &[("client_id", "post")]),
        (Some(basic("header", post)), &[]),
        (Some(basic("header", "wrong")), &[]),
        (Some(basic("header", "")), &[]),
        (Some(basic("nobody", header)), &[]),
        (Some(basic("public", "")), &[]),
        (None, &[("client_id", "public"), ("client_secret", header)]),
        (None, &[("client_id", "nobody")]),
        (None, &[("client_id", "no body\0")]),
    ];
    for (header, pairs) in refused {
        let outcome = call(&app, header.as_deref(), pairs).await;
        assert_eq!(outcome.unwrap_err(), ErrorCode::InvalidClient, "{header:?} {pairs:?}");
    }
    let twice = call(&app, Some(&basic("header", header)), &[("client_secret", header)]).await;
    assert_eq!(twice.unwrap_err(), ErrorCode::InvalidRequest);
}

#[tokio::test]
async fn a_new_secret_replaces_the_others_after_the_overlap() {
    let app = TestApp::builder().without_worker().start().await;
    let clients = app.identity.clients();
    let created = create(&app, new("app", AuthMethod::ClientSecretBasic)).await;
    let first = created.secret.unwrap();
    let id = created.client.id;
    let good = async |secret: &str| call(&app, Some(&basic("app", secret)), &[]).await.is_ok();

    let second = clients.rotate_secret(&id, Duration::from_hours(1)).await.unwrap();
    let third = clients.rotate_secret(&id, Duration::from_hours(2)).await.unwrap();
    for secret in [&first, &second, &third] {
        assert!(good(secret.expose()).await);
    }
    assert_eq!(clients.secrets(&id).await.unwrap().len(), 3);
    app.pass(Duration::from_mins(59));
    assert!(good(first.expose()).await);
    app.pass(Duration::from_mins(1));
    assert!(!good(first.expose()).await, "a later rotation does not lengthen the overlap of an earlier one");
    assert!(good(second.expose()).await);
    app.pass(Duration::from_hours(1));
    assert!(!good(second.expose()).await);
    assert!(good(third.expose()).await);

    let fourth = clients.rotate_secret(&id, Duration::ZERO).await.unwrap();
    assert!(!good(third.expose()).await);
    assert!(good(fourth.expose()).await);
    app.identity.clean_up().await.unwrap();
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_client_secrets").await, 1);
    let rotated = ("client.secret_rotated".to_owned(), json!({ "client": "app", "overlap": 3600 }));
    assert!(events(&app).await.contains(&rotated));
}

#[tokio::test]
async fn a_client_that_changes_its_method_gets_a_secret_or_loses_all() {
    let app = TestApp::start().await;
    let clients = app.identity.clients();
    let id = create(&app, new("app", AuthMethod::None)).await.client.id;
    assert_eq!(clients.rotate_secret(&id, Duration::ZERO).await.unwrap_err().code(), Code::InvalidClientMetadata);
    let method = |method| ClientChange { auth_method: Some(method), ..ClientChange::default() };
    let secret = clients.update(&id, method(AuthMethod::ClientSecretPost)).await.unwrap().secret.unwrap();
    let pairs = [("client_id", "app"), ("client_secret", secret.expose())];
    assert!(call(&app, None, &pairs).await.is_ok());
    assert!(clients.update(&id, method(AuthMethod::ClientSecretBasic)).await.unwrap().secret.is_none());
    assert!(call(&app, Some(&basic("app", secret.expose())), &[]).await.is_ok());
    assert!(clients.update(&id, method(AuthMethod::None)).await.unwrap().secret.is_none());
    assert!(call(&app, None, &pairs).await.is_err());
    assert!(call(&app, None, &[("client_id", "app")]).await.is_ok());
    assert!(clients.secrets(&id).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_deviates_from_the_default_has_a_name_and_is_written_down() {
    let app = TestApp::start().await;
    let clients = app.identity.clients();
    let mut relaxed = new("relaxed", AuthMethod::ClientSecretBasic);
    relaxed.policy = ClientPolicy { require_pkce: false, first_party: true, ..ClientPolicy::default() };
    let id = create(&app, relaxed).await.client.id;
    app.pass(Duration::from_secs(1));
    create(&app, new("strict", AuthMethod::None)).await;
    app.pass(Duration::from_secs(1));
    let change = ClientChange { policy: Some(ClientPolicy::default()), ..ClientChange::default() };
    assert!(clients.update(&id, change).await.unwrap().client.policy.deviations().is_empty());
    app.pass(Duration::from_secs(1));
    clients.delete(&id).await.unwrap();
    let none: [&str; 0] = [];
    let expected = [
        ("client.created", json!({ "client": "relaxed", "deviations": ["no_pkce", "first_party"] })),
        ("client.created", json!({ "client": "strict", "deviations": none })),
        ("client.updated", json!({ "client": "relaxed", "deviations": none })),
        ("client.deleted", json!({ "client": "relaxed" })),
    ];
    assert_eq!(events(&app).await, expected.map(|(kind, details)| (kind.to_owned(), details)));
}

#[tokio::test]
async fn a_deleted_client_is_nobody_and_its_id_is_free_again() {
    let app = TestApp::start().await;
    let clients = app.identity.clients();
    let created = create(&app, new("app", AuthMethod::ClientSecretBasic)).await;
    let secret = created.secret.unwrap();
    let taken = clients.create(new("app", AuthMethod::None)).await.unwrap_err();
    assert_eq!(taken.code(), Code::ClientIdTaken);
    clients.delete(&created.client.id).await.unwrap();
    assert!(call(&app, Some(&basic("app", secret.expose())), &[]).await.is_err());
    assert!(clients.find(&created.client.id).await.unwrap().is_none());
    assert_eq!(clients.delete(&created.client.id).await.unwrap_err().code(), Code::ClientNotFound);
    create(&app, new("app", AuthMethod::ClientSecretBasic)).await;
    assert!(call(&app, Some(&basic("app", secret.expose())), &[]).await.is_err());
}

#[tokio::test]
async fn clients_are_listed_page_by_page() {
    let app = TestApp::start().await;
    for id in ["b", "a", "c"] {
        create(&app, new(id, AuthMethod::None)).await;
    }
    let page = async |after: Option<&str>| {
        let after = after.map(ClientId::from_text);
        let page = app.identity.clients().list(after.as_ref(), 2).await.unwrap();
        page.into_iter().map(|client| String::from(client.id)).collect::<Vec<_>>()
    };
    assert_eq!(page(None).await, ["a", "b"]);
    assert_eq!(page(Some("b")).await, ["c"]);
    assert!(page(Some("c")).await.is_empty());
}

#[tokio::test]
async fn what_a_newer_release_has_stored_of_a_client_is_left_out_and_never_misread() {
    let app = TestApp::start().await;
    create(&app, new("app", AuthMethod::None)).await;
    let stores = async |member: &str, policy: &str| {
        let metadata = format!(
            r#"{{"redirect_uris":["https://app.example.com/callback"],"grant_types":["authorization_code"],{member}}}"#
        );
        let sql = format!("UPDATE identity_clients SET metadata = '{metadata}', policy = '{policy}'");
        assert_eq!(app.database().change(&sql).await, 1);
        app.identity.clients().find(&ClientId::from_text("app")).await
    };
    let client = stores(r#""new_member":7"#, r#"{"first_party":true,"new_rule":[]}"#).await.unwrap().unwrap();
    assert_eq!(client.metadata.redirect_uris, ["https://app.example.com/callback"]);
    assert!(client.policy.first_party && client.policy.require_pkce);
    // Each of these would let the client do more, or tell it more, if it counted as not there.
    for (member, policy) in [
        (r#""subject_type":"quantum""#, "{}"),
        (r#""scope":"a\"b""#, "{}"),
        (r#""token_endpoint_auth_signing_alg":"PQ512""#, "{}"),
        (r#""contacts":[]"#, r#"{"require_pkce":"always"}"#),
        (r#""contacts":[]"#, r#"{"refresh":"later"}"#),
    ] {
        assert_eq!(stores(member, policy).await.unwrap_err().code(), Code::Internal, "{member} {policy}");
    }
}
