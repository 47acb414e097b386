//! What others say is text, wherever it stands on a page.

use identity_core::text::Email;
use identity_core::user::NewUser;
use identity_tests::{Page, TestApp};
use url::form_urlencoded::byte_serialize;

use super::{client, request, sign_in};

/// Leaves an element, an attribute, a comment, a template and a script, if it can.
const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&lt;{{7*7}}{%x%}</title>--><!--";

/// Nothing on the page came from the text: the harness reads pages strictly, and ours have no script but their own file.
#[track_caller]
fn is_only_text(page: &Page) {
    for tag in page.tags() {
        assert!(!["img", "iframe", "object", "style", "base"].contains(&tag.name.as_str()), "{}: {tag:?}", page.url);
        assert!(tag.name != "script" || tag.get("src").is_some_and(|src| src.starts_with("/ui/assets/")), "{tag:?}");
        assert!(tag.attributes.keys().all(|name| !name.starts_with("on")), "{}: {tag:?}", page.url);
        for address in ["href", "action", "src"].iter().filter_map(|name| tag.get(name)) {
            let scheme = address.split(':').next().unwrap_or_default().to_ascii_lowercase();
            let web = ["http", "https"].contains(&scheme.as_str()) || address.starts_with(['/', '#', '?']);
            assert!(web || address.starts_with("com.example.app:"), "{}: {address}", page.url);
        }
    }
    assert!(!page.reply.text().contains("<script>alert"), "{}", page.url);
    assert!(!page.reply.text().contains("49}}"), "{}", page.url);
}

fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

#[tokio::test]
async fn an_application_cannot_say_more_than_its_name() {
    let app = TestApp::start().await;
    client(&app, "ledger", |_| ()).await;
    // No client is made with such a name; pages do not rely on that.
    let sql = format!("UPDATE identity_clients SET name = '{}'", HOSTILE.replace('\'', "''"));
    assert_eq!(app.database().change(&sql).await, 1);
    let ann = app.user("ann").await;
    let visitor = ann.at_another_browser();
    let login = visitor.visits(&request(&[("login_hint", HOSTILE), ("ui_locales", HOSTILE)])).await.at("/ui/login");
    is_only_text(&login);
    assert!(login.text().contains("Sign in to \"'><script>alert(1)</script>"), "{}", login.text());
    assert_eq!(login.id("username").unwrap().get("value"), Some(HOSTILE));
    is_only_text(&login.follow("Create an account").await.at("/ui/register"));
    is_only_text(&ann.visits(&request(&[("prompt", "select_account")])).await.at("/ui/account"));
    is_only_text(&ann.visits(&request(&[])).await.at("/ui/consent"));
}

#[tokio::test]
async fn hostile_addresses_of_an_application_are_not_linked() {
    for (policy, terms) in
        [("javascript:alert(1)", "data:text/html,<script>alert(1)</script>"), ("//evil", "vbscript:x")]
    {
        let app = TestApp::start().await;
        client(&app, "ledger", |_| ()).await;
        let metadata = format!(
            "replace(replace(CAST(metadata AS TEXT), 'https://ledger.example/privacy', '{policy}'), \
             'https://ledger.example/terms', '{terms}')"
        );
        let kind = if app.database().is_postgres() { "JSONB" } else { "TEXT" };
        let sql = format!("UPDATE identity_clients SET metadata = CAST({metadata} AS {kind})");
        assert_eq!(app.database().change(&sql).await, 1);
        let page = app.actor("ann").visits(&request(&[])).await.at("/ui/login");
        is_only_text(&page);
        assert!(
            !page.reply.text().contains("privacy policy") && !page.reply.text().contains("evil"),
            "{}",
            page.text()
        );
    }
}

