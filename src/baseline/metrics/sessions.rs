//! A run against runs of other sessions: the run is the unit.

use super::scale::{Scale, Statistic, View, judged, least, rule_of_three, too_few_samples};
use super::verdict::{blank, decide, levels, nothing_seen};
use crate::model::count::counted;
use crate::model::reduced::{Metric, Round};
use crate::model::{Arm, Change, Comparison};
use crate::stats::Effect;
use crate::stats::sessions::{RUNS, known_spread, pinned, prediction, spread as spread_of};

/// Names and versions of the methods.
pub const PREDICTION: &str = "prediction-interval/1";
/// Against one pinned run, with the spread of the window.
pub const PINNED: &str = "pinned-release/1";
/// Against few runs, with the spread of a calibration.
pub const CALIBRATED: &str = "noise-floor/1";

/// The runs a metric is held against.
#[derive(Clone, Debug, Default)]
pub struct Reference<'m> {
    /// Comparable runs, oldest first.
    pub window: Vec<&'m Metric>,
    /// The pinned release, with its name for people.
    pub pinned: Option<(&'m Metric, String)>,
    /// Spread between runs by statistic, from a calibration.
    pub floor: Option<Floor>,
}

/// The spread between runs of an unchanged target, on the scale tested.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floor {
    /// Standard deviation between runs.
    pub tau: f64,
    /// Runs it was taken from.
    pub runs: u32,
}

/// The rounds of a run that speak for it; with arms, those of the new target.
pub(super) fn rounds(metric: &Metric, confirm: bool) -> Vec<&Round> {
    let counts = |round: &&Round| round.discarded.is_none() && round.arm != Some(Arm::Base) && round.confirm == confirm;
    metric.rounds.iter().filter(counts).collect()
}

/// A run on one view.
#[derive(Clone, Copy, Debug)]
struct Value {
    /// Mean over its rounds.
    mean: f64,
    /// Standard error of that mean by the spread of the rounds; 0 for one round.
    within: f64,
    /// Rounds.
    rounds: usize,
}

/// The value of a run. `None` when it has no round, or one that has no place on the view.
fn typical(metric: &Metric, statistic: Statistic, view: View, least: Option<f64>, confirm: bool) -> Option<Value> {
    let rounds = rounds(metric, confirm);
    let values: Option<Vec<f64>> = rounds.iter().map(|round| view.of(statistic.of(round), least)).collect();
    let values = values.filter(|values| !values.is_empty())?;
    let count = values.len();
    let mean = values.iter().sum::<f64>() / count as f64;
    let within = spread_of(&values).map_or(0.0, |(_, deviation)| deviation / (count as f64).sqrt());
    Some(Value { mean, within, rounds: count })
}

/// The typical value of a run in the metric's unit: the geometric mean of the rounds' medians, or the mean for metrics that
/// can be zero. `None` without rounds.
#[must_use]
pub fn value(metric: &Metric) -> Option<f64> {
    let scale = Scale::of(metric, Statistic::P50);
    typical(metric, Statistic::P50, scale.view(), None, false).map(|value| scale.level(value.mean))
}

/// How much an unchanged target differs, on the scale tested.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Standard deviation between runs.
    pub tau: f64,
    /// Standard deviation of a round about its run; `None` for one round per run.
    pub round: Option<f64>,
    /// Runs it was taken from.
    pub runs: u32,
}

impl Spread {
    /// The smallest share by which a ratio must change to be found in 80 of 100 comparisons: in pairs of rounds, or of a run
    /// with a full history.
    #[must_use]
    pub fn detectable(&self, pairs: Option<u32>) -> Option<f64> {
        let effect = match pairs {
            Some(pairs) => {
                let count = f64::from(pairs);
                Effect { estimate: 0.0, se: self.round? * (2.0 / count).sqrt(), df: (2.0 * count - 4.0).max(1.0) }
            }
            None => {
                let se = self.tau * (1.0 + 1.0 / RUNS as f64).sqrt();
                Effect { estimate: 0.0, se, df: f64::from(self.runs) - 1.0 }
            }
        };
        Some(effect.detectable().exp_m1())
    }
}

