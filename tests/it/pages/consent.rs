//! Agreeing, or not.

use identity_tests::TestApp;

use super::{CALLBACK, client, has_code, has_error, ledger, request, sign_in};

#[tokio::test]
async fn somebody_sees_in_words_what_is_asked_for_and_allows_it_once() {
    let app = TestApp::builder().config(|config| config.oauth.scopes = vec!["books".to_owned()]).start().await;
    ledger(&app).await;
    let ann = app.user("ann").await.at_another_browser();
    let asked = request(&[("scope", "openid profile email phone address offline_access books"), ("prompt", "consent")]);
    let page = sign_in(&ann.visits(&asked).await, &ann).await.at("/ui/consent");
    let text = page.text();
    for words in [
        "Ledger wants to use your account",
        "ledger.example",
        "Know that it is you",
        "See your name and picture",
        "See your email address",
        "See your phone number",
        "See your postal address",
        "Stay connected when you are away",
        "Until it is not used for 30 days.",
        "Use books",
        ann.email.as_str(),
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    has_code(&page.form("consent-allow").submit().await);
    assert!(page.form("consent-allow").submit().await.expect(400).id("oauth-error").is_some());
}

#[tokio::test]
async fn somebody_sees_where_the_answer_to_this_very_request_goes() {
    let app = TestApp::start().await;
    client(&app, "ledger", |new| {
        new.metadata.redirect_uris.extend(["https://evil.example/cb".to_owned(), "com.evil.app:/cb".to_owned()]);
    })
    .await;
    let ann = app.user("ann").await;
    let places = [
        (CALLBACK, "ledger.example"),
        ("https://evil.example/cb", "evil.example"),
        ("com.evil.app:/cb", "com.evil.app:"),
    ];
    for (redirect_uri, place) in places {
        let page = ann.visits(&request(&[("redirect_uri", redirect_uri)])).await.at("/ui/consent");
        let heading = page.text();
        let shown: Vec<&str> = places.iter().map(|(_, place)| *place).filter(|place| heading.contains(place)).collect();
        assert_eq!(shown, [place], "{heading}");
    }
}

#[tokio::test]
async fn saying_no_tells_the_application() {
    let app = TestApp::start().await;
    ledger(&app).await;
    let ann = app.user("ann").await;
    let page = ann.visits(&request(&[])).await.at("/ui/consent");
    has_error(&page.form("consent-deny").submit().await, "access_denied");
}

#[tokio::test]
async fn anything_but_allow_is_a_no() {
    let app = TestApp::start().await;
    ledger(&app).await;
    let ann = app.user("ann").await;
    let form = ann.visits(&request(&[])).await.form("consent-allow").without("decision");
    has_error(&form.submit().await, "access_denied");
}

#[tokio::test]
async fn somebody_else_can_take_over_before_agreeing() {
    let app = TestApp::start().await;
    ledger(&app).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let page = ann.visits(&request(&[])).await.at("/ui/consent");
    let login = page.follow("Not you?").await.at("/ui/login");
    let page = sign_in(&login, &bob).await.at("/ui/consent");
    assert!(page.text().contains(&bob.email) && !page.text().contains(&ann.email));
    has_code(&page.form("consent-allow").submit().await);
}

#[tokio::test]
async fn nobody_agrees_for_somebody_else() {
    let app = TestApp::start().await;
    ledger(&app).await;
    let ann = app.user("ann").await;
    let form = ann.visits(&request(&[])).await.form("consent-allow");
    let _ = form.clone().submit_from("https://ledger.example").await.expect(403);
    let _ = form.clone().without("csrf").submit().await.expect(403);
    let stranger = app.user("mallory").await;
    let foreign = stranger.visits(&request(&[])).await.form("consent-allow").get("csrf").unwrap().to_owned();
    let _ = form.clone().fill("csrf", &foreign).submit().await.expect(403);
    has_code(&form.submit().await);
}

#[tokio::test]
async fn without_a_session_there_is_nobody_to_agree() {
    let app = TestApp::start().await;
    ledger(&app).await;
    let ann = app.user("ann").await;
    let page = ann.visits(&request(&[])).await.at("/ui/consent");
    let _ = ann.signs_out().await.expect(200);
    let _ = page.form("consent-allow").submit().await.at("/ui/login");
    let _ = ann.visits("/ui/consent").await.at("/ui/login");
}
