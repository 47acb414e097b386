//! The shape of the code: which module may know which. This file owns the table of layers.

mod facades;
mod layers;

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use identity_core::Code;

use layers::Layered;

/// The modules of identity-core by layer, from the words up. A module may name modules of lower layers, and of its own layer
/// as long as no two of them know each other. Options are words: a mechanism is built from its own.
const LAYERS: [&[&str]; 6] = [
    &[
        "code",
        "config",
        "entropy",
        "error",
        "id",
        "jwt",
        "principal",
        "request",
        "scope",
        "secret",
        "text",
        "time",
        "token",
    ],
    &["crypto", "store"],
    &["event", "limits", "mail", "op", "outbound", "outbox", "shared"],
    &[
        "account",
        "audit",
        "claims",
        "device",
        "family",
        "keys",
        "logout",
        "provisioning",
        "session",
        "user",
        "verification",
    ],
    &["admin", "auth", "oauth"],
    &["identity", "testing"],
];

/// The worker of the outbox is started by the handle and cleans up after aggregates; what fills the outbox knows neither.
const WORKER: Option<usize> = Some(4);

const CORE: Layered = Layered { source: "identity-core/src", layers: &LAYERS, heading: "## Layers inside core" };

#[test]
fn every_module_of_the_core_has_a_layer() {
    CORE.knows_every_module();
}

#[test]
fn the_page_on_architecture_shows_the_same_layers() {
    CORE.is_what_the_page_shows();
}

#[test]
fn modules_of_the_core_name_no_higher_layer() {
    CORE.names_no_higher_layer(|file| if file.ends_with("outbox/worker.rs") { WORKER } else { None });
}

#[test]
fn modules_of_one_layer_form_no_cycle() {
    CORE.has_no_cycle();
}

#[test]
fn only_store_files_name_the_orm() {
    let core = sources("identity-core/src").into_iter().filter(|path| {
        let inside_store = path.components().any(|part| part.as_os_str() == "store");
        !inside_store && path.file_name().is_some_and(|name| name != "store.rs")
    });
    assert_none_names(
        core.chain(sources("identity-axum/src")).chain(sources("identity-server/src")),
        &["sea_orm", "sqlx", "rusqlite"],
    );
}

#[test]
fn the_core_knows_no_web_server_environment_or_file_of_settings() {
    assert_none_names(sources("identity-core/src"), &["axum", "tower", "hyper", "http::", "toml", "std::env", "clap"]);
}

#[test]
fn the_facades_know_no_mail_and_no_hashing() {
    assert_none_names(sources("identity-axum/src"), &["lettre", "argon2", "bcrypt", "scrypt", "identity_migrations"]);
}

#[test]
fn migrations_stand_alone() {
    assert_none_names(sources("migrations/src"), &["identity_core", "identity_axum"]);
    let manifest = fs::read_to_string(root().join("migrations/Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap();
    assert!(!dependencies.contains("identity-"), "a released migration may not follow a changed entity");
}

#[test]
fn tables_of_codes_have_no_wildcard() {
    let tables = sources("identity-axum/src");
    let tables = tables.into_iter().filter(|path| path.ends_with("problem.rs") || path.ends_with("error.rs"));
    for path in tables {
        let text = code(&path);
        let arms = |start: &str| -> BTreeSet<usize> {
            let lines = text.lines().filter(|line| line.trim_start().starts_with(start));
            lines.map(|line| line.len() - line.trim_start().len()).collect()
        };
        let shared: Vec<usize> = arms("Code::").intersection(&arms("_ =>")).copied().collect();
        assert!(shared.is_empty(), "{} has a wildcard: a new code would go unanswered", path.display());
    }
}

#[test]
fn codes_are_distinct_words_with_a_sentence() {
    let mut ids = HashSet::new();
    for code in Code::ALL {
        let id = code.id();
        assert!(ids.insert(id), "{id} stands twice");
        assert!(id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{id} is snake_case");
        assert!(code.title().ends_with('.'), "{id} has a sentence");
        assert!((400..600).contains(&code.class().status()), "{id} is an error");
    }
}

#[test]
fn no_file_mentions_the_machine_it_was_written_on() {
    // Written in two parts, so that this file does not mention them either.
    let places = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
    let mut files = Vec::new();
    collect(&root(), &mut files, &|_| true);
    for path in files {
        // A binary file is not text and holds no prose.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for place in places {
            assert!(!text.contains(place), "{} mentions {place}", path.display());
        }
    }
}

fn assert_none_names(files: impl IntoIterator<Item = PathBuf>, words: &[&str]) {
    let mut seen = 0;
    for path in files {
        seen += 1;
        let text = code(&path);
        for word in words {
            let named = text.match_indices(word).any(|(at, _)| {
                let before = text[..at].chars().next_back();
                let after = text[at + word.len()..].chars().next();
                let in_word = |c: char| c.is_alphanumeric() || c == '_';
                // `store::http` is a module of ours; a crate is named at the beginning of a path.
                !before.is_some_and(|c| in_word(c) || c == ':')
                    && (word.ends_with(':') || after.is_some_and(|c| c == ':'))
            });
            assert!(!named, "{} names {word}", path.display());
        }
    }
    assert!(seen > 0, "there are sources to look at");
}

/// A source file without comments and without its test module.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let before_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines: Vec<&str> = before_tests.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    lines.join("\n")
}

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(&root().join(folder), &mut files, &|path| {
        path.extension().is_some_and(|end| end == "rs") && path.file_name().is_some_and(|name| name != "tests.rs")
    });
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>, wanted: &dyn Fn(&Path) -> bool) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if [".git", "target", "node_modules", "identity-data"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            collect(&path, files, wanted);
        } else if wanted(&path) {
            files.push(path);
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
