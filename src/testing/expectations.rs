//! Default expectations as a check would have them.

use crate::checks::{FAMILIES, family};
use crate::model::Args;
use crate::model::args::Expected;
use crate::suite::Diagnostics;
use crate::suite::defaults::Defaults;

/// The defaults of a check with these fields.
pub fn expected(name: &str, args: &Args) -> Expected {
    let mut errors = Diagnostics::default();
    let all = Defaults::of(FAMILIES, &mut errors);
    assert!(errors.is_empty(), "a default does not parse");
    Expected(all.of_check(family(name).unwrap(), args).into())
}

/// The same, each as path, operator and value.
pub fn defaults(name: &str, args: &Args) -> Vec<String> {
    expected(name, args).0.iter().map(ToString::to_string).collect()
}
