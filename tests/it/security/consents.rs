//! Agreeing: whom it is asked for again, and that nobody gets around it or gets more out of it.

use http::Method;
use identity_core::oauth::GrantType;
use identity_core::oauth::client::AuthMethod;
use identity_tests::{Actor, Ask, Call, RelyingParty, TestApp};

use super::over_http::{address, code_of, each_way, goes, is_a_page_about_it, trusted};

const CALLBACK: &str = "https://app.example.test/callback";

/// Whether somebody is asked, and what a silent request comes to.
async fn asks(user: &Actor, ask: &Ask) -> bool {
    let asked = user.visits(&address(ask)).await.path() == "/ui/consent";
    let silent = user.opens(&address(&ask.clone().with("prompt", "none"))).await.expect(303);
    let location = silent.header("location").unwrap();
    assert_eq!(location.contains("error=consent_required&"), asked, "{location}");
    assert_eq!(location.contains("code="), !asked, "{location}");
    asked
}

/// Case 119: consent is remembered for a client that an answer certainly reaches, and asked for again for any other.
#[tokio::test]
async fn whoever_may_only_use_the_name_of_a_client_is_not_given_what_was_agreed_to_with_it() {
    let app = TestApp::start().await;
    let rows: [(&str, AuthMethod, &str, bool); 8] = [
        ("scheme", AuthMethod::None, "com.example.app:/callback", true),
        ("loopback", AuthMethod::None, "http://127.0.0.1/callback", true),
        ("loopback6", AuthMethod::None, "http://[::1]/callback", true),
        ("localhost", AuthMethod::None, "http://localhost:3000/callback", true),
        ("page", AuthMethod::None, CALLBACK, false),
        ("server", AuthMethod::ClientSecretBasic, CALLBACK, false),
        ("posting", AuthMethod::ClientSecretPost, CALLBACK, false),
        ("desktop", AuthMethod::ClientSecretBasic, "com.example.desktop:/callback", false),
    ];
    for (id, method, uri, again) in rows {
        let ann = app.user(&format!("ann-{id}")).await;
        let party =
            RelyingParty::with(&app, id, method, |metadata, _| metadata.redirect_uris = vec![uri.to_owned()]).await;
        assert!(asks(&ann, &party.ask()).await, "{id}: nobody has agreed yet");
        for _ in 0..2 {
            let _ = code_of(&goes(&ann, &party.ask().with("prompt", "consent")).await);
        }
        assert_eq!(asks(&ann, &party.ask()).await, again, "{id}");
        assert!(asks(&ann, &party.ask().with("scope", "openid email")).await, "{id}: more than was agreed to");
        assert!(asks(&app.user(&format!("bob-{id}")).await, &party.ask()).await, "{id}: somebody else");
    }
    // A client with both is asked about where its answer could go to another.
    let ann = app.user("ann").await;
    let both = RelyingParty::with(&app, "both", AuthMethod::None, |metadata, _| {
        metadata.redirect_uris = vec![CALLBACK.to_owned(), "com.example.app:/callback".to_owned()];
    })
    .await;
    let _ = code_of(&goes(&ann, &both.ask()).await);
    assert!(!asks(&ann, &both.ask()).await);
    assert!(asks(&ann, &both.ask().with("redirect_uri", "com.example.app:/callback")).await);
}

/// Case 120: a flow that is not offered, or is not the client's, cannot be asked for in any place.
#[tokio::test]
async fn flows_that_are_not_offered_or_not_the_clients_are_refused() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let party = trusted(&app, "page", AuthMethod::None, |_| ()).await;
    let types = [
        "token",
        "id_token",
        "code token",
        "code id_token",
        "code id_token token",
        "id_token token",
        "none",
        "CODE",
        "code code",
        "code,token",
        "device_code",
        "password",
    ];
    for kind in types {
        for mode in [None, Some("query"), Some("form_post")] {
            let ask = party.ask().with("response_type", kind);
            let ask = mode.into_iter().fold(ask, |ask, mode| ask.with("response_mode", mode));
            for reply in each_way(&ann, &ask).await {
                let told = reply.header("location").map_or_else(|| reply.text(), str::to_owned);
                assert!(told.contains("unsupported_response_type"), "{kind} {mode:?}: {told}");
                let location = reply.header("location").unwrap_or_default();
                assert!(!location.contains('#') && !told.contains("code="), "{kind}: {told}");
                for name in ["name=\"code\"", "access_token", "id_token="] {
                    assert!(!told.contains(name), "{kind}: {told}");
                }
            }
        }
    }
    for reply in each_way(&ann, &party.ask().also("response_type", "token")).await {
        let location = reply.header("location").unwrap();
        assert!(location.starts_with(&format!("{CALLBACK}?error=invalid_request&")), "{location}");
    }
    // A client for devices alone has no codes.
    let tv = RelyingParty::with(&app, "tv", AuthMethod::None, |metadata, policy| {
        policy.first_party = true;
        metadata.grant_types = vec![GrantType::DeviceCode];
        metadata.response_types = vec![];
    })
    .await;
    for reply in each_way(&ann, &tv.ask()).await {
        let location = reply.header("location").unwrap();
        assert!(location.starts_with(&format!("{CALLBACK}?error=unauthorized_client&")), "{location}");
    }
    // And a client for codes has nothing else.
    let plain = trusted(&app, "plain", AuthMethod::ClientSecretBasic, |metadata| {
        metadata.grant_types = vec![GrantType::AuthorizationCode];
    })
    .await;
    let login = [("username", ann.email.as_str()), ("password", ann.password.as_str()), ("scope", "openid")];
    for (grant, error) in [
        ("password", "unsupported_grant_type"),
        ("implicit", "unsupported_grant_type"),
        ("urn:ietf:params:oauth:grant-type:jwt-bearer", "unsupported_grant_type"),
        ("urn:ietf:params:oauth:grant-type:token-exchange", "unsupported_grant_type"),
        ("AUTHORIZATION_CODE", "unsupported_grant_type"),
        ("client_credentials", "unauthorized_client"),
        ("refresh_token", "unauthorized_client"),
        (GrantType::DeviceCode.as_str(), "unauthorized_client"),
    ] {
        let fields =
            [[("grant_type", grant), ("refresh_token", "x"), ("device_code", "x")].as_slice(), &login].concat();
        plain.post("/oauth2/token", &fields).await.expect_oauth(400, error);
    }
    let code = code_of(&goes(&ann, &plain.ask().with("scope", "openid offline_access")).await);
    let tokens = plain.redeems(&code).await.expect(200).json();
    assert!(tokens.get("refresh_token").is_none(), "{tokens}");
}

