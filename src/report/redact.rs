//! Hides secrets in everything that leaves the process. Sinks take nothing but a [`Redacted`] event, and every record is
//! taken apart here without `..`: a new field does not compile until somebody decides whether it can hold a secret.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::comparison::Confirmation;
use crate::model::named::Named;
use crate::model::record::{
    BaseArm, BaselineRef, Control, Design, FactValue, Facts, Host, Interface, Metric, Outcome, RoundRecord, Run,
    Shared, SuiteRef, Word,
};
use crate::model::rows::{Cell, Rows};
use crate::model::timeline::{Mark, Series, Timeline};
use crate::model::{CheckRecord, Comparison, Event, Fault, GridCell, Place, timeline};
use crate::suite::Redactor;

/// An event without secrets.
#[derive(Debug)]
pub struct Redacted(Event);

impl Redacted {
    /// Hides what `redactor` knows.
    #[must_use]
    pub fn new(mut event: Event, redactor: &Redactor) -> Self {
        if !redactor.is_empty() {
            redact(&mut event, redactor);
        }
        Self(event)
    }

    /// The event.
    #[must_use]
    pub const fn event(&self) -> &Event {
        &self.0
    }

    /// The event itself, for the fold.
    pub(super) fn into_event(self) -> Event {
        self.0
    }
}

fn redact(event: &mut Event, redactor: &Redactor) {
    match event {
        Event::RunStarted { schema: _, run, host, design, suites, total: _ } => {
            of_run(run, redactor);
            of_host(host);
            of_design(design, redactor);
            for suite in suites {
                of_suite(suite, redactor);
            }
        }
        Event::CheckStarted { index: _, id, within_s: _ } => redactor.scrub(id),
        Event::PairEnded { index: _, pair: _, pairs: _ } | Event::PlacesLeftEmpty { count: _ } => {}
        Event::AttemptEnded { index: _, attempt: _, verdict: _, reason } => option(reason, redactor),
        Event::CheckFinished { index: _, record } => of_check(record, redactor),
        Event::RunFinished { duration_s: _, signal: _ } => {}
    }
}

fn of_run(run: &mut Run, redactor: &Redactor) {
    let Run {
        id: _,
        started: _,
        duration_s: _,
        interrupted: _,
        signal: _,
        deadline_s: _,
        deadline_reached: _,
        rerun_of,
        overrides,
        strict: _,
        vanished,
        deselected,
        labels,
    } = run;
    option(rerun_of, redactor);
    texts(overrides, redactor);
    texts(vanished, redactor);
    texts(deselected, redactor);
    map(labels, redactor);
}

/// Nothing here comes from a suite or a peer.
fn of_host(host: &Host) {
    let Host {
        name: _,
        os: _,
        kernel: _,
        cpu: _,
        cores: _,
        memory_bytes: _,
        interfaces,
        tcp_congestion: _,
        clock: _,
        virtualization: _,
        class: _,
    } = host;
    for Interface { name: _, mtu: _, speed_bits_per_s: _ } in interfaces {}
}

fn of_design(design: &mut Design, redactor: &Redactor) {
    let Design { kind: _, seed: _, rounds: _, warm_up: _, against, baseline } = design;
    map(against, redactor);
    option(baseline, redactor);
}

fn of_suite(suite: &mut SuiteRef, redactor: &Redactor) {
    let SuiteRef { name, file, sha256: _ } = suite;
    redactor.scrub(name);
    redactor.scrub(file);
}

fn of_check(check: &mut CheckRecord, redactor: &Redactor) {
    let CheckRecord {
        suite,
        id,
        check,
        family,
        target,
        cell,
        netns,
        tags,
        verdict: _,
        flaky: _,
        unmet: _,
        reason,
        next,
        group,
        fault,
        severity: _,
        at,
        started: _,
        duration_s: _,
        attempts: _,
        earlier,
        settled_in_s: _,
        // Cut up by a secret of four characters it would no longer tell definitions apart.
        digest: _,
        facts,
        partial,
        totals: _,
        late_here: _,
        expectations,
        control,
        metrics,
        notes,
        timeline,
        comparison,
        baseline,
        base,
        over_ipv4,
        rules,
        gated,
    } = check;
    for text in [suite, id, check] {
        shared(text, redactor);
    }
    of_place(at, redactor);
    word(family, redactor);
    redactor.scrub(target);
    of_cell(cell, redactor);
    some(netns, redactor, shared);
    texts(tags, redactor);
    for text in [reason, next, group] {
        option(text, redactor);
    }
    some(fault, redactor, of_fault);
    texts(earlier, redactor);
    of_facts(facts, redactor);
    named(partial, redactor, |why, redactor| redactor.scrub(why));
    of_outcomes(expectations, redactor);
    some(control, redactor, of_control);
    named(metrics, redactor, of_metric);
    texts(notes, redactor);
    some(timeline, redactor, of_timeline);
    named(comparison, redactor, of_comparison);
    of_baseline(baseline, redactor);
    of_sides([base, over_ipv4], redactor);
    named(rules, redactor, word);
    words(gated, redactor);
}

fn of_outcomes(outcomes: &mut [Outcome], redactor: &Redactor) {
    for outcome in outcomes {
        of_outcome(outcome, redactor);
    }
}

fn of_timeline(timeline: &mut Arc<Timeline>, redactor: &Redactor) {
    let Timeline { started: _, end_s: _, marks, streams } = Arc::make_mut(timeline);
    for Mark { at_s: _, what } in marks {
        word(what, redactor);
    }
    named(streams, redactor, |series, redactor| {
        let Series { interval_s: _, runs, grain_s: _ } = series;
        for timeline::Run { at_s: _, until_s: _, probes: _, outcome: _, failed: _, rtt: _, owner } in runs {
            some(owner, redactor, shared);
        }
    });
}

