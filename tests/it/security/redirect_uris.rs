//! Where an answer goes: to what was registered, character by character, and nowhere else.

use identity_core::oauth::client::AuthMethod;
use identity_tests::{Actor, RelyingParty, TestApp};

use super::over_http::{address, code_of, each_way, goes, is_a_page_about_it, trusted};

const REGISTERED: &str = "https://foo.example.com/cb";

async fn party(app: &TestApp, uri: &str) -> RelyingParty {
    trusted(app, "app", AuthMethod::ClientSecretBasic, |metadata| metadata.redirect_uris = vec![uri.to_owned()]).await
}

/// Checks that an answer is sent to none of these, and that a code is not redeemed for any.
async fn lead_nowhere(user: &Actor, party: &RelyingParty, uris: &[String]) {
    for uri in uris {
        for reply in each_way(user, &party.ask().with("redirect_uri", uri)).await {
            is_a_page_about_it(&reply, uri);
        }
        // Not even to hear of a mistake.
        for reply in each_way(user, &party.ask().with("redirect_uri", uri).with("response_type", "token")).await {
            is_a_page_about_it(&reply, uri);
        }
        let code = code_of(&goes(user, &party.ask()).await);
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", uri),
            ("code_verifier", "a-verifier-of-tests-that-is-long-enough-for-pkce"),
        ];
        let reply = party.post("/oauth2/token", &fields).await;
        assert_eq!(reply.status, 400, "{uri}: {}", reply.text());
        let error = reply.oauth_error().unwrap();
        assert!(["invalid_grant", "invalid_request"].contains(&error.as_str()), "{uri}: {error}");
    }
}

/// Case 26: what is nearly the registered address is another one.
#[tokio::test]
async fn an_address_that_looks_like_the_registered_one_gets_no_answer() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let party = party(&app, REGISTERED).await;
    let page = goes(&ann, &party.ask()).await;
    assert!(page.url.as_str().starts_with("https://foo.example.com/cb?code="), "{}", page.url);
    let uris = [
        "https://fooaexample.com/cb",
        "https://foo.example.com/cb/",
        "https://foo.example.com/cb?x=1",
        "https://foo.example.com/cb?",
        "https://foo.example.com/cb#",
        "https://foo.example.com/CB",
        "https://FOO.example.com/cb",
        "HTTPS://foo.example.com/cb",
        "http://foo.example.com/cb",
        "https://foo.example.com:443/cb",
        "https://foo.example.com:8443/cb",
        "https://foo.example.com./cb",
        "https://foo.example.com",
        "https://foo.example.com/",
        "https://foo.example.com/cbx",
        "https://foo.example.com/c",
        "https://xfoo.example.com/cb",
        "https://foo.example.com.evil.example/cb",
        "https://foo.example.com@evil.example/cb",
        "https://user@foo.example.com/cb",
        "https://evil.example/?https://foo.example.com/cb",
        "https://evil.example/#https://foo.example.com/cb",
        "//foo.example.com/cb",
        "https:/foo.example.com/cb",
        "https:\\\\foo.example.com\\cb",
        " https://foo.example.com/cb",
        "https://foo.example.com/cb ",
        "https://foo.example.com/*",
        "https://foo\u{2024}example.com/cb",
        "javascript:alert(1)",
    ];
    lead_nowhere(&ann, &party, &uris.map(str::to_owned)).await;
    for twice in [REGISTERED, "https://evil.example/"] {
        for reply in each_way(&ann, &party.ask().also("redirect_uri", twice)).await {
            is_a_page_about_it(&reply, twice);
        }
    }
}

/// Case 27: nothing is put in order before addresses are compared.
#[tokio::test]
async fn an_address_that_would_become_the_registered_one_gets_no_answer() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let party = party(&app, REGISTERED).await;
    let paths = [
        "/cb/..;/x",
        "/cb/../x",
        "/cb/../cb",
        "/x/../cb",
        "/./cb",
        "//cb",
        "/cb/.",
        "/cb/%2e%2e/x",
        "/cb/%2e%2e/cb",
        "/%2e/cb",
        "/cb%00",
        "/cb\0",
        "/cb%0d%0aX:1",
        "/cb\r\nX:1",
        "/cb\t",
        "/cb\n",
        "/cb;x",
        "/cb;x=1/",
        "/%63b",
        "/c%62",
        "/%2563b",
        "/cb%2f",
        "/cb%2F..",
        "/cb\\..\\x",
        "\\cb",
        "/cb%23",
        "/cb%3fx=1",
        "/c\u{FF42}",
    ];
    lead_nowhere(&ann, &party, &paths.map(|path| format!("https://foo.example.com{path}"))).await;
    // The other way around: what was registered is not put in order either.
    for (number, registered) in
        ["https://foo.example.com/%63b", "https://foo.example.com/x/../cb"].into_iter().enumerate()
    {
        let odd = trusted(&app, &format!("odd{number}"), AuthMethod::None, |metadata| {
            metadata.redirect_uris = vec![registered.to_owned()];
        })
        .await;
        let reply = ann.opens(&address(&odd.ask())).await.expect(303);
        assert!(reply.header("location").unwrap().starts_with(&format!("{registered}?code=")), "{:?}", reply.headers);
        for reply in each_way(&ann, &odd.ask().with("redirect_uri", REGISTERED)).await {
            is_a_page_about_it(&reply, registered);
        }
    }
}

