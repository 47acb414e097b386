//! The trust anchor: one command, SQLite, ready.

mod app;
mod cli;
mod compose;
mod config;
mod conformance;
mod data;
mod drain;
mod fast_path;
mod files;
mod health;
mod isolation;
mod mailbox;
mod page;
mod serve;
mod telemetry;
mod tls;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to tell when the standard error is closed.
            let _ = writeln!(std::io::stderr(), "identity-server: {failure}");
            ExitCode::from(failure.status())
        }
    }
}
