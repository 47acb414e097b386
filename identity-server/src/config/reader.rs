//! Takes typed values out of the merged file and environment.

use std::path::Path;

use config::{Map, Value, ValueKind};

use super::problem::{Problem, Problems};
use super::table;
use super::value::SettingType;

/// The merged sources while sections take their values, and the problems met on the way.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    tree: &'a Map<String, Value>,
    pub(super) problems: Problems,
}

impl<'a> Reader<'a> {
    /// Reads from `tree`, keeping the problems that its assembly already had.
    pub(super) fn new(tree: &'a Map<String, Value>, problems: Problems) -> Self {
        Self { tree, problems }
    }

    /// The value of one setting, or its default with a problem noted if the value cannot be understood.
    pub(super) fn read<T: SettingType>(&mut self, section: &str, name: &str, default: T) -> T {
        let key = format!("{section}.{name}");
        let given = self.given::<T>(section, name);
        let from_file = if T::KIND.is_secret() { self.given::<T>(section, &format!("{name}_file")) } else { None };
        let value = match (given, from_file) {
            (None, None) => return default,
            (Some(value), None) => Ok(value),
            (None, Some(path)) => text_of(&path).and_then(|path| read_secret(Path::new(&path))).map(ValueKind::String),
            (Some(_), Some(_)) => {
                let file_variable = table::find(&key).and_then(|setting| setting.file_variable()).unwrap_or_default();
                Err(format!("is given twice; remove it or {key}_file ({file_variable})"))
            }
        };
        value.and_then(T::parse).unwrap_or_else(|text| {
            self.problems.push(Problem::of(key, text));
            default
        })
    }

    fn given<T: SettingType>(&self, section: &str, name: &str) -> Option<ValueKind> {
        let ValueKind::Table(table) = &self.tree.get(section)?.kind else { return None };
        let kind = &table.get(name)?.kind;
        let empty = matches!(kind, ValueKind::String(text) if text.is_empty());
        (*kind != ValueKind::Nil && (T::EMPTY_COUNTS || !empty)).then(|| kind.clone())
    }
}

fn text_of(path: &ValueKind) -> Result<String, String> {
    super::value::text(path.clone()).map_err(|text| format!("the path of its file {text}"))
}

/// The text of a secret's file without the line break at its end.
pub(super) fn read_secret(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() { Err(format!("{} is empty", path.display())) } else { Ok(secret.to_owned()) }
}