/// Case 28: the port of a registered loopback address is free, and nothing else about it.
#[tokio::test]
async fn of_a_loopback_address_the_port_alone_is_free() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let party = party(&app, "http://127.0.0.1/cb").await;
    for port in [":1", ":51234", ":65535", ""] {
        let uri = format!("http://127.0.0.1{port}/cb");
        for reply in each_way(&ann, &party.ask().with("redirect_uri", &uri)).await {
            let location = reply.header("location").unwrap_or_else(|| panic!("{uri}: {}", reply.text()));
            assert!(location.starts_with(&format!("{uri}?code=")), "{location}");
        }
    }
    let uris = [
        "http://localhost:51234/cb",
        "http://127.0.0.1.evil.tld:80/cb",
        "http://127.0.0.1:80.evil.tld/cb",
        "http://127.0.0.1:80@evil.tld/cb",
        "http://127.0.0.1@evil.tld/cb",
        "http://evil.tld/http://127.0.0.1:80/cb",
        "http://[::1]:5/cb",
        "http://[::ffff:127.0.0.1]:5/cb",
        "https://127.0.0.1:5/cb",
        "HTTP://127.0.0.1:5/cb",
        "http://127.0.0.2:5/cb",
        "http://127.1:5/cb",
        "http://127.0.1:5/cb",
        "http://127.000.000.001:5/cb",
        "http://2130706433:5/cb",
        "http://0x7f000001:5/cb",
        "http://0.0.0.0:5/cb",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:+80/cb",
        "http://127.0.0.1:-1/cb",
        "http://127.0.0.1:\u{661}/cb",
        "http://127.0.0.1:5:6/cb",
        "http://127.0.0.1:5",
        "http://127.0.0.1:5/",
        "http://127.0.0.1:5/cb/",
        "http://127.0.0.1:5/CB",
        "http://127.0.0.1:5/cb?x=1",
        "http://127.0.0.1:5/cb#x",
        "http://127.0.0.1:5/../cb",
        "http://127.0.0.1:5\\cb",
    ];
    lead_nowhere(&ann, &party, &uris.map(str::to_owned)).await;
    // The code is for whoever listens on the port that was named.
    let code = code_of(&goes(&ann, &party.ask().with("redirect_uri", "http://127.0.0.1:51234/cb")).await);
    let verifier = ("code_verifier", "a-verifier-of-tests-that-is-long-enough-for-pkce");
    for (uri, status) in
        [("http://127.0.0.1:51235/cb", 400), ("http://127.0.0.1/cb", 400), ("http://127.0.0.1:51234/cb", 200)]
    {
        let fields = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", uri), verifier];
        let reply = party.post("/oauth2/token", &fields).await;
        assert_eq!(reply.status, status, "{uri}: {}", reply.text());
    }
    // Elsewhere no port is free.
    let web = trusted(&app, "web", AuthMethod::None, |metadata| {
        metadata.redirect_uris = vec!["https://foo.example.com:1/cb".to_owned(), "http://localhost:3000/cb".to_owned()];
    })
    .await;
    lead_nowhere(&ann, &web, &["https://foo.example.com:2/cb".to_owned(), "http://localhost:3001/cb".to_owned()]).await;
}

/// Case 29: an answer comes in a way that is offered, and a wish for another one opens no way to somewhere else.
#[tokio::test]
async fn an_answer_comes_by_query_or_form_whatever_way_is_asked_for() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let party = party(&app, REGISTERED).await;
    let page = goes(&ann, &party.ask().with("response_mode", "query")).await;
    assert!(page.url.as_str().starts_with("https://foo.example.com/cb?code=") && page.url.fragment().is_none());
    let page = ann.visits(&address(&party.ask().with("response_mode", "form_post"))).await;
    let form = page.at("/oauth2/authorize").form("form-post-continue");
    assert_eq!(form.action.as_str(), REGISTERED);
    let others = [
        "fragment",
        "query.jwt",
        "fragment.jwt",
        "form_post.jwt",
        "jwt",
        "web_message",
        "none",
        "QUERY",
        "query fragment",
        "query\n",
        "../query",
        "unknown",
    ];
    for mode in others {
        let ask = party.ask().with("response_mode", mode);
        for reply in each_way(&ann, &ask).await {
            let location = reply.header("location").unwrap_or_else(|| panic!("{mode}: {}", reply.text()));
            assert!(location.starts_with("https://foo.example.com/cb?error=invalid_request&"), "{mode}: {location}");
            assert!(!location.contains('#') && !location.contains("code="), "{mode}: {location}");
        }
        for uri in ["https://evil.example/cb", "https://foo.example.com/cb/", ""] {
            for reply in each_way(&ann, &ask.clone().with("redirect_uri", uri)).await {
                is_a_page_about_it(&reply, mode);
            }
        }
        for reply in each_way(&ann, &ask.clone().with("client_id", "nobody")).await {
            is_a_page_about_it(&reply, mode);
        }
    }
    for reply in each_way(&ann, &party.ask().with("response_mode", "query").also("response_mode", "fragment")).await {
        assert!(reply.header("location").unwrap().starts_with("https://foo.example.com/cb?error=invalid_request&"));
    }
}
