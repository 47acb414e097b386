//! A table of snippets: what must be found, on which line, and what must not.

use std::path::Path;

use super::*;

/// The tables found in a snippet, as `line table`.
fn found(file: &str, text: &str) -> Vec<String> {
    let declared = reader(Path::new(file)).unwrap()(text);
    let names = Names::default();
    let identities = declared.into_iter().filter(|table| names.identity(&table.name).is_some());
    identities.map(|table| format!("{} {}", table.line, table.written)).collect()
}

#[test]
fn declared_identity_tables_are_found() {
    let snippets: &[(&str, &str, &[&str])] = &[
        // SQL
        ("1.sql", "CREATE TABLE user (id text);", &["1 user"]),
        ("1.sql", "create table if not exists\n  \"session\" (id text);", &["2 session"]),
        ("1.sql", "CREATE TABLE `account` (id text) ENGINE=InnoDB;", &["1 account"]),
        ("1.sql", "CREATE TABLE [dbo].[Users] (id int);", &["1 dbo.Users"]),
        ("1.sql", "CREATE TABLE auth.\"users\" (id text);", &["1 auth.users"]),
        ("1.sql", "CREATE UNLOGGED TABLE app_sessions AS SELECT 1;", &["1 app_sessions"]),
        ("1.sql", "CREATE/* a */TABLE/* b /* c */ */verification-- d\n(id text)", &["1 verification"]),
        ("1.sql", "SELECT 'it''s'; CREATE TABLE user(id text)", &["1 user"]),
        ("1.sql", "ALTER TABLE __new_user RENAME TO \"user\";", &["1 user"]),
        ("1.sql", "RENAME TABLE people TO users;", &["1 users"]),
        ("1.sql", "CREATE FOREIGN TABLE users (id text) SERVER anchor;", &["1 users"]),
        ("1.sql", "DO $$\nBEGIN\n  CREATE TABLE users (id int);\nEND $$;", &["3 users"]),
        ("1.sql", "DO $do$ BEGIN EXECUTE format('CREATE TABLE users (id int)'); END $do$;", &["1 users"]),
        ("1.sql", "COPY wallets (id) FROM stdin;\nit's\n\\.\nCREATE TABLE users (id int);", &["4 users"]),
        ("1.sql", "CREATE TABLE wallets (id int); CREATE TABLE accounts (id int);", &["1 accounts"]),
        ("1.sql", "CREATE TABLE users PARTITION OF people FOR VALUES IN (1);", &["1 users"]),
        // SeaORM
        ("a.rs", "#[derive(DeriveEntityModel)]\n#[sea_orm(table_name = \"user\")]\npub struct Model {}", &["2 user"]),
        ("a.rs", "#[sea_orm(schema_name = \"a\", table_name = \"sessions\")]", &["1 sessions"]),
        ("a.rs", "impl EntityName for Entity { fn table_name(&self) -> &'static str { \"account\" } }", &["1 account"]),
        ("a.rs", "m.create_table(Table::create().if_not_exists().table(User::Table).to_owned())", &["1 User"]),
        ("a.rs", "Table::create().table(\"verification\").col(x)", &["1 verification"]),
        ("a.rs", "Table::create()\n .table((Alias::new(\"auth\"), Alias::new(\"users\")))", &["2 users"]),
        (
            "a.rs",
            "#[derive(DeriveIden)]\n#[sea_orm(iden = \"users\")]\nenum Person { Table, Id }\nTable::create().table(Person::Table)",
            &["4 users"],
        ),
        (
            "a.rs",
            "#[derive(Iden)] enum P { #[iden = \"account\"] Table, Id }\nTable::create().table(P::Table)",
            &["2 account"],
        ),
        ("a.rs", "const T: &str = \"session\"; Table::create().table(T)", &["1 session"]),
        ("a.rs", "Table::rename().table(People::Table, Users::Table)", &["1 Users"]),
        ("a.rs", "table_auto(Session::Table)", &["1 Session"]),
        // Diesel
        ("schema.rs", "diesel::table! {\n    users (id) {\n        id -> Text,\n    }\n}", &["2 users"]),
        (
            "schema.rs",
            "table! { use diesel::sql_types::*; /// The users.\n auth.session (id) { id -> Text, } }",
            &["2 session"],
        ),
        ("schema.rs", "table! { #[sql_name = \"account\"] people (id) { id -> Text, } }", &["1 account"]),
        // SQL in Rust
        ("a.rs", "sqlx::query!(\"CREATE TABLE user (id TEXT)\")", &["1 user"]),
        ("a.rs", "sqlx::query(r#\"\n  CREATE TABLE \"user\" (\n  id TEXT)\"#)", &["2 user"]),
        ("a.rs", "execute(\"BEGIN;\\\n   CREATE TABLE IF NOT EXISTS auth.sessions (id TEXT)\")", &["2 auth.sessions"]),
        ("a.rs", "format!(\"CREATE TABLE {schema}.{prefix}account (id TEXT)\")", &["1 account"]),
        ("a.rs", "let c = '\"'; let s = \"-- users\\nCREATE TABLE users (id int)\";", &["1 users"]),
        ("a.rs", "fn f<'a>(x: &'a str) { db(\"CREATE TABLE users (id int)\") }", &["1 users"]),
        // Drizzle
        ("a.ts", "export const user = pgTable(\"user\", { id: text() });", &["1 user"]),
        ("a.ts", "export const u = sqliteTable(\n  'session',\n  { id: text() });", &["2 session"]),
        ("a.ts", "mysqlTable(`account`, (t) => ({ id: t.int() }))", &["1 account"]),
        ("a.ts", "const auth = pgSchema(\"auth\"); auth.table(\"users\", { id: text() })", &["1 users"]),
        ("a.ts", "pgSchema(\"auth\").table(\"user\", { id: text() })", &["1 user"]),
        ("a.ts", "const make = pgTableCreator((name) => `shop_${name}`);\nmake(\"user\", {});", &["2 user"]),
        (
            "a.ts",
            "import { text } from \"drizzle-orm/pg-core\";\nimport { createTable } from \"./make\";\ncreateTable(\"session\", { id: text() })",
            &["3 session"],
        ),
        ("a.ts", "import { pgTable as table } from 'drizzle-orm/pg-core'; table('user', {})", &["1 user"]),
        ("a.ts", "const NAME = \"user\"; pgTable(NAME, {})", &["1 user"]),
        ("a.ts", "pgTable.withRLS(\"user\", {})", &["1 user"]),
        ("a.ts", "await db.execute(sql`\n  CREATE TABLE ${schema}.user (id text)`)", &["2 user"]),
        ("a.js", "await knex.schema.createTable('users', (t) => {})", &["1 users"]),
        ("a.tsx", "const a = <p>Don't</p>;\nconst u = pgTable(\"user\", {});", &["2 user"]),
        ("a.ts", "const r = /[\"'`]/; pgTable(\"user\", {})", &["1 user"]),
        // Prisma
        ("schema.prisma", "model User {\n  id String @id\n}", &["1 User"]),
        ("schema.prisma", "model Person {\n  id String @id\n  @@map(\"account\")\n}", &["3 account"]),
        (
            "schema.prisma",
            "model Login {\n  id String @id @map(\"_id\")\n  @@map(name: \"session\")\n}",
            &["3 session"],
        ),
    ];
    for (file, text, expected) in snippets {
        assert_eq!(found(file, text), *expected, "{file}: {text}");
    }
}

