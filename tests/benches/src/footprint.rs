//! What the server takes before anybody asks it for anything.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::data::{Data, SECRET};
use crate::duel::median;
use crate::load;
use crate::machine::Machine;
use crate::rows::{BINARY, BINARY_SIZE, IDLE_MEMORY, MEMORY, START, START_TIME, Shown};
use crate::{Options, Result, count, folder};

/// How long it is left alone before its memory counts: its workers have had their first turns.
const SETTLED: Duration = Duration::from_secs(2);

/// Memory, start and size.
pub(crate) async fn measure(options: &Options, machine: &Machine) -> Result<Vec<Shown>> {
    let folder = folder()?;
    let data = Data::on_sqlite(folder.path(), options.users).await?;
    let (mut memory, mut times) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let server = machine.start_server(folder.path(), &data.url, SECRET, &[])?;
        let ready = load::get("/health/ready", &server.host(), &[String::new()]);
        load::once(server.address, ready.first().ok_or("there is nothing to ask")?).await?;
        times.push(server.begun.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(SETTLED).await;
        memory.push(server.memory("VmRSS")?);
    }
    let stripped = folder.path().join("stripped");
    if !Command::new("strip").arg("-o").arg(&stripped).arg(machine.server()).status()?.success() {
        return Err("the binary cannot be stripped".into());
    }
    let bytes = count(usize::try_from(fs::metadata(stripped)?.len())?);
    Ok(vec![
        Shown::within(&MEMORY, median(memory.into_iter()), IDLE_MEMORY),
        Shown::within(&START, median(times.into_iter()), START_TIME),
        Shown::within(&BINARY, bytes / 1e6, BINARY_SIZE),
    ])
}
