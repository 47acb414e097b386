//! `config check` and `config show`.

use clap::Subcommand;

use super::{Failure, Global, print, wait};
use crate::compose;
use crate::config::{defaults, effective};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say everything that is wrong with the configuration, or "ok".
    Check,
    /// Print the configuration in effect, without secrets.
    Show {
        /// Print every setting with its description and default instead: an identity.toml to start from.
        #[arg(long)]
        defaults: bool,
    },
}

impl Command {
    pub(super) fn run(&self, global: &Global) -> Result<(), Failure> {
        match self {
            Self::Check => {
                let loaded = global.accepted()?;
                wait(compose::check(&loaded.settings))?;
                print("ok\n")
            }
            Self::Show { defaults: true } => print(&defaults()),
            Self::Show { defaults: false } => {
                let loaded = global.load();
                print(&effective(&loaded))?;
                if loaded.problems.is_empty() {
                    return Ok(());
                }
                Err(Failure::new(format!("the default stands where a value has a problem:\n{}", loaded.problems)))
            }
        }
    }
}
