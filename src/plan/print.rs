//! The plan as text.

use std::fmt::Write as _;

use super::targets::counted_cases;
use super::{Case, ControlGroup, Plan, SharedResource, Shows};
use crate::model::count::counted;
use crate::model::expectation::Origin;
use crate::model::visible::visible;
use crate::model::{Arm, Expectation, Unit};
use crate::probe::Footprint;
use crate::probe::open_ends::{LONGEST, LONGEST_UNATTENDED, in_hours};

/// Controls of a cell that are named; more are counted.
const MOST_CONTROLS: usize = 2;

/// The output of `shakedown plan`: stages, order, budgets, expectations. Sends nothing.
#[must_use]
pub fn print(plan: &Plan) -> String {
    let mut out = String::new();
    let cases = counted_cases(plan.cases.iter());
    let comma = if cases.contains(',') { "," } else { "" };
    let _ = writeln!(out, "{cases}{comma} from {}", names(plan));
    if plan.deselected > 0 {
        let _ = writeln!(out, "{} left out by the selection", plan.deselected);
    }
    out.push_str(&plan.notice());
    let _ = writeln!(out, "takes at most {}", seconds(plan.longest().as_secs_f64()));
    limits(&mut out, plan);
    for (stage, words) in [
        (Footprint::Quiet, "in parallel"),
        (Footprint::Noisy, "each alone"),
        (Footprint::Disruptive, "each alone, last, restored on every path"),
    ] {
        let cases = plan.cases.iter().filter(|case| case.is_listed()).zip(1..);
        let cases: Vec<(usize, &Case)> =
            cases.filter(|(case, _)| case.stage == stage).map(|(case, number)| (number, case)).collect();
        if cases.is_empty() {
            continue;
        }
        let count = counted_cases(cases.iter().map(|(_, case)| *case));
        let _ = writeln!(out, "\nstage {}: {count}, {words}", stage.word());
        for (number, case) in cases {
            line(&mut out, plan, number, case);
        }
    }
    out
}

/// What keeps cases of a stage apart, and how many of them there are.
fn limits(out: &mut String, plan: &Plan) {
    for limit in &plan.limits {
        let cases = counted(limit.cases, "case");
        let _ = match &limit.shared {
            SharedResource::Serial(name) => writeln!(out, "serial {}: {cases}, one at a time", visible(name)),
            SharedResource::Host(host) => {
                writeln!(out, "target {}: {cases}, at most {} at a time", visible(host), limit.most)
            }
        };
    }
}

fn line(out: &mut String, plan: &Plan, number: usize, case: &Case) {
    let budget = seconds(case.budget.as_secs_f64());
    let most = case.list.as_ref().map(|list| format!(" <= {}", list.most)).unwrap_or_default();
    let _ = writeln!(
        out,
        "{number:>5}  {}/{}{most}  {} {}  (budget {budget}, {})",
        visible(&case.suite),
        visible(&case.id),
        case.family.name,
        visible(&case.base.probe.target()),
        visible(&case.at.file_line())
    );
    if let Some(reason) = &case.skip {
        let _ = writeln!(out, "         skipped: {}", visible(reason));
    }
    if let Some(netns) = &case.netns {
        let _ = writeln!(out, "         in the network namespace {}", visible(netns));
    }
    rounds(out, case);
    if let Some(eventually) = case.eventually {
        let within = seconds(eventually.within.as_secs_f64());
        let _ =
            writeln!(out, "         eventually: within {within}, every {}", seconds(eventually.every.as_secs_f64()));
    }
    if case.retries > 0 {
        let retries = counted(case.retries, "retry");
        let delay = case.retry_delay.map(|delay| format!(", {} apart", seconds(delay.as_secs_f64())));
        let _ = writeln!(out, "         up to {retries}{}", delay.unwrap_or_default());
    }
    if !case.needs.is_empty() {
        let needs = case.needs.iter().map(|need| &plan.cases[*need]).filter(|need| need.is_listed());
        let mut needs: Vec<String> = needs.map(|need| case.name_of(need)).collect();
        let more = if needs.len() > 8 { format!(" and {} more", needs.len() - 8) } else { String::new() };
        needs.truncate(8);
        let _ = writeln!(out, "         needs {}{more}", visible(&needs.join(", ")));
    }
    if let Some(list) = &case.list {
        let reference = visible(&list.reference());
        let _ = writeln!(
            out,
            "         a case for each target of {reference}; errored where there are more than {}, or none",
            list.most
        );
    }
    for used in &case.uses {
        let _ = writeln!(out, "         uses ${{checks.{}}}", visible(used));
    }
    for capture in case.captures.iter() {
        let word = if capture.secret { ", secret" } else { "" };
        let line = format!("captures {} from {}{word}", capture.name, capture.path);
        let _ = writeln!(out, "         {}", visible(&line));
    }
    if let Some(name) = &case.serial {
        let _ = writeln!(out, "         serial {}: alone among these", visible(name));
    }
    for group in &case.controls {
        controls(out, plan, group);
    }
    disruption(out, case);
    for expectation in case.base.expectations.iter() {
        expects(out, expectation, case);
    }
}

