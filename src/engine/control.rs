//! Controls of cases that passed on silence: each is run once more after them, and what it comes to decides whether the
//! silence was the target's.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use tokio::sync::Semaphore;

use super::{Assess, CaseEnd, Shared, attempt};
use crate::model::named::Named;
use crate::model::{CheckRecord, Control, Event, Fault, Severity, Silence, Unit, Verdict};
use crate::net::handshakes;
use crate::net::this_host::pending_syns::PendingSyns;
use crate::plan::{Case, same_host};

/// What to do about a filter of this host.
const OWN_RULES: &str =
    "look at this host's own rules (`nft list ruleset`, `iptables -S OUTPUT`): nothing is known of the target";

/// A case that passed on silence, and waits for its control.
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

/// Runs the controls of `waiting`, each once, and sends the records.
pub(super) async fn run_controls<A: Assess>(
    shared: &Arc<Shared<A>>,
    waiting: Vec<SilentCase>,
) -> Vec<(usize, CaseEnd)> {
    let controls: BTreeSet<usize> = waiting
        .iter()
        .filter_map(|waiting| case(shared, waiting.index))
        .flat_map(|case| &case.controls)
        .copied()
        .collect();
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
    let results: BTreeMap<usize, Option<ControlRun>> =
        stream::iter(again).buffer_unordered(shared.settings.jobs.max(1)).collect().await;
    let mut out = Vec::new();
    for SilentCase { index, mut record, silence, unrepeated } in waiting {
        let Some(own) = case(shared, index) else { continue };
        let waited = record.duration_s;
        let ran = own.controls.iter().filter_map(|index| Some((*index, results.get(index)?.clone()?)));
        let doubts: Vec<(Control, Option<Fault>)> = ran
            .map(|(index, ran)| {
                let fault = doubt(own, (&silence, waited), case(shared, index), &ran);
                (ran.control, fault)
            })
            .collect();
        // One that passes is enough; of several that do not, the first speaks.
        let best = doubts.iter().position(|(_, fault)| fault.is_none()).unwrap_or(0);
        let (control, fault) = match doubts.into_iter().nth(best) {
            Some((control, fault)) => (Some(control), fault),
            None => (None, Some(unproven(own, &silence, "the check has no control that ran", "name one in `control`"))),
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
    let (verdict, reason, observation) = attempt::once_more(shared, control).await;
    let facts = control.family.facts;
    let address = facts.iter().find(|fact| fact.roles.address);
    let address = address.and_then(|fact| observation.text(fact.name)).map(str::to_owned);
    let times = facts.iter().filter(|fact| fact.roles.reached && fact.unit == Unit::Seconds);
    let shortest = times.filter_map(|fact| observation.merged(fact.name)?.summary()?.get("min"));
    let answered_in = shortest.min_by(f64::total_cmp);
    ControlRun { control: Control { check, verdict, reason, address }, answered_in }
}

/// Why the silence of `own`, which took so many seconds, is not known to be its target's, after what this control came to.
fn doubt(own: &Case, (silence, took): (&Silence, f64), other: Option<&Case>, ran: &ControlRun) -> Option<Fault> {
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
    let same = other.is_some_and(|other| same_host(own, other));
    let elsewhere = control.address.as_ref().and_then(|reached| {
        let version = |address: &str| address.parse::<IpAddr>().ok().map(|address| address.is_ipv4());
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
    let operation = format!("show that {} is the target's own", silence.outcome);
    Fault::local(operation, own.subject().probe.target(), detail, remedy)
}

/// The record of a case whose silence says nothing. What was seen stays as facts.
fn errored(record: CheckRecord, fault: Fault) -> CheckRecord {
    CheckRecord {
        verdict: Verdict::Errored,
        flaky: false,
        settled_in_s: None,
        reason: Some(fault.to_string()),
        fault: Some(fault),
        expectations: Vec::new(),
        comparison: Named::default(),
        ..record
    }
}
