//! The programs as an operator runs them: what only a process, a signal or a mail server can show.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use identity_tests::{BaseService, Call, Proxy, Reply, Server, SmtpSink, TestDatabase, Told, claims, free_port, race};
use serde_json::{Value, json};

use crate::oidc::metadata::PUBLISHED;

#[tokio::test]
async fn a_cookie_survives_a_killed_server() {
    let mut server = Server::start().await;
    let alice = server.actor("alice");
    let _ = alice.signs_up().await.expect(200);
    server.kill();
    server.restart().await;
    assert_eq!(alice.session().await["user"]["email"], "alice@example.test");
}

#[tokio::test]
async fn the_server_stops_when_it_is_asked_to() {
    let mut server = Server::start().await;
    assert!(server.terminate().await.success(), "{}", server.logs());
}

#[tokio::test]
async fn a_published_document_has_the_same_headers_before_and_behind_the_routes() {
    let server = Server::start().await;
    let client = server.actor("client");
    let told = |reply: &Reply| {
        let mut headers = reply.headers.clone();
        for of_one_answer in ["date", "x-request-id"] {
            assert!(headers.remove(of_one_answer).is_some_and(|value| !value.is_empty()), "{of_one_answer} is missing");
        }
        headers
    };
    for path in PUBLISHED {
        let get = || Call::at(Method::GET, path);
        // The first one lets keys be made or read, and the second one finds them.
        let first = client.send(get()).await.expect(200);
        let second = client.send(get()).await.expect(200);
        let head = client.send(Call::at(Method::HEAD, path)).await.expect(200);
        assert_eq!((&second.body, told(&second)), (&first.body, told(&first)), "{path}");
        assert_eq!(told(&second), told(&head), "{path}");
        assert!(second.header("content-security-policy").is_some(), "{path}");
        let tag = second.header("etag").expect("a tag").to_owned();
        let unchanged = client.send(get().header("if-none-match", &tag)).await.expect(304);
        assert_eq!((unchanged.body.len(), unchanged.header("etag")), (0, Some(tag.as_str())), "{path}");
        assert_eq!(unchanged.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
}

#[tokio::test]
async fn a_published_document_is_given_under_the_id_of_its_request_and_to_hosts_that_are_answered() {
    let server = Server::start().await;
    let client = server.actor("client");
    for path in PUBLISHED {
        let get = || Call::at(Method::GET, path);
        let kept = client.send(get().header("x-request-id", "req_1")).await.expect(200);
        assert_eq!(kept.header("x-request-id"), Some("req_1"), "{path}");
        let replaced = client.send(get().header("x-request-id", "a b")).await.expect(200);
        assert!(replaced.header("x-request-id").is_some_and(|id| id.len() == 24), "{path}");
        client.send(get().header("host", "evil.test")).await.expect_oauth(421, "invalid_request");
        client.send(Call::at(Method::POST, path)).await.expect_oauth(405, "invalid_request");
    }
}

#[tokio::test]
async fn each_published_document_is_counted_and_logged_under_its_route() {
    let metrics = format!("127.0.0.1:{}", free_port());
    let server = Server::builder()
        .env("IDENTITY_TELEMETRY__METRICS_LISTEN", metrics.clone())
        .env("IDENTITY_TELEMETRY__LOG", "info,identity_axum::middleware=debug")
        .start()
        .await;
    let client = server.actor("client");
    for path in PUBLISHED {
        for _ in 0..2 {
            let _ = client.send(Call::at(Method::GET, path).header("x-request-id", "req_1")).await.expect(200);
        }
        let _ = client.send(Call::at(Method::GET, path).header("if-none-match", "*")).await.expect(304);
        let _ = client.send(Call::at(Method::HEAD, path)).await.expect(200);
    }
    let counted = reqwest::get(format!("http://{metrics}/metrics")).await.expect("metrics").text().await.expect("text");
    // The server is waited for by asking this until it answers.
    assert!(
        counted.contains("route=\"/health/ready\",status=\"2xx\"} 1\n"),
        "the first request is missing in\n{counted}"
    );
    for path in PUBLISHED {
        for (method, status, times) in [("GET", "2xx", 2), ("GET", "3xx", 1), ("HEAD", "2xx", 1)] {
            let line =
                format!("http_requests_total{{method=\"{method}\",route=\"{path}\",status=\"{status}\"}} {times}\n");
            assert!(counted.contains(&line), "{line} is not in\n{counted}");
        }
        let line = format!(
            "request{{method=GET route={path} id=req_1}}: identity_axum::middleware::trace: answered status=200"
        );
        assert_eq!(server.logs().matches(&line).count(), 2, "{line} is not in\n{}", server.logs());
    }
}

#[tokio::test]
async fn a_taken_port_of_the_metrics_keeps_nobody_from_signing_in() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let server = Server::builder().env("IDENTITY_TELEMETRY__METRICS_LISTEN", address).start().await;
    assert!(server.logs().contains("no metrics: cannot listen"), "{}", server.logs());
    let _ = server.actor("alice").signs_up().await.expect(200);
}

#[tokio::test]
async fn a_published_document_is_the_last_on_its_connection_once_the_server_leaves() {
    let server = Server::start().await;
    let client = server.actor("client");
    let _ = client.send(Call::at(Method::GET, "/oauth2/jwks")).await.expect(200);
    server.signal("TERM");
    server.until_logged("stopping").await;
    let last = client.send(Call::at(Method::GET, "/oauth2/jwks")).await.expect(200);
    assert_eq!(last.header("connection"), Some("close"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_stops_although_its_database_has_fallen_silent() {
    let database = Arc::new(TestDatabase::empty().await);
    if !database.is_postgres() {
        return;
    }
    let proxy = Proxy::to(database.url()).await;
    let builder = Server::builder().over(&database).env("IDENTITY_DATABASE__URL", proxy.url(database.url()));
    let mut server = builder.start().await;
    let alice = server.actor("alice");
    let _ = alice.signs_up().await.expect(200);
    proxy.cut();
    // All connections are out, and none of them comes back.
    let replies = race(20, |_| {
        let alice = alice.clone();
        async move { alice.get("/list-sessions").await.status.as_u16() }
    });
    assert!(replies.await.iter().all(|status| *status == 503));
    let asked = Instant::now();
    assert!(server.terminate().await.success(), "{}", server.logs());
    assert!(asked.elapsed() < Duration::from_secs(30), "it took {:?}\n{}", asked.elapsed(), server.logs());
}

#[tokio::test]
async fn mail_that_cannot_leave_delays_nobody_and_arrives_later() {
    let mut sink = SmtpSink::start().await;
    let server = Server::builder()
        .env("IDENTITY_MAIL__SMTP_URL", sink.url())
        .env("IDENTITY_MAIL__FROM", "Identity <no-reply@identity.test>")
        .start()
        .await;
    let alice = server.actor("alice");
    let _ = alice.signs_up().await.expect(200);
    sink.stop().await;
    let asked = Instant::now();
    let body = json!({ "email": alice.email, "redirectTo": "/reset" });
    let _ = alice.post("/request-password-reset", body).await.expect(200);
    assert!(asked.elapsed() < Duration::from_secs(2), "the answer waited for the mail server");
    sink.restart().await;
    let token = sink.letter_to(&alice.email, 0).await.token();
    let body = json!({ "newPassword": "another password", "token": token });
    let _ = alice.at_another_browser().post("/reset-password", body).await.expect(200);
    assert!(!alice.is_signed_in().await);
}

#[tokio::test]
async fn the_host_looks_after_clients() {
    let server = Server::start().await;
    let json = async |arguments: &[&str]| -> Value {
        let (done, printed) = server.command(arguments).await;
        assert!(done, "{printed}");
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    };
    let web = [
        ["clients", "create", "--id", "web", "--name", "Web"].as_slice(),
        &["--confidential", "--auth-method", "client_secret_post", "--no-pkce", "--first-party", "--json"],
        &["--redirect-uri", "https://app.example.com/callback", "--redirect-uri", "http://127.0.0.1/callback"],
        &["--post-logout-uri", "https://app.example.com/bye", "--scope", "openid profile"],
        &["--grant", "authorization_code", "--grant", "refresh_token", "--grant", "device_code"],
        &["--access-token-lifetime", "60", "--resource", "https://api.example.com"],
    ];
    let created = json(&web.concat()).await;
    let secret = created["client_secret"].as_str().expect("a secret");
    assert_eq!((&created["client_id"], secret.len()), (&json!("web"), 43));
    assert_eq!(created["redirect_uris"], json!(["https://app.example.com/callback", "http://127.0.0.1/callback"]));
    let deviations = json!(["no_pkce", "first_party", "resources", "access_token_lifetime"]);
    assert_eq!(created["deviations"], deviations);
    let spa = ["clients", "create", "--name", "Spa", "--public", "--redirect-uri", "https://spa.example.com/"];
    let (done, printed) = server.command(&spa).await;
    assert!(done && printed.starts_with("client_id: ") && printed.lines().count() == 1, "{printed}");

    let listed = json(&["clients", "list", "--json"]).await;
    assert_eq!(listed.as_array().map(Vec::len), Some(2));
    let (_, lines) = server.command(&["clients", "list"]).await;
    assert!(lines.contains("deviates: no_pkce, first_party, resources, access_token_lifetime"), "{lines}");
    let rotated = json(&["clients", "rotate-secret", "web", "--overlap", "3600", "--json"]).await;
    assert_ne!(rotated["client_secret"], secret);
    let shown = json(&["clients", "show", "web"]).await;
    assert_eq!(shown["secrets"].as_array().map(Vec::len), Some(2));
    assert!(shown.get("client_secret").is_none());
    let moved = [
        ["clients", "update", "web", "--json", "--redirect-uri", "https://new.example.com/callback"].as_slice(),
        &["--access-token-alg", "EdDSA", "--first-party=false", "--unset", "resource"],
    ];
    let changed = json(&moved.concat()).await;
    assert_eq!(changed["redirect_uris"], json!(["https://new.example.com/callback"]));
    assert_eq!(changed["deviations"], json!(["no_pkce", "access_token_alg", "access_token_lifetime"]));
    for kept in ["client_name", "post_logout_redirect_uris", "grant_types", "scope", "token_endpoint_auth_method"] {
        assert_eq!(changed[kept], created[kept], "{kept}");
    }
    assert_eq!(json(&moved.concat()).await["updated_at"], changed["updated_at"], "nothing was left to change");
    let (_, audit) = server.command(&["audit", "--kind", "client.updated"]).await;
    assert!(audit.lines().count() == 1 && audit.contains("\"access_token_alg\""), "{audit}");
    let proving = ["clients", "update", "web", "--json", "--auth-method", "private_key_jwt"];
    let (_, refused) = server.command(&proving).await;
    assert!(refused.contains("jwks or jwks_uri is needed"), "{refused}");
    let (done, _) = server.command(&["clients", "delete", "web"]).await;
    assert!(done);

    let refused: [(&[&str], &str); 8] = [
        (&["clients", "show", "web"], "there is no client web"),
        (&["clients", "update", "web", "--name", "Web"], "there is no client web"),
        (&["clients", "delete", "web"], "There is no such client."),
        (&["clients", "create", "--name", "Neither"], "--public"),
        (&["clients", "create", "--name", "Both", "--public", "--confidential"], "--confidential"),
        (&["clients", "create", "--name", "Odd", "--public", "--auth-method", "client_secret_basic"], "none"),
        (&["clients", "create", "--name", "Odd", "--confidential", "--auth-method", "client_secret_jwt"], "one of"),
        (
            &["clients", "create", "--name", "Wild", "--public", "--redirect-uri", "https://*.example.com/"],
            "redirect_uris may not have a wildcard",
        ),
    ];
    for (arguments, reason) in refused {
        let (done, printed) = server.command(arguments).await;
        assert!(!done && printed.contains(reason), "{arguments:?}: {printed}");
    }
    let (_, audit) = server.command(&["audit", "--kind", "client"]).await;
    assert_eq!(audit.lines().count(), 5, "{audit}");
    assert!(!audit.contains(secret));
}

#[tokio::test]
async fn the_host_reads_what_has_happened() {
    let server = Server::start().await;
    let alice = server.actor("alice");
    let _ = alice.signs_up().await.expect(200);
    let wrong = json!({ "email": alice.email, "password": "a wrong guess" });
    alice.post("/sign-in/email", wrong).await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    let (_, printed) = server.command(&["audit", "--user", &alice.email, "--kind", "sign_in", "--json"]).await;
    let event: Value = serde_json::from_str(&printed).expect("one object on one line");
    assert_eq!((&event["kind"], &event["actor"]), (&json!("sign_in.failed"), &json!("anonymous")));
    assert_eq!((&event["ip"], &event["details"]["reason"]), (&json!("127.0.0.1"), &json!("invalid_credentials")));
    let id = event["requestId"].as_str().expect("the id that stands in the log");
    assert!(server.logs().contains(id) && server.logs().contains("sign_in.failed"), "{}", server.logs());
    let (_, lines) = server.command(&["audit"]).await;
    assert_eq!(lines.lines().count(), 2, "{lines}");
    let (done, complaint) = server.command(&["audit", "--user", "nobody@example.test"]).await;
    assert!(!done && complaint.contains("there is no user nobody@example.test"), "{complaint}");
}

#[tokio::test]
async fn the_host_lists_and_replaces_the_keys_that_sign() {
    let server = Server::start().await;
    assert_eq!(server.command(&["keys", "list", "--json"]).await, (true, "[]\n".to_owned()));
    let (_, made) = server.command(&["keys", "rotate"]).await;
    assert_eq!(made.matches(" since ").count(), 4, "{made}");
    let (_, staged) = server.command(&["keys", "rotate"]).await;
    assert_eq!(staged.matches(" from ").count(), 4, "{staged}");
    let (_, sooner) = server.command(&["keys", "rotate", "--now"]).await;
    assert_eq!(sooner.matches(" from ").count(), 4, "{sooner}");
    assert!(sooner.lines().all(|line| !staged.contains(line.split(' ').nth(3).expect("a kid"))), "{sooner}{staged}");
    let (_, lines) = server.command(&["keys", "list"]).await;
    let (_, printed) = server.command(&["keys", "list", "--json"]).await;
    let keys: Vec<Value> = serde_json::from_str(&printed).expect("an array");
    assert_eq!((lines.lines().count(), keys.len()), (8, 8), "{lines}{printed}");
    for key in keys {
        let known = if key["state"] == "active" { &made } else { &sooner };
        let line = format!("{} signs with {} ", key["algorithm"].as_str().unwrap(), key["kid"].as_str().unwrap());
        assert!(known.contains(&line), "{key} is not in {known}");
        assert!(lines.contains(key["kid"].as_str().unwrap()));
    }
}

#[tokio::test]
async fn the_host_sets_what_applications_are_told_of_a_user() {
    let server = Server::start().await;
    let alice = server.actor("alice");
    let _ = alice.signs_up().await.expect(200);
    let claims = async |flags: &[&str]| server.command(&[&["users", "claims", &alice.email], flags].concat()).await;
    assert_eq!(claims(&[]).await, (true, String::new()));
    let set = ["--set", "phone_number=+1 202 555 0100", "--set", "phone_number_verified=true", "--set"];
    let (done, _) =
        claims(&[set.as_slice(), &["address.country=FR", "--set", "address.locality=Paris"]].concat()).await;
    assert!(done);
    let (_, printed) = claims(&["--unset", "address.country", "--set", "birthdate=1990", "--json"]).await;
    let expected = json!({
        "phone_number": "+1 202 555 0100", "phone_number_verified": true, "address": { "locality": "Paris" }, "birthdate": "1990",
    });
    assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), expected);
    for (wrong, named) in
        [("email=a@example.com", "email"), ("birthdate=soon", "birthdate"), ("address=Paris", "address")]
    {
        let (done, complaint) = claims(&["--set", wrong]).await;
        assert!(!done && complaint.contains(named), "{wrong}: {complaint}");
    }
    let (_, printed) = claims(&[]).await;
    assert!(printed.lines().count() == 4 && printed.contains("address.locality=Paris\n"), "{printed}");
    let (_, audit) = server.command(&["audit", "--kind", "user.updated"]).await;
    assert_eq!(audit.lines().count(), 2, "{audit}");
}

#[tokio::test]
async fn a_wallet_is_opened_once_and_knows_who_is_calling() {
    let (server, wallet) = server_and_wallet().await;
    let alice = server.actor("alice");
    assert_eq!(wallet.get(&alice, "/wallet").await.status, 401);
    let _ = alice.signs_up().await.expect(200);
    assert_eq!(alice.session().await["user"]["hasWalletAccount"], false);
    let _ = wallet.get(&alice, "/wallet").await.expect(200);
    assert_eq!(alice.session().await["user"]["hasWalletAccount"], true);
    let _ = wallet.get(&alice, "/admin").await.expect(403);
    let close = wallet.visitor().request_at(http::Method::POST, "/wallet/close");
    assert_eq!(wallet.send(&alice, close).await.expect(200).json(), json!({ "closed": true }));
    let cookies = alice.browser(|browser| browser.clone());
    let _ = alice.signs_out().await.expect(200);
    alice.browser(|browser| *browser = cookies);
    assert_eq!(wallet.get(&alice, "/wallet").await.status, 401);
}

#[tokio::test]
async fn a_stopped_anchor_is_an_outage_for_those_who_need_it_alone() {
    let (mut server, wallet) = server_and_wallet().await;
    let alice = server.actor("alice");
    let _ = alice.signs_up().await.expect(200);
    let _ = wallet.get(&alice, "/me").await.expect(200);
    server.kill();
    let asked = Instant::now();
    assert_eq!(wallet.get(&alice, "/me").await.status, 503);
    assert!(asked.elapsed() < Duration::from_secs(10));
    let _ = wallet.get(&alice, "/public").await.expect(200);
    server.restart().await;
    let _ = wallet.get(&alice, "/me").await.expect(200);
}

#[tokio::test]
async fn a_wallet_feeds_users_and_devices_and_tells_them_apart() {
    let (mut server, wallet) = server_and_wallet().await;
    let alice = server.actor("alice");
    let opened = alice.request_at(http::Method::POST, "/device-sessions").json(&json!({ "deviceId": "phone" }));
    let token = alice.send(opened).await.expect(201).json()["sessionToken"].as_str().unwrap().to_owned();
    let visit = |path: &str| wallet.visitor().request_at(http::Method::GET, path);
    let with_device = |path: &str| visit(path).header("x-device-session-token", &token);
    assert_eq!(wallet.send(&alice, with_device("/feed")).await.json(), json!({ "authType": "device" }));
    assert_eq!(wallet.send(&alice, with_device("/device")).await.expect(200).json()["deviceId"], "phone");
    wallet.send(&alice, visit("/feed")).await.expect_error(401, "unauthorized");
    wallet.send(&alice, visit("/device")).await.expect_error(401, "device_token_missing");
    let _ = alice.signs_up().await.expect(200);
    assert_eq!(wallet.send(&alice, with_device("/feed")).await.json(), json!({ "authType": "user" }));
    let migrate = alice.request_at(http::Method::POST, "/device-sessions/migrate");
    let _ = alice.send(migrate.json(&json!({ "sessionToken": token }))).await.expect(200);
    wallet.send(&alice, with_device("/device")).await.expect_error(401, "invalid_device_token");
    assert!(!server.logs().contains(&token) && !wallet.logs().contains(&token), "a log shows the token");
    server.kill();
    wallet.send(&alice, with_device("/device")).await.expect_error(503, "anchor_unavailable");
    wallet.send(&alice, with_device("/feed")).await.expect_error(503, "anchor_unavailable");
}

#[tokio::test]
async fn the_report_of_a_wallet_is_for_clients_with_its_scope() {
    const API: &str = "http://localhost:9000";
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("identity.toml");
    let resources = format!("[[oauth.resources]]\nuri = \"{API}\"\nscopes = [\"wallet:report\", \"wallet:other\"]\n");
    std::fs::write(&settings, resources).unwrap();
    let server = Server::builder().env("IDENTITY_CONFIG", settings.display().to_string()).start().await;
    let wallet = BaseService::start(&server, "wallet", "the-secret-of-the-wallet-0123456789").await;
    let create = [
        ["clients", "create", "--id", "books", "--name", "Books", "--confidential", "--json"].as_slice(),
        &["--auth-method", "client_secret_post", "--grant", "client_credentials", "--resource", API],
    ];
    let (done, printed) = server.command(&create.concat()).await;
    assert!(done, "{printed}");
    let created: Value = serde_json::from_str(&printed).unwrap();
    let secret = created["client_secret"].as_str().unwrap();
    let token = async |scope: &str| {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "books"),
            ("client_secret", secret),
            ("resource", API),
            ("scope", scope),
        ];
        let tokens = server.actor("books").send(Call::at(Method::POST, "/oauth2/token").form(&form)).await;
        let tokens = tokens.expect(200).json();
        tokens["access_token"].as_str().unwrap().to_owned()
    };
    let report = async |token: &str| {
        let call = wallet.visitor().request_at(Method::GET, "/report");
        wallet.visitor().send(call.header("authorization", format!("Bearer {token}"))).await
    };
    let answer = report(&token("wallet:report").await).await.expect(200).json();
    assert_eq!(answer, json!({ "client": "books", "user": null, "wallets": 0 }));
    let less = report(&token("wallet:other").await).await.expect(403);
    assert!(less.header("www-authenticate").unwrap().contains("scope=\"wallet:report\""));
    let alice = server.actor("alice");
    let _ = alice.signs_up().await.expect(200);
    wallet.get(&alice, "/report").await.expect_error(401, "unauthorized");
    let metadata = wallet.visitor().request_at(Method::GET, "/.well-known/oauth-protected-resource");
    let metadata = wallet.visitor().send(metadata).await.expect(200).json();
    assert_eq!(metadata["authorization_servers"], json!([server.base_url()]));
    let own = Call::at(Method::GET, "/.well-known/oauth-protected-resource");
    let own = alice.send(own).await.expect(200).json();
    assert_eq!(
        (&own["resource"], &own["authorization_servers"]),
        (&json!(server.base_url()), &json!([server.base_url()]))
    );
}

