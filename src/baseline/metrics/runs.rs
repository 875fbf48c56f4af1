//! Whole runs compared, metric by metric: one report within itself, or a run with those before it.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::panic::resume_unwind;

use super::interleaved;
use super::multiple_testing;
use super::scale::{Scale, Statistic};
use super::sessions::{self, Reference};
use super::verdict::blank;
use crate::baseline::metric_key::split;
use crate::baseline::store::Accepted;
use crate::model::comparison_document::MetricRow;
use crate::model::count::counted;
use crate::model::reduced::{Check, Metric, Report};
use crate::model::{Change, Comparison, Severity, Verdict};
use crate::suite::matrix::planned_ids;

/// Checks a thread is worth starting for.
const PART: usize = 1000;

/// A metric of a run: suite, case id, metric.
type Key<'r> = (&'r str, &'r str, &'r str);

/// A check of a run: suite, case id.
type Case<'r> = (&'r str, &'r str);

/// A run as far as its numbers go.
#[derive(Clone, Debug)]
pub struct Run<'r> {
    /// For people: run id, or release.
    pub name: String,
    /// Class of the host that measured.
    pub class: &'r str,
    /// The metrics and what defines them.
    pub metrics: HashMap<Key<'r>, Entry<'r>>,
    /// Checks that did not pass, by suite and case id: they have no metrics here.
    pub broken: HashMap<Case<'r>, Verdict>,
    /// Digests of the checks that have one.
    pub digests: HashMap<Case<'r>, &'r str>,
}

/// A metric with the definition of the check behind it.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'r> {
    /// The rounds.
    pub metric: &'r Metric,
    /// Digest of the check, or of the suite where a check has none.
    pub definition: &'r str,
}

impl<'r> Run<'r> {
    /// The metrics of a report. Checks that did not pass measured something else than they were to measure.
    #[must_use]
    pub fn of(record: &'r Report) -> Self {
        let suites: HashMap<&str, &str> =
            record.suites.iter().map(|suite| (suite.name.as_str(), suite.sha256.as_str())).collect();
        let mut metrics = HashMap::new();
        for check in record.checks.iter().filter(|check| counts(check)) {
            let definition = check.digest.as_deref().or_else(|| suites.get(&*check.suite).copied()).unwrap_or("");
            for (name, metric) in &check.metrics.0 {
                metrics.insert((&*check.suite, &*check.id, &**name), Entry { metric, definition });
            }
        }
        let broken = record.checks.iter().filter(|check| !counts(check));
        let broken = broken.map(|check| ((&*check.suite, &*check.id), check.verdict)).collect();
        let digest = |check: &'r Check| Some(((&*check.suite, &*check.id), check.digest.as_deref()?));
        let digests = record.checks.iter().filter_map(digest).collect();
        Self { name: record.run.id.clone(), class: &record.host.class, metrics, broken, digests }
    }

    /// The same run, its checks called as in `head` where one definition has another id there, and is the only one of its kind on both
    /// sides.
    fn called_as_in<'s>(&'s self, head: &Run<'r>) -> Cow<'s, Run<'r>> {
        let (gone, new) = (only(self, head), only(head, self));
        let renamed: HashMap<Case<'r>, Case<'r>> =
            gone.into_iter().filter_map(|(digest, old)| Some((old?, (*new.get(digest)?)?))).collect();
        if renamed.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut out = self.clone();
        let called = |case: Case<'r>| renamed.get(&case).copied().unwrap_or(case);
        let key = |(suite, id, metric): Key<'r>| {
            let (suite, id) = called((suite, id));
            (suite, id, metric)
        };
        out.metrics = out.metrics.into_iter().map(|(name, entry)| (key(name), entry)).collect();
        out.broken = out.broken.into_iter().map(|(case, verdict)| (called(case), verdict)).collect();
        out.digests = out.digests.into_iter().map(|(case, digest)| (called(case), digest)).collect();
        Cow::Owned(out)
    }

    /// The metrics of a run that was accepted as baseline of `suite`.
    #[must_use]
    pub fn accepted(run: &'r Accepted, suite: &'r str, class: &'r str) -> Self {
        let release = run.labels.get("release").map(|release| format!("release {release} ("));
        let name = release.map_or_else(|| run.id.clone(), |release| format!("{release}{})", run.id));
        let entry = |(key, metric): (&'r String, &'r Metric)| {
            let (check, metric_name) = split(key);
            let definition = run.checks.get(check).map_or("", String::as_str);
            ((suite, check, metric_name), Entry { metric, definition })
        };
        let digests = run.checks.iter().map(|(check, digest)| ((suite, check.as_str()), digest.as_str())).collect();
        Self { name, class, metrics: run.metrics.iter().map(entry).collect(), broken: HashMap::new(), digests }
    }
}

