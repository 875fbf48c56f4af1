//! The probe against a real server and against hostile ones.

mod aliases;
mod hostile;
mod lab;
mod seen_in_part;

use std::net::SocketAddr;

use super::Dns;
use crate::model::{Arg, Args, Fault, Invalid, Observation};
use crate::probe::Probe;
use crate::testing::{self, Written, text, texts};

/// Patience where an answer comes; long enough for a busy machine.
const PATIENT: f64 = 20.0;
/// Patience where none comes.
pub(in crate::checks::dns) const BRIEF: f64 = 0.2;

/// Arguments with the table's defaults and a long patience; `more` comes on top.
pub(in crate::checks::dns) fn args(server: &str, name: &str, more: Written<'_>) -> Args {
    let common = [
        ("server", texts(&[server])),
        ("name", text(name)),
        ("timeout", Arg::Number(PATIENT)),
        ("attempts", Arg::Integer(1)),
    ];
    testing::args(common, more)
}

pub(in crate::checks::dns) fn build(args: &Args) -> Result<Dns, Invalid> {
    Dns::from_args(args)
}

pub(in crate::checks::dns) async fn run(args: &Args) -> (Observation, Result<(), Fault>) {
    let _fast_forward = testing::fast_forward();
    testing::observe(&build(args).unwrap()).await
}

/// One round against `server`.
pub(in crate::checks::dns) async fn observed(server: SocketAddr, name: &str, more: Written<'_>) -> Observation {
    let (observation, result) = run(&args(&server.to_string(), name, more)).await;
    result.unwrap();
    observation
}
