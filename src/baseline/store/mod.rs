//! Baseline files: JSON, sorted keys, one metric per line, made to be committed and reviewed. One per suite and class of
//! hosts: `DIR/<suite>/<host-class>.json`.

mod accept;
mod lock;
#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use accept::{FileUpdate, Problem, accept, pin, remove, remove_all};

use super::MetricKey;
use super::files;
use crate::model::Unit;
use crate::model::count::counted;
use crate::model::reduced::Metric;
use crate::model::shell;
use crate::suite::merge::is_name;

/// Schema name and version.
pub const SCHEMA: &str = "shakedown.baseline/1";
/// Runs kept per file, beside the pinned one.
pub const KEPT: usize = 30;
/// Largest file read or written, bytes.
const LARGEST: u64 = 256 << 20;
/// Files looked at in one store.
const FILES: usize = 10_000;
/// Advice on a file that cannot be used.
const REMEDY: &str = "restore it from version control, or move it away and accept runs again";

/// Writes a file so that it is either old or complete.
pub type Write<'w> = &'w dyn Fn(&Path, &[u8]) -> io::Result<()>;

/// A baseline of one suite on one class of hosts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Baseline {
    /// Always `shakedown.baseline/1`.
    pub schema: String,
    /// The suite.
    pub suite: String,
    /// The class of hosts.
    pub host_class: String,
    /// The release that later runs are also compared with, however old it gets.
    #[serde(default)]
    pub pinned: Option<Pinned>,
    /// Accepted runs, oldest first, at most 30.
    pub runs: Vec<Accepted>,
    /// Where it was read from.
    #[serde(skip)]
    pub file: PathBuf,
}

/// The pinned run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Pinned {
    /// Its id.
    pub id: String,
    /// The run itself, once thirty newer ones have taken its place in `runs`.
    #[serde(default)]
    pub run: Option<Box<Accepted>>,
}

/// One accepted run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    /// Run id.
    pub id: String,
    /// Start, RFC 3339 UTC.
    pub started: String,
    /// SHA-256 of the suite.
    pub suite_sha256: String,
    /// Labels of the run.
    pub labels: BTreeMap<String, String>,
    /// Digest of the definition of each measured case: numbers of another definition are not comparable.
    #[serde(default)]
    pub checks: BTreeMap<String, String>,
    /// Metrics by `case metric`: the rounds that count, without samples.
    pub metrics: BTreeMap<String, Metric>,
}

/// The runs a metric can be held against.
#[derive(Clone, Debug, Default)]
pub struct Window<'b> {
    /// Run id and metric of each comparable run, oldest first.
    pub values: Vec<(&'b str, &'b Metric)>,
    /// Why other runs are not among them, one line per reason.
    pub left_out: Vec<String>,
}

impl Baseline {
    fn empty(suite: &str, host_class: &str, file: PathBuf) -> Self {
        let (suite, host_class) = (suite.to_owned(), host_class.to_owned());
        Self { schema: SCHEMA.to_owned(), suite, host_class, pinned: None, runs: Vec::new(), file }
    }

    /// The last 30 runs, oldest first.
    #[must_use]
    pub fn window(&self) -> &[Accepted] {
        &self.runs[self.runs.len().saturating_sub(KEPT)..]
    }

    /// The pinned run.
    #[must_use]
    pub fn pinned(&self) -> Option<&Accepted> {
        let pinned = self.pinned.as_ref()?;
        pinned.run.as_deref().or_else(|| self.runs.iter().find(|run| run.id == pinned.id))
    }

