//! Names of checks and of cells, as `needs` and `control` write them: of the own suite, or `suite/check` of another.

use std::collections::{BTreeMap, HashMap};

use crate::model::suggest::{suggest, suggested_word};
use crate::suite::check::Check;
use crate::suite::diagnostic::Diagnostics;
use crate::suite::merge::is_name;
use crate::suite::{Suite, matrix};

/// The checks of a run, by suite.
pub(super) struct Suites<'c> {
    all: Vec<SuiteChecks<'c>>,
    /// Where each suite stands; of two with one name, which is an error of its own, the first.
    by_name: BTreeMap<&'c str, usize>,
    checks: Vec<&'c Check>,
    /// A suite could not be read: a name nobody has may be its own.
    incomplete: bool,
}

/// The checks of one suite.
struct SuiteChecks<'c> {
    suite: &'c Suite,
    /// Position of its first case.
    start: usize,
    names: Names<'c>,
}

/// A name that means no check.
pub(super) struct UnknownName {
    /// What is wrong.
    pub(super) message: String,
    /// Beside the caret.
    pub(super) label: &'static str,
    advice: Advice,
}

/// A name as it may stand between brackets: those of cells have brackets of their own.
pub(super) fn quoted_in_flow(name: &str) -> String {
    if !name.contains(['[', ']', '{', '}', ',']) {
        return name.to_owned();
    }
    format!("'{}'", name.replace('\'', "''"))
}

/// What to write, or to do, in place of a name that means no check.
enum Advice {
    /// The name that was most likely meant.
    Near(String),
    /// The name in full of a check that only another suite has.
    Elsewhere(String),
    /// What else to do.
    Other(String),
}

impl UnknownName {
    /// What to write; `entry` has the entry with the name that was meant.
    pub(super) fn help(&self, entry: impl Fn(&str) -> String) -> String {
        match &self.advice {
            Advice::Near(name) => format!("write `{}`", entry(name)),
            Advice::Elsewhere(name) => format!("it is a check of another suite: write `{}`", entry(name)),
            Advice::Other(help) => help.clone(),
        }
    }
}

impl<'c> Suites<'c> {
    pub(super) fn of(suites: &'c [Suite], incomplete: bool) -> Self {
        let mut out = Self { all: Vec::new(), by_name: BTreeMap::new(), checks: Vec::new(), incomplete };
        for (at, suite) in suites.iter().enumerate() {
            out.by_name.entry(&suite.name).or_insert(at);
            out.all.push(SuiteChecks { suite, start: out.checks.len(), names: Names::of(&suite.checks) });
            out.checks.extend(&suite.checks);
        }
        out
    }

    /// The cases of all suites, in the order written.
    pub(super) fn checks(&self) -> &[&'c Check] {
        &self.checks
    }

    /// The suite of the case at a position.
    pub(super) fn suite_of(&self, index: usize) -> usize {
        // Of suites without a case, which begin where the next one does, none is meant.
        self.all.partition_point(|of| of.start <= index).saturating_sub(1)
    }

    /// Positions of the cases that `name` means where the check `by` of suite `own` writes it below `key`. None, when what it
    /// means has an error of its own.
    pub(super) fn find(
        &self,
        (own, by): (usize, &Check),
        name: &str,
        key: &str,
        errors: &Diagnostics,
    ) -> Result<Vec<usize>, UnknownName> {
        let home = &self.all[own];
        if let Some(found) = home.find(name) {
            return Ok(found);
        }
        let Some((suite, check)) = name.split_once('/').filter(|(suite, _)| is_name(suite)) else {
            let message = format!("unknown check `{name}` in `{key}`");
            let advice = self.elsewhere(name).unwrap_or_else(|| home.suggestion("", name, Some(&by.check), errors));
            return Err(UnknownName { message, label: "no check has this id", advice });
        };
        match self.by_name.get(suite) {
            Some(at) => self.all[*at].find(check).ok_or_else(|| UnknownName {
                message: format!("unknown check `{name}` in `{key}`"),
                label: "that suite has no check with this id",
                advice: self.all[*at].suggestion(
                    &format!("{suite}/"),
                    check,
                    (*at == own).then_some(&*by.check),
                    errors,
                ),
            }),
            None if self.incomplete => Ok(Vec::new()),
            None => Err(UnknownName {
                message: format!("`{name}` in `{key}` is a check of suite `{suite}`, which is no part of this run"),
                label: "no suite of this run has this name",
                advice: self.add(suite, check, (home, &by.check)),
            }),
        }
    }

