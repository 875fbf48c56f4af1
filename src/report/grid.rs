//! Grids of who reaches whom: for each check that is one, what was expected and what was seen of every cell.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::layout::WIDTH;
use super::style::{Style, visible};
use crate::model::count::counted;
use crate::model::record::FactValue;
use crate::model::{CheckRecord, GridCell, Value, Verdict};

/// Widest name of a row or a column; what is longer is cut.
const NAME: usize = 20;
/// Ports with a grid of their own; more are counted.
const PORTS: usize = 12;
/// Rows of a grid; more are counted.
const ROWS: usize = 40;
/// The words of the signs.
const LEGEND: &str = "  + allowed, - denied; o open, x refused, . silent, u unreachable,
  ? not measured; ! what was seen is not what is expected";

/// The grids of a run, after its checks; empty where it has none.
#[must_use]
pub fn render(checks: &[CheckRecord], style: Style) -> String {
    let mut order: Vec<(&str, &str)> = Vec::new();
    let mut cells: BTreeMap<(&str, &str), Vec<(&GridCell, &CheckRecord)>> = BTreeMap::new();
    for check in checks {
        let Some(cell) = &check.cell else { continue };
        let key = (&*check.suite, &*check.check);
        let of_check = cells.entry(key).or_insert_with(|| {
            order.push(key);
            Vec::new()
        });
        of_check.push((cell, check));
    }
    let mut out = String::new();
    for key in &order {
        if let Some(cells) = cells.get(key) {
            grid(&mut out, key.1, cells, style);
        }
    }
    if !out.is_empty() {
        let _ = writeln!(out, "{LEGEND}");
    }
    out
}

/// The cells of a check, by port, source and destination.
struct Grid<'r> {
    from: Vec<&'r str>,
    to: Vec<&'r str>,
    signs: BTreeMap<(&'r str, &'r str, &'r str), String>,
}

fn grid(out: &mut String, check: &str, cells: &[(&GridCell, &CheckRecord)], style: Style) {
    let in_order = |of: fn(&GridCell) -> &str| {
        let mut seen = BTreeSet::new();
        cells.iter().map(|(cell, _)| of(cell)).filter(|name| seen.insert(*name)).collect::<Vec<_>>()
    };
    let (from, to, ports) = (in_order(|cell| &cell.from), in_order(|cell| &cell.to), in_order(|cell| &cell.port));
    let signs = cells.iter().map(|(cell, check)| ((&*cell.port, &*cell.from, &*cell.to), signs(cell, check)));
    let grid = Grid { from, to, signs: signs.collect() };
    let differs = cells.iter().filter(|(_, check)| check.verdict == Verdict::Failed).count();
    let unknown =
        cells.iter().filter(|(_, check)| matches!(check.verdict, Verdict::Errored | Verdict::Skipped)).count();
    let count = counted(cells.len(), "cell");
    let title =
        format!("{}: who reaches whom ({count}, {differs} not as allowed, {unknown} not measured)", visible(check));
    let _ = writeln!(out, "\n{}", style.strong(&title));
    // Ports of which every cell is alike are one grid.
    let mut folded: Vec<(Vec<&str>, Vec<Option<&String>>)> = Vec::new();
    for port in ports {
        let all =
            grid.from.iter().flat_map(|from| grid.to.iter().map(|to| grid.signs.get(&(port, *from, *to)))).collect();
        match folded.iter_mut().find(|(_, known)| *known == all) {
            Some((ports, _)) => ports.push(port),
            None => folded.push((vec![port], all)),
        }
    }
    for (ports, _) in folded.iter().take(PORTS) {
        grid.of_ports(out, ports, style);
    }
    if folded.len() > PORTS {
        let _ = writeln!(out, "  … and {} more; the JSON report has them all", counted(folded.len() - PORTS, "grid"));
    }
}

impl Grid<'_> {
    /// The grid of ports that are alike, in as many parts as the width asks for.
    fn of_ports(&self, out: &mut String, ports: &[&str], style: Style) {
        let Some(port) = ports.first() else { return };
        let shown: Vec<String> = ports.iter().take(PORTS).map(|port| visible(port)).collect();
        let more = if ports.len() > PORTS { format!(" and {} more", ports.len() - PORTS) } else { String::new() };
        let _ = writeln!(out, "  {}{more}", shown.join(", "));
        let names: Vec<String> = self.from.iter().map(|name| short(name)).collect();
        let first = names.iter().map(|name| name.width()).max().unwrap_or(0);
        let room = style.width.unwrap_or(WIDTH).saturating_sub(4 + first).max(NAME + 2);
        let heads: Vec<String> = self.to.iter().map(|name| short(name)).collect();
        let mut at = 0;
        while at < heads.len() {
            let mut used = 0;
            let fits = |head: &&String| {
                used += head.width().max(3) + 2;
                used <= room
            };
            let count = heads[at..].iter().take_while(fits).count().max(1);
            let part = at..at + count;
            let line = |first_column: &str, cells: Vec<String>| {
                let cells: Vec<String> = cells
                    .iter()
                    .zip(&heads[part.clone()])
                    .map(|(cell, head)| padded(cell, head.width().max(3)))
                    .collect();
                format!("    {}  {}", padded(first_column, first), cells.join("  ")).trim_end().to_owned()
            };
            let _ = writeln!(out, "{}", style.faint(&line("", heads[part.clone()].to_vec())));
            for (from, name) in self.from.iter().zip(&names).take(ROWS) {
                let of = |to: &&str| self.signs.get(&(*port, *from, *to)).cloned().unwrap_or_default();
                let _ = writeln!(out, "{}", line(name, self.to[part.clone()].iter().map(of).collect()));
            }
            at += count;
        }
        if self.from.len() > ROWS {
            let _ = writeln!(out, "    … and {} more rows; the JSON report has them all", self.from.len() - ROWS);
        }
    }
}

