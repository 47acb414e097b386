//! Links in mails: where they lead, what they are made from, whose they are, and that looking at them does nothing.

use http::Method;
use http::header::{HOST, HeaderName};
use identity_tests::{Actor, Server, SmtpSink, TestApp, token_of};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

/// The same link with another place to go on to.
fn leading_to(link: &str, target: &str) -> String {
    let mut url = Url::parse(link).unwrap();
    let kept: Vec<(String, String)> =
        url.query_pairs().into_owned().filter(|(name, _)| name != "callbackURL").collect();
    url.query_pairs_mut().clear().extend_pairs(kept).append_pair("callbackURL", target);
    url.into()
}

async fn asks_for_a_reset(actor: &Actor, redirect_to: &str) {
    let body = json!({ "email": actor.email, "redirectTo": redirect_to });
    let _ = actor.post("/request-password-reset", body).await.expect(200);
}

/// Case 1: the link of a mail is redeemed by nothing that sends its reader elsewhere.
#[tokio::test]
async fn a_link_whose_destination_was_changed_leads_nowhere_and_stays_good() {
    let app = TestApp::builder().config(|config| config.email.send_on_sign_up = true).start().await;
    let alice = app.actor("alice");
    let body = json!({ "name": "alice", "email": alice.email, "password": alice.password, "callbackURL": "/welcome" });
    let _ = alice.post("/sign-up/email", body).await.expect(200);
    let verification = app.letter_to(&alice.email, 0).await.link();
    asks_for_a_reset(&alice, "/reset").await;
    let reset = app.letter_to(&alice.email, 1).await.link();
    let evil = ["https://evil.example/x", "//evil.example/x", "/\\evil.example", "http://localhost:8888@evil.example/"];
    for target in evil {
        for link in [&verification, &reset] {
            let reply = alice.at_another_browser().opens(&leading_to(link, target)).await;
            reply.expect_error(403, "INVALID_CALLBACK_URL");
            assert_eq!(reply.header("location"), None, "{target}");
        }
    }
    assert_eq!(alice.session().await["user"]["emailVerified"], false);
    assert_eq!(alice.opens(&verification).await.expect(302).header("location"), Some("/welcome"));
    assert_eq!(alice.session().await["user"]["emailVerified"], true);
    let followed = alice.opens(&reset).await.expect(302);
    assert!(followed.header("location").unwrap().contains("/reset?token="), "{:?}", followed.headers);
}

/// Case 2: a pattern of trusted origins matches hosts, never a piece of a path, a query, a fragment or a longer name.
#[tokio::test]
async fn no_mail_leaves_for_a_page_that_only_looks_like_a_trusted_one() {
    let builder = TestApp::builder().config(|config| {
        config.http.trusted_origins = ["https://*.app.example", "https://app.example"].map(str::to_owned).to_vec();
    });
    let app = builder.start().await;
    let alice = app.user("alice").await;
    let evil = [
        "https://evil.example/?x=.app.example",
        "https://app.example.evil.example",
        "https://app.example@evil.example",
        "https://evilapp.example",
        "https://evil.example#.app.example",
        "https://evil.example/.app.example",
        "https://evil.example\\.app.example",
        "https://evil.example:443.app.example",
        "http://a.app.example",
    ];
    for (path, field) in [("/request-password-reset", "redirectTo"), ("/forget-password", "redirectTo")] {
        for target in evil {
            let reply = alice.post(path, json!({ "email": alice.email, field: target })).await;
            assert!([400, 403].contains(&reply.status.as_u16()), "{path} {target}: {}", reply.text());
        }
    }
    for target in evil {
        let body = json!({ "email": alice.email, "callbackURL": target });
        let reply = alice.post("/send-verification-email", body).await;
        assert!([400, 403].contains(&reply.status.as_u16()), "{target}: {}", reply.text());
    }
    app.until_mails_have_left().await;
    assert!(app.mailer.mails().is_empty());
    asks_for_a_reset(&alice, "https://a.app.example/reset").await;
    let link = app.letter_to(&alice.email, 0).await.link();
    let reply = alice.opens(&link).await.expect(302);
    assert!(reply.header("location").unwrap().starts_with("https://a.app.example/reset?token="));
}

