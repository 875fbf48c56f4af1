//! The plan as a document: `shakedown.plan/1`, for programs.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Case, Limit, Plan, PlannedArm, SharedResource};
use crate::model::record::{OriginWord, SuiteRef, Tool};
use crate::model::{Arm, Capture, Expectation, GridCell, Place, Severity};
use crate::suite::Redactor;

/// Schema name and version.
pub const SCHEMA: &str = "shakedown.plan/1";

/// What a run would do. Nothing was sent to make it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PlanDocument {
    /// Always `shakedown.plan/1`.
    pub schema: &'static str,
    /// The program that made it.
    pub tool: Tool,
    /// The suite files.
    pub suites: Vec<SuiteRef>,
    /// Seed of everything random; that of a run with `--seed`, else one of this plan alone.
    pub seed: u64,
    /// The longest the run may take where `--jobs` keeps nothing waiting, seconds.
    pub longest_s: f64,
    /// Cases that the selection left out.
    pub deselected: usize,
    /// Cases taken in only because a selected one needs them.
    pub pulled_in: Vec<String>,
    /// Cases left out only because they need what `--skip-tag` leaves out.
    pub left_out: Vec<String>,
    /// Of `--failed-from`: cases that are called otherwise than in the report.
    pub renamed: Vec<Renamed>,
    /// What keeps cases from running at the same time.
    pub limits: Vec<LimitRow>,
    /// The cases, in the order in which they are started.
    pub cases: Vec<CaseRow>,
}

/// A case with another name.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Renamed {
    /// `suite/case` in the report.
    pub old: String,
    /// `suite/case` now.
    pub new: String,
}

/// What several cases share, and how many of them may run at once.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LimitRow {
    /// `serial`, or `target` for a host.
    pub kind: &'static str,
    /// The name in `serial`, or the host as suites write it.
    pub name: String,
    /// The most at once.
    pub most: usize,
    /// How many cases share it.
    pub cases: usize,
}

/// One case.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CaseRow {
    /// Suite it belongs to.
    pub suite: String,
    /// Case id with sorted matrix keys.
    pub id: String,
    /// Check id.
    pub check: String,
    /// Family key.
    pub family: &'static str,
    /// The target; of two arms that of `base`.
    pub target: String,
    /// The target of arm `head`, with `--against`.
    pub head: Option<String>,
    /// `netns`: the network namespace it runs in, if it has one.
    pub netns: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Weight of a failure.
    pub severity: Severity,
    /// Where the check is written.
    pub at: Place,
    /// Why it is skipped, if it is.
    pub skip: Option<String>,
    /// `quiet`, `noisy` or `disruptive`: the part of the run it belongs to.
    pub stage: &'static str,
    /// Whether nothing else runs beside it.
    pub alone: bool,
    /// `suite/case` of each case that must pass first.
    pub needs: Vec<String>,
    /// Values that other cases of its suite may use.
    pub captures: Vec<CaptureRow>,
    /// Values of other cases that it uses, as `check.name`.
    pub uses: Vec<String>,
    /// Of a row that stands for cases whose targets another check finds: who does, and how many there may be.
    pub targets: Option<TargetsRow>,
    /// What it asks, of a check that is a grid.
    pub cell: Option<GridCell>,
    /// `suite/case` of each case that shows that its host can be reached, or for a cell of a grid that its source or its host can.
    pub controls: Vec<String>,
    /// `serial`, if it has one.
    pub serial: Option<String>,
    /// `per_target`, if it has one.
    pub per_target: Option<usize>,
    /// Its limits: positions in `limits`.
    pub limits: Vec<usize>,
    /// Rounds that count; of each arm.
    pub rounds: u32,
    /// Rounds before them that do not; of each arm.
    pub warm_up: u32,
    /// Measurements in a round.
    pub samples: u32,
    /// Whether it asks over IPv4 and IPv6 in turn.
    pub parity: bool,
    /// Of two arms: which comes first in each pair of rounds. Of two IP versions `base` is IPv4.
    pub first_arms: Vec<Arm>,
    /// Further attempts.
    pub retries: u32,
    /// The wait before each of them, seconds; absent for one that grows.
    pub retry_delay_s: Option<f64>,
    /// Convergence.
    pub eventually: Option<EventuallyRow>,
    /// How long to wait for an unresponsive peer, seconds.
    pub timeout_s: Option<f64>,
    /// The longest one attempt may take, seconds.
    pub attempt_s: f64,
    /// The longest all of it may take, seconds.
    pub budget_s: f64,
    /// Hash of what it measures.
    pub digest: String,
    /// Whether it watches until SIGINT or SIGTERM.
    pub until_signal: bool,
    /// The phases of a check that goes through some, and what ends them early; a line each.
    pub schedule: Vec<String>,
    /// Of a check that breaks something: what it does, what undoes that, and what verifies it, in order.
    pub disruption: Vec<DisruptionStep>,
    /// Everything that must hold of what it sees.
    pub expects: Vec<ExpectationRow>,
}

