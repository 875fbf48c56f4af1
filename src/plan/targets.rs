//! Cases whose targets another check finds: who finds them, and how they are planned.

use super::Case;
use super::names::Suites;
use crate::model::count::counted;
use crate::probe::Footprint;
use crate::suite::check::Check;
use crate::suite::targets::TargetList;
use crate::suite::{Diagnostics, Span};

/// The case that finds the targets of a check, and the table that holds them.
pub(super) fn found(
    suites: &Suites<'_>,
    (own, check): (usize, &Check),
    list: &TargetList,
    errors: &mut Diagnostics,
) -> Option<(usize, &'static str)> {
    match case_of(suites, (own, check), list, errors) {
        Ok(found) => found,
        Err((span, message, help)) => {
            errors.add(span, message, help);
            None
        }
    }
}

type Refusal = (Span, String, String);

fn case_of(
    suites: &Suites<'_>,
    (own, check): (usize, &Check),
    list: &TargetList,
    errors: &Diagnostics,
) -> Result<Option<(usize, &'static str)>, Refusal> {
    let wrong = |message: String, help: String| Err((list.span, message, help));
    let (name, reference) = (&list.check, list.reference());
    let entry = |name: &str| format!("{}: \"${{checks.{name}.{}}}\"", list.key, list.table);
    let found = suites.find((own, check), name, "matrix", errors);
    let found = found.map_err(|unknown| (list.span, unknown.message.clone(), unknown.help(entry)))?;
    let Some(source) = found.first().and_then(|first| Some((*first, *suites.checks().get(*first)?))) else {
        return Ok(None);
    };
    let (source, finds) = source;
    if suites.suite_of(source) != own {
        return wrong(format!("`{name}` is a check of another suite"), "name one of this suite".to_owned());
    }
    if finds.check == check.check {
        return wrong(format!("`{name}` cannot find its own targets"), "name a check that runs before it".to_owned());
    }
    if found.len() > 1 {
        let cases = counted(found.len(), "case");
        let help = "name a check without a matrix";
        return wrong(
            format!("`{reference}`: `{name}` has {cases}, and each finds targets of its own"),
            help.to_owned(),
        );
    }
    if let Some(table) = finds.tables.iter().find(|table| **table == list.table) {
        return Ok(Some((source, table)));
    }
    let help = match finds.tables.as_slice() {
        [table, ..] => format!("write `{}: \"${{checks.{name}.{table}}}\"`", list.key),
        [] => {
            format!("`{name}` finds none: a `dns` check does that asks one server for MX, NS, SRV, A or AAAA records")
        }
    };
    wrong(format!("`{name}` has no table of targets `{}`", list.table), help)
}

/// Where some case says how many may be about one host at once, those whose hosts are not known yet run alone.
pub(super) fn keep_apart(cases: &mut [Case]) {
    if cases.iter().any(|case| case.per_target.is_some()) {
        for case in cases.iter_mut().filter(|case| case.list.is_some()) {
            case.footprint = case.footprint.max(Footprint::Noisy);
            case.stage = case.stage.max(case.footprint);
        }
    }
}

/// How many cases there are, for people: those that are known, and the most that lists of targets may add.
pub(super) fn counted_cases<'c>(cases: impl Iterator<Item = &'c Case>) -> String {
    let (mut known, mut most) = (0, 0);
    for case in cases.filter(|case| case.is_listed()) {
        if case.list.is_some() { most += case.most() } else { known += 1 }
    }
    match (known, most) {
        (_, 0) => counted(known, "case"),
        (0, _) => format!("at most {} for targets that are found", counted(most, "case")),
        _ => format!("{}, and at most {most} more for targets that are found", counted(known, "case")),
    }
}
