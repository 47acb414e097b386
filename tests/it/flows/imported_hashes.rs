use identity_tests::TestApp;
use serde_json::json;

use super::import_hash;

const PASSWORD: &str = "correct horse battery staple";

/// Hashes of the password as other systems made them.
pub(super) const IMPORTED: [(&str, &str); 5] = [
    (
        "scrypt of Better Auth",
        "00112233445566778899aabbccddeeff:f5b22309b28fe412c82a4b2cab57498b8f8a42c849af16cb908974048f61c13933421858db3a8f111430bdc493c7cef90f61f904061c77206e3820a2e8b11bc2",
    ),
    ("bcrypt", "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"),
    ("PBKDF2", "$pbkdf2-sha256$i=1000,l=32$c2FsdHNhbHRzYWx0c2FsdA$31ltvuXrbs8POP2F4tw9851NSNQCQpm0sCwu2eEvId8"),
    ("PBKDF2 of Django", "pbkdf2_sha256$1200$seasalt2024$HCnO9DJgu2pg2a3bh5rZMEJjrcH3eDsFaq55EKPqvCI="),
    ("argon2i", "$argon2i$v=19$m=64,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$eXXDEogNwW2i/iZ1Xife2zB/bHEcK/Q+"),
];

async fn is_ours(app: &TestApp) -> bool {
    let sql = "SELECT COUNT(*) FROM identity_accounts WHERE password_hash LIKE '$argon2id$v=19$m=8,t=1,p=1$%'";
    app.database().number(sql).await == 1
}

#[tokio::test]
async fn an_imported_hash_lets_its_password_in_and_is_ours_from_then_on() {
    for (name, hash) in IMPORTED {
        let app = TestApp::start().await;
        let mut alice = app.user("alice").await;
        import_hash(&app, hash).await;
        alice.signs_in().await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
        assert!(!is_ours(&app).await, "{name}: a wrong password upgrades nothing");
        alice.password = PASSWORD.to_owned();
        let _ = alice.signs_in().await.expect(200);
        assert!(is_ours(&app).await, "{name}");
        let _ = alice.signs_in().await.expect(200);
    }
}

#[tokio::test]
async fn an_imported_hash_confirms_and_is_changed_like_our_own() {
    for (name, hash) in IMPORTED {
        let app = TestApp::start().await;
        let alice = app.user("alice").await;
        import_hash(&app, hash).await;
        let _ = alice.post("/verify-password", json!({ "password": PASSWORD })).await.expect(200);
        let body = json!({ "currentPassword": PASSWORD, "newPassword": "another password" });
        let _ = alice.post("/change-password", body).await.expect(200);
        assert!(is_ours(&app).await, "{name}");
    }
}

#[tokio::test]
async fn a_hash_that_cannot_be_read_is_a_wrong_password_and_no_fault() {
    for hash in
        ["", "plain text", "$2b$99$abc", "$argon2id$v=19$m=999999999,t=1,p=1$c2FsdHNhbHQ$aGFzaA", "a:b", "$unheard$of"]
    {
        let app = TestApp::start().await;
        let alice = app.user("alice").await;
        import_hash(&app, hash).await;
        alice.signs_in().await.expect_error(401, "INVALID_EMAIL_OR_PASSWORD");
    }
}
