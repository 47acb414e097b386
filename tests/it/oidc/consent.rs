//! What users have agreed to.

use identity_core::oauth::client::AuthMethod;
use identity_core::oauth::{Authorization, GrantType, Step};
use identity_core::request::RequestInfo;
use identity_tests::{Actor, Ask, RelyingParty, TestApp, resolved};

use super::events;
use crate::flows::row;

/// The scopes that the user is asked about; none when nobody is asked.
async fn asked(app: &TestApp, user: &Actor, ask: &Ask) -> Option<String> {
    let browser = resolved(app, user).await;
    let stand = app.identity.oauth().authorize(&ask.params(), browser.as_ref(), &RequestInfo::default()).await.unwrap();
    match stand {
        Authorization::Ask(interaction) => match interaction.step {
            Step::Consent { scopes, .. } => Some(scopes.to_string()),
            other => panic!("{other:?}"),
        },
        Authorization::Answer(_) => None,
        Authorization::Refused(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn consent_is_remembered_until_more_is_asked_for_or_it_is_taken_back() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let party = RelyingParty::confidential(&app, "app").await;
    let ask = party.ask().with("scope", "openid email");
    assert_eq!(asked(&app, &alice, &ask).await.as_deref(), Some("email openid"));
    let tokens = party.tokens_for(&app, &alice, &ask).await;
    assert_eq!(asked(&app, &alice, &ask).await, None);
    assert_eq!(asked(&app, &alice, &party.ask()).await, None);
    assert!(asked(&app, &alice, &ask.clone().with("scope", "openid profile")).await.is_some());
    assert!(asked(&app, &alice, &ask.clone().with("prompt", "consent")).await.is_some());
    assert!(asked(&app, &bob, &ask).await.is_some());
    let claims = ask.clone().with("claims", r#"{"userinfo":{"phone_number":null}}"#);
    assert_eq!(asked(&app, &alice, &claims).await.as_deref(), Some("email openid phone"));

    let (oauth, id) = (app.identity.oauth(), row(&app, &alice).await.id);
    let consents = oauth.consents(&id).await.unwrap();
    assert_eq!(consents.len(), 1);
    assert_eq!(
        (consents[0].client_name.as_str(), consents[0].scope.to_string()),
        ("An application", "email openid".to_owned())
    );
    let code = party.code(&app, &alice, &ask).await;
    assert!(oauth.revoke_consent(&id, &party.client.id, &RequestInfo::default()).await.unwrap());
    assert!(!oauth.revoke_consent(&id, &party.client.id, &RequestInfo::default()).await.unwrap());
    assert!(oauth.consents(&id).await.unwrap().is_empty());
    assert!(asked(&app, &alice, &ask).await.is_some());
    party.redeems(&code).await.expect_oauth(400, "invalid_grant");
    party.userinfo(tokens["access_token"].as_str().unwrap()).await.expect_oauth(401, "invalid_token");
    assert_eq!((events(&app, "consent.granted").await, events(&app, "consent.revoked").await), (1, 1));
}

#[tokio::test]
async fn a_device_that_was_let_in_gets_nothing_once_the_consent_is_taken_back() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let tv = RelyingParty::public(&app, "tv").await;
    let (oauth, info) = (app.identity.oauth(), RequestInfo::default());
    let mut polls = Vec::new();
    for user in [&alice, &bob] {
        let browser = resolved(&app, user).await.unwrap();
        let begun = tv.post("/oauth2/device", &[("scope", "openid offline_access")]).await.expect(200).json();
        let user_code = begun["user_code"].as_str().unwrap();
        assert!(oauth.device_request(user_code, &browser, &info).await.unwrap().is_some());
        assert!(oauth.decide_device(user_code, &browser, true, &info).await.unwrap());
        let device_code = begun["device_code"].as_str().unwrap().to_owned();
        polls.push([("grant_type", GrantType::DeviceCode.as_str().to_owned()), ("device_code", device_code)]);
    }
    let id = row(&app, &alice).await.id;
    assert!(oauth.revoke_consent(&id, &tv.client.id, &info).await.unwrap());
    let fields = |poll: usize| polls[poll].each_ref().map(|(name, value)| (*name, value.as_str()));
    tv.post("/oauth2/token", &fields(0)).await.expect_oauth(400, "access_denied");
    let _ = tv.post("/oauth2/token", &fields(1)).await.expect(200);
    assert_eq!(app.database().number("SELECT COUNT(*) FROM identity_token_families").await, 1);
}

#[tokio::test]
async fn consents_add_up() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::confidential(&app, "app").await;
    let _ = party.tokens(&app, &alice, "openid email").await;
    let _ = party.tokens(&app, &alice, "openid profile").await;
    assert_eq!(asked(&app, &alice, &party.ask().with("scope", "openid email profile")).await, None);
}

#[tokio::test]
async fn nobody_is_asked_about_our_own_clients_unless_they_want_it() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let party = RelyingParty::with(&app, "app", AuthMethod::None, |_, policy| policy.first_party = true).await;
    let ask = party.ask().with("scope", "openid offline_access");
    assert_eq!(asked(&app, &alice, &ask).await, None);
    assert!(asked(&app, &alice, &ask.with("prompt", "consent")).await.is_some());
}

#[tokio::test]
async fn consent_to_a_client_that_anybody_could_pretend_to_be_is_asked_for_every_time() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let native = RelyingParty::with(&app, "native", AuthMethod::None, |metadata, _| {
        metadata.redirect_uris = vec!["com.example.app:/callback".to_owned()];
    })
    .await;
    let _ = native.tokens(&app, &alice, "openid").await;
    assert!(asked(&app, &alice, &native.ask()).await.is_some());
    let page = RelyingParty::public(&app, "page").await;
    let _ = page.tokens(&app, &alice, "openid").await;
    assert_eq!(asked(&app, &alice, &page.ask()).await, None);
}