/// Case 25: whose password is reset is in the token's row, whatever the request says.
#[tokio::test]
async fn a_reset_changes_the_password_of_whom_the_mail_went_to() {
    let app = TestApp::start().await;
    let (alice, mut mallory) = (app.user("alice").await, app.user("mallory").await);
    let id = alice.session().await["user"]["id"].clone();
    asks_for_a_reset(&mallory, "/reset").await;
    let token = app.letter_to(&mallory.email, 0).await.token();
    let body = json!({
        "newPassword": "the choice of mallory", "token": token, "email": alice.email, "userId": id, "user": { "id": id },
        "username": "alice", "sub": id, "identifier": alice.email,
    });
    let path = format!("/reset-password?email={}&userId={}", alice.email, id.as_str().unwrap());
    let _ = mallory.post(&path, body).await.expect(200);
    assert!(alice.is_signed_in().await);
    let _ = alice.at_another_browser().signs_in().await.expect(200);
    mallory.signs_in().await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    mallory.password = "the choice of mallory".to_owned();
    let _ = mallory.signs_in().await.expect(200);
}

/// Case 47: nothing in a request says what the links of a mail begin with.
#[tokio::test]
async fn links_begin_with_the_configured_url_whatever_host_a_request_names() {
    let builder = TestApp::builder().config(|config| config.http.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()]);
    let app = builder.start().await;
    let alice = app.user("alice").await;
    let body = json!({ "email": alice.email, "redirectTo": "/reset" });
    let names = [
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example;proto=https"),
        ("x-forwarded-server", "evil.example"),
        ("x-original-host", "evil.example"),
        ("x-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "1234"),
        ("x-forwarded-prefix", "/evil"),
        ("x-original-url", "/evil"),
    ];
    let mut sent = 0;
    for from in [[203, 0, 113, 9], [10, 0, 0, 1]] {
        let visitor = alice.at_another_browser().from_ip(from);
        let ask = || visitor.request(Method::POST, "/request-password-reset").json(&body);
        for (name, value) in names {
            let name: HeaderName = name.parse().unwrap();
            let _ = visitor.send(ask().header(name.clone(), value)).await.expect(200);
            let link = app.letter_to(&alice.email, sent).await.link();
            assert!(link.starts_with("http://localhost:8888/api/auth/reset-password/"), "{name}: {link}");
            assert!(!app.letter_to(&alice.email, sent).await.text.contains("evil"), "{name}");
            sent += 1;
        }
        for host in ["evil.example", "localhost:8888@evil.example", "evil.example:8888", "localhost.evil.example"] {
            visitor.send(ask().header(HOST, host)).await.expect_error(421, "HOST_NOT_ALLOWED");
        }
        let twice = ask().header(HOST, "localhost:8888");
        visitor.send(twice.clone().also(HOST, "evil.example")).await.expect_error(400, "VALIDATION_ERROR");
        visitor.send(twice.also(HOST, "localhost:8888")).await.expect_error(400, "VALIDATION_ERROR");
        let path = "http://evil.example/api/auth/request-password-reset";
        let absolute = visitor.request_at(Method::POST, path).json(&body);
        visitor.send(absolute).await.expect_error(421, "HOST_NOT_ALLOWED");
    }
    app.until_mails_have_left().await;
    assert_eq!(app.mailer.mails().len(), sent);
}

