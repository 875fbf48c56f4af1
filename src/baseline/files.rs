//! Where baselines and calibrations lie: `DIR/<suite>/<host-class>.json`, and `.noise.json` beside it.

use std::path::{Path, PathBuf};

use crate::suite::merge::is_name;

/// How the file of a calibration ends.
const NOISE: &str = ".noise.json";
/// Longest name of a suite or a host class.
const LONGEST: usize = 200;

/// The file of a suite's baseline on a class of hosts.
pub fn baseline(dir: &Path, suite: &str, host_class: &str) -> Result<PathBuf, String> {
    named("host class", host_class)?;
    Ok(folder(dir, suite)?.join(format!("{host_class}.json")))
}

/// The file of a suite's calibration on a class of hosts.
pub fn noise(dir: &Path, suite: &str, host_class: &str) -> Result<PathBuf, String> {
    named("host class", host_class)?;
    Ok(folder(dir, suite)?.join(format!("{host_class}{NOISE}")))
}

/// The calibration that lies beside a baseline given by its file.
pub(super) fn noise_beside(baseline: &Path, host_class: &str) -> PathBuf {
    baseline.with_file_name(format!("{host_class}{NOISE}"))
}

/// Whether a file is a calibration by its name.
pub(super) fn is_noise(path: &Path) -> bool {
    path.to_string_lossy().ends_with(NOISE)
}

/// The folder of a suite.
fn folder(dir: &Path, suite: &str) -> Result<PathBuf, String> {
    named("suite", suite)?;
    Ok(dir.join(suite))
}

/// Names come from files, and must not lead out of the folder.
fn named(what: &str, name: &str) -> Result<(), String> {
    if is_name(name) && name.len() <= LONGEST {
        return Ok(());
    }
    Err(format!("`{name}` is no name of a {what}: letters, digits, _ and - only"))
}
