//! The store of baselines as `run --baseline` uses it: read once before the first packet, looked up by case and metric.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::baseline::metrics::{self, Reference};
use crate::baseline::noise::{self, Noise};
use crate::baseline::store::{self, Baseline};
use crate::baseline::{MetricKey, metric_key};
use crate::model::named::Named;
use crate::model::record::{self, BaselineRef};
use crate::model::reduced::Metric;
use crate::model::{Comparison, FactInfo, Unit};
use crate::plan::{Case, Plan, planned_ids};
use crate::stats::sessions::RUNS;
use crate::stats::summary::quantile;
use crate::stats::typical::typical;

/// The baselines of the suites of a run.
pub struct References {
    by_suite: BTreeMap<Arc<str>, Source>,
    /// Metrics with enough history to alarm.
    metrics: usize,
}

/// The baseline and the calibration of one suite on this class of hosts.
struct Source {
    baseline: Option<Baseline>,
    noise: Option<Noise>,
    file: String,
    /// Why there is none.
    missing: Option<String>,
}

/// A metric and the runs it is held against.
pub(super) struct MetricReference<'a> {
    pub(super) metric: &'a Metric,
    pub(super) reference: Reference<'a>,
    /// Why other runs are not among them.
    pub(super) left_out: String,
    /// Why there is no baseline.
    pub(super) missing: Option<&'a str>,
    /// Metrics of the run with enough history to alarm.
    pub(super) metrics: usize,
}

impl References {
    /// Reads the baselines of every suite of the plan. A file that cannot be read is an error; that there is none is a
    /// notice.
    pub fn read(from: &Path, plan: &Plan, host_class: &str) -> Result<Self, String> {
        let mut by_suite = BTreeMap::new();
        for case in &plan.cases {
            if !by_suite.contains_key(&case.suite) {
                by_suite.insert(Arc::clone(&case.suite), source(from, &case.suite, host_class)?);
            }
        }
        let mut out = Self { by_suite, metrics: 0 };
        out.metrics = plan.cases.iter().map(|case| out.with_history(case)).sum();
        Ok(out)
    }

    /// Notices for the head of the run: suites without a baseline, and tolerances below what these measurements can see.
    pub(super) fn notices(&self, plan: &Plan) -> String {
        let mut lines: Vec<String> =
            self.by_suite.values().filter_map(|source| source.missing.as_ref()).map(Clone::clone).collect();
        for case in &plan.cases {
            let noise = self.by_suite.get(&case.suite).and_then(|source| source.noise.as_ref());
            let pairs = case.head.as_ref().map(|_| case.layout.rounds);
            lines.extend(noise.map(|noise| noise.too_fine(case, pairs)).unwrap_or_default());
        }
        lines.iter().flat_map(|line| ["warning: ", line, "\n"]).collect()
    }

    fn with_history(&self, case: &Case) -> usize {
        let Some(source) = self.by_suite.get(&case.suite).filter(|_| case.head.is_none()) else { return 0 };
        let metrics =
            case.family.facts.iter().filter(|fact| fact.better.is_some() && !case.baseline.ignores(fact.name));
        let metrics: Vec<&FactInfo> = metrics.collect();
        // Who a list will name is not known: those that it named before may be among them.
        if case.list.is_some() {
            let Some(run) = source.baseline.as_ref().and_then(|baseline| baseline.window().last()) else { return 0 };
            let found = run.checks.keys().filter(|id| planned_ids(id).any(|id| *id == *case.id));
            return found.count().min(case.most()) * metrics.len() * usize::from(case.is_listed());
        }
        let enough = |metric: &str, unit: Unit| {
            let key = MetricKey { check: &case.id, metric, digest: Some(&case.base.digest), unit };
            let runs = source.baseline.as_ref().map_or(0, |baseline| baseline.comparable(key).values.len());
            runs >= RUNS || (runs > 0 && source.noise.as_ref().is_some_and(|noise| noise.floor(key).is_some()))
        };
        metrics.into_iter().filter(|fact| enough(fact.name, fact.unit)).count()
    }

    /// A metric with the runs of its baseline; `None` for a suite nothing is known of.
    pub(super) fn held<'a>(&'a self, case: &Case, name: &str, metric: &'a Metric) -> Option<MetricReference<'a>> {
        let source = self.by_suite.get(&case.suite)?;
        let key = MetricKey { check: &case.id, metric: name, digest: Some(&case.base.digest), unit: metric.unit };
        let mut window = source.baseline.as_ref().map(|baseline| baseline.comparable(key)).unwrap_or_default();
        let pinned = source.baseline.as_ref().and_then(|baseline| baseline.pinned_metric(key));
        let fits = |then: &&Metric| metrics::same_sort(metric, then).is_ok();
        let unlike = window.values.iter().find_map(|(_, then)| metrics::same_sort(metric, then).err());
        window.left_out.extend(unlike);
        let reference = Reference {
            window: window.values.iter().map(|(_, metric)| *metric).filter(fits).collect(),
            pinned: pinned.and_then(Result::ok).filter(|(_, then)| fits(then)).map(|(id, then)| (then, id.to_owned())),
            floor: source.noise.as_ref().and_then(|noise| noise.floor(key)),
        };
        let left_out = window.left_out.join("; ");
        Some(MetricReference { metric, reference, left_out, missing: source.missing.as_deref(), metrics: self.metrics })
    }

