//! Load: how many handshakes a server does, how long each takes, and whether this host was what held them back.
//!
//! Every handshake is one a user would have gone on with: chain, name and key are verified each time, and whatever does not
//! verify is an error. Before the load one handshake is checked as in any other check; a server that does not pass is not loaded.

mod connection;
mod counts;
mod load_run;
mod threads;

use std::sync::Arc;
use std::time::Duration;

use counts::HandshakeCounts;
use load_run::LoadRun;

use super::client::TlsClient;
use super::handshake_check::{FirstHandshake, HandshakeCheck};
use super::server_policy::NOT_RESUMED;
use crate::checks::shared::advice;
use crate::model::count::counted;
use crate::model::fact::Distribution;
use crate::model::table::{facts, fields};
use crate::model::{Args, Better, Choice, Fact, Fault, Field, FieldKind, Invalid, Switch, Unit};
use crate::net::open_loop::{Limit, OfferedLoad, limited_by};
use crate::probe::{Cx, Mode};
use crate::proto::tls::LoadClients;

fields! { SETTINGS;
    const CONNECTIONS: Field<usize> =
        Field::default("connections", FieldKind::Integer(1, 10_000), "8", "Maximum number of simultaneous handshakes.");
    const DURATION: Field<Duration> =
        Field::default("duration", FieldKind::Duration(0.1, 3600.0), "5s", "How long to start new handshakes.");
    const COUNT: Field<Option<u64>> =
        Field::optional("count", FieldKind::Integer(1, i64::MAX), "Stop earlier, after this many handshakes.");
    const RATE: Field<Option<f64>> = Field::optional(
        "rate",
        FieldKind::Rate,
        "Handshakes to start per second, whether or not earlier ones are done. Without it, the next one starts when one is done.",
    );
    const RESUME: Field<bool> =
        Field::default("resume", FieldKind::Bool, "false", "Resume the session of the previous handshake.");
    const RESET: Field<bool> = Field::default(
        "reset",
        FieldKind::Bool,
        "false",
        "Close connections with RST, so that no port stays in TIME_WAIT: for long runs against one address.",
    );
}

fields! { pub(super) FIELDS;
    pub(super) const LOAD: Field<Switch> =
        Field::optional("load", FieldKind::Switch(SETTINGS), "Repeat handshakes as a load, and measure them.");
}

const SLOW: &str = "less or slower than expected: look at `limited_by` first, then at the server's processors, and for TLS at its key (RSA costs many times ECDSA)";

facts! { pub(super) FACTS;
    const HANDSHAKES: Fact<i64> =
        Fact::integer("load.handshakes", Unit::Count, "Handshakes completed and verified.").on_breach(SLOW);
    const PER_SECOND: Fact<f64> = Fact::metric(
        "load.handshakes_per_second",
        Unit::PerSecond,
        Better::Higher,
        "Handshakes completed while the load lasted, per second; absent when there was none.",
    )
    .on_breach(SLOW);
    const TIME: Fact<Distribution> = Fact::distribution(
        "load.handshake_time",
        Unit::Seconds,
        Better::Lower,
        "Time from the SYN to the end of a completed handshake, STARTTLS included; with `rate` from when it was due.",
    )
    .on_breach(SLOW);
    const RESUMED: Fact<f64> = Fact::metric(
        "load.resumed",
        Unit::Ratio,
        Better::Higher,
        "Share of the completed handshakes that resumed a session.",
    )
    .within(0.05)
    .on_breach(NOT_RESUMED);
    const ERRORS: Fact<i64> = Fact::counter(
        "load.errors",
        Unit::Count,
        Better::Lower,
        "Handshakes that failed; the evidence counts them by kind.",
    )
    .on_breach(
        "handshakes failed under load: the evidence counts them by kind; look at the server's limits of connections and files",
    );
    const MISSED: Fact<i64> = Fact::integer(
        "load.missed",
        Unit::Count,
        "Handshakes that `rate` asked for and that could not begin, because all connections were taken.",
    )
    .on_breach(SLOW);
    const LATENESS: Fact<Distribution> = Fact::spread(
        "load.lateness",
        Unit::Seconds,
        "How late handshakes started, because of this host's delay or the wait for a free connection: the part of `load.handshake_time` before the SYN; absent without `rate`.",
    )
    .on_breach(SLOW);
    const CPU: Fact<f64> = Fact::number(
        "cpu.local",
        Unit::Ratio,
        "Processor time of this process during the load, as a share of one core.",
    );
    const LIMITED_BY: Fact<Choice> = Fact::choice(
        "limited_by",
        Limit::WORDS,
        "What limited the load: this host (processors or ports), the `rate` asked for, or something that cannot be seen from here.",
    )
    .on_breach(advice::LIMITED_HERE);
}

