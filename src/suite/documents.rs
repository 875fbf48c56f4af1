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

/// A file with a JSON object on each line, and what to do with it.
pub(super) fn json_lines(text: &str, file: &str) -> Option<(String, String)> {
    let is_object = |line: &&str| line.trim_start().starts_with("{\"") && line.trim_end().ends_with('}');
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().filter(is_object)?;
    let another = lines.next().as_ref().is_some_and(is_object);
    let of_schema = |name: &str| first.contains(&format!("\"schema\":\"shakedown.{name}/"));
    let file = shell::word(file);
    if of_schema("events") {
        let help = "run the suite that they are of: `shakedown run SUITE`; what `shakedown report` shows and `shakedown compare` reads is the \
                    report that `--json r.json` writes";
        return Some(("these are the events of a run (`--events`), and no suite".to_owned(), help.to_owned()));
    }
    if of_schema("index") {
        let help = format!("`shakedown history --index {file} DIR` shows the reports of the folder that it is of");
        return Some(("this is an index that `shakedown history` wrote, and no suite".to_owned(), help));
    }
    let help = "name the suite, a YAML file; of reports in a folder `shakedown history DIR` shows trends";
    another.then(|| ("this file is JSON Lines (a document on each line), and no suite".to_owned(), help.to_owned()))
}
