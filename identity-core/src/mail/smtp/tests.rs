use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;

use super::*;
use crate::config::MailOptions;
use crate::mail::{Message, Purpose, Templates};
use crate::text::Email;

/// What a client says to the sink, line by line; a mail's content is one line joined by `\n`.
struct Sink {
    url: String,
    said: mpsc::Receiver<String>,
}

impl Sink {
    /// Listens, and answers each command whose beginning is listed with what is listed instead of approval.
    fn answering(answers: &'static [(&'static str, &'static str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let (say, said) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let say = say.clone();
                thread::spawn(move || serve(stream, answers, &say));
            }
        });
        Self { url, said }
    }

    fn transport(&self) -> SmtpTransport {
        transport(&self.url)
    }

    fn said(&self) -> Vec<String> {
        self.said.try_iter().collect()
    }
}

fn serve(mut stream: TcpStream, answers: &[(&str, &str)], say: &mpsc::Sender<String>) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let answer = |line: &str| answers.iter().find(|(begin, _)| line.starts_with(begin)).map(|(_, answer)| *answer);
    say.send("<connected>".to_owned()).ok()?;
    stream.write_all(format!("{}\r\n", answer("<connected>").unwrap_or("220 sink")).as_bytes()).ok()?;
    loop {
        let line = lines.next()?.ok()?;
        say.send(line.clone()).ok()?;
        if line == "DATA" && answer("DATA").is_none() {
            stream.write_all(b"354 go on\r\n").ok()?;
            let content: Vec<String> = lines.by_ref().map_while(Result::ok).take_while(|line| line != ".").collect();
            say.send(content.join("\n")).ok()?;
            stream.write_all(format!("{}\r\n", answer("<content>").unwrap_or("250 kept")).as_bytes()).ok()?;
            continue;
        }
        match answer(&line) {
            Some("<silence>") => {}
            Some("<close>") => return None,
            Some(other) => stream.write_all(format!("{other}\r\n").as_bytes()).ok()?,
            None if line.starts_with("EHLO") => {
                stream.write_all(b"250-sink\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN\r\n").ok()?;
            }
            None => stream.write_all(b"250 fine\r\n").ok()?,
        }
    }
}

fn transport(url: &str) -> SmtpTransport {
    SmtpTransport::new(&url.into(), "Acme <no-reply@acme.example>").unwrap()
}

fn problem(url: &str) -> String {
    SmtpTransport::new(&url.into(), "no-reply@acme.example").unwrap_err()
}

fn mail(subject: &str) -> Mail {
    Mail {
        purpose: Purpose::PasswordChanged,
        to: Email::parse("ann@example.com").unwrap(),
        subject: subject.to_owned(),
        text: "Grüße,\n.\nHello".to_owned(),
        html: "<p>Grüße</p>".to_owned(),
    }
}

/// The headers of a composed mail, unfolded.
fn headers(mail: &Mail) -> Vec<String> {
    let bytes = transport("smtp://localhost").compose(mail).unwrap().formatted();
    let text = String::from_utf8(bytes).unwrap();
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    head.replace("\r\n ", " ").split("\r\n").map(str::to_owned).collect()
}

#[tokio::test]
async fn a_mail_arrives_as_text_and_html_with_its_headers() {
    let sink = Sink::answering(&[]);
    sink.transport().send(&mail("Hello")).await.unwrap();
    let said = sink.said();
    assert_eq!(said[1], "EHLO acme.example");
    assert!(said[2].starts_with("MAIL FROM:<no-reply@acme.example>"), "{}", said[2]);
    assert_eq!(said[3], "RCPT TO:<ann@example.com>");
    let content = &said[5];
    for line in [
        "From: Acme <no-reply@acme.example>",
        "To: ann@example.com",
        "Subject: Hello",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
    ] {
        assert!(content.lines().any(|found| found == line), "{line} in {content}");
    }
    assert!(
        content.lines().any(|line| line.starts_with("Message-ID: <") && line.ends_with("@acme.example>")),
        "{content}"
    );
    assert!(content.lines().any(|line| line.starts_with("Date: ")), "{content}");
    assert!(
        content.contains("multipart/alternative") && content.contains("text/plain") && content.contains("text/html")
    );
    assert!(!said.iter().any(|line| line.starts_with("AUTH")));
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let sink = Sink::answering(&[]);
    let transport = sink.transport();
    transport.send(&mail("one")).await.unwrap();
    transport.send(&mail("two")).await.unwrap();
    let said = sink.said();
    assert_eq!(said.iter().filter(|line| *line == "<connected>").count(), 1, "{said:?}");
    assert_eq!(said.iter().filter(|line| *line == "DATA").count(), 2, "{said:?}");
}

