//! Ours and its baseline, by turns.

use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::load::{self, Requests};
use crate::machine::{Loop, Machine, Program, busy};
use crate::rows::{Row, Shown};
use crate::{Options, Result, count};

/// How long both sides run before anything counts.
const WARM_UP: Duration = Duration::from_secs(1);

/// One side.
#[derive(Debug)]
pub(crate) struct Side {
    /// All that do the work, apart from a loop.
    pub(crate) programs: Vec<Rc<Program>>,
    pub(crate) work: Work,
}

/// What keeps a side busy.
#[derive(Debug)]
pub(crate) enum Work {
    /// The first program answers requests over so many connections.
    Answer(Requests, usize),
    /// A program that does the operation over and over.
    Repeat(Loop),
}

/// What one turn of one side has shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    /// Operations per second.
    pub(crate) rate: f64,
    /// Microseconds of user and system time for each operation.
    pub(crate) processor: f64,
    /// Share of the core that others took.
    pub(crate) foreign: f64,
}

/// An operation, measured on both sides.
#[derive(Debug)]
pub(crate) struct Duel(Vec<[Turn; 2]>);

impl Duel {
    /// Lets the sides take turns.
    pub(crate) async fn run(options: &Options, machine: &Machine, own: Side, baseline: Side) -> Result<Self> {
        for side in [&own, &baseline] {
            turn(side, machine, WARM_UP).await?;
        }
        let mut rounds = Vec::with_capacity(options.rounds);
        for _ in 0..options.rounds {
            let time = options.turn();
            rounds.push([turn(&own, machine, time).await?, turn(&baseline, machine, time).await?]);
        }
        Ok(Self(rounds))
    }

    /// A row of the table from one number of each turn.
    pub(crate) fn show(&self, row: &'static Row, number: impl Fn(&Turn) -> f64) -> Shown {
        let medians = |number: &dyn Fn(&Turn) -> f64| {
            let side = |place: usize| median(self.0.iter().filter_map(|round| round.get(place)).map(number));
            [side(0), side(1)]
        };
        let [own, baseline] = medians(&number);
        Shown {
            row,
            own,
            baseline,
            // Each of two turns that followed one another.
            ratio: median(self.0.iter().map(|[own, baseline]| number(own) / number(baseline))),
            processor: Some(medians(&|turn| turn.processor)),
            foreign: Some(medians(&|turn| turn.foreign)),
        }
    }
}

/// Two sides that answer differently do not do the same work.
pub(crate) async fn require_same_answer(sides: [&Side; 2]) -> Result<()> {
    let mut answers = Vec::with_capacity(2);
    for side in sides {
        let (Some(program), Work::Answer(requests, _)) = (side.programs.first(), &side.work) else {
            return Err("a loop gives no answer".into());
        };
        let request = requests.first().ok_or("there is nothing to ask")?;
        answers.push(String::from_utf8(load::once(program.address, request).await?)?);
    }
    match answers.as_slice() {
        [own, other] if own == other => Ok(()),
        _ => Err(format!("the answers differ:\n{}", answers.join("\n")).into()),
    }
}

async fn turn(side: &Side, machine: &Machine, time: Duration) -> Result<Turn> {
    let used = || side.programs.iter().map(|program| program.processor()).sum::<Result<Duration>>();
    let (begun, used_before, busy_before) = (Instant::now(), used()?, busy()?);
    let (operations, elapsed, beside) = match &side.work {
        Work::Answer(requests, connections) => {
            let program = side.programs.first().ok_or("nobody answers")?;
            let answered = load::run(program.address, requests, *connections, time).await?;
            (answered.latencies.len(), answered.elapsed, Duration::ZERO)
        }
        Work::Repeat(repeated) => {
            let done = machine.repeat(repeated, time)?;
            (done.operations, done.elapsed, done.processor)
        }
    };
    let processor = (used()?.saturating_sub(used_before) + beside).as_secs_f64();
    let taken = busy()?.saturating_sub(busy_before).as_secs_f64();
    let (operations, whole) = (count(operations), begun.elapsed().as_secs_f64());
    Ok(Turn {
        rate: operations / elapsed.as_secs_f64(),
        processor: processor / operations * 1e6,
        foreign: ((taken - processor) / whole).max(0.0),
    })
}

/// The one in the middle.
pub(crate) fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
