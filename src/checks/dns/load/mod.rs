//! Load: how many queries a server answers rightly, and how fast, at a rate or at most.
//!
//! Every reply is checked. Latency runs from the time a query should have left, so that neither a slow sender nor a server
//! that stalls can hide what callers would have felt.

mod fields;
mod learn;
mod pace;
mod peak;
#[cfg(target_os = "linux")]
mod phase;
mod queries;
mod report;
mod slots;
mod tally;
#[cfg(test)]
mod tests;
mod verify;
#[cfg(target_os = "linux")]
mod worker;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub(super) use fields::{FACTS, FIELDS, MODES};
use queries::{Line, Questions};

use super::ask::{ADDRESS, OUTCOME};
use crate::model::{Args, Fault, Invalid};
use crate::net::{IpVersion, dial, endpoint, resolve};
use crate::probe::Cx;

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
    Most(f64),
}

/// Where questions come from.
enum Source {
    Lines(Vec<Line>),
    File(PathBuf),
}

/// A server, questions, and how to ask them.
pub(super) struct Load {
    host: String,
    port: u16,
    family: IpVersion,
    source: Option<IpAddr>,
    patience: Duration,
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
        let servers = args.texts("server");
        let [server] = servers.as_slice() else {
            let message = format!("a load goes to one server, `server` names {}", servers.len());
            return Err(Invalid::at(
                "server",
                message,
                "write server: 192.0.2.53, or a check for each server by a matrix",
            ));
        };
        let (host, port) = endpoint::of("server", server, Some(53))?;
        let (family, source) = IpVersion::with_source(args)?;
        if args.text("transport").is_some_and(|transport| transport != "udp") {
            return Err(Invalid::at("transport", "a load goes over udp", "leave `transport` out"));
        }
        if args.integer("attempts").unwrap_or(1) != 1 {
            return Err(Invalid::at("attempts", "a load sends each query once", "leave `attempts` out"));
        }
        let goal = goal(load)?;
        let patience = args.wait("timeout");
        Ok(Self {
            host,
            port,
            family,
            source,
            patience,
            goal,
            duration: load.wait("duration"),
            late: load.wait("late"),
            sockets: sockets(load, goal, patience)?,
            questions: source_of(args, load)?,
            args: args.clone(),
            buffer: BUFFER,
        })
    }

    /// What is asked of whom, for people.
    pub(super) fn target(&self) -> String {
        dial::endpoint(&self.host, self.port)
    }

    /// Name, first question and further questions have the patience each, and so has what is on its way at the end.
    pub(super) fn longest(&self) -> Duration {
        let load = match self.goal {
            Goal::Rate(_) => self.duration + self.patience + Duration::from_secs(1),
            Goal::Most(_) => peak::longest(self.duration, self.patience),
        };
        self.patience * 3 + load + Duration::from_secs(3)
    }

    pub(super) async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let questions = Arc::new(match &self.questions {
            // Built anew for each round: what one round learned must not excuse the next.
            Source::Lines(lines) => Questions::of(&self.args, lines)
                .map_err(|error| Fault::local("prepare queries", self.target(), error.message, error.help))?,
            Source::File(path) => Questions::read(self.args.clone(), path).await?,
        });
        let address = match resolve(&self.host, self.family, self.patience).await? {
            Ok(addresses) => addresses.first().copied(),
            Err(why) => {
                cx.note(why);
                None
            }
        };
        let Some(address) = address else {
            cx.set(&OUTCOME, "unresolved");
            return Ok(());
        };
        cx.set(&ADDRESS, address.to_string());
        let server = SocketAddr::new(address, self.port);
        let asking = learn::Way { server, source: self.source, patience: self.patience };
        if !learn::before(cx, &asking, &questions).await? {
            return Ok(());
        }
        self.measure(cx, server, questions).await
    }

    #[cfg(target_os = "linux")]
    async fn measure(&self, cx: &mut Cx<'_>, server: SocketAddr, questions: Arc<Questions>) -> Result<(), Fault> {
        let drive = match self.goal {
            Goal::Rate(rate) => worker::Drive::Rate(rate),
            Goal::Most(_) => worker::Drive::Window(1),
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let wished = self.args.number("edns_size").map_or(0, fields::whole);
        let job = worker::Job {
            server,
            source: self.source,
            questions,
            drive,
            duration: self.duration,
            timeout: self.patience,
            late: self.late,
            sockets: self.sockets,
            workers: self.sockets.min(cores),
            buffer: self.buffer,
            longest: ROOM.max(usize::try_from(wished).unwrap_or(ROOM)),
            strict: !self.args.flag("recursion"),
            seed: cx.seed(),
        };
        match self.goal {
            Goal::Rate(rate) => {
                let tally = phase::run(&Arc::new(job)).await?;
                report::rate(
                    cx,
                    &report::Span {
                        server,
                        duration: self.duration,
                        workers: self.sockets.min(cores),
                        sockets: self.sockets,
                    },
                    rate,
                    &tally,
                )
            }
            Goal::Most(loss) => peak::find(cx, job, loss).await,
        }
    }

    #[cfg(not(target_os = "linux"))]
    async fn measure(&self, _: &mut Cx<'_>, server: SocketAddr, _: Arc<Questions>) -> Result<(), Fault> {
        Err(Fault::local("send DNS load", server.to_string(), "not on this system", "run the check on Linux"))
    }
}

