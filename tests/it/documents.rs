//! The prose beside the code: its links lead somewhere, the book knows all of its pages, and what it quotes is what there is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use identity_tests::{Server, command};

#[test]
fn every_relative_link_leads_to_a_file() {
    let mut broken = Vec::new();
    for page in pages(&root()) {
        for link in links(&fs::read_to_string(&page).unwrap()) {
            let target = link.split('#').next().unwrap_or_default();
            let external = target.is_empty() || target.contains(':') || target.starts_with('/');
            if !external && !page.parent().unwrap().join(target).exists() {
                broken.push(format!("{} links to {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_book_lists_all_of_its_pages() {
    let source = root().join("book/src");
    let Ok(summary) = fs::read_to_string(source.join("SUMMARY.md")) else { return };
    let listed: BTreeSet<PathBuf> = links(&summary).into_iter().map(|link| source.join(link)).collect();
    let written: BTreeSet<PathBuf> = pages(&source).into_iter().filter(|page| !page.ends_with("SUMMARY.md")).collect();
    assert_eq!(listed, written);
}

#[tokio::test]
async fn the_book_shows_the_settings_that_the_program_prints() {
    let file = "book/src/operating/identity.toml";
    let (_, printed) = Server::start().await.command(&["config", "show", "--defaults"]).await;
    let shown = fs::read_to_string(root().join(file)).unwrap();
    assert_eq!(shown, printed, "write what `identity-server config show --defaults` prints into {file}");
}

#[tokio::test]
async fn the_references_of_the_book_are_those_that_the_program_prints() {
    for page in ["configuration", "error-codes"] {
        let file = format!("book/src/reference/{page}.md");
        let output = command(&["reference", page]).await;
        let printed = String::from_utf8(output.stdout).unwrap();
        let shown = fs::read_to_string(root().join(&file)).unwrap_or_default();
        assert!(shown == printed, "run `cargo run -p identity-server -- reference {page} > {file}`");
    }
}

#[tokio::test]
async fn the_book_shows_every_limit() {
    let file = "book/src/operating/limits.md";
    let printed = String::from_utf8(command(&["reference", "limits"]).await.stdout).unwrap();
    assert!(printed.lines().count() > 10, "{printed}");
    let shown = fs::read_to_string(root().join(file)).unwrap();
    assert!(shown.contains(&printed), "write what `identity-server reference limits` prints into {file}");
}

#[test]
fn the_book_includes_files_that_are_there() {
    let mut missing = Vec::new();
    for page in pages(&root().join("book/src")) {
        let text = fs::read_to_string(&page).unwrap();
        for rest in text.split("{{#include ").skip(1) {
            let file = rest.split("}}").next().unwrap_or_default().trim();
            if !page.parent().unwrap().join(file).is_file() {
                missing.push(format!("{} includes {file}", page.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_rust_example_of_the_prose_is_compiled() {
    let compiled = fs::read_to_string(root().join("tests/src/prose.rs")).unwrap();
    let crates = ["identity-core/README.md", "identity-axum/README.md"];
    for page in pages(&root()) {
        let name = page.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        let has_rust = fs::read_to_string(&page).unwrap().lines().any(|line| line.trim_start().starts_with("```rust"));
        let known = crates.contains(&name.as_str()) || compiled.contains(&format!("\"{name}\""));
        assert!(!has_rust || known, "{name} has Rust that tests/src/prose.rs does not compile");
    }
}

#[test]
fn the_tests_that_the_pages_on_security_name_are_there() {
    let mut known = BTreeSet::new();
    for folder in ["tests", "identity-core", "identity-axum", "identity-server"] {
        for file in files(&root().join(folder), "rs") {
            let source = fs::read_to_string(file).unwrap();
            known.extend(
                source.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next()).map(str::to_owned),
            );
        }
    }
    let mut missing = Vec::new();
    for page in pages(&root().join("book/src/security")) {
        let text = fs::read_to_string(&page).unwrap();
        let rows = text.lines().filter(|line| line.starts_with('|'));
        let cells = rows.filter_map(|row| row.trim_end_matches([' ', '|']).rsplit('|').next());
        let named = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>());
        missing.extend(named.filter(|name| !known.contains(name)).map(|name| format!("{}: {name}", page.display())));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// The targets of `[text](target)`, outside code blocks.
fn links(text: &str) -> Vec<String> {
    let prose: String = text.split("```").step_by(2).collect();
    let targets = prose.split("](").skip(1);
    targets.filter_map(|rest| rest.split([')', ' ']).next()).map(str::to_owned).collect()
}

fn pages(folder: &Path) -> Vec<PathBuf> {
    files(folder, "md")
}

/// The files whose names end so, in a folder and below it.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if [".git", "target", "node_modules"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path, end));
        } else if path.extension().is_some_and(|own| own == end) {
            found.push(path);
        }
    }
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