/// How long it watches, and what it breaks.
fn disruption(out: &mut String, case: &Case) {
    if case.base.probe.is_open_ended() {
        let [most, unattended] = [LONGEST, LONGEST_UNATTENDED].map(in_hours);
        let _ = writeln!(
            out,
            "         watches until SIGINT or SIGTERM (Ctrl-C), at most {most}; {unattended} where there is no terminal"
        );
    }
    for line in case.base.probe.schedule() {
        let _ = writeln!(out, "         {}", visible(&line));
    }
    for (word, command) in case.base.probe.breaks() {
        let _ = writeln!(out, "         {word}: {}", visible(&command));
    }
}

/// Who shows that a silence is the target's.
fn controls(out: &mut String, plan: &Plan, group: &ControlGroup) {
    let named = |index: &usize| plan.cases.get(*index).map(|case| format!("{}/{}", case.suite, case.id));
    let names: Vec<String> = group.cases.iter().filter_map(named).collect();
    if group.shows == Shows::Host {
        for name in names {
            let _ = writeln!(out, "         control {}", visible(&name));
        }
        return;
    }
    let of = if group.shows == Shows::Source { "source" } else { "host" };
    let more =
        if names.len() > MOST_CONTROLS { format!(" and {} more", names.len() - MOST_CONTROLS) } else { String::new() };
    let first = names.iter().take(MOST_CONTROLS).cloned().collect::<Vec<_>>().join(", ");
    let _ = writeln!(out, "         controls of its {of}: one of {}{more}", visible(&first));
}

/// An expectation in force, and where it comes from.
fn expects(out: &mut String, expectation: &Expectation, case: &Case) {
    let given: Vec<String> =
        expectation.given.iter().map(|given| format!("{} {}", given.fact, given.words.join(" or "))).collect();
    let given = if given.is_empty() { String::new() } else { format!(" given {}", given.join(" and ")) };
    let origin = match &expectation.origin {
        Origin::Default => format!("default of {}", case.family.name),
        Origin::Derived(why) => why.to_string(),
        Origin::Suite(place) => place.file_line(),
    };
    let _ = writeln!(out, "         expects {}", visible(&format!("{expectation}{given}  ({origin})")));
}

fn rounds(out: &mut String, case: &Case) {
    let layout = case.layout;
    let samples = if layout.samples > 1 { format!(" of {}", counted(layout.samples, "sample")) } else { String::new() };
    let first = |word: [&'static str; 2]| -> String {
        let turns = layout.turns().filter(|turn| !turn.warm_up && turn.slot.is_multiple_of(2));
        let order = turns.map(|turn| if turn.arm == Some(Arm::Head) { word[1] } else { word[0] });
        order.collect::<Vec<_>>().join(" ")
    };
    match &case.head {
        Some(head) => {
            let _ = writeln!(
                out,
                "         {}",
                visible(&format!("arm base {}, arm head {}", case.base.probe.target(), head.probe.target()))
            );
            let (pairs, warm) = (counted(layout.rounds, "pair"), layout.warm_up);
            let _ = writeln!(out, "         {pairs}{samples} after {warm} to warm up: {}", first(["bh", "hb"]));
        }
        None if case.over_ipv4.is_some() => {
            let (pairs, warm) = (counted(layout.rounds, "pair"), layout.warm_up);
            let order = first(["46", "64"]);
            let _ = writeln!(out, "         IPv4 and IPv6 in turn: {pairs}{samples} after {warm} to warm up: {order}");
        }
        None if layout.rounds > 1 || layout.samples > 1 => {
            let (rounds, warm) = (counted(layout.rounds, "round"), layout.warm_up);
            let _ = writeln!(out, "         {rounds}{samples} after {warm} to warm up");
        }
        None => {}
    }
}

fn names(plan: &Plan) -> String {
    plan.suites.iter().map(|suite| suite.file.as_str()).map(visible).collect::<Vec<_>>().join(", ")
}

fn seconds(value: f64) -> String {
    Unit::Seconds.human(value)
}