fn some<T>(value: &mut Option<T>, redactor: &Redactor, of: fn(&mut T, &Redactor)) {
    if let Some(value) = value {
        of(value, redactor);
    }
}

fn of_cell(cell: &mut Option<GridCell>, redactor: &Redactor) {
    if let Some(GridCell { from, to, port, allowed: _, policy }) = cell {
        for text in [from, to, port].into_iter().chain(policy) {
            redactor.scrub(text);
        }
    }
}

fn of_baseline(baseline: &mut Option<BaselineRef>, redactor: &Redactor) {
    if let Some(BaselineRef { file, runs: _, comparable: _, pinned: _ }) = baseline {
        redactor.scrub(file);
    }
}

fn of_control(control: &mut Control, redactor: &Redactor) {
    let Control { check, verdict: _, reason, address } = control;
    redactor.scrub(check);
    option(reason, redactor);
    option(address, redactor);
}

fn of_sides(sides: [&mut Option<Box<BaseArm>>; 2], redactor: &Redactor) {
    for side in sides.into_iter().flatten() {
        let BaseArm { target, verdict: _, reason, facts, partial } = &mut **side;
        redactor.scrub(target);
        option(reason, redactor);
        of_facts(facts, redactor);
        named(partial, redactor, |why, redactor| redactor.scrub(why));
    }
}

fn of_fault(fault: &mut Fault, redactor: &Redactor) {
    let Fault { kind: _, operation, peer, detail, remedy } = fault;
    for text in [operation, peer, detail, remedy] {
        redactor.scrub(text);
    }
}

fn of_facts(facts: &mut Facts, redactor: &Redactor) {
    named(facts, redactor, |value, redactor| match value {
        FactValue::Scalar(value) => redactor.scrub_value(value),
        // Numbers this program measured.
        FactValue::Distribution(..) => {}
        // Rows are shared with what was observed: without secrets they are left alone.
        FactValue::Table(_) if redactor.is_empty() => {}
        FactValue::Table(rows) => of_rows(Arc::make_mut(rows), redactor),
    });
}

fn of_rows(rows: &mut Rows, redactor: &Redactor) {
    // The names of columns are this program's own.
    let Rows { key: _, columns: _, units: _, rows, total: _, omitted: _ } = rows;
    let (keys, cells) = rows.texts_mut();
    keys.for_each(|key| scrub_box(key, redactor));
    for cell in cells {
        match cell {
            Cell::Text(text) => scrub_box(text, redactor),
            Cell::Other(value) => redactor.scrub_value(value),
            Cell::Empty | Cell::Flag(_) | Cell::Integer(_) | Cell::Number(_) | Cell::Word(_) => {}
        }
    }
}

fn scrub_box(text: &mut Box<str>, redactor: &Redactor) {
    let mut own = String::from(std::mem::take(text));
    redactor.scrub(&mut own);
    *text = own.into();
}

fn of_outcome(outcome: &mut Outcome, redactor: &Redactor) {
    let Outcome { fact, operator, want, got, held: _, origin: _, at } = outcome;
    for text in [fact, want] {
        shared(text, redactor);
    }
    if let Some(at) = at {
        of_place(at, redactor);
    }
    word(operator, redactor);
    option(got, redactor);
}

fn of_place(place: &mut Place, redactor: &Redactor) {
    let Place { file, line: _, column: _ } = place;
    shared(file, redactor);
}

fn of_metric(metric: &mut Metric, redactor: &Redactor) {
    let Metric { unit: _, better: _, compared_by: _, tolerance: _, at_least: _, tails, rounds, histogram: _ } = metric;
    named(tails, redactor, |_, _| {});
    for round in rounds {
        let RoundRecord {
            slot: _,
            arm: _,
            confirm: _,
            start_s: _,
            count: _,
            p50: _,
            p90: _,
            p99: _,
            min: _,
            max: _,
            mean: _,
            discarded,
        } = round;
        if let Some(text) = discarded {
            word(text, redactor);
        }
    }
}

fn of_comparison(comparison: &mut Comparison, redactor: &Redactor) {
    let Comparison {
        verdict: _,
        compared_by: _,
        unit: _,
        ratio: _,
        difference: _,
        ci: _,
        p: _,
        mde: _,
        tolerance: _,
        at_least: _,
        method,
        against,
        base: _,
        head: _,
        counts: _,
        rounds_needed: _,
        runs_needed: _,
        reason,
        confirmation,
        pinned,
    } = comparison;
    word(method, redactor);
    redactor.scrub(against);
    option(reason, redactor);
    if let Some(Confirmation { stands: _, effect: _, ci: _, p: _, alpha: _ }) = confirmation {}
    if let Some(pinned) = pinned {
        of_comparison(pinned, redactor);
    }
}

fn named<T>(entries: &mut Named<T>, redactor: &Redactor, each: impl Fn(&mut T, &Redactor)) {
    let Named(entries) = entries;
    for (name, value) in entries {
        word(name, redactor);
        each(value, redactor);
    }
}

fn texts(texts: &mut [String], redactor: &Redactor) {
    for text in texts {
        redactor.scrub(text);
    }
}

fn map(map: &mut BTreeMap<String, String>, redactor: &Redactor) {
    for (mut key, mut value) in std::mem::take(map) {
        redactor.scrub(&mut key);
        redactor.scrub(&mut value);
        map.insert(key, value);
    }
}

fn option(text: &mut Option<String>, redactor: &Redactor) {
    if let Some(text) = text {
        redactor.scrub(text);
    }
}

/// A borrowed word is part of the program.
fn words(words: &mut [Word], redactor: &Redactor) {
    for one in words {
        word(one, redactor);
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
