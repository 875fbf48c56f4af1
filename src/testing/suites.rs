//! Suites that live in memory, over the scripted family or over the real ones.

use crate::plan::{Plan, Settings};
use crate::probe::Family;
use crate::suite::file::{Input, Loaded, Options};

/// Loads a suite called `t` with these entries of `checks:` (and whatever else stands at the top, before them).
#[must_use]
pub fn load(families: &'static [Family], text: &str, against: &[(&str, &str)]) -> Loaded {
    let text = if text.contains("checks:") { text.to_owned() } else { format!("checks:\n{text}") };
    let options = Options {
        vars: Vec::new(),
        against: against.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        var_files: Vec::new(),
        rounds: None,
        timeout: None,
        env: &|_| None,
    };
    let text = format!("version: 1\nsuite: t\n{text}");
    crate::suite::load(&[Input::Text("t.yaml".into(), text)], families, &options)
}

/// Plans a suite as [`load`] reads it; with `against` in two arms. The errors as text when there are any.
pub fn planned(
    families: &'static [Family],
    text: &str,
    against: &[(&str, &str)],
    settings: &Settings,
) -> Result<Plan, String> {
    let mut loaded = load(families, text, &[]);
    let heads = (!against.is_empty()).then(|| load(families, text, against).suites);
    let plan = crate::plan::plan(&mut loaded, heads, settings);
    if loaded.errors.is_empty() { Ok(plan) } else { Err(loaded.errors.render(&loaded.sources, false)) }
}
