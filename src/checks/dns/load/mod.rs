//! Load: how many queries a server answers rightly, and how fast, at a rate or at most.
//!
//! Every reply is checked. Latency runs from the time a query should have left, so that neither a slow sender nor a server
//! that stalls can hide what callers would have felt.

mod counts;
mod facts;
mod fields;
mod max_rate;
mod modes;
mod queries;
mod reference_answers;
mod report;
#[cfg(target_os = "linux")]
mod run;
#[cfg(test)]
mod tests;
mod verify;
#[cfg(target_os = "linux")]
mod worker;

/// Reads `text` as a file of queries; for the fuzzer.
#[cfg(feature = "fuzzing")]
pub fn fuzz_queries(text: &str) {
    let args = crate::model::Args::default();
    if let Ok(questions) = queries::Questions::parse(&args, text) {
        assert!(questions.at(7).is_some(), "questions that nobody asks");
    }
}

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub(super) use facts::FACTS;
use fields::{CONCURRENCY, DURATION, LATE, LOSS, NAMES, QUERIES, RATE};
pub(super) use fields::{FIELDS, LOAD};
pub(super) use modes::MODES;
use queries::{Line, Questions};

use super::facts::{ADDRESS, OUTCOME};
use super::fields::{ATTEMPTS, EDNS_SIZE, NAME, RECURSION, TYPE};
use super::server;
use super::transport::{self, TRANSPORT, TransportWord};
use crate::checks::shared::target::Target;
use crate::model::{Args, Fault, Invalid, RateOr, Text};
use crate::probe::{Cx, EarlyEnd};

/// Most sockets; each has 65,536 ids.
const SOCKETS: usize = 64;
/// Ids of a socket a schedule may need at once, so that none is used again before its timeout.
const IDS: f64 = 60_000.0;
/// Receive buffer to ask for: some ten thousand answers.
const BUFFER: usize = 8 << 20;
/// Room for an answer, where less was asked for.
const ROOM: usize = 4096;

/// How queries are driven.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Goal {
    /// So many per second.
    Rate(f64),
    /// As many as are answered with at most this share lost.
    Max(f64),
}

/// Where questions come from.
enum Source {
    Lines(Vec<Line>),
    File(Text),
}

/// A server, questions, and how to ask them.
pub(super) struct Load {
    target: Target,
    goal: Goal,
    duration: Duration,
    late: Duration,
    sockets: usize,
    questions: Source,
    args: Args,
    /// Receive buffer to ask for.
    buffer: usize,
}

impl Load {
    pub(super) fn from_args(args: &Args, load: &Args) -> Result<Self, Invalid> {
        let target = server::single(args, "a load", transport::default_port(args))?;
        if args.get(&TRANSPORT) != TransportWord::Udp {
            return Err(TRANSPORT.invalid("a load goes over udp", "leave `transport` out"));
        }
        if args.get(&ATTEMPTS).is_some_and(|attempts| attempts != 1) {
            return Err(ATTEMPTS.invalid("a load sends each query once", "leave `attempts` out"));
        }
        let goal = goal(load)?;
        Ok(Self {
            goal,
            duration: load.get(&DURATION),
            late: load.get(&LATE),
            sockets: sockets(load, goal, target.timeout)?,
            questions: source_of(args, load)?,
            args: args.clone(),
            buffer: BUFFER,
            target,
        })
    }

    /// The server, for people.
    pub(super) fn label(&self) -> String {
        self.target.label()
    }

    /// Name, first question and further questions have the patience each, and so have queries in flight at the end.
    pub(super) fn longest(&self) -> Duration {
        let load = match self.goal {
            Goal::Rate(_) => self.duration + self.target.timeout + Duration::from_secs(1),
            Goal::Max(_) => max_rate::longest(self.duration, self.target.timeout),
        };
        self.target.timeout * 3 + load + Duration::from_secs(3)
    }

