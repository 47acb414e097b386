//! `reference`: pages of the book that are made from the tables of the program.

use std::fmt::Write as _;

use axum::body::to_bytes;
use clap::ValueEnum;
use http::StatusCode;
use identity_axum::problem::status;
use identity_axum::{BetterAuth, Code, Dialect, Error};
use identity_core::limits::Action;
use serde_json::Value;

use super::{Failure, print};
use crate::config;

/// More than any failure says.
const LONGEST_BODY: usize = 64 << 10;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Reference {
    /// Every setting with its variable, its default and its meaning.
    Configuration,
    /// Every way to fail, as both dialects answer it.
    ErrorCodes,
    /// The table of calls that are limited by address.
    Limits,
}

impl Reference {
    pub(super) async fn run(self) -> Result<(), Failure> {
        print(&match self {
            Self::Configuration => config::reference(),
            Self::ErrorCodes => error_codes().await?,
            Self::Limits => limits(),
        })
    }
}

const ERROR_CODES: &str = "\
# Error codes

<!-- Made by `identity-server reference error-codes`. -->

Every failure is one of these. Under `/api/auth` it speaks Better Auth, `{\"code\",\"message\"}`; everywhere else it is
`{\"error\":{\"code\",\"message\",\"details\"?,\"requestId\"?}}`. Match the code, never the sentence: a message may say more than the text below, such as
the field that is wrong. With 429 and 503 comes `Retry-After` where the wait is known.

| Code | When | Status | Better Auth | Better Auth code | Better Auth text |
| --- | --- | --- | --- | --- | --- |
";

async fn error_codes() -> Result<String, Failure> {
    let mut out = String::from(ERROR_CODES);
    for &code in Code::ALL {
        let (wire_status, wire) = better_auth(code).await?;
        let text = |name: &str| wire.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} | `{}` | {} |",
            code.id(),
            code.title(),
            status(code).as_u16(),
            wire_status.as_u16(),
            text("code"),
            text("message")
        );
    }
    Ok(out)
}

const LIMITS: &str = "\
<!-- Made by `identity-server reference limits`. -->

| Calls | Limit | Counted |
| --- | --- | --- |
";

fn limits() -> String {
    let mut out = String::from(LIMITS);
    for action in Action::ALL {
        let (count, time) = action.allowance();
        let calls = action.about().split(':').next().unwrap_or_default();
        let place = if action.is_shared() { "in the database" } else { "in process" };
        let _ = writeln!(out, "| {calls} | {count} in {} seconds | {place} |", time.as_secs());
    }
    out
}

/// What a client of Better Auth sees.
async fn better_auth(code: Code) -> Result<(StatusCode, Value), Failure> {
    let response = BetterAuth::render(&Error::new(code), None);
    let status = response.status();
    let failure = |error: &dyn std::error::Error| Failure::new(format!("{}: {error}", code.id()));
    let body = to_bytes(response.into_body(), LONGEST_BODY).await.map_err(|error| failure(&error))?;
    Ok((status, serde_json::from_slice(&body).map_err(|error| failure(&error))?))
}