#[tokio::test]
async fn a_connection_that_the_server_has_left_is_replaced() {
    let sink = Sink::answering(&[("NOOP", "<close>")]);
    let transport = sink.transport();
    transport.send(&mail("one")).await.unwrap();
    transport.send(&mail("two")).await.unwrap();
    assert_eq!(sink.said().iter().filter(|line| *line == "<connected>").count(), 2);
}

#[tokio::test]
async fn a_send_that_was_given_up_leaves_no_connection_behind() {
    let sink = Sink::answering(&[("<content>", "<silence>"), ("RCPT", "<silence>")]);
    let transport = Arc::new(sink.transport());
    let sending = tokio::spawn({
        let transport = Arc::clone(&transport);
        async move { transport.send(&mail("one")).await }
    });
    let (sink, seen) = tokio::task::spawn_blocking(move || {
        let seen = sink.said.iter().find(|line| line.starts_with("RCPT"));
        (sink, seen)
    })
    .await
    .unwrap();
    assert!(seen.is_some());
    sending.abort();
    assert!(sending.await.unwrap_err().is_cancelled());
    assert!(transport.take().is_none());
    drop(sink);
}

// Time runs ahead here whenever everybody waits.
#[tokio::test(start_paused = true)]
async fn a_server_that_falls_silent_is_not_waited_for() {
    for silent in [&[("RCPT", "<silence>")], &[("EHLO", "<silence>")]] {
        let transport = Sink::answering(silent).transport();
        assert!(!transport.send(&mail("Hello")).await.unwrap_err().permanent);
        assert!(transport.take().is_none());
    }
}

#[tokio::test]
async fn the_password_is_decoded_and_used_to_sign_in() {
    let sink = Sink::answering(&[]);
    let url = sink.url.replace("smtp://", "smtp://user%40acme.example:p%C3%A4ss%2Fword%25@");
    transport(&url).send(&mail("Hello")).await.unwrap();
    let auth = sink.said().into_iter().find_map(|line| line.strip_prefix("AUTH PLAIN ").map(str::to_owned)).unwrap();
    let decoded = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, auth).unwrap();
    assert_eq!(decoded, "\0user@acme.example\0päss/word%".as_bytes());
}