async fn server_and_wallet() -> (Server, BaseService) {
    const SECRET: &str = "the-secret-of-the-wallet-0123456789";
    let server = Server::builder().env("IDENTITY_PROVISIONING__TARGETS", format!("wallet={SECRET}")).start().await;
    let wallet = BaseService::start(&server, "wallet", SECRET).await;
    (server, wallet)
}

#[tokio::test]
async fn the_conformance_profile_is_ready_for_the_suite_and_an_operator_sees_who_was_told_of_a_logout() {
    let server = Server::builder().with(&["--profile", "conformance"]).start().await;
    assert!(server.logs().contains("INSECURE: --profile conformance"), "{}", server.logs());
    let told = Told::start().await;
    let (suite, person) = (server.actor("suite"), server.actor("conf"));
    let callback = "https://suite.example.test/callback";
    let metadata = json!({
        "redirect_uris": [callback], "backchannel_logout_uri": told.uri(), "backchannel_logout_session_required": true,
        "post_logout_redirect_uris": ["https://suite.example.test/bye"],
    });
    let registered = suite.send(Call::at(Method::POST, "/oauth2/register").json(&metadata)).await.expect(201).json();
    let (id, secret) = (registered["client_id"].as_str().unwrap(), registered["client_secret"].as_str().unwrap());

    // No PKCE, and every scope that has claims.
    let scope = "openid+profile+email+address+phone";
    let request =
        format!("/oauth2/authorize?response_type=code&client_id={id}&redirect_uri={callback}&scope={scope}&state=s");
    let page = person.visits(&request).await.at("/ui/login");
    let page =
        page.form("login-submit").fill("username", "conf@example.org").fill("password", "correct horse").submit().await;
    let page = page.at("/ui/consent").form("consent-allow").submit().await;
    let code = page.query("code").unwrap_or_else(|| panic!("{}", page.url));
    let fields = [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", callback)];
    let credential = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{id}:{secret}"));
    let basic =
        Call::at(Method::POST, "/oauth2/token").form(&fields).header("authorization", format!("Basic {credential}"));
    let tokens = suite.send(basic).await.expect(200).json();
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let user =
        suite.send(Call::at(Method::GET, "/oauth2/userinfo").header("authorization", bearer)).await.expect(200).json();
    for claim in [
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "updated_at",
        "email",
        "email_verified",
        "phone_number",
        "phone_number_verified",
        "address",
    ] {
        assert!(!user[claim].is_null(), "{claim} of {user}");
    }

    let id_token = tokens["id_token"].as_str().unwrap();
    let bye = "https%3A%2F%2Fsuite.example.test%2Fbye";
    let page =
        person.visits(&format!("/oauth2/logout?id_token_hint={id_token}&post_logout_redirect_uri={bye}&state=s")).await;
    assert_eq!(page.url.as_str(), "https://suite.example.test/bye?state=s");
    let said = told.claims(0).await;
    assert_eq!((&said["aud"], &said["sid"]), (&json!(id), &claims(id_token)["sid"]));
    server.database().until("SELECT COUNT(*) FROM identity_logout_deliveries WHERE state = 'delivered'", 1).await;
    let (_, printed) = server.command(&["logouts", "list", "--json"]).await;
    let row: Value = serde_json::from_str(&printed).expect("one object on one line");
    assert_eq!((&row["client"], &row["state"], &row["status"]), (&json!(id), &json!("delivered"), &json!(200)));
    assert_eq!((&row["attempts"], &row["error"]), (&json!(1), &Value::Null));
    let (_, lines) = server.command(&["logouts", "list", "--state", "dead"]).await;
    assert_eq!(lines, "");
}

#[tokio::test]
async fn the_conformance_profile_serves_nobody_else() {
    for base_url in ["https://id.example.com", "https://contest"] {
        let builder = Server::builder().env("IDENTITY_HTTP__BASE_URL", base_url);
        let builder = builder.env("IDENTITY_SECRETS__SECRET", "0123456789abcdefghijklmnopqrstuvw");
        let (started, complaint) = builder.run(&["serve", "--profile", "conformance"]).await;
        assert!(!started && complaint.contains("--profile conformance"), "{complaint}");
    }
    let (done, complaint) = Server::builder().run(&["users", "list", "--profile", "conformance"]).await;
    assert!(!done && complaint.contains("--profile"), "{complaint}");
}

#[tokio::test]
async fn a_command_in_another_folder_makes_no_secret_of_its_own() {
    let server = Server::start().await;
    let database = ("IDENTITY_DATABASE__URL", server.database().url());
    let rotate = Server::builder().env(database.0, database.1).run(&["keys", "rotate", "--now"]);
    let (rotated, said) = rotate.await;
    assert!(!rotated && said.contains("there is no secret in identity-data"), "{said}");
    let (listed, said) = server.command(&["keys", "list"]).await;
    assert!(listed, "{said}");
}
