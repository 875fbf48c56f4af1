//! The fact of a family that tells who answered.

use crate::model::document_path::{self, Step};
use crate::model::{FactInfo, Observation, Value};

/// A fact, or a path below it.
#[derive(Clone, Debug)]
pub(in crate::checks::failover) struct IdentityFact {
    info: &'static FactInfo,
    path: Vec<Step>,
}

impl IdentityFact {
    /// The fact of a path in the table `facts`; `Err` says what is wrong with it.
    pub(in crate::checks::failover) fn of(facts: &'static [FactInfo], path: &str) -> Result<Self, String> {
        let known = facts.iter().filter(|fact| document_path::is_of(path, fact.name));
        let Some(info) = known.max_by_key(|fact| fact.name.len()) else {
            return Err(format!("there is no fact `{path}`"));
        };
        if info.has_statistics() || info.is_column {
            return Err(format!("`{path}` has many values: it tells of nobody"));
        }
        let rest = path.strip_prefix(info.name).unwrap_or_default();
        let rest = rest.strip_prefix('.').unwrap_or(rest);
        let path = if rest.is_empty() { Ok(Vec::new()) } else { document_path::read(rest) };
        path.map(|path| Self { info, path }).map_err(|(why, _)| why)
    }

    /// Its value in a round.
    pub(super) fn of_round(&self, observation: &Observation) -> Option<Value> {
        let value = observation.last(self.info.name)?;
        document_path::find(value, &self.path, self.info.form).ok().flatten().cloned()
    }
}
