//! The table.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::duel::{Duel, Turn};
use crate::machine::Machine;
use crate::{Options, Result};

/// A column: its title, its digits after the point, and its number.
type Column = (&'static str, usize, fn(&Turn) -> f64);

const COLUMNS: [Column; 6] = [
    ("req/s", 0, |turn| turn.rate),
    ("p50 ms", 2, |turn| turn.p50),
    ("p99 ms", 2, |turn| turn.p99),
    ("CPU us/req", 1, |turn| turn.processor),
    ("RSS MiB", 1, |turn| turn.memory),
    ("foreign %", 0, |turn| turn.foreign * 100.0),
];

/// Writes one table for each duel to the standard output.
pub(crate) fn print(options: &Options, machine: &Machine, duels: &[Duel]) -> Result<()> {
    let mut text = String::new();
    for duel in duels {
        describe(&mut text, options, machine, duel)?;
    }
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

fn describe(text: &mut String, options: &Options, machine: &Machine, duel: &Duel) -> Result<()> {
    let Options { users, connections, rounds, seconds, .. } = options;
    let cores = if machine.pins { "one core" } else { "cores not pinned: taskset is missing" };
    writeln!(
        text,
        "\n{}: {users} users, {connections} connections, median of {rounds} rounds of {seconds} s, {cores}\n",
        duel.name
    )?;
    write!(text, "{:18}", "")?;
    for (title, ..) in COLUMNS {
        write!(text, "{title:>12}")?;
    }
    for (side, name) in duel.sides.iter().enumerate() {
        write!(text, "\n{name:18}")?;
        for (_, digits, number) in COLUMNS {
            write!(text, "{:12.digits$}", duel.median(side, number))?;
        }
    }
    write!(text, "\n{:18}", "ratio")?;
    // How others disturb a turn is not a thing to compare.
    for (_, _, number) in COLUMNS.iter().take(COLUMNS.len() - 1) {
        write!(text, "{:12.2}", duel.ratio(number))?;
    }
    let verdict = if duel.falls_short() { "BELOW THE FLOOR" } else { "good" };
    writeln!(text, "\n\nratio of req/s {:.2}, floor {:.2}: {verdict}", duel.ratio(|turn| turn.rate), duel.floor)?;
    Ok(())
}