#[test]
fn what_declares_no_identity_table_is_left_alone() {
    let snippets: &[(&str, &str)] = &[
        ("1.sql", "-- CREATE TABLE user (id text);\nCREATE TABLE wallets (\"user\" text, account text, session text);"),
        ("1.sql", "/* CREATE TABLE user (id text); */ CREATE TABLE wallets (user_id text REFERENCES x(id));"),
        ("1.sql", "/* a /* CREATE TABLE user (id text); */ CREATE TABLE account (id text); */"),
        ("1.sql", "# CREATE TABLE user (id text);"),
        ("1.sql", "INSERT INTO notes VALUES ('CREATE TABLE user (id text);'), ($$CREATE TABLE user (id text)$$);"),
        ("1.sql", "COMMENT ON TABLE wallets IS 'create table user (id int)';"),
        ("1.sql", "CREATE TABLE bank_account (id text); CREATE TABLE game_sessions (id text);"),
        ("1.sql", "ALTER TABLE wallets RENAME COLUMN owner TO \"user\"; ALTER INDEX i RENAME TO users;"),
        ("1.sql", "CREATE INDEX users ON wallets (id); CREATE VIEW session AS SELECT 1; DROP TABLE users;"),
        ("1.sql", "CREATE TEMP TABLE users (id int); GRANT CREATE ON SCHEMA users TO account;"),
        ("1.sql", "COPY notes (text) FROM stdin;\nCREATE TABLE users (id int);\n\\.\n"),
        ("1.sql", "SELECT * FROM user JOIN session ON true; DELETE FROM account;"),
        ("a.rs", "// #[sea_orm(table_name = \"user\")]\n/* table! { users (id) { } } */ struct User;"),
        ("a.rs", "/// CREATE TABLE user (id text)\n#[doc = \"CREATE TABLE user (id text)\"]\nstruct Session;"),
        ("a.rs", "let user = \"user\"; let table_name = \"users\"; error!(\"create table user failed\");"),
        ("a.rs", "bail!(\"could not CREATE TABLE users (see the log)\"); log(\"Create table users\");"),
        (
            "a.rs",
            "#[sea_orm(table_name = \"wallets\")] struct Model { #[sea_orm(column_name = \"user\")] user: String }",
        ),
        (
            "a.rs",
            "Table::create().table(Wallet::Table).col(ColumnDef::new(Wallet::User)); Table::drop().table(User::Table);",
        ),
        ("a.rs", "Table::alter().table(User::Table); Table::create().table(user::Entity)"),
        ("a.rs", "table! { wallets (user) { user -> Text, session -> Text, } }\njoinable!(wallets -> people (user));"),
        ("a.rs", "#[diesel(table_name = users)] struct Row; sqlx::query!(\"SELECT id FROM user\");"),
        ("a.ts", "// pgTable(\"user\", {})\n/* pgTable(\"user\", {}) */ const s = 'pgTable(\"user\", {})';"),
        ("a.ts", "pgTable(\"wallets\", { user: text(\"user\"), session: text(\"session\") })"),
        (
            "a.ts",
            "console.table(\"users\", [\"id\"]); knex.table('users').select(); renderTable(\"users\", { columns });",
        ),
        ("a.ts", "throw new Error(\"create table users failed\"); t(`please create table users (now)`);"),
        (
            "schema.prisma",
            "// model User {}\n/* model Session {} */ model Wallet {\n user String @map(\"user\") // @@map(\"user\")\n}",
        ),
        (
            "schema.prisma",
            "enum User { A }\ntype Session { a Int }\nmodel Wallet { account String @@index([account], map: \"account\") }",
        ),
    ];
    for (file, text) in snippets {
        assert!(found(file, text).is_empty(), "{file}: {text}: {:?}", found(file, text));
    }
}