    pub(super) async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        match self.load(cx).await {
            Ok(()) => Ok(()),
            Err(end) => end.record(cx, &OUTCOME),
        }
    }

    async fn load(&self, cx: &mut Cx<'_>) -> Result<(), EarlyEnd> {
        let questions = Arc::new(match &self.questions {
            // Built anew for each round: what one round learned must not excuse the next.
            Source::Lines(lines) => Questions::of(&self.args, lines)
                .map_err(|error| Fault::local("prepare queries", self.label(), error.message, error.help))?,
            Source::File(path) => Questions::read(self.args.clone(), path).await?,
        });
        let address = self.target.address().await?;
        cx.set(&ADDRESS, self.target.origin.label(address));
        let server = self.target.socket(address);
        reference_answers::collect(cx, &self.target, server, &questions).await?;
        Ok(self.measure(cx, server, questions).await?)
    }

    #[cfg(target_os = "linux")]
    async fn measure(&self, cx: &mut Cx<'_>, server: SocketAddr, questions: Arc<Questions>) -> Result<(), Fault> {
        let pacing = match self.goal {
            Goal::Rate(rate) => worker::Pacing::Rate(rate),
            Goal::Max(_) => worker::Pacing::Window(1),
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let job = worker::Job {
            server,
            origin: self.target.origin,
            questions,
            pacing,
            duration: self.duration,
            timeout: self.target.timeout,
            late: self.late,
            sockets: self.sockets,
            workers: self.sockets.min(cores),
            buffer: self.buffer,
            longest: ROOM.max(usize::from(self.args.get(&EDNS_SIZE))),
            strict: !self.args.get(&RECURSION),
            seed: cx.seed(),
        };
        match self.goal {
            Goal::Rate(rate) => {
                let counts = run::run(&Arc::new(job)).await?;
                report::rate(
                    cx,
                    &report::LoadSpan {
                        server,
                        duration: self.duration,
                        workers: self.sockets.min(cores),
                        sockets: self.sockets,
                    },
                    rate,
                    &counts,
                )
            }
            Goal::Max(loss) => max_rate::search(cx, job, loss).await,
        }
    }

    #[cfg(not(target_os = "linux"))]
    async fn measure(&self, _: &mut Cx<'_>, server: SocketAddr, _: Arc<Questions>) -> Result<(), Fault> {
        Err(Fault::local("send DNS load", server.to_string(), "not on this system", "run the check on Linux"))
    }
}

fn goal(load: &Args) -> Result<Goal, Invalid> {
    match (load.get(&RATE), load.get(&LOSS)) {
        (Some(RateOr::Rate(_)), Some(_)) => Err(LOAD.invalid(
            "`loss` belongs to `rate: max`, where it bounds what still counts as sustained",
            "expect load.loss: {le: 0.1%} instead",
        )),
        (Some(RateOr::Rate(rate)), None) => Ok(Goal::Rate(rate)),
        (_, loss) => Ok(Goal::Max(loss.unwrap_or(max_rate::LOSS))),
    }
}

/// Sockets: as many as asked for, and for a schedule as many as it needs ids.
fn sockets(load: &Args, goal: Goal, patience: Duration) -> Result<usize, Invalid> {
    let asked = load.get(&CONCURRENCY);
    let Goal::Rate(rate) = goal else { return Ok(asked) };
    let needed = (rate * patience.as_secs_f64() / IDS).ceil();
    if needed > SOCKETS as f64 {
        let most = whole(SOCKETS as f64 * IDS / patience.as_secs_f64());
        return Err(LOAD.invalid(
            format!(
                "{rate:.0} queries/s that may each wait {patience:?} need more than {SOCKETS} sockets of 65,536 ids"
            ),
            format!("with this `timeout` write at most {most} /s, or shorten `timeout`"),
        ));
    }
    Ok(asked.max(usize::try_from(whole(needed)).unwrap_or(SOCKETS)))
}

fn source_of(args: &Args, load: &Args) -> Result<Source, Invalid> {
    let (names, file, name) = (load.get(&NAMES), load.get(&QUERIES), args.get(&NAME));
    let given = [(!names.is_empty(), NAMES.name()), (file.is_some(), QUERIES.name()), (name.is_some(), NAME.name())];
    let given: Vec<&str> = given.iter().filter(|(there, _)| *there).map(|(_, field)| *field).collect();
    if let [one, .., other] = given.as_slice() {
        let message = format!("`{one}` says what to ask for, and `{other}` too");
        return Err(if *other == NAME.name() {
            NAME.invalid(message, "keep one")
        } else {
            LOAD.invalid(message, "keep one")
        });
    }
    if let Some(file) = file {
        // The type is that of lines that name none: a wrong one is found before anything is sent.
        Questions::of(args, &[Line::name("test.")])?;
        return Ok(Source::File(file));
    }
    if let Some(name) = name {
        let lines = vec![Line::name(&name).written_by_hand()];
        Questions::of(args, &lines)?;
        return Ok(Source::Lines(lines));
    }
    if names.is_empty() {
        let help = "write name: www.example, or names or queries under `load`";
        return Err(LOAD.invalid("a load needs something to ask for", help));
    }
    let lines = names.iter().map(|name| parse_entry(name)).collect::<Result<Vec<_>, _>>()?;
    // An entry of `names` is no field of its own to point at.
    let at_load = |error: Invalid| match error.field {
        field if field == NAME.name() || field == TYPE.name() => Invalid { field: LOAD.name(), ..error },
        _ => error,
    };
    Questions::of(args, &lines).map_err(at_load)?;
    Ok(Source::Lines(lines))
}

/// One entry of `names`.
fn parse_entry(name: &str) -> Result<Line, Invalid> {
    const HELP: &str = "write `name`, `name type` or `name type rcode data`";
    match queries::line(name) {
        Ok(Some(line)) => Ok(line.written_by_hand()),
        Ok(None) => Err(LOAD.invalid(format!("`{name}` in `names` is no name"), HELP)),
        Err(why) => Err(LOAD.invalid(format!("`{name}` in `names`: {why}"), HELP)),
    }
}

/// A quantity as a whole number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, which is wanted here")]
fn whole(value: f64) -> u64 {
    value as u64
}
