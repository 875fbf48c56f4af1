//! Hides secrets in everything that leaves the process.

use std::borrow::Cow;

use crate::model::record::{FactValue, Facts, Shared, Word};
use crate::model::{CheckRecord, Event};
use crate::suite::Redactor;

/// Hides secrets in an event.
pub(super) fn event(event: &mut Event, redactor: &Redactor) {
    if redactor.is_empty() {
        return;
    }
    match event {
        Event::RunStarted { run, suites, design, .. } => {
            design.against.values_mut().for_each(|value| redactor.scrub(value));
            run.labels.values_mut().chain(&mut run.vanished).for_each(|value| redactor.scrub(value));
            for suite in suites {
                redactor.scrub(&mut suite.file);
            }
        }
        Event::CheckStarted { id, .. } => redactor.scrub(id),
        Event::AttemptEnded { reason, .. } => option(reason, redactor),
        Event::CheckFinished { record, .. } => check(record, redactor),
        Event::RunFinished { .. } => {}
    }
}

fn option(text: &mut Option<String>, redactor: &Redactor) {
    if let Some(text) = text {
        redactor.scrub(text);
    }
}

fn word(text: &mut Word, redactor: &Redactor) {
    if let Cow::Owned(text) = text {
        redactor.scrub(text);
    }
}

fn shared(text: &mut Shared, redactor: &Redactor) {
    let clean = redactor.clean(text);
    if *clean != **text {
        *text = clean.into();
    }
}

fn facts(facts: &mut Facts, redactor: &Redactor) {
    for (name, value) in &mut facts.0 {
        word(name, redactor);
        if let FactValue::Scalar(value) = value {
            redactor.scrub_value(value);
        }
    }
}

fn check(check: &mut CheckRecord, redactor: &Redactor) {
    for text in [&mut check.suite, &mut check.id, &mut check.check, &mut check.at] {
        shared(text, redactor);
    }
    redactor.scrub(&mut check.target);
    check.tags.iter_mut().chain(&mut check.notes).chain(&mut check.earlier).for_each(|text| redactor.scrub(text));
    option(&mut check.reason, redactor);
    if let Some(fault) = &mut check.fault {
        for text in [&mut fault.operation, &mut fault.peer, &mut fault.detail, &mut fault.remedy] {
            redactor.scrub(text);
        }
    }
    facts(&mut check.facts, redactor);
    if let Some(base) = &mut check.base {
        redactor.scrub(&mut base.target);
        option(&mut base.reason, redactor);
        facts(&mut base.facts, redactor);
    }
    for outcome in &mut check.expectations {
        shared(&mut outcome.fact, redactor);
        shared(&mut outcome.want, redactor);
        option(&mut outcome.got, redactor);
    }
}
