//! What the pages tell the browser: how to treat them, and what to keep.

use identity_tests::{Page, TestApp};

use super::{ledger, request};

/// Every page, with whether its form may end at an application.
async fn each_page(app: &TestApp) -> Vec<(Page, bool)> {
    ledger(app).await;
    let (ann, visitor) = (app.user("ann").await, app.actor("visitor"));
    let mut pages = Vec::new();
    for path in ["login", "register", "forgot", "reset", "verify", "logged-out", "error", "nowhere"] {
        pages.push((visitor.visits(&format!("/ui/{path}")).await, false));
    }
    for path in ["account", "logout"] {
        pages.push((ann.visits(&format!("/ui/{path}")).await.expect(200), false));
    }
    let sent = visitor.visits("/ui/forgot").await.form("forgot-submit").fill("email", &ann.email).submit().await;
    pages.push((sent.at("/ui/forgot"), false));
    let link = app.letter_to(&ann.email, 0).await.link();
    pages.push((visitor.visits(&link).await.at("/ui/reset"), false));
    pages.push((visitor.visits(&request(&[("client_id", "nobody")])).await.expect(400), false));
    let login = visitor.visits(&request(&[])).await.at("/ui/login");
    pages.push((login.form("login-submit").submit().await.expect(422), true));
    pages.push((login.follow("Create an account").await.at("/ui/register"), true));
    pages.push((login, true));
    pages.push((ann.visits(&request(&[])).await.at("/ui/consent"), true));
    pages.push((ann.visits(&request(&[("prompt", "select_account")])).await.at("/ui/account"), true));
    pages.push((
        visitor.visits(&request(&[("response_mode", "form_post"), ("prompt", "none")])).await.expect(200),
        true,
    ));
    let forged = visitor.visits("/ui/login").await.form("login-submit").without("csrf").submit().await;
    pages.push((forged.expect(403), false));
    pages
}

