//! The fold of all events: the record, in plan order. Nobody else counts.

use super::redact::Redacted;
use crate::model::record::{Counts, Record, SCHEMA, Tool};
use crate::model::{CheckRecord, Event, FaultKind};

/// Collects events into a [`Record`].
#[derive(Debug, Default)]
pub struct Fold {
    head: Option<Record>,
    checks: Vec<Option<Box<CheckRecord>>>,
    /// Places of these that no case has.
    empty: usize,
}

impl Fold {
    /// Takes one event.
    pub fn push(&mut self, event: Redacted) {
        match event.into_event() {
            Event::RunStarted { run, host, design, suites, total, .. } => {
                self.checks.resize_with(total, || None);
                self.head = Some(Record {
                    schema: SCHEMA.to_owned(),
                    tool: Tool { name: "shakedown".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
                    run: *run,
                    host: *host,
                    design: *design,
                    suites,
                    summary: Counts::default(),
                    checks: Vec::new(),
                });
            }
            Event::CheckFinished { index, record } => {
                if let (Some(head), Some(slot)) = (&mut self.head, self.checks.get_mut(index)) {
                    head.summary.add(&record);
                    let fault = record.fault.as_ref().map(|fault| fault.kind);
                    head.run.deadline_reached |= fault == Some(FaultKind::RunDeadline);
                    *slot = Some(record);
                }
            }
            Event::RunFinished { duration_s, signal } => {
                if let Some(head) = &mut self.head {
                    head.run.duration_s = duration_s;
                    head.run.interrupted = signal.is_some();
                    head.run.signal = signal;
                }
            }
            Event::PlacesLeftEmpty { count } => self.empty += count,
            Event::CheckStarted { .. } | Event::PairEnded { .. } | Event::AttemptEnded { .. } => {}
        }
    }

    /// Counts so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.head.as_ref().map(|head| head.summary).unwrap_or_default()
    }

    /// Cases that have no record yet.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.checks.iter().filter(|check| check.is_none()).count().saturating_sub(self.empty)
    }

    /// The record; `None` when no run was started.
    #[must_use]
    pub fn finish(self) -> Option<Record> {
        let mut record = self.head?;
        record.checks.reserve_exact(self.checks.len());
        record.checks.extend(self.checks.into_iter().flatten().map(|check| *check));
        Some(record)
    }
}
