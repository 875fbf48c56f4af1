//! Cells of separate sessions, where the run is the unit.

use shakedown::baseline::metrics::{self, Floor, Reference, Spread};
use shakedown::model::reduced::Metric;
use shakedown::model::{Change, Comparison};

use crate::design::{self, Size, stretch};
use crate::noise::{AUTOCORRELATED, DRIFT, ECMP, Noise, Rng};
use crate::peers::mann_whitney;
use crate::print::{Limit, Report, bare, cell, table};
use crate::tally::{Effort, Share, Tally};

/// The values a suite of `rounds: 5` leaves in a baseline.
const SIZE: Size = Size { rounds: 5, samples: 50 };
/// Runs a baseline keeps.
const KEPT: usize = 30;
/// The pinned release is this many runs ago.
const PINNED_AGO: usize = 20;

/// How the level of a target moves from run to run, beside the model's own spread between runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Course {
    /// Not at all.
    Level,
    /// Up by this share each run.
    Creep(f64),
    /// As an AR(1) process of this correlation with the model's own spread between runs.
    Wander(f64),
}

/// The kept runs and the new one, oldest first.
fn history(noise: Noise, course: Course, rng: &mut Rng) -> Vec<Metric> {
    let mut wander = rng.normal();
    (0_u32..)
        .take(KEPT + 1)
        .map(|index| {
            let (noise, longer) = match course {
                Course::Level => (noise, 0.0),
                Course::Creep(share) => (noise, f64::from(index) * share.ln_1p()),
                Course::Wander(phi) => {
                    wander = phi * wander + (1.0 - phi * phi).sqrt() * rng.normal();
                    (Noise { run: 0.0, ..noise }, noise.run * wander)
                }
            };
            design::run(noise, SIZE, longer, rng)
        })
        .collect()
}

/// The newest run against the `earlier` runs before it, and against the pinned release.
fn judged(runs: &[Metric], earlier: usize, pinned: bool) -> Comparison {
    let (head, before) = runs.split_last().unwrap();
    let reference = Reference {
        window: before[before.len() - earlier..].iter().collect(),
        pinned: pinned.then(|| (&before[before.len() - PINNED_AGO], "1.0".to_owned())),
        floor: None,
    };
    metrics::sessions(head, &reference).remove(0).1
}

fn slower(runs: &[Metric], factor: f64) -> Vec<Metric> {
    let mut out = runs.to_vec();
    out.last_mut().unwrap().rounds.iter_mut().for_each(|round| stretch(round, factor));
    out
}

fn medians(metric: &Metric) -> Vec<f64> {
    metric.rounds.iter().map(|round| round.p50).collect()
}

/// Earlier runs compared with.
pub const EARLIER: [usize; 4] = [5, 8, 12, 30];

/// A new run against [`EARLIER`] runs, with no change, +10 % and +20 %. The peer has yesterday's rounds and today's, and
/// compares those.
pub fn against(effort: Effort, noise: Noise) -> [[Tally; 3]; 4] {
    let mut out: [[Tally; 3]; 4] = Default::default();
    let mut rng = effort.rng(&format!("sessions {}", noise.name));
    for _ in 0..effort.comparisons {
        let runs = history(noise, Course::Level, &mut rng);
        for (at, factor) in [1.0, 1.1, 1.2].into_iter().enumerate() {
            let runs = slower(&runs, factor);
            let last = mann_whitney(&medians(&runs[KEPT - 1]), &medians(&runs[KEPT]));
            for (earlier, tallies) in EARLIER.into_iter().zip(&mut out) {
                tallies[at].count(&judged(&runs, earlier, false), factor, Some(last));
            }
        }
    }
    out
}

/// A new run against one earlier run, when eight runs before have calibrated the spread.
pub fn calibrated(effort: Effort, noise: Noise) -> [Tally; 3] {
    let mut out: [Tally; 3] = Default::default();
    let mut rng = effort.rng(&format!("calibrated {}", noise.name));
    for _ in 0..effort.comparisons {
        let runs = history(noise, Course::Level, &mut rng);
        let Spread { tau, runs: of, .. } = metrics::spread(&runs[..8].iter().collect::<Vec<_>>()).unwrap();
        for (tally, factor) in out.iter_mut().zip([1.0, 1.1, 1.2]) {
            let runs = slower(&runs, factor);
            let floor = Some(Floor { tau, runs: of });
            let reference = Reference { window: vec![&runs[KEPT - 1]], pinned: None, floor };
            let last = mann_whitney(&medians(&runs[KEPT - 1]), &medians(&runs[KEPT]));
            tally.count(&metrics::sessions(&runs[KEPT], &reference).remove(0).1, factor, Some(last));
        }
    }
    out
}

