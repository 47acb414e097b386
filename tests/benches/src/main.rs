//! Measures the server beside the least that does the same work, in one run on one machine.
//!
//! `cargo run --release -p identity-benches` builds the programs, fills databases, and prints one table. What is measured is pinned
//! to the first core, the load to the second, and sides that are compared take turns. What counts is the ratio: requests per second
//! depend on the machine and on what else it does, which is why the processor time of each request stands beside them. The rows of
//! PostgreSQL need `TEST_DATABASE_URL`, as the tests do.

mod bare;
mod baseline;
mod data;
mod duel;
mod extractor;
mod footprint;
mod forwarding;
mod get_session;
mod load;
mod machine;
mod oidc;
mod repeat;
mod report;
mod rows;
mod sign_in;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tempfile::TempDir;

use self::machine::Machine;
use self::rows::Shown;

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// Measures the server beside the least that does the same work.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve as the baseline; the benchmark starts it itself.
    #[command(hide = true)]
    Baseline { listen: SocketAddr, database: String, secret: String },
    /// Verify access tokens and do nothing else; the benchmark starts it itself.
    #[command(hide = true)]
    BareApi { listen: SocketAddr, keys: PathBuf, issuer: String, audience: String },
    /// Know callers by the extractor and do nothing else; the benchmark starts it itself.
    #[command(hide = true)]
    Extractor { listen: SocketAddr, issuer: String, audience: String },
    /// Sign tokens, write rows and do nothing else; the benchmark starts it itself.
    #[command(hide = true)]
    BareIssuer { listen: SocketAddr, database: String, algorithm: String },
    /// Answer with the text of a file and do nothing else; the benchmark starts it itself.
    #[command(hide = true)]
    BareDocument { listen: SocketAddr, path: String, file: PathBuf },
    /// Do one operation over and over; the benchmark starts it itself.
    #[command(hide = true)]
    Repeat {
        milliseconds: u64,
        #[command(subcommand)]
        operation: repeat::Operation,
    },
}

/// How long and how hard.
#[derive(Args, Debug)]
struct Options {
    /// Fail when a ratio is beyond its floor.
    #[arg(long)]
    check: bool,
    /// How often each side takes its turn; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of each turn.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Connections that are kept open, each with one request at a time.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Users in each database, each with one session.
    #[arg(long, default_value_t = 2000)]
    users: usize,
    /// Measure only this part of the table; all of them without it.
    #[arg(long, value_enum)]
    only: Option<Part>,
}

/// A part of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// get-session on SQLite.
    Sqlite,
    /// get-session on PostgreSQL.
    Postgres,
    /// Sign-in beside its hash.
    SignIn,
    /// Those who are signed in while many sign in.
    Storm,
    /// A base service.
    Forwarding,
    /// An API that takes access tokens.
    Api,
    /// The authorization server.
    Oidc,
    /// Memory, start and size.
    Footprint,
}

impl Options {
    fn measures(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part)
    }

    fn turn(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::Baseline { listen, database, secret }) => serve(baseline::run(listen, &database, &secret)),
        Some(Command::BareApi { listen, keys, issuer, audience }) => serve(bare::api(listen, &keys, issuer, audience)),
        Some(Command::Extractor { listen, issuer, audience }) => serve(extractor::api(listen, issuer, audience)),
        Some(Command::BareIssuer { listen, database, algorithm }) => serve(bare::issuer(listen, &database, &algorithm)),
        Some(Command::BareDocument { listen, path, file }) => serve(bare::document(listen, &path, &file)),
        Some(Command::Repeat { milliseconds, operation }) => {
            repeat::run(operation, Duration::from_millis(milliseconds)).map(|()| ExitCode::SUCCESS)
        }
        None => run(&cli.options),
    };
    done.unwrap_or_else(|error| {
        // Nobody is left to tell when the standard error is closed.
        let _ = writeln!(std::io::stderr(), "identity-benches: {error}");
        ExitCode::FAILURE
    })
}

/// Runs a server that never ends.
fn serve(server: impl Future<Output = Result<()>>) -> Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(server).map(|()| ExitCode::SUCCESS)
}

fn run(options: &Options) -> Result<ExitCode> {
    if cfg!(debug_assertions) {
        return Err("only optimized programs are worth measuring: cargo run --release -p identity-benches".into());
    }
    let machine = Machine::prepare()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    report::begin(options, &machine)?;
    let short = runtime.block_on(measure(options, &machine))?;
    Ok(if options.check && short { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Measures one operation after the other, and answers whether a row falls short.
async fn measure(options: &Options, machine: &Machine) -> Result<bool> {
    let mut short = false;
    let mut show = |shown: Vec<Shown>| {
        short |= shown.iter().any(Shown::falls_short);
        report::rows(&shown)
    };
    if options.measures(Part::Sqlite) {
        show(get_session::on_sqlite(options, machine).await?)?;
    }
    if options.measures(Part::Postgres) {
        show(get_session::on_postgres(options, machine).await?)?;
    }
    if options.measures(Part::SignIn) {
        show(sign_in::alone(options, machine).await?)?;
    }
    if options.measures(Part::Storm) {
        show(sign_in::storm(options, machine).await?)?;
    }
    if options.measures(Part::Forwarding) {
        show(forwarding::measure(options, machine).await?)?;
    }
    if options.measures(Part::Api) {
        show(oidc::measure_api(options, machine).await?)?;
    }
    if options.measures(Part::Oidc) {
        show(oidc::measure(options, machine).await?)?;
    }
    if options.measures(Part::Footprint) {
        show(footprint::measure(options, machine).await?)?;
    }
    Ok(short)
}

/// A folder that is gone when the value is dropped.
fn folder() -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("identity-benches-").tempdir()?)
}

#[expect(clippy::cast_precision_loss, reason = "some hundred thousands, or the size of a file")]
fn count(number: usize) -> f64 {
    number as f64
}
