//! Controls of cases that passed on silence: each is run once more after them, and what it comes to decides whether the
//! silence was the target's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::{Assess, CaseEnd, Shared, attempt};
use crate::model::interface::address_and_zone;
use crate::model::named::Named;
use crate::model::{Arm, CheckRecord, Control, Event, Fault, Observation, Severity, Silence, Unit, Verdict};
use crate::net::handshakes;
use crate::net::this_host::pending_syns::PendingSyns;
use crate::plan::{Case, ControlGroup, Layout, PlannedRound, Shows, same_host};

/// What to do about a filter of this host.
const OWN_RULES: &str =
    "look at this host's own rules (`nft list ruleset`, `iptables -S OUTPUT`): nothing is known of the target";

/// A case that passed on silence, or failed on it as a cell of a grid, and waits for its control.
pub(super) struct SilentCase {
    /// Its position in the plan.
    pub(super) index: usize,
    /// Its record, if the control holds.
    pub(super) record: CheckRecord,
    /// The silence.
    pub(super) silence: Silence,
    /// Of which this host may still turn out to be the reason.
    pub(super) unrepeated: PendingSyns,
}

/// Runs the controls of `waiting`, each once, and sends the records. `verdict` says how a case of this run ended.
pub(super) async fn run_controls<A: Assess>(
    shared: &Arc<Shared<A>>,
    waiting: Vec<SilentCase>,
    verdict: impl Fn(usize) -> Option<Verdict>,
) -> Vec<(usize, CaseEnd)> {
    let mut chosen = BTreeSet::new();
    let groups: Vec<Vec<ControlGroup>> = waiting
        .iter()
        .map(|waiting| {
            let groups = case(shared, waiting.index).map_or(&[][..], |case| &case.controls);
            groups.iter().map(|group| choose(group, &mut chosen, &verdict)).collect()
        })
        .collect();
    let results = run_all(shared, chosen).await;
    let mut out = Vec::new();
    for (SilentCase { index, mut record, silence, unrepeated }, groups) in waiting.into_iter().zip(groups) {
        let Some(own) = case(shared, index) else { continue };
        let proofs: Vec<Proof> =
            groups.iter().map(|group| prove(shared, (own, &silence, &record), group, &results)).collect();
        let names = proofs.iter().filter_map(|proof| proof.control.as_ref().map(|control| control.check.clone()));
        if let (true, [source, host]) = (own.grid.is_some(), &*names.collect::<Vec<_>>()) {
            record
                .notes
                .push(format!("shown by {source} (the same source) and {host} (the same host), which ran again"));
        }
        let doubted = proofs.iter().position(|proof| proof.fault.is_some());
        let decides = doubted.or_else(|| proofs.len().checked_sub(1));
        let (control, fault) = match decides.and_then(|at| proofs.into_iter().nth(at)) {
            Some(Proof { control, fault }) => (control, fault),
            None => (None, Some(unproven(own, &silence, NO_CONTROL, "name one in `control`"))),
        };
        record.control = control;
        let fault = match unrepeated.dropped_here().await {
            Some(why) => Some(unproven(own, &silence, why, OWN_RULES)),
            None => fault,
        };
        if let Some(fault) = fault {
            record = errored(record, fault);
        }
        let gates = record.severity == Severity::Fail;
        let ended = CaseEnd { verdict: record.verdict, gates, record_sent: true, ..CaseEnd::default() };
        shared.send(Event::CheckFinished { index, record: Box::new(record) }).await;
        out.push((index, ended));
    }
    out
}

/// Controls that run for each group of a cell: one may be flaky.
const ENOUGH: usize = 2;

const NO_CONTROL: &str = "the check has no control that ran";

/// The controls of a group that run again: all that a check names; of a cell the first of those that passed, those that run
/// for another one before others.
fn choose(
    group: &ControlGroup,
    chosen: &mut BTreeSet<usize>,
    verdict: impl Fn(usize) -> Option<Verdict>,
) -> ControlGroup {
    let cases = if group.shows == Shows::Host {
        group.cases.clone()
    } else {
        let passed = |index: &&usize| verdict(**index) == Some(Verdict::Passed);
        let (running, others): (Vec<usize>, Vec<usize>) =
            group.cases.iter().filter(passed).copied().partition(|index| chosen.contains(index));
        running.into_iter().chain(others).take(ENOUGH).collect()
    };
    chosen.extend(&cases);
    ControlGroup { shows: group.shows, cases }
}

