//! OpenID Connect RP-Initiated Logout 1.0: who is signed out, who is asked first, and where it leads.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use identity_core::jwt::Algorithm;
use identity_core::keys::Signer;
use identity_core::oauth::ClientMetadata;
use identity_core::oauth::client::AuthMethod;
use identity_tests::{Actor, Call, Page, RelyingParty, TestApp, claims};
use serde_json::{Value, json};
use std::time::Duration;
use url::form_urlencoded::Serializer;

const BYE: &str = "https://app.example.test/bye";

/// Somebody who is signed in to a client, and the ID token that the client has.
struct Case {
    app: TestApp,
    client: RelyingParty,
    ann: Actor,
    id_token: String,
}

async fn case() -> Case {
    let app = TestApp::start().await;
    let client = RelyingParty::with(&app, "app", AuthMethod::ClientSecretBasic, registered).await;
    let ann = app.user("ann").await;
    let id_token = id_token(&app, &client, &ann).await;
    Case { app, client, ann, id_token }
}

fn registered(metadata: &mut ClientMetadata, _: &mut identity_core::oauth::ClientPolicy) {
    metadata.post_logout_redirect_uris =
        vec![BYE.to_owned(), format!("{BYE}?from=here"), "com.example.app:/bye".to_owned()];
    metadata.client_uri = Some("https://app.example.test/".to_owned());
}

async fn id_token(app: &TestApp, client: &RelyingParty, user: &Actor) -> String {
    client.tokens(app, user, "openid").await["id_token"].as_str().unwrap().to_owned()
}

fn address(params: &[(&str, &str)]) -> String {
    format!("/oauth2/logout?{}", Serializer::new(String::new()).extend_pairs(params).finish())
}

impl Case {
    /// Sends the browser of the user to the endpoint.
    async fn logs_out(&self, params: &[(&str, &str)]) -> Page {
        self.ann.visits(&address(params)).await
    }

    /// Checks that the user is asked, without being told where it leads, and that a confirmation ends there.
    async fn asks_and_goes_nowhere(&self, page: Page) {
        let page = page.at("/ui/logout");
        assert!(self.ann.is_signed_in().await, "asking changes nothing");
        let page = page.form("logout-confirm").submit().await.at("/ui/logged-out");
        assert!(page.id("logged-out").is_some());
        self.is_over().await;
    }

    async fn is_over(&self) {
        assert!(!self.ann.is_signed_in().await);
        let silent = self.client.answer(&self.app, &self.ann, &self.client.ask().with("prompt", "none")).await;
        assert!(silent.params.contains(&("error", "login_required".to_owned())), "{silent:?}");
    }
}

#[tokio::test]
async fn a_hint_ends_the_session_and_the_state_comes_back_whole() {
    let case = case().await;
    let state = "&=é/".repeat(32);
    let params = [("id_token_hint", case.id_token.as_str()), ("post_logout_redirect_uri", BYE), ("state", &state)];
    let page = case.logs_out(&params).await.expect(303);
    assert!(page.url.as_str().starts_with(&format!("{BYE}?state=")), "{}", page.url);
    let query: Vec<(String, String)> = page.url.query_pairs().into_owned().collect();
    assert_eq!(query, [("state".to_owned(), state)], "nothing else");
    case.is_over().await;
}

#[tokio::test]
async fn an_unregistered_place_is_not_gone_to() {
    for uri in [
        "https://evil.example/",
        "https://app.example.test/BYE",
        "https://app.example.test/bye/",
        "javascript:alert(1)",
    ] {
        let case = case().await;
        let params = [("id_token_hint", case.id_token.as_str()), ("post_logout_redirect_uri", uri), ("state", "s")];
        let page = case.logs_out(&params).await.at("/ui/logged-out");
        assert!(page.id("logged-out").is_some(), "{uri}");
        case.is_over().await;
    }
}

#[tokio::test]
async fn a_query_belongs_to_the_registered_place() {
    let case = case().await;
    let uri = format!("{BYE}?foo=bar");
    let params = [("id_token_hint", case.id_token.as_str()), ("post_logout_redirect_uri", &uri)];
    let _ = case.logs_out(&params).await.at("/ui/logged-out");
    let case = self::case().await;
    let uri = format!("{BYE}?from=here");
    let params = [("id_token_hint", case.id_token.as_str()), ("post_logout_redirect_uri", &uri), ("state", "s")];
    assert_eq!(
        case.logs_out(&params).await.url.as_str(),
        format!("{BYE}?from=here&state=s"),
        "a registered query stays"
    );
}

