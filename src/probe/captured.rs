//! Values that checks of a run have captured, and targets they have found, for those that use them and for whoever hides them.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::Value;
use crate::model::target::Target;

/// Most secrets of a run: each is looked for in every text of a report.
const MOST_SECRETS: usize = 500;

/// Targets that a check has found; why there are none to go by, where it did not see them whole or one of them is none.
pub type FoundTargets = Result<Arc<[Target]>, String>;

/// The values of one run, by their stand-ins.
#[derive(Default)]
pub struct CapturedValues(Mutex<CapturedState>);

#[derive(Default)]
struct CapturedState {
    values: HashMap<Box<str>, Value>,
    targets: HashMap<Box<str>, FoundTargets>,
    /// All that is to be hidden.
    secrets: HashSet<String>,
    /// Of those, what nobody has been told of yet.
    fresh: Vec<String>,
}

impl CapturedValues {
    /// The value that stands behind `stand_in`, once there is one; not for people.
    #[must_use]
    pub fn get(&self, stand_in: &str) -> Option<Value> {
        self.state().values.get(stand_in).cloned()
    }

    /// Lets others use a value.
    pub fn set(&self, stand_in: &str, value: impl Into<Value>) {
        self.state().values.insert(stand_in.into(), value.into());
    }

    /// The targets that a check found, by suite, check and table.
    #[must_use]
    pub fn targets(&self, found_by: &str) -> Option<FoundTargets> {
        self.state().targets.get(found_by).cloned()
    }

    /// Lets others look at targets.
    pub fn set_targets(&self, found_by: &str, targets: FoundTargets) {
        self.state().targets.insert(found_by.into(), targets);
    }

    /// Hides a text in all that is told from now on; false when there are too many to be hidden.
    #[must_use]
    pub fn hide(&self, secret: &str) -> bool {
        let mut state = self.state();
        if state.secrets.contains(secret) {
            return true;
        }
        if state.secrets.len() >= MOST_SECRETS {
            return false;
        }
        state.fresh.push(secret.to_owned());
        state.secrets.insert(secret.to_owned());
        true
    }

    /// The secrets that came since this was asked last.
    #[must_use]
    pub fn take_fresh(&self) -> Vec<String> {
        std::mem::take(&mut self.state().fresh)
    }

    fn state(&self) -> MutexGuard<'_, CapturedState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CapturedValues {
    /// How many there are; what they are is not for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} captured values", self.state().values.len())
    }
}

#[cfg(test)]
mod tests {
    use super::{CapturedValues, MOST_SECRETS};

    #[test]
    fn each_secret_is_told_once_and_more_than_can_be_hidden_are_refused() {
        let values = CapturedValues::default();
        assert!(values.hide("first") && values.hide("first"));
        assert_eq!(values.take_fresh(), ["first"]);
        assert!(values.take_fresh().is_empty());
        assert!((1..MOST_SECRETS).all(|n| values.hide(&format!("secret-{n}"))));
        assert!(!values.hide("one more") && values.hide("first"), "what is hidden stays so");
        values.set("zq", "t0ken");
        assert_eq!(format!("{values:?}"), "1 captured values");
    }
}
