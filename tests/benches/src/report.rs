//! The table.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::machine::Machine;
use crate::rows::{Bound, Shown};
use crate::{Options, Result};

/// Writes the head of the table to the standard output, as Markdown.
pub(crate) fn begin(options: &Options, machine: &Machine) -> Result<()> {
    let Options { users, connections, rounds, seconds, .. } = options;
    let cores = if machine.pins { "one core" } else { "cores not pinned: taskset is missing" };
    let mut text = String::new();
    writeln!(text, "\n{users} users, {connections} connections, median of {rounds} rounds of {seconds} s, {cores}\n")?;
    writeln!(text, "| Operation | Ours | Baseline | Ratio | Target | CPU us | Its CPU us | Others % | |")?;
    writeln!(text, "|---|--:|--:|--:|--:|--:|--:|--:|---|")?;
    write(&text)
}

/// Writes rows as soon as they are measured.
pub(crate) fn rows(all: &[Shown]) -> Result<()> {
    let mut text = String::new();
    for shown in all {
        line(&mut text, shown)?;
    }
    write(&text)
}

fn write(text: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes())?;
    Ok(output.flush()?)
}

fn line(text: &mut String, shown: &Shown) -> Result<()> {
    let Shown { row, own, baseline, ratio, .. } = shown;
    let (unit, digits) = (row.unit, row.digits);
    write!(text, "| {} | {own:.digits$} {unit} | {}: {baseline:.digits$} {unit} ", row.name, row.baseline)?;
    write!(text, "| {ratio:.2} | {} ", bound(row.target))?;
    match shown.processor {
        Some([own, other]) => write!(text, "| {own:.0} | {other:.0} ")?,
        None => write!(text, "| | ")?,
    }
    match shown.foreign {
        Some([own, other]) => write!(text, "| {:.0}, {:.0} ", own * 100.0, other * 100.0)?,
        None => write!(text, "| ")?,
    }
    let verdict = match (row.target.admits(*ratio), row.floor.admits(*ratio)) {
        (true, _) => "good".to_owned(),
        (false, true) => format!("misses the target, floor {}", bound(row.floor)),
        (false, false) => format!("BELOW THE FLOOR {}", bound(row.floor)),
    };
    Ok(writeln!(text, "| {verdict} |")?)
}

fn bound(bound: Bound) -> String {
    match bound {
        Bound::AtLeast(least) => format!(">= {least:.2}"),
        Bound::AtMost(most) => format!("<= {most:.2}"),
    }
}
