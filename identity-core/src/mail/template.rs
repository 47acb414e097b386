//! Mails as files: built in, and replaced one by one by those that an operator puts into a folder.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};

use super::{Mail, Message};
use crate::config::MailOptions;
use crate::error::{Error, Result};
use crate::text::Email;

macro_rules! built_in {
    ($($file:literal)+) => { &[$(($file, include_str!(concat!("templates/", $file)))),+] };
}

/// The templates, by the path that a replacement has below the operator's folder. The folder names the language.
const BUILT_IN: &[(&str, &str)] = built_in! {
    "en/layout.html" "en/layout.txt" "en/parts.html" "en/words.txt"
    "en/account_exists.html" "en/account_exists.subject" "en/account_exists.txt"
    "en/confirm_email_change.html" "en/confirm_email_change.subject" "en/confirm_email_change.txt"
    "en/delete_account.html" "en/delete_account.subject" "en/delete_account.txt"
    "en/email_changed.html" "en/email_changed.subject" "en/email_changed.txt"
    "en/password_changed.html" "en/password_changed.subject" "en/password_changed.txt"
    "en/reset_password.html" "en/reset_password.subject" "en/reset_password.txt"
    "en/verification_code.html" "en/verification_code.subject" "en/verification_code.txt"
    "en/verify_email.html" "en/verify_email.subject" "en/verify_email.txt"
    "en/verify_new_email.html" "en/verify_new_email.subject" "en/verify_new_email.txt"
};

const LANGUAGE: &str = "en";

/// Longer names are not greeted.
const MAX_NAME: usize = 64;

/// Turns messages into mails.
pub struct Templates {
    environment: Environment<'static>,
    app_name: String,
}

impl Templates {
    /// Reads and compiles all templates, and renders each once with made-up values.
    ///
    /// # Errors
    /// One sentence for each file that cannot be used.
    pub fn load(options: &MailOptions) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|file| if is_html(file) { AutoEscape::Html } else { AutoEscape::None });
        match SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
            Ok(syntax) => environment.set_syntax(syntax),
            Err(error) => problems.push(error.to_string()),
        }
        for (file, built_in) in BUILT_IN {
            let source = match options.templates.as_deref().map(|folder| replacement(folder, file)) {
                None | Some(Ok(None)) => String::from(*built_in),
                Some(Ok(Some(text))) => text,
                Some(Err(problem)) => {
                    problems.push(problem);
                    continue;
                }
            };
            if let Err(error) = environment.add_template_owned(*file, source) {
                problems.push(problem(file, &error));
            }
        }
        if let Some(folder) = &options.templates {
            problems.extend(strangers(folder));
        }
        let templates = Self { environment, app_name: one_line(&options.app_name) };
        if problems.is_empty() {
            problems.extend(templates.rehearse());
        }
        if problems.is_empty() { Ok(templates) } else { Err(problems) }
    }

    /// Writes the mail that tells `message` to the owner of `to`, who is greeted with `name`.
    pub fn render(&self, message: &Message, to: &Email, name: &str) -> Result<Mail> {
        let values = self.values(message, to.as_str(), greeted(name));
        let subject = one_line(&self.part(message, "subject", &values).map_err(Error::internal)?);
        let values = context! { subject => subject.as_str(), ..values };
        Ok(Mail {
            purpose: message.purpose(),
            to: to.clone(),
            text: self.part(message, "txt", &values).map_err(Error::internal)?,
            html: self.part(message, "html", &values).map_err(Error::internal)?,
            subject,
        })
    }

    fn values(&self, message: &Message, email: &str, name: Option<String>) -> Value {
        context! { app_name => self.app_name.as_str(), email, name, ..Value::from(Serde(message)) }
    }

    fn part(&self, message: &Message, kind: &str, values: &Value) -> Result<String, minijinja::Error> {
        self.environment.get_template(&file(message, kind))?.render(values.clone())
    }

    /// What would go wrong with the first mail.
    fn rehearse(&self) -> BTreeSet<String> {
        let mut problems = BTreeSet::new();
        for (message, needed) in samples() {
            for name in [Some("Ann".to_owned()), None] {
                let values = context! { subject => "Subject", ..self.values(&message, "ann@example.com", name) };
                for kind in ["subject", "txt", "html"] {
                    let file = file(&message, kind);
                    match self.part(&message, kind, &values) {
                        Err(error) => _ = problems.insert(problem(error.name().unwrap_or(&file), &error)),
                        Ok(text) if text.trim().is_empty() => {
                            problems.insert(format!("Mail template {file} gives nothing."));
                        }
                        Ok(text) if kind != "subject" && !text.contains(needed) => {
                            problems.insert(format!("Mail template {file} shows neither the link nor the code."));
                        }
                        Ok(_) => {}
                    }
                }
            }
        }
        problems
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates").field("app_name", &self.app_name).finish_non_exhaustive()
    }
}