#[tokio::test]
async fn only_a_refusal_of_the_mail_itself_is_permanent() {
    let cases: [(&'static [(&str, &str)], bool); 8] = [
        (&[("RCPT", "550 no such user")], true),
        (&[("MAIL", "553 not from you")], true),
        (&[("<content>", "554 this is spam")], true),
        (&[("RCPT", "451 come back later")], false),
        (&[("MAIL", "530 sign in first")], false),
        (&[("<connected>", "554 not now")], false),
        (&[("EHLO", "550 go away")], false),
        (&[("DATA", "<close>")], false),
    ];
    for (answers, permanent) in cases {
        let error = Sink::answering(answers).transport().send(&mail("Hello")).await.unwrap_err();
        assert_eq!(error.permanent, permanent, "{answers:?}: {error}");
        assert!(!error.to_string().contains("Hello"), "{error}");
    }
}

#[tokio::test]
async fn a_wrong_smtp_password_is_not_the_fault_of_the_mail() {
    let sink = Sink::answering(&[("AUTH", "535 wrong password")]);
    let error = transport(&sink.url.replace("smtp://", "smtp://user:hunter2@")).send(&mail("Hello")).await.unwrap_err();
    assert!(!error.permanent, "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_transient_failure() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(!transport(&format!("smtp://{address}")).send(&mail("Hello")).await.unwrap_err().permanent);
}

#[tokio::test]
async fn nothing_is_said_in_the_clear_where_encryption_is_required() {
    let sink = Sink::answering(&[]);
    let url = format!("{}?tls=required", sink.url.replace("smtp://", "smtp://user:hunter2@"));
    let error = transport(&url).send(&mail("Hello")).await.unwrap_err();
    assert!(!error.permanent && error.to_string().contains("STARTTLS"), "{error}");
    let said = sink.said();
    assert!(said.iter().all(|line| line.starts_with("EHLO") || line == "<connected>" || line == "QUIT"), "{said:?}");
}

#[test]
fn encryption_follows_from_the_url() {
    let chosen = |url: &str| {
        let server = transport(url).server;
        let encryption = match server.encryption {
            Encryption::Implicit(_) => "implicit",
            Encryption::Required(_) => "required",
            Encryption::None => "none",
        };
        (encryption, server.host, server.port)
    };
    let cases = [
        ("smtps://mail.acme.example", ("implicit", "mail.acme.example", 465)),
        ("smtps://localhost:2465", ("implicit", "localhost", 2465)),
        ("smtp://mail.acme.example", ("required", "mail.acme.example", 587)),
        ("smtp://mail.acme.example:25/", ("required", "mail.acme.example", 25)),
        ("smtp://10.0.0.1", ("required", "10.0.0.1", 587)),
        ("smtp://localhost.acme.example", ("required", "localhost.acme.example", 587)),
        ("smtp://mail.acme.example?tls=none", ("none", "mail.acme.example", 25)),
        ("smtp://localhost:1025", ("none", "localhost", 1025)),
        ("smtp://127.0.0.1", ("none", "127.0.0.1", 25)),
        ("smtp://[::1]:1025", ("none", "::1", 1025)),
        ("smtp://127.0.0.1?tls=required", ("required", "127.0.0.1", 587)),
    ];
    for (url, (encryption, host, port)) in cases {
        assert_eq!(chosen(url), (encryption, host.to_owned(), port), "{url}");
    }
}

#[test]
fn a_wrong_setting_is_named_without_its_password() {
    let wrong = [
        "user:hunter2@mail.acme.example",
        "http://user:hunter2@mail.acme.example",
        "smtp://",
        "smtp:mail.acme.example",
        "smtps://user:hunter2@mail.acme.example?tls=none",
        "smtp://user:hunter2@mail.acme.example?starttls=no",
        "smtp://user:hunter2@mail.acme.example/inbox",
        "smtp://user:hunter2%FF@mail.acme.example",
        "smtp://user:hunter2@mail.acme.example:99999",
    ];
    for url in wrong {
        let problem = problem(url);
        assert!(problem.starts_with("mail.smtp_url ") && !problem.contains("hunter2"), "{url}: {problem}");
    }
    for from in ["", "Acme", "no-reply@", "a@b@c"] {
        assert!(SmtpTransport::new(&"smtp://localhost".into(), from).unwrap_err().starts_with("mail.from "), "{from}");
    }
}

#[test]
fn debug_shows_no_password() {
    assert!(!format!("{:?}", transport("smtp://user:hunter2@localhost")).contains("hunter2"));
}

#[test]
fn no_name_of_a_person_or_an_application_can_begin_a_header() {
    let app_name = "Acme\r\nBcc: eve@example.com\r\n\r\n<script>";
    let templates = Templates::load(&MailOptions { app_name: app_name.to_owned(), templates: None }).unwrap();
    let to = Email::parse("ann@example.com").unwrap();
    let rendered = templates.render(&Message::PasswordChanged, &to, "Ann\r\nBcc: eve@example.com").unwrap();
    let plain = headers(&mail("Hello"));
    let names = |headers: &[String]| -> Vec<String> {
        headers.iter().filter_map(|line| line.split_once(':').map(|(name, _)| name.to_owned())).collect()
    };
    assert_eq!(names(&headers(&rendered)), names(&plain));
    // Also where the subject did not come from a template.
    assert_eq!(names(&headers(&mail("Hello\r\nBcc: eve@example.com\r\n\r\nbody"))), names(&plain));
}
