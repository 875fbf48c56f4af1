//! Changes of a store: runs accepted, removed, pinned.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::lock::Lock;
use super::text::render;
use super::{Accepted, Baseline, KEPT, Pinned, Write, belongs, read, start};
use crate::baseline::{files, metric_key};
use crate::model::count::counted;
use crate::model::reduced::{Metric, Round};
use crate::model::{Arm, Record, Verdict};

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The request makes no sense for this store.
    Refused(String),
    /// A file cannot be used or written.
    File(String),
}

impl From<String> for Problem {
    fn from(why: String) -> Self {
        Self::File(why)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Refused(why) | Self::File(why)) = self;
        f.write_str(why)
    }
}

fn refused<T>(why: String) -> Result<T, Problem> {
    Err(Problem::Refused(why))
}

/// A file that changed, or that has no use for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileUpdate {
    /// The file.
    pub path: PathBuf,
    /// Why it stays as it is: the run is in it already, or older than all it keeps. `None` when it changed.
    pub skipped: Option<String>,
    /// Everything that happened beside the obvious, one line each.
    pub notes: Vec<String>,
}

/// Adds a run to the baselines below `dir`, one file per suite; a suite that measured nothing has none. All of its files are
/// read and checked before the first is written; one that has no use for the run stays as it is. Whether the run is fit to be a baseline is for the caller to say.
pub fn accept(record: &Record, dir: &Path, pinned: bool, write: Write<'_>) -> Result<Vec<FileUpdate>, Problem> {
    let class = &record.host.class;
    let mut files: Vec<(PathBuf, String, Accepted, Vec<String>)> = Vec::new();
    for suite in &record.suites {
        let (run, notes) = reduced(record, &suite.name, &suite.sha256);
        start(&run)?;
        if !run.metrics.is_empty() {
            files.push((
                files::baseline(dir, &suite.name, class).map_err(Problem::Refused)?,
                suite.name.clone(),
                run,
                notes,
            ));
        }
    }
    // In one order for all, so that no two wait for each other.
    files.sort_by(|a, b| a.0.cmp(&b.0));
    if let Some(twice) = files.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return refused(format!("the report has two suites called `{}`", twice[0].1));
    }
    let mut locks = Vec::with_capacity(files.len());
    let mut changed = Vec::with_capacity(files.len());
    for (path, suite, run, mut notes) in files {
        locks.push(Lock::of(path.parent().unwrap_or(dir))?);
        let mut baseline = match read(&path)? {
            Some(found) => {
                belongs(&found, &suite, class)?;
                found
            }
            None => Baseline::empty(&suite, class, path.clone()),
        };
        let skipped = match baseline.add(run, pinned)? {
            AcceptResult::Changed(more) => {
                notes.extend(more);
                None
            }
            AcceptResult::Skipped(why) => Some(why),
        };
        changed.push((render(&baseline)?, FileUpdate { path, skipped, notes }));
    }
    for (text, saved) in changed.iter().filter(|(_, saved)| saved.skipped.is_none()) {
        store(write, &saved.path, text)?;
    }
    drop(locks);
    Ok(changed.into_iter().map(|(_, saved)| saved).collect())
}

fn store(write: Write<'_>, path: &Path, text: &str) -> Result<(), String> {
    write(path, text.as_bytes()).map_err(|error| format!("cannot write baseline {}: {error}", path.display()))
}

/// The passed checks of one suite, with no more than comparing needs.
fn reduced(record: &Record, suite: &str, sha256: &str) -> (Accepted, Vec<String>) {
    let (mut checks, mut metrics) = (BTreeMap::new(), BTreeMap::new());
    let mut arms = false;
    let passed = record.checks.iter().filter(|check| *check.suite == *suite && check.verdict == Verdict::Passed);
    for check in passed {
        for (name, metric) in &check.metrics.0 {
            arms |= metric.rounds.iter().any(|round| round.arm == Some(Arm::Base));
            let metric = Metric::from(metric);
            let rounds: Vec<Round> = metric.rounds.iter().filter(|round| round.counts()).map(plain).collect();
            if rounds.is_empty() {
                continue;
            }
            if let Some(digest) = &check.digest {
                checks.insert(check.id.to_string(), digest.to_string());
            }
            // Rounds decide comparisons; raw samples stay in the report.
            metrics.insert(metric_key::name(&check.id, name), Metric { rounds, ..metric });
        }
    }
    let note = arms.then(|| "measured in two arms: only `head`, the new target, was accepted".to_owned());
    let run = Accepted {
        id: record.run.id.clone(),
        started: record.run.started.clone(),
        suite_sha256: sha256.to_owned(),
        labels: record.run.labels.clone(),
        checks,
        metrics,
    };
    (run, note.into_iter().collect())
}

fn plain(round: &Round) -> Round {
    Round { arm: None, ..round.clone() }
}

/// What became of a run in one baseline.
enum AcceptResult {
    /// It changed; these lines are worth telling.
    Changed(Vec<String>),
    /// It has no use for the run, for this reason.
    Skipped(String),
}

