//! Loads against servers in this process: a good one, and one for every way of being bad.

mod counts;
mod honest;
mod lines;
mod server;
mod wrong;

use std::net::SocketAddr;

use tokio::time::Instant;

use super::Load;
use crate::checks::dns::Dns;
use crate::model::{Arg, Args, Fault, Invalid, Observation};
use crate::probe::Probe as _;
use crate::testing::{self, Written, observe_with, text, texts};

/// Long enough for an answer on a busy machine.
const PATIENT: f64 = 20.0;
/// Where no answer comes.
const BRIEF: f64 = 0.3;

/// Fields of a check with the defaults of the table, a load of 500 queries/s for 0.2 s among them.
fn args(server: SocketAddr, load: Written<'_>, more: Written<'_>) -> Args {
    let mut inner = Args::default();
    inner.0.extend([
        ("rate", Arg::Number(500.0)),
        ("duration", Arg::Number(0.2)),
        ("concurrency", Arg::Integer(2)),
        // Nothing is late unless a test is about that.
        ("late", Arg::Number(PATIENT)),
    ]);
    inner.0.extend(load.iter().cloned());
    let common =
        [("server", texts(&[&server.to_string()])), ("timeout", Arg::Number(PATIENT)), ("attempts", Arg::Integer(1))];
    let mut args = testing::args(common, more);
    if !args.0.contains_key("name") && !inner.0.contains_key("names") && !inner.0.contains_key("queries") {
        args.0.insert("name", text("www.load.test"));
    }
    args.0.insert("load", Arg::Group(inner));
    args
}

fn build(args: &Args) -> Result<Load, Invalid> {
    Load::from_args(args, &args.get(&super::fields::LOAD).unwrap())
}

async fn run(load: &Load) -> (Observation, Result<(), Fault>) {
    let deadline = Instant::now() + load.longest();
    let ended = observe_with(Dns::FACTS, load.longest(), async |cx| load.run(cx).await).await;
    assert!(Instant::now() < deadline, "longer than it said");
    ended
}

/// One round that is measured.
async fn observed(server: SocketAddr, load: Written<'_>, more: Written<'_>) -> Observation {
    let (observation, result) = run(&build(&args(server, load, more)).unwrap()).await;
    result.unwrap_or_else(|fault| panic!("{fault}: {:?}", observation.notes()));
    observation
}
