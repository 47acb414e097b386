//! Where secrets must not turn up, and what must not be written into the log.

use std::fs;
use std::path::Path;

use http::Method;
use http::header::{HeaderName, USER_AGENT};
use identity_tests::{Server, SmtpSink, free_port};
use serde_json::{Value, json};

use super::ways;

/// Case 84: at the most talkative level, neither the log nor the metrics nor the record of events shows a secret.
#[tokio::test]
async fn secrets_stay_out_of_the_logs() {
    let sink = SmtpSink::start().await;
    let metrics = format!("127.0.0.1:{}", free_port());
    let service = "the-secret-of-the-wallet-0123456789";
    let secret = "mJ4x8Qw2Lr7Ty0Zc5Vb9Nk3Hf6Gd1Sa4";
    let server = Server::builder()
        .env("IDENTITY_TELEMETRY__LOG", "trace")
        .env("IDENTITY_TELEMETRY__METRICS_LISTEN", &*metrics)
        .env("IDENTITY_MAIL__SMTP_URL", sink.url())
        .env("IDENTITY_MAIL__FROM", "Identity <no-reply@identity.test>")
        .env("IDENTITY_LIMITS__ENABLED", "false")
        .env("IDENTITY_SESSION__BEARER", "true")
        .env("IDENTITY_SESSION__COOKIE_CACHE", "true")
        .env("IDENTITY_EMAIL__SIGN_IN_AFTER_VERIFICATION", "true")
        .env("IDENTITY_EMAIL__REQUIRE_VERIFICATION", "true")
        .env("IDENTITY_USER__DELETE_BY_MAIL", "true")
        .env("IDENTITY_SECRETS__SECRET", secret)
        .env("IDENTITY_PROVISIONING__TARGETS", format!("wallet={service}"))
        .env("IDENTITY_OAUTH__REGISTRATION", "token")
        .env("IDENTITY_OAUTH__REGISTRATION_TOKEN", ways::INITIAL_TOKEN)
        .start()
        .await;
    let mut alice = server.actor("alice");
    let mut secrets = vec![secret.to_owned(), service.to_owned(), alice.password.clone()];
    let mut codes = Vec::new();
    let cookies = |secrets: &mut Vec<String>| {
        for name in ["session_token", "session_data", "email_flow"] {
            secrets.extend(alice_cookie(&alice, name));
        }
    };
    let post = async |actor: &identity_tests::Actor, path: &str, body: Value| actor.post(path, body).await;
    let _ = alice.signs_up().await.expect(200);
    cookies(&mut secrets);
    let letter = sink.letter_to(&alice.email, 0).await;
    secrets.push(letter.token());
    codes.push(letter.code());
    let _ = alice.opens(&letter.link()).await.expect(302);
    cookies(&mut secrets);
    let token = alice.signs_in().await.expect(200).json()["token"].as_str().unwrap().to_owned();
    cookies(&mut secrets);
    secrets.push(token.clone());
    for path in ["/sign-in/email", "/verify-password", "/change-password", "/delete-user"] {
        let wrong = json!({
            "name": "alice", "email": alice.email, "password": "a wrong guess", "currentPassword": "a wrong guess",
            "newPassword": "a new wish",
        });
        let _ = post(&alice, path, wrong).await;
    }
    let _ = alice.post("/reset-password", json!({ "newPassword": "a new wish", "token": "a-guessed-token" })).await;
    let _ = alice.get("/verify-email?token=a-guessed-token&callbackURL=/a-guessed-place").await;
    let _ = alice.get("/reset-password/a-guessed-token?callbackURL=/a-guessed-place").await;
    strange_calls(&server, &token, service).await;
    let _ = alice.post("/change-email", json!({ "newEmail": "new@example.test" })).await.expect(200);
    let consent = sink.letter_to(&alice.email, 1).await;
    let _ = alice.opens(&consent.link()).await.expect(302);
    let proof = sink.letter_to("new@example.test", 0).await;
    let _ = alice.opens(&proof.link()).await.expect(302);
    alice.email = "new@example.test".to_owned();
    secrets.extend([consent.token(), proof.token()]);
    let _ =
        alice.post("/request-password-reset", json!({ "email": alice.email, "redirectTo": "/r" })).await.expect(200);
    let reset = sink.letter_to(&alice.email, 1).await;
    let _ = alice.opens(&reset.link()).await.expect(302);
    let body = json!({ "newPassword": "the second password", "token": reset.token() });
    let _ = alice.post("/reset-password", body).await.expect(200);
    secrets.extend([reset.token(), "the second password".to_owned()]);
    alice.password = "the second password".to_owned();
    secrets.extend(ways::secrets_of_every_way(&server, &alice).await);
    let _ = alice.signs_in().await.expect(200);
    let _ = alice.post("/delete-user", json!({})).await.expect(200);
    let deletion = sink.letter_to(&alice.email, 3).await;
    let _ = alice.opens(&deletion.link()).await.expect(200);
    secrets.push(deletion.token());
    for name in ["session_token", "session_data"] {
        secrets.extend(alice_cookie(&alice, name));
    }
    secrets.extend(["a wrong guess", "a new wish", "a-guessed-token", "session_token="].map(str::to_owned));
    let signed: Vec<String> = secrets
        .iter()
        .filter_map(|secret| Some(secret.split_once('.')?.1.to_owned()))
        .filter(|part| part.len() > 20)
        .collect();
    secrets.extend(signed);

    let logs = server.logs();
    assert!(logs.contains("DEBUG") && logs.contains("answered"), "{logs}");
    let (fine, events) = server.command(&["audit", "--json"]).await;
    assert!(fine && events.contains("password.reset"), "{events}");
    let counts = reqwest::get(format!("http://{metrics}/metrics")).await.unwrap().text().await.unwrap();
    assert!(counts.contains("http_requests_total"), "{counts}");
    for (place, text) in [("log", &logs), ("record", &events), ("metrics", &counts)] {
        shows_none_of(place, text, &secrets, &codes);
    }
}

