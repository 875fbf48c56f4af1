//! Who answered, before, during and after: whether a service moved, how fast, and whether two held it at once.

use std::collections::BTreeSet;

use super::diagnosis;
use super::facts::{OWNER_CHANGES, OWNERS_AFTER, OWNERS_BEFORE, OWNERS_DURING, S_OWNER_CHANGES, SWITCHED_AFTER};
use super::measure::PhaseTimes;
use super::outage::ProbeResult;
use super::report::Stream;
use super::settings::Phases;
use super::stream::OwnerChange;
use crate::model::Fault;
use crate::probe::{Cx, Diagnosis, Failure};

/// Owners that a message names.
const NAMED: usize = 3;
/// What makes owners be told at all.
const UNNAMED: &str =
    "give a stream an `identity`, the fact that tells: a header, the body, the fingerprint of a certificate";
/// The same, where the fact is not in the answers.
const ABSENT: &str = "look with `shakedown probe` at what the service answers, and name a fact of it as `identity`";
/// What makes a change of the owner show.
const ONE: &str = "let `identity` name a fact that stays the same as long as all is well; where a balancer spreads the probes, ask one of its servers";

/// The facts of the first stream whose answers tell.
pub(super) fn facts(cx: &mut Cx<'_>, all: &[Stream<'_>], times: &PhaseTimes, phases: &Phases) {
    let telling: Vec<&Stream<'_>> = all.iter().filter(|stream| !stream.finished.log.changes.is_empty()).collect();
    let Some(stream) = telling.first() else {
        untold(cx, all);
        return;
    };
    let lasting = times.restoring - phases.settle.as_secs_f64();
    cx.set(&OWNERS_BEFORE, between(stream, 0.0, times.steady));
    cx.set(&OWNERS_DURING, between(stream, lasting, times.restoring));
    cx.set(&OWNERS_AFTER, between(stream, times.after, times.end));
    if let Some(changes) = telling.iter().filter_map(|stream| changes(stream, times)).max() {
        cx.set(&OWNER_CHANGES, i64::try_from(changes).unwrap_or(i64::MAX));
    }
    let switched = telling.iter().filter_map(|stream| Some(switched(stream, times)? - times.injected));
    if let Some(after) = switched.reduce(f64::max) {
        cx.set(&SWITCHED_AFTER, after);
    }
    // They are those of the worst stream, which may be one that could not be followed.
    if let Some(why) = telling.iter().find_map(|stream| not_one(stream, times)) {
        cx.partial_until(&OWNER_CHANGES, why.clone(), ONE);
        cx.partial_until(&SWITCHED_AFTER, why.clone(), ONE);
        cx.partial_until(&S_OWNER_CHANGES, why, ONE);
    }
}

/// Why it cannot be told how often another than before answered; `None` where one alone had answered before.
fn not_one(stream: &Stream<'_>, times: &PhaseTimes) -> Option<String> {
    let before = between(stream, 0.0, times.steady);
    let name = stream.config.name.shown();
    let named = before.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if before.len() > NAMED { ", …" } else { "" };
    match before.len() {
        1 => None,
        0 => Some(format!("no answer to `{name}` told who gave it when all was well")),
        count => Some(format!(
            "{count} answered `{name}` in turn when all was well ({named}{more}), so another one does not show"
        )),
    }
}

/// No stream has an answer that tells.
fn untold(cx: &mut Cx<'_>, all: &[Stream<'_>]) {
    let Some(stream) = all.iter().find(|stream| stream.config.identity.is_some()) else {
        // Of a check that does not ask for it, that is nothing to report.
        let facts = [&OWNERS_BEFORE.info, &OWNERS_DURING.info, &OWNERS_AFTER.info, &OWNER_CHANGES.info];
        let target = all.first().map(|stream| stream.config.probe.target()).unwrap_or_default();
        let fault = Fault::local("tell who answered", target, "no stream tells who answers it", UNNAMED);
        return cx.unavailable(facts.into_iter().chain([&SWITCHED_AFTER.info]), &fault);
    };
    let why = format!("no answer to `{}` has what `identity` names", stream.config.name.shown());
    for fact in [&OWNERS_BEFORE, &OWNERS_DURING, &OWNERS_AFTER] {
        cx.partial_until(fact, why.clone(), ABSENT);
    }
    cx.partial_until(&OWNER_CHANGES, why.clone(), ABSENT);
    cx.partial_until(&SWITCHED_AFTER, why.clone(), ABSENT);
    cx.partial_until(&S_OWNER_CHANGES, why, ABSENT);
}