    /// The typical value of a metric in the accepted runs that are comparable: the median of theirs, in its unit.
    pub(super) fn usual(&self, case: &Case, name: &str) -> Option<f64> {
        let fact = case.family.facts.iter().find(|fact| fact.name == name)?;
        let key = MetricKey { check: &case.id, metric: name, digest: Some(&case.base.digest), unit: fact.unit };
        let window = self.by_suite.get(&case.suite)?.baseline.as_ref()?.comparable(key);
        let of_run = |metric: &Metric| {
            typical(metric.rounds.iter().filter(|round| round.counts()).map(|round| round.p50), false)
        };
        let mut values: Vec<f64> = window.values.iter().filter_map(|(_, metric)| of_run(metric)).collect();
        values.sort_by(f64::total_cmp);
        (!values.is_empty()).then(|| quantile(&values, 0.5))
    }

    /// Checks of the newest accepted run, or of the pinned one, that the suites no longer have. A check that is only left out
    /// by the selection is still there.
    pub(super) fn vanished(&self, plan: &Plan) -> Vec<String> {
        let known: BTreeSet<(&str, &str)> = plan.known.iter().map(|(suite, id)| (&**suite, &**id)).collect();
        let mut out = BTreeSet::new();
        for (suite, source) in &self.by_suite {
            let Some(baseline) = &source.baseline else { continue };
            for run in baseline.window().last().into_iter().chain(baseline.pinned()) {
                // Of targets that are found anew in each run, what was found before says nothing of this one.
                let is_here = |id: &str| known.contains(&(&**suite, id));
                let is_known = |id: &str| is_here(id) || planned_ids(id).any(|id| is_here(&id));
                let gone = run.checks.keys().filter(|id| !is_known(id.as_str()));
                out.extend(gone.map(|id| format!("{suite}/{id}")));
            }
        }
        out.into_iter().collect()
    }

    /// Metrics of the baseline that this case did not measure.
    pub(super) fn unmeasured(&self, case: &Case, metrics: &Named<record::Metric>) -> Vec<(String, Comparison)> {
        let Some(baseline) = self.by_suite.get(&case.suite).and_then(|source| source.baseline.as_ref()) else {
            return Vec::new();
        };
        let Some(newest) = baseline.window().last() else { return Vec::new() };
        let of_case = newest.metrics.iter().map(|(name, metric)| (metric_key::split(name), metric));
        let gone = of_case.filter(|((check, name), _)| {
            *check == &*case.id && metrics.get(name).is_none() && !case.baseline.ignores(name)
        });
        gone.map(|((_, name), metric)| {
            (name.to_owned(), metrics::not_compared(metric, "the baseline has it, this run did not measure it"))
        })
        .collect()
    }

    /// The baseline of a case, for its record.
    pub(super) fn baseline_of(&self, case: &Case) -> Option<BaselineRef> {
        let source = self.by_suite.get(&case.suite)?;
        let baseline = source.baseline.as_ref()?;
        let known =
            |run: &&store::Accepted| run.checks.get(&*case.id).is_some_and(|digest| **digest == *case.base.digest);
        let count = |runs: usize| u32::try_from(runs).unwrap_or(u32::MAX);
        Some(BaselineRef {
            file: source.file.clone(),
            runs: count(baseline.window().len()),
            comparable: count(baseline.window().iter().filter(known).count()),
            pinned: baseline.pinned().map(|run| run.id.clone()),
        })
    }
}

fn source(from: &Path, suite: &str, host_class: &str) -> Result<Source, String> {
    let baseline = store::find(from, suite, host_class)?;
    let noise = noise::find(from, suite, host_class)?;
    let missing = if baseline.is_some() {
        None
    } else {
        let others = store::host_classes(from, suite)?;
        let shown = from.display();
        Some(if others.is_empty() {
            format!(
                "{shown} has no baseline of suite {suite}: accept a run with `shakedown baseline accept REPORT --dir {shown}`"
            )
        } else {
            let others = others.join(", ");
            format!(
                "{shown} has baselines of suite {suite} for host class {others}; this host is {host_class}, and their numbers mean nothing here"
            )
        })
    };
    let file = baseline.as_ref().map_or_else(String::new, |baseline| baseline.file.display().to_string());
    Ok(Source { baseline, noise, file, missing })
}
