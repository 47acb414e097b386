//! The authorization request: what is refused on a page, what the client hears, and what has to happen first.

use std::time::Duration;

use identity_core::Code;
use identity_core::oauth::client::AuthMethod;
use identity_core::oauth::{Authorization, ErrorCode, ResponseMode, Step};
use identity_core::request::RequestInfo;
use identity_tests::{Actor, Ask, RelyingParty, TestApp, claims, resolved};
use serde_json::json;

use super::{events, param};

/// How a request stands for a browser.
async fn stand(app: &TestApp, user: &Actor, ask: &Ask) -> Authorization {
    let browser = resolved(app, user).await;
    app.identity.oauth().authorize(&ask.params(), browser.as_ref(), &RequestInfo::default()).await.unwrap()
}

/// What the client hears, with `state` and `iss` as they have to be.
#[track_caller]
fn heard(stand: Authorization) -> String {
    let Authorization::Answer(answer) = stand else { panic!("the client hears nothing: {stand:?}") };
    assert_eq!(param(&answer, "state"), Some("the state"), "{answer:?}");
    assert_eq!(param(&answer, "iss"), Some("http://localhost:8888"), "{answer:?}");
    assert!(param(&answer, "code").is_none() && param(&answer, "error_description").is_some(), "{answer:?}");
    param(&answer, "error").unwrap().to_owned()
}

#[track_caller]
fn refused(stand: &Authorization) -> ErrorCode {
    let Authorization::Refused(error) = stand else { panic!("it is not refused: {stand:?}") };
    error.code()
}

fn step(stand: &Authorization) -> &Step {
    let Authorization::Ask(interaction) = stand else { panic!("nobody is asked: {stand:?}") };
    &interaction.step
}

#[tokio::test]
async fn a_wrong_client_or_redirect_uri_goes_nowhere() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let callback = "https://app.example.test/callback";
    for (ask, code) in [
        (party.ask().without("client_id"), ErrorCode::InvalidRequest),
        (party.ask().with("client_id", "nobody"), ErrorCode::InvalidClient),
        (party.ask().with("client_id", "nobody\0"), ErrorCode::InvalidRequest),
        (party.ask().also("client_id", "app"), ErrorCode::InvalidRequest),
        (party.ask().without("redirect_uri"), ErrorCode::InvalidRequest),
        (party.ask().also("redirect_uri", callback), ErrorCode::InvalidRequest),
    ] {
        assert_eq!(refused(&stand(&app, &alice, &ask).await), code, "{ask:?}");
    }
    for uri in [
        "https://app.example.test/callback/",
        "https://app.example.test/callback?x=1",
        "https://app.example.test/Callback",
        "https://APP.example.test/callback",
        "https://app.example.test:443/callback",
        "https://app.example.test/callback/../callback",
        "https://app.example.test/%63allback",
        "https://app.example.test/callback%00",
        "https://app.example.test/callback#",
        "https://appxexample.test/callback",
        "http://app.example.test/callback",
        "javascript:alert(1)",
    ] {
        assert_eq!(
            refused(&stand(&app, &alice, &party.ask().with("redirect_uri", uri)).await),
            ErrorCode::InvalidRequest
        );
    }
}

#[tokio::test]
async fn the_only_redirect_uri_may_be_left_out_where_openid_is_not_asked_for() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party =
        RelyingParty::with(&app, "app", AuthMethod::ClientSecretBasic, |_, policy| policy.first_party = true).await;
    let ask = party.ask().without("redirect_uri").with("scope", "profile");
    let Authorization::Answer(answer) = stand(&app, &alice, &ask).await else { panic!("there is an answer") };
    assert_eq!(answer.redirect_uri, "https://app.example.test/callback");
    let several = RelyingParty::with(&app, "several", AuthMethod::ClientSecretBasic, |metadata, _| {
        metadata.redirect_uris.push("https://app.example.test/other".to_owned());
    })
    .await;
    let ask = several.ask().without("redirect_uri").with("scope", "profile");
    assert_eq!(refused(&stand(&app, &alice, &ask).await), ErrorCode::InvalidRequest);
}

