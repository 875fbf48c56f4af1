//! From counts to facts, and whether they are worth something.

use std::net::SocketAddr;
use std::time::Duration;

use super::facts::{
    ANSWERED, CPU, DUPLICATES, LATE, LATENCY, LATENESS, LIMITED_BY, LOSS, LOST, QPS, RATE, RCODES, SENT, SENT_RATE,
    WINDOW, WRONG,
};
use super::tally::Tally;
use super::verify::{Kind, rcode_word};
use crate::checks::dns::facts::OUTCOME;
use crate::model::{Fault, Value};
use crate::probe::Cx;

/// Share of a schedule that may leave late: one pause of a busy host.
const TARDY: f64 = 0.01;
/// Threads that worked for this share of the time had none to spare …
const BUSY: f64 = 0.9;
/// … and so had those that waited for less than this share.
const IDLE: f64 = 0.05;

/// What was measured.
pub(super) struct Span {
    pub(super) server: SocketAddr,
    pub(super) duration: Duration,
    pub(super) workers: usize,
    pub(super) sockets: usize,
}

/// Right answers per second.
pub(super) fn qps(tally: &Tally, duration: Duration) -> f64 {
    tally.answered as f64 / duration.as_secs_f64().max(tally.last as f64 / 1e9)
}

/// A load at a rate.
pub(super) fn rate(cx: &mut Cx<'_>, span: &Span, rate: f64, tally: &Tally) -> Result<(), Fault> {
    cx.set(&RATE, rate);
    cx.set(&LIMITED_BY, if behind(tally).is_some() { "client" } else { "rate" });
    cx.merge(&LATENESS, &tally.lateness);
    let burst = tally.burst;
    cx.note(format!(
        "{} sockets on {} threads sent at most {burst} {} at once",
        span.sockets,
        span.workers,
        if burst == 1 { "query" } else { "queries" },
    ));
    tell(cx, span, tally);
    dropped(span, tally)?;
    match behind(tally) {
        Some(why) => Err(Fault::local(
            "keep the schedule of a DNS load",
            span.server.to_string(),
            why,
            "lower `rate`, raise `concurrency`, or run it on a host with more free cores; `late` says what counts",
        )),
        None => nothing(span, tally),
    }
}

/// A load as high as answers allow.
pub(super) fn most(cx: &mut Cx<'_>, span: &Span, window: usize, tally: &Tally) -> Result<(), Fault> {
    let time = span.duration.as_secs_f64() * span.workers as f64;
    let client = tally.cpu >= time * BUSY || tally.idle <= time * IDLE;
    cx.set(&LIMITED_BY, if client { "client" } else { "server" });
    cx.set(&WINDOW, i64::try_from(window).unwrap_or(i64::MAX));
    cx.note(format!("{} sockets on {} threads, each with {window} queries on their way", span.sockets, span.workers));
    if client {
        cx.note("this host was the limit: the server may answer more");
    }
    tell(cx, span, tally);
    dropped(span, tally)?;
    nothing(span, tally)
}

fn tell(cx: &mut Cx<'_>, span: &Span, tally: &Tally) {
    // Lost is what the server or the path lost; what this side dropped had been answered.
    let lost = tally.lost.saturating_sub(tally.dropped);
    cx.set(&SENT, whole(tally.sent));
    cx.set(&ANSWERED, whole(tally.answered));
    cx.set(&WRONG, whole(tally.wrongs()));
    cx.set(&LOST, whole(lost));
    cx.set(&LATE, whole(tally.late));
    cx.set(&DUPLICATES, whole(tally.duplicates));
    if tally.sent > 0 {
        cx.set(&LOSS, lost as f64 / tally.sent as f64);
        cx.set(&SENT_RATE, tally.sent as f64 / span.duration.as_secs_f64().max(tally.sending as f64 / 1e9));
    }
    cx.set(&QPS, qps(tally, span.duration));
    let elapsed = span.duration.as_secs_f64().max(tally.last.max(tally.sending) as f64 / 1e9);
    cx.set(&CPU, tally.cpu / elapsed);
    if tally.answered > 0 {
        cx.merge(&LATENCY, &tally.latency);
        cx.set(&OUTCOME, "answered");
    } else if tally.wrongs() == 0 {
        cx.set(&OUTCOME, if tally.refused > 0 { "refused" } else { "timeout" });
    }
    let codes = (0_u16..).zip(&tally.rcodes).filter(|(_, count)| **count > 0);
    cx.set(&RCODES, Value::Object(codes.map(|(code, count)| (rcode_word(code), Value::from(*count))).collect()));
    notes(cx, tally);
}

fn notes(cx: &mut Cx<'_>, tally: &Tally) {
    for (kind, (count, example)) in Kind::ALL.iter().zip(&tally.wrong) {
        if let Some(example) = example {
            cx.note(format!("{count} wrong ({}), for example {example}", kind.word()));
        }
    }
    if tally.overdue > 0 {
        cx.note(format!("{} replies came after the timeout; their queries are lost", tally.overdue));
    }
    if tally.refused > 0 {
        cx.note(format!("the port was closed {} times (ICMP port unreachable)", tally.refused));
    }
    if tally.blocked > 0 {
        cx.note(format!("{} sends had to wait for this host's network", tally.blocked));
    }
    if tally.tardy > 0 {
        cx.note(format!("{} queries left late by this host's fault; their answers are not called late", tally.tardy));
    }
    if tally.excused > 0 {
        cx.note(format!("{} answers were read late by this host's fault, and are not called late", tally.excused));
    }
    if tally.dropped > 0 {
        cx.note(format!("this side's sockets dropped {} replies", tally.dropped));
    }
}

/// How far a schedule was missed, if that is too far.
fn behind(tally: &Tally) -> Option<String> {
    if tally.unsent > 0 {
        return Some(format!("{} queries of the schedule never left this host", tally.unsent));
    }
    let share = tally.tardy as f64 / tally.sent.max(1) as f64;
    let worst = tally.lateness.summary().map_or(0.0, |lateness| lateness.p99);
    (share > TARDY)
        .then(|| format!("{} of {} queries left too late (p99 {:.0} ms)", tally.tardy, tally.sent, worst * 1000.0))
}

/// What this side dropped would look like the server's loss.
fn dropped(span: &Span, tally: &Tally) -> Result<(), Fault> {
    if tally.dropped == 0 {
        return Ok(());
    }
    Err(Fault::local(
        "receive the answers of a DNS load",
        span.server.to_string(),
        format!(
            "this side dropped {} replies (SO_RXQ_OVFL): its receive buffers of {} KiB were full",
            tally.dropped,
            tally.buffer / 2048
        ),
        "raise net.core.rmem_max (or run with CAP_NET_ADMIN), raise `concurrency`, or lower `rate`",
    ))
}

/// A load that sent nothing has measured nothing.
fn nothing(span: &Span, tally: &Tally) -> Result<(), Fault> {
    if tally.sent > 0 {
        return Ok(());
    }
    let why = if tally.blocked > 0 { "this host's network took no query" } else { "no query left" };
    Err(Fault::local("send DNS load", span.server.to_string(), why, "see whether a firewall of this host refuses them"))
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