fn goal(load: &Args) -> Result<Goal, Invalid> {
    let loss = load.number("loss");
    match (load.number("rate"), loss) {
        (Some(_), Some(_)) => Err(Invalid::at(
            "load",
            "`loss` belongs to `rate: max`, where it bounds what still counts as sustained",
            "expect load.loss: {le: 0.1%} instead",
        )),
        (Some(rate), None) => Ok(Goal::Rate(rate)),
        (None, loss) => Ok(Goal::Most(loss.unwrap_or(peak::LOSS))),
    }
}

/// Sockets: as many as asked for, and for a schedule as many as it needs ids.
fn sockets(load: &Args, goal: Goal, patience: Duration) -> Result<usize, Invalid> {
    let asked = load.unsigned("concurrency").unwrap_or(1);
    let Goal::Rate(rate) = goal else { return Ok(asked) };
    let needed = (rate * patience.as_secs_f64() / IDS).ceil();
    if needed > SOCKETS as f64 {
        let most = fields::whole(SOCKETS as f64 * IDS / patience.as_secs_f64());
        return Err(Invalid::at(
            "load",
            format!(
                "{rate:.0} queries/s that may each wait {patience:?} need more than {SOCKETS} sockets of 65,536 ids"
            ),
            format!("with this `timeout` write at most {most} /s, or shorten `timeout`"),
        ));
    }
    Ok(asked.max(usize::try_from(fields::whole(needed)).unwrap_or(SOCKETS)))
}

fn source_of(args: &Args, load: &Args) -> Result<Source, Invalid> {
    let names = load.texts("names");
    let given = [(!names.is_empty(), "names"), (load.has("queries"), "queries"), (args.has("name"), "name")];
    let given: Vec<&str> = given.iter().filter(|(there, _)| *there).map(|(_, field)| *field).collect();
    let lines = match given.as_slice() {
        ["queries"] => {
            // The type is that of lines that name none: a wrong one is found before anything is sent.
            Questions::of(args, &[Line::name("test.")])?;
            return Ok(Source::File(load.path("queries").unwrap_or_default()));
        }
        ["name"] => vec![Line::name(&args.string("name")).of_suite()],
        [] => {
            let help = "write name: www.example, or names or queries under `load`";
            return Err(Invalid::at("load", "a load needs something to ask for", help));
        }
        // `names`, the only one left.
        [_] => names.iter().map(|name| written(name)).collect::<Result<Vec<_>, _>>()?,
        [one, .., other] => {
            let message = format!("`{one}` says what to ask for, and `{other}` too");
            return Err(Invalid::at(if *other == "name" { "name" } else { "load" }, message, "keep one"));
        }
    };
    // What stands in `names` is no field of its own to point at.
    let own = |error: Invalid| match error.field {
        "name" | "type" if given == ["names"] => Invalid { field: "load", ..error },
        _ => error,
    };
    Questions::of(args, &lines).map_err(own)?;
    Ok(Source::Lines(lines))
}

/// One entry of `names`.
fn written(name: &str) -> Result<Line, Invalid> {
    const HELP: &str = "write `name`, `name type` or `name type rcode data`";
    match queries::line(name) {
        Ok(Some(line)) => Ok(line.of_suite()),
        Ok(None) => Err(Invalid::at("load", format!("`{name}` in `names` is no name"), HELP)),
        Err(why) => Err(Invalid::at("load", format!("`{name}` in `names`: {why}"), HELP)),
    }
}