#[tokio::test]
async fn every_page_keeps_others_out_and_itself_private() {
    let app = TestApp::start().await;
    for (page, leaves) in each_page(&app).await {
        let (url, header) = (&page.url, |name: &str| page.reply.header(name).unwrap_or_default().to_owned());
        assert_eq!(header("content-type"), "text/html; charset=utf-8", "{url}");
        assert_eq!(header("x-frame-options"), "DENY", "{url}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{url}");
        assert_eq!(header("cache-control"), "no-store", "{url}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{url}");
        assert!(page.reply.headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "{url}");
        let policy = header("content-security-policy");
        let directives: Vec<&str> = policy.split("; ").collect();
        for directive in
            ["default-src 'none'", "style-src 'self'", "img-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"]
        {
            assert!(directives.contains(&directive), "{url}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        assert_eq!(directives.contains(&"form-action 'self'"), !leaves, "{url}: {policy}");
        let scripts = page.tags().iter().filter(|tag| tag.name == "script").count();
        assert_eq!(policy.contains("script-src 'self'"), scripts > 0, "{url}: {policy}");
    }
}

#[tokio::test]
async fn every_page_is_whole() {
    let app = TestApp::start().await;
    for (page, _) in each_page(&app).await {
        let (url, tags) = (&page.url, page.tags());
        let count = |name: &str| tags.iter().filter(|tag| tag.name == name).count();
        for name in ["html", "h1", "main", "header", "footer", "title"] {
            assert_eq!(count(name), 1, "{url}: {name}");
        }
        let html = &tags[0];
        assert_eq!((html.get("lang"), html.get("dir")), (Some("en"), Some("ltr")), "{url}");
        assert!(tags.iter().all(|tag| !tag.has("style") && tag.name != "style"), "{url}");
        assert!(tags.iter().all(|tag| tag.attributes.keys().all(|name| !name.starts_with("on"))), "{url}");
        let mut ids: Vec<&str> = tags.iter().filter_map(|tag| tag.get("id")).collect();
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all, "{url}: an id stands twice");
        for tag in
            tags.iter().filter(|tag| tag.name == "input" && tag.get("type") != Some("hidden") && !tag.has("hidden"))
        {
            let id = tag.get("id").expect("a field has an id");
            assert!(tags.iter().any(|label| label.name == "label" && label.get("for") == Some(id)), "{url}: {id}");
        }
        let named = tags.iter().filter_map(|tag| tag.get("aria-describedby")).flat_map(|ids| ids.split(' '));
        named.for_each(|id| assert!(page.id(id).is_some(), "{url}: a field is described by {id}"));
    }
}

#[tokio::test]
async fn no_page_carries_the_token_of_a_session() {
    let app = TestApp::builder().config(|config| config.http.bearer = true).start().await;
    let ann = app.user("ann").await.at_another_browser();
    let page = ann.visits("/ui/login").await;
    let call = page.form("login-submit").fill("username", &ann.email).fill("password", &ann.password).call();
    let reply = ann.send(call).await.expect(303);
    assert_eq!(reply.header("set-auth-token"), None);
    assert_eq!((reply.header("cache-control"), reply.header("pragma")), (Some("no-store"), Some("no-cache")));
    assert_eq!(reply.header("x-frame-options"), Some("DENY"));
    assert!(reply.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
    assert!(reply.text().is_empty());
}

#[tokio::test]
async fn cookies_of_pages_stay_on_their_host() {
    let builder = TestApp::builder().config(|config| {
        config.http.base_url = "https://id.example.com".to_owned();
        config.http.cookie_domain = Some("example.com".to_owned());
    });
    let app = builder.start().await;
    let ann = app.actor("ann");
    let page = ann.visits("/ui/login?ui_locales=fr").await;
    let sent = page.form("login-submit").call();
    drop(sent);
    let cookies = page.reply.cookies();
    let names: Vec<&str> = cookies.iter().map(|cookie| cookie.name.as_str()).collect();
    assert_eq!(names, ["__Host-identity.browser", "__Host-identity.language"]);
    for cookie in cookies {
        assert!(cookie.secure && cookie.http_only && cookie.domain.is_none());
        assert_eq!((cookie.path.as_deref(), cookie.same_site.as_deref()), (Some("/"), Some("Lax")));
    }
}

#[tokio::test]
async fn files_are_kept_for_long_under_the_name_of_their_version() {
    let app = TestApp::start().await;
    let ann = app.actor("ann");
    let page = ann.visits("/ui/login").await;
    let style = page.tags().iter().find(|tag| tag.get("rel") == Some("stylesheet")).unwrap().get("href").unwrap();
    let reply = ann.opens(style).await.expect(200);
    assert_eq!(reply.header("content-type"), Some("text/css; charset=utf-8"));
    assert_eq!(reply.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert!(reply.cookies().is_empty());
    for other in ["/ui/assets/app.css", "/ui/assets/app.css?v=1", "/ui/assets/enhance.js"] {
        assert_eq!(ann.opens(other).await.expect(200).header("cache-control"), Some("no-cache"), "{other}");
    }
}

#[tokio::test]
async fn a_session_that_is_used_on_pages_lives_on() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    app.pass(std::time::Duration::from_hours(24 * 2));
    let page = ann.visits("/ui/account").await.at("/ui/account");
    assert!(page.reply.cookies().iter().any(|cookie| cookie.name.ends_with("session_token")));
    app.pass(std::time::Duration::from_hours(24 * 6));
    assert!(ann.is_signed_in().await);
}

#[tokio::test]
async fn a_page_is_dark_or_light_when_the_cookie_says_so() {
    let app = TestApp::start().await;
    let ann = app.actor("ann");
    for (cookie, theme) in [("dark", Some("dark")), ("light", Some("light")), ("\"><script>", None)] {
        ann.browser(|browser| browser.set("identity.theme", cookie));
        assert_eq!(ann.visits("/ui/login").await.tags()[0].get("data-theme"), theme);
    }
}
