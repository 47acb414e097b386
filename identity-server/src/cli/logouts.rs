//! `logouts`: which clients have heard that a session has ended, from the host.

use clap::Subcommand;
use identity_core::id::LogoutDeliveryId;
use identity_core::logout::{LogoutDelivery, LogoutState};
use serde::Serialize;

use super::users::text;
use super::{Failure, Global, print};

/// Logouts fetched at once by `list`.
const PAGE: u64 = 500;

#[derive(Debug, Subcommand)]
pub(super) enum Logouts {
    /// List the logouts that clients have to hear of, oldest first.
    ///
    /// A logout waits until its client has confirmed it, is tried five times within 45 minutes, and is given up then. Those that were
    /// delivered are kept for 7 days, those that were given up for 30.
    List {
        /// Only those in this state: waiting, delivered or dead.
        #[arg(long, value_parser = state)]
        state: Option<LogoutState>,
        /// Print one JSON object a line.
        #[arg(long)]
        json: bool,
    },
}

fn state(name: &str) -> Result<LogoutState, String> {
    LogoutState::parse(name).ok_or_else(|| String::from("expected waiting, delivered or dead"))
}

/// A logout as `list` shows one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    ended_at: String,
    client: String,
    user: String,
    session: String,
    state: LogoutState,
    attempts: u32,
    next_at: Option<String>,
    settled_at: Option<String>,
    status: Option<u16>,
    error: Option<String>,
}

impl From<LogoutDelivery> for Row {
    fn from(row: LogoutDelivery) -> Self {
        Self {
            id: row.id.into(),
            ended_at: text(row.created_at),
            client: row.client_id.into(),
            user: row.user_id.into(),
            session: row.session_id.into(),
            state: row.state,
            attempts: row.attempts,
            next_at: (row.state == LogoutState::Waiting).then(|| text(row.due_at)),
            settled_at: row.settled_at.map(text),
            status: row.last_status,
            error: row.last_error,
        }
    }
}

impl Row {
    fn line(&self) -> String {
        let next = self.next_at.as_ref().map(|at| format!("  next at {at}")).unwrap_or_default();
        let error = self.error.as_ref().map(|error| format!("  {error}")).unwrap_or_default();
        let (state, tries) = (self.state.as_str(), self.attempts);
        format!("{}  {}  user {}  {state} after {tries} tries{next}{error}\n", self.ended_at, self.client, self.user)
    }
}

impl Logouts {
    pub(super) async fn run(self, global: &Global) -> Result<(), Failure> {
        let Self::List { state, json } = self;
        let identity = global.identity().await?;
        let mut last: Option<LogoutDeliveryId> = None;
        loop {
            let page = identity.logouts().list(state, last.as_ref(), PAGE).await?;
            let Some(end) = page.last().map(|row| row.id.clone()) else { return Ok(()) };
            let mut out = String::new();
            for row in page.into_iter().map(Row::from) {
                if json {
                    out.push_str(&serde_json::to_string(&row).map_err(|error| Failure::new(error.to_string()))?);
                    out.push('\n');
                } else {
                    out.push_str(&row.line());
                }
            }
            print(&out)?;
            last = Some(end);
        }
    }
}
