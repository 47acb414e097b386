//! `identity-server check-isolation`: what an operator and a pipeline see of it.

use std::fs;
use std::path::Path;

use identity_tests::{TestDatabase, command};
use serde_json::Value;
use tempfile::TempDir;

/// A service whose sources have the files `(path, text)`.
fn service(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// What the check prints on its two outputs, and its exit status.
async fn check(arguments: &[&str]) -> (String, String, i32) {
    let all: Vec<&str> = ["check-isolation"].iter().chain(arguments).copied().collect();
    let output = command(&all).await;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

#[tokio::test]
async fn a_service_with_tables_of_its_own_passes() {
    let wallet = service(&[
        ("migrations/1.sql", "CREATE TABLE wallets (\"user\" text); -- CREATE TABLE user (id text);"),
        ("src/schema.ts", "export const wallet = pgTable(\"wallet\", { account: text(\"account\") });"),
        ("node_modules/x/schema.sql", "CREATE TABLE users (id text);"),
        ("README.md", "CREATE TABLE users (id text);"),
    ]);
    let (out, err, status) = check(&[wallet.path().to_str().unwrap()]).await;
    assert_eq!((out.trim(), err.as_str(), status), ("No identity tables in 2 file(s) and 0 database(s).", "", 0));
}

#[tokio::test]
async fn the_example_base_service_passes_and_the_anchor_itself_does_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (_, err, status) = check(&[root.join("examples/base-service").to_str().unwrap()]).await;
    assert_eq!(status, 0, "{err}");
    let (out, _, status) = check(&[root.join("migrations").to_str().unwrap()]).await;
    assert_eq!(status, 1, "{out}");
}

#[tokio::test]
async fn every_way_to_declare_an_identity_table_is_reported_with_its_line() {
    let wallet = service(&[
        ("a/migrations/1.sql", "CREATE TABLE wallets (id text);\nCREATE TABLE auth.\"session\" (id text);"),
        ("b/entity.rs", "#[sea_orm(table_name = \"user\")]\npub struct Model {}"),
        ("c/schema.rs", "diesel::table! {\n  users (id) { id -> Text, }\n}"),
        ("d/main.rs", "fn f() {\n  sqlx::query!(\"CREATE TABLE account (id TEXT)\");\n}"),
        ("e/schema.ts", "export const v = pgTable(\"verification\", {});"),
        ("f/schema.prisma", "model Person {\n  id String @id\n  @@map(\"account\")\n}"),
    ]);
    let folder = wallet.path().to_str().unwrap();
    let (out, err, status) = check(&[folder]).await;
    let expected = [
        "a/migrations/1.sql:2: auth.session is a table of sessions (SQL)",
        "b/entity.rs:1: user is a table of users (SeaORM)",
        "c/schema.rs:2: users is a table of users (Diesel)",
        "d/main.rs:2: account is a table of accounts (SQL)",
        "e/schema.ts:1: verification is a table of verifications (Drizzle)",
        "f/schema.prisma:3: account is a table of accounts (Prisma)",
    ];
    let expected: Vec<String> = expected.iter().map(|line| format!("{folder}/{line}")).collect();
    assert_eq!(out.lines().collect::<Vec<_>>(), expected);
    assert!(err.contains("6 tables belong to the trust anchor"), "{err}");
    assert_eq!(status, 1);

    let (out, _, status) = check(&[folder, "--format", "json"]).await;
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["findings"].as_array().unwrap().len(), 6);
    assert_eq!(report["findings"][0]["line"], 2);
    assert_eq!(report["findings"][0]["identity"], "session");
    assert_eq!(report["files"], 6);
    assert_eq!(status, 1);
}

#[tokio::test]
async fn a_live_database_is_checked_without_changing_it() {
    let database = TestDatabase::empty().await;
    let _ = database.change("CREATE TABLE wallets (\"user\" text, session text)").await;
    let (out, err, status) = check(&[database.url()]).await;
    assert_eq!((out.trim(), status), ("No identity tables in 0 file(s) and 1 database(s).", 0), "{err}");
    let _ = database.change("CREATE TABLE \"user\" (id text)").await;
    let (out, _, status) = check(&[database.url()]).await;
    assert!(out.contains("user is a table of users (database)"), "{out}");
    assert_eq!(status, 1);
}

#[tokio::test]
async fn the_tables_of_an_anchor_are_found_in_the_database_of_a_service() {
    let database = TestDatabase::migrated().await;
    let (out, _, status) = check(&[database.url()]).await;
    for table in ["identity_users", "identity_sessions", "identity_accounts", "identity_verifications"] {
        assert!(out.contains(table), "{table} is missing in {out}");
    }
    assert_eq!(status, 1);
}

#[tokio::test]
async fn what_cannot_be_checked_never_passes() {
    let wallet = service(&[("data.bin", "CREATE TABLE users (id text);"), ("1.sql", "CREATE TABLE users (id text);")]);
    let missing = wallet.path().join("missing");
    let binary = wallet.path().join("data.bin");
    let absent = format!("sqlite:{}/absent.db", wallet.path().display());
    for target in [missing.to_str().unwrap(), binary.to_str().unwrap(), &absent, "postgres://u:hidden@127.0.0.1:1/x"] {
        let (out, err, status) = check(&[wallet.path().to_str().unwrap(), target]).await;
        assert_eq!(status, 2, "{target}: {out}{err}");
        assert!(out.contains("1.sql:1"), "what was found is said all the same: {out}");
        assert!(!err.contains("hidden"), "{err}");
    }
    assert!(!wallet.path().join("absent.db").exists());
    let (_, _, status) = check(&[]).await;
    assert_eq!(status, 2);
}

#[tokio::test]
async fn a_check_can_add_prefixes_and_let_tables_through() {
    let ledger = service(&[("1.sql", "CREATE TABLE accounts (id text);\nCREATE TABLE wallet_user (id text);")]);
    let folder = ledger.path().to_str().unwrap();
    let (out, _, status) = check(&[folder, "--allow", "accounts"]).await;
    assert_eq!(status, 0, "{out}");
    let (out, _, status) = check(&[folder, "--allow", "accounts", "--prefix", "wallet"]).await;
    assert_eq!(status, 1, "{out}");
}
