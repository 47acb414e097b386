//! The prose beside the code: its links lead somewhere, and the book knows all of its pages.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

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

/// The targets of `[text](target)`, outside code blocks.
fn links(text: &str) -> Vec<String> {
    let prose: String = text.split("```").step_by(2).collect();
    let targets = prose.split("](").skip(1);
    targets.filter_map(|rest| rest.split([')', ' ']).next()).map(str::to_owned).collect()
}

fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if [".git", "target", "node_modules"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            found.extend(pages(&path));
        } else if path.extension().is_some_and(|end| end == "md") {
            found.push(path);
        }
    }
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
