//! Loads against servers in this process: a good one, and one for every way of being bad.

mod counts;
mod honest;
mod lines;
mod server;
mod wrong;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Load;
use crate::model::{Arg, Args, Fault, Invalid, Observation, Value};
use crate::probe::Cx;

/// Long enough for an answer on a busy machine.
const PATIENT: f64 = 20.0;
/// Where no answer comes.
const BRIEF: f64 = 0.3;

fn text(word: &str) -> Arg {
    Arg::Text(word.to_owned())
}

fn list(words: &[&str]) -> Arg {
    Arg::List(words.iter().map(|word| text(word)).collect())
}

/// Fields of a check with the defaults of the table, a load of 200 queries/s for half a second among them.
fn args(server: SocketAddr, load: &[(&'static str, Arg)], more: &[(&'static str, Arg)]) -> Args {
    let mut inner = Args::default();
    inner.0.extend([
        ("rate", Arg::Number(200.0)),
        ("duration", Arg::Number(0.5)),
        ("concurrency", Arg::Integer(2)),
        // Nothing is late unless a test is about that.
        ("late", Arg::Number(PATIENT)),
    ]);
    inner.0.extend(load.iter().cloned());
    let mut args = Args::default();
    args.0.extend([
        ("server", list(&[&server.to_string()])),
        ("type", text("A")),
        ("class", text("IN")),
        ("transport", text("udp")),
        ("recursion", Arg::Bool(true)),
        ("edns", Arg::Bool(true)),
        ("edns_size", Arg::Number(1232.0)),
        ("family", text("any")),
        ("timeout", Arg::Number(PATIENT)),
        ("attempts", Arg::Integer(1)),
    ]);
    args.0.extend(more.iter().cloned());
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
    let mut seen = Observation::default();
    let deadline = Instant::now() + load.longest();
    let result = load
        .run(&mut Cx::new(
            &mut seen,
            <crate::checks::dns::Dns as crate::probe::Probe>::FACTS,
            deadline,
            7,
            CancellationToken::new(),
        ))
        .await;
    assert!(Instant::now() < deadline, "longer than it said");
    (seen, result)
}

/// One round that is measured.
async fn look(server: SocketAddr, load: &[(&'static str, Arg)], more: &[(&'static str, Arg)]) -> Observation {
    let (seen, result) = run(&build(&args(server, load, more)).unwrap()).await;
    result.unwrap_or_else(|fault| panic!("{fault}: {:?}", seen.notes()));
    seen
}

#[track_caller]
fn count(seen: &Observation, name: &str) -> i64 {
    seen.last(name).and_then(Value::as_i64).unwrap_or_else(|| panic!("no {name} in {seen:?}"))
}

#[track_caller]
fn number(seen: &Observation, name: &str) -> f64 {
    seen.last(name).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {name} in {seen:?}"))
}

/// Whether a note says so.
#[track_caller]
fn noted(seen: &Observation, words: &str) {
    assert!(seen.notes().iter().any(|note| note.contains(words)), "no `{words}` in {:?}", seen.notes());
}

/// Waits until `there` holds.
async fn until(mut there: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !there() {
        assert!(Instant::now() < end, "it never came");
        // The server has a thread of its own: there is nothing to wait for but its count.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
