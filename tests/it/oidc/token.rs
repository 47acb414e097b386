//! The token endpoint: codes, and what a client asks for in its own name.

use std::time::Duration;

use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use identity_core::config::ResourceSpec;
use identity_core::jwt::{self, Algorithm, Expected, JwkSet};
use identity_core::oauth::client::{AccessTokenFormat, AuthMethod, SubjectType};
use identity_core::user::Ban;
use identity_tests::{Call, RelyingParty, TestApp, TestAppBuilder, claims};
use serde_json::{Map, Value, json};

use super::events;
use crate::flows::row;

const API: &str = "https://api.example.test";
const OTHER: &str = "https://other.example.test";

fn with_resources() -> TestAppBuilder {
    TestApp::builder().config(|config| {
        let resource = |uri: &str, scopes: &[&str], opaque| ResourceSpec {
            uri: uri.to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            opaque,
            client: None,
        };
        config.oauth.resources = vec![
            resource(API, &["orders:read"], false),
            resource(OTHER, &[], false),
            resource("urn:opaque", &[], true),
        ];
    })
}

async fn party_of(app: &TestApp, id: &str) -> RelyingParty {
    RelyingParty::with(app, id, AuthMethod::ClientSecretBasic, |_, policy| {
        policy.resources = vec![API.to_owned(), OTHER.to_owned(), "urn:opaque".to_owned()];
    })
    .await
}

/// The claims of a token whose signature one of the published keys has made.
async fn verified(app: &TestApp, token: &str, kind: &str, audience: &str) -> Map<String, Value> {
    let keys = app.actor("api").send(Call::at(Method::GET, "/oauth2/jwks")).await.expect(200).json();
    let keys: JwkSet = serde_json::from_value(keys).unwrap();
    let expected = Expected {
        issuer: "http://localhost:8888",
        audience: &[audience],
        types: &[kind],
        algorithms: Algorithm::ALL,
        now: app.identity.now(),
        leeway: Duration::ZERO,
        expired_is_fine: false,
    };
    jwt::verify(token, &keys, &expected).unwrap()
}

#[tokio::test]
async fn a_code_becomes_an_access_token_and_an_id_token() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    app.pass(Duration::from_secs(10));
    let code = party.code(&app, &alice, &party.ask().with("scope", "profile openid")).await;
    let reply = party.redeems(&code).await.expect(200);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("pragma"), Some("no-cache"));
    let answer = reply.json();
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert_eq!((&answer["scope"], answer.get("refresh_token")), (&json!("openid profile"), None));

    let user = row(&app, &alice).await;
    let now = app.identity.now().timestamp();
    let id_token = verified(&app, answer["id_token"].as_str().unwrap(), "JWT", "app").await;
    assert_eq!(id_token["sub"], json!(user.id));
    assert_eq!(
        (&id_token["aud"], &id_token["azp"], &id_token["nonce"]),
        (&json!("app"), &json!("app"), &json!("the nonce"))
    );
    assert_eq!(
        (&id_token["iat"], &id_token["exp"], &id_token["auth_time"]),
        (&json!(now), &json!(now + 3600), &json!(now - 10))
    );
    let names: Vec<&str> = id_token.keys().map(String::as_str).collect();
    let expected = ["acr", "amr", "at_hash", "aud", "auth_time", "azp", "exp", "iat", "iss", "nonce", "sid", "sub"];
    assert_eq!(names, expected, "claims of scopes are left to UserInfo");

    let access = verified(&app, answer["access_token"].as_str().unwrap(), "at+jwt", "http://localhost:8888").await;
    assert_eq!(
        (&access["client_id"], &access["scope"], &access["sub"]),
        (&json!("app"), &json!("openid profile"), &id_token["sub"])
    );
    assert_eq!(
        (&access["exp"], &access["sid"], &access["auth_time"]),
        (&json!(now + 600), &id_token["sid"], &id_token["auth_time"])
    );
    assert!(access["jti"].as_str().unwrap().len() > 20);
}

#[tokio::test]
async fn a_request_without_a_nonce_gives_an_id_token_without_one_and_one_without_openid_none() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let tokens = party.tokens_for(&app, &alice, &party.ask().without("nonce")).await;
    assert!(claims(tokens["id_token"].as_str().unwrap()).get("nonce").is_none());
    let tokens = party.tokens(&app, &alice, "profile").await;
    assert!(tokens.get("id_token").is_none() && tokens["access_token"].is_string());
}

