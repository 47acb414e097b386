//! Many at once: what must happen once happens once, and nobody gets an answer that is our fault.

mod accounts;
mod links;

use std::sync::Arc;
use std::time::Duration;

use identity_core::config::Config;
use identity_tests::{Reply, TestApp};

const MANY: usize = 50;

/// An app whose hashing has time for everybody.
async fn app(change: impl FnOnce(&mut Config)) -> Arc<TestApp> {
    let builder = TestApp::builder().config(|config| {
        config.password.queue_wait = Duration::from_mins(1);
        change(config);
    });
    Arc::new(builder.start().await)
}

/// The answers by status and code, sorted.
fn outcomes(replies: &[Reply]) -> Vec<(u16, String)> {
    let mut outcomes: Vec<_> =
        replies.iter().map(|reply| (reply.status.as_u16(), reply.code().unwrap_or_default())).collect();
    outcomes.sort();
    outcomes
}

/// One success, and for all others the same refusal.
#[track_caller]
fn one_wins(replies: &[Reply], status: u16, code: &str) {
    let mut expected = vec![(200, String::new())];
    expected.resize(replies.len(), (status, code.to_owned()));
    assert_eq!(outcomes(replies), expected);
}

/// An address in one of many spellings.
fn spelling(email: &str, number: usize) -> String {
    let upper = |(index, letter): (usize, char)| {
        if number >> (index % 6) & 1 == 1 { letter.to_ascii_uppercase() } else { letter }
    };
    email.chars().enumerate().map(upper).collect()
}
