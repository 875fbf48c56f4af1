//! When each server first had what is `wanted`, over all rounds of one check.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::fields::{ANSWERS, SERIAL, WANTED};
use super::response_summary::ResponseSummary;
use super::server_report::ServerReport;
use super::{facts, serial};
use crate::checks::dns::ask::CUT;
use crate::model::typed::Impossible;
use crate::model::{Args, Invalid};
use crate::probe::Cx;
use crate::proto::dns::{presentation, rcode, types};

/// Field `wanted`, and its progress so far. The engine repeats a check with one and the same probe, so the memory
/// spans its attempts and rounds.
pub(super) struct Propagation {
    goal: Goal,
    memory: Mutex<Memory>,
}

enum Goal {
    Serial(u32),
    /// Data of records of this type.
    Answers(u16, Vec<String>),
}

#[derive(Default)]
struct Memory {
    began: Option<Instant>,
    servers: BTreeMap<String, Arrival>,
}

/// Offsets from the first round, of one server.
#[derive(Default)]
struct Arrival {
    /// First round that found it.
    first: Option<Duration>,
    /// Last round before that which did not. Silence does not count.
    without: Option<Duration>,
}

impl Propagation {
    pub(super) fn from_args(args: &Args, code: u16) -> Result<Self, Invalid> {
        let answers = args.get(&ANSWERS);
        let goal = match (args.get(&SERIAL), args.given(&ANSWERS)) {
            (Some(serial), false) => Goal::Serial(serial),
            (None, true) => {
                let kind = types::mnemonic(code);
                let impossible = |text: &String| (presentation::DATA.impossible)(Some(&kind), text);
                if let Some(Impossible { why, help }) = answers.iter().find_map(impossible) {
                    return Err(WANTED.invalid(why, help));
                }
                Goal::Answers(code, answers)
            }
            _ => {
                let message = "`wanted` is one of `serial` and `answers`";
                return Err(WANTED.invalid(message, "write wanted: {serial: 2026010102}"));
            }
        };
        Ok(Self { goal, memory: Mutex::default() })
    }

    /// Whether the goal is a serial.
    pub(super) fn by_serial(&self) -> bool {
        matches!(self.goal, Goal::Serial(_))
    }

    /// The first round of the check begins.
    pub(super) fn begin(&self) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.began.get_or_insert_with(Instant::now);
    }

    /// Remembers this round, and records the facts so far.
    pub(super) fn record(&self, cx: &mut Cx<'_>, reports: &[ServerReport]) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let began = *memory.began.get_or_insert_with(Instant::now);
        let (mut times, mut pending) = (Map::new(), Vec::new());
        let (mut slowest, mut resolution) = (Duration::ZERO, Duration::ZERO);
        for report in reports {
            let arrival = memory.servers.entry(report.label().to_owned()).or_default();
            let (has, at) = self.found_in(report, began);
            let answered = report.main_summary().is_some_and(ResponseSummary::answered);
            if answered && at.is_none() {
                cx.partial(&facts::PENDING, format!("{}: {}", report.label(), unknown(report)));
                continue;
            }
            match at {
                Some(at) if has => {
                    arrival.first.get_or_insert(at);
                }
                Some(at) if arrival.first.is_none() => arrival.without = Some(at),
                _ => {}
            }
            if !has {
                pending.push(report.label().to_owned());
                if let Some(first) = arrival.first {
                    let after = first.as_secs_f64();
                    cx.note(format!(
                        "{}: had what is wanted after {after:.1}s, and does not have it now",
                        report.label()
                    ));
                }
            }
            if let Some(first) = arrival.first {
                times.insert(report.label().to_owned(), Value::from(first.as_secs_f64()));
                slowest = slowest.max(first);
                resolution = resolution.max(first.saturating_sub(arrival.without.unwrap_or_default()));
            }
        }
        if !times.is_empty() {
            cx.set(&facts::RESOLUTION, resolution.as_secs_f64());
        }
        if pending.is_empty() && !reports.is_empty() {
            cx.set(&facts::SLOWEST, slowest.as_secs_f64());
        }
        cx.set(&facts::PROPAGATED, Value::Object(times));
        if !reports.is_empty() {
            cx.set(&facts::PENDING, pending);
        }
    }

    /// Whether a server has it, and when its answer came; nothing when none did.
    fn found_in(&self, report: &ServerReport, began: Instant) -> (bool, Option<Duration>) {
        let asked = report.main_summary();
        let (summary, has): (Option<&ResponseSummary>, bool) = match &self.goal {
            Goal::Serial(wanted) => {
                let reached = report.soa().is_some_and(|soa| serial::reached(soa.serial, *wanted));
                (report.apex.as_ref().or(report.asked.as_ref()), reached)
            }
            Goal::Answers(code, wanted) => {
                let answers = asked.and_then(|summary| summary.answers.as_ref());
                let same =
                    |answers: &Vec<String>| presentation::same_each_once(&types::mnemonic(*code), answers, wanted);
                // Who refuses, or fails, has no records for another reason than that there are none.
                let says = asked.is_some_and(|summary| matches!(summary.rcode, Some(rcode::NOERROR | rcode::NXDOMAIN)));
                (asked, says && answers.is_some_and(same))
            }
        };
        // What is cut shows neither that it is there nor that it is not.
        let known = |summary: &&ResponseSummary| {
            summary.whole() && (self.by_serial() || (summary.answers.is_some() && !left(report)))
        };
        let at = summary.filter(known).map(|summary| summary.at.saturating_duration_since(began));
        (has && at.is_some(), at)
    }
}

/// Its aliases lead out of the zone, so that it does not say what they end at.
fn left(report: &ServerReport) -> bool {
    report.chain.as_ref().is_some_and(|chain| chain.left)
}

/// Why an answer shows neither that what is wanted is there nor that it is not.
fn unknown(report: &ServerReport) -> String {
    if left(report) {
        "the aliases lead out of the zone, and what they end at other servers have".to_owned()
    } else {
        format!("{CUT}, or too long to keep")
    }
}
