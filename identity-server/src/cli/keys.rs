//! `keys`: the keys that sign tokens, from the host.

use clap::Subcommand;
use identity_core::keys::{SigningKey, State};
use serde::Serialize;

use super::users::text;
use super::{Failure, Global, print};

#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// List all keys that are published, with what each is for and until when.
    List {
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Give every algorithm a next key. It is published at once and signs a day later, so that clients know it by then.
    Rotate {
        /// Let it sign as soon as every node publishes it, 15 seconds from now, for when a key may have leaked.
        #[arg(long)]
        now: bool,
    },
}

impl Keys {
    pub(super) async fn run(self, global: &Global) -> Result<(), Failure> {
        let identity = global.identity().await?;
        let keys = identity.signing_keys();
        match self {
            Self::List { json } => {
                let rows: Vec<Row> = keys.list().await?.into_iter().map(Row::from).collect();
                if json {
                    let rows = serde_json::to_string_pretty(&rows).map_err(|error| Failure::new(error.to_string()))?;
                    return print(&format!("{rows}\n"));
                }
                print(&rows.iter().map(Row::line).collect::<String>())
            }
            Self::Rotate { now } => {
                let next = keys.rotate(now).await?;
                let line = |key: &SigningKey| format!("{} signs with {} {}.\n", key.algorithm, key.id, when(key.state));
                print(&next.iter().map(line).collect::<String>())
            }
        }
    }
}

/// A key as `list` shows one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    kid: String,
    algorithm: &'static str,
    state: &'static str,
    #[serde(skip)]
    when: String,
    signs_from: Option<String>,
    signs_since: Option<String>,
    published_until: Option<String>,
    created_at: String,
}

impl From<SigningKey> for Row {
    fn from(key: SigningKey) -> Self {
        let (from, since, until) = match key.state {
            State::Staged { from } => (Some(from), None, None),
            State::Active { since } => (None, Some(since), None),
            State::Retiring { until } => (None, None, Some(until)),
        };
        Self {
            kid: key.id.into(),
            algorithm: key.algorithm.as_str(),
            state: key.state.name(),
            when: when(key.state),
            signs_from: from.map(text),
            signs_since: since.map(text),
            published_until: until.map(text),
            created_at: text(key.created_at),
        }
    }
}

impl Row {
    fn line(&self) -> String {
        format!("{}  {}  {}  {}\n", self.kid, self.algorithm, self.state, self.when)
    }
}

fn when(state: State) -> String {
    let word = match state {
        State::Staged { .. } => "from",
        State::Active { .. } => "since",
        State::Retiring { .. } => "until",
    };
    format!("{word} {}", text(state.time()))
}