#[tokio::test]
async fn a_native_client_chooses_its_port_and_nothing_else() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::with(&app, "native", AuthMethod::None, |metadata, _| {
        metadata.redirect_uris = vec!["http://127.0.0.1/cb".to_owned()];
        metadata.application_type = Some("native".to_owned());
    })
    .await;
    for port in ["1", "51234", "65535"] {
        let ask = party.ask().with("redirect_uri", format!("http://127.0.0.1:{port}/cb"));
        assert!(matches!(stand(&app, &alice, &ask).await, Authorization::Ask(_)), "{port}");
    }
    for uri in [
        "http://localhost:51234/cb",
        "http://127.0.0.1.evil.test:80/cb",
        "http://127.0.0.1:80@evil.test/cb",
        "http://[::1]:5/cb",
        "https://127.0.0.1:5/cb",
        "http://127.0.0.1:5/other",
        "http://127.0.0.1:99999/cb",
    ] {
        let ask = party.ask().with("redirect_uri", uri);
        assert_eq!(refused(&stand(&app, &alice, &ask).await), ErrorCode::InvalidRequest, "{uri}");
    }
}

#[tokio::test]
async fn whatever_else_is_wrong_the_client_hears_with_its_state_and_the_issuer() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let ask = || party.ask();
    for (ask, error) in [
        (ask().without("response_type"), "invalid_request"),
        (ask().with("response_type", "token"), "unsupported_response_type"),
        (ask().with("response_type", "id_token"), "unsupported_response_type"),
        (ask().with("response_type", "code token"), "unsupported_response_type"),
        (ask().with("response_mode", "fragment"), "invalid_request"),
        (ask().with("response_mode", "web_message"), "invalid_request"),
        (ask().also("nonce", "another"), "invalid_request"),
        (ask().with("nonce", "x".repeat(3000)), "invalid_request"),
        (ask().with("scope", "nonsense"), "invalid_scope"),
        (ask().with("scope", "openid  profile"), "invalid_scope"),
        (ask().with("scope", "openid \""), "invalid_scope"),
        (ask().without("code_challenge").without("code_challenge_method"), "invalid_request"),
        (ask().without("code_challenge_method"), "invalid_request"),
        (ask().without("code_challenge"), "invalid_request"),
        (ask().with("code_challenge_method", "plain"), "invalid_request"),
        (ask().with("code_challenge_method", "s256"), "invalid_request"),
        (ask().with("code_challenge_method", "S512"), "invalid_request"),
        (ask().with("code_challenge", "short"), "invalid_request"),
        (ask().with("code_challenge", "!".repeat(43)), "invalid_request"),
        (ask().with("request", "x.y.z"), "request_not_supported"),
        (ask().with("request_uri", "https://app.example.test/r"), "request_uri_not_supported"),
        (ask().with("registration", "{}"), "registration_not_supported"),
        (ask().with("prompt", "none login"), "invalid_request"),
        (ask().with("prompt", "nonsense"), "invalid_request"),
        (ask().with("max_age", "soon"), "invalid_request"),
        (ask().with("max_age", "-1"), "invalid_request"),
        (ask().with("id_token_hint", "x.y.z"), "invalid_request"),
        (ask().with("claims", "[]"), "invalid_request"),
        (ask().with("resource", "https://api.example.test"), "invalid_target"),
        (ask().with("prompt", "none"), "consent_required"),
    ] {
        assert_eq!(heard(stand(&app, &alice, &ask).await), error, "{ask:?}");
    }
    let nobody = app.actor("nobody");
    assert_eq!(heard(stand(&app, &nobody, &ask().with("prompt", "none")).await), "login_required");
}

#[tokio::test]
async fn a_state_comes_back_byte_by_byte_or_the_request_is_refused() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    for state in ["x".repeat(128), " +%&=\"<>é\u{1F600}".to_owned(), "x".repeat(2048)] {
        let answer = party.answer(&app, &alice, &party.ask().with("state", state.as_str())).await;
        assert_eq!(param(&answer, "state"), Some(state.as_str()));
    }
    let answer = party.answer(&app, &alice, &party.ask().without("state").without("nonce")).await;
    assert_eq!(answer.params.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["code", "iss"]);
    let long = party.ask().with("state", "x".repeat(2049));
    let Authorization::Answer(answer) = stand(&app, &alice, &long).await else { panic!("the client hears of it") };
    assert_eq!((param(&answer, "error"), param(&answer, "state")), (Some("invalid_request"), None));
}