#[tokio::test]
async fn what_was_typed_comes_back_as_text() {
    let app = TestApp::start().await;
    let ann = app.actor("ann");
    let login = ann.visits("/ui/login").await;
    let page =
        login.form("login-submit").fill("username", HOSTILE).fill("password", HOSTILE).submit().await.expect(422);
    is_only_text(&page);
    assert_eq!(page.id("username").unwrap().get("value"), Some(HOSTILE));
    assert_eq!(page.reply.text().matches("alert(1)").count(), 1, "a password never comes back");
    let form = ann.visits("/ui/register").await.form("register-submit");
    let page = form.fill("reg_name", HOSTILE).fill("reg_email", HOSTILE).submit().await.expect(422);
    is_only_text(&page);
    assert_eq!(page.id("reg-name").unwrap().get("value"), Some(HOSTILE));
    let form = ann.visits("/ui/forgot").await.form("forgot-submit");
    is_only_text(&form.fill("email", HOSTILE).submit().await.expect(422));
    let form = ann.visits("/ui/verify").await.form("verify-send");
    is_only_text(&form.fill("email", HOSTILE).submit().await.expect(422));
}

#[tokio::test]
async fn the_address_of_a_page_says_nothing_on_it() {
    let app = TestApp::start().await;
    let ann = app.actor("ann");
    let hostile = encoded(HOSTILE);
    for path in ["login", "register", "forgot", "reset", "verify", "logged-out", "error", "nowhere"] {
        for name in ["ui_locales", "notice", "state", "error", "token", "sent", "prompt", "user_code", "x", &hostile] {
            is_only_text(&ann.visits(&format!("/ui/{path}?{name}={hostile}")).await);
        }
    }
    for name in ["client_id", "redirect_uri", "response_type", "scope", "state", "error", &hostile] {
        is_only_text(&ann.visits(&format!("/oauth2/authorize?{name}={hostile}")).await.expect(400));
    }
    assert!(ann.visits("/ui/error?error=access_denied").await.expect(400).text().contains("access_denied"));
    assert!(!ann.visits("/ui/error?error=your_account_is_locked").await.expect(400).text().contains("locked"));
}

#[tokio::test]
async fn cookies_say_nothing_on_a_page() {
    let app = TestApp::start().await;
    let ann = app.actor("ann");
    for name in ["identity.browser", "identity.language", "identity.theme", "identity.address"] {
        ann.browser(|browser| browser.set(name, encoded(HOSTILE)));
    }
    for path in ["/ui/login", "/ui/forgot?sent=1", "/ui/verify?state=sent"] {
        let page = ann.visits(path).await.expect(200);
        is_only_text(&page);
        assert!(!page.reply.text().contains("alert"), "{path}");
    }
}

#[tokio::test]
async fn the_name_of_a_user_is_text() {
    let app = TestApp::start().await;
    client(&app, "ledger", |_| ()).await;
    let ann = app.actor("ann");
    let new = NewUser {
        email: Email::parse(&ann.email).unwrap(),
        name: HOSTILE.to_owned(),
        password: Some(ann.password.as_str().into()),
        email_verified: true,
        role: "user".to_owned(),
    };
    let _ = app.identity.users().create(new).await.unwrap();
    let page = sign_in(&ann.visits(&request(&[])).await, &ann).await.at("/ui/consent");
    is_only_text(&page);
    let page = ann.visits("/ui/account").await.at("/ui/account");
    is_only_text(&page);
    assert!(page.text().contains("Continue as \"'><script>"), "{}", page.text());
}

#[tokio::test]
async fn an_answer_by_form_is_text() {
    let app = TestApp::start().await;
    client(&app, "ledger", |new| new.policy.first_party = true).await;
    let ann = app.user("ann").await;
    let page = ann.visits(&request(&[("response_mode", "form_post"), ("state", HOSTILE)])).await.expect(200);
    is_only_text(&page);
    assert_eq!(page.form("form-post-continue").get("state"), Some(HOSTILE));
}

#[tokio::test]
async fn a_state_cannot_leave_the_redirect() {
    let app = TestApp::start().await;
    client(&app, "ledger", |new| new.policy.first_party = true).await;
    let ann = app.user("ann").await;
    let state = "a\r\nset-cookie: x=y&code=evil#fragment?é";
    let page = ann.visits(&request(&[("state", state)])).await;
    assert_eq!(page.query("state").as_deref(), Some(state));
    assert_eq!(page.url.fragment(), None);
    assert_eq!(page.url.query_pairs().filter(|(name, _)| name == "code").count(), 1);
}