/// What is expected, what was seen, and whether they differ.
fn signs(cell: &GridCell, check: &CheckRecord) -> String {
    let outcome = match check.facts.get("outcome") {
        Some(FactValue::Scalar(Value::String(word))) => word.as_str(),
        _ => "",
    };
    let seen = match (check.verdict, outcome) {
        (Verdict::Errored | Verdict::Skipped, _) => '?',
        (_, "open") => 'o',
        (_, "refused") => 'x',
        (_, "silent") => '.',
        (_, "unreachable") => 'u',
        _ => '?',
    };
    let differs = if check.verdict == Verdict::Failed { "!" } else { "" };
    format!("{}{seen}{differs}", if cell.allowed { '+' } else { '-' })
}

/// A name that fits its column.
fn short(name: &str) -> String {
    let shown = visible(name);
    if shown.width() <= NAME {
        return shown;
    }
    let mut out: String = shown.chars().take(NAME - 1).collect();
    out.push('…');
    out
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::render;
    use crate::model::CheckRecord;
    use crate::report::style::Style;

    /// A cell, what is expected of it, what was seen, and its verdict.
    fn cell((from, to, port): (&str, &str, &str), allowed: bool, outcome: &str, verdict: &str) -> CheckRecord {
        let facts = if outcome.is_empty() { json!({}) } else { json!({"outcome": outcome}) };
        let record: Value = json!({
            "suite": "s", "id": format!("p[from={from},port={port},to={to}]"), "check": "p", "family": "reach", "target": "x", "tags": [],
            "verdict": verdict, "flaky": false, "unmet": false, "reason": null, "fault": null, "severity": "fail",
            "at": {"file": "f", "line": 1, "column": 1}, "started": null, "duration_s": 0.0, "attempts": 1, "earlier": [],
            "settled_in_s": null, "facts": facts, "expectations": [], "metrics": {}, "notes": [], "baseline": null,
            "cell": {"from": from, "to": to, "port": port, "allowed": allowed},
        });
        serde_json::from_value(record).unwrap()
    }

    #[test]
    fn a_grid_says_what_is_expected_what_was_seen_and_where_they_differ() {
        let mut checks = Vec::new();
        for port in ["tcp/80", "tcp/443"] {
            checks.push(cell(("web", "db", port), true, "open", "passed"));
            checks.push(cell(("web", "a-cache-with-a-name-beyond-its-column", port), false, "open", "failed"));
            checks.push(cell(("jobs", "db", port), true, "silent", "failed"));
            checks.push(cell(("jobs", "a-cache-with-a-name-beyond-its-column", port), false, "silent", "passed"));
        }
        checks.push(cell(("web", "db", "udp/53"), false, "refused", "passed"));
        checks.push(cell(("jobs", "db", "udp/53"), false, "unreachable", "passed"));
        checks.push(cell(("jobs", "a-cache-with-a-name-beyond-its-column", "udp/53"), true, "", "errored"));
        let text = render(&checks, Style::default());
        assert_eq!(
            text,
            "
p: who reaches whom (11 cells, 4 not as allowed, 1 not measured)
  tcp/80, tcp/443
          db   a-cache-with-a-name…
    web   +o   -o!
    jobs  +.!  -.
  udp/53
          db   a-cache-with-a-name…
    web   -x
    jobs  -u   +?
  + allowed, - denied; o open, x refused, . silent, u unreachable,
  ? not measured; ! what was seen is not what is expected
"
        );
        assert_eq!(render(&[], Style::default()), "");
    }

    #[test]
    fn many_columns_are_told_in_parts() {
        let names: Vec<String> = (0..20).map(|n| format!("host-{n:02}")).collect();
        let checks: Vec<CheckRecord> =
            names.iter().map(|to| cell(("web", to, "tcp/80"), true, "open", "passed")).collect();
        let text = render(&checks, Style { width: Some(80), ..Style::default() });
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(names.iter().all(|name| text.matches(name.as_str()).count() == 1), "{text}");
        assert_eq!(text.matches("+o").count(), 20);
    }
}