#[track_caller]
fn shows_none_of(place: &str, text: &str, secrets: &[String], codes: &[String]) {
    for secret in secrets {
        let around = text.lines().find(|line| line.contains(secret.as_str()));
        assert!(around.is_none(), "the {place} shows {secret}: {around:?}");
    }
    for code in codes {
        let shown = text.match_indices(code.as_str()).any(|(at, _)| {
            let (before, after) = (text[..at].chars().next_back(), text[at + 6..].chars().next());
            // Six digits between a dot and a Z are the microseconds of a time.
            !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '.')
                && !after.is_some_and(|c| c.is_ascii_alphanumeric())
        });
        assert!(!shown, "the {place} shows the code {code}");
    }
}

/// Credentials in every place that one can be presented in, good, bad and broken.
async fn strange_calls(server: &Server, token: &str, service: &str) {
    let visitor = server.actor("visitor");
    for (name, value) in [
        ("authorization", format!("Bearer {token}")),
        ("authorization", "Bearer a-guessed-token.c2ln".to_owned()),
        ("authorization", "Basic a-guessed-token".to_owned()),
        ("x-service-authorization", format!("Bearer wallet.{service}")),
        ("x-service-authorization", "Bearer wallet.a-guessed-token".to_owned()),
        ("cookie", "better-auth.session_token=a-guessed-token.c2ln".to_owned()),
        ("cookie", "better-auth.session_token=%ffa-guessed-token".to_owned()),
    ] {
        let name: HeaderName = name.parse().unwrap();
        let _ = visitor.send(visitor.request(Method::GET, "/me").header(name, value)).await;
    }
    let broken = visitor.request(Method::POST, "/sign-in/email").header("content-type", "application/json");
    let _ = visitor.send(broken.body("{\"password\":\"a wrong guess\", oops")).await.expect(400);
}

fn alice_cookie(alice: &identity_tests::Actor, name: &str) -> Option<String> {
    alice.browser(|browser| browser.get(name).map(str::to_owned))
}

