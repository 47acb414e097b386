//! The keys that sign tokens: how they are shared by nodes, replaced, and kept.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use identity_core::Identity;
use identity_core::audit::EventFilter;
use identity_core::jwt::{self, Algorithm, Expected, JwkSet, KeySet, Refusal};
use identity_core::keys::{SigningKey, State};
use identity_core::store::Store;
use identity_core::time::after;
use identity_tests::{TestApp, race};
use serde_json::{Map, Value, json};

const DAY: Duration = Duration::from_hours(24);
/// How long a node may work with what it has read.
const READ: Duration = Duration::from_secs(5);
/// How long a key is published before it signs where nobody wants to wait.
const SETTLED: Duration = Duration::from_secs(15);
/// All but what a node may not have read yet.
const ALMOST_SETTLED: Duration = Duration::from_secs(10);
const ISSUER: &str = "https://id.example.test";

/// An app that signs with what is quick to make.
async fn quick() -> TestApp {
    TestApp::builder().config(|config| config.oauth.algorithms = vec![Algorithm::Rs256, Algorithm::Es256]).start().await
}

/// An app on the same database.
async fn beside(app: &TestApp) -> TestApp {
    let algorithms = app.identity.config().oauth.algorithms.clone();
    TestApp::builder().beside(app).config(|config| config.oauth.algorithms = algorithms).start().await
}

/// A token that is good for an hour.
async fn token(identity: &Identity, algorithm: Algorithm) -> String {
    let expires_at = after(identity.now(), Duration::from_hours(1)).timestamp();
    let claims = json!({ "iss": ISSUER, "aud": "app", "exp": expires_at });
    let signer = identity.signing_keys().signer(algorithm).await.unwrap();
    signer.sign("at+jwt", claims.as_object().unwrap()).unwrap()
}

fn expected(identity: &Identity) -> Expected<'static> {
    Expected {
        issuer: ISSUER,
        audience: &["app"],
        types: &["at+jwt"],
        algorithms: Algorithm::ALL,
        now: identity.now(),
        leeway: Duration::ZERO,
        allow_expired: false,
    }
}

async fn verify(identity: &Identity, token: &str) -> Result<Map<String, Value>, Refusal> {
    identity.signing_keys().verify(token, &expected(identity)).await.unwrap()
}

fn kid(token: &str) -> String {
    jwt::header(token).unwrap().key_id.unwrap()
}

fn kids(set: &JwkSet) -> Vec<String> {
    set.keys.iter().map(|key| key.common.key_id.clone().unwrap()).collect()
}

async fn list(app: &TestApp) -> Vec<SigningKey> {
    app.identity.signing_keys().list().await.unwrap()
}

/// The states of the keys of one algorithm, the active one first.
async fn states(app: &TestApp, algorithm: Algorithm) -> Vec<&'static str> {
    list(app).await.iter().filter(|key| key.algorithm == algorithm).map(|key| key.state.name()).collect()
}

async fn rows(app: &TestApp, condition: &str) -> i64 {
    app.database().number(&format!("SELECT COUNT(*) FROM identity_signing_keys WHERE {condition}")).await
}

#[tokio::test]
async fn keys_are_given_from_memory_while_they_are_complete_and_fresh() {
    let app = quick().await;
    let cached = || app.identity.oauth().cached_jwks();
    let _ = token(&app.identity, Algorithm::Es256).await;
    assert_eq!(cached(), None, "there is no key for RS256");
    let all = app.identity.oauth().jwks().await.unwrap();
    assert_eq!(cached(), Some(all));
    app.pass(READ);
    assert_eq!(cached(), None, "they were read five seconds ago");
}

