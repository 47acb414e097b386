//! `[mail]`: how mails leave and what they look like.

use std::path::PathBuf;

use identity_core::config::MailOptions;
use identity_core::secret::Secret;
use url::Url;

use super::problem::{Problem, Problems};
use super::table::section;

section! {
    /// How mails leave and what they look like.
    Mail = "mail" {
        /// `smtps://user:password@host:465` or `smtp://user:password@host:587` (STARTTLS).
        /// Without it, on this machine alone, mails are shown on `/dev/mailbox`.
        smtp_url: Option<Secret<String>> = None;
        /// The sender: `Example <no-reply@example.com>`.
        from: Option<String> = None;
        /// The name of the application in subjects and texts.
        app_name: String = MailOptions::default().app_name;
        /// A folder with templates that replace the built-in ones, file by file.
        templates: Option<PathBuf> = None;
    }
}

impl Mail {
    pub(super) fn check(&self, problems: &mut Problems) {
        if let Some(url) = &self.smtp_url {
            let parsed = Url::parse(url.expose()).ok();
            let usable = parsed.is_some_and(|url| matches!(url.scheme(), "smtp" | "smtps") && url.has_host());
            if !usable {
                let text = "must be a URL such as smtps://user:password@mail.example.com:465";
                problems.push(Problem::of("mail.smtp_url", text));
            }
            if self.from.is_none() && problems.spare(&["mail.from"]) {
                problems.push(Problem::of("mail.from", "must be set when mail.smtp_url is"));
            }
        }
        if self.from.as_ref().is_some_and(|from| !from.contains('@')) {
            problems.push(Problem::of("mail.from", "must be an address such as Example <no-reply@example.com>"));
        }
        if self.templates.as_ref().is_some_and(|folder| !folder.is_dir()) {
            problems.push(Problem::of("mail.templates", "is not a folder"));
        }
    }

    /// What core needs to know.
    pub(super) fn options(&self) -> MailOptions {
        MailOptions { app_name: self.app_name.clone(), templates: self.templates.clone() }
    }
}