fn file(message: &Message, kind: &str) -> String {
    format!("{LANGUAGE}/{}.{kind}", message.purpose().id())
}

fn problem(file: &str, error: &minijinja::Error) -> String {
    format!("Mail template {file}: {error}.")
}

fn is_html(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == "html")
}

/// The operator's version of a template, if there is one.
fn replacement(folder: &Path, file: &str) -> Result<Option<String>, String> {
    match fs::read_to_string(folder.join(file)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("Mail template {file} cannot be read: {error}.")),
    }
}

/// Files in the operator's folder that replace nothing, most likely because their name is misspelt.
fn strangers(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return vec![format!("The folder of mail templates {} cannot be read.", folder.display())];
    };
    let nested = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = entries.flatten().map(|entry| entry.path()).flat_map(|path| {
        let below: Vec<_> = nested(&path).collect();
        below.into_iter().chain([path])
    });
    let mut names: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|kind| kind == "html" || kind == "txt" || kind == "subject"))
        .filter_map(|path| Some(path.strip_prefix(folder).ok()?.to_string_lossy().replace('\\', "/")))
        .filter(|name| !BUILT_IN.iter().any(|(file, _)| file == name))
        .collect();
    names.sort();
    names.into_iter().map(|name| format!("Mail template {name} replaces none of the built-in ones.")).collect()
}

/// A single line without control characters, whatever came in: nothing may begin a header of its own.
fn one_line(text: &str) -> String {
    let words =
        text.split(|letter: char| letter.is_whitespace() || letter.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// The name if it can be a name. Anybody may sign up with a stranger's address and put an advertisement into the name,
/// so one that holds an address or a link, or turns the text around, is not written into a mail.
fn greeted(name: &str) -> Option<String> {
    let name = one_line(name);
    let letters: Vec<char> = name.chars().collect();
    let is_link = letters
        .windows(3)
        .any(|window| matches!(window, ['.', next, after] if next.is_alphanumeric() && after.is_alphanumeric()));
    let suspicious = |letter: &char| matches!(letter, '/' | '\\' | '@' | ':' | '<' | '>' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let harmless = !letters.is_empty() && letters.len() <= MAX_NAME && !is_link && !letters.iter().any(suspicious);
    harmless.then_some(name)
}

/// One message of each kind, with what its mail cannot do without.
fn samples() -> Vec<(Message, &'static str)> {
    let url = || String::from("https://id.example.com/go?token=Sample");
    let new_email = || Email::parse("new@example.com");
    let mut samples = vec![
        (Message::VerifyEmail { url: url(), code: None, link_minutes: 60, code_minutes: 5 }, "Sample"),
        (
            Message::VerifyEmail { url: url(), code: Some("123456".to_owned()), link_minutes: 60, code_minutes: 5 },
            "Sample",
        ),
        (Message::VerificationCode { code: "123456".to_owned(), minutes: 5 }, "123456"),
        (Message::AccountExists, ""),
        (Message::ResetPassword { url: url(), minutes: 60 }, "Sample"),
        (Message::VerifyNewEmail { url: url(), minutes: 60 }, "Sample"),
        (Message::DeleteAccount { url: url(), minutes: 60 }, "Sample"),
        (Message::PasswordChanged, ""),
    ];
    samples.extend(
        new_email().map(|new_email| (Message::ConfirmEmailChange { new_email, url: url(), minutes: 60 }, "Sample")),
    );
    samples.extend(new_email().map(|new_email| (Message::EmailChanged { new_email }, "")));
    samples
}