#[tokio::test]
async fn a_hint_that_was_changed_proves_nothing() {
    let case = case().await;
    let payload = case.id_token.split('.').nth(1).unwrap();
    let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "JWT" }).to_string());
    let (head, signature) = case.id_token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    for hint in [format!("{header}.{payload}."), format!("{head}.{other}{}", &signature[1..]), "x".to_owned()] {
        // Not even beside the right name of the client is anything believed that came with it.
        let params =
            [("id_token_hint", hint.as_str()), ("client_id", "app"), ("post_logout_redirect_uri", BYE), ("state", "s")];
        let _ = case.ann.signs_in().await.expect(200);
        case.asks_and_goes_nowhere(case.logs_out(&params).await).await;
    }
}

#[tokio::test]
async fn a_hint_of_another_signer_proves_nothing() {
    let case = case().await;
    let signer = Signer::generate("theirs", Algorithm::Rs256).unwrap();
    let hint = signer.sign("JWT", &claims(&case.id_token)).unwrap();
    let params = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BYE), ("state", "s")];
    case.asks_and_goes_nowhere(case.logs_out(&params).await).await;
}

#[tokio::test]
async fn without_a_hint_somebody_is_asked() {
    let place = ("post_logout_redirect_uri", BYE);
    for params in [[place, ("state", "s")].as_slice(), &[("state", "s")], &[]] {
        let case = case().await;
        case.asks_and_goes_nowhere(case.logs_out(params).await).await;
    }
}

#[tokio::test]
async fn without_a_place_to_go_the_page_leads_back_to_the_client() {
    let case = case().await;
    let page = case.logs_out(&[("id_token_hint", &case.id_token), ("state", "s")]).await.at("/ui/logged-out");
    let link = page.tags().iter().find(|tag| tag.text.trim() == "Back to An application");
    assert_eq!(link.and_then(|link| link.get("href")), Some("https://app.example.test/"));
    case.is_over().await;
}

#[tokio::test]
async fn a_hint_that_has_run_out_is_as_good_as_any() {
    let case = case().await;
    case.app.pass(Duration::from_hours(24 * 6));
    let params = [("id_token_hint", case.id_token.as_str()), ("post_logout_redirect_uri", BYE)];
    assert_eq!(case.logs_out(&params).await.url.as_str(), BYE);
    case.is_over().await;
}

#[tokio::test]
async fn a_hint_of_another_session_or_user_is_no_reason_not_to_ask() {
    let case = case().await;
    let params = [("id_token_hint", case.id_token.as_str()), ("post_logout_redirect_uri", BYE), ("state", "s")];
    let there = case.ann.at_another_browser();
    let _ = there.signs_in().await.expect(200);
    for other in [there, case.app.user("bob").await] {
        let page = other.visits(&address(&params)).await.at("/ui/logout");
        assert!(page.text().contains("An application asks to end your session"), "{}", page.text());
        assert!(other.is_signed_in().await);
        let page = page.form("logout-confirm").submit().await;
        assert_eq!(page.url.as_str(), format!("{BYE}?state=s"));
        assert!(!other.is_signed_in().await);
    }
    assert!(case.ann.is_signed_in().await, "nobody else is signed out");
}

#[tokio::test]
async fn a_client_id_instead_of_a_hint_asks_and_then_goes_on() {
    let case = case().await;
    let params = [("client_id", "app"), ("post_logout_redirect_uri", BYE), ("state", "a state"), ("ui_locales", "fr")];
    let page = case.logs_out(&params).await.at("/ui/logout");
    assert_eq!(page.tags()[0].get("lang"), Some("fr"));
    let policy = page.reply.header("content-security-policy").unwrap();
    assert!(!policy.contains("form-action"), "browsers would hold the redirect that answers the form: {policy}");
    assert_eq!(page.form("logout-cancel").submit().await.path(), "/");
    assert!(case.ann.is_signed_in().await);
    let page = page.follow("English").await.form("logout-confirm").submit().await;
    assert_eq!(page.url.as_str(), format!("{BYE}?state=a+state"));
    case.is_over().await;
    // Whoever is not signed in is not sent elsewhere unasked either.
    let page = case.logs_out(&params).await.at("/ui/logout");
    assert_eq!(page.form("logout-confirm").submit().await.url.as_str(), format!("{BYE}?state=a+state"));
}

