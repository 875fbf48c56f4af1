//! When each server first had what is `wanted`, over all rounds of one check.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::fields::{ANSWERS, SERIAL, WANTED};
use super::response_summary::ResponseSummary;
use super::server_report::ServerReport;
use super::{facts, serial};
use crate::checks::dns::query::CUT;
use crate::model::typed::InvalidText;
use crate::model::{Args, Invalid};
use crate::probe::Cx;
use crate::proto::dns::{presentation, rcode, types};

const ELSEWHERE: &str = "the name is an alias of one that this server cannot speak for";

/// Field `wanted`, and its progress so far. The engine repeats a check with one and the same probe, so the memory
/// spans its attempts and rounds.
pub(super) struct Propagation {
    goal: Goal,
    memory: Mutex<PropagationState>,
}

enum Goal {
    Serial(u32),
    /// Data of records of this type.
    Answers(u16, Vec<String>),
    /// No such records any more, as the servers of the zone say themselves, or whoever is asked.
    Gone {
        zone: bool,
    },
}

/// What one server says of the goal.
enum GoalState {
    Has(Instant),
    Lacks(Instant),
    /// Nothing.
    Silent,
    /// It answered, and what it said leaves it open; with the reason.
    Open(String),
}

#[derive(Default)]
struct PropagationState {
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
    /// The goal of the fields below `wanted`, for a question of this type; `zone`: the servers asked are those of a zone.
    pub(super) fn from_args(args: &Args, code: u16, zone: bool) -> Result<Self, Invalid> {
        let answers = args.get(&ANSWERS);
        let goal = match (args.get(&SERIAL), args.given(&ANSWERS)) {
            (Some(serial), false) => Goal::Serial(serial),
            (None, true) if answers.is_empty() => Goal::Gone { zone },
            (None, true) => {
                let kind = types::mnemonic(code);
                let impossible = |text: &String| (presentation::DATA.impossible)(Some(&kind), text);
                if let Some(InvalidText { why, help }) = answers.iter().find_map(impossible) {
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

    /// Whether the goal is that there are no such records.
    pub(super) fn by_absence(&self) -> bool {
        matches!(self.goal, Goal::Gone { .. })
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
        let (mut times, mut pending) = (cx.rows(&facts::PROPAGATED), Vec::new());
        let (mut slowest, mut resolution) = (Duration::ZERO, Duration::ZERO);
        for report in reports {
            let arrival = memory.servers.entry(report.label().to_owned()).or_default();
            let since = |at: Instant| at.saturating_duration_since(began);
            let found = self.found_in(report);
            match &found {
                GoalState::Open(why) => {
                    cx.partial(&facts::PENDING, format!("{}: {why}", report.label()));
                    continue;
                }
                GoalState::Has(at) => {
                    arrival.first.get_or_insert(since(*at));
                }
                GoalState::Lacks(at) if arrival.first.is_none() => arrival.without = Some(since(*at)),
                GoalState::Lacks(_) | GoalState::Silent => {}
            }
            if !matches!(found, GoalState::Has(_)) {
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
                let mut row = times.row(report.label());
                row.set(&facts::PROPAGATED_AFTER, first.as_secs_f64());
                times.add(row);
                slowest = slowest.max(first);
                resolution = resolution.max(first.saturating_sub(arrival.without.unwrap_or_default()));
            }
        }
        if times.total() > 0 {
            cx.set(&facts::RESOLUTION, resolution.as_secs_f64());
        }
        if pending.is_empty() && !reports.is_empty() {
            cx.set(&facts::SLOWEST, slowest.as_secs_f64());
        }
        cx.set_rows(times);
        if !reports.is_empty() {
            cx.set(&facts::PENDING, pending);
        }
    }

    fn found_in(&self, report: &ServerReport) -> GoalState {
        let (summary, has) = match &self.goal {
            Goal::Serial(wanted) => {
                let reached = report.soa().is_some_and(|soa| serial::reached(soa.serial, *wanted));
                (report.apex.as_ref().or(report.asked.as_ref()), reached)
            }
            Goal::Answers(code, wanted) => {
                let asked = report.main_summary();
                let kind = types::mnemonic(*code);
                let answers = asked.and_then(|summary| summary.answers.as_ref());
                (asked, answers.is_some_and(|answers| presentation::same_each_once(&kind, answers, wanted)))
            }
            Goal::Gone { zone } => {
                let asked = report.main_summary();
                (asked, asked.is_some_and(|summary| denies(summary, *zone)))
            }
        };
        let Some(summary) = summary.filter(|summary| summary.answered()) else { return GoalState::Silent };
        // What is cut shows neither that it is there nor that it is not.
        if !summary.whole() || (summary.answers.is_none() && !self.by_serial()) {
            return GoalState::Open(format!("{CUT}, or too long to keep"));
        }
        if !self.by_serial() && report.chain.as_ref().is_some_and(|chain| chain.left) {
            return GoalState::Open(
                "the aliases lead out of the zone, and what they end at other servers have".to_owned(),
            );
        }
        match &self.goal {
            // Where an alias leads elsewhere, whoever is asked there says whether there are records.
            Goal::Gone { zone } if has && !ends_here(report, summary, *zone) => GoalState::Open(ELSEWHERE.to_owned()),
            _ if has => GoalState::Has(summary.at),
            _ => GoalState::Lacks(summary.at),
        }
    }
}

/// Whether a response says that there are no such records: nothing is in it, and it is no failure and no referral, which
/// say nothing of them. A server of the zone speaks with AA; of others one that recurses speaks too.
fn denies(summary: &ResponseSummary, zone: bool) -> bool {
    let none = summary.answers.as_ref().is_some_and(Vec::is_empty);
    let speaks = summary.has("aa") || (!zone && summary.has("ra"));
    none && speaks && matches!(summary.rcode, Some(rcode::NOERROR | rcode::NXDOMAIN))
}

/// Whether the aliases of the name, if it has some, were followed to their end.
fn ends_here(report: &ServerReport, summary: &ResponseSummary, zone: bool) -> bool {
    let alias = report.chain.as_ref().is_some_and(|chain| !chain.links.is_empty());
    !alias || (report.dangling == Some(true) && (zone || summary.has("ra")))
}
