//! `get-session`, the call that every other call makes first.

use crate::data::{Data, SECRET};
use crate::duel::{Duel, Side};
use crate::load;
use crate::machine::{Machine, Program};
use crate::{Options, Result};

const PATH: &str = "/api/auth/get-session";

/// The least share of the baseline's rate.
const FLOOR: f64 = 0.80;

/// Both sides over one SQLite file.
pub(crate) async fn on_sqlite(options: &Options, machine: &Machine) -> Result<Duel> {
    let folder = tempfile::Builder::new().prefix("identity-benches-").tempdir()?;
    let data = Data::on_sqlite(folder.path(), options.users).await?;
    let server = machine.start_server(folder.path(), &data.url, SECRET)?;
    let baseline = machine.start_baseline(folder.path(), &data.url, SECRET)?;
    Duel::run("get-session on SQLite", FLOOR, options, side(server, &data), side(baseline, &data)).await
}

fn side(program: Program, data: &Data) -> Side {
    let host = format!("localhost:{}", program.address.port());
    Side { requests: load::get(PATH, &host, &data.cookies), program }
}
