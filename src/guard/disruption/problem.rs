//! Why something is not as it was to be, and what to do about it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The cause and the advice are told apart, so that a report has each in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The cause, for people.
    pub cause: String,
    /// Advice; empty where there is none for this cause alone.
    pub next: String,
}

impl Problem {
    /// With advice for this very cause.
    pub(in crate::guard) fn new(cause: impl Into<String>, next: impl Into<String>) -> Self {
        Self { cause: cause.into(), next: next.into() }
    }
}

impl From<String> for Problem {
    fn from(cause: String) -> Self {
        Self { cause, next: String::new() }
    }
}

impl From<Problem> for String {
    fn from(problem: Problem) -> Self {
        problem.to_string()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)?;
        if self.next.is_empty() { Ok(()) } else { write!(f, "; {}", self.next) }
    }
}