/// A new run against its history.
pub fn sessions(effort: Effort, report: &mut Report) {
    let mut rows = Vec::new();
    for noise in [AUTOCORRELATED, DRIFT, ECMP] {
        let names = EARLIER.map(|earlier| format!("{}, {earlier} runs", noise.name));
        let alone = format!("{}, 1 run and a calibration of 8", noise.name);
        let cells = names.into_iter().zip(EARLIER).zip(against(effort, noise));
        let floor = ((alone, 8), calibrated(effort, noise));
        for ((name, earlier), [same, ten, twenty]) in cells.chain([floor]) {
            let limit = if earlier < 8 { Limit::Within(0.0, 0.0) } else { Limit::AtMost(7.0) };
            report.bound(&name, "A/A p <= .05", same.changed, limit);
            let cells = [cell(same.changed), bare(same.regressed), bare(ten.regressed), bare(twenty.regressed)];
            rows.push([vec![name], cells.to_vec(), vec![bare(same.peer)]].concat());
        }
    }
    let head =
        ["", "p <= .05, no change", "regressed", "regressed, +10 %", "+20 %", "M-W against the last run, no change"];
    table("A run against runs of other sessions, spread between runs 4 %, %", &head, &rows);
}

/// Regressed against the window alone, the pinned release alone, either, and either with the gate's correction.
pub fn two_references(effort: Effort, name: &str, course: Course) -> [Share; 4] {
    let mut rng = effort.rng(&format!("pinned {name}"));
    let mut out = [Share::default(); 4];
    for _ in 0..effort.comparisons {
        let runs = history(AUTOCORRELATED, course, &mut rng);
        let window = judged(&runs, KEPT, false).verdict;
        let mut both = judged(&runs, KEPT, true);
        let (release, either) = (both.pinned.as_ref().unwrap().verdict, both.verdict);
        metrics::beyond_chance(&mut both, 1);
        for (share, verdict) in out.iter_mut().zip([window, release, either, both.verdict]) {
            share.count(verdict == Change::Regressed);
        }
    }
    out
}

/// The pinned release beside the window.
pub fn pinned(effort: Effort, report: &mut Report) {
    let courses = [
        ("level", Course::Level),
        ("+0.5 % each run", Course::Creep(0.005)),
        ("+1 % each run", Course::Creep(0.01)),
        ("wandering, AR(.6)", Course::Wander(0.6)),
        ("wandering, AR(.9)", Course::Wander(0.9)),
    ];
    let mut rows = Vec::new();
    for (name, course) in courses {
        let shares = two_references(effort, name, course);
        if course == Course::Level {
            report.bound(name, "window regressed", shares[0], Limit::AtMost(2.5));
            report.bound(name, "pinned regressed", shares[1], Limit::AtMost(2.5));
            report.bound(name, "either, after the gate", shares[3], Limit::AtMost(5.0));
        }
        rows.push([vec![name.to_owned()], shares.map(cell).to_vec()].concat());
    }
    let head =
        ["level of the target", "window of 30", "release pinned 20 runs ago", "either", "either, after the gate"];
    table("Regressed against two references, the new run as its course has it, %", &head, &rows);
}

/// Metrics of a suite in these cells.
const METRICS: usize = 20;

/// A gate of twenty metrics against stored runs.
pub fn gate(effort: Effort, report: &mut Report) {
    let mut rows = Vec::new();
    for noise in [AUTOCORRELATED, ECMP] {
        let mut alone = [(8, Share::default()), (12, Share::default()), (30, Share::default())];
        let mut together = alone;
        let mut slow = alone;
        let mut rng = effort.rng(&format!("gate {}", noise.name));
        for _ in 0..effort.comparisons {
            let metrics: Vec<Vec<Metric>> = (0..METRICS).map(|_| history(noise, Course::Level, &mut rng)).collect();
            let changed = slower(&metrics[0], 1.2);
            for at in 0..alone.len() {
                let alarm = |runs: &[Metric], correct: bool| {
                    let mut comparison = judged(runs, alone[at].0, true);
                    if correct {
                        metrics::beyond_chance(&mut comparison, METRICS);
                    }
                    comparison.verdict == Change::Regressed
                };
                let any = |correct| metrics.iter().any(|runs| alarm(runs, correct));
                let (without, with, found) = (any(false), any(true), alarm(&changed, true));
                alone[at].1.count(without);
                together[at].1.count(with);
                slow[at].1.count(found);
            }
        }
        for ((alone, together), slow) in alone.into_iter().zip(together).zip(slow) {
            let name = format!("{}, {} runs", noise.name, alone.0);
            report.bound(&name, "A/A, any of 20 metrics regressed", together.1, Limit::AtMost(5.0));
            rows.push(vec![name, bare(alone.1), cell(together.1), bare(slow.1)]);
        }
    }
    let head = ["", "any of 20, each alone", "any of 20, with the gate's correction", "a metric 20 % slower is found"];
    table("Twenty metrics against stored runs and a pinned release, no change, %", &head, &rows);
}
