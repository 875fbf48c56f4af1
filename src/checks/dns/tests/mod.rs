//! The probe against a real server, against hostile ones, and its printing against RFC examples.

mod hostile;
mod lab;
mod print;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Dns;
use crate::model::{Arg, Args, Fault, Invalid, Observation, Value};
use crate::probe::{Cx, Probe};

/// Patience where an answer comes; long enough for a busy machine.
const PATIENT: f64 = 20.0;
/// Patience where none comes.
pub(in crate::checks::dns) const BRIEF: f64 = 0.2;

/// Arguments with the table's defaults and a long patience; `more` comes on top.
pub(in crate::checks::dns) fn args(server: &str, name: &str, more: &[(&'static str, Arg)]) -> Args {
    let mut args = Args::default();
    for (field, arg) in [
        ("server", Arg::List(vec![Arg::Text(server.to_owned())])),
        ("name", Arg::Text(name.to_owned())),
        ("type", Arg::Text("A".to_owned())),
        ("class", Arg::Text("IN".to_owned())),
        ("transport", Arg::Text("udp".to_owned())),
        ("recursion", Arg::Bool(true)),
        ("edns", Arg::Bool(true)),
        ("edns_size", Arg::Number(1232.0)),
        ("dnssec", Arg::Text("false".to_owned())),
        ("nsid", Arg::Bool(false)),
        ("family", Arg::Text("any".to_owned())),
        ("timeout", Arg::Number(PATIENT)),
        ("attempts", Arg::Integer(1)),
    ] {
        args.0.insert(field, arg);
    }
    args.0.extend(more.iter().cloned());
    args
}

pub(in crate::checks::dns) fn text(word: &str) -> Arg {
    Arg::Text(word.to_owned())
}

pub(in crate::checks::dns) fn build(args: &Args) -> Result<Dns, Invalid> {
    Dns::from_args(args)
}

pub(in crate::checks::dns) async fn run(args: &Args) -> (Observation, Result<(), Fault>) {
    let probe = build(args).unwrap();
    let mut seen = Observation::default();
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut cx = Cx::new(&mut seen, Dns::FACTS, deadline, 7, CancellationToken::new());
    let _haste = crate::testing::haste();
    let result = probe.run(&mut cx).await;
    (seen, result)
}

/// One round against `server`.
pub(in crate::checks::dns) async fn look(server: SocketAddr, name: &str, more: &[(&'static str, Arg)]) -> Observation {
    let (seen, result) = run(&args(&server.to_string(), name, more)).await;
    result.unwrap();
    seen
}

pub(in crate::checks::dns) fn list(seen: &Observation, fact: &str) -> Vec<String> {
    let Some(Value::Array(items)) = seen.last(fact) else { panic!("no list {fact} in {seen:?}") };
    items.iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

pub(in crate::checks::dns) fn number(seen: &Observation, fact: &str) -> i64 {
    seen.last(fact).and_then(Value::as_i64).unwrap_or_else(|| panic!("no number {fact} in {seen:?}"))
}