/// By digest the checks that only `one` has; `None` where several share it.
fn only<'r>(one: &Run<'r>, other: &Run<'r>) -> HashMap<&'r str, Option<Case<'r>>> {
    let mut out = HashMap::new();
    for (case, digest) in one.digests.iter().filter(|(case, _)| !other.digests.contains_key(*case)) {
        out.entry(*digest).and_modify(|found| *found = None).or_insert(Some(*case));
    }
    out
}

/// Numbers of a check count when it passed; what was measured while an expectation broke is no measure of the same thing.
fn counts(check: &Check) -> bool {
    check.verdict == Verdict::Passed
}

/// Which metrics, by their name or that of a statistic, somebody has left out of comparisons.
pub type Ignored<'a> = &'a (dyn Fn(&Check, &str) -> bool + Sync);

/// The arms of a report compared with each other. Alarms hold when fresh rounds confirmed them, or across all metrics where
/// there are none.
#[must_use]
pub fn within(record: &Report, ignored: Ignored<'_>) -> Vec<MetricRow> {
    let mut rows: Vec<(MetricRow, bool)> = Vec::new();
    let mut sources: Vec<(&Metric, Statistic)> = Vec::new();
    let paired =
        record.checks.iter().flat_map(|check| check.metrics.0.iter().map(move |(name, metric)| (check, name, metric)));
    let (paired, broken): (Vec<_>, Vec<_>) = paired
        .filter(|(check, name, metric)| interleaved::has_arms(metric) && !ignored(check, name))
        .partition(|(check, ..)| counts(check) && base_held(check));
    for (check, name, metric) in paired {
        let fresh = metric.rounds.iter().any(|round| round.confirm);
        for (statistic, comparison) in interleaved::interleaved(metric) {
            let (suite, id, key) = (check.suite.clone(), check.id.clone(), statistic.key(name));
            if ignored(check, &key) {
                continue;
            }
            let gated = check.gates(name);
            rows.push((
                MetricRow { suite, check: id, metric: key, severity: check.severity, gated, comparison },
                fresh,
            ));
            sources.push((metric, statistic));
        }
    }
    let alpha = multiple_testing::alpha(rows.len());
    for ((row, fresh), (metric, statistic)) in rows.iter_mut().zip(sources) {
        if *fresh && row.comparison.verdict == Change::Regressed {
            super::confirm(&mut row.comparison, metric, statistic, super::Against::OtherArm, alpha);
        }
    }
    let mut open: Vec<_> = rows.iter_mut().filter(|(_, fresh)| !fresh).map(|(row, _)| &mut row.comparison).collect();
    multiple_testing::holm(&mut open);
    let why = "an arm did not hold, so its numbers are not those it was to measure";
    let broken = broken.into_iter().map(|(check, name, metric)| {
        let row = none((&check.suite, &check.id, name), metric, why.into());
        MetricRow { severity: check.severity, gated: check.gates(name), ..row }
    });
    rows.into_iter().map(|(row, _)| row).chain(broken).collect()
}

fn base_held(check: &Check) -> bool {
    check.base.as_ref().is_none_or(|base| base.verdict == crate::model::Verdict::Passed)
}

