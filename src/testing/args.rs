//! Arguments as a suite would have given them.

use crate::model::{Arg, Args};

/// Fields a check writes, with their arguments.
pub type Written<'w> = &'w [(&'static str, Arg)];

/// The fields of a check: those of every check of a test, then its own, which win. What neither writes has the default of
/// the family's table.
pub fn args<const N: usize>(common: [(&'static str, Arg); N], own: Written<'_>) -> Args {
    Args(common.into_iter().chain(own.iter().cloned()).collect())
}

/// Text, host, URL or choice.
pub fn text(word: &str) -> Arg {
    Arg::Text(word.into())
}

/// A list of texts.
pub fn texts(words: &[&str]) -> Arg {
    Arg::List(words.iter().map(|word| text(word)).collect())
}