#[tokio::test]
async fn nothing_of_a_request_is_kept_that_has_no_bounds() {
    let app = TestApp::start().await;
    let nobody = app.actor("nobody");
    let party = RelyingParty::confidential(&app, "app").await;
    for name in ["nonce", "login_hint", "ui_locales", "acr_values"] {
        let long = party.ask().with(name, "x".repeat(2049));
        assert_eq!(heard(stand(&app, &nobody, &long).await), "invalid_request", "{name}");
    }
    let many = "x ".repeat(1024);
    let ask = party.ask().with("ui_locales", many.as_str()).with("acr_values", many.as_str());
    assert_eq!(step(&stand(&app, &nobody, &ask).await), &Step::Login);
    let dump = app.database().dump().await;
    assert!(dump.matches("\"x\"").count() <= 32, "{dump}");
}

#[tokio::test]
async fn an_address_begins_so_many_authorizations_a_minute_and_what_nobody_answers_goes() {
    let builder = TestApp::builder().config(|config| config.limits.enabled = true);
    let app = builder.without_worker().start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let from = |ip: &str| RequestInfo { ip: Some(ip.parse().unwrap()), ..RequestInfo::default() };
    let begins = async |ask: &Ask, ip: &str| app.identity.oauth().authorize(&ask.params(), None, &from(ip)).await;
    for _ in 0..300 {
        assert!(matches!(begins(&party.ask(), "192.0.2.1").await.unwrap(), Authorization::Ask(_)));
    }
    assert_eq!(begins(&party.ask(), "192.0.2.1").await.unwrap_err().code(), Code::RateLimited);
    assert!(matches!(begins(&party.ask(), "192.0.2.2").await.unwrap(), Authorization::Ask(_)));
    // What leaves nothing behind is not counted.
    let silent = party.ask().with("prompt", "none");
    assert_eq!(heard(begins(&silent, "192.0.2.1").await.unwrap()), "login_required");

    let _code = party.code(&app, &alice, &party.ask()).await;
    let grants = async || app.database().number("SELECT COUNT(*) FROM identity_authorization_grants").await;
    app.pass(Duration::from_mins(59));
    app.identity.clean_up().await.unwrap();
    assert_eq!(grants().await, 302);
    app.pass(Duration::from_mins(1));
    app.identity.clean_up().await.unwrap();
    assert_eq!(grants().await, 1, "a code that went out may come back");
    app.pass(Duration::from_hours(24));
    app.identity.clean_up().await.unwrap();
    assert_eq!(grants().await, 0);
}

#[tokio::test]
async fn what_nobody_knows_is_ignored_and_what_is_empty_is_not_there() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let ask = party
        .ask()
        .with("extra", "foobar")
        .with("display", "popup")
        .with("ui_locales", "se fr")
        .with("claims_locales", "se")
        .with("acr_values", "1 2")
        .with("login_hint", "buffy@example.test")
        .with("max_age", "")
        .with("prompt", "")
        .with("scope", "openid nonsense profile");
    let tokens = party.tokens_for(&app, &alice, &ask).await;
    assert_eq!(tokens["scope"], "openid profile");
}

#[tokio::test]
async fn pages_learn_who_asks_and_in_which_language() {
    let app = TestApp::start().await;
    let nobody = app.actor("nobody");
    let party = RelyingParty::confidential(&app, "app").await;
    let ask = party.ask().with("ui_locales", "fr en").with("login_hint", "ann@example.test");
    let Authorization::Ask(interaction) = stand(&app, &nobody, &ask).await else { panic!("somebody is asked") };
    assert_eq!((interaction.step, interaction.ui_locales), (Step::Login, vec!["fr".to_owned(), "en".to_owned()]));
    assert_eq!(interaction.login_hint.as_deref(), Some("ann@example.test"));
    assert_eq!(interaction.client.name, "An application");
    let ask = party.ask().with("prompt", "create");
    assert_eq!(step(&stand(&app, &nobody, &ask).await), &Step::Register);
}