pub(super) const MODES: &[Mode] = &[
    Mode::of("load: true, or a map", |args| args.get(&LOAD).is_on(), FACTS)
        .adds("load.errors: 0\nload.handshakes_per_second: {gt: 0 /s}"),
    Mode::of("load: {resume: true}", resumes, &[]).adds("load.resumed: {gt: 0%}"),
];

fn resumes(args: &Args) -> bool {
    args.get(&LOAD).group().is_some_and(|load| load.get(&RESUME))
}

/// How the load is made.
#[derive(Clone, Copy, Debug)]
struct Settings {
    connections: usize,
    duration: Duration,
    count: Option<u64>,
    rate: Option<f64>,
    resume: bool,
    reset: bool,
}

/// A handshake to check, and then to repeat.
pub(super) struct Load {
    check: HandshakeCheck,
    settings: Settings,
}

impl Load {
    /// `None` when the check does not ask for load.
    pub(super) fn from_args(args: &Args) -> Result<Option<Self>, Invalid> {
        let Switch::On(load) = args.get(&LOAD) else { return Ok(None) };
        let settings = Settings {
            connections: load.get(&CONNECTIONS),
            duration: load.get(&DURATION),
            count: load.get(&COUNT),
            rate: load.get(&RATE),
            resume: load.get(&RESUME),
            reset: load.get(&RESET),
        };
        if settings.rate.is_some_and(|rate| rate * settings.duration.as_secs_f64() < 1.0) {
            let message = "at this rate not one handshake would begin in `duration`";
            return Err(LOAD.invalid(message, "raise `rate` or `duration`"));
        }
        Ok(Some(Self { check: HandshakeCheck::from_args(args)?, settings }))
    }

    /// Reads what is trusted ahead of the first round.
    pub(super) async fn prepare(&self) {
        self.check.prepare().await;
    }

    pub(super) fn target(&self) -> String {
        self.check.target()
    }

    /// The check, sessions to resume, the load, and the last handshake with its goodbye.
    pub(super) fn longest(&self) -> Duration {
        self.check.longest() + self.settings.duration + self.check.longest_handshake() * 4 + Duration::from_secs(1)
    }

    pub(super) async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let Some(first) = self.check.run(cx).await? else {
            cx.note("no load was made: there is no handshake to repeat");
            return Ok(());
        };
        let FirstHandshake { client, completed, verified, fault } = first;
        if let Some(fault) = fault {
            return Err(fault);
        }
        if !(completed && verified) {
            cx.note("no load was made: a user would not have gone on after the first handshake");
            return Ok(());
        }
        let TlsClient { connector, credentials, offer, late_wait } = client;
        let clients = LoadClients::new(credentials, offer, self.settings.resume, connector.peer)?;
        let load = Arc::new(LoadRun::new(connector, clients, self.settings, late_wait)?);
        let counts = threads::run(&load).await?;
        record(cx, &load, &counts)
    }
}

fn record(cx: &mut Cx<'_>, load: &LoadRun, counts: &HandshakeCounts) -> Result<(), Fault> {
    cx.set(&HANDSHAKES, integer(counts.completed));
    cx.set(&ERRORS, integer(counts.failed));
    for line in counts.error_summary() {
        cx.note(line);
    }
    let Some(period) = load.period() else {
        let remedy = "look at the evidence of the errors; `resume` needs one handshake of each connection first";
        return Err(Fault::local("make load", load.connector.peer.to_string(), "it did not begin", remedy));
    };
    let elapsed = load.length(period, counts);
    if counts.completed > 0 {
        cx.set(&PER_SECOND, counts.in_time as f64 / elapsed.as_secs_f64());
        cx.set(&RESUMED, counts.resumed as f64 / counts.completed as f64);
        cx.merge(&TIME, &counts.times);
    }
    let offered =
        load.offered().map(|requests| OfferedLoad { requests, missed: requests.saturating_sub(counts.begun) });
    if let Some(offered) = offered {
        cx.set(&MISSED, integer(offered.missed));
        cx.merge(&LATENESS, &counts.lateness);
    }
    let used = period.cpu.until_now();
    if let Some(cpu) = used.process {
        cx.set(&CPU, cpu);
    }
    let (limit, why) = if counts.no_port > 0 {
        (Limit::Client, Some(no_port(counts.no_port)))
    } else {
        limited_by(&used, load.threads(), offered)
    };
    cx.set(&LIMITED_BY, limit.word());
    if let Some(why) = why {
        cx.note(why);
    }
    Ok(())
}

fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn no_port(times: u64) -> String {
    format!(
        "this host had no port left, {}: close with `reset: true`, lower `connections`, or widen the range of ports",
        counted(times, "time")
    )
}
