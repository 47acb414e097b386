//! `get-session`, the call that every other call makes first.

use std::path::Path;
use std::rc::Rc;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::data::{Data, SECRET};
use crate::duel::{Duel, Side, Work, require_same_answer};
use crate::load;
use crate::machine::{Machine, Program};
use crate::rows::{GET_SESSION_POSTGRES, GET_SESSION_POSTGRES_PROCESSOR, GET_SESSION_SQLITE, Shown};
use crate::{Options, Result, folder};

pub(crate) const PATH: &str = "/api/auth/get-session";

/// Both sides over one SQLite file.
pub(crate) async fn on_sqlite(options: &Options, machine: &Machine) -> Result<Vec<Shown>> {
    let folder = folder()?;
    let data = Data::on_sqlite(folder.path(), options.users).await?;
    let duel = duel(options, machine, folder.path(), &data).await?;
    Ok(vec![duel.show(&GET_SESSION_SQLITE, |turn| turn.rate)])
}

/// Both sides over one database of the PostgreSQL server that `TEST_DATABASE_URL` names.
pub(crate) async fn on_postgres(options: &Options, machine: &Machine) -> Result<Vec<Shown>> {
    #[expect(clippy::disallowed_methods, reason = "whoever starts the benchmark chooses the server here")]
    let Some(server) = std::env::var("TEST_DATABASE_URL").ok().filter(|url| !url.is_empty()) else {
        return Ok(Vec::new());
    };
    let name = format!("identity_benches_{}", std::process::id());
    let (root, _) = server.rsplit_once('/').ok_or("TEST_DATABASE_URL names no database")?;
    let mut administrator = PgConnection::connect(&server).await?;
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut administrator).await?;
    let measured = async {
        let folder = folder()?;
        let data = Data::fill(format!("{root}/{name}"), options.users).await?;
        duel(options, machine, folder.path(), &data).await
    };
    let measured = measured.await;
    sqlx::query(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).execute(&mut administrator).await?;
    let duel = measured?;
    Ok(vec![
        duel.show(&GET_SESSION_POSTGRES, |turn| turn.rate),
        duel.show(&GET_SESSION_POSTGRES_PROCESSOR, |turn| 1e6 / turn.processor),
    ])
}

async fn duel(options: &Options, machine: &Machine, folder: &Path, data: &Data) -> Result<Duel> {
    let side = |program: Program| {
        let requests = load::get(PATH, &program.host(), &data.cookies);
        Side { programs: vec![Rc::new(program)], work: Work::Answer(requests, options.connections) }
    };
    let server = side(machine.start_server(folder, &data.url, SECRET, &[])?);
    let baseline = side(machine.start_baseline(folder, &data.url, SECRET)?);
    require_same_answer([&server, &baseline]).await?;
    Duel::run(options, machine, server, baseline).await
}
