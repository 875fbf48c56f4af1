//! A family in the terminal.

use std::fmt::Write as _;

use super::facts::{fact_sort, margin};
use super::fields;
use super::layout::unwrapped;
use crate::app::adhoc::listing;
use crate::model::Rule;
use crate::probe::Family;

/// Everything about a family.
pub(super) fn text(family: &Family) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}\n\n## Fields\n", unwrapped(family.readme).trim_end());
    fields::list(&mut out, family.fields, 0);
    let _ = writeln!(out, "\n## Facts\n");
    for fact in family.facts {
        let _ = writeln!(out, "  {:<22} {:<13} {}", fact.name, fact_sort(fact), fact.help);
    }
    let _ = writeln!(out, "\n## Compared with an earlier measurement\n");
    out.push_str(&compared(family));
    let _ = writeln!(out, "\n## Expected until `expect` says what else it should be\n");
    expected(&mut out, family);
    let _ = writeln!(
        out,
        "\n## Example\n\n{}\n\n{}",
        family.example.trim_end(),
        listing::first_commands(family).trim_end()
    );
    out
}

/// The default expectations: of every check, then what each mode adds and takes away.
fn expected(out: &mut String, family: &Family) {
    let of_mode = |name: &str| family.modes.iter().any(|mode| mode.facts.iter().any(|fact| fact.name == name));
    for fact in family.facts.iter().filter(|fact| !of_mode(fact.name)) {
        if let Some(expected) = fact.expected {
            let lifted = fact.lifted_by.join(", ");
            let lifted = if lifted.is_empty() { lifted } else { format!("   (or until it speaks of {lifted})") };
            let _ = writeln!(out, "  {}: {expected}{lifted}", fact.name);
        }
    }
    for mode in family.modes {
        let own = mode.facts.iter().filter_map(|fact| Some(format!("{}: {}", fact.name, fact.expected?)));
        let lines: Vec<String> = own.chain(mode.adds.unwrap_or_default().lines().map(str::to_owned)).collect();
        if lines.is_empty() && mode.lacks.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n  with `{}`:", mode.with);
        for line in lines {
            let _ = writeln!(out, "    {line}");
        }
        if !mode.lacks.is_empty() {
            let _ = writeln!(out, "    nothing of {}", mode.lacks.join(", "));
        }
    }
}

/// How facts are compared, and which are not, unless a check says otherwise under `baseline`.
fn compared(family: &Family) -> String {
    let mut out = String::new();
    let metrics = family.facts.iter().filter(|fact| fact.better.is_some());
    for fact in metrics {
        let _ = writeln!(out, "  {:<22} {}", fact.name, margin(fact));
    }
    for rule in Rule::ALL {
        let names = family.facts.iter().filter(|fact| fact.better.is_none() && fact.rule == rule);
        let names: Vec<&str> = names.map(|fact| fact.name).collect();
        if !names.is_empty() {
            let _ = writeln!(out, "  {:<22} {}", rule.word(), names.join(", "));
        }
    }
    for fact in family.facts.iter().filter(|fact| !fact.except.is_empty()) {
        let _ = writeln!(out, "  {:<22} below {}: {}", "ignore", fact.name, fact.except.join(", "));
    }
    out
}