/// Case 48: the first request that a server sees teaches it nothing.
#[tokio::test]
async fn a_fresh_server_does_not_learn_its_url_from_the_first_request() {
    let sink = SmtpSink::start().await;
    let server = Server::builder()
        .env("IDENTITY_MAIL__SMTP_URL", sink.url())
        .env("IDENTITY_MAIL__FROM", "Identity <no-reply@identity.test>")
        .start()
        .await;
    for first in [
        "GET /strange/%2e%2e//path HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\n",
        "GET http://evil.example/api/auth/ok HTTP/1.1\r\nHost: evil.example\r\n",
        "GET /api/auth/get-session HTTP/1.1\r\nHost: evil.example\r\nHost: evil.example\r\n",
        "GET / HTTP/1.1\r\nHost: evil.example\r\n",
        "GET /api/auth/ok HTTP/1.0\r\n",
    ] {
        let answer = raw(&server, first).await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(["400", "404", "421"].contains(&status), "{first}: {answer}");
        assert!(!answer.contains("evil.example"), "{answer}");
    }
    let alice = server.actor("alice");
    let _ = alice.signs_up().await.expect(200);
    asks_for_a_reset(&alice, "/reset").await;
    let link = sink.letter_to(&alice.email, 0).await.link();
    assert!(link.starts_with(&format!("{}/api/auth/reset-password/", server.base_url())), "{link}");
}

/// Sends a request as it stands, and answers all that comes back.
async fn raw(server: &Server, head: &str) -> String {
    let url = Url::parse(&server.base_url()).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", url.port().unwrap())).await.unwrap();
    stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Case 72: a scanner that opens every link signs nobody in, changes nothing, and leaves every link good for its reader.
#[tokio::test]
async fn links_that_scanners_open_still_work_for_their_readers() {
    let app = TestApp::builder().config(|config| config.user.delete_by_mail = true).start().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let (carol, dave) = (app.user("carol").await, app.user("dave").await);
    let _ = alice.post("/send-verification-email", json!({ "email": alice.email })).await.expect(200);
    asks_for_a_reset(&bob, "/reset").await;
    let _ = carol.post("/change-email", json!({ "newEmail": "new@example.test" })).await.expect(200);
    let _ = dave.post("/delete-user", json!({})).await.expect(200);
    let verification = app.letter_to(&alice.email, 0).await.link();
    let reset = app.letter_to(&bob.email, 0).await.link();
    let change = app.letter_to("new@example.test", 0).await.link();
    let deletion = app.letter_to(&dave.email, 0).await.link();

    for (reader, link) in [(&alice, &verification), (&bob, &reset), (&carol, &change), (&dave, &deletion)] {
        let scanner = app.actor("scanner");
        let path = link.strip_prefix("http://localhost:8888").unwrap();
        let look = async |method: Method| {
            let call = scanner.request_at(method, path).without(http::header::ORIGIN);
            scanner.send(call.header("user-agent", "Mozilla/5.0 (compatible; SafeLinks)")).await
        };
        let before = app.database().dump().await;
        for _ in 0..3 {
            assert_eq!(look(Method::HEAD).await.status, 404, "{link}");
        }
        assert_eq!(before, app.database().dump().await, "{link}");
        for _ in 0..3 {
            let reply = look(Method::GET).await;
            assert!(reply.cookies().is_empty() && !scanner.is_signed_in().await, "{link}");
        }
        // That a look proves an address is documented; it changes nothing else.
        assert!(link == &verification || before == app.database().dump().await, "{link}");
        assert!(reader.is_signed_in().await);
    }
    assert_eq!(alice.opens(&verification).await.expect(302).header("location"), Some("/"));
    assert_eq!(alice.session().await["user"]["emailVerified"], true);
    let body = json!({ "newPassword": "another password", "token": token_of(&reset) });
    let _ = bob.post("/reset-password", body).await.expect(200);
    let _ = carol.opens(&change).await.expect(302);
    assert_eq!(carol.session().await["user"]["email"], "new@example.test");
    let _ = dave.opens(&deletion).await.expect(200);
    let _ = dave.post("/delete-user/callback", json!({ "token": token_of(&deletion) })).await.expect(200);
    assert!(!dave.is_signed_in().await);
}