/// One step of a disruption.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DisruptionStep {
    /// `inject`, `restore` or `verify`.
    pub step: &'static str,
    /// The line for a shell that does the same.
    pub command: String,
}

/// An entry of `capture`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CaptureRow {
    /// Its name.
    pub name: String,
    /// Fact path.
    pub fact: String,
    /// Whether its value is hidden in all that is printed and written.
    pub secret: bool,
}

/// Targets that another check finds while the run goes on: each is a case, and a row stands for all of them.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TargetsRow {
    /// The key of the matrix; its value is `?` in the id.
    pub key: String,
    /// The table, as `check.table`.
    pub from: String,
    /// The most cases there may be; where there are more targets, one case is errored in place of all.
    pub most: usize,
}

/// `eventually`.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct EventuallyRow {
    /// How long it may take until it holds, seconds.
    pub within_s: f64,
    /// Between the starts of attempts, seconds.
    pub every_s: f64,
}

/// One expectation in force.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ExpectationRow {
    /// Fact path.
    pub fact: String,
    /// Operator.
    pub operator: &'static str,
    /// Wanted, as written.
    pub want: String,
    /// Whether the suite asks for it, or the family.
    pub origin: OriginWord,
    /// Where it is written; absent for a default.
    pub at: Option<Place>,
    /// How fields of the check give it, of a default that they give.
    pub derivation: Option<String>,
}