#[tokio::test]
async fn a_request_waits_for_a_sign_in_and_for_consent_and_is_answered_once() {
    let app = TestApp::start().await;
    let party = RelyingParty::confidential(&app, "app").await;
    let (alice, info, oauth) = (app.actor("alice"), RequestInfo::default(), app.identity.oauth());
    let ask = party.ask().with("scope", "openid profile").with("response_mode", "form_post");
    let Authorization::Ask(waiting) = stand(&app, &alice, &ask).await else { panic!("somebody has to sign in") };
    assert!(matches!(oauth.resume(&waiting.grant, None).await.unwrap(), Authorization::Ask(_)));
    let _ = alice.signs_up().await.expect(200);
    let browser = resolved(&app, &alice).await.unwrap();
    let asked = oauth.resume(&waiting.grant, Some(&browser)).await.unwrap();
    let Step::Consent { scopes, resources } = step(&asked) else { panic!("{asked:?}") };
    assert_eq!((scopes.to_string().as_str(), resources.len()), ("openid profile", 0));
    let answered = oauth.consent(&waiting.grant, &browser, true, &info).await.unwrap();
    let Authorization::Answer(answer) = answered else { panic!("{answered:?}") };
    assert_eq!(answer.mode, ResponseMode::FormPost);
    assert_eq!(param(&answer, "code").unwrap().len(), 43);
    for again in [
        oauth.resume(&waiting.grant, Some(&browser)).await.unwrap(),
        oauth.consent(&waiting.grant, &browser, true, &info).await.unwrap(),
        oauth.cancel(&waiting.grant).await.unwrap(),
        oauth.keep_account(&waiting.grant, &browser).await.unwrap(),
    ] {
        assert_eq!(refused(&again), ErrorCode::InvalidRequest);
    }
    let _ = party.redeems(param(&answer, "code").unwrap()).await.expect(200);
}

#[tokio::test]
async fn a_request_that_waits_too_long_is_over() {
    let app = TestApp::start().await;
    let party = RelyingParty::confidential(&app, "app").await;
    let nobody = app.actor("nobody");
    let Authorization::Ask(waiting) = stand(&app, &nobody, &party.ask()).await else { panic!("somebody is asked") };
    app.pass(Duration::from_hours(1));
    let stand = app.identity.oauth().resume(&waiting.grant, None).await.unwrap();
    assert_eq!(refused(&stand), ErrorCode::InvalidRequest);
}

#[tokio::test]
async fn whoever_gives_up_or_says_no_denies_access() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let (info, oauth) = (RequestInfo::default(), app.identity.oauth());
    let browser = resolved(&app, &alice).await.unwrap();
    let Authorization::Ask(first) = stand(&app, &alice, &party.ask()).await else { panic!("somebody is asked") };
    assert_eq!(heard(oauth.consent(&first.grant, &browser, false, &info).await.unwrap()), "access_denied");
    let Authorization::Ask(second) = stand(&app, &alice, &party.ask()).await else { panic!("somebody is asked") };
    assert_eq!(heard(oauth.cancel(&second.grant).await.unwrap()), "access_denied");
    assert!(oauth.consents(&browser.profile.id).await.unwrap().is_empty());
    assert_eq!(events(&app, "consent.denied").await, 1, "whoever gives up has said nothing about an account");
}

