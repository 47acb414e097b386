//! Sign-in: what it costs beside its hash, and what it costs those who are signed in.

use std::rc::Rc;
use std::time::Duration;

use crate::data::{Data, SECRET};
use crate::duel::{Duel, Side, Work, median};
use crate::get_session::PATH as GET_SESSION;
use crate::load::{self, Requests};
use crate::machine::{Loop, Machine, Program};
use crate::rows::{MEMORY_PER_PERMIT, SIGN_IN, STORM_LATENCY, STORM_MEMORY, Shown};
use crate::{Options, Result, folder};

const PATH: &str = "/api/auth/sign-in/email";

/// How many sign in at once: enough to keep the core busy, and as many as the storm has.
const ALONE: usize = 16;
const STORM: usize = 32;

/// A hundred probes a second.
const PAUSE: Duration = Duration::from_millis(10);

/// One hash at a time, because there is one core.
const SETTINGS: [(&str, &str); 2] = [("IDENTITY_LIMITS__ENABLED", "false"), ("IDENTITY_PASSWORD__PERMITS", "1")];

/// Sign-ins beside their hashes alone.
pub(crate) async fn alone(options: &Options, machine: &Machine) -> Result<Vec<Shown>> {
    let folder = folder()?;
    let data = Data::on_sqlite(folder.path(), options.users).await?;
    let server = machine.start_server(folder.path(), &data.url, SECRET, &SETTINGS)?;
    let work = Work::Answer(sign_ins(&server, &data), ALONE);
    let server = Side { programs: vec![Rc::new(server)], work };
    let hash = Side { programs: Vec::new(), work: Work::Repeat(Loop(vec!["hash".to_owned()])) };
    let duel = Duel::run(options, machine, server, hash).await?;
    Ok(vec![duel.show(&SIGN_IN, |turn| turn.rate)])
}

/// Those who are signed in, without and with many who sign in.
pub(crate) async fn storm(options: &Options, machine: &Machine) -> Result<Vec<Shown>> {
    let folder = folder()?;
    let data = Data::on_sqlite(folder.path(), options.users).await?;
    let server = machine.start_server(folder.path(), &data.url, SECRET, &SETTINGS)?;
    let (probes, sign_ins) = (load::get(GET_SESSION, &server.host(), &data.cookies), sign_ins(&server, &data));
    let mut rounds = Vec::new();
    // A 99th percentile takes more answers than a median.
    let time = options.turn() * 2;
    // What as many connections take that do not sign in.
    p99(&server, &probes, (&probes, STORM), options.turn()).await?;
    let base = server.memory("VmRSS")?;
    for _ in 0..options.rounds {
        let idle = p99(&server, &probes, (&sign_ins, 0), time).await?;
        let storm = p99(&server, &probes, (&sign_ins, STORM), time).await?;
        let most = server.memory("VmHWM")?;
        rounds.push((storm, 2.0 * idle + 3.0, most - base));
    }
    let latency = Shown {
        row: &STORM_LATENCY,
        own: median(rounds.iter().map(|(storm, ..)| *storm)),
        baseline: median(rounds.iter().map(|(_, limit, _)| *limit)),
        ratio: median(rounds.iter().map(|(storm, limit, _)| storm / limit)),
        processor: None,
        foreign: None,
    };
    let most = rounds.iter().map(|(.., memory)| *memory).fold(0.0, f64::max);
    Ok(vec![latency, Shown::within(&STORM_MEMORY, most, MEMORY_PER_PERMIT)])
}

fn sign_ins(server: &Program, data: &Data) -> Requests {
    load::post(PATH, &server.host(), &data.sign_ins)
}

/// In milliseconds.
async fn p99(server: &Program, probes: &Requests, others: (&Requests, usize), time: Duration) -> Result<f64> {
    let answered = load::probe(server.address, (probes, PAUSE), others, time).await?;
    Ok(answered.quantile(0.99).as_secs_f64() * 1e3)
}
