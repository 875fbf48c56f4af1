//! Which rule a fact is compared by: the command line, else the suite, else the family's table, else `same`.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::checks::FAMILIES;
use crate::model::record::{FactValue, Facts, Word};
use crate::model::reduced::{Check, Report};
use crate::model::suggest::suggest;
use crate::model::typed::Form;
use crate::model::{FactInfo, Glob, Kind, Rule};

/// Rules given on the command line; the last that fits wins.
#[derive(Clone, Debug, Default)]
pub struct Rules(Vec<CommandRule>);

#[derive(Clone, Debug)]
struct CommandRule {
    text: String,
    check: Glob,
    fact: Glob,
    rule: Rule,
}

impl Rules {
    /// Reads `CHECK_GLOB:FACT=RULE`, each. Case ids hold `:` and `=` themselves (`vip[addr=::1]`), facts do not: the last
    /// of each counts. The error says what to write.
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self, String> {
        texts.iter().map(|text| one(text.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Mistakes in the rules, given these reports: a rule that fits no check, or no fact of the checks it fits, would
    /// quietly do nothing.
    #[must_use]
    pub fn unmatched(&self, before: &Report, after: &Report) -> Vec<String> {
        let checks = || before.checks.iter().chain(&after.checks);
        self.0.iter().filter_map(|given| given.problem(checks)).collect()
    }

    /// Whether a metric, or a statistic of it, is left out of comparisons: by the command line, else by the suite. Other rules say
    /// nothing of metrics, which are compared by their numbers.
    #[must_use]
    pub fn ignores(&self, check: &Check, metric: &str) -> bool {
        let mut given = self.0.iter().rev().filter(|given| given.fact.matches(metric) && given.is_for(check));
        given.next().map_or_else(|| check.ignores(metric), |given| given.rule == Rule::Ignore)
    }

    /// The rules of one check.
    pub(super) fn resolver<'a>(&'a self, check: &'a Check, sides: [&'a Facts; 2]) -> Resolver<'a> {
        Resolver {
            sides,
            given: self.0.iter().filter(|given| given.is_for(check)).collect(),
            check,
            table: TABLES.get(&*check.family),
        }
    }
}

fn one(text: &str) -> Result<CommandRule, String> {
    let wrong =
        |why: String| format!("--rule `{text}`: {why}; write CHECK_GLOB:FACT=RULE, such as `web*:version=may_grow`");
    let (place, word) = text.rsplit_once('=').ok_or_else(|| wrong("there is no `=`".into()))?;
    let (check, fact) = place.rsplit_once(':').ok_or_else(|| wrong("there is no `:` before the `=`".into()))?;
    if check.is_empty() || fact.is_empty() {
        return Err(wrong(format!("the {} is missing", if check.is_empty() { "check" } else { "fact" })));
    }
    let Some(rule) = Rule::of(word) else {
        return Err(wrong(format!("`{word}` is no rule, {}", suggest(word, Rule::ALL.map(Rule::word)))));
    };
    Ok(CommandRule { text: text.to_owned(), check: glob(check), fact: glob(fact), rule })
}

fn glob(text: &str) -> Glob {
    // Every text is a pattern.
    text.parse().unwrap_or_else(|never: std::convert::Infallible| match never {})
}

impl CommandRule {
    fn is_for(&self, check: &Check) -> bool {
        self.check.matches(&check.id)
            || self.check.matches(&check.check)
            || self.check.matches(&format!("{}/{}", check.suite, check.id))
    }

    fn problem<'a, I: Iterator<Item = &'a Check>>(&self, checks: impl Fn() -> I) -> Option<String> {
        let mut families: HashSet<&str> = HashSet::new();
        let mut recorded: HashSet<&str> = HashSet::new();
        let mut any = false;
        for check in checks().filter(|check| self.is_for(check)) {
            any = true;
            families.insert(&check.family);
            recorded.extend(check.metrics.0.iter().map(|(name, _)| &**name));
            for (name, value) in &check.facts.0 {
                recorded.insert(name);
                if self.fits_below(name, value) {
                    return None;
                }
            }
        }
        if !any {
            let ids: HashSet<&str> = checks().map(|check| &*check.check).collect();
            let mut ids: Vec<&str> = ids.into_iter().collect();
            ids.sort_unstable();
            let help = suggest(&self.check.to_string(), ids);
            return Some(format!("--rule `{}`: no check of the reports is called `{}`; {help}", self.text, self.check));
        }
        let tables = FAMILIES.iter().filter(|family| families.contains(family.name));
        let mut known: Vec<&str> =
            tables.flat_map(|family| family.facts.iter().map(|fact| fact.name)).chain(recorded).collect();
        known.sort_unstable();
        known.dedup();
        let fits = |name: &&str| self.fact.matches(name) || self.fact.to_string().starts_with(&format!("{name}."));
        if known.iter().any(fits) {
            return None;
        }
        let help = suggest(&self.fact.to_string(), known);
        Some(format!("--rule `{}`: the checks it fits have no fact `{}`; {help}", self.text, self.fact))
    }

