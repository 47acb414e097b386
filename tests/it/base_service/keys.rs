//! The keys by which the service verifies tokens: when they are fetched, and what happens while they cannot be.

use std::time::Duration;

use axum::Router;
use identity_axum::TrustAnchor;
use identity_core::time::Clock as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::anchor::{Behaviour, FakeAnchor};
use super::tokens::{Issuer, Key, ask_with, fresh_id, key_set};
use super::{ask, refused, service};

/// Sends tokens of as many unknown keys at once.
async fn storm(app: &Router, issuer: &Issuer, tokens: usize) -> Vec<(u16, String)> {
    let calls: JoinSet<_> = (0..tokens)
        .map(|_| {
            let (app, token) = (app.clone(), issuer.token_of_unknown_key(&fresh_id()));
            async move { ask_with(&app, "/me", &token).await.refusal() }
        })
        .collect();
    calls.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_tokens_of_unknown_keys_cost_the_anchor_few_questions() {
    let issuer = Issuer::start().await;
    let app = service(&issuer.trusted().build().unwrap());
    assert!(storm(&app, &issuer, 500).await.iter().all(|answer| *answer == refused(401, "invalid_bearer")));
    assert_eq!(issuer.fetches(), 1);
    issuer.clock.advance(Duration::from_secs(10));
    assert!(storm(&app, &issuer, 500).await.iter().all(|answer| *answer == refused(401, "invalid_bearer")));
    assert_eq!(issuer.fetches(), 2);
    assert_eq!(issuer.anchor.count("/.well-known"), 1);
    assert_eq!(ask_with(&app, "/me", &issuer.token(|_| ())).await.status.as_u16(), 200);
    let foreign = issuer
        .key
        .sign(&json!({ "alg": "ES256", "kid": "x", "typ": "at+jwt" }), &json!({ "iss": "https://else.test" }));
    issuer.clock.advance(Duration::from_secs(10));
    assert_eq!(ask_with(&app, "/me", &foreign).await.refusal(), refused(401, "invalid_bearer"));
    assert_eq!(issuer.fetches(), 2, "the keys of others are not looked for at the anchor");
}

#[tokio::test]
async fn a_new_key_is_found_at_its_first_token_and_an_old_one_is_good_until_it_is_gone() {
    let mut issuer = Issuer::start().await;
    let app = service(&issuer.trusted().build().unwrap());
    let old = issuer.token(|_| ());
    assert_eq!(ask_with(&app, "/me", &old).await.status.as_u16(), 200);
    let first = std::mem::replace(&mut issuer.key, Key::new("two", "EdDSA"));
    issuer.anchor.jwks(Behaviour::body(key_set(&[&first, &issuer.key])));
    issuer.clock.advance(Duration::from_secs(15));
    let new = issuer.token(|_| ());
    for token in [&new, &old, &new] {
        assert_eq!(ask_with(&app, "/me", token).await.status.as_u16(), 200);
    }
    assert_eq!(issuer.fetches(), 2);
    issuer.anchor.jwks(Behaviour::body(key_set(&[&issuer.key])));
    issuer.clock.advance(Duration::from_mins(5));
    assert_eq!(ask_with(&app, "/me", &new).await.status.as_u16(), 200);
    assert_eq!(ask_with(&app, "/me", &old).await.refusal(), refused(401, "invalid_bearer"));
    assert_eq!(issuer.fetches(), 3);
}

#[tokio::test]
async fn keys_are_fetched_anew_when_the_anchor_says_so() {
    let issuer = Issuer::start().await;
    let keys = key_set(&[&issuer.key]);
    issuer.anchor.jwks(Behaviour::Fixed(200, vec![("cache-control", "public, max-age=3600".to_owned())], keys));
    let app = service(&issuer.trusted().build().unwrap());
    for (minutes, fetches) in [(0, 1), (59, 1), (1, 2), (59, 2), (1, 3)] {
        issuer.clock.advance(Duration::from_mins(minutes));
        assert_eq!(ask_with(&app, "/me", &issuer.token(|_| ())).await.status.as_u16(), 200);
        assert_eq!(issuer.fetches(), fetches);
    }
}

#[tokio::test]
async fn old_keys_are_good_for_an_hour_without_the_anchor_and_then_it_is_an_outage() {
    let issuer = Issuer::start().await;
    let app = service(&issuer.trusted().build().unwrap());
    let status = async || ask_with(&app, "/me", &issuer.token(|_| ())).await.status.as_u16();
    assert_eq!(status().await, 200);
    issuer.anchor.jwks(Behaviour::status(500));
    issuer.clock.advance(Duration::from_mins(5));
    for _ in 0..3 {
        assert_eq!(status().await, 200);
    }
    assert_eq!(issuer.fetches(), 2, "the anchor is given a pause");
    issuer.clock.advance(Duration::from_hours(1) - Duration::from_micros(1));
    assert_eq!(status().await, 200);
    issuer.clock.advance(Duration::from_micros(1));
    let answer = ask_with(&app, "/me", &issuer.token(|_| ())).await;
    assert_eq!(answer.refusal(), refused(503, "anchor_unavailable"));
    assert!(answer.header("retry-after").is_some() && answer.header("www-authenticate").is_none());
    assert_eq!(ask_with(&app, "/feed", &issuer.token(|_| ())).await.status.as_u16(), 503);
    assert_eq!(ask(&app, "/feed", &[]).await.json(), Value::Null);
    issuer.anchor.jwks(Behaviour::body(key_set(&[&issuer.key])));
    issuer.clock.advance(Duration::from_secs(2));
    assert_eq!(status().await, 200);
    let strict = service(&issuer.trusted().stale_if_error(Duration::ZERO).build().unwrap());
    assert_eq!(ask_with(&strict, "/me", &issuer.token(|_| ())).await.status.as_u16(), 200);
    issuer.anchor.jwks(Behaviour::status(500));
    issuer.clock.advance(Duration::from_mins(5));
    assert_eq!(ask_with(&strict, "/me", &issuer.token(|_| ())).await.status.as_u16(), 503);
}

#[tokio::test]
async fn an_unknown_key_is_an_outage_while_the_anchor_cannot_be_asked_for_it() {
    let issuer = Issuer::start().await;
    let app = service(&issuer.trusted().build().unwrap());
    assert_eq!(ask_with(&app, "/me", &issuer.token(|_| ())).await.status.as_u16(), 200);
    issuer.anchor.jwks(Behaviour::status(500));
    issuer.clock.advance(Duration::from_secs(10));
    let unknown = issuer.token_of_unknown_key("two");
    for _ in 0..2 {
        assert_eq!(ask_with(&app, "/me", &unknown).await.refusal(), refused(503, "anchor_unavailable"));
    }
    assert_eq!(issuer.fetches(), 2);
    assert_eq!(ask_with(&app, "/me", &issuer.token(|_| ())).await.status.as_u16(), 200, "known keys go on");
}

/// Every way in which the anchor can fail to give its keys.
#[tokio::test]
async fn without_keys_a_token_is_an_outage_and_what_can_be_no_token_is_401() {
    let issuer = Issuer::start().await;
    let keys = key_set(&[&issuer.key]);
    let found = |metadata: Value| Behaviour::body(metadata.to_string());
    let url = &issuer.anchor.url;
    let huge = format!("{{\"padding\":\"{}\",\"keys\":[]}}", "x".repeat(70_000));
    let rows = [
        (Behaviour::status(500), Behaviour::body(&keys)),
        (Behaviour::status(302), Behaviour::body(&keys)),
        (Behaviour::body("<html>"), Behaviour::body(&keys)),
        (found(json!({ "issuer": url })), Behaviour::body(&keys)),
        (found(json!({ "issuer": url, "jwks_uri": "ftp://x" })), Behaviour::body(&keys)),
        (
            found(json!({ "issuer": "https://id.test", "jwks_uri": format!("{url}/oauth2/jwks") })),
            Behaviour::body(&keys),
        ),
        (Behaviour::Normal, Behaviour::status(404)),
        (Behaviour::Normal, Behaviour::status(429)),
        (Behaviour::Normal, Behaviour::body("")),
        (Behaviour::Normal, Behaviour::body("[]")),
        (Behaviour::Normal, Behaviour::body("{\"keys\":{}}")),
        (Behaviour::Normal, Behaviour::body("{\"keys\":[]}")),
        (Behaviour::Normal, Behaviour::body("{\"keys\":[{\"kty\":\"oct\",\"kid\":\"one\",\"k\":\"eA\"}]}")),
        (Behaviour::Normal, Behaviour::body(huge)),
    ];
    let token = issuer.token(|_| ());
    for (metadata, jwks) in rows {
        let row = format!("{metadata:.90?} {jwks:.90?}");
        issuer.anchor.metadata(metadata);
        issuer.anchor.jwks(jwks);
        let app = service(&issuer.trusted().build().unwrap());
        assert_eq!(ask_with(&app, "/me", &token).await.refusal(), refused(503, "anchor_unavailable"), "{row}");
        let unsigned = "eyJhbGciOiJub25lIn0.e30.";
        assert_eq!(ask_with(&app, "/me", unsigned).await.refusal(), refused(401, "invalid_bearer"), "{row}");
        issuer.anchor.metadata(Behaviour::Normal);
        issuer.anchor.jwks(Behaviour::body(&keys));
        issuer.clock.advance(Duration::from_secs(2));
        assert_eq!(ask_with(&app, "/me", &token).await.status.as_u16(), 200, "{row}: it is back");
        issuer.clock.set(issuer.clock.now() - Duration::from_secs(2));
    }
    issuer.anchor.jwks(Behaviour::Silent);
    let hasty = service(&issuer.trusted().timeout(Duration::from_millis(100)).build().unwrap());
    assert_eq!(ask_with(&hasty, "/me", &token).await.refusal(), refused(503, "anchor_unavailable"));
}

#[tokio::test]
async fn an_anchor_without_metadata_has_its_keys_where_ours_has_them() {
    let issuer = Issuer::start().await;
    issuer.anchor.metadata(Behaviour::status(404));
    let app = service(&issuer.trusted().build().unwrap());
    assert_eq!(ask_with(&app, "/me", &issuer.token(|_| ())).await.status.as_u16(), 200);
}

#[tokio::test]
async fn an_anchor_that_is_reached_by_an_internal_name_is_asked_for_its_keys_by_that_name() {
    let issuer = Issuer::start().await;
    let metadata = json!({ "issuer": "https://id.test", "jwks_uri": "https://id.test/oauth2/jwks" });
    issuer.anchor.metadata(Behaviour::body(metadata.to_string()));
    let app = service(&issuer.trusted().issuer("https://id.test").build().unwrap());
    let token = issuer.token(|claims| claims["iss"] = json!("https://id.test"));
    assert_eq!(ask_with(&app, "/me", &token).await.json()["id"], "ann");
    let by_url = issuer.token(|_| ());
    assert_eq!(ask_with(&app, "/me", &by_url).await.refusal(), refused(401, "invalid_bearer"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_first_tokens_fetch_the_keys_once_and_a_caller_that_hangs_up_ends_nothing() {
    let issuer = Issuer::start().await;
    issuer.anchor.jwks(Behaviour::Silent);
    let app = service(&issuer.trusted().timeout(Duration::from_secs(1)).build().unwrap());
    let token = issuer.token(|_| ());
    let mut calls = JoinSet::new();
    let (first_app, first_token) = (app.clone(), token.clone());
    let first = calls.spawn(async move { ask_with(&first_app, "/me", &first_token).await.status.as_u16() });
    issuer.anchor.until_asked("/oauth2/jwks").await;
    for _ in 0..20 {
        let (app, token) = (app.clone(), token.clone());
        calls.spawn(async move { ask_with(&app, "/me", &token).await.status.as_u16() });
    }
    first.abort();
    while let Some(ended) = calls.join_next().await {
        assert!(ended.is_err_and(|error| error.is_cancelled()) || issuer.fetches() == 1);
    }
    assert_eq!(issuer.fetches(), 1, "those who waited were told how it ended");
    issuer.anchor.jwks(Behaviour::body(key_set(&[&issuer.key])));
    issuer.clock.advance(Duration::from_secs(2));
    let calls: JoinSet<_> = (0..20)
        .map(|_| {
            let (app, token) = (app.clone(), token.clone());
            async move { ask_with(&app, "/me", &token).await.status.as_u16() }
        })
        .collect();
    assert!(calls.join_all().await.iter().all(|status| *status == 200));
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn keys_that_were_fetched_from_one_anchor_do_not_count_for_another() {
    let (issuer, other) = (Issuer::start().await, FakeAnchor::start().await);
    other.jwks(Behaviour::body(key_set(&[&Key::new("one", "ES256")])));
    let app =
        service(&TrustAnchor::builder(&other.url).issuer(&issuer.anchor.url).audience("reports").build().unwrap());
    other.metadata(Behaviour::status(404));
    assert_eq!(ask_with(&app, "/me", &issuer.token(|_| ())).await.refusal(), refused(401, "invalid_bearer"));
}
