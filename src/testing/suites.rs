//! Suites that live in memory, over the scripted family or over the real ones.

use crate::plan::{Plan, Settings};
use crate::probe::Family;
use crate::suite::file::{Input, Loaded, Options};

/// Loads a suite called `t`, from the keys that follow `suite:`; with `against` as the new target of a comparison.
#[must_use]
pub fn load(families: &'static [Family], text: &str, against: &[(&str, &str)]) -> Loaded {
    load_all(families, &[("t", text)], against)
}

/// Loads several suites, each with its name.
#[must_use]
pub fn load_all(families: &'static [Family], suites: &[(&str, &str)], against: &[(&str, &str)]) -> Loaded {
    let options = Options {
        against: against.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..Options::none(&|_| None)
    };
    let input =
        |(name, text): &(&str, &str)| Input::Text(format!("{name}.yaml"), format!("version: 1\nsuite: {name}\n{text}"));
    crate::suite::load(&suites.iter().map(input).collect::<Vec<_>>(), families, &options)
}

/// Plans suites, and those of the new target if there are any. The errors as text when there are any.
pub fn planned(mut loaded: Loaded, heads: Option<Loaded>, settings: &Settings) -> Result<Plan, String> {
    let plan = crate::plan::plan(&mut loaded, heads.map(|heads| heads.suites), settings);
    if loaded.errors.is_empty() { Ok(plan) } else { Err(loaded.errors.render(&loaded.sources, false)) }
}