/// The spread of runs of an unchanged target; `None` for fewer than three usable ones.
#[must_use]
pub fn spread(runs: &[&Metric]) -> Option<Spread> {
    let scale = Scale::of(runs.first()?, Statistic::P50);
    let view = scale.view();
    let value = |run: &&Metric| typical(run, Statistic::P50, view, None, false).map(|value| value.mean);
    let values: Vec<f64> = runs.iter().filter_map(value).collect();
    if values.len() < 3 {
        return None;
    }
    let (_, tau) = spread_of(&values)?;
    let within: Vec<(f64, usize)> = runs
        .iter()
        .filter_map(|run| {
            let rounds: Vec<f64> = rounds(run, false).iter().filter_map(|round| view.of(round.p50, None)).collect();
            spread_of(&rounds).map(|(_, deviation)| (deviation, rounds.len() - 1))
        })
        .collect();
    let df: usize = within.iter().map(|(_, df)| df).sum();
    let squares: f64 = within.iter().map(|(deviation, df)| deviation.powi(2) * *df as f64).sum();
    let round = (df > 0).then(|| (squares / df as f64).sqrt());
    Some(Spread { tau, round, runs: u32::try_from(values.len()).unwrap_or(u32::MAX) })
}

/// A metric that has nothing to be compared with, and why.
#[must_use]
pub fn not_compared(metric: &Metric, why: &str) -> Comparison {
    let mut out = blank(metric, Scale::of(metric, Statistic::P50), PREDICTION, "nothing");
    out.reason = Some(why.to_owned());
    out
}

/// Compares a run with its reference, statistic by statistic.
#[must_use]
pub fn sessions(metric: &Metric, reference: &Reference<'_>) -> Vec<(Statistic, Comparison)> {
    let rounds = rounds(metric, false);
    judged(metric, &rounds).into_iter().map(|statistic| (statistic, one(metric, statistic, reference))).collect()
}

fn one(metric: &Metric, statistic: Statistic, reference: &Reference<'_>) -> Comparison {
    let mut out = against_window(metric, statistic, reference);
    if let Some((_, name)) = &reference.pinned {
        let pinned = against_pinned(metric, statistic, reference, name);
        if pinned.verdict == Change::Regressed && out.verdict != Change::Regressed {
            out.verdict = Change::Regressed;
            out.reason = Some(format!("against {}: a drift too slow for the runs before this one", pinned.against));
        }
        out.pinned = Some(Box::new(pinned));
    }
    out
}

/// A run and its reference on every view: the values of the runs, and that of the head.
struct Sides {
    /// Values of the runs, by view.
    window: Vec<Vec<f64>>,
    /// The run compared, by view.
    head: Vec<Value>,
    /// The pinned run, by view.
    pinned: Option<Vec<f64>>,
}

impl Sides {
    /// `None` when the head has no value on a view; a run without one is left out.
    fn of(metric: &Metric, statistic: Statistic, reference: &Reference<'_>, confirm: bool) -> Option<Self> {
        let scale = Scale::of(metric, statistic);
        let release = reference.pinned.as_ref().map(|(release, _)| *release);
        let all = reference.window.iter().copied().chain(release).chain([metric]);
        let least = least(scale, all.flat_map(|run| &run.rounds), statistic);
        let mean = |run: &Metric, view: View| Some(typical(run, statistic, view, least, false)?.mean);
        let views = scale.views();
        Some(Self {
            window: views
                .iter()
                .map(|view| reference.window.iter().filter_map(|run| mean(run, *view)).collect())
                .collect(),
            head: views.iter().map(|view| typical(metric, statistic, *view, least, confirm)).collect::<Option<_>>()?,
            pinned: release.and_then(|release| views.iter().map(|view| mean(release, *view)).collect()),
        })
    }

    fn runs(&self) -> usize {
        self.window.first().map_or(0, Vec::len)
    }

    /// The effect on each view, by `method`, not surer of itself than the rounds of the head allow.
    fn effects(&self, method: impl Fn(&[f64], f64, usize) -> Option<Effect>) -> Option<Vec<Effect>> {
        let views = self.window.iter().zip(&self.head).enumerate();
        views
            .map(|(view, (window, head))| method(window, head.mean, view).map(|effect| widened(effect, head)))
            .collect()
    }

    fn against_window(&self, floor: Option<Floor>) -> Option<Vec<Effect>> {
        match floor.filter(|_| self.runs() < RUNS) {
            // The spread of a calibration is known on the view shown.
            Some(floor) => self.effects(|window, head, view| {
                let tau = if view == 0 { floor.tau } else { spread_of(window).map_or(0.0, |(_, deviation)| deviation) };
                known_spread(window, head, tau, floor.runs)
            }),
            None if self.runs() < RUNS => None,
            None => self.effects(|window, head, _| prediction(window, head)),
        }
    }

    fn against_pinned(&self) -> Option<Vec<Effect>> {
        let release = self.pinned.as_ref().filter(|_| self.runs() >= RUNS)?;
        self.effects(|window, head, view| pinned(window, *release.get(view)?, head))
    }
}

