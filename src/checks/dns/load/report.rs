//! From counts to facts, and whether they are worth something.

use std::net::SocketAddr;
use std::time::Duration;

use super::counts::QueryCounts;
use super::facts::{
    ANSWERED, CPU, DUPLICATES, LATE, LATENCY, LATENESS, LIMITED_BY, LOSS, LOST, QPS, RATE, RCODES, SENT, SENT_RATE,
    WINDOW, WRONG,
};
use super::verify::WrongKind;
use crate::checks::dns::facts::OUTCOME;
use crate::model::count::counted;
use crate::model::{Fault, Value};
use crate::net::open_loop::Limit;
use crate::probe::Cx;
use crate::proto::dns::rcode;

/// Share of a schedule that may leave late: one pause of a busy host.
const SENT_LATE: f64 = 0.01;
/// Threads that worked for this share of the time had none to spare …
const BUSY: f64 = 0.9;
/// … and so had those that waited for less than this share.
const IDLE: f64 = 0.05;

/// The load that was measured.
pub(super) struct LoadSpan {
    pub(super) server: SocketAddr,
    pub(super) duration: Duration,
    pub(super) workers: usize,
    pub(super) sockets: usize,
}

/// Right answers per second.
pub(super) fn qps(counts: &QueryCounts, duration: Duration) -> f64 {
    counts.answered as f64 / duration.as_secs_f64().max(counts.last_answer as f64 / 1e9)
}

/// A load at a rate.
pub(super) fn rate(cx: &mut Cx<'_>, span: &LoadSpan, rate: f64, counts: &QueryCounts) -> Result<(), Fault> {
    cx.set(&RATE, rate);
    cx.set(&LIMITED_BY, if schedule_missed(counts).is_some() { Limit::Client } else { Limit::Rate }.word());
    cx.merge(&LATENESS, &counts.lateness);
    let burst = counts.burst;
    cx.note(format!(
        "{} on {} sent at most {} at once",
        counted(span.sockets, "socket"),
        counted(span.workers, "thread"),
        counted(burst, "query"),
    ));
    facts(cx, span, counts);
    replies_dropped(span, counts)?;
    match schedule_missed(counts) {
        Some(why) => Err(Fault::local(
            "keep the schedule of a DNS load",
            span.server.to_string(),
            why,
            "lower `rate`, raise `concurrency`, or run it on a host with more free cores; `late` says what counts",
        )),
        None => nothing_sent(span, counts),
    }
}

/// A load as high as answers allow.
pub(super) fn max_rate(cx: &mut Cx<'_>, span: &LoadSpan, window: usize, counts: &QueryCounts) -> Result<(), Fault> {
    let time = span.duration.as_secs_f64() * span.workers as f64;
    let client = counts.cpu >= time * BUSY || counts.idle <= time * IDLE;
    cx.set(&LIMITED_BY, if client { Limit::Client } else { Limit::Server }.word());
    cx.set(&WINDOW, i64::try_from(window).unwrap_or(i64::MAX));
    let (sockets, threads) = (counted(span.sockets, "socket"), counted(span.workers, "thread"));
    cx.note(format!("{sockets} on {threads}, each socket with {} in flight", counted(window, "query")));
    if client {
        cx.note("this host was the limit: the server may answer more");
    }
    facts(cx, span, counts);
    replies_dropped(span, counts)?;
    nothing_sent(span, counts)
}

