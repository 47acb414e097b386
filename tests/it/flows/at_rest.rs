//! What a thief of the database has.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use identity_core::auth::Refresh;
use identity_core::mail::{Mail, MailError, MailTransport};
use identity_core::testing::{code, link};
use identity_core::token::Token;
use identity_tests::{Actor, SECRET, TestApp, token_of};
use serde_json::json;

/// Reads the mails and says that they cannot leave yet, so that they stay where they are.
#[derive(Debug, Default)]
struct Postmaster(Mutex<Vec<Mail>>);

#[async_trait]
impl MailTransport for Postmaster {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.0.lock().unwrap().push(mail.clone());
        Err(MailError::transient("not yet"))
    }
}

/// A database in which everything is under way, its dump, and all the secrets that are about.
async fn everything_under_way() -> (TestApp, Actor, String, Vec<String>) {
    let post = Arc::new(Postmaster::default());
    let builder = TestApp::builder().transport(post.clone()).config(|config| config.user.delete_by_mail = true);
    let app = builder.start().await;
    let alice = app.user("alice").await;
    let posts = [
        ("/request-password-reset", json!({ "email": alice.email })),
        ("/send-verification-email", json!({ "email": alice.email })),
        ("/change-email", json!({ "newEmail": "new@example.test" })),
        ("/delete-user", json!({})),
        ("/email-otp/send-verification-otp", json!({ "email": alice.email, "type": "email-verification" })),
    ];
    for (path, body) in posts {
        let _ = alice.post(path, body).await.expect(200);
    }
    let tried = "SELECT COUNT(*) FROM identity_outbox WHERE attempts = 1 AND last_error LIKE '%not yet%'";
    app.database().until(tried, 5).await;
    let cookie = alice.browser(|browser| browser.get("session_token").unwrap().to_owned());
    let (token, signature) = cookie.split_once('.').unwrap();
    let mut secrets = vec![SECRET.to_owned(), alice.password.clone(), token.to_owned(), signature.to_owned()];
    let mails = post.0.lock().unwrap().clone();
    assert_eq!(mails.len(), 5);
    secrets.extend(mails.iter().filter_map(link).map(token_of));
    secrets.extend(mails.iter().filter_map(code).map(str::to_owned));
    assert_eq!(secrets.len(), 4 + 4 + 2);
    secrets.extend(["Reset", "href", "callbackURL", "multipart"].map(str::to_owned));
    let dump = app.database().dump().await;
    (app, alice, dump, secrets)
}

#[tokio::test]
async fn a_dump_of_the_database_contains_no_secret_in_any_form() {
    let (_app, alice, dump, secrets) = everything_under_way().await;
    for there in
        [alice.email.as_str(), "new@example.test", "identity_outbox: ", "identity_verifications: ", "$argon2id$"]
    {
        assert!(dump.contains(there), "{there} is missing:\n{dump}");
    }
    for secret in secrets {
        let hex = secret.bytes().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        for form in [secret.clone(), hex, STANDARD_NO_PAD.encode(&secret)] {
            assert!(!dump.contains(&form), "{secret:?} is there as {form:?}:\n{dump}");
        }
    }
}

#[tokio::test]
async fn nothing_in_a_dump_of_the_database_opens_anything() {
    let (app, alice, dump, _) = everything_under_way().await;
    let words = dump.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| word.len() >= 6);
    let words: std::collections::BTreeSet<&str> = words.collect();
    assert!(words.len() > 30, "{words:?}");
    let visitor = app.actor("visitor");
    for word in words {
        let resolved = app.identity.resolve(&Token::presented(word), Refresh::Never).await.unwrap();
        assert!(resolved.is_none(), "{word} is a session");
        let body = json!({ "newPassword": "another password", "token": word });
        visitor.post("/reset-password", body).await.expect_error(400, "INVALID_TOKEN");
        visitor.get(&format!("/verify-email?token={word}")).await.expect_error(401, "INVALID_TOKEN");
        alice.post("/delete-user", json!({ "token": word })).await.expect_error(404, "INVALID_TOKEN");
    }
    assert!(alice.is_signed_in().await);
}

#[tokio::test]
async fn sealed_mail_cannot_be_moved_to_another_row_or_opened_with_another_secret() {
    let (app, alice, ..) = everything_under_way().await;
    let rows = "SELECT COUNT(DISTINCT payload) FROM identity_outbox";
    assert_eq!(app.database().number(rows).await, 5);
    // A thief who can write swaps a reset mail into the row of another.
    let swap = "UPDATE identity_outbox SET payload = (SELECT payload FROM identity_outbox ORDER BY id LIMIT 1) \
                WHERE id = (SELECT MAX(id) FROM identity_outbox)";
    assert_eq!(app.database().change(swap).await, 1);
    app.pass(std::time::Duration::from_secs(5));
    let _worker = app.identity.spawn_worker();
    app.database().until("SELECT COUNT(*) FROM identity_outbox WHERE state = 'dead'", 1).await;
    assert!(alice.is_signed_in().await);
}