    /// The runs that measured the same thing in the same unit, and why the others are none of them.
    #[must_use]
    pub fn comparable(&self, key: MetricKey<'_>) -> Window<'_> {
        let mut out = Window::default();
        let mut reasons: BTreeMap<(u8, String), usize> = BTreeMap::new();
        for run in self.window() {
            match run.metric(key) {
                Ok(metric) => out.values.push((&run.id, metric)),
                Err(reason) => *reasons.entry(reason.key()).or_default() += 1,
            }
        }
        out.left_out =
            reasons.into_iter().map(|((_, why), count)| format!("{} {why}", counted(count, "run"))).collect();
        let never = |run: &Accepted| !run.checks.contains_key(key.check);
        if out.values.is_empty()
            && self.window().iter().all(never)
            && let Some(other) = self.renamed(key.digest)
        {
            out.left_out.push(format!("the same definition was measured as `{other}`: was the check renamed?"));
        }
        out
    }

    /// The metric of the pinned run; the error says why it is not comparable. `None` without a pinned run.
    #[must_use]
    pub fn pinned_metric(&self, key: MetricKey<'_>) -> Option<Result<(&str, &Metric), String>> {
        let run = self.pinned()?;
        let found = run.metric(key).map(|metric| (run.id.as_str(), metric));
        Some(found.map_err(|reason| format!("the pinned run {} {}", run.id, reason.key().1)))
    }

    /// The case that the newest run with this definition knew it as.
    fn renamed(&self, digest: Option<&str>) -> Option<&str> {
        let digest = digest?;
        let cases = self.window().iter().rev().flat_map(|run| &run.checks);
        cases.into_iter().find(|(_, known)| *known == digest).map(|(case, _)| case.as_str())
    }
}

/// Why a run's metric is not comparable.
enum Incomparable {
    NotMeasured,
    OtherDefinition,
    NoDefinition,
    Unit(Unit, Unit),
}

impl Incomparable {
    /// Order among reasons, and what is said after "3 runs".
    fn key(&self) -> (u8, String) {
        match self {
            Self::OtherDefinition => (0, "measured another definition of the check".into()),
            Self::NoDefinition => {
                (1, "cannot be held against it: a digest of the check's definition is missing".into())
            }
            Self::Unit(was, is) => (2, format!("measured it in {}, it is in {} now", was.word(), is.word())),
            Self::NotMeasured => (3, "did not measure it".into()),
        }
    }
}

impl Accepted {
    fn metric(&self, key: MetricKey<'_>) -> Result<&Metric, Incomparable> {
        let known = self.checks.get(key.check);
        match (known, key.digest) {
            (Some(known), Some(digest)) if known != digest => return Err(Incomparable::OtherDefinition),
            _ => {}
        }
        let metric = self.metrics.get(&key.name()).ok_or(Incomparable::NotMeasured)?;
        if known.is_none() || key.digest.is_none() {
            return Err(Incomparable::NoDefinition);
        }
        if metric.unit != key.unit {
            return Err(Incomparable::Unit(metric.unit, key.unit));
        }
        Ok(metric)
    }
}

/// The baseline of a suite on a class of hosts, in a folder of baselines or in one file; `None` when there is none for them.
/// A folder that does not exist, and a file that cannot be used, are errors: they are never an empty baseline.
pub fn find(dir_or_file: &Path, suite: &str, host_class: &str) -> Result<Option<Baseline>, String> {
    if dir_or_file.is_file() {
        let found = read(dir_or_file)?;
        return Ok(found.filter(|found| found.suite == suite && found.host_class == host_class));
    }
    if !dir_or_file.is_dir() {
        let dir = dir_or_file.display().to_string();
        let remedy = shell::command(&format!("shakedown baseline accept REPORT.json --dir {}", shell::word(&dir)));
        return Err(format!("there is no folder of baselines {dir}; accept a run with {remedy}"));
    }
    let path = files::baseline(dir_or_file, suite, host_class)?;
    let Some(found) = read(&path)? else { return Ok(None) };
    belongs(&found, suite, host_class)?;
    Ok(Some(found))
}

fn belongs(found: &Baseline, suite: &str, host_class: &str) -> Result<(), String> {
    if found.suite == suite && found.host_class == host_class {
        return Ok(());
    }
    Err(format!(
        "{} holds the baseline of suite {} on host class {}, its name says {suite} on {host_class}; {REMEDY}",
        found.file.display(),
        found.suite,
        found.host_class
    ))
}

/// The suites a store has baselines of.
pub fn suites(dir: &Path) -> Result<Vec<String>, String> {
    let folders = entries(dir)?.into_iter().filter(|path| path.is_dir() && !hidden(path));
    Ok(folders.filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect())
}

/// The classes of hosts a suite has baselines for, so that a message can name them.
pub fn host_classes(dir_or_file: &Path, suite: &str) -> Result<Vec<String>, String> {
    if dir_or_file.is_file() {
        let found = read(dir_or_file)?.filter(|found| found.suite == suite);
        return Ok(found.map(|found| found.host_class).into_iter().collect());
    }
    if !is_name(suite) {
        return Ok(Vec::new());
    }
    let files = files_of(&dir_or_file.join(suite))?;
    Ok(files.iter().filter_map(|path| path.file_stem()?.to_str().map(str::to_owned)).collect())
}

/// A file, and the baseline in it or why there is none.
pub type BaselineFile = (PathBuf, Result<Baseline, String>);

/// Every file of a store, each read or with what is wrong with it, by suite and host class.
pub fn all(dir: &Path) -> Result<Vec<BaselineFile>, String> {
    let mut out = Vec::new();
    for folder in entries(dir)?.into_iter().filter(|path| path.is_dir()) {
        for path in files_of(&folder)? {
            let found = read(&path).and_then(|found| found.ok_or_else(|| format!("{} is gone", path.display())));
            let stem =
                |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            let suite = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let found = found.and_then(|found| belongs(&found, &suite, &stem(&path)).map(|()| found));
            out.push((path, found));
        }
    }
    Ok(out)
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>, String> {
    // A calibration lies beside the baseline it belongs to.
    let json =
        |path: &PathBuf| path.extension().is_some_and(|end| end == "json") && !hidden(path) && !files::is_noise(path);
    Ok(entries(folder)?.into_iter().filter(json).collect())
}

fn hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// The entries of a folder, sorted; none when there is no folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let wrong = |error: io::Error| format!("cannot read {}: {error}", folder.display());
    let found = match fs::read_dir(folder) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(wrong(error)),
    };
    let mut out = found.take(FILES + 1).map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
    if out.as_ref().is_ok_and(|out| out.len() > FILES) {
        return Err(format!("{} holds more than {FILES} files: this is no folder of baselines", folder.display()));
    }
    if let Ok(out) = &mut out {
        out.sort();
    }
    out.map_err(wrong)
}