fn facts(cx: &mut Cx<'_>, span: &LoadSpan, counts: &QueryCounts) {
    // Lost is what the server or the path lost; what this side dropped had been answered.
    let lost = counts.lost.saturating_sub(counts.dropped);
    cx.set(&SENT, whole(counts.sent));
    cx.set(&ANSWERED, whole(counts.answered));
    cx.set(&WRONG, whole(counts.wrong_replies()));
    cx.set(&LOST, whole(lost));
    cx.set(&LATE, whole(counts.late));
    cx.set(&DUPLICATES, whole(counts.duplicates));
    if counts.sent > 0 {
        cx.set(&LOSS, lost as f64 / counts.sent as f64);
        cx.set(&SENT_RATE, counts.sent as f64 / span.duration.as_secs_f64().max(counts.last_sent as f64 / 1e9));
    }
    cx.set(&QPS, qps(counts, span.duration));
    let elapsed = span.duration.as_secs_f64().max(counts.last_answer.max(counts.last_sent) as f64 / 1e9);
    cx.set(&CPU, counts.cpu / elapsed);
    if counts.answered > 0 {
        cx.merge(&LATENCY, &counts.latency);
    }
    // Wrong answers are answers: what is wrong with them stands in `load.wrong`.
    let answered = counts.answered > 0 || counts.wrong_replies() > 0;
    let silence = if counts.refused > 0 { "refused" } else { "timeout" };
    cx.set(&OUTCOME, if answered { "answered" } else { silence });
    let codes = (0_u16..).zip(&counts.rcodes).filter(|(_, count)| **count > 0);
    cx.set(&RCODES, Value::Object(codes.map(|(code, count)| (rcode::text(code), Value::from(*count))).collect()));
    notes(cx, counts);
}

fn notes(cx: &mut Cx<'_>, counts: &QueryCounts) {
    for (kind, (count, example)) in WrongKind::ALL.iter().zip(&counts.wrong) {
        if let Some(example) = example {
            cx.note(format!("{count} wrong ({}), for example {example}", kind.word()));
        }
    }
    if counts.after_timeout > 0 {
        cx.note(format!("{} after the timeout; the query counts as lost", counted(counts.after_timeout, "reply")));
    }
    if counts.refused > 0 {
        cx.note(format!("the port was closed {} (ICMP port unreachable)", counted(counts.refused, "time")));
    }
    if counts.blocked > 0 {
        cx.note(format!("{} had to wait for this host's network", counted(counts.blocked, "query")));
    }
    if counts.sent_late > 0 {
        cx.note(format!(
            "{} left late by this host's fault; no answer is called late for that",
            counted(counts.sent_late, "query")
        ));
    }
    if counts.read_late > 0 {
        let answers = counted(counts.read_late, "answer");
        cx.note(format!("this host read {answers} late by its own fault; that does not count as late"));
    }
    if counts.dropped > 0 {
        cx.note(format!("this side's sockets dropped {}", counted(counts.dropped, "reply")));
    }
}

/// How far a schedule was missed, if that is too far.
fn schedule_missed(counts: &QueryCounts) -> Option<String> {
    if counts.unsent > 0 {
        return Some(format!("{} of the schedule never left this host", counted(counts.unsent, "query")));
    }
    let share = counts.sent_late as f64 / counts.sent.max(1) as f64;
    let worst = counts.lateness.summary().map_or(0.0, |lateness| lateness.p99);
    (share > SENT_LATE).then(|| {
        format!("{} of {} queries left too late (p99 {:.0} ms)", counts.sent_late, counts.sent, worst * 1000.0)
    })
}

/// Replies that this side dropped would look like the server's loss.
fn replies_dropped(span: &LoadSpan, counts: &QueryCounts) -> Result<(), Fault> {
    if counts.dropped == 0 {
        return Ok(());
    }
    Err(Fault::local(
        "receive the answers of a DNS load",
        span.server.to_string(),
        format!(
            "this side dropped {} (SO_RXQ_OVFL): its receive buffers of {} KiB were full",
            counted(counts.dropped, "reply"),
            counts.buffer / 2048
        ),
        "raise net.core.rmem_max (or run with CAP_NET_ADMIN), raise `concurrency`, or lower `rate`",
    ))
}

/// A load that sent nothing has measured nothing.
fn nothing_sent(span: &LoadSpan, counts: &QueryCounts) -> Result<(), Fault> {
    if counts.sent > 0 {
        return Ok(());
    }
    let why = if counts.blocked > 0 { "this host's network took no query" } else { "no query left" };
    Err(Fault::local("send DNS load", span.server.to_string(), why, "see whether a firewall of this host refuses them"))
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
