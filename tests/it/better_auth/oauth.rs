//! An application with pages of its own for signing in and agreeing, on the way to an authorization (contract section 9).

use std::time::Duration;

use http::Method;
use identity_core::Identity;
use identity_core::config::{Config, Registration, ResourceSpec};
use identity_core::oauth::client::AuthMethod;
use identity_core::oauth::{ClientMetadata, ClientPolicy};
use identity_core::store::Store;
use identity_tests::{Actor, Ask, Call, RelyingParty, Reply, SECRET, TestApp, claims};
use serde_json::{Value, json};
use url::form_urlencoded::{self, Serializer};

/// An app whose pages for signing in and agreeing are those of an application.
async fn app() -> TestApp {
    let pages = |config: &mut Config| {
        config.oauth.login_url = Some("/login".to_owned());
        config.oauth.consent_url = Some("https://app.example.test/agree?theme=dark".to_owned());
        config.http.trusted_origins = vec!["https://app.example.test".to_owned()];
    };
    TestApp::builder().config(pages).start().await
}

/// Asks for an authorization, and answers where the browser is sent.
async fn sent_to(actor: &Actor, ask: &Ask) -> String {
    let params = ask.params();
    let query = Serializer::new(String::new()).extend_pairs(params.iter()).finish();
    let reply = actor.opens(&format!("/oauth2/authorize?{query}")).await.expect(303);
    reply.header("location").unwrap().to_owned()
}

fn query_of(url: &str) -> &str {
    url.split_once('?').expect("a query").1
}

fn parameter(url: &str, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query_of(url).as_bytes());
    pairs.find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

/// Where the official client is told to go.
#[track_caller]
fn url_of(reply: Reply) -> String {
    let body = reply.expect(200).json();
    assert_eq!((body.as_object().unwrap().len(), &body["redirect"]), (2, &json!(true)), "{body}");
    body["url"].as_str().unwrap().to_owned()
}

async fn signs_in(actor: &Actor, query: &str) -> Reply {
    let body = json!({ "email": actor.email, "password": actor.password, "oauth_query": query });
    actor.post("/sign-in/email", body).await
}

#[track_caller]
fn is_invalid_signature(reply: &Reply) {
    assert_eq!((reply.status.as_u16(), reply.json()), (400, json!({ "error": "invalid_signature" })));
}

#[tokio::test]
async fn a_sign_in_on_a_page_of_the_application_goes_on_to_consent_and_to_the_client() {
    let app = app().await;
    let client = RelyingParty::public(&app, "client").await;
    let ann = app.user("ann").await.at_another_browser();
    let login = sent_to(&ann, &client.ask().with("scope", "openid email")).await;
    assert!(login.starts_with("/login?response_type=code&redirect_uri="), "{login}");
    for (name, value) in
        [("client_id", "client"), ("scope", "email openid"), ("state", "the state"), ("nonce", "the nonce")]
    {
        assert_eq!(parameter(&login, name).as_deref(), Some(value), "{login}");
    }
    let names: Vec<String> =
        form_urlencoded::parse(query_of(&login).as_bytes()).map(|(name, _)| name.into_owned()).collect();
    assert_eq!(names.last().map(String::as_str), Some("sig"), "the official client cuts off what stands behind it");

    let wrong = json!({ "email": ann.email, "password": "a wrong password", "oauth_query": query_of(&login) });
    ann.post("/sign-in/email", wrong).await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    let reply = signs_in(&ann, query_of(&login)).await;
    assert!(reply.cookies().iter().any(|cookie| cookie.name.ends_with("session_token")));
    let agree = url_of(reply);
    assert!(agree.starts_with("https://app.example.test/agree?theme=dark&response_type=code&"), "{agree}");

    // The page has a parameter of its own before the others, and it comes along.
    let body = json!({ "accept": true, "oauth_query": query_of(&agree) });
    let back = url_of(ann.post("/oauth2/consent", body).await);
    assert!(back.starts_with("https://app.example.test/callback?code="), "{back}");
    assert_eq!(parameter(&back, "state").as_deref(), Some("the state"));
    assert_eq!(parameter(&back, "iss").as_deref(), Some("http://localhost:8888"));
    let tokens = client.redeems(&parameter(&back, "code").unwrap()).await.expect(200).json();
    assert_eq!(claims(tokens["id_token"].as_str().unwrap())["nonce"], "the nonce");
    let again = ann.post("/oauth2/consent", json!({ "accept": true, "oauth_query": query_of(&agree) })).await;
    again.expect_oauth(400, "invalid_request");
}

