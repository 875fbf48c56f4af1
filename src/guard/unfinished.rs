//! What this process has broken and not put back yet: for its last words.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

static UNFINISHED: Mutex<Vec<(String, Unfinished)>> = Mutex::new(Vec::new());

/// A fault that may still be in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// The check, `suite/id`.
    pub check: String,
    /// The target, for people.
    pub target: String,
    /// The file of its journal.
    pub journal: PathBuf,
}

impl Unfinished {
    /// What there is to know of it once this process is gone.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { check, target, journal } = self;
        format!(
            "what {check} changed ({target}) may still be broken; its guard process goes on restoring, and its journal {} is removed once \
             everything is back. If it stays, run `shakedown restore`",
            journal.display()
        )
    }
}

/// All that there is now.
#[must_use]
pub fn unfinished() -> Vec<Unfinished> {
    let all = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    all.iter().map(|(_, one)| one.clone()).collect()
}

/// The fault `mark` is about to be injected.
pub(super) fn begun(mark: &str, fault: Unfinished) {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).push((mark.to_owned(), fault));
}

/// The fault `mark` is undone.
pub(super) fn ended(mark: &str) {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).retain(|(known, _)| known != mark);
}

#[cfg(test)]
mod tests {
    use super::{Unfinished, begun, ended, unfinished};

    #[test]
    fn what_is_not_back_is_told_with_its_journal() {
        let mine = || unfinished().into_iter().filter(|one| one.check == "last/words").collect::<Vec<_>>();
        let fault = Unfinished { check: "last/words".into(), target: "web".into(), journal: "/j/1.json".into() };
        begun("mark-1", fault.clone());
        assert_eq!(mine(), [fault]);
        let told = mine()[0].sentence();
        for part in ["last/words", "may still be broken", "goes on restoring", "/j/1.json", "`shakedown restore`"] {
            assert!(told.contains(part), "{part}: {told}");
        }
        ended("mark-1");
        assert_eq!(mine(), []);
    }
}