#[tokio::test]
async fn every_algorithm_signs_with_a_key_of_its_own_that_is_published() {
    let app = TestApp::start().await;
    let keys = app.identity.signing_keys();
    let public = keys.public().await.unwrap();
    assert_eq!(public.keys.len(), Algorithm::ALL.len());
    for &algorithm in Algorithm::ALL {
        let token = token(&app.identity, algorithm).await;
        let header = jwt::header(&token).unwrap();
        assert_eq!((header.algorithm, header.kind.as_deref()), (algorithm, Some("at+jwt")));
        let key = public.find(&header.key_id.unwrap()).unwrap();
        let shown = serde_json::to_value(key).unwrap();
        assert_eq!((&shown["alg"], &shown["use"]), (&json!(algorithm), &json!("sig")));
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(shown.get(private).is_none(), "{shown}");
        }
        assert_eq!(KeySet::from(&*public).verify(&token, &expected(&app.identity)).unwrap()["iss"], ISSUER);
        assert!(verify(&app.identity, &token).await.is_ok());
    }
}

#[tokio::test]
async fn nothing_is_made_before_somebody_asks_for_it() {
    let app = quick().await;
    app.identity.signing_keys().tend().await.unwrap();
    assert_eq!(rows(&app, "true").await, 0);
    let first = token(&app.identity, Algorithm::Es256).await;
    assert_eq!(rows(&app, "true").await, 1);
    app.identity.signing_keys().tend().await.unwrap();
    assert_eq!(states(&app, Algorithm::Rs256).await, ["active"]);
    assert_eq!(kid(&token(&app.identity, Algorithm::Es256).await), kid(&first));
    let refused = app.identity.signing_keys().signer(Algorithm::EdDsa).await.unwrap_err();
    assert!(refused.chain().contains("no key that signs with EdDSA"), "{refused:?}");
    assert_eq!(rows(&app, "true").await, 2);
}

#[tokio::test]
async fn a_key_is_published_a_day_before_it_signs_and_until_its_last_token_has_expired() {
    let app = quick().await;
    let keys = app.identity.signing_keys();
    let old = token(&app.identity, Algorithm::Rs256).await;
    app.pass(DAY * 88);
    keys.tend().await.unwrap();
    assert_eq!(states(&app, Algorithm::Rs256).await, ["active"]);

    app.pass(DAY);
    keys.tend().await.unwrap();
    keys.tend().await.unwrap();
    assert_eq!(states(&app, Algorithm::Rs256).await, ["active", "staged"]);
    let published = kids(&keys.public().await.unwrap());
    app.pass(Duration::from_mins(23 * 60 + 30));
    let last = token(&app.identity, Algorithm::Rs256).await;
    assert_eq!(kid(&last), kid(&old));

    // Nobody has to tend it for the next one to sign.
    app.pass(Duration::from_mins(30));
    let new = token(&app.identity, Algorithm::Rs256).await;
    assert_ne!(kid(&new), kid(&old));
    assert!(published.contains(&kid(&new)));
    assert_eq!(states(&app, Algorithm::Rs256).await, ["active", "retiring"]);
    assert_eq!(rows(&app, "state = 'retiring' AND private_key IS NOT NULL").await, 0);
    assert!(verify(&app.identity, &last).await.is_ok());

    app.pass(Duration::from_mins(29));
    keys.tend().await.unwrap();
    assert!(verify(&app.identity, &last).await.is_ok());
    app.pass(Duration::from_mins(1));
    assert_eq!(verify(&app.identity, &last).await.unwrap_err(), Refusal::Expired);

    app.pass(DAY);
    keys.tend().await.unwrap();
    assert_eq!(states(&app, Algorithm::Rs256).await, ["active"]);
    assert_eq!(verify(&app.identity, &last).await.unwrap_err(), Refusal::UnknownKey);
    assert!(!kids(&keys.public().await.unwrap()).contains(&kid(&last)));
}