/// Why a check failed that expects another number of changes.
pub(super) fn diagnose(failure: &Failure<'_>) -> Option<Diagnosis> {
    let breach = failure.unmet().find(|breach| diagnosis::is_of_owners(breach))?;
    let got = breach.got.as_deref()?;
    let seen = breach.sentence();
    if got == "0" || got.starts_with("0 ") {
        let cause = format!("{}: nobody took over, the same owner answered all the time: {seen}", failure.target);
        let next = "look whether what was broken is what the stream asks, whether a standby was there that could take over, and whether its \
                    answers differ in what `identity` names; of a name, whether a resolver still had the old records";
        return Some(Diagnosis::new(cause, next));
    }
    if diagnosis::falls_short(breach) {
        let next = "the report has who answered, and when (`owners.during`, `episodes`): raise `observe` where a further move only takes longer";
        return Some(Diagnosis::new(
            format!("{}: the owner moved less often than expected: {seen}", failure.target),
            next,
        ));
    }
    if got == "1" || got.starts_with("1 ") {
        let cause = format!("{}: another owner took over: {seen}", failure.target);
        let next = "the service was to stay where it was: look at what made the standby take over (health checks, priorities, timers)";
        return Some(Diagnosis::new(cause, next));
    }
    let cause = format!("{}: the owner went back and forth: {seen}", failure.target);
    let next = "two hosts held the address in turn: look whether they hear each other, and at preemption and flapping health checks";
    Some(Diagnosis::new(cause, next))
}

/// Those who answered probes sent in a time.
fn owners(stream: &Stream<'_>, from: f64, until: f64) -> Vec<u8> {
    let log = &stream.finished.log;
    let sent = log.probes.iter().filter(|probe| probe.is_answered() && probe.sent < until);
    let within =
        sent.filter(|probe| probe.sent >= from || (probe.dropped.count > 0 && probe.dropped.last_sent >= from));
    let owners: BTreeSet<u8> = within.map(|probe| probe.owner).filter(|owner| *owner != 0).collect();
    owners.into_iter().collect()
}

/// Their names.
fn between(stream: &Stream<'_>, from: f64, until: f64) -> Vec<String> {
    let log = &stream.finished.log;
    owners(stream, from, until).into_iter().filter_map(|owner| log.owner(owner)).map(ToString::to_string).collect()
}

/// Changes after the first steady phase and before `restore`; `None` where several answered in turn before.
pub(super) fn changes(stream: &Stream<'_>, times: &PhaseTimes) -> Option<u64> {
    let log = &stream.finished.log;
    let one = owners(stream, 0.0, times.steady).len() == 1;
    let within = |change: &&OwnerChange| change.at >= times.steady && change.at < times.restoring;
    one.then(|| log.changes.iter().filter(within).count() as u64 + log.more_changes)
}

