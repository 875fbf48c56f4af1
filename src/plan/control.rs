//! Controls: silence proves nothing unless something shows that the host, or at least the network, could be reached.

use super::Case;
use super::names::{Suites, quoted_in_flow};
use crate::probe::{Footprint, Host};
use crate::suite::check::{Check, Reference};
use crate::suite::{Diagnostics, Span};

/// Finds the controls of every case that accepts silence: those it names, else those it needs that are about the same
/// host.
pub(super) fn link(cases: &mut [Case], suites: &Suites<'_>, errors: &mut Diagnostics) {
    let finder = Finder { suites };
    let mut refused: Vec<Span> = Vec::new();
    for (index, check) in suites.checks().iter().enumerate() {
        let found = match &check.control {
            Some(named) => finder.named(cases, index, check, named, errors),
            None if check.silent.is_empty() => continue,
            None => finder.needed(cases, index, check),
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
        let (case, control, check) = (&cases[index], &cases[other], self.suites.checks().get(other)?);
        let outcome = control.family.facts.iter().any(|fact| fact.roles.outcome);
        if index == other {
            Some("it is the check itself".to_owned())
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
        } else if !vouches(&control.base.hosts, &case.base.hosts)
            || !vouches(&control.subject().hosts, &case.subject().hosts)
        {
            let way = "a control has the same IP version and network namespace, and for another host the same `source`";
            Some(format!("`{}` takes another path: {way}", check.id))
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