    /// The name in full, where a single other suite has such a check.
    fn elsewhere(&self, name: &str) -> Option<Advice> {
        let mut found = self.all.iter().filter(|of| of.find(name).is_some());
        let of = found.next().filter(|_| found.next().is_none())?;
        Some(Advice::Elsewhere(format!("{}/{name}", of.suite.name)))
    }

    /// How a suite becomes part of the run, or how it is called.
    fn add(&self, suite: &str, check: &str, (home, by): (&SuiteChecks<'_>, &str)) -> Advice {
        // No check needs itself, and there is nothing else to mean in a suite that is the own one.
        let is_itself = |near: &str| near == &*home.suite.name && check == by;
        let near = suggest(suite, self.by_name.keys().copied());
        match suggested_word(&near) {
            Some(near)
                if !is_itself(near) && self.by_name.get(near).is_some_and(|at| self.all[*at].find(check).is_some()) =>
            {
                Advice::Near(format!("{near}/{check}"))
            }
            Some(near) if !is_itself(near) => Advice::Other(format!("did you mean a check of suite `{near}`?")),
            _ => Advice::Other(format!(
                "give the file of suite `{suite}` too, such as `shakedown run {} {suite}.yaml`, or the folder that holds both",
                home.suite.file
            )),
        }
    }
}

impl SuiteChecks<'_> {
    /// Positions of what a name of this suite means; empty when the check has an error of its own, `None` when there is none.
    fn find(&self, name: &str) -> Option<Vec<usize>> {
        let found = self.names.find(name);
        if !found.is_empty() {
            return Some(found.into_iter().map(|index| self.start + index).collect());
        }
        let check = matrix::split_id(name).map_or(name, |(check, _)| check);
        // Ids are sorted.
        let written = self.suite.ids.binary_search_by(|id| id.as_str().cmp(check)).is_ok();
        (written && !self.names.by_check.contains_key(check)).then(Vec::new)
    }

    /// What to write in place of a name that means nothing; `prefix` stands before the names of this suite. A check `by` of this
    /// suite does not mean itself.
    fn suggestion(&self, prefix: &str, name: &str, by: Option<&str>, errors: &Diagnostics) -> Advice {
        let check = matrix::split_id(name).map_or(name, |(check, _)| check);
        if let Some(first) = self.names.by_check.get(check).and_then(|cases| self.suite.checks.get(*cases.first()?)) {
            return Advice::Other(format!("its cells are named like `{}`", first.id));
        }
        let others = self.suite.ids.iter().map(String::as_str).filter(|id| Some(*id) != by);
        let near = errors.suggest(name, others);
        match suggested_word(&near) {
            Some(near) => Advice::Near(format!("{prefix}{near}")),
            None if near.is_empty() && self.suite.ids.len() < 2 => {
                Advice::Other("its suite has no other check: take the name out, or add the check".to_owned())
            }
            None => Advice::Other(near),
        }
    }
}

/// Cases by the name of their check.
struct Names<'c> {
    checks: &'c [Check],
    by_check: BTreeMap<&'c str, Vec<usize>>,
    by_id: HashMap<&'c str, usize>,
}

impl<'c> Names<'c> {
    fn of(checks: &'c [Check]) -> Self {
        let mut by_check: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, check) in checks.iter().enumerate() {
            by_check.entry(&check.check).or_default().push(index);
        }
        // The cases of a list have one id, which means them all.
        let named = checks.iter().enumerate().filter(|(_, check)| check.list.is_none());
        let by_id = named.map(|(index, check)| (&*check.id, index)).collect();
        Self { checks, by_check, by_id }
    }

    /// Positions of the cases of a check, or of those that a name with some of its keys means: `alive[site=a]` has every
    /// cell with this site.
    fn find(&self, name: &str) -> Vec<usize> {
        // A whole id means its case, and nothing else: thousands of cells may each name one of thousands.
        if let Some(index) = self.by_id.get(name) {
            return vec![*index];
        }
        let Some((check, wanted)) = matrix::split_id(name) else { return Vec::new() };
        let Some(cases) = self.by_check.get(check) else { return Vec::new() };
        let fits = |index: &&usize| {
            let cell = self.checks.get(**index).map_or(&[][..], |check| &check.cell);
            wanted.iter().all(|(key, value)| cell.iter().any(|(own, part)| own == key && part == value))
        };
        cases.iter().filter(fits).copied().collect()
    }
}