/// Case 120: what stands in the address or the fields of a page changes nothing about the request that waits.
#[tokio::test]
async fn a_request_that_waits_is_not_changed_by_what_a_page_sends() {
    let app = TestApp::start().await;
    let (ann, eve) = (app.user("ann").await, app.user("eve").await);
    let party = RelyingParty::public(&app, "page").await;
    let _ = RelyingParty::with(&app, "other", AuthMethod::None, |metadata, _| {
        metadata.redirect_uris = vec!["https://evil.example/callback".to_owned()];
    })
    .await;
    let more = [
        ("response_type", "token"),
        ("response_mode", "fragment"),
        ("redirect_uri", "https://evil.example/callback"),
        ("client_id", "other"),
        ("scope", "openid email phone offline_access"),
        ("state", "another"),
        ("code_challenge", "x"),
        ("prompt", "none"),
        ("nonce", "another"),
        ("user_id", "x"),
        ("first_party", "true"),
    ];
    // At the page that asks.
    let page = ann.visits(&address(&party.ask())).await.at("/ui/consent");
    let grant = page.query("grant").unwrap();
    let form = more.iter().fold(page.form("consent-allow"), |form, (name, value)| form.fill(name, value));
    let answer = form.submit().await;
    let code = is_answered(&answer);
    let tokens = party.redeems(&code).await.expect(200).json();
    assert_eq!(tokens["scope"], "openid");
    assert_eq!(identity_tests::claims(tokens["id_token"].as_str().unwrap())["nonce"], "the nonce");
    // What is answered is over, however it is named.
    for path in ["/ui/consent", "/ui/login", "/ui/register", "/ui/account"] {
        let again = ann.visits(&format!("{path}?grant={grant}")).await.expect(400);
        assert!(again.id("oauth-error").is_some(), "{path}");
    }
    // At the page of the sign-in, on the way there and as hidden fields; the client that waits is shown all the same.
    let visitor = ann.at_another_browser();
    let login = visitor.visits(&address(&party.ask().with("prompt", "consent"))).await.at("/ui/login");
    let form = login.form("login-submit").fill("username", &ann.email).fill("password", &ann.password);
    let form = more[..7].iter().fold(form, |form, (name, value)| form.fill(name, value));
    let page = form.submit().await.at("/ui/consent");
    assert!(!page.text().contains("email address") && !page.text().contains("evil.example"), "{}", page.text());
    let _ = is_answered(&page.form("consent-allow").submit().await);
    // A step cannot be left out: who has not agreed has no code, whatever page is sent.
    let page = eve.visits(&address(&party.ask())).await.at("/ui/consent");
    let grant = page.query("grant").unwrap();
    let account = eve.visits("/ui/account").await.form("account-continue").fill("grant", &grant).submit().await;
    assert_eq!(account.path(), "/ui/consent", "{}", account.text());
    let again = eve.visits(&format!("/ui/consent?grant={grant}&decision=allow")).await.at("/ui/consent");
    assert!(again.id("consent-allow").is_some());
    for forged in ["", "x", "../x", &format!("{grant}x"), &format!("{grant}\u{0}")] {
        let reply = page.form("consent-allow").fill("grant", forged).submit().await.reply;
        assert!(reply.status.is_client_error() || reply.header("location").is_none(), "{forged:?}: {}", reply.text());
    }
    for forged in [Call::at(Method::GET, "/ui/cancel"), Call::at(Method::PUT, "/ui/consent")] {
        assert!(eve.send(forged).await.status.is_client_error());
    }
    is_a_page_about_it(&eve.opens("/oauth2/authorize").await, "nothing");
}

/// The code of an answer that is for the client that waited, and has nothing in it that was not asked for.
#[track_caller]
fn is_answered(page: &identity_tests::Page) -> String {
    assert!(page.url.as_str().starts_with(&format!("{CALLBACK}?code=")), "{}: {}", page.url, page.text());
    assert_eq!((page.query("state").as_deref(), page.url.fragment()), (Some("the state"), None));
    code_of(page)
}
