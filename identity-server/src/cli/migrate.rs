//! `migrate up` and `migrate status`.

use std::fmt::Write as _;

use clap::Subcommand;

use super::{Failure, Global, print};
use crate::compose;

#[derive(Debug, Subcommand)]
pub(super) enum Migrate {
    /// Apply what is pending. Safe while other processes do the same.
    Up,
    /// Show what has been applied and what has not.
    Status,
}

impl Migrate {
    pub(super) async fn run(self, global: &Global) -> Result<(), Failure> {
        let loaded = global.accepted()?;
        let store = compose::store(&loaded.settings).await?;
        let before = compose::migration_status(&store).await?;
        match self {
            Self::Up => {
                compose::migrate(&store).await?;
                match before.pending.len() {
                    0 => print("The tables are up to date.\n"),
                    1 => print("Applied 1 migration.\n"),
                    count => print(&format!("Applied {count} migrations.\n")),
                }
            }
            Self::Status => {
                let mut out = String::new();
                let applied = before.applied.iter().map(|name| ("applied", name));
                for (state, name) in applied.chain(before.pending.iter().map(|name| ("pending", name))) {
                    let _ = writeln!(out, "{state}  {name}");
                }
                print(&out)
            }
        }
    }
}
