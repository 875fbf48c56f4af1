//! Since when each server has what is wanted, over all looks of one check.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::facts;
use super::fields::{ANSWERS, SERIAL, WANTED};
use super::look::Look;
use super::said::Said;
use super::serial;
use crate::model::{Args, Invalid};
use crate::probe::Cx;

/// Field `wanted`, and what became of it so far. The engine repeats a check with one and the same probe, so the memory
/// spans its attempts and rounds.
pub(super) struct Wanted {
    what: What,
    memory: Mutex<Memory>,
}

enum What {
    Serial(u32),
    Answers(BTreeSet<String>),
}

#[derive(Default)]
struct Memory {
    began: Option<Instant>,
    servers: BTreeMap<String, Seen>,
}

#[derive(Default)]
struct Seen {
    /// First look that found it.
    first: Option<Duration>,
    /// Last look before that which did not. Silence is no look.
    without: Option<Duration>,
}

impl Wanted {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        let answers = args.get(&ANSWERS);
        let what = match (args.get(&SERIAL), answers.is_empty()) {
            (Some(serial), true) => What::Serial(serial),
            (None, false) => What::Answers(answers.into_iter().collect()),
            _ => {
                let message = "`wanted` is one of `serial` and `answers`";
                return Err(WANTED.invalid(message, "write wanted: {serial: 2026010102}"));
            }
        };
        Ok(Self { what, memory: Mutex::default() })
    }

    /// Whether a serial is needed to tell.
    pub(super) fn by_serial(&self) -> bool {
        matches!(self.what, What::Serial(_))
    }

    /// The first look of the check begins.
    pub(super) fn begin(&self) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.began.get_or_insert_with(Instant::now);
    }

    /// Remembers this look, and records what is known by now.
    pub(super) fn report(&self, cx: &mut Cx<'_>, looks: &[Look]) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let began = *memory.began.get_or_insert_with(Instant::now);
        let (mut times, mut pending) = (Map::new(), Vec::new());
        let (mut slowest, mut resolution) = (Duration::ZERO, Duration::ZERO);
        for look in looks {
            let seen = memory.servers.entry(look.label().to_owned()).or_default();
            let (has, at) = self.seen_in(look, began);
            match at {
                Some(at) if has => {
                    seen.first.get_or_insert(at);
                }
                Some(at) if seen.first.is_none() => seen.without = Some(at),
                _ => {}
            }
            if !has {
                pending.push(look.label().to_owned());
                if let Some(first) = seen.first {
                    let after = first.as_secs_f64();
                    cx.note(format!(
                        "{}: had what is wanted after {after:.1}s, and does not have it now",
                        look.label()
                    ));
                }
            }
            if let Some(first) = seen.first {
                times.insert(look.label().to_owned(), Value::from(first.as_secs_f64()));
                slowest = slowest.max(first);
                resolution = resolution.max(first.saturating_sub(seen.without.unwrap_or_default()));
            }
        }
        if !times.is_empty() {
            cx.set(&facts::RESOLUTION, resolution.as_secs_f64());
        }
        if pending.is_empty() && !looks.is_empty() {
            cx.set(&facts::SLOWEST, slowest.as_secs_f64());
        }
        cx.set(&facts::PROPAGATED, Value::Object(times));
        if !looks.is_empty() {
            cx.set(&facts::PENDING, pending);
        }
    }

    /// Whether a server has it, and when its answer came; nothing when none did.
    fn seen_in(&self, look: &Look, began: Instant) -> (bool, Option<Duration>) {
        let asked = look.asked.as_ref().or(look.apex.as_ref());
        let (said, has): (Option<&Said>, bool) = match &self.what {
            What::Serial(wanted) => {
                let reached = look.soa().is_some_and(|soa| serial::reached(soa.serial, *wanted));
                (look.apex.as_ref().or(look.asked.as_ref()), reached)
            }
            What::Answers(wanted) => {
                let answers = asked.and_then(|said| said.answers.as_ref());
                (asked, answers.is_some_and(|answers| answers.iter().cloned().collect::<BTreeSet<_>>() == *wanted))
            }
        };
        let at = said.filter(|said| said.answered()).map(|said| said.at.saturating_duration_since(began));
        (has && at.is_some(), at)
    }
}
