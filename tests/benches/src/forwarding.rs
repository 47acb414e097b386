//! A base service that forwards cookies, beside the call to its anchor that it makes for each request.

use std::rc::Rc;

use crate::data::{Data, SECRET};
use crate::duel::{Duel, Side, Work};
use crate::get_session::PATH;
use crate::load;
use crate::machine::{Loop, Machine};
use crate::rows::{FORWARDING, Shown};
use crate::{Options, Result, folder};

const SERVICE: &str = "wallet";
const CREDENTIAL: &str = "the-wallet-of-the-benchmarks-proves-itself-with-this";

/// How many cookies the loop has.
const COOKIES: usize = 100;

/// The route that only needs the user, beside a loop that makes the same call with the same client. The time of the anchor counts
/// on both sides.
pub(crate) async fn measure(options: &Options, machine: &Machine) -> Result<Vec<Shown>> {
    let folder = folder()?;
    let data = Data::on_sqlite(folder.path(), options.users).await?;
    let targets = format!("{SERVICE}={CREDENTIAL}");
    let targets = ("IDENTITY_PROVISIONING__TARGETS", targets.as_str());
    let anchor = Rc::new(machine.start_server(folder.path(), &data.url, SECRET, &[targets])?);
    let url = format!("http://{}", anchor.host());
    let service = Rc::new(machine.start_base_service(folder.path(), &url, SERVICE, CREDENTIAL)?);

    let asking = ["ask".to_owned(), format!("{url}{PATH}?disableRefresh=true"), options.connections.to_string()];
    let credential = format!("Bearer {SERVICE}.{CREDENTIAL}");
    let arguments = asking.into_iter().chain([credential]).chain(data.cookies.iter().take(COOKIES).cloned());
    let call = Side { programs: vec![Rc::clone(&anchor)], work: Work::Repeat(Loop(arguments.collect())) };
    let requests = load::get("/me", &service.host(), &data.cookies);
    let own = Side { programs: vec![service, anchor], work: Work::Answer(requests, options.connections) };

    let duel = Duel::run(options, machine, own, call).await?;
    Ok(vec![duel.show(&FORWARDING, |turn| turn.processor)])
}
