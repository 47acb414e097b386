//! `check-isolation`: tables that belong to the trust anchor and stand elsewhere.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};

use super::{Failure, print};
use crate::isolation::{Names, Report};

#[derive(Debug, Args)]
pub(super) struct CheckIsolation {
    /// The folders with the sources and migrations of services, and the URLs of their databases.
    #[arg(required = true, value_name = "FOLDER|DATABASE-URL")]
    targets: Vec<String>,
    /// How the findings are printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// A word in front of the names of a service's tables, such as wallet if a `wallet_user` would be a table of users.
    #[arg(long, value_name = "WORD")]
    prefix: Vec<String>,
    /// A table that is none of the anchor's in spite of its name, such as accounts in a ledger.
    #[arg(long, value_name = "TABLE")]
    allow: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// A line for each finding.
    #[default]
    Text,
    /// One object.
    Json,
}

/// The status when something could not be checked, which is also that of wrong arguments.
const UNCHECKED: u8 = 2;

impl CheckIsolation {
    pub(super) async fn run(&self) -> Result<(), Failure> {
        let names = Names::new(&self.prefix, &self.allow);
        let mut report = Report::default();
        for target in &self.targets {
            report.add(target, &names).await;
        }
        match self.format {
            Format::Text => print(&text(&report))?,
            Format::Json => {
                let json = serde_json::to_string_pretty(&report).map_err(|error| Failure::new(error.to_string()))?;
                print(&format!("{json}\n"))?;
            }
        }
        if !report.problems.is_empty() {
            return Err(Failure::new(report.problems.join("\n")).with_status(UNCHECKED));
        }
        match report.findings.len() {
            0 => Ok(()),
            1 => Err(Failure::new("1 table belongs to the trust anchor")),
            count => Err(Failure::new(format!("{count} tables belong to the trust anchor"))),
        }
    }
}

fn text(report: &Report) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        let (place, table, form) = (&finding.place, &finding.table, finding.form);
        let _ = writeln!(out, "{place}{line}: {table} is a table of {}s ({form})", finding.identity);
    }
    if report.findings.is_empty() && report.problems.is_empty() {
        let _ = writeln!(out, "No identity tables in {} file(s) and {} database(s).", report.files, report.databases);
    }
    out
}
