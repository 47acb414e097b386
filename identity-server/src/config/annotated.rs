//! Prints the table of settings as a TOML file.

use std::fmt::Write as _;

use super::table::{Setting, Shown};
use super::{Loaded, Origin, Settings};

const HEADER: &str = "\
# Configuration of identity-server: every setting with its default.
# Remove the # in front of a setting to change it. The variable below its description sets it too, and wins over this file.
# The server reads ./identity.toml, or the file that --config or IDENTITY_CONFIG names.
# A setting with _file at the end of its name is the path of a file that holds the secret.
";

/// The annotated file with every setting commented out at its default.
pub(crate) fn defaults() -> String {
    let mut out = String::from(HEADER);
    for section in Settings::default().shown() {
        open(&mut out, &section);
        for (setting, value) in &section.rows {
            describe(&mut out, setting);
            assign(&mut out, "#", setting.name, value.as_ref());
            if let Some(name) = setting.file_name() {
                assign(&mut out, "#", &name, None);
            }
        }
    }
    out
}

/// The values in effect and where they come from, with secrets left out.
pub(crate) fn effective(loaded: &Loaded) -> String {
    let mut out = String::new();
    for section in loaded.settings.shown() {
        if !out.is_empty() {
            out.push('\n');
        }
        let _ = writeln!(out, "[{}]", section.name);
        for (setting, value) in &section.rows {
            let source = source(loaded, setting);
            let value = match value {
                Some(value) => value.to_string(),
                None if setting.kind.is_secret() && source.is_some() => String::from("\"<redacted>\""),
                None => {
                    let _ = writeln!(out, "# {} is not set", setting.name);
                    continue;
                }
            };
            let _ = match source {
                Some(source) => writeln!(out, "{} = {value}    # {source}", setting.name),
                None => writeln!(out, "{} = {value}", setting.name),
            };
        }
    }
    out
}

fn open(out: &mut String, section: &Shown) {
    out.push('\n');
    lines(out, section.about);
    let _ = writeln!(out, "[{}]", section.name);
}

fn describe(out: &mut String, setting: &Setting) {
    out.push('\n');
    lines(out, setting.doc);
    if let Some(variable) = setting.variable() {
        let _ = writeln!(out, "# {variable}");
    }
}

/// Documentation as comments; the fences around examples are for rustdoc.
fn lines(out: &mut String, doc: &[&str]) {
    for line in doc.iter().filter(|line| !line.trim_start().starts_with("```")) {
        let _ = writeln!(out, "#{line}");
    }
}

fn assign(out: &mut String, mark: &str, name: &str, value: Option<&toml::Value>) {
    let _ = match value {
        Some(value) => writeln!(out, "{mark}{name} = {value}"),
        None => writeln!(out, "{mark}{name} = \"\""),
    };
}

fn source(loaded: &Loaded, setting: &Setting) -> Option<String> {
    let origin = |key: &str| loaded.origins.get(key);
    let (origin, variable) = match origin(&setting.key()) {
        Some(origin) => (origin, setting.variable()),
        None => (origin(&format!("{}.{}", setting.section, setting.file_name()?))?, setting.file_variable()),
    };
    match origin {
        Origin::Environment => variable,
        Origin::File => Some(String::from("file")),
    }
}
