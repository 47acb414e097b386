//! What a run has measured.

use std::io::Write as _;
use std::time::Duration;

/// Shows a line to whoever reads along.
pub(crate) fn say(line: &str) {
    // Nobody may be reading.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The time that this share of `times` did not exceed.
pub(crate) fn quantile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times.get(times.len() * percent / 100).or(times.last()).copied().unwrap_or_default()
}