#[test]
fn nothing_makes_a_reader_fail() {
    let pieces = [
        "'",
        "\"",
        "`",
        "$$",
        "$a$",
        "/*",
        "--",
        "#[",
        "r#\"",
        "table! {",
        "pgTable(",
        "${",
        "model User {",
        "\\",
        "\n",
    ];
    for first in pieces {
        for second in pieces {
            for third in pieces {
                let text = format!("CREATE TABLE {first} user {second} ( {third}");
                for file in ["1.sql", "a.rs", "a.ts", "a.prisma"] {
                    let _ = found(file, &text);
                }
            }
        }
    }
}

/// What nobody writes, as beginnings and what follows them again and again: brackets and holes that are never closed, quotes that escape
/// each other, and everything that has to be looked for.
const ENDLESS: &[(&str, &str, &str)] = &[
    ("1.sql", "", "do $a$ "),
    ("1.sql", "", "do $#$ create table users (id int); "),
    ("1.sql", "alter table a ", "rename to users "),
    ("1.sql", "create table ", "a."),
    ("a.rs", "", "#[sea_orm(table_name "),
    ("a.rs", "", "Table::create().table(A::Table)"),
    ("a.rs", "", "table_auto("),
    ("a.rs", "enum A ", "table_auto(A::Table) enum B "),
    ("a.rs", "", "table!{use "),
    ("a.rs", "", "\\\""),
    ("a.ts", "", "`\n${"),
    ("a.ts", "'drizzle-orm';", "able(a,"),
    ("a.ts", "const A = 'users';", "pgTable(A,{});"),
    ("a.ts", "", "const a = "),
    ("a.ts", "", "\\\""),
    ("a.ts", "", "/["),
    ("a.prisma", "", "model A { @@map("),
];

#[test]
fn a_mebibyte_of_what_never_ends_is_read_in_a_moment() {
    for (file, begin, unit) in ENDLESS {
        let mut text = String::from(*begin);
        for number in 0.. {
            if text.len() >= 1 << 20 {
                break;
            }
            text.push_str(&unit.replace('#', &format!("{number:x}")));
        }
        let begun = std::time::Instant::now();
        let _ = found(file, &text);
        assert!(
            begun.elapsed() < std::time::Duration::from_secs(20),
            "{file}: {begin}{unit} takes {:?}",
            begun.elapsed()
        );
    }
}

#[test]
fn what_is_declared_deep_inside_is_found() {
    let deep = |open: &str, text: &str| format!("{}{text}", open.repeat(10_000));
    let opening: Vec<String> = (0..10_000).map(|number| format!("do $a{number}$ begin ")).collect();
    let closing: Vec<String> = (0..10_000).rev().map(|number| format!(" end $a{number}$;")).collect();
    let nested = format!("{}create table users (id int);{}", opening.concat(), closing.concat());
    assert_eq!(found("1.sql", &nested), ["1 users"]);
    assert_eq!(found("a.ts", &deep("`${", "pgTable('users', {})")), ["1 users"]);
    assert_eq!(found("a.ts", &deep("f(", "pgTable('users', {})")), ["1 users"]);
    assert_eq!(found("a.rs", &deep("f(", "sqlx::query!(\"create table users (id int)\")")), ["1 users"]);
}
