//! The server and its baseline under the same load, by turns.

use std::time::Duration;

use crate::load::{self, Requests};
use crate::machine::Program;
use crate::{Options, Result};

/// How long both sides run before anything counts.
const WARM_UP: Duration = Duration::from_secs(1);

/// One side: a program and the requests it gets.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) program: Program,
    pub(crate) requests: Requests,
}

/// What one turn of one side has shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    /// Answers per second.
    pub(crate) rate: f64,
    /// Half of the answers came within this many milliseconds.
    pub(crate) p50: f64,
    /// 99 of 100 answers came within this many milliseconds.
    pub(crate) p99: f64,
    /// Microseconds of user and system time for each answer.
    pub(crate) processor: f64,
    /// Resident set after the turn in MiB.
    pub(crate) memory: f64,
    /// Share of the core that others took.
    pub(crate) foreign: f64,
}

/// An operation, measured on both sides.
#[derive(Debug)]
pub(crate) struct Duel {
    /// What is measured.
    pub(crate) name: &'static str,
    /// The least ratio of rates that is good enough.
    pub(crate) floor: f64,
    /// The names of the server and of the baseline.
    pub(crate) sides: [&'static str; 2],
    /// The turns of both, round by round.
    pub(crate) rounds: Vec<[Turn; 2]>,
}

impl Duel {
    /// Lets the sides take turns.
    pub(crate) async fn run(
        name: &'static str,
        floor: f64,
        options: &Options,
        server: Side,
        baseline: Side,
    ) -> Result<Self> {
        require_same_answer(&server, &baseline).await?;
        for side in [&server, &baseline] {
            turn(side, options, WARM_UP).await?;
        }
        let mut rounds = Vec::with_capacity(options.rounds);
        for _ in 0..options.rounds {
            rounds
                .push([turn(&server, options, options.turn()).await?, turn(&baseline, options, options.turn()).await?]);
        }
        Ok(Self { name, floor, sides: [server.program.name, baseline.program.name], rounds })
    }

    /// The median of one number of one side; 0 is the server.
    pub(crate) fn median(&self, side: usize, number: impl Fn(&Turn) -> f64) -> f64 {
        median(self.rounds.iter().filter_map(|round| round.get(side)).map(number))
    }

    /// The median of the ratios, each of two turns that followed one another.
    pub(crate) fn ratio(&self, number: impl Fn(&Turn) -> f64) -> f64 {
        median(self.rounds.iter().map(|[server, baseline]| number(server) / number(baseline)))
    }

    /// Whether the server is too slow.
    pub(crate) fn falls_short(&self) -> bool {
        self.ratio(|turn| turn.rate) < self.floor
    }
}

/// Two sides that answer differently do not do the same work.
async fn require_same_answer(server: &Side, baseline: &Side) -> Result<()> {
    let mut answers = Vec::with_capacity(2);
    for side in [server, baseline] {
        let request = side.requests.first().ok_or("there is nothing to ask")?;
        answers.push(String::from_utf8(load::once(side.program.address, request).await?)?);
    }
    match answers.as_slice() {
        [own, other] if own == other => Ok(()),
        _ => Err(format!("the answers differ:\n{}", answers.join("\n")).into()),
    }
}

async fn turn(side: &Side, options: &Options, time: Duration) -> Result<Turn> {
    let before = side.program.usage()?;
    let answered = load::run(side.program.address, &side.requests, options.connections, time).await?;
    let after = side.program.usage()?;
    let processor = after.processor.saturating_sub(before.processor).as_secs_f64();
    let busy = after.busy.saturating_sub(before.busy).as_secs_f64();
    let (elapsed, answers) = (answered.elapsed.as_secs_f64(), count(answered.latencies.len()));
    Ok(Turn {
        rate: answers / elapsed,
        p50: answered.quantile(0.5).as_secs_f64() * 1e3,
        p99: answered.quantile(0.99).as_secs_f64() * 1e3,
        processor: processor / answers * 1e6,
        memory: after.memory,
        foreign: ((busy - processor) / elapsed).max(0.0),
    })
}

#[expect(clippy::cast_precision_loss, reason = "some hundred thousands")]
fn count(number: usize) -> f64 {
    number as f64
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
