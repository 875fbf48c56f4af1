//! Controls: silence proves nothing unless something shows that the host, or at least the network, could be reached.

use std::collections::HashMap;

use super::Case;
use super::names::{Suites, quoted_in_flow};
use crate::model::GridCell;
use crate::probe::{Footprint, Host};
use crate::suite::check::{Check, Reference};
use crate::suite::{Diagnostics, Span};

/// Cases of which one must pass when it runs again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlGroup {
    /// What one of them shows.
    pub shows: Shows,
    /// Positions in the plan.
    pub cases: Vec<usize>,
}

/// What a control shows by its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// That the host of a single check can be reached, or else the network.
    Host,
    /// That who asks in a cell of a grid reaches something.
    Source,
    /// That somebody reaches the host of such a cell.
    Destination,
}

/// Finds the controls of every case that accepts silence: those it names, else those it needs that are about the same
/// host. Cells of a grid show it of each other.
pub(super) fn link(cases: &mut [Case], suites: &Suites<'_>, errors: &mut Diagnostics) {
    let finder = Finder { suites };
    let mut refused: Vec<Span> = Vec::new();
    let cells = CellIndex::of(suites);
    for (index, check) in suites.checks().iter().enumerate() {
        let found = match (&check.grid, &check.control) {
            (Some(cell), _) => finder.of_cell(cases, (index, check, cell), &cells, errors),
            (None, Some(named)) => finder.named(cases, index, check, named, errors).map(host),
            (None, None) if check.silent.is_empty() => continue,
            (None, None) => finder.needed(cases, index, check).map(host),
        };
        match found {
            Ok(controls) => cases[index].controls = controls,
            // The cells of one check have one place, and one error is enough.
            Err((span, ..)) if refused.contains(&span) => {}
            Err((span, message, help)) => {
                refused.push(span);
                errors.add(span, message, help);
            }
        }
    }
}

/// The controls of a single check.
fn host(cases: Vec<usize>) -> Vec<ControlGroup> {
    vec![ControlGroup { shows: Shows::Host, cases }]
}

/// The allowed cells of grids, by suite, check and name.
struct CellIndex<'c> {
    by_source: HashMap<(usize, &'c str, &'c str), Vec<usize>>,
    by_destination: HashMap<(usize, &'c str, &'c str), Vec<usize>>,
}

impl<'c> CellIndex<'c> {
    fn of(suites: &Suites<'c>) -> Self {
        let mut out = Self { by_source: HashMap::new(), by_destination: HashMap::new() };
        for (index, check) in suites.checks().iter().enumerate() {
            let check: &'c Check = check;
            if let Some(cell) = check.grid.as_deref().filter(|cell| cell.allowed) {
                let suite = suites.suite_of(index);
                out.by_source.entry((suite, &check.check, &cell.from)).or_default().push(index);
                out.by_destination.entry((suite, &check.check, &cell.to)).or_default().push(index);
            }
        }
        out
    }
}

type Refusal = (Span, String, String);

/// Finds controls among the checks of a run.
struct Finder<'s, 'c> {
    suites: &'s Suites<'c>,
}

impl Finder<'_, '_> {
    fn named(
        &self,
        cases: &[Case],
        index: usize,
        check: &Check,
        named: &Reference,
        errors: &Diagnostics,
    ) -> Result<Vec<usize>, Refusal> {
        let found = self.suites.find((self.suites.suite_of(index), check), &named.name, "control", errors);
        let found = found.map_err(|unknown| {
            let help = unknown.help(|near| format!("control: {}", quoted_in_flow(near)));
            (named.span, unknown.message, help)
        })?;
        let reasons: Vec<Option<String>> = found.iter().map(|other| self.unfit(cases, index, *other)).collect();
        let fit: Vec<usize> =
            found.iter().zip(&reasons).filter(|(_, reason)| reason.is_none()).map(|(other, _)| *other).collect();
        if fit.is_empty() {
            let why = reasons.into_iter().flatten().next().unwrap_or_default();
            let message = format!("`{}` is no control of `{}`: {why}", named.name, check.id);
            return Err((named.span, message, self.suggestion(cases, index, check)));
        }
        // Cells about the same host say more than those about others.
        let same: Vec<usize> = fit.iter().copied().filter(|other| same_host(&cases[index], &cases[*other])).collect();
        Ok(if same.is_empty() { fit } else { same })
    }

    fn needed(&self, cases: &[Case], index: usize, check: &Check) -> Result<Vec<usize>, Refusal> {
        let fits =
            |other: &usize| same_host(&cases[index], &cases[*other]) && self.unfit(cases, index, *other).is_none();
        let found: Vec<usize> = cases[index].needs.iter().copied().filter(fits).collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let words = check.silent.join(" and ");
        let message = format!("silence proves nothing by itself: a dead host or a cut path gives {words} as well");
        Err((check.expect_span, message, self.suggestion(cases, index, check)))
    }