#[tokio::test]
async fn tokens_are_signed_with_what_the_client_chose() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for algorithm in Algorithm::ALL {
        let party = RelyingParty::with(&app, algorithm.as_str(), AuthMethod::ClientSecretPost, |metadata, policy| {
            metadata.id_token_signed_response_alg = Some(*algorithm);
            policy.access_token_alg = *algorithm;
        })
        .await;
        let code = party.code(&app, &alice, &party.ask()).await;
        let fields = [
            ("client_id", algorithm.as_str()),
            ("client_secret", party.secret.as_deref().unwrap()),
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("code_verifier", "a-verifier-of-tests-that-is-long-enough-for-pkce"),
        ];
        let tokens = party.actor.send(Call::at(Method::POST, "/oauth2/token").form(&fields)).await.expect(200).json();
        for (token, kind, audience) in
            [("id_token", "JWT", algorithm.as_str()), ("access_token", "at+jwt", "http://localhost:8888")]
        {
            let token = tokens[token].as_str().unwrap();
            let _ = verified(&app, token, kind, audience).await;
            let header = jwt::header(token).unwrap();
            assert_eq!(header.algorithm, *algorithm);
            assert!(header.key_id.is_some());
        }
    }
}

#[tokio::test]
async fn a_code_that_comes_back_ends_everything_that_came_of_it() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let code = party.code(&app, &alice, &party.ask().with("scope", "openid offline_access")).await;
    let tokens = party.redeems(&code).await.expect(200).json();
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let _ = party.userinfo(access).await.expect(200);
    app.pass(Duration::from_secs(31));
    party.redeems(&code).await.expect_oauth(400, "invalid_grant");
    party.userinfo(access).await.expect_oauth(401, "invalid_token");
    party.refreshes(refresh).await.expect_oauth(400, "invalid_grant");
    assert_eq!(party.introspects(access).await, json!({ "active": false }));
    assert_eq!(events(&app, "code.replay_detected").await, 1);
}

#[tokio::test]
async fn a_used_code_without_its_verifier_does_no_harm() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::public(&app, "page").await;
    let code = party.code(&app, &alice, &party.ask()).await;
    let tokens = party.redeems(&code).await.expect(200).json();
    let stolen = [("grant_type", "authorization_code"), ("code", code.as_str())];
    party.post("/oauth2/token", &stolen).await.expect_oauth(400, "invalid_grant");
    let _ = party.userinfo(tokens["access_token"].as_str().unwrap()).await.expect(200);
}

#[tokio::test]
async fn a_code_is_good_for_a_minute_or_as_long_as_the_policy_says() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let code = party.code(&app, &alice, &party.ask()).await;
    app.pass(Duration::from_secs(60));
    party.redeems(&code).await.expect_oauth(400, "invalid_grant");
    let short = RelyingParty::with(&app, "short", AuthMethod::None, |_, policy| policy.code_lifetime = Some(5)).await;
    let code = short.code(&app, &alice, &short.ask()).await;
    app.pass(Duration::from_secs(5));
    short.redeems(&code).await.expect_oauth(400, "invalid_grant");
}

#[tokio::test]
async fn a_code_in_the_hands_of_another_client_is_burnt() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let (party, thief) =
        (RelyingParty::confidential(&app, "app").await, RelyingParty::confidential(&app, "thief").await);
    let code = party.code(&app, &alice, &party.ask()).await;
    thief.redeems(&code).await.expect_oauth(400, "invalid_grant");
    party.redeems(&code).await.expect_oauth(400, "invalid_grant");
    assert_eq!(events(&app, "code.replay_detected").await, 1);
}

#[tokio::test]
async fn a_code_is_bound_to_verifier_and_redirect_uri() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party =
        RelyingParty::with(&app, "app", AuthMethod::ClientSecretBasic, |_, policy| policy.require_pkce = false).await;
    let verifier = ("code_verifier", "a-verifier-of-tests-that-is-long-enough-for-pkce");
    let uri = ("redirect_uri", "https://app.example.test/callback");
    let wrong_verifier = ("code_verifier", "another-verifier-that-is-long-enough-for-pkce-too");
    let with = party.ask();
    let without = party.ask().without("code_challenge").without("code_challenge_method");
    let cases: [(_, &[(&str, &str)], u16); 10] = [
        (&with, &[verifier, uri], 200),
        (&with, &[verifier], 200),
        (&with, &[uri], 400),
        (&with, &[wrong_verifier, uri], 400),
        (&with, &[("code_verifier", "short"), uri], 400),
        (&with, &[verifier, ("redirect_uri", "https://app.example.test/other")], 400),
        (&without, &[uri], 200),
        (&without, &[verifier, uri], 400),
        (&without, &[], 400),
        (&without, &[("redirect_uri", "https://app.example.test/callback/")], 400),
    ];
    for (ask, fields, status) in cases {
        let code = party.code(&app, &alice, ask).await;
        let fields = [&[("grant_type", "authorization_code"), ("code", code.as_str())], fields].concat();
        let reply = party.post("/oauth2/token", &fields).await.expect(status);
        if status == 400 {
            reply.expect_oauth(400, "invalid_grant");
        }
    }
}