/// Reads a baseline; `None` when there is no file.
pub fn read(path: &Path) -> Result<Option<Baseline>, String> {
    let mut bytes = Vec::new();
    match fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
    }
    if bytes.len() as u64 > LARGEST {
        let remedy = "remove runs with `shakedown baseline rm`, or split the suite";
        return Err(format!("{} is larger than {} MiB; {remedy}", path.display(), LARGEST >> 20));
    }
    parse(&bytes)
        .map(|found| Some(Baseline { file: path.to_owned(), ..found }))
        .map_err(|why| format!("{}: {why}", path.display()))
}

/// The part that tells a baseline from other JSON.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    schema: Option<String>,
}

/// Reads `bytes` as a file of the store; for the fuzzer.
#[cfg(feature = "fuzzing")]
pub fn fuzz_parse(bytes: &[u8]) {
    let _ = parse(bytes).map(|baseline| (baseline.window().len(), baseline.pinned().is_some()));
}

fn parse(bytes: &[u8]) -> Result<Baseline, String> {
    let damaged = |why: String| format!("the baseline is damaged: {why}; {REMEDY}");
    let head: Head = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    match head.schema.as_deref() {
        Some(SCHEMA) => {}
        Some(other) if newer(other) => {
            return Err(format!(
                "schema is {other}, this shakedown reads {SCHEMA}; use the version that wrote it, or newer"
            ));
        }
        Some(other) => return Err(format!("schema is {other}: this is no baseline ({SCHEMA}); move it away")),
        None => return Err(format!("there is no `schema`: this is no baseline ({SCHEMA}); move it away")),
    }
    let mut found: Baseline = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    check(&found).map_err(damaged)?;
    // A merge of two branches may leave the runs in any order.
    found.runs.sort_by_cached_key(|run| start(run).ok());
    Ok(found)
}

/// A later version of this very format.
fn newer(schema: &str) -> bool {
    let version = |text: &str| text.strip_prefix("shakedown.baseline/").and_then(|text| text.parse::<u32>().ok());
    version(schema) > version(SCHEMA)
}

fn start(run: &Accepted) -> Result<Timestamp, String> {
    run.started.parse().map_err(|_| format!("run {} started at `{}`, which is no time", run.id, run.started))
}

/// Finds whatever a hand or a merge may have broken.
fn check(found: &Baseline) -> Result<(), String> {
    let aside = found.pinned.as_ref().and_then(|pinned| pinned.run.as_deref());
    let mut ids = HashSet::new();
    for run in found.runs.iter().chain(aside) {
        start(run)?;
        if run.id.is_empty() {
            return Err("a run has no id".into());
        }
        if !ids.insert(run.id.as_str()) {
            return Err(format!("run {} is in it twice", run.id));
        }
    }
    match &found.pinned {
        Some(pinned) if !ids.contains(pinned.id.as_str()) || aside.is_some_and(|run| run.id != pinned.id) => {
            Err(format!("run {} is pinned and not in it", pinned.id))
        }
        _ => Ok(()),
    }
}
