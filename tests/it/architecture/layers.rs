//! A table of layers, and what has to be true of the modules in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::{code, root, sources};

/// The modules of one crate, with its table of layers.
#[derive(Clone, Copy)]
pub(super) struct Layered {
    pub(super) source: &'static str,
    pub(super) layers: &'static [&'static [&'static str]],
    /// The part of ARCHITECTURE.md with the same table.
    pub(super) heading: &'static str,
}

impl Layered {
    /// The modules with their files, tests left out.
    fn modules(&self) -> BTreeMap<String, Vec<PathBuf>> {
        let source = root().join(self.source);
        let mut modules: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for path in sources(self.source) {
            let first = path.strip_prefix(&source).unwrap().components().next().unwrap();
            let name = Path::new(first.as_os_str()).file_stem().unwrap().to_str().unwrap().to_owned();
            if name != "lib" {
                modules.entry(name).or_default().push(path);
            }
        }
        modules
    }

    fn layer(&self, module: &str) -> Option<usize> {
        self.layers.iter().position(|names| names.contains(&module))
    }

    pub(super) fn knows_every_module(&self) {
        let modules = self.modules();
        let unknown: Vec<&String> = modules.keys().filter(|name| self.layer(name).is_none()).collect();
        assert!(unknown.is_empty(), "give these modules a layer in the table: {unknown:?}");
        let gone: Vec<_> = self.layers.iter().copied().flatten().filter(|name| !modules.contains_key(**name)).collect();
        assert!(gone.is_empty(), "no such modules: {gone:?}");
    }

    pub(super) fn is_what_the_page_shows(&self) {
        let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
        let part = page.split(self.heading).nth(1).expect("the page has the part");
        for (number, layer) in self.layers.iter().enumerate() {
            let row =
                part.lines().find(|line| line.starts_with(&format!("| {number} "))).expect("a row for each layer");
            let modules = row.split('|').nth(2).expect("the second column").replace("with its builder", "");
            let words = modules.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            let shown: BTreeSet<&str> = words.filter(|word| !word.is_empty()).collect();
            assert_eq!(shown, layer.iter().copied().collect::<BTreeSet<_>>(), "layer {number} of {}", self.source);
        }
    }

    /// Checks that imports point down. `lifted` says of a file that it is of another layer than its module.
    pub(super) fn names_no_higher_layer(&self, lifted: impl Fn(&Path) -> Option<usize>) {
        let mut violations = Vec::new();
        for (name, files) in self.modules() {
            for file in files {
                let own = lifted(&file).or_else(|| self.layer(&name));
                for other in self.named_modules(&file).into_iter().filter(|other| self.layer(other) > own) {
                    violations.push(format!("{} ({own:?}) names {other}", file.display()));
                }
            }
        }
        assert!(violations.is_empty(), "{}", violations.join("\n"));
    }

    pub(super) fn has_no_cycle(&self) {
        let graph: BTreeMap<String, BTreeSet<String>> = self
            .modules()
            .into_iter()
            .map(|(name, files)| {
                let peers = files.iter().flat_map(|file| self.named_modules(file));
                let peers = peers.filter(|other| *other != name && self.layer(other) == self.layer(&name)).collect();
                (name, peers)
            })
            .collect();
        for start in graph.keys() {
            let mut reached = BTreeSet::new();
            let mut open = vec![start];
            while let Some(next) = open.pop() {
                for peer in graph.get(next).into_iter().flatten() {
                    assert_ne!(peer, start, "{start} and {next} know each other");
                    if reached.insert(peer) {
                        open.push(peer);
                    }
                }
            }
        }
    }

    /// The top-level modules of the crate that a file names, by `crate::name` or inside `use crate::{…}`.
    fn named_modules(&self, path: &Path) -> BTreeSet<String> {
        let mut names = named(&code(path));
        // What the crate's root re-exports under a name of its own, such as `crate::Error`, is a word.
        names.retain(|name| name.chars().next().is_some_and(char::is_lowercase) && self.layer(name).is_some());
        names
    }
}

/// The first words behind `crate::`.
fn named(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0_i32;
            let mut word = String::new();
            for character in list.chars() {
                match character {
                    '}' if depth == 0 => break,
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => names.extend(first_word(&std::mem::take(&mut word))),
                    _ if depth == 0 => word.push(character),
                    _ => {}
                }
            }
            names.extend(first_word(&word));
        } else {
            names.extend(first_word(rest));
        }
    }
    names
}

fn first_word(text: &str) -> Option<String> {
    let word: String = text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}
