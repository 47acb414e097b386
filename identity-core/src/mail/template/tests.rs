use std::path::PathBuf;

use super::*;
use crate::entropy::{OsEntropy, alphanumeric};

fn load(app_name: &str) -> Templates {
    Templates::load(&MailOptions { app_name: app_name.to_owned(), templates: None }).unwrap()
}

fn ann() -> Email {
    Email::parse("ann@example.com").unwrap()
}

fn reset() -> Message {
    Message::ResetPassword { url: "https://id.example.com/reset?token=abc&callbackURL=%2Fx".to_owned(), minutes: 60 }
}

/// A folder of an operator, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self(std::env::temp_dir().join(format!("identity-mail-{}", alphanumeric(&OsEntropy, 16))));
        fs::create_dir_all(folder.0.join("en")).unwrap();
        for (file, text) in files {
            fs::write(folder.0.join(file), text).unwrap();
        }
        folder
    }

    fn load(&self) -> Result<Templates, Vec<String>> {
        Templates::load(&MailOptions { app_name: "Acme".to_owned(), templates: Some(self.0.clone()) })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn every_purpose_has_its_three_templates_and_a_sample() {
    for purpose in crate::mail::Purpose::ALL {
        for kind in ["subject", "txt", "html"] {
            let file = format!("en/{}.{kind}", purpose.id());
            assert!(BUILT_IN.iter().any(|(name, _)| *name == file), "{file}");
        }
        assert!(samples().iter().any(|(message, _)| message.purpose() == *purpose), "{}", purpose.id());
        assert_eq!(serde_json::to_value(purpose).unwrap(), purpose.id());
    }
}

#[test]
fn a_mail_reads_like_this() {
    let message = Message::VerifyEmail {
        url: "https://id.example.com/verify?token=abc".to_owned(),
        code: Some("123456".to_owned()),
        link_minutes: 60,
        code_minutes: 5,
    };
    let mail = load("Acme").render(&message, &ann(), "Ann").unwrap();
    assert_eq!(mail.subject, "Confirm your e-mail address for Acme");
    assert_eq!(
        mail.text,
        "Hello Ann,

Please confirm that ann@example.com is your e-mail address. Open this link, it is good for 1 hour:

https://id.example.com/verify?token=abc

Or enter this code, it is good for 5 minutes:

    123456

If you did not ask for this, ignore this mail. Do not pass the link or the code on.

Acme"
    );
}

#[test]
fn a_verification_mail_without_a_code_does_not_speak_of_one() {
    let message = Message::VerifyEmail {
        url: "https://id.example.com/verify?token=abc".to_owned(),
        code: None,
        link_minutes: 90,
        code_minutes: 5,
    };
    let mail = load("Acme").render(&message, &ann(), "").unwrap();
    assert!(mail.text.starts_with("Hello,\n"), "{}", mail.text);
    assert!(mail.text.contains("90 minutes"), "{}", mail.text);
    assert!(!mail.text.contains("enter this code") && !mail.html.contains("enter this code"));
}

#[test]
fn spans_are_written_in_words() {
    for (minutes, words) in [(1, "1 minute"), (5, "5 minutes"), (60, "1 hour"), (90, "90 minutes"), (2880, "48 hours")]
    {
        let message = Message::ResetPassword { url: "https://id.example.com/".to_owned(), minutes };
        let mail = load("Acme").render(&message, &ann(), "").unwrap();
        let sentence = format!("is good for {words} and works once");
        assert!(mail.text.contains(&sentence) && mail.html.contains(&sentence), "{sentence}: {}", mail.text);
    }
}

#[test]
fn the_html_holds_everything_the_text_holds() {
    let templates = load("Acme");
    for (message, needed) in samples() {
        let mail = templates.render(&message, &ann(), "Ann").unwrap();
        let purpose = message.purpose().id();
        assert!(mail.html.contains("Hello Ann,") && mail.html.contains(needed), "{purpose}");
        assert!(mail.html.starts_with("<!doctype html>\n<html lang=\"en\">"), "{purpose}");
        assert!(
            !mail.html.contains("<img") && !mail.html.contains("<script") && !mail.html.contains("{{"),
            "{purpose}"
        );
        assert!(!mail.text.contains('<') && !mail.text.contains("&#x2f;"), "{purpose}: {}", mail.text);
        assert!(!mail.text.contains("\n\n\n"), "{purpose}: {}", mail.text);
    }
}

#[test]
fn html_is_escaped_once_and_text_not_at_all() {
    let mail = load("A<b>&co").render(&reset(), &ann(), "Ann & \"Bo\"").unwrap();
    assert!(mail.html.contains("Hello Ann &amp; &quot;Bo&quot;,"), "{}", mail.html);
    assert!(mail.html.contains("A&lt;b&gt;&amp;co"), "{}", mail.html);
    assert!(
        !mail.html.contains("<b>") && !mail.html.contains("&amp;amp;") && !mail.html.contains("&amp;lt;"),
        "{}",
        mail.html
    );
    assert!(mail.text.contains("Hello Ann & \"Bo\",") && mail.text.contains("A<b>&co"), "{}", mail.text);
    assert!(mail.text.contains("https://id.example.com/reset?token=abc&callbackURL=%2Fx\n"), "{}", mail.text);
    assert!(mail.html.contains("token=abc&amp;callbackURL=%2Fx\""), "{}", mail.html);
}

#[test]
fn a_name_that_advertises_is_not_written_into_the_mail() {
    let templates = load("Acme");
    let advertisements = [
        "win at evil.com",
        "https://evil.example",
        "www.evil.example",
        "t.co",
        "mail me@evil",
        "Ann\u{202e}moc",
        "<b>Ann</b>",
        &"A".repeat(65),
        "\r\n",
    ];
    for name in advertisements {
        let mail = templates.render(&reset(), &ann(), name).unwrap();
        assert!(mail.text.starts_with("Hello,\n"), "{name}: {}", mail.text);
        assert!(mail.html.contains(">Hello,<"), "{name}");
    }
    for name in ["J.R.R. Tolkien", "Zoë O\u{2019}Hara-Smith", "李小龍", "Ann 3"] {
        let mail = templates.render(&reset(), &ann(), name).unwrap();
        assert!(mail.text.starts_with(&format!("Hello {name},\n")), "{name}: {}", mail.text);
    }
}

#[test]
fn a_name_with_line_breaks_stays_on_its_line() {
    let mail = load("Acme").render(&reset(), &ann(), "Ann\r\n\r\nYour account is at risk\u{2028}call us").unwrap();
    assert!(mail.text.starts_with("Hello Ann Your account is at risk call us,\n"), "{}", mail.text);
}

#[test]
fn a_subject_is_one_line_whatever_the_application_is_called() {
    let mail = load("Acme\r\nBcc: eve@example.com\u{0}\u{2028}x").render(&reset(), &ann(), "Ann").unwrap();
    assert_eq!(mail.subject, "Choose a new password for Acme Bcc: eve@example.com x");
}

#[test]
fn an_operator_replaces_single_files() {
    let folder = Folder::with(&[
        ("en/reset_password.subject", "Passwort\n"),
        ("en/layout.txt", "Hallo{% if name %} {{ name }}{% endif %}!\n\n{% block body %}{% endblock %}\n"),
    ]);
    let mail = folder.load().unwrap().render(&reset(), &ann(), "Ann").unwrap();
    assert_eq!(mail.subject, "Passwort");
    assert!(mail.text.starts_with("Hallo Ann!\n\nSomebody has asked to reset"), "{}", mail.text);
    assert!(mail.html.contains("Hello Ann,"));
}

#[test]
fn every_file_that_cannot_be_used_is_named() {
    let folder = Folder::with(&[
        ("en/reset_password.txt", "{% if %}"),
        ("en/verify_email.html", "{% block body %}"),
        ("en/verifymail.txt", "Hello"),
        ("layout.html", "Hello"),
    ]);
    let problems = folder.load().unwrap_err();
    for file in ["en/reset_password.txt", "en/verify_email.html", "en/verifymail.txt", "layout.html"] {
        assert!(problems.iter().any(|problem| problem.starts_with(&format!("Mail template {file}"))), "{problems:#?}");
    }
    assert_eq!(problems.len(), 4, "{problems:#?}");
}

#[test]
fn a_template_that_would_fail_when_it_is_sent_is_a_problem_at_once() {
    let folder = Folder::with(&[
        ("en/reset_password.txt", "{{ link }}"),
        ("en/delete_account.html", "Open the link!"),
        ("en/password_changed.subject", "\n"),
        ("en/words.txt", "{% macro span(minutes) %}{{ minute }}{% endmacro %}"),
    ]);
    let problems = folder.load().unwrap_err();
    let about = |file: &str| problems.iter().filter(|problem| problem.contains(file)).count();
    assert_eq!(about("Mail template en/reset_password.txt"), 1, "{problems:#?}");
    assert_eq!(about("Mail template en/delete_account.html shows neither"), 1, "{problems:#?}");
    assert_eq!(about("Mail template en/password_changed.subject gives nothing"), 1, "{problems:#?}");
    assert_eq!(about("Mail template en/words.txt"), 1, "{problems:#?}");
}

#[test]
fn a_folder_that_is_not_there_is_a_problem() {
    let options = MailOptions { app_name: "Acme".to_owned(), templates: Some(PathBuf::from("no/such/folder")) };
    let problems = Templates::load(&options).unwrap_err();
    assert_eq!(problems, ["The folder of mail templates no/such/folder cannot be read."]);
}
