//! Finds tables of users, sessions, accounts and verifications that a service declares although they belong to its trust anchor.
//!
//! Sources are read token by token, so that comments, sentences and columns raise no alarm. Only declarations count: what a
//! service reads, or drops, is not looked at.

mod index;
mod names;
mod prisma;
mod rust;
mod script;
mod source;
mod sql;

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use identity_core::store;
use serde::Serialize;

use crate::config::described;
pub(crate) use names::Names;

/// Folders that hold what others have written or what a build has made.
const SKIPPED: &[&str] = &["dist", "node_modules", "target"];

/// A table that a source declares.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Declared {
    /// Its name, without a schema.
    name: String,
    /// Its name as it is written.
    written: String,
    /// The line, counted from 1.
    line: usize,
    /// In which language or tool.
    form: &'static str,
}

/// An identity table outside the anchor.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    /// The file, or the database without its password.
    pub(crate) place: String,
    /// The line in the file.
    pub(crate) line: Option<usize>,
    /// The table, as it is declared.
    pub(crate) table: String,
    /// What such a table holds: `user`, `session`, `account` or `verification`.
    pub(crate) identity: &'static str,
    /// Where it is declared: SQL, `SeaORM`, Diesel, Drizzle, a schema builder, Prisma, or the database itself.
    pub(crate) form: &'static str,
}

/// What a check has found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// The identity tables, in the order of the targets.
    pub(crate) findings: Vec<Finding>,
    /// What could not be checked, and why.
    pub(crate) problems: Vec<String>,
    /// How many files were read.
    pub(crate) files: usize,
    /// How many databases were asked.
    pub(crate) databases: usize,
}

impl Report {
    /// Checks one target: the URL of a database, a folder, or a file.
    pub(crate) async fn add(&mut self, target: &str, names: &Names) {
        if ["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| target.starts_with(scheme)) {
            self.add_database(target, names).await;
            return;
        }
        let path = Path::new(target);
        // The file that is named is read whatever it is called, or the check would pass by doing nothing.
        let known = !path.exists() || path.is_dir() || (path.is_file() && reader(path).is_some());
        if !known {
            self.problems.push(format!("{target}: is no source that is known; a database is named as sqlite:{target}"));
        } else if let Err(error) = self.add_path(path, names) {
            self.problems.push(format!("{target}: {error}"));
        }
    }

    async fn add_database(&mut self, url: &str, names: &Names) {
        let place = described(url);
        match store::tables(url).await {
            Ok(tables) => {
                self.databases += 1;
                for table in tables {
                    let Some(identity) = names.identity(&table.name) else { continue };
                    let written = table.schema.iter().chain([&table.name]).cloned().collect::<Vec<_>>().join(".");
                    let place = place.clone();
                    self.findings.push(Finding { place, line: None, table: written, identity, form: "database" });
                }
            }
            Err(error) => self.problems.push(format!("{place}: {}", error.chain())),
        }
    }

    fn add_path(&mut self, path: &Path, names: &Names) -> io::Result<()> {
        if fs::metadata(path)?.is_dir() {
            for child in children(path)? {
                if let Err(error) = self.add_path(&child, names) {
                    self.problems.push(format!("{}: {error}", child.display()));
                }
            }
        } else if let Some(read) = reader(path).filter(|_| path.is_file()) {
            let bytes = fs::read(path)?;
            self.files += 1;
            for table in read(&String::from_utf8_lossy(&bytes)) {
                let Some(identity) = names.identity(&table.name) else { continue };
                let place = path.display().to_string();
                let Declared { written, line, form, .. } = table;
                self.findings.push(Finding { place, line: Some(line), table: written, identity, form });
            }
        }
        Ok(())
    }
}

/// How a file is read, by the end of its name.
fn reader(path: &Path) -> Option<fn(&str) -> Vec<Declared>> {
    match path.extension().and_then(OsStr::to_str)? {
        "sql" | "ddl" => Some(sql::file),
        "prisma" => Some(prisma::file),
        "rs" => Some(rust::file),
        "ts" | "tsx" | "mts" | "cts" | "js" | "jsx" | "mjs" | "cjs" => Some(script::file),
        _ => None,
    }
}

/// What is in a folder, in order, without links, hidden names and [`SKIPPED`] folders.
fn children(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut children = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let kind = entry.file_type()?;
        let skipped = name.starts_with('.') || (kind.is_dir() && SKIPPED.contains(&name.as_ref()));
        if !skipped && !kind.is_symlink() {
            children.push(entry.path());
        }
    }
    children.sort();
    Ok(children)
}

#[cfg(test)]
mod tests;
