//! Prints the table of settings as a page of the book.

use std::fmt::Write as _;

use super::Settings;
use super::table::{Setting, Shown};
use super::value::Kind;

const HEADER: &str = "\
# Settings

<!-- Made by `identity-server reference configuration`. -->

Every setting of `identity-server`. Its name is that in `identity.toml`; its variable sets it too, and wins over the file. How files and variables are
read stands in [Configuration](../operating/configuration.md), which also shows an `identity.toml` with all of them.
";

/// The page.
pub(crate) fn reference() -> String {
    let mut out = String::from(HEADER);
    for section in Settings::default().shown() {
        head(&mut out, &section);
        for (setting, value) in &section.rows {
            row(&mut out, setting, value.as_ref());
        }
    }
    out
}

fn head(out: &mut String, section: &Shown) {
    let _ = writeln!(out, "\n## `[{}]`\n\n{}\n", section.name, sentence(section.about));
    out.push_str("| Setting | Variable | Type | Default | Meaning |\n| --- | --- | --- | --- | --- |\n");
}

fn row(out: &mut String, setting: &Setting, default: Option<&toml::Value>) {
    let quoted = |name: String| format!("`{name}`");
    let name = quoted(setting.key());
    let variables: Vec<String> =
        [setting.variable(), setting.file_variable()].into_iter().flatten().map(quoted).collect();
    let variables = if variables.is_empty() { String::from("in the file only") } else { variables.join("<br>") };
    let default = default.map_or_else(|| String::from("not set"), |value| quoted(value.to_string()));
    let kind = match setting.kind {
        Kind::Text => "text",
        Kind::Number => "number",
        Kind::Switch => "true or false",
        Kind::List => "list",
        Kind::Secret => "secret",
        Kind::Targets => "services",
        Kind::Fields => "fields",
        Kind::Tables => "tables",
    };
    let _ = writeln!(out, "| {name} | {variables} | {kind} | {default} | {} |", sentence(setting.doc));
}

/// Documentation as one cell of a table. Its example, if it has one, is a line of code for each of its lines.
fn sentence(doc: &[&str]) -> String {
    let mut cell = String::new();
    let mut in_example = false;
    for line in doc.iter().map(|line| line.trim()) {
        if line.starts_with("```") {
            in_example = !in_example;
        } else if in_example {
            let _ = write!(cell, "<br>`{line}`");
        } else {
            cell.push_str(if cell.is_empty() { "" } else { " " });
            cell.push_str(line);
        }
    }
    cell.replace('|', "\\|")
}