#[tokio::test]
async fn a_code_is_no_use_once_its_session_is_over_or_its_user_is_banned() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let party = RelyingParty::confidential(&app, "app").await;
    let code = party.code(&app, &alice, &party.ask()).await;
    let _ = alice.signs_out().await.expect(200);
    party.redeems(&code).await.expect_oauth(400, "invalid_grant");
    let code = party.code(&app, &bob, &party.ask()).await;
    let id = row(&app, &bob).await.id;
    app.identity.users().ban(&id, &Ban { reason: None, expires_at: None }).await.unwrap();
    party.redeems(&code).await.expect_oauth(400, "invalid_grant");
}

#[tokio::test]
async fn a_resource_becomes_the_audience_and_can_be_narrowed_and_never_widened() {
    let app = with_resources().start().await;
    let alice = app.user("alice").await;
    let party = party_of(&app, "app").await;
    let redeem = async |ask, fields: &[(&str, &str)]| {
        let code = party.code(&app, &alice, ask).await;
        let known = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("code_verifier", "a-verifier-of-tests-that-is-long-enough-for-pkce"),
        ];
        party.post("/oauth2/token", &[&known, fields].concat()).await
    };
    let audience = |reply: identity_tests::Reply| {
        claims(reply.expect(200).json()["access_token"].as_str().unwrap())["aud"].clone()
    };
    let both = party.ask().with("resource", API).also("resource", OTHER);
    assert_eq!(audience(redeem(&both, &[]).await), json!([API, OTHER]));
    assert_eq!(audience(redeem(&both, &[("resource", API)]).await), json!(API));
    assert_eq!(audience(redeem(&both, &[("resource", API), ("resource", OTHER)]).await), json!([API, OTHER]));
    let one = party.ask().with("resource", API);
    redeem(&one, &[("resource", OTHER)]).await.expect_oauth(400, "invalid_target");
    redeem(&one, &[("resource", API), ("resource", OTHER)]).await.expect_oauth(400, "invalid_target");
    let plain = party.ask();
    redeem(&plain, &[("resource", API)]).await.expect_oauth(400, "invalid_target");
    assert_eq!(audience(redeem(&plain, &[]).await), json!("http://localhost:8888"));
    let ours = party.ask().with("resource", "http://localhost:8888").also("resource", API);
    assert_eq!(audience(redeem(&ours, &[]).await), json!(["http://localhost:8888", API]));
}

#[tokio::test]
async fn a_token_for_a_resource_has_the_scopes_that_mean_something_there() {
    let app = with_resources().config(|config| config.oauth.scopes = vec!["other:write".to_owned()]).start().await;
    let alice = app.user("alice").await;
    let party = party_of(&app, "app").await;
    let scope = "openid orders:read other:write";
    let tokens = party.tokens_for(&app, &alice, &party.ask().with("scope", scope).with("resource", API)).await;
    assert_eq!(tokens["scope"], "openid orders:read");
    let tokens = party.tokens_for(&app, &alice, &party.ask().with("scope", scope).with("resource", OTHER)).await;
    assert_eq!(tokens["scope"], "openid orders:read other:write");
}

#[tokio::test]
async fn opaque_tokens_say_nothing_and_open_the_same() {
    let app = with_resources().start().await;
    let alice = app.user("alice").await;
    let opaque = RelyingParty::with(&app, "app", AuthMethod::ClientSecretBasic, |_, policy| {
        policy.access_token_format = AccessTokenFormat::Opaque;
    })
    .await;
    let tokens = opaque.tokens(&app, &alice, "openid email").await;
    let access = tokens["access_token"].as_str().unwrap();
    assert!(!access.contains('.') && access.len() == 43, "{access}");
    assert_eq!(opaque.userinfo(access).await.expect(200).json()["email"], "alice@example.test");
    let party = party_of(&app, "other").await;
    let tokens = party.tokens_for(&app, &alice, &party.ask().with("resource", "urn:opaque")).await;
    assert!(!tokens["access_token"].as_str().unwrap().contains('.'));
    app.pass(Duration::from_secs(600));
    opaque.userinfo(access).await.expect_oauth(401, "invalid_token");
}

