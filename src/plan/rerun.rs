//! `--failed-from`: the cases that were not well in an earlier report, found again in the suites as they are now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Case;
use crate::model::{CheckRecord, Record, Severity, Verdict};
use crate::suite::matrix;

/// What was not well in a report.
#[derive(Clone, Debug, Default)]
pub struct Rerun {
    /// The report, as the command names it.
    pub report: String,
    /// Id of its run.
    pub run: String,
    /// How many cases it has.
    pub total: usize,
    /// Those that were not well.
    pub open: Vec<EarlierCase>,
    /// Suite and id of each of its cases.
    known: BTreeSet<(Arc<str>, Arc<str>)>,
    /// How many of its cases have a definition.
    definitions: BTreeMap<Arc<str>, usize>,
}

/// A case of an earlier report.
#[derive(Clone, Debug)]
pub struct EarlierCase {
    /// Its suite.
    pub suite: Arc<str>,
    /// Its id.
    pub id: Arc<str>,
    /// Hash of its definition; absent in reports that have none.
    digest: Option<Arc<str>>,
}

/// The cases of a plan that are meant.
#[derive(Debug, Default)]
pub(super) struct RerunSelection {
    /// Whether each case is.
    pub(super) cases: Vec<bool>,
    /// Old and new name of those that are called otherwise now.
    pub(super) renamed: Vec<(String, String)>,
    /// Names of those that are not there.
    pub(super) missing: Vec<String>,
}

impl Rerun {
    /// That of a report, which the command calls `report`.
    #[must_use]
    pub fn of(report: &str, record: &Record) -> Self {
        let mut out = Self { report: report.to_owned(), run: record.run.id.clone(), ..Self::default() };
        for check in &record.checks {
            out.total += 1;
            out.known.insert((Arc::clone(&check.suite), Arc::clone(&check.id)));
            if let Some(digest) = &check.digest {
                *out.definitions.entry(Arc::clone(digest)).or_default() += 1;
            }
            if needs_rerun(check, record.run.strict) {
                let (suite, id) = (Arc::clone(&check.suite), Arc::clone(&check.id));
                out.open.push(EarlierCase { suite, id, digest: check.digest.clone() });
            }
        }
        out
    }

    /// Finds each case that was not well among `cases`: by suite and id, else by a definition that is unique on both sides.
    pub(super) fn choose(&self, cases: &[Case]) -> RerunSelection {
        let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        let mut defined: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, case) in cases.iter().enumerate() {
            places.insert((&case.suite, &case.id), index);
            defined.entry(&case.subject().digest).or_default().push(index);
        }
        let mut out = RerunSelection { cases: vec![false; cases.len()], ..RerunSelection::default() };
        for earlier in &self.open {
            let name = format!("{}/{}", earlier.suite, earlier.id);
            if let Some(index) = places.get(&(&*earlier.suite, &*earlier.id)) {
                out.cases[*index] = true;
            } else if let Some(list) = of_list(earlier, cases) {
                for index in list {
                    out.cases[index] = true;
                }
            } else if let Some(index) = self.renamed(earlier, cases, &defined) {
                out.cases[index] = true;
                out.renamed.push((name, format!("{}/{}", cases[index].suite, cases[index].id)));
            } else {
                out.missing.push(name);
            }
        }
        out
    }

    fn renamed(&self, earlier: &EarlierCase, cases: &[Case], defined: &BTreeMap<&str, Vec<usize>>) -> Option<usize> {
        let digest = earlier.digest.as_ref().filter(|digest| self.definitions.get(*digest) == Some(&1))?;
        let [index] = defined.get(&**digest)?.as_slice() else { return None };
        let case = cases.get(*index)?;
        let new = !self.known.contains(&(Arc::clone(&case.suite), Arc::clone(&case.id)));
        new.then_some(*index)
    }
}

/// The cases of the list of targets that an earlier case was of: the targets may be others by now.
fn of_list(earlier: &EarlierCase, cases: &[Case]) -> Option<Vec<usize>> {
    let (check, _) = matrix::split_id(&earlier.id)?;
    let is_one = |case: &Case| case.list.is_some() && case.suite == earlier.suite && *case.check == *check;
    let found: Vec<usize> = (0..cases.len()).filter(|index| is_one(&cases[*index])).collect();
    (!found.is_empty()).then_some(found)
}

/// Whether a case kept its run from being green, or would have had it run: it failed (with `severity: warn` too), could not be
/// measured, was not run though it applies, regressed, or was undecided where that fails a run.
fn needs_rerun(check: &CheckRecord, strict: bool) -> bool {
    let regressed = check.regressed() && check.severity == Severity::Fail;
    matches!(check.verdict, Verdict::Failed | Verdict::Errored)
        || check.unmet
        || regressed
        || (strict && check.undecided())
}