/// When the first answer by another owner came after the first steady phase: not that to the first probe it answered, which may have
/// been sent again.
fn switched(stream: &Stream<'_>, times: &PhaseTimes) -> Option<f64> {
    let log = &stream.finished.log;
    let [before] = *owners(stream, 0.0, times.steady) else { return None };
    let within = |probe: &&ProbeResult| probe.sent >= times.steady && probe.sent < times.restoring;
    let others = log.probes.iter().filter(within).filter(|probe| probe.owner != 0 && probe.owner != before);
    others.map(|probe| probe.ended).reduce(f64::min)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Failover;
    use super::super::measure::{Measured, PhaseTimes};
    use super::super::outage::{ProbeOutcome, ProbeResult};
    use super::super::report::Stream;
    use super::super::settings::Phases;
    use super::super::stream::{Finished, IdentityFact, OwnerChange, StreamLog};
    use super::super::tests::{StubProbe, config};
    use crate::model::record::{OriginWord, Outcome};
    use crate::model::{Args, Fact, FactInfo, Observation, Value};
    use crate::probe::{Failure, Probe as _, diagnosis};
    use crate::testing::recorded;

    const BODY: Fact<String> = Fact::text("body", "A text of some lines.");
    static FACTS: &[FactInfo] = &[BODY.info];

    /// One letter a probe, 10 ms apart: the owner that answered; steady for 5, restored after 15.
    fn seen(picture: &str, identity: bool) -> Observation {
        let probe = |(n, letter): (u32, char)| {
            let sent = f64::from(n) * 0.01;
            let result = ProbeResult::new(sent, sent, sent + 0.001, ProbeOutcome::Answered);
            let owner = match letter {
                'a' => 1,
                'b' => 2,
                _ => 0,
            };
            ProbeResult { owner, ..result }
        };
        let mut log = StreamLog::default();
        log.name_owners(&["web1", "web2"]);
        log.probes = (0..).zip(picture.chars()).map(probe).collect();
        let mut before = 0;
        for probe in log.probes.iter().filter(|probe| probe.owner != 0) {
            if probe.owner != before {
                log.changes.push(OwnerChange { at: probe.sent, owner: probe.owner });
            }
            before = probe.owner;
        }
        let mut config = config(StubProbe::Answers);
        config.identity = identity.then(|| IdentityFact::of(FACTS, "body").unwrap());
        let finished = Finished { log, ..Finished::default() };
        let all = [Stream { config: &config, finished: &finished, measured: Measured::default() }];
        let times = PhaseTimes { steady: 0.05, injected: 0.06, restoring: 0.15, after: 0.15, end: 0.2 };
        let phases = Phases {
            steady: Duration::from_millis(50),
            observe: Duration::from_millis(100),
            settle: Duration::from_millis(30),
            isolated: None,
            background: 0.0,
            until_signal: false,
        };
        recorded(Failover::FACTS, |cx| super::facts(cx, &all, &times, &phases)).0
    }

    #[test]
    fn what_cannot_be_told_of_owners_is_no_failure() {
        let one = seen("aaaaaaabbbbbbbbbbbbb", true);
        assert_eq!((one.last("owners.changes"), one.partial("owners.changes")), (Some(&Value::from(1)), None));
        let in_turn = seen("abababaaaaaaaaaaaaaa", true);
        assert_eq!(in_turn.last("owners.changes"), None);
        for fact in ["owners.changes", "switched_after", "streams.owner_changes"] {
            let why = in_turn.partial(fact).unwrap_or_else(|| panic!("{fact} is judged"));
            assert!(why.contains("2 answered `probe` in turn") && why.contains("web1, web2"), "{why}");
            assert!(in_turn.remedy(fact).unwrap().contains("`identity`"), "{fact}");
        }
        let silent = seen("....................", true);
        assert!(silent.partial("owners.changes").unwrap().contains("has what `identity` names"));
        let unasked = seen("....................", false);
        assert_eq!(unasked.partial("owners.changes"), None, "a check that does not ask for it has nothing to report");
        assert!(unasked.unavailable("owners.changes").unwrap().remedy.contains("`identity`"));
    }

    /// What is said of a breach: of `want` changes `got` were seen.
    fn told(operator: &'static str, want: &str, got: &str) -> (String, String) {
        let breach = Outcome {
            fact: "owners.changes".into(),
            operator: operator.into(),
            want: want.into(),
            got: Some(got.to_owned()),
            held: false,
            origin: OriginWord::Suite,
            at: None,
        };
        let (observation, args) = (Observation::default(), Args::default());
        let family = crate::checks::family("failover").unwrap();
        let breaches = [breach];
        let failure = Failure::new(("web", family, &args), &breaches, (&observation, &diagnosis::unknown), None);
        let diagnosis = failure.diagnose();
        (diagnosis.cause, diagnosis.next)
    }

    #[test]
    fn advice_fits_what_was_seen() {
        for (operator, want, got, cause, next) in [
            ("eq", "1", "0", "nobody took over", "a standby was there"),
            ("ge", "1", "0 in round 2 of 3", "nobody took over", "a standby was there"),
            ("eq", "3", "2", "less often than expected", "raise `observe`"),
            ("eq", "0", "1", "another owner took over", "made the standby take over"),
            ("le", "1", "4", "went back and forth", "whether they hear each other"),
        ] {
            let (said, advised) = told(operator, want, got);
            assert!(said.contains(cause) && advised.contains(next), "{operator} {want} {got}: {said} / {advised}");
        }
    }
}