#[tokio::test]
async fn clients_of_different_sectors_do_not_see_the_same_user() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let pairwise = |host: &'static str| {
        move |metadata: &mut identity_core::oauth::ClientMetadata, _: &mut identity_core::oauth::ClientPolicy| {
            metadata.subject_type = SubjectType::Pairwise;
            metadata.redirect_uris = vec![format!("https://{host}/callback")];
        }
    };
    let method = AuthMethod::ClientSecretBasic;
    let one = RelyingParty::with(&app, "one", method, pairwise("a.example.test")).await;
    let same = RelyingParty::with(&app, "same", method, pairwise("a.example.test")).await;
    let other = RelyingParty::with(&app, "other", method, pairwise("b.example.test")).await;
    let mut subjects = Vec::new();
    for party in [&one, &same, &other, &one] {
        let tokens = party.tokens(&app, &alice, "openid").await;
        let id_token = claims(tokens["id_token"].as_str().unwrap());
        let access = claims(tokens["access_token"].as_str().unwrap());
        let told = party.userinfo(tokens["access_token"].as_str().unwrap()).await.expect(200).json();
        assert_eq!((&id_token["sub"], &id_token["sub"]), (&access["sub"], &told["sub"]));
        subjects.push((id_token["sub"].clone(), id_token["sid"].clone()));
    }
    let id = json!(row(&app, &alice).await.id);
    assert!(subjects.iter().all(|(sub, _)| *sub != id));
    assert_eq!(subjects[0], subjects[3]);
    assert_eq!(subjects[0].0, subjects[1].0);
    assert_ne!(subjects[0].1, subjects[1].1, "each client has its own name for the session");
    assert_ne!(subjects[0].0, subjects[2].0);
    let hint = one.tokens(&app, &alice, "openid").await["id_token"].as_str().unwrap().to_owned();
    let _ = one.tokens_for(&app, &alice, &one.ask().with("id_token_hint", hint).with("prompt", "none")).await;
}

#[tokio::test]
async fn claims_stand_in_the_id_token_where_they_were_asked_for_or_the_policy_says_so() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let wanted = json!({ "id_token": { "email": null, "given_name": { "essential": true } } }).to_string();
    let tokens = party.tokens_for(&app, &alice, &party.ask().with("claims", wanted)).await;
    let told = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!((&told["email"], told.get("given_name"), told.get("name")), (&json!("alice@example.test"), None, None));
    let simple = RelyingParty::with(&app, "simple", AuthMethod::ClientSecretBasic, |_, policy| {
        policy.claims_in_id_token = true;
    })
    .await;
    let tokens = simple.tokens(&app, &alice, "openid email profile").await;
    let told = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!((&told["email"], &told["name"]), (&json!("alice@example.test"), &json!("alice")));
}

#[tokio::test]
async fn a_client_gets_a_token_in_its_own_name_with_scopes_that_are_about_nobody() {
    let app = with_resources().config(|config| config.oauth.scopes = vec!["jobs:run".to_owned()]).start().await;
    let party = party_of(&app, "worker").await;
    let ask = async |fields: &[(&str, &str)]| {
        party.post("/oauth2/token", &[&[("grant_type", "client_credentials")], fields].concat()).await
    };
    let answer = ask(&[("scope", "jobs:run"), ("resource", API)]).await.expect(200).json();
    assert!(answer.get("refresh_token").is_none() && answer.get("id_token").is_none());
    let answer = ask(&[("scope", "jobs:run"), ("resource", OTHER)]).await.expect(200).json();
    let access = answer["access_token"].as_str().unwrap();
    let told = verified(&app, access, "at+jwt", OTHER).await;
    assert_eq!(
        (&told["sub"], &told["client_id"], &told["scope"]),
        (&json!("worker"), &json!("worker"), &json!("jobs:run"))
    );
    assert!(told.get("auth_time").is_none() && told.get("sid").is_none());
    for scope in ["openid", "profile", "offline_access", "nonsense", "jobs:run  x"] {
        ask(&[("scope", scope)]).await.expect_oauth(400, "invalid_scope");
    }
    ask(&[("resource", "https://unknown.example.test")]).await.expect_oauth(400, "invalid_target");
    let plain = ask(&[]).await.expect(200).json();
    party.userinfo(plain["access_token"].as_str().unwrap()).await.expect_oauth(403, "insufficient_scope");
}