#[tokio::test]
async fn the_page_that_asks_checks_again_where_it_leads() {
    let case = case().await;
    let page = case.logs_out(&[("client_id", "app"), ("post_logout_redirect_uri", BYE)]).await.at("/ui/logout");
    let form = page.form("logout-confirm").fill("post_logout_redirect_uri", "https://evil.example/");
    let _ = form.submit().await.at("/ui/logged-out");
    case.is_over().await;
}

#[tokio::test]
async fn a_hint_and_a_client_id_of_two_clients_are_refused() {
    let case = case().await;
    let _ = RelyingParty::with(&case.app, "other", AuthMethod::ClientSecretBasic, registered).await;
    let hint = ("id_token_hint", case.id_token.as_str());
    for params in [
        vec![hint, ("client_id", "other"), ("post_logout_redirect_uri", BYE)],
        vec![hint, ("client_id", "nobody")],
        vec![("client_id", "nobody")],
        vec![hint, ("state", "a"), ("state", "b")],
        vec![hint, ("state", &"s".repeat(2049))],
    ] {
        let page = case.logs_out(&params).await.expect(400);
        assert!(page.id("oauth-error").is_some(), "{params:?}");
    }
    assert!(case.ann.is_signed_in().await);
    let both = [hint, ("client_id", "app"), ("post_logout_redirect_uri", BYE)];
    assert_eq!(case.logs_out(&both).await.url.as_str(), BYE);
}

#[tokio::test]
async fn only_an_id_token_is_a_hint() {
    let case = case().await;
    let tokens = case.client.tokens(&case.app, &case.ann, "openid").await;
    let hint = tokens["access_token"].as_str().unwrap();
    case.asks_and_goes_nowhere(case.logs_out(&[("id_token_hint", hint), ("post_logout_redirect_uri", BYE)]).await)
        .await;
}

#[tokio::test]
async fn a_form_is_as_good_as_a_link() {
    let case = case().await;
    let fields = [("id_token_hint", case.id_token.as_str()), ("post_logout_redirect_uri", BYE), ("state", "s")];
    // From another site the cookie of the session does not come along.
    let form = Call::at(Method::POST, "/oauth2/logout").form(&fields).header("origin", "https://app.example.test");
    let reply = case.ann.send(form.clone().header("cookie", "none=")).await.expect(303);
    let page = case.ann.visits(reply.header("location").unwrap()).await;
    assert_eq!(page.url.as_str(), format!("{BYE}?state=s"));
    case.is_over().await;
    let _ = case.ann.signs_in().await.expect(200);
    let id_token = id_token(&case.app, &case.client, &case.ann).await;
    let fields = [("id_token_hint", id_token.as_str()), ("post_logout_redirect_uri", "com.example.app:/bye")];
    let reply = case.ann.send(Call::at(Method::POST, "/oauth2/logout").form(&fields)).await.expect(303);
    assert_eq!(reply.header("location"), Some("com.example.app:/bye"));
    assert!(reply.cookies().iter().any(|cookie| cookie.name.ends_with("session_token") && cookie.value.is_empty()));
    case.is_over().await;
}

#[tokio::test]
async fn looking_changes_nothing() {
    let case = case().await;
    let path = address(&[("id_token_hint", &case.id_token)]);
    let _ = case.ann.send(Call::at(Method::HEAD, &path)).await.expect(405);
    for method in [Method::PUT, Method::DELETE] {
        let _ = case.ann.send(Call::at(method, &path)).await.expect(405);
    }
    assert!(case.ann.is_signed_in().await);
}

#[tokio::test]
async fn what_came_with_the_session_is_over_for_the_client_too() {
    let case = case().await;
    let tokens = case.client.tokens(&case.app, &case.ann, "openid").await;
    let access = tokens["access_token"].as_str().unwrap();
    let _ = case.client.userinfo(access).await.expect(200);
    let _ = case.logs_out(&[("id_token_hint", &case.id_token)]).await.at("/ui/logged-out");
    case.client.userinfo(access).await.expect_oauth(401, "invalid_token");
    assert_eq!(case.client.introspects(access).await, json!({ "active": false }));
    let record =
        case.app.database().number("SELECT COUNT(*) FROM identity_events WHERE kind = 'session.signed_out'").await;
    assert_eq!(Value::from(record), 1);
}