impl Baseline {
    /// Adds a run in order of start, and pins it. One that is known is only pinned; one that is older than all that are kept
    /// changes nothing.
    fn add(&mut self, run: Accepted, pinned: bool) -> Result<AcceptResult, Problem> {
        let aside = self.pinned.as_ref().and_then(|pinned| pinned.run.as_deref());
        let is_aside = aside.is_some_and(|known| known.id == run.id);
        if is_aside || self.runs.iter().any(|known| known.id == run.id) {
            if !pinned || self.pinned.as_ref().is_some_and(|pinned| pinned.id == run.id) {
                return Ok(AcceptResult::Skipped(format!("run {} is in it already", run.id)));
            }
            return Ok(AcceptResult::Changed(self.pin_to(&run.id)));
        }
        let began = start(&run)?;
        let at = self.runs.partition_point(|known| start(known).is_ok_and(|other| other <= began));
        if at + KEPT < self.runs.len() + 1 && !pinned {
            return Ok(AcceptResult::Skipped(format!("run {} is older than the {KEPT} runs it keeps", run.id)));
        }
        let mut notes = if pinned { self.pin_to(&run.id) } else { Vec::new() };
        self.runs.insert(at, run);
        self.roll(&mut notes);
        Ok(AcceptResult::Changed(notes))
    }

    /// Pins a run that is in it, or about to be.
    fn pin_to(&mut self, id: &str) -> Vec<String> {
        let old = self.pinned.replace(Pinned { id: id.to_owned(), run: None });
        old.map(|old| format!("run {} is no longer pinned", old.id)).into_iter().collect()
    }

    /// Drops what is beyond the window; the pinned run stays aside.
    fn roll(&mut self, notes: &mut Vec<String>) {
        let surplus = self.runs.len().saturating_sub(KEPT);
        for run in self.runs.drain(..surplus) {
            match &mut self.pinned {
                Some(pinned) if pinned.id == run.id => pinned.run = Some(Box::new(run)),
                _ => notes.push(format!("run {} of {} rolled out", run.id, run.started)),
            }
        }
    }
}

/// Lets `edit` change the baseline of a suite, which must exist.
fn update(
    (dir, suite, class): (&Path, &str, &str),
    write: Write<'_>,
    edit: impl FnOnce(&mut Baseline) -> Result<Vec<String>, Problem>,
) -> Result<Option<FileUpdate>, Problem> {
    let path = files::baseline(dir, suite, class).map_err(Problem::Refused)?;
    if !path.exists() {
        return Ok(None);
    }
    let _lock = Lock::of(path.parent().unwrap_or(dir))?;
    let Some(mut baseline) = read(&path)? else { return Ok(None) };
    belongs(&baseline, suite, class)?;
    let notes = edit(&mut baseline)?;
    store(write, &path, &render(&baseline)?)?;
    Ok(Some(FileUpdate { path, skipped: None, notes }))
}

/// Removes one run; `None` when the suite has no baseline on this class of hosts. The last run takes the file with it.
pub fn remove(place: (&Path, &str, &str), id: &str, write: Write<'_>) -> Result<Option<FileUpdate>, Problem> {
    let mut last = false;
    let saved = update(place, write, |baseline| {
        if baseline.pinned.as_ref().is_some_and(|pinned| pinned.id == id) {
            let suite = &baseline.suite;
            return refused(format!("run {id} is pinned; `shakedown baseline pin {suite} --none` first"));
        }
        let before = baseline.runs.len();
        baseline.runs.retain(|run| run.id != id);
        if baseline.runs.len() == before {
            return refused(unknown(baseline, id));
        }
        last = baseline.runs.is_empty() && baseline.pinned.is_none();
        Ok(vec![format!("{} left", counted(baseline.runs.len(), "run"))])
    })?;
    if last { remove_all(place) } else { Ok(saved) }
}

/// Removes the file; `None` when there is none.
pub fn remove_all((dir, suite, class): (&Path, &str, &str)) -> Result<Option<FileUpdate>, Problem> {
    let path = files::baseline(dir, suite, class).map_err(Problem::Refused)?;
    if !path.exists() {
        return Ok(None);
    }
    let _lock = Lock::of(path.parent().unwrap_or(dir))?;
    fs::remove_file(&path).map_err(|error| format!("cannot remove {}: {error}", path.display()))?;
    Ok(Some(FileUpdate { path, skipped: None, notes: vec!["the file is gone".into()] }))
}

/// Pins a run of the window, or none. A run pinned before that has left the window is gone then.
pub fn pin(place: (&Path, &str, &str), id: Option<&str>, write: Write<'_>) -> Result<Option<FileUpdate>, Problem> {
    update(place, write, |baseline| {
        let Some(id) = id else {
            let Some(old) = baseline.pinned.take() else { return refused("no run is pinned".into()) };
            let gone = if old.run.is_some() { ", and gone: thirty newer ones had taken its place" } else { "" };
            return Ok(vec![format!("run {} is no longer pinned{gone}", old.id)]);
        };
        match &baseline.pinned {
            Some(pinned) if pinned.id == id => return refused(format!("run {id} is pinned already")),
            _ if !baseline.runs.iter().any(|run| run.id == id) => return refused(unknown(baseline, id)),
            _ => {}
        }
        Ok(baseline.pin_to(id))
    })
}

fn unknown(baseline: &Baseline, id: &str) -> String {
    let known = baseline.runs.iter().map(|run| run.id.as_str());
    let help = crate::model::suggest::suggest(id, known);
    format!("{} has no run `{id}`; {help}", baseline.file.display())
}