#[tokio::test]
async fn a_client_with_the_id_of_a_user_gets_no_token_that_could_be_taken_for_the_users() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let id = row(&app, &alice).await.id;
    let party = RelyingParty::confidential(&app, id.as_str()).await;
    let reply = party.post("/oauth2/token", &[("grant_type", "client_credentials")]).await;
    reply.expect_oauth(400, "unauthorized_client");
}

#[tokio::test]
async fn grant_types_that_are_unknown_or_not_the_clients_are_refused() {
    let app = TestApp::start().await;
    let page = RelyingParty::public(&app, "page").await;
    let ask = async |grant: &str| page.post("/oauth2/token", &[("grant_type", grant), ("username", "x")]).await;
    for grant in ["password", "implicit", "nonsense"] {
        ask(grant).await.expect_oauth(400, "unsupported_grant_type");
    }
    ask("client_credentials").await.expect_oauth(400, "unauthorized_client");
    ask("").await.expect_oauth(400, "invalid_request");
    ask("authorization_code").await.expect_oauth(400, "invalid_request");
    ask("refresh_token").await.expect_oauth(400, "invalid_request");
}

#[tokio::test]
async fn the_endpoint_takes_forms_by_post_and_nothing_else() {
    let app = TestApp::start().await;
    let party = RelyingParty::confidential(&app, "app").await;
    let form: [(&str, &str); 1] = [("grant_type", "client_credentials")];
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let reply = party.actor.send(Call::at(method, "/oauth2/token")).await;
        reply.expect_oauth(405, "invalid_request");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
    let json = party.call("/oauth2/token", &[]).json(&json!({ "grant_type": "client_credentials" }));
    party.actor.send(json).await.expect_oauth(400, "invalid_request");
    party
        .actor
        .send(party.call("/oauth2/token", &form).without(CONTENT_TYPE))
        .await
        .expect_oauth(400, "invalid_request");
    let twice = party.post("/oauth2/token", &[form[0], form[0]]).await;
    twice.expect_oauth(400, "invalid_request");
    let nul = party.post("/oauth2/token", &[form[0], ("scope", "a\0b")]).await;
    nul.expect_oauth(400, "invalid_request");
    let large = "x".repeat(70_000);
    party.post("/oauth2/token", &[form[0], ("scope", &large)]).await.expect_oauth(413, "invalid_request");
    let garbage = Call::at(Method::POST, "/oauth2/token").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    party.actor.send(garbage.body(vec![0xff, b'=', 0xfe, b'&', b'%', b'&'])).await.expect_oauth(401, "invalid_client");
    let in_query = party.call("/oauth2/token?grant_type=client_credentials", &[("x", "y")]);
    party.actor.send(in_query).await.expect_oauth(400, "invalid_request");
}

#[tokio::test]
async fn a_client_that_does_not_prove_itself_hears_how_it_could() {
    let app = TestApp::start().await;
    let party = RelyingParty::confidential(&app, "app").await;
    let form = [("grant_type", "client_credentials")];
    let basic = party.call("/oauth2/token", &form).header(AUTHORIZATION, "Basic YXBwOndyb25n");
    for call in [basic, party.call("/oauth2/token", &form).without(AUTHORIZATION)] {
        let reply = party.actor.send(call).await;
        reply.expect_oauth(401, "invalid_client");
        assert!(reply.header("www-authenticate").unwrap().starts_with("Basic "));
    }
    let both = [form[0], ("client_id", "app"), ("client_secret", "x")];
    party.post("/oauth2/token", &both).await.expect_oauth(400, "invalid_request");
}

#[tokio::test]
async fn guesses_are_counted_and_clients_that_ask_rightly_are_not() {
    let app = TestApp::builder().config(|config| config.limits.enabled = true).start().await;
    let party = RelyingParty::confidential(&app, "app").await;
    let form = [("grant_type", "client_credentials")];
    for _ in 0..120 {
        let _ = party.post("/oauth2/token", &form).await.expect(200);
    }
    let wrong = || party.call("/oauth2/token", &form).header(AUTHORIZATION, "Basic YXBwOndyb25n");
    for _ in 0..100 {
        party.actor.send(wrong()).await.expect_oauth(401, "invalid_client");
    }
    let limited = party.actor.send(wrong()).await;
    limited.expect_oauth(429, "temporarily_unavailable");
    assert!(limited.header("retry-after").is_some());
    let _ = party.post("/oauth2/token", &form).await.expect(200);
}