#[tokio::test]
async fn a_prompt_for_a_login_and_max_age_are_met_by_a_new_sign_in() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let first = party.tokens(&app, &alice, "openid").await;
    let first = claims(first["id_token"].as_str().unwrap());
    app.pass(Duration::from_secs(2));
    let oauth = app.identity.oauth();
    for ask in [party.ask().with("prompt", "login"), party.ask().with("max_age", "1"), party.ask().with("max_age", "0")]
    {
        let stand = stand(&app, &alice, &ask).await;
        let Authorization::Ask(waiting) = stand else { panic!("{stand:?}") };
        assert_eq!(waiting.step, Step::Login);
        let old = resolved(&app, &alice).await.unwrap();
        let still = oauth.resume(&waiting.grant, Some(&old)).await.unwrap();
        assert_eq!(step(&still), &Step::Login, "the old session does not count");
        app.pass(Duration::from_secs(5));
        let _ = alice.signs_in().await.expect(200);
        app.pass(Duration::from_mins(1));
        let new = resolved(&app, &alice).await.unwrap();
        let answered = oauth.resume(&waiting.grant, Some(&new)).await.unwrap();
        let Authorization::Answer(answer) = answered else { panic!("{answered:?}") };
        let tokens = party.redeems(param(&answer, "code").unwrap()).await.expect(200).json();
        let second = claims(tokens["id_token"].as_str().unwrap());
        assert!(second["auth_time"].as_i64() > first["auth_time"].as_i64());
    }
}

#[tokio::test]
async fn a_silent_request_gives_the_same_subject_and_the_same_time_of_sign_in() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let first = party.tokens_for(&app, &alice, &party.ask().with("max_age", "15000")).await;
    let hint = first["id_token"].as_str().unwrap();
    app.pass(Duration::from_hours(2));
    for ask in [
        party.ask().with("prompt", "none"),
        party.ask().with("prompt", "none").with("id_token_hint", hint),
        party.ask().with("max_age", "10000"),
    ] {
        let again = party.tokens_for(&app, &alice, &ask).await;
        let (first, again) = (claims(hint), claims(again["id_token"].as_str().unwrap()));
        assert_eq!((&first["sub"], &first["auth_time"]), (&again["sub"], &again["auth_time"]));
    }
    let bob = app.user("bob").await;
    let ask = party.ask().with("id_token_hint", hint);
    assert_eq!(heard(stand(&app, &bob, &ask.clone().with("prompt", "none")).await), "login_required");
    assert_eq!(step(&stand(&app, &bob, &ask).await), &Step::Login);
}

#[tokio::test]
async fn an_access_token_is_no_hint() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let tokens = party.tokens(&app, &alice, "openid").await;
    let ask = party.ask().with("id_token_hint", tokens["access_token"].as_str().unwrap());
    assert_eq!(heard(stand(&app, &alice, &ask).await), "invalid_request");
}

#[tokio::test]
async fn somebody_may_have_to_choose_the_account() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party =
        RelyingParty::with(&app, "app", AuthMethod::ClientSecretBasic, |_, policy| policy.first_party = true).await;
    let stand = stand(&app, &alice, &party.ask().with("prompt", "select_account")).await;
    let Authorization::Ask(waiting) = stand else { panic!("{stand:?}") };
    assert_eq!(waiting.step, Step::SelectAccount);
    let browser = resolved(&app, &alice).await.unwrap();
    let answered = app.identity.oauth().keep_account(&waiting.grant, &browser).await.unwrap();
    assert!(matches!(answered, Authorization::Answer(_)), "{answered:?}");
}

#[tokio::test]
async fn levels_and_subjects_can_be_essential() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let with = |claims: serde_json::Value| party.ask().with("claims", json!({ "id_token": claims }).to_string());
    let pwd = with(json!({ "acr": { "essential": true, "value": "urn:identity:acr:pwd" } }));
    let tokens = party.tokens_for(&app, &alice, &pwd).await;
    let told = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!((&told["acr"], &told["amr"]), (&json!("urn:identity:acr:pwd"), &json!(["pwd"])));
    let unknown = with(json!({ "acr": { "essential": true, "value": "urn:unknown" } }));
    assert_eq!(heard(stand(&app, &alice, &unknown).await), "unmet_authentication_requirements");
    let voluntary = with(json!({ "acr": { "value": "urn:unknown" } }));
    let _ = party.tokens_for(&app, &alice, &voluntary).await;
    let somebody = with(json!({ "sub": { "value": "somebody else" } })).with("prompt", "none");
    assert_eq!(heard(stand(&app, &alice, &somebody).await), "login_required");
}