/// Runs these cases, as many at once as the run may.
async fn run_all<A: Assess>(shared: &Arc<Shared<A>>, controls: BTreeSet<usize>) -> BTreeMap<usize, Option<ControlRun>> {
    let slots: Arc<[Semaphore]> = shared.plan.limits.iter().map(|limit| Semaphore::new(limit.most)).collect();
    let again = controls.into_iter().map(|index| {
        let (shared, slots) = (Arc::clone(shared), Arc::clone(&slots));
        async move {
            // Limits are kept here too. All take their places in one order, so that no two wait for each other.
            let mut held = Vec::new();
            for limit in case(&shared, index).map_or(&[][..], |case| &case.limits) {
                held.extend(slots[*limit].acquire().await);
            }
            // On a worker of its own, as every check.
            let Ok(runtime) = shared.runtime_of(index) else { return (index, None) };
            let again = async move {
                let control = case(&shared, index)?;
                Some(handshakes::of_check(control.netns.clone(), run_again(&shared, control)).await)
            };
            let ended = runtime.spawn(again);
            (index, ended.await.ok().flatten())
        }
    });
    stream::iter(again).buffer_unordered(shared.settings.jobs.max(1)).collect().await
}

/// What a group of controls came to: the one that decides, and why it shows nothing.
struct Proof {
    control: Option<Control>,
    fault: Option<Fault>,
}

fn prove<A: Assess>(
    shared: &Shared<A>,
    (own, silence, record): (&Case, &Silence, &CheckRecord),
    group: &ControlGroup,
    results: &BTreeMap<usize, Option<ControlRun>>,
) -> Proof {
    let ran = group.cases.iter().filter_map(|index| Some((*index, results.get(index)?.clone()?)));
    let doubts: Vec<(Control, Option<Fault>)> = ran
        .map(|(index, ran)| {
            let same = match group.shows {
                Shows::Host => case(shared, index).is_some_and(|other| same_host(own, other)),
                Shows::Source => false,
                Shows::Destination => true,
            };
            let fault = doubt(own, (silence, record.duration_s), same, &ran);
            (ran.control, fault)
        })
        .collect();
    // One that passes is enough; of several that do not, the first speaks.
    let best = doubts.iter().position(|(_, fault)| fault.is_none()).unwrap_or(0);
    match doubts.into_iter().nth(best) {
        Some((control, fault)) => Proof { control: Some(control), fault },
        None => Proof { control: None, fault: Some(nothing_passed(own, silence, group.shows)) },
    }
}

/// The fault of a case none of whose controls could be asked again.
fn nothing_passed(own: &Case, silence: &Silence, shows: Shows) -> Fault {
    let (Some(cell), true) = (&own.grid, shows != Shows::Host) else {
        return unproven(own, silence, NO_CONTROL, "name one in `control`");
    };
    if shows == Shows::Source {
        let detail = format!("{} reached no other host in this run: its own network may be cut", cell.from);
        let remedy =
            "mend that first, and see what the cells from there that are allowed say; here: `ip address`, `ip route`";
        return unproven(own, silence, detail, remedy);
    }
    let detail = format!("nobody else reached {} in this run: it may be down, or its network cut", cell.to);
    let remedy = format!(
        "is it up? see what the cells to {} that are allowed say; a check of it that passes can be named: `control: ID`",
        cell.to
    );
    unproven(own, silence, detail, &remedy)
}

fn case<A: Assess>(shared: &Shared<A>, index: usize) -> Option<&Case> {
    shared.plan.cases.get(index)
}

/// A control that ran again.
#[derive(Clone)]
struct ControlRun {
    control: Control,
    /// The shortest time in which its host answered, seconds.
    answered_in: Option<f64>,
}

async fn run_again<A: Assess>(shared: &Shared<A>, control: &Case) -> ControlRun {
    let check = format!("{}/{}", control.suite, control.id);
    if let Some(reason) = &control.skip {
        let control = Control { check, verdict: Verdict::Skipped, reason: Some(reason.clone()), address: None };
        return ControlRun { control, answered_in: None };
    }
    let (verdict, reason, observation) = once_more(shared, control).await;
    let facts = control.family.facts;
    let address = facts.iter().find(|fact| fact.roles.address);
    let address = address.and_then(|fact| observation.text(fact.name)).map(str::to_owned);
    let times = facts.iter().filter(|fact| fact.roles.reached && fact.unit == Unit::Seconds);
    let shortest = times.filter_map(|fact| observation.merged(fact.name)?.summary()?.get("min"));
    let answered_in = shortest.min_by(f64::total_cmp);
    ControlRun { control: Control { check, verdict, reason, address }, answered_in }
}

