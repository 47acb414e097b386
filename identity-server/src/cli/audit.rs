//! `audit`: what has happened to the accounts, from the host.

use std::net::IpAddr;
use std::time::Duration;

use clap::Args;
use identity_core::audit::{EventFilter, Recorded};
use identity_core::id::{EventId, UserId};
use identity_core::text::Email;
use identity_core::time::before;
use serde::Serialize;
use serde_json::{Map, Value};

use super::users::{find, text};
use super::{Failure, Global, print};

/// Events fetched at once.
const PAGE: u64 = 500;

#[derive(Debug, Args)]
pub(super) struct Audit {
    /// Only about this user: the address, or the id, which is all that is left of a deleted user.
    #[arg(long)]
    user: Option<String>,
    /// Only this kind, such as `sign_in.failed`, or all kinds of a group, such as `password`.
    #[arg(long)]
    kind: Option<String>,
    /// Only of the last so many seconds.
    #[arg(long, value_name = "SECONDS")]
    last: Option<u64>,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// An event as `audit` shows one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    at: String,
    kind: String,
    user: Option<String>,
    actor: &'static str,
    actor_id: Option<String>,
    ip: Option<IpAddr>,
    user_agent: Option<String>,
    request_id: Option<String>,
    details: Map<String, Value>,
}

impl From<Recorded> for Row {
    fn from(event: Recorded) -> Self {
        Self {
            id: event.id.into(),
            at: text(event.at),
            kind: event.kind,
            user: event.user_id.map(String::from),
            actor: event.actor.kind(),
            actor_id: event.actor.id().map(str::to_owned),
            ip: event.ip,
            user_agent: event.user_agent,
            request_id: event.request_id,
            details: event.details,
        }
    }
}

impl Row {
    fn line(&self) -> String {
        let user = self.user.as_deref().unwrap_or("-");
        let ip = self.ip.map_or_else(|| "-".to_owned(), |ip| ip.to_string());
        let details =
            if self.details.is_empty() { String::new() } else { format!("  {}", Value::from(self.details.clone())) };
        format!("{}  {}  {user}  by {}  from {ip}{details}\n", self.at, self.kind, self.actor)
    }
}

impl Audit {
    pub(super) async fn run(self, global: &Global) -> Result<(), Failure> {
        let identity = global.identity().await?;
        let user_id = match &self.user {
            Some(email) if Email::parse(email).is_ok() => Some(find(&identity, email).await?.id),
            Some(id) => Some(UserId::from_text(id)),
            None => None,
        };
        let since = self.last.map(|seconds| before(identity.now(), Duration::from_secs(seconds)));
        let filter = EventFilter { user_id, kind: self.kind, since };
        let mut last: Option<EventId> = None;
        loop {
            let page = identity.audit().list(&filter, last.as_ref(), PAGE).await?;
            let Some(end) = page.last().map(|event| event.id.clone()) else { return Ok(()) };
            let mut out = String::new();
            for row in page.into_iter().map(Row::from) {
                if self.json {
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