impl PlanDocument {
    /// That of a plan, without what `redactor` knows to be secret.
    #[must_use]
    pub fn of(plan: &Plan, seed: u64, redactor: &Redactor) -> Self {
        let clean = |text: &str| redactor.clean(text);
        let suite = |suite: &SuiteRef| SuiteRef {
            name: clean(&suite.name),
            file: clean(&suite.file),
            sha256: suite.sha256.clone(),
        };
        let names = |names: &[String]| names.iter().map(|name| clean(name)).collect();
        let renamed = |(old, new): &(String, String)| Renamed { old: clean(old), new: clean(new) };
        Self {
            schema: SCHEMA,
            tool: Tool { name: "shakedown".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
            suites: plan.suites.iter().map(suite).collect(),
            seed,
            longest_s: plan.longest().as_secs_f64(),
            deselected: plan.deselected,
            pulled_in: names(&plan.pulled_in),
            left_out: names(&plan.left_out),
            renamed: plan.renamed.iter().map(renamed).collect(),
            limits: plan.limits.iter().map(|limit| limit_row(limit, redactor)).collect(),
            cases: plan
                .cases
                .iter()
                .filter(|case| case.is_listed())
                .map(|case| case_row(plan, case, redactor))
                .collect(),
        }
    }
}

fn limit_row(limit: &Limit, redactor: &Redactor) -> LimitRow {
    let (kind, name) = match &limit.shared {
        SharedResource::Serial(name) => ("serial", name),
        SharedResource::Host(name) => ("target", name),
    };
    LimitRow { kind, name: redactor.clean(name), most: limit.most, cases: limit.cases }
}

fn case_row(plan: &Plan, case: &Case, redactor: &Redactor) -> CaseRow {
    let clean = |text: &str| redactor.clean(text);
    let name = |index: &usize| plan.cases.get(*index).map(|case| clean(&format!("{}/{}", case.suite, case.id)));
    let target = |arm: &PlannedArm| clean(&arm.probe.target());
    let seconds = |time: Duration| time.as_secs_f64();
    let pairs = case.layout.turns().filter(|turn| !turn.warm_up && turn.slot.is_multiple_of(2));
    CaseRow {
        suite: clean(&case.suite),
        id: clean(&case.id),
        check: clean(&case.check),
        family: case.family.name,
        target: target(&case.base),
        head: case.head.as_ref().map(target),
        netns: case.netns.as_deref().map(clean),
        tags: case.tags.iter().map(|tag| clean(tag)).collect(),
        severity: case.severity,
        at: place(&case.at, redactor),
        skip: case.skip.as_deref().map(clean),
        stage: case.stage.word(),
        alone: case.footprint != crate::probe::Footprint::Quiet,
        needs: case
            .needs
            .iter()
            .filter(|need| plan.cases.get(**need).is_some_and(Case::is_listed))
            .filter_map(name)
            .collect(),
        captures: case.captures.iter().map(|capture| capture_row(capture, redactor)).collect(),
        uses: case.uses.iter().map(|used| clean(used)).collect(),
        targets: case.list.as_deref().map(|list| TargetsRow {
            key: clean(&list.key),
            from: clean(&format!("{}.{}", list.check, list.table)),
            most: list.most,
        }),
        cell: case.grid.as_deref().map(|cell| GridCell {
            from: clean(&cell.from),
            to: clean(&cell.to),
            port: cell.port.clone(),
            allowed: cell.allowed,
            policy: cell.policy.as_deref().map(clean),
        }),
        controls: case.controls.iter().flat_map(|group| &group.cases).filter_map(name).collect(),
        serial: case.serial.as_deref().map(clean),
        per_target: case.per_target,
        limits: case.limits.clone(),
        rounds: case.layout.rounds,
        warm_up: case.layout.warm_up,
        samples: case.layout.samples,
        parity: case.over_ipv4.is_some(),
        first_arms: pairs.filter_map(|turn| turn.arm).collect(),
        retries: case.retries,
        retry_delay_s: case.retry_delay.map(seconds),
        eventually: case
            .eventually
            .map(|one| EventuallyRow { within_s: seconds(one.within), every_s: seconds(one.every) }),
        timeout_s: case.subject().patience.map(seconds),
        attempt_s: seconds(case.attempt),
        budget_s: seconds(case.budget),
        digest: case.subject().digest.to_string(),
        until_signal: case.base.probe.is_open_ended(),
        schedule: case.base.probe.schedule().iter().map(|line| redactor.clean(line)).collect(),
        disruption: disruption(case, redactor),
        expects: case.subject().expectations.iter().map(|one| expectation_row(one, redactor)).collect(),
    }
}

/// What the text of the plan shows of it as well.
fn disruption(case: &Case, redactor: &Redactor) -> Vec<DisruptionStep> {
    let steps = case.base.probe.breaks().into_iter();
    steps.map(|(step, command)| DisruptionStep { step, command: redactor.clean(&command) }).collect()
}

fn capture_row(capture: &Capture, redactor: &Redactor) -> CaptureRow {
    let Capture { name, path, info: _, part: _, secret, stand_in: _ } = capture;
    CaptureRow { name: redactor.clean(name), fact: redactor.clean(path), secret: *secret }
}

fn expectation_row(expectation: &Expectation, redactor: &Redactor) -> ExpectationRow {
    let at = expectation.origin.place();
    ExpectationRow {
        fact: redactor.clean(&expectation.path),
        operator: expectation.operator.word(),
        want: redactor.clean(&expectation.want),
        origin: OriginWord::from(&expectation.origin),
        at: at.map(|at| place(at, redactor)),
        derivation: expectation.origin.derivation().map(|why| redactor.clean(why)),
    }
}

fn place(place: &Place, redactor: &Redactor) -> Place {
    let Place { file, line, column } = place;
    Place { file: redactor.clean(file).into(), line: *line, column: *column }
}