/// One more measurement of a case as evidence for others, with the retries it has; of a case with `parity`, over both IP versions.
async fn once_more<A: Assess>(shared: &Shared<A>, case: &Case) -> (Verdict, Option<String>, Observation) {
    let start = Instant::now();
    let once = Layout { warm_up: 0, rounds: 1, ..case.layout };
    let about = |turn: &PlannedRound| case.head.is_none() || turn.arm == Some(Arm::Head);
    let mut attempts = 1;
    loop {
        let mut observation = Observation::default();
        let within = (start, Instant::now() + case.attempt);
        let turns = once.turns().filter(about);
        let fault = unannounced(shared, case, &mut observation, turns, (within, attempts)).await;
        let (mut verdict, mut reason, judgement) =
            attempt::assess(shared, case, &mut observation, fault.as_ref(), (start, start));
        if once.parity && fault.is_none() && shared.assess.needs_confirmation(case, &observation, &judgement) {
            let fault = unannounced(shared, case, &mut observation, once.again(), (within, attempts)).await;
            (verdict, reason, _) = attempt::assess(shared, case, &mut observation, fault.as_ref(), (start, start));
        }
        if verdict == Verdict::Passed || attempts > case.retries || shared.halt.is_set() {
            return (verdict, reason, observation);
        }
        tokio::select! {
            () = tokio::time::sleep(case.wait_to_retry(attempts)) => {}
            () = shared.halt.set() => {}
        }
        attempts += 1;
    }
}

/// Some rounds that nobody is told of; ends at the first fault.
async fn unannounced<A: Assess>(
    shared: &Shared<A>,
    case: &Case,
    observation: &mut Observation,
    turns: impl Iterator<Item = PlannedRound>,
    (within, attempt): ((Instant, Instant), u32),
) -> Option<Fault> {
    for turn in turns {
        let fault = attempt::round(shared, case, observation, turn, within, attempt).await;
        if fault.is_some() {
            return fault;
        }
    }
    None
}

/// Why the silence of `own`, which took so many seconds, is not known to be its target's, after what this control came to.
/// `same` says whether it is to have reached the very host.
fn doubt(own: &Case, (silence, took): (&Silence, f64), same: bool, ran: &ControlRun) -> Option<Fault> {
    let ControlRun { control, answered_in } = ran;
    let name = &control.check;
    if control.verdict != Verdict::Passed {
        let how = match control.verdict {
            Verdict::Skipped => "was skipped".to_owned(),
            other => format!("{} when it ran again", other.word()),
        };
        let why = control.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        let detail = format!("its control {name} {how}{why}");
        let remedy = "mend what the control says first: until it passes, the silence may be anybody's";
        return Some(unproven(own, silence, detail, remedy));
    }
    let elsewhere = control.address.as_ref().and_then(|reached| {
        let version = |address: &str| address_and_zone(address).map(|(address, _)| address.is_ipv4());
        let vouched = |silent: &str| if same { silent == reached } else { version(silent) == version(reached) };
        silence.addresses.iter().find(|silent| !vouched(silent)).map(|silent| (silent, reached))
    });
    if let Some((silent, reached)) = elsewhere {
        let detail = format!("{silent} was silent, and its control {name} reached {reached}");
        let remedy = if same {
            "name the address instead of the host in both checks, or make one cell per address"
        } else {
            "let both go by one IP version: `ip_version: ipv4` or `ip_version: ipv6` in both checks"
        };
        return Some(unproven(own, silence, detail, remedy));
    }
    let patience = own.subject().patience.map(|patience| patience.as_secs_f64()).filter(|patience| took >= *patience);
    match (patience, answered_in) {
        (Some(patience), Some(answered_in)) if same && patience < *answered_in => {
            let human = |seconds: f64| Unit::Seconds.human(seconds);
            let (waited, needed) = (human(patience), human(*answered_in));
            let detail = format!("it waited {waited}, and the same host took {needed} to answer its control {name}");
            Some(unproven(own, silence, detail, "raise `timeout` well beyond the time in which the host answers"))
        }
        _ => None,
    }
}

fn unproven(own: &Case, silence: &Silence, detail: impl Into<String>, remedy: &str) -> Fault {
    let operation = match &own.grid {
        Some(cell) if cell.allowed => format!("tell why {} gets no answer from {} {}", cell.from, cell.to, cell.port),
        Some(cell) => format!("show that a rule denies {} ({})", cell.sentence(), silence.outcome),
        None => format!("show that {} is the target's own", silence.outcome),
    };
    let subject = own.subject();
    // The sentence of a cell names it.
    let host = own.grid.as_ref().and_then(|_| subject.hosts.first()).map(|host| host.name().to_owned());
    Fault::local(operation, host.unwrap_or_else(|| subject.probe.target()), detail, remedy)
}

/// The record of a case whose silence says nothing. What was seen stays as facts.
fn errored(record: CheckRecord, fault: Fault) -> CheckRecord {
    CheckRecord {
        verdict: Verdict::Errored,
        flaky: false,
        settled_in_s: None,
        reason: Some(fault.to_string()),
        // Cells that one network keeps from being measured are told once.
        group: record.cell.is_some().then(|| fault.detail.clone()),
        fault: Some(fault),
        expectations: Vec::new(),
        comparison: Named::default(),
        ..record
    }
}