    /// Whether it names the fact, or a key below it.
    fn fits_below(&self, name: &str, value: &FactValue) -> bool {
        self.fact.matches(name)
            || matches!(value, FactValue::Scalar(value) if value.as_object().is_some_and(|map| {
                map.keys().any(|key| self.fact.matches(&format!("{name}.{key}")))
            }))
    }
}

struct FactRules {
    info: &'static FactInfo,
    except: Vec<Glob>,
    fleeting: Vec<Glob>,
}

/// The families' tables by name: a hundred thousand checks ask a dozen times each.
static TABLES: LazyLock<HashMap<&'static str, HashMap<&'static str, FactRules>>> = LazyLock::new(|| {
    let rows = |facts: &'static [FactInfo]| {
        let globs = |texts: &[&str]| texts.iter().map(|text| glob(text)).collect();
        let row =
            |info: &'static FactInfo| FactRules { info, except: globs(info.except), fleeting: globs(info.fleeting) };
        facts.iter().map(|info| (info.name, row(info))).collect()
    };
    FAMILIES.iter().map(|family| (family.name, rows(family.facts))).collect()
});

/// The rules of one check.
pub(super) struct Resolver<'a> {
    given: Vec<&'a CommandRule>,
    check: &'a Check,
    /// The facts of both sides.
    sides: [&'a Facts; 2],
    table: Option<&'static HashMap<&'static str, FactRules>>,
}

