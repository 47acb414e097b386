//! The command line: what an operator can do on the host, with or without a running server.

mod audit;
mod check_isolation;
mod clients;
mod config;
mod generate_env;
mod health;
mod keys;
mod logouts;
mod migrate;
mod reference;
mod users;

use std::fmt;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use identity_core::time::{Clock, SystemClock};
use identity_core::{Class, Identity};

use crate::compose::{self, Mailer};
use crate::config::{Loaded, Problems, Profile, Sources, load};
use crate::data::Maker;
use crate::serve;

/// The trust anchor: users, sessions and the Better Auth API over SQLite or PostgreSQL.
///
/// Without a subcommand it serves. Without any configuration it serves this machine alone, with a database and a secret in
/// ./identity-data.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(flatten)]
    serve: Serve,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What every command understands.
#[derive(Clone, Debug, Args)]
struct Global {
    /// The configuration file; else `IDENTITY_CONFIG`, else `./identity.toml` if there is one.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Accept what is unsafe in the open: a public listener with a loopback URL, plain http, no secret or a guessable one,
    /// weak hashes.
    #[arg(long, global = true)]
    insecure_dev: bool,
}

#[derive(Clone, Copy, Debug, Default, Args)]
struct Serve {
    /// Do not apply pending migrations; refuse to start if there are any.
    #[arg(long)]
    no_migrate: bool,
    /// Serve for a purpose of its own, with settings that are unsafe elsewhere.
    #[arg(long, value_name = "NAME")]
    profile: Option<Profile>,
}

impl Serve {
    /// With what was said before the subcommand.
    fn or(self, outer: Self) -> Self {
        Self { no_migrate: self.no_migrate || outer.no_migrate, profile: self.profile.or(outer.profile) }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until told to stop.
    Serve(Serve),
    /// Bring the tables up to date, or show whether they are.
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    /// Create and look after users on the host.
    #[command(subcommand)]
    Users(users::Users),
    /// Create and look after the applications that ask for tokens.
    #[command(subcommand)]
    Clients(clients::Clients),
    /// List the keys that sign tokens, and replace them.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// See which clients have heard that a session has ended.
    #[command(subcommand)]
    Logouts(logouts::Logouts),
    /// Print what has happened to the accounts, oldest first.
    Audit(audit::Audit),
    /// Check or print the configuration.
    #[command(subcommand)]
    Config(config::Command),
    /// Ask the server on this host whether it is ready, for health checks of containers.
    Health,
    /// Find tables of users, sessions, accounts and verifications that services keep beside their trust anchor.
    ///
    /// Reads SQL, `SeaORM`, Diesel, `SQLx`, Drizzle and Prisma sources, and asks databases. Ends with 0 when there are none, 1 when there
    /// are, and 2 when something could not be checked.
    CheckIsolation(check_isolation::CheckIsolation),
    /// Print a page of the book that is made from the tables of this program.
    #[command(hide = true)]
    Reference {
        /// Which page.
        page: reference::Reference,
    },
    /// Write a .env file with strong random secrets that only its owner can read.
    GenerateEnv(generate_env::GenerateEnv),
}

impl Cli {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let serves = matches!(self.command, None | Some(Command::Serve(_)));
        if (self.serve.no_migrate || self.serve.profile.is_some()) && !serves {
            let text = "--no-migrate and --profile belong to serve";
            Self::command().error(ErrorKind::ArgumentConflict, text).exit();
        }
        match self.command {
            Some(Command::Health) => wait(health::run(&self.global)),
            Some(Command::CheckIsolation(command)) => wait(command.run()),
            Some(Command::Reference { page }) => wait(page.run()),
            Some(Command::GenerateEnv(command)) => command.run(),
            Some(Command::Config(command)) => command.run(&self.global),
            Some(Command::Migrate(command)) => wait(command.run(&self.global)),
            Some(Command::Logouts(command)) => wait(command.run(&self.global)),
            Some(Command::Audit(command)) => wait(command.run(&self.global)),
            Some(Command::Clients(command)) => wait(command.run(&self.global)),
            Some(Command::Keys(command)) => wait(command.run(&self.global)),
            Some(Command::Users(command)) => wait(command.run(&self.global)),
            Some(Command::Serve(serve)) => self.global.serve(serve.or(self.serve)),
            None => self.global.serve(self.serve),
        }
    }
}

impl Global {
    fn load(&self) -> Loaded {
        self.load_for(None)
    }

    fn load_for(&self, profile: Option<Profile>) -> Loaded {
        load(&Sources::of_process(self.config.as_deref()), profile)
    }

    fn serve(&self, how: Serve) -> Result<(), Failure> {
        let loaded = self.accept(self.load_for(how.profile))?;
        wait(serve::run(loaded, !how.no_migrate, how.profile))
    }

    /// All that stands in the way.
    fn objections(&self, loaded: &Loaded) -> Problems {
        let mut problems = loaded.problems.clone();
        if !self.insecure_dev {
            problems.extend(loaded.exposures.clone());
        }
        problems
    }

    /// The configuration, if nothing stands in the way.
    fn accepted(&self) -> Result<Loaded, Failure> {
        self.accept(self.load())
    }

    fn accept(&self, loaded: Loaded) -> Result<Loaded, Failure> {
        let objections = self.objections(&loaded);
        if objections.is_empty() {
            return Ok(loaded);
        }
        let mut text = format!("the configuration has problems:\n{objections}");
        if loaded.problems.is_empty() {
            text.push_str("If nobody else can reach this server, --insecure-dev accepts this.");
        }
        Err(Failure::new(text))
    }
}

impl Global {
    /// The accounts that the configuration names, with tables that are up to date.
    async fn identity(&self) -> Result<Identity, Failure> {
        let loaded = self.accepted()?;
        let store = compose::store(&loaded.settings).await?;
        compose::require_current(&store, &loaded.settings).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mailer = Mailer::of(&loaded.settings, &clock)?;
        compose::identity(&loaded.settings, store, &mailer, Maker::Command)
    }
}

/// Why a command failed, as a sentence for the operator, and the exit status that says so to scripts.
#[derive(Debug)]
pub(crate) struct Failure {
    text: String,
    status: u8,
}

impl Failure {
    /// A failure in these words.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), status: 1 }
    }

    /// The same with another exit status than 1.
    fn with_status(self, status: u8) -> Self {
        Self { status, ..self }
    }

    /// The exit status of the program.
    pub(crate) fn status(&self) -> u8 {
        self.status
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.trim_end())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<identity_core::Error> for Failure {
    /// Why the server itself failed is for the operator, who is reading this; what the operator did wrong needs no causes.
    fn from(error: identity_core::Error) -> Self {
        match error.code().class() {
            Class::Internal | Class::Unavailable => Self::new(error.chain()),
            _ => Self::new(error.to_string()),
        }
    }
}

fn wait(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// Writes to the standard output. A reader that has gone away, such as `head`, is not a failure.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}
