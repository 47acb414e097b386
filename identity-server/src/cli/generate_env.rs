//! `generate-env`: secrets for a new installation.

use std::io::ErrorKind;
use std::path::PathBuf;

use clap::Args;
use identity_core::entropy::{Entropy, OsEntropy, alphanumeric};

use super::{Failure, print};
use crate::files;

#[derive(Debug, Args)]
pub(super) struct GenerateEnv {
    /// The file to write.
    #[arg(long, value_name = "FILE", default_value = ".env")]
    output: PathBuf,
    /// Replace the file if it exists. Its secrets are lost, and with them every session.
    #[arg(long)]
    force: bool,
}

impl GenerateEnv {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let text = environment(&OsEntropy);
        let written = if self.force {
            files::replace_private(&self.output, &text, &OsEntropy)
        } else {
            files::create_private(&self.output, &text, &OsEntropy)
        };
        let path = self.output.display();
        written.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => {
                Failure::new(format!("{path} exists already; --force replaces it and its secrets"))
            }
            _ => Failure::new(format!("cannot write {path}: {error}")),
        })?;
        print(&format!("Wrote {path}. Keep it out of version control.\n"))
    }
}

/// The file: values are letters and digits, which shells, Compose and systemd all read alike.
fn environment(entropy: &dyn Entropy) -> String {
    format!(
        "\
# Secrets of identity-server. Whoever reads this file can sign in as anybody: keep it private and out of version control.
IDENTITY_SECRETS__SECRET={secret}

# For the PostgreSQL of compose.yaml.
POSTGRES_PASSWORD={database}

# The first administrator: set the address, then remove the two #.
#IDENTITY_BOOTSTRAP__ADMIN_EMAIL=admin@example.com
#IDENTITY_BOOTSTRAP__ADMIN_PASSWORD={password}
",
        secret = alphanumeric(entropy, 64),
        database = alphanumeric(entropy, 32),
        password = alphanumeric(entropy, 24),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_share_no_secret() {
        let (one, two) = (environment(&OsEntropy), environment(&OsEntropy));
        for (left, right) in
            one.lines().zip(two.lines()).filter(|(line, _)| line.contains("SECRET=") || line.contains("PASSWORD="))
        {
            assert_ne!(left, right);
        }
        assert_eq!(
            one.lines().filter(|line| line.starts_with("IDENTITY_SECRETS__SECRET=")).map(str::len).sum::<usize>(),
            25 + 64
        );
    }
}