/// Earlier runs may be equal by chance: metrics that are nearly always zero are, and whole numbers. Where they differ by less
/// than a third of what the spread of the head's own rounds implies (in 2 of 1000 cases, were that all there is), that
/// spread counts instead; where both are zero nothing is known but that the head differs.
fn widened(effect: Effect, head: &Value) -> Effect {
    let own = head.within * std::f64::consts::SQRT_2;
    if effect.se < own / 3.0 {
        return Effect { se: own, df: head.rounds as f64 - 1.0, ..effect };
    }
    let certain = effect.se <= 0.0 && effect.estimate.abs() > 0.0;
    if certain { Effect { se: f64::INFINITY, ..effect } } else { effect }
}

fn against_window(metric: &Metric, statistic: Statistic, reference: &Reference<'_>) -> Comparison {
    let scale = Scale::of(metric, statistic);
    let sides = Sides::of(metric, statistic, reference, false);
    let runs = sides.as_ref().map_or(0, Sides::runs);
    let method = if reference.floor.is_some() && runs < RUNS { CALIBRATED } else { PREDICTION };
    let mut out = blank(metric, scale, method, &counted(runs, "earlier run"));
    out.counts = [u32::try_from(runs).unwrap_or(u32::MAX), 1];
    if let Some(why) = too_few_samples(statistic, &rounds(metric, false)) {
        out.reason = Some(why);
        return out;
    }
    let Some((sides, head)) =
        sides.and_then(|sides| sides.head.first().map(|head| head.mean).map(|head| (sides, head)))
    else {
        out.reason = Some("it has no rounds, or a value of zero or below, which has no ratio".into());
        return out;
    };
    let Some(mean) = sides.window.first().filter(|window| !window.is_empty()).map(|window| mean_of(window)) else {
        out.head = Some(scale.level(head));
        out.reason = Some("there is no comparable run".into());
        return out;
    };
    levels(&mut out, scale, mean, head);
    out.verdict = Change::Inconclusive;
    match sides.against_window(reference.floor) {
        Some(effects) => judge(&mut out, metric, scale, &effects, reference),
        None => {
            let missing = RUNS - runs;
            out.runs_needed = u32::try_from(missing).ok();
            out.reason = Some(format!(
                "{}: how much runs of an unchanged target differ is not known from fewer than {RUNS}",
                counted(runs, "comparable earlier run")
            ));
        }
    }
    out
}

fn judge(out: &mut Comparison, metric: &Metric, scale: Scale, effects: &[Effect], reference: &Reference<'_>) {
    decide(out, scale, effects);
    let own = rounds(metric, false);
    let earlier: Vec<&Round> = reference.window.iter().flat_map(|run| rounds(run, false)).collect();
    if !scale.log && own.iter().chain(&earlier).all(|round| round.p50 == 0.0) {
        return nothing_seen(out, [rule_of_three(metric, &earlier), rule_of_three(metric, &own)]);
    }
    if out.verdict == Change::Inconclusive {
        let blind = effects.iter().any(|effect| effect.se.is_infinite());
        out.reason = Some(if blind {
            "the earlier runs do not differ at all, so chance cannot be told from a change".into()
        } else {
            "runs differ too much from each other to show a change of the tolerance".into()
        });
    }
}

fn against_pinned(metric: &Metric, statistic: Statistic, reference: &Reference<'_>, name: &str) -> Comparison {
    let scale = Scale::of(metric, statistic);
    let mut out = blank(metric, scale, PINNED, &format!("pinned {name}"));
    out.counts = [1, 1];
    let sides = Sides::of(metric, statistic, reference, false);
    let Some((sides, base)) = sides.and_then(|sides| sides.pinned.as_ref()?.first().copied().map(|base| (sides, base)))
    else {
        out.reason = Some("the pinned run did not measure it".into());
        return out;
    };
    levels(&mut out, scale, base, sides.head.first().map_or(base, |head| head.mean));
    out.verdict = Change::Inconclusive;
    match sides.against_pinned() {
        Some(effects) => decide(&mut out, scale, &effects),
        None => {
            out.runs_needed = u32::try_from(RUNS.saturating_sub(sides.runs())).ok();
            out.reason = Some(format!("the spread between runs is not known before {RUNS} of them"));
        }
    }
    out
}

fn mean_of(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The effects in the rounds measured because of an alarm, alone: against the reference that gave it.
pub(super) fn fresh_effects(
    alarm: &Comparison,
    metric: &Metric,
    statistic: Statistic,
    reference: &Reference<'_>,
) -> Option<Vec<Effect>> {
    let by_pin = alarm.pinned.as_ref().is_some_and(|pinned| pinned.verdict == Change::Regressed);
    let fresh = Sides::of(metric, statistic, reference, true)?;
    if by_pin { fresh.against_pinned() } else { fresh.against_window(reference.floor) }
}
