//! Finds the file and the variables, merges them, and refuses what no setting has asked for.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use config::{Config, Environment, File, FileFormat, Map, Source as _, Value, ValueKind};

use super::problem::{Problem, Problems};
use super::table::{self, Setting};

/// The file that is used when it exists and none is named.
const DEFAULT_FILE: &str = "identity.toml";
/// The variable that names the file.
const FILE_VARIABLE: &str = "IDENTITY_CONFIG";
const PREFIX: &str = "IDENTITY_";

/// Where settings come from: the text of a file and the environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    /// The file's path and text.
    pub(super) file: Option<(PathBuf, String)>,
    /// The variables whose name has the form of a setting.
    pub(super) variables: BTreeMap<String, String>,
    /// What went wrong on the way here.
    pub(super) problems: Problems,
}

impl Sources {
    /// The file that `named` or the environment names, else `./identity.toml`, and the environment of the process.
    pub(crate) fn of_process(named: Option<&Path>) -> Self {
        Self::gather(named, std::env::vars_os())
    }

    pub(super) fn gather(named: Option<&Path>, environment: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let mut sources = Self::default();
        let mut path = named.map(Path::to_path_buf);
        for (name, value) in environment {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
            if name == FILE_VARIABLE {
                path = path.or_else(|| Some(PathBuf::from(value)).filter(|path| !path.as_os_str().is_empty()));
            } else if name.trim_start_matches(PREFIX).contains("__") {
                match value.into_string() {
                    Ok(value) => drop(sources.variables.insert(name.to_owned(), value)),
                    Err(_) => sources.problems.push(Problem::of_source(format!("{name}: is not valid UTF-8"))),
                }
            }
        }
        let optional = path.is_none();
        let path = path.unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
        match std::fs::read_to_string(&path) {
            Ok(text) => sources.file = Some((path, text)),
            Err(error) if optional && error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                sources.problems.push(Problem::of_source(format!("cannot read {}: {error}", path.display())));
            }
        }
        sources
    }

    /// The tree of both, variables over file, and all that was wrong with either.
    pub(super) fn merge(&self) -> (Map<String, Value>, Problems) {
        let mut problems = self.problems.clone();
        let mut builder = Config::builder();
        if let Some((path, text)) = &self.file {
            match toml::from_str::<toml::Table>(text) {
                Ok(_) => builder = builder.add_source(File::from_str(text, FileFormat::Toml)),
                Err(error) => problems.push(Problem::of_source(file_error(path, text, &error))),
            }
        }
        // Without value parsing: it would turn a secret such as 0123 into a number and back into another text.
        builder = builder.add_source(
            Environment::with_prefix("IDENTITY")
                .prefix_separator("_")
                .separator("__")
                .source(Some(self.known_variables(&mut problems))),
        );
        let tree = builder.build().and_then(|config| config.collect()).unwrap_or_else(|error| {
            problems.push(Problem::of_source(error.to_string()));
            Map::new()
        });
        check_names(&tree, &mut problems);
        (tree, problems)
    }

    fn known_variables(&self, problems: &mut Problems) -> Map<String, String> {
        let known: BTreeMap<String, Setting> = table::all()
            .flat_map(|setting| {
                [setting.variable(), setting.file_variable()].into_iter().flatten().map(move |v| (v, setting))
            })
            .collect();
        let mut variables = Map::new();
        for (name, value) in &self.variables {
            match known.get(name) {
                None => problems.push(Problem::of_source(format!("{name}: there is no such setting"))),
                // An empty variable is how compose files and shells say "not given".
                Some(setting) if value.is_empty() && !setting.empty_counts => {}
                Some(_) => drop(variables.insert(name.clone(), value.clone())),
            }
        }
        variables
    }
}

/// The line and the reason, without the line's text: it may hold a secret.
fn file_error(path: &Path, text: &str, error: &toml::de::Error) -> String {
    let line = error.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.lines().count().max(1));
    format!("{} line {line}: {}", path.display(), error.message())
}

fn check_names(tree: &Map<String, Value>, problems: &mut Problems) {
    let mut names: Vec<_> = tree.iter().collect();
    names.sort_by_key(|(name, _)| *name);
    for (section, value) in names {
        let known: Vec<Setting> = table::all().filter(|setting| setting.section == section).collect();
        let ValueKind::Table(table) = &value.kind else {
            problems.push(Problem::of_source(format!("{section}: must be a section, as in [{section}]")));
            continue;
        };
        if known.is_empty() {
            problems.push(Problem::of_source(format!("[{section}]: there is no such section")));
            continue;
        }
        let mut keys: Vec<&String> = table.keys().collect();
        keys.sort();
        for key in keys {
            if !known.iter().any(|setting| setting.name == key || setting.file_name().as_ref() == Some(key)) {
                problems.push(Problem::of(format!("{section}.{key}"), "there is no such setting"));
            }
        }
    }
}