#[tokio::test]
async fn a_rotation_publishes_now_and_signs_later_and_one_at_once_signs_when_every_node_has_read_it() {
    let app = quick().await;
    let keys = app.identity.signing_keys();
    let first = kid(&token(&app.identity, Algorithm::Es256).await);
    keys.public().await.unwrap();

    let begun = app.identity.now();
    let next = keys.rotate(false).await.unwrap();
    assert_eq!(next.len(), 2);
    assert!(next.iter().all(|key| key.state == State::Staged { from: after(app.identity.now(), DAY) }));
    assert_eq!(keys.rotate(false).await.unwrap(), next);
    assert_eq!(keys.public().await.unwrap().keys.len(), 4);

    // What was to sign tomorrow makes way for what signs in a moment, which stays when it is asked for again.
    let sooner = keys.rotate(true).await.unwrap();
    assert!(sooner.iter().all(|key| key.state == State::Staged { from: after(app.identity.now(), SETTLED) }));
    app.pass(ALMOST_SETTLED);
    assert_eq!(keys.rotate(true).await.unwrap(), sooner);
    assert_eq!(keys.rotate(false).await.unwrap(), sooner);
    assert_eq!(kid(&token(&app.identity, Algorithm::Es256).await), first);
    app.pass(READ);
    let second = kid(&token(&app.identity, Algorithm::Es256).await);
    assert!(sooner.iter().any(|key| key.id.as_str() == second));
    assert_eq!(states(&app, Algorithm::Es256).await, ["active", "retiring"]);

    let filter = EventFilter { kind: Some("keys".to_owned()), ..EventFilter::default() };
    let events = app.identity.audit().list(&filter, None, 100).await.unwrap();
    let of = |kind: &str| events.iter().filter(|event| event.kind == kind).collect::<Vec<_>>();
    assert_eq!((of("keys.staged").len(), of("keys.rotated").len()), (4, 2));
    assert!(events.iter().all(|event| event.actor.kind() == "operator" && event.user_id.is_none()));
    assert!(
        of("keys.rotated").iter().any(|event| event.details["kid"] == second && event.details["algorithm"] == "ES256")
    );
    let tomorrow = json!(after(begun, DAY));
    assert_eq!(of("keys.staged").iter().filter(|event| event.details["signsFrom"] == tomorrow).count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_at_once_on_an_empty_database_sign_with_one_key() {
    let app = quick().await;
    let nodes = [beside(&app).await.identity.clone(), beside(&app).await.identity.clone(), app.identity.clone()];
    let outcomes = race(12, |number| {
        let node = nodes[number % nodes.len()].clone();
        async move {
            node.signing_keys().public().await.unwrap();
            token(&node, Algorithm::Es256).await
        }
    });
    let tokens = outcomes.await;
    assert_eq!(rows(&app, "state = 'active'").await, 2);
    assert_eq!(rows(&app, "true").await, 2);
    for token in &tokens {
        assert_eq!(kid(token), kid(&tokens[0]));
        for node in &nodes {
            assert!(verify(node, token).await.is_ok());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_rotate_at_once_end_with_one_next_key() {
    let app = quick().await;
    let other = beside(&app).await;
    app.identity.signing_keys().public().await.unwrap();
    for at_once in [false, true] {
        let outcomes = race(6, |number| {
            let node = if number % 2 == 0 { app.identity.clone() } else { other.identity.clone() };
            async move { node.signing_keys().rotate(at_once).await.unwrap() }
        });
        let next = outcomes.await;
        assert!(next.iter().all(|keys| *keys == next[0]), "{next:?}");
        assert_eq!(rows(&app, "state = 'staged'").await, 2);
        assert_eq!(rows(&app, "state = 'active'").await, 2);
    }
    // Both meet the moment at which the next ones sign.
    app.pass(SETTLED);
    let outcomes = race(6, |number| {
        let node = if number % 2 == 0 { app.identity.clone() } else { other.identity.clone() };
        async move { kid(&token(&node, Algorithm::Rs256).await) }
    });
    let signed = outcomes.await;
    app.pass(READ);
    let new = kid(&token(&other.identity, Algorithm::Rs256).await);
    assert!(signed.iter().all(|kid| *kid == new), "{signed:?}");
    assert_eq!(rows(&app, "state = 'active'").await, 2);
    assert_eq!(rows(&app, "state = 'retiring'").await, 2);
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_events WHERE kind = 'keys.rotated'").await, 2);
}

#[tokio::test]
async fn a_key_never_signs_before_every_node_publishes_it() {
    let app = quick().await;
    let other = beside(&app).await;
    token(&app.identity, Algorithm::Es256).await;
    other.identity.signing_keys().public().await.unwrap();
    app.identity.signing_keys().rotate(true).await.unwrap();
    for _ in 0..30 {
        app.pass(Duration::from_secs(1));
        for (signs, publishes) in [(&app, &other), (&other, &app)] {
            let token = token(&signs.identity, Algorithm::Es256).await;
            let public = publishes.identity.signing_keys().public().await.unwrap();
            assert!(kids(&public).contains(&kid(&token)));
        }
    }
    assert_eq!(states(&app, Algorithm::Es256).await, ["active", "retiring"]);
}

#[tokio::test]
async fn a_token_of_a_key_that_a_node_has_not_read_makes_it_look() {
    let app = quick().await;
    let other = beside(&app).await;
    let garbage = token(&app.identity, Algorithm::Rs256).await;
    assert!(verify(&other.identity, &garbage).await.is_ok());
    let fresh = token(&app.identity, Algorithm::Es256).await;
    app.pass(Duration::from_millis(999));
    // So many of them that the database would notice.
    assert_eq!(verify(&other.identity, &fresh).await.unwrap_err(), Refusal::UnknownKey);
    app.pass(Duration::from_millis(1));
    assert!(verify(&other.identity, &fresh).await.is_ok());
}

#[tokio::test]
async fn private_keys_are_sealed_for_their_row_and_open_nowhere_else() {
    let app = quick().await;
    let keys = app.identity.signing_keys();
    keys.public().await.unwrap();
    let first = keys.signer(Algorithm::Es256).await.unwrap();
    let clear = first.to_pkcs8().unwrap();
    // The private scalar alone, without what says that it is one.
    let scalar = clear[36..68].iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let dump = app.database().dump().await;
    assert!(dump.contains("identity_signing_keys") && !dump.contains(&scalar), "{dump}");

    keys.rotate(true).await.unwrap();
    let swapped = "UPDATE identity_signing_keys SET private_key = \
                   (SELECT private_key FROM identity_signing_keys WHERE algorithm = 'ES256' AND state = 'staged') \
                   WHERE algorithm = 'ES256' AND state = 'active'";
    assert_eq!(app.database().change(swapped).await, 1);
    let other = beside(&app).await;
    let keys = other.identity.signing_keys();
    let refused = keys.signer(Algorithm::Es256).await.unwrap_err();
    assert!(refused.chain().contains("no key that signs with ES256"), "{refused:?}");
    // The others go on, what was signed is still good, nothing is made in its place, and the next one is not touched.
    assert!(keys.signer(Algorithm::Rs256).await.is_ok());
    assert_eq!(keys.public().await.unwrap().keys.len(), 4);
    assert_eq!(rows(&app, "state = 'active'").await, 2);
    app.pass(SETTLED);
    assert!(keys.signer(Algorithm::Es256).await.is_ok());
}

#[tokio::test]
async fn a_public_key_that_was_replaced_in_its_row_is_not_signed_for() {
    let app = quick().await;
    token(&app.identity, Algorithm::Es256).await;
    app.identity.signing_keys().rotate(true).await.unwrap();
    let forged = "UPDATE identity_signing_keys SET public_jwk = \
                  (SELECT public_jwk FROM identity_signing_keys WHERE algorithm = 'ES256' AND state = 'staged') \
                  WHERE algorithm = 'ES256' AND state = 'active'";
    assert_eq!(app.database().change(forged).await, 1);
    assert!(beside(&app).await.identity.signing_keys().signer(Algorithm::Es256).await.is_err());
}

#[tokio::test]
async fn an_algorithm_that_is_not_offered_any_more_stops_signing_and_is_published_for_its_last_tokens() {
    let app = quick().await;
    let old = token(&app.identity, Algorithm::Es256).await;
    app.identity.signing_keys().rotate(false).await.unwrap();
    let other =
        TestApp::builder().beside(&app).config(|config| config.oauth.algorithms = vec![Algorithm::Rs256]).start().await;
    let keys = other.identity.signing_keys();
    assert!(keys.signer(Algorithm::Es256).await.is_err());
    keys.tend().await.unwrap();
    assert_eq!(states(&other, Algorithm::Es256).await, ["retiring"]);
    assert!(verify(&other.identity, &old).await.is_ok());
    app.pass(DAY + Duration::from_hours(1));
    keys.tend().await.unwrap();
    assert_eq!(states(&other, Algorithm::Es256).await, [""; 0]);
}

#[tokio::test]
async fn the_worker_looks_after_the_keys() {
    let app = quick().await;
    token(&app.identity, Algorithm::Es256).await;
    app.pass(DAY * 89);
    // It starts with what is due.
    let _other = beside(&app).await;
    let staged = "SELECT COUNT(*) FROM identity_signing_keys WHERE algorithm = 'ES256' AND state = 'staged'";
    app.database().until(staged, 1).await;
}

#[tokio::test]
async fn the_same_set_is_answered_until_it_changes() {
    let app = quick().await;
    let keys = app.identity.signing_keys();
    let first = keys.public().await.unwrap();
    app.pass(READ * 2);
    assert!(Arc::ptr_eq(&first, &keys.public().await.unwrap()));
    keys.rotate(false).await.unwrap();
    assert_ne!(*first, *keys.public().await.unwrap());
}

#[tokio::test]
async fn signing_and_verifying_go_on_for_a_while_without_a_database() {
    let app = quick().await;
    let keys = app.identity.signing_keys();
    keys.public().await.unwrap();
    let gone = "ALTER TABLE identity_signing_keys RENAME TO elsewhere";
    app.database().change(gone).await;
    for _ in 0..3 {
        let token = token(&app.identity, Algorithm::Rs256).await;
        assert!(verify(&app.identity, &token).await.is_ok());
        app.pass(Duration::from_mins(2));
    }
    assert!(keys.signer(Algorithm::Rs256).await.is_err());
    app.database().change("ALTER TABLE elsewhere RENAME TO identity_signing_keys").await;
    assert!(keys.signer(Algorithm::Rs256).await.is_ok());
}

#[tokio::test]
async fn a_key_that_was_made_under_another_secret_never_signs_and_is_replaced() {
    let app = quick().await;
    let before = kid(&token(&app.identity, Algorithm::Es256).await);
    let mistaken = {
        let store = Store::connect(app.database().url()).await.unwrap();
        let config = app.identity.config().clone();
        let secret = "the secret of somebody who is in another folder".to_owned();
        let clock = Arc::clone(&app.clock);
        Identity::builder(store, secret).config(config).clock(clock).mailer(app.mailer.clone()).build().unwrap()
    };
    let _ = mistaken.signing_keys().rotate(true).await.unwrap();
    app.pass(SETTLED * 2);
    assert_eq!(kid(&token(&app.identity, Algorithm::Es256).await), before);
    app.identity.signing_keys().tend().await.unwrap();
    app.pass(READ);
    assert_eq!(kid(&token(&app.identity, Algorithm::Es256).await), before);
    app.pass(app.identity.config().oauth.key_publication);
    let next = kid(&token(&app.identity, Algorithm::Es256).await);
    assert_ne!(next, before, "its successor has taken over");

    let _ = mistaken.signing_keys().rotate(true).await.unwrap();
    let _ = app.identity.signing_keys().rotate(true).await.unwrap();
    app.pass(SETTLED);
    assert_ne!(kid(&token(&app.identity, Algorithm::Es256).await), next, "whoever knows the secret needs not wait");
}