#[tokio::test]
async fn the_page_for_consent_is_told_of_everything_that_is_agreed_to() {
    let (one, other) = ("https://one.example.test", "https://other.example.test");
    let app = TestApp::builder().config(|config| {
        config.oauth.consent_url = Some("/agree".to_owned());
        config.oauth.resources = [one, other].map(ResourceSpec::new).into();
    });
    let app = app.start().await;
    let client = RelyingParty::with(&app, "client", AuthMethod::None, |_, policy| {
        policy.resources = vec![one.to_owned(), other.to_owned()];
    });
    let client = client.await;
    let ann = app.user("ann").await;
    let ask = client.ask().with("claims", r#"{"userinfo":{"email":null},"id_token":{"name":null}}"#);
    let page = sent_to(&ann, &ask.also("resource", one).also("resource", other)).await;
    assert_eq!(parameter(&page, "scope").as_deref(), Some("email openid profile"), "{page}");
    let query: Vec<(String, String)> = form_urlencoded::parse(query_of(&page).as_bytes()).into_owned().collect();
    let resources: Vec<&str> =
        query.iter().filter(|(name, _)| name == "resource").map(|(_, value)| value.as_str()).collect();
    assert_eq!(resources, [one, other], "{page}");
    let without: Vec<_> = query.iter().filter(|(_, value)| value != other).collect();
    let changed = Serializer::new(String::new()).extend_pairs(without).finish();
    is_invalid_signature(&ann.post("/oauth2/consent", json!({ "accept": true, "oauth_query": changed })).await);
    let body = json!({ "accept": true, "oauth_query": query_of(&page) });
    assert!(url_of(ann.post("/oauth2/consent", body).await).contains("code="));
}

#[tokio::test]
async fn a_sign_up_and_a_code_go_on_too() {
    let app = app().await;
    let client = RelyingParty::public(&app, "client").await;
    let ann = app.actor("ann");
    let ask = client.ask().with("prompt", "create");
    let page = sent_to(&ann, &ask).await;
    assert_eq!(parameter(&page, "prompt").as_deref(), Some("create"));
    let body = json!({
        "name": "Ann", "email": ann.email, "password": ann.password, "oauth_query": query_of(&page),
    });
    assert!(url_of(ann.post("/sign-up/email", body).await).starts_with("https://app.example.test/agree"));
    assert!(ann.is_signed_in().await);
}

#[tokio::test]
async fn a_query_that_was_changed_is_refused_before_anything_is_done() {
    let app = app().await;
    let client = RelyingParty::public(&app, "client").await;
    let ann = app.user("ann").await.at_another_browser();
    let login = sent_to(&ann, &client.ask()).await;
    let good = query_of(&login);
    let other = sent_to(&ann, &client.ask()).await;
    let (grant, sig) = (parameter(&other, "grant").unwrap(), parameter(&other, "sig").unwrap());
    let pairs: Vec<(String, String)> = form_urlencoded::parse(good.as_bytes()).into_owned().collect();
    let with = |name: &str, value: &str| {
        let changed =
            pairs.iter().map(|(found, old)| (found.as_str(), if found == name { value } else { old.as_str() }));
        Serializer::new(String::new()).extend_pairs(changed).finish()
    };
    for query in [
        with("state", "another"),
        with("grant", &grant),
        with("client_id", "other"),
        with("exp", "99999999999"),
        with("sig", &sig),
        with("sig", ""),
        with("ba_param", "grant"),
        format!("grant={grant}&{good}"),
        format!("{good}&grant={grant}"),
        good.split("&sig=").next().unwrap().to_owned(),
        String::new(),
        "%".to_owned(),
    ] {
        is_invalid_signature(&signs_in(&ann, &query).await);
    }
    let number = json!({ "email": ann.email, "password": ann.password, "oauth_query": 7 });
    is_invalid_signature(&ann.post("/sign-in/email", number).await);
    assert!(!ann.is_signed_in().await);
    // Put together in another order and with other escapes it is still the same.
    let mut pairs = pairs.clone();
    pairs.reverse();
    let again = Serializer::new(String::new()).extend_pairs(&pairs).finish().replace('+', "%20");
    let _ = url_of(signs_in(&ann, &again).await);
}

#[tokio::test]
async fn a_query_is_good_for_as_long_as_the_authorization_waits() {
    let app = app().await;
    let client = RelyingParty::public(&app, "client").await;
    let ann = app.user("ann").await.at_another_browser();
    let login = sent_to(&ann, &client.ask()).await;
    app.pass(Duration::from_secs(3599));
    let _ = url_of(signs_in(&ann, query_of(&login)).await);
    app.pass(Duration::from_secs(1));
    is_invalid_signature(&signs_in(&ann, query_of(&login)).await);
}

#[tokio::test]
async fn whoever_signs_in_for_an_authorization_that_is_over_is_signed_in_and_told() {
    let app = app().await;
    let client = RelyingParty::public(&app, "client").await;
    let ann = app.user("ann").await.at_another_browser();
    let login = sent_to(&ann, &client.ask()).await;
    app.identity.clients().delete(&client.client.id).await.unwrap();
    let url = url_of(signs_in(&ann, query_of(&login)).await);
    assert_eq!(url, "http://localhost:8888/api/auth/error?error=invalid_request");
    assert!(ann.is_signed_in().await);
}

#[tokio::test]
async fn consent_may_be_refused_or_be_for_less() {
    let app = app().await;
    let client = RelyingParty::public(&app, "client").await;
    let ann = app.user("ann").await;
    let ask = client.ask().with("scope", "openid email profile");
    let agree = sent_to(&ann, &ask).await;
    let answer = async |more: Value| {
        let mut body = json!({ "oauth_query": query_of(&agree) });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ann.post("/oauth2/consent", body).await
    };
    answer(json!({})).await.expect_error(400, "VALIDATION_ERROR");
    answer(json!({ "accept": true, "scope": "openid phone" })).await.expect_oauth(400, "invalid_scope");
    answer(json!({ "accept": true, "scope": "" })).await.expect_oauth(400, "invalid_scope");
    answer(json!({ "accept": true, "scope": "a\nb" })).await.expect_oauth(400, "invalid_scope");
    let back = url_of(answer(json!({ "accept": true, "scope": "openid email" })).await);
    let tokens = client.redeems(&parameter(&back, "code").unwrap()).await.expect(200).json();
    assert_eq!(tokens["scope"], "email openid");
    let user = client.userinfo(tokens["access_token"].as_str().unwrap()).await.expect(200).json();
    assert!(user["email"].is_string() && user["name"].is_null(), "{user}");

    let agree = sent_to(&ann, &ask).await;
    let body = json!({ "accept": false, "oauth_query": query_of(&agree) });
    let back = url_of(ann.post("/oauth2/consent", body.clone()).await);
    assert_eq!(parameter(&back, "error").as_deref(), Some("access_denied"));
    app.actor("nobody").post("/oauth2/consent", body).await.expect_error(401, "UNAUTHORIZED");
    ann.post("/oauth2/consent", json!({ "accept": true })).await.expect_oauth(400, "invalid_request");
    let changed = json!({ "accept": true, "oauth_query": query_of(&agree).replace("the+state", "another") });
    is_invalid_signature(&ann.post("/oauth2/consent", changed).await);
}

#[tokio::test]
async fn an_account_can_be_kept_and_a_step_be_reported_as_done() {
    let app = app().await;
    let client = RelyingParty::public(&app, "client").await;
    let ann = app.user("ann").await;
    let select = sent_to(&ann, &client.ask().with("prompt", "select_account")).await;
    assert!(select.starts_with("/login?"), "{select}");
    let go_on = async |more: Value| {
        let mut body = json!({ "oauth_query": query_of(&select) });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ann.post("/oauth2/continue", body).await
    };
    go_on(json!({})).await.expect_oauth(400, "invalid_request");
    assert!(url_of(go_on(json!({ "postLogin": true })).await).starts_with("/login?"), "nobody has chosen yet");
    assert!(url_of(go_on(json!({ "selected": true })).await).starts_with("https://app.example.test/agree?"));
    app.actor("nobody").post("/oauth2/continue", json!({ "selected": true })).await.expect_error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn an_answer_that_is_a_form_needs_pages_of_ours() {
    let app = app().await;
    let client = RelyingParty::public(&app, "client").await;
    let ann = app.user("ann").await;
    let page = sent_to(&ann, &client.ask().with("response_mode", "form_post")).await;
    assert!(page.starts_with("/ui/consent?grant="), "{page}");
    let page = sent_to(&app.actor("bob"), &client.ask().with("response_mode", "form_post")).await;
    assert!(page.starts_with("/ui/login?grant="), "{page}");
}

#[tokio::test]
async fn pages_are_ours_where_the_application_has_none() {
    let app = TestApp::builder().config(|config| config.oauth.login_url = Some("/login".to_owned())).start().await;
    let client = RelyingParty::public(&app, "client").await;
    let ann = app.user("ann").await.at_another_browser();
    let login = sent_to(&ann, &client.ask()).await;
    let url = url_of(signs_in(&ann, query_of(&login)).await);
    assert!(url.starts_with("http://localhost:8888/ui/consent?grant="), "{url}");
    let page = ann.visits(&url).await.at("/ui/consent").form("consent-allow").submit().await;
    assert!(page.query("code").is_some(), "{}", page.url);
}

#[tokio::test]
async fn what_people_may_know_of_a_client_is_for_those_who_are_about_to_sign_in_to_it() {
    let app = app().await;
    let describe = |metadata: &mut ClientMetadata, _: &mut ClientPolicy| {
        metadata.tos_uri = Some("https://app.example.test/terms".to_owned());
    };
    let client = RelyingParty::with(&app, "client", AuthMethod::ClientSecretBasic, describe).await;
    let _ = RelyingParty::public(&app, "other").await;
    let (ann, nobody) = (app.user("ann").await, app.actor("nobody"));
    let shown = json!({
        "client_id": "client", "client_name": "An application", "tos_uri": "https://app.example.test/terms",
        "redirect_uris": [],
    });
    assert_eq!(ann.get("/oauth2/public-client?client_id=client").await.expect(200).json(), shown);
    ann.get("/oauth2/public-client?client_id=unknown").await.expect_error(404, "NOT_FOUND");
    nobody.get("/oauth2/public-client?client_id=client").await.expect_error(401, "UNAUTHORIZED");
    let login = sent_to(&nobody, &client.ask()).await;
    let ask = async |id: &str, query: &str| {
        nobody.post("/oauth2/public-client-prelogin", json!({ "client_id": id, "oauth_query": query })).await
    };
    assert_eq!(ask("client", query_of(&login)).await.expect(200).json(), shown);
    ask("other", query_of(&login)).await.expect_oauth(401, "invalid_client");
    is_invalid_signature(&ask("client", "x").await);
    let without = nobody.post("/oauth2/public-client-prelogin", json!({ "client_id": "client" })).await;
    without.expect_oauth(400, "invalid_request");
}

#[tokio::test]
async fn the_endpoints_of_the_authorization_server_are_found_below_the_base_path_too() {
    let app = TestApp::builder().config(|config| config.oauth.registration = Registration::Open).start().await;
    let client = RelyingParty::confidential(&app, "client").await;
    let ann = app.user("ann").await;
    let root = ann.opens("/.well-known/openid-configuration").await.expect(200).json();
    assert_eq!(root["issuer"], "http://localhost:8888");
    for path in [
        "/api/auth/.well-known/openid-configuration",
        "/api/auth/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/api/auth",
    ] {
        assert_eq!(ann.opens(path).await.expect(200).json(), root, "{path}");
    }
    let code = client.code(&app, &ann, &client.ask()).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", "https://app.example.test/callback"),
        ("code_verifier", "a-verifier-of-tests-that-is-long-enough-for-pkce"),
    ];
    let tokens = client.post("/api/auth/oauth2/token", &fields).await.expect(200).json();
    let token = tokens["access_token"].as_str().unwrap();
    let bearer = Call::at(Method::GET, "/api/auth/oauth2/userinfo").header("authorization", format!("Bearer {token}"));
    assert!(ann.send(bearer).await.expect(200).json()["sub"].is_string());
    let asked = client.post("/api/auth/oauth2/introspect", &[("token", token)]).await.expect(200).json();
    assert_eq!(asked["active"], true);
    let _ = client.post("/api/auth/oauth2/revoke", &[("token", token)]).await.expect(200);
    let metadata = json!({ "redirect_uris": ["https://rp.test/cb"], "token_endpoint_auth_method": "none" });
    let _ = client.actor.send(Call::at(Method::POST, "/api/auth/oauth2/register").json(&metadata)).await.expect(201);
}

#[tokio::test]
async fn the_authorization_endpoint_below_the_base_path_tells_a_script_where_to_go() {
    let app = app().await;
    let client = RelyingParty::public(&app, "client").await;
    let ann = app.actor("ann");
    let params = client.ask().params();
    let query = Serializer::new(String::new()).extend_pairs(params.iter()).finish();
    let path = format!("/api/auth/oauth2/authorize?{query}");
    let browser = ann.opens(&path).await.expect(303);
    assert!(browser.header("location").unwrap().starts_with("/login?"));
    for (name, value) in [("sec-fetch-mode", "cors"), ("accept", "application/json")] {
        let reply = ann.send(Call::at(Method::GET, &path).header(name, value)).await;
        assert!(url_of(reply).starts_with("/login?"));
    }
    let silent = format!("{path}&prompt=none");
    let reply = ann.send(Call::at(Method::GET, &silent).header("accept", "application/json")).await;
    assert_eq!(parameter(&url_of(reply), "error").as_deref(), Some("login_required"));
    let _ = ann.opens("/api/auth/oauth2/authorize?client_id=nobody").await.expect(400);
    let _ = ann.visits("/api/auth/oauth2/end-session").await.at("/ui/logged-out");
}

#[tokio::test]
async fn a_page_of_an_application_has_to_be_an_address() {
    for page in
        ["login", "//evil.example", "javascript:alert(1)", "https://app.example/#x", "/a b", "/\\evil.example", ""]
    {
        let mut config = Config::default();
        config.oauth.login_url = Some(page.to_owned());
        let store = Store::connect("sqlite::memory:").await.unwrap();
        let problems = Identity::builder(store, SECRET.to_owned()).config(config).build().unwrap_err();
        assert!(problems.to_string().contains("of an application must be a URL"), "{page:?}: {problems}");
    }
}