impl Resolver<'_> {
    fn row(&self, name: &str) -> Option<&'static FactRules> {
        self.table.and_then(|table| table.get(name))
    }

    /// The thing the fact describes beside others.
    pub(super) fn part_of(&self, name: &str) -> Option<&'static str> {
        self.row(name)?.info.part_of
    }

    /// Whether it is the outcome of the probe.
    pub(super) fn is_outcome(&self, name: &str) -> bool {
        self.row(name).is_some_and(|row| row.info.roles.outcome)
    }

    /// The words of a choice, in order; none for everything else.
    pub(super) fn words(&self, name: &str) -> &'static [&'static str] {
        match self.row(name).map(|row| row.info.kind) {
            Some(Kind::Choice(words)) => words,
            _ => &[],
        }
    }

    /// The rule of the table, where what it depends on is so on both sides.
    fn of_table(&self, row: &FactRules) -> Rule {
        let Some((list, word)) = row.info.rule_given else { return row.info.rule };
        let holds = |facts: &&Facts| match facts.get(list) {
            Some(FactValue::Scalar(value)) => value.as_array().is_some_and(|all| all.iter().any(|one| one == word)),
            _ => false,
        };
        if self.sides.iter().all(holds) { row.info.rule } else { Rule::Ignore }
    }

    /// The statistics of a distribution that are compared: the first that differs is told. All there is where it is not a
    /// measurement with noise.
    pub(super) fn statistics(&self, name: &str) -> &'static [&'static str] {
        if self.row(name).is_some_and(|row| row.info.rule_given.is_some()) { &["p50", "min", "max"] } else { &["p50"] }
    }

    /// Whether somebody wrote a rule for the path, or for what it lies in.
    pub(super) fn is_written(&self, name: &str, path: &str) -> bool {
        let given =
            |level: &str| self.given.iter().rev().find(|given| given.fact.matches(level)).map(|given| given.rule);
        let own = |level: &str| self.check.rules.get(level).and_then(|word: &Word| Rule::of(word));
        nearest(name, path, given).or_else(|| nearest(name, path, own)).is_some()
    }

    /// What texts of the fact stand for, and of data of several kinds the fact that says which.
    pub(super) fn form(&self, name: &str) -> Form {
        self.row(name).map(|row| row.info.form).unwrap_or_default()
    }

    /// The kind of data of this form, as the check shows it.
    pub(super) fn kind(&self, form: Form) -> Option<&str> {
        let Form::Data(data) = form else { return None };
        match self.check.facts.get(data.kind)? {
            FactValue::Scalar(value) => value.as_str(),
            FactValue::Distribution(..) | FactValue::Table(_) => None,
        }
    }

    /// False when the fact is ignored with all that is below it, so that nobody need look.
    pub(super) fn may_matter(&self, name: &str, distribution: bool) -> bool {
        if !self.given.is_empty() || !self.check.rules.is_empty() {
            return true;
        }
        match self.row(name) {
            Some(row) => self.of_table(row) != Rule::Ignore,
            // Numbers of a family this program does not know are metrics there, and compared as such.
            None => !distribution && self.check.metrics.get(name).is_none(),
        }
    }

    /// Whether its family ignores the fact, and nobody else speaks of it: that it was seen in part is no news either.
    pub(super) fn is_ignored(&self, name: &str) -> bool {
        self.row(name).is_some() && !self.may_matter(name, false)
    }

    /// Whether `path` must stay although its value is not compared. A rule that says to ignore it, or all of the fact, is obeyed.
    pub(super) fn stays(&self, name: &str, path: &str) -> bool {
        let Some((key, row)) = path.get(name.len() + 1..).zip(self.row(name)) else { return false };
        let fits = |globs: &[Glob]| globs.iter().any(|glob| glob.matches(key));
        if !fits(&row.except) || fits(&row.fleeting) {
            return false;
        }
        let given =
            |level: &str| self.given.iter().rev().find(|given| given.fact.matches(level)).map(|given| given.rule);
        let own = |level: &str| self.check.rules.get(level).and_then(|word: &Word| Rule::of(word));
        let written = nearest(name, path, given).or_else(|| nearest(name, path, own));
        !matches!(written, Some((Rule::Ignore | Rule::MayShrink, _)))
    }

    /// The rule somebody wrote for just this path, on the command line or in the suite.
    fn written_for(&self, path: &str) -> Option<Rule> {
        let given = self.given.iter().rev().find(|given| given.fact.matches(path)).map(|given| given.rule);
        given.or_else(|| self.check.rules.get(path).map(|word: &Word| Rule::of(word).unwrap_or(Rule::Same)))
    }

    /// Whether rows of a table appear and vanish as they like.
    pub(super) fn rule_of_rows(&self, table: &str) -> Rule {
        let of_table = || self.row(table).map_or(Rule::Same, |row| self.of_table(row));
        self.written_for(table).unwrap_or_else(of_table)
    }

    /// The rule of the cells of a column. One that has no rule of its own is compared where the rows are, and by its table; a
    /// measurement is not.
    pub(super) fn rule_of_column(&self, table: &str, column: &str) -> Rule {
        if let Some(written) = self.written_for(column) {
            return written;
        }
        let of_table = || self.row(column).map_or(Rule::Same, |row| self.of_table(row));
        if self.rule_of_rows(table) == Rule::Ignore { Rule::Ignore } else { of_table() }
    }

    /// The rule of `path`, which is the fact `name`, or lies below it.
    pub(super) fn rule(&self, name: &str, path: &str) -> Rule {
        let below = path.get(name.len() + 1..);
        let row = self.row(name);
        // A rule for the whole object leaves out what never stays the same; a rule for the very key does not.
        let volatile = below.zip(row).is_some_and(|(key, row)| row.except.iter().any(|glob| glob.matches(key)));
        let unless_volatile = |found: (Rule, bool)| if volatile && !found.1 { Rule::Ignore } else { found.0 };
        let given =
            |level: &str| self.given.iter().rev().find(|given| given.fact.matches(level)).map(|given| given.rule);
        if let Some(found) = nearest(name, path, given) {
            return unless_volatile(found);
        }
        // A word of a newer version is none of ours: then rather one change too many.
        let own = |level: &str| self.check.rules.get(level).map(|word: &Word| Rule::of(word).unwrap_or(Rule::Same));
        if let Some(found) = nearest(name, path, own) {
            return unless_volatile(found);
        }
        match row {
            _ if volatile => Rule::Ignore,
            Some(row) => self.of_table(row),
            None if self.check.metrics.get(name).is_some() => Rule::Ignore,
            None if self.check.facts.get(name).is_some_and(|value| matches!(value, FactValue::Distribution(..))) => {
                Rule::Ignore
            }
            None => Rule::Same,
        }
    }
}

/// The rule that `find` has for the path, else for the level above it, up to the fact itself; and whether it is for the very path.
fn nearest(name: &str, path: &str, find: impl Fn(&str) -> Option<Rule>) -> Option<(Rule, bool)> {
    let mut level = path;
    loop {
        if let Some(rule) = find(level) {
            return Some((rule, level.len() == path.len()));
        }
        level = match level.rfind('.') {
            Some(dot) if dot >= name.len() => &level[..dot],
            _ => return None,
        };
    }
}
