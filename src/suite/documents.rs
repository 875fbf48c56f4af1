//! Documents that this program wrote, given in place of a suite.

use super::tree::Node;
use crate::model::shell;

/// A document that this program wrote, and the command that reads it.
pub(super) fn own_document(root: &Node, file: &str) -> Option<(String, String)> {
    let what = root.get("schema")?.text()?.strip_prefix("shakedown.")?.split('/').next()?.to_owned();
    let file = shell::word(file);
    let help = match what.as_str() {
        "report" => format!(
            "`shakedown report {file}` shows it, `shakedown compare {file} LATER.json` what changed since, and `shakedown run SUITE \
             --failed-from {file}` runs again what was not well"
        ),
        "baseline" => format!("`shakedown run SUITE --baseline {file}` compares a run with it"),
        "plan" => {
            format!("`shakedown run SUITE` runs the suite that it was made of; {file} is for other programs")
        }
        _ => "run the suite that it was made of".to_owned(),
    };
    Some((format!("this is a {what} that shakedown wrote, and no suite"), help))
}