    /// Those of a cell of a grid: of its source, and of its destination.
    fn of_cell(
        &self,
        cases: &[Case],
        (index, check, cell): (usize, &Check, &GridCell),
        cells: &CellIndex<'_>,
        errors: &Diagnostics,
    ) -> Result<Vec<ControlGroup>, Refusal> {
        if cell.allowed && !check.silent.is_empty() {
            let message = "silence proves nothing by itself, and this cell is allowed";
            let help = "take `outcome` out of `expect`, and what is to be denied out of `allow`: a denied cell has controls of its own";
            return Err((check.expect_span, message.to_owned(), help.to_owned()));
        }
        let suite = self.suites.suite_of(index);
        let named = match &check.control {
            None => Vec::new(),
            Some(named) => {
                let found = self.suites.find((suite, check), &named.name, "control", errors);
                found.map_err(|unknown| {
                    let help = unknown.help(|near| format!("control: {}", quoted_in_flow(near)));
                    (named.span, unknown.message, help)
                })?
            }
        };
        let fit = |other: &usize| self.unable(index, *other).is_none();
        let reach =
            |ones: &[Host]| ones.iter().any(|one| cases[index].base.hosts.iter().any(|own| own.has_name_of(one)));
        let beside = |found: Option<&Vec<usize>>, more: &dyn Fn(&usize) -> bool| -> Vec<usize> {
            let own = found.into_iter().flatten().copied().filter(|other| *other != index);
            own.chain(named.iter().copied().filter(|other| fit(other) && more(other))).collect()
        };
        let source = beside(cells.by_source.get(&(suite, &*check.check, &*cell.from)), &|other| {
            vouches(&cases[*other].base.hosts, &cases[index].base.hosts)
        });
        let destination = beside(cells.by_destination.get(&(suite, &*check.check, &*cell.to)), &|other| {
            reach(&cases[*other].base.hosts)
        });
        let mut groups = vec![(Shows::Source, source)];
        // That an allowed cell meets silence, while its source reaches others, is what its policy forbids, whoever is to blame.
        if !cell.allowed {
            groups.push((Shows::Destination, destination));
        }
        if !cell.allowed
            && let Some((shows, _)) = groups.iter().find(|(_, group)| group.is_empty())
        {
            let (from, to, check) = (&cell.from, &cell.to, &check.check);
            let (message, help) = match shows {
                Shows::Destination => (
                    format!(
                        "nobody may reach `{to}` in `{check}`: that it is up would not be known, and a dead host denies everything"
                    ),
                    format!(
                        "add a port of `{to}` that answers to `ports`, and a row for it to `allow`, or name a check of that host: `control: ID`"
                    ),
                ),
                _ => (
                    format!(
                        "`{from}` may reach nothing in `{check}`: that its own network works would not be known, and a cut one denies everything"
                    ),
                    format!(
                        "add something that `{from}` may reach to `to` and `allow`, or name a check from there that passes: `control: ID`"
                    ),
                ),
            };
            return Err((self.suites.checks()[index].span, message, help));
        }
        Ok(groups.into_iter().map(|(shows, cases)| ControlGroup { shows, cases }).collect())
    }

    /// What to write where there is no control.
    fn suggestion(&self, cases: &[Case], index: usize, check: &Check) -> String {
        let fits = |other: &usize| self.unfit(cases, index, *other).is_none();
        let all = || (0..cases.len()).filter(fits);
        let best = all().find(|other| same_host(&cases[index], &cases[*other])).or_else(|| all().next());
        let hosts: Vec<&str> = check.hosts.iter().map(Host::name).collect();
        match best {
            Some(best) if cases[best].suite == cases[index].suite => {
                format!(
                    "add `control: {}`, which shows that something answers; it runs again afterwards",
                    cases[best].id
                )
            }
            Some(best) => format!("add `control: {}/{}`", cases[best].suite, cases[best].id),
            None => format!(
                "add a check that {} answers (an open port, ping), and name it: `control: ID`; it runs again afterwards",
                if hosts.is_empty() { "the host".to_owned() } else { hosts.join(", ") }
            ),
        }
    }

    /// Why `other` cannot be the control of `index`.
    fn unfit(&self, cases: &[Case], index: usize, other: usize) -> Option<String> {
        let (case, control) = (&cases[index], &cases[other]);
        let check = self.suites.checks().get(other)?;
        if let Some(why) = self.unable(index, other) {
            return Some(why);
        }
        let same_way =
            vouches(&control.base.hosts, &case.base.hosts) && vouches(&control.subject().hosts, &case.subject().hosts);
        let way = "a control has the same IP version and network namespace, and for another host the same `source`";
        (!same_way).then(|| format!("`{}` takes another path: {way}", check.id))
    }

    /// Why `other` shows nothing by its pass.
    fn unable(&self, index: usize, other: usize) -> Option<String> {
        let check = self.suites.checks().get(other)?;
        let outcome = check.family.facts.iter().any(|fact| fact.roles.outcome);
        if index == other {
            Some("it is the check itself".to_owned())
        } else if check.list.is_some() {
            Some(format!("the targets of `{}` are not known before the run", check.check))
        } else if !check.silent.is_empty() || !outcome {
            Some(format!("`{}` may pass without an answer itself", check.id))
        } else if let Some(word) = check.elsewhere.first() {
            Some(format!("`{}` may pass on `{word}`, which can come from something other than its host", check.id))
        } else if check.probe.footprint() != Footprint::Quiet {
            Some(format!(
                "`{}` is {}, and a control runs again, in parallel with others",
                check.id,
                check.probe.footprint().word()
            ))
        } else {
            None
        }
    }
}

/// Whether answers of `ones` show that all of `others` can be reached.
fn vouches(ones: &[Host], others: &[Host]) -> bool {
    !ones.is_empty() && others.iter().all(|other| ones.iter().any(|one| one.vouches_for(other)))
}

/// Whether `other` is about every host that `own` is about.
#[must_use]
pub fn same_host(own: &Case, other: &Case) -> bool {
    let (own, other) = (&own.subject().hosts, &other.subject().hosts);
    !own.is_empty() && own.iter().all(|host| other.iter().any(|one| one.is_same(host)))
}