/// A run compared with those of `window` (oldest first) and with the pinned release. Nothing can be measured again, so alarms
/// must hold across all metrics.
#[must_use]
pub fn runs(window: &[Run<'_>], pinned: Option<&Run<'_>>, head: &Report, ignored: Ignored<'_>) -> Vec<MetricRow> {
    let now = Run::of(head);
    let window: Vec<Cow<'_, Run<'_>>> = window.iter().map(|run| run.called_as_in(&now)).collect();
    let pinned = pinned.map(|run| run.called_as_in(&now));
    let (window, pinned) = (window.as_slice(), pinned.as_deref());
    // A hundred thousand metrics are worth every processor there is; the order stays that of the report.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let part = head.checks.len().div_ceil(cores).max(PART);
    let mut rows: Vec<MetricRow> = std::thread::scope(|scope| {
        let parts: Vec<_> = head
            .checks
            .chunks(part)
            .map(|checks| scope.spawn(|| of_checks(checks, &now, (window, pinned), ignored)))
            .collect();
        // A panic is a defect, and must not end as rows that are missing.
        parts.into_iter().flat_map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    let broken = head.checks.iter().filter(|check| !counts(check));
    let listed = broken.flat_map(|check| check.metrics.0.iter().map(|(name, _)| (&*check.suite, &*check.id, &**name)));
    let mut listed: HashSet<Key<'_>> = listed.collect();
    let here: HashMap<Case<'_>, &Check> =
        head.checks.iter().map(|check| ((&*check.suite, &*check.id), check)).collect();
    let left_out: HashSet<Case<'_>> = head.run.deselected.iter().filter_map(|full| full.split_once('/')).collect();
    for run in window.iter().rev().map(|run| &**run).chain(pinned) {
        let known = |key: &Key<'_>| now.metrics.contains_key(key) || listed.contains(key);
        let mut gone: Vec<_> = run.metrics.iter().filter(|(key, _)| !known(key)).collect();
        gone.sort_by_key(|(key, _)| **key);
        for (key, entry) in gone {
            listed.insert(*key);
            let (suite, check, name) = *key;
            let is_ignored = here.get(&(suite, check)).is_some_and(|check| ignored(check, name));
            let is_left_out = |id: &str| left_out.contains(&(suite, id));
            if is_ignored || is_left_out(check) || planned_ids(check).any(|id| is_left_out(&id)) {
                continue;
            }
            let why = if now.digests.contains_key(&(suite, check)) {
                "the head has no number of it: it was not measured there, or only late (late_here)"
            } else {
                "only the reference has it: the check vanished, was renamed, or did not run"
            };
            rows.push(none(*key, entry.metric, why.into()));
        }
    }
    let mut all: Vec<_> = rows.iter_mut().map(|row| &mut row.comparison).collect();
    multiple_testing::holm(&mut all);
    rows
}

fn of_checks(
    checks: &[Check],
    now: &Run<'_>,
    (window, pinned): (&[Cow<'_, Run<'_>>], Option<&Run<'_>>),
    ignored: Ignored<'_>,
) -> Vec<MetricRow> {
    let mut rows = Vec::new();
    for check in checks {
        let severity = check.severity;
        for (name, metric) in check.metrics.0.iter().filter(|(name, _)| !ignored(check, name)) {
            let key = (&*check.suite, &*check.id, &**name);
            let gated = check.gates(name);
            match now.metrics.get(&key) {
                None => {
                    let word = check.verdict.word();
                    let why = format!("the check {word}, so its numbers are not those it was to measure");
                    rows.push(MetricRow { severity, gated, ..none(key, metric, why) });
                }
                Some(entry) => {
                    let compared = one(key, *entry, now.class, window, pinned).into_iter();
                    let compared = compared.filter(|row| !ignored(check, &row.metric));
                    rows.extend(compared.map(|row| MetricRow { severity, gated, ..row }));
                }
            }
        }
    }
    rows
}

fn one(
    key: Key<'_>,
    now: Entry<'_>,
    class: &str,
    window: &[Cow<'_, Run<'_>>],
    pinned: Option<&Run<'_>>,
) -> Vec<MetricRow> {
    let mut reference = Reference::default();
    let mut why: Vec<String> = Vec::new();
    for run in window {
        match comparable(key, now, class, run) {
            Ok(metric) => reference.window.push(metric),
            Err(reason) if !why.contains(&reason) => why.push(reason),
            Err(_) => {}
        }
    }
    if let Some(run) = pinned
        && let Ok(metric) = comparable(key, now, class, run)
    {
        reference.pinned = Some((metric, run.name.clone()));
    }
    if reference.window.is_empty() && reference.pinned.is_none() {
        return vec![none(key, now.metric, why.join("; "))];
    }
    let compared = sessions::sessions(now.metric, &reference).into_iter();
    let named = |(statistic, mut comparison): (Statistic, Comparison)| {
        if let (Some(reason), false) = (&mut comparison.reason, why.is_empty()) {
            *reason = format!("{reason} (left out: {})", why.join("; "));
        }
        row(key, statistic.key(key.2), comparison)
    };
    compared.map(named).collect()
}

/// The metric of another run, or why its numbers mean something else.
fn comparable<'r>(key: Key<'_>, now: Entry<'_>, class: &str, run: &Run<'r>) -> Result<&'r Metric, String> {
    let Some(then) = run.metrics.get(&key) else {
        let (suite, check, _) = key;
        return Err(match run.broken.get(&(suite, check)) {
            Some(Verdict::Failed) => "the reference has no numbers for it: the check failed there".into(),
            Some(Verdict::Errored) => {
                "the reference has no numbers for it: the check could not be measured there".into()
            }
            Some(Verdict::Skipped) => "the reference has no numbers for it: the check was skipped there".into(),
            Some(Verdict::Passed) | None if run.digests.contains_key(&(suite, check)) => {
                "the reference has no number of it: it was not measured there, or only late (late_here)".into()
            }
            Some(Verdict::Passed) | None => "the reference does not have it: a new check, or a renamed one".into(),
        });
    };
    if run.class != class {
        return Err(format!("the reference was measured on host class {}, this is {class}", run.class));
    }
    if then.definition != now.definition {
        return Err("the check is defined otherwise than in the reference".into());
    }
    same_sort(now.metric, then.metric)?;
    Ok(then.metric)
}

/// Whether two metrics of one name are numbers of one sort: fewer rounds, or far fewer samples in them, make a noisier
/// number that the spread of the earlier runs says nothing about.
pub fn same_sort(now: &Metric, then: &Metric) -> Result<(), String> {
    let size = |metric: &Metric| {
        let counted: Vec<u64> = super::sessions::rounds(metric, false).iter().map(|round| round.count).collect();
        (counted.len(), counted.iter().copied().min().unwrap_or(0))
    };
    let ((rounds, samples), (rounds_then, samples_then)) = (size(now), size(then));
    if rounds == 0 {
        return Err("it has no rounds".into());
    }
    if rounds < rounds_then {
        return Err(format!(
            "it has {} where the reference has {rounds_then}: measure with as many",
            counted(rounds, "round")
        ));
    }
    if samples * 2 < samples_then {
        return Err(format!(
            "its rounds have {}, those of the reference {samples_then}: measure with as many",
            counted(samples, "sample")
        ));
    }
    for (what, now, then) in [
        ("unit", now.unit.word(), then.unit.word()),
        ("direction", now.better.word(), then.better.word()),
        ("scale", now.compared_by.word(), then.compared_by.word()),
    ] {
        if now != then {
            return Err(format!("its {what} is {now}, it was {then}"));
        }
    }
    Ok(())
}

fn none(key: Key<'_>, metric: &Metric, reason: String) -> MetricRow {
    let scale = Scale::of(metric, Statistic::P50);
    let mut comparison = blank(metric, scale, sessions::PREDICTION, "nothing");
    comparison.reason = Some(reason);
    row(key, key.2.to_owned(), comparison)
}

/// A row of a check whose severity nobody has said yet.
fn row((suite, check, _): Key<'_>, metric: String, comparison: Comparison) -> MetricRow {
    MetricRow { suite: suite.into(), check: check.into(), metric, severity: Severity::Fail, gated: false, comparison }
}