/// Case 85: whatever a stranger sends, a line of the log is one well-formed line of bounded length.
#[tokio::test]
async fn nothing_in_a_request_writes_a_line_of_its_own_into_the_log() {
    for format in ["json", "pretty"] {
        let server = Server::builder()
            .env("IDENTITY_TELEMETRY__LOG", "debug")
            .env("IDENTITY_TELEMETRY__LOG_FORMAT", format)
            .env("IDENTITY_LIMITS__ENABLED", "false")
            .start()
            .await;
        let quiet = server.logs();
        let mallory = server.actor("mallory");
        let forged = "{\"level\":\"ERROR\",\"message\":\"forged\"}";
        let texts = [
            format!("a\r\n{forged}\r\n"),
            format!("a\n{forged}"),
            "\u{1b}[2J\u{1b}[31mforged\u{1b}[0m".to_owned(),
            "\u{9b}31mforged\u{85}\u{2028}forged".to_owned(),
            "\"},{\"level\":\"ERROR\",\"message\":\"forged".to_owned(),
            "forged ".repeat(2000),
        ];
        for text in &texts {
            let body = json!({ "email": text, "password": text, "name": text, "callbackURL": text });
            for path in ["/sign-in/email", "/sign-up/email", "/request-password-reset"] {
                let reply = mallory.post(path, body.clone()).await;
                assert!([400, 403].contains(&reply.status.as_u16()), "{}", reply.text());
            }
            let header: String = text.chars().filter(|c| !c.is_ascii_control()).take(1500).collect();
            let encoded: String = url::form_urlencoded::byte_serialize(header.as_bytes()).collect();
            let body = json!({ "email": "nobody@example.test", "password": "a wrong password" });
            let call = mallory.request(Method::POST, "/sign-in/email").header(USER_AGENT, &header);
            let call = call.header("x-request-id", &header).header("traceparent", &header).json(&body);
            mallory.send(call).await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
            let path = format!("/nowhere/%0d%0a{encoded}?x=%0a{encoded}");
            assert_eq!(mallory.send(mallory.request(Method::GET, &path)).await.status, 404);
        }
        let logs = server.logs();
        let new = &logs[quiet.len()..];
        assert!(new.lines().count() > 10, "{new}");
        assert!(!new.contains(['\u{1b}', '\u{9b}', '\u{85}', '\u{2028}', '\r']), "{new}");
        for line in new.lines() {
            assert!(line.len() < 2048, "{} bytes: {line}", line.len());
            if format == "json" {
                let entry: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
                assert!(entry["level"].is_string() && entry["message"] != "forged", "{line}");
            } else {
                let digits = line.bytes().take(4).all(|byte| byte.is_ascii_digit());
                assert!(digits, "a line begins with a time: {line}");
            }
        }
    }
}

/// Case 95: secrets are found by their digest or compared in constant time; none is compared as text.
#[test]
fn no_secret_is_compared_byte_by_byte() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut suspects = Vec::new();
    for folder in ["identity-core/src", "identity-axum/src", "identity-server/src"] {
        sources(&root.join(folder), &mut |file, line| {
            // The tokens there are words of source files.
            if file.to_string_lossy().contains("/isolation/") {
                return;
            }
            let line = line.split("//").next().unwrap_or_default();
            let compares = line.contains("==") || line.contains("!=");
            let words = ["expose()", "signature", "secret", "digest", "token", "hash", "password", "otp"];
            let names = words.iter().any(|word| line.to_ascii_lowercase().contains(word));
            // Lengths, codes of errors, ids, what is there at all, numbers of rows, choices and the default of the database's URL
            // are no secrets.
            let plain = [
                ".len()",
                "_length",
                "Code::",
                "user_id",
                "is_some()",
                "DEFAULT_URL",
                "await? == 1",
                "!= default.",
                "AccessTokenFormat::",
                "Who::",
            ];
            if compares && names && !plain.iter().any(|word| line.contains(word)) {
                suspects.push(format!("{}: {}", file.display(), line.trim()));
            }
        });
    }
    assert!(suspects.is_empty(), "compare these with identity_core::token::same: {suspects:#?}");
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    assert!(read("identity-core/src/token.rs").contains("self.bytes.ct_eq(&other.bytes)"));
    assert!(read("identity-core/src/token.rs").contains("left.ct_eq(right)"));
    assert!(read("identity-core/src/crypto/hmac.rs").contains("hmac::verify("));
    assert!(read("identity-core/src/provisioning/mod.rs").contains("same(target.secret.expose()"));
}

/// Every line before the unit tests of a file.
fn sources(folder: &Path, with: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, with);
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            text.split("#[cfg(test)]").next().unwrap_or_default().lines().for_each(|line| with(&path, line));
        }
    }
}
