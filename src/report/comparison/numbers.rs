//! Metrics that were compared: the largest movements first, what nobody asks for as counts. The same for `compare` and `run`.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use super::decide::{self, Way};
use super::layout::{self, Mark};
use super::phases::Phases;
use crate::model::comparison_document::MetricRow;
use crate::model::{Change, CheckRecord, ComparedBy, Comparison, Severity};
use crate::report::comparison_text;
use crate::report::style::Style;

/// Movements shown whatever they came to.
const LARGEST: usize = 5;
/// Checks whose regressions are shown each; the rest is counted.
const SHOWN: usize = 100;
/// Next steps shown, of regressions in different phases.
const NEXT: usize = 3;
/// The same where all are asked for.
const MOST: usize = 1000;
/// Widest columns of names; longer ones push their line to the right.
const PLACE: usize = 32;
const METRIC: usize = 20;

/// A metric compared.
#[derive(Clone, Copy)]
pub struct Row<'d> {
    /// Suite and case id.
    pub place: (&'d str, &'d str),
    /// Metric, with `.p90` or `.p99`.
    pub metric: &'d str,
    /// Weight of the check.
    pub severity: Severity,
    /// Whether the suite speaks of it.
    pub gated: bool,
    /// The comparison.
    pub comparison: &'d Comparison,
    /// The case, where it is at hand.
    pub case: Option<&'d CheckRecord>,
}

impl<'d> From<&'d MetricRow> for Row<'d> {
    fn from(row: &'d MetricRow) -> Self {
        let MetricRow { suite, check, metric, severity, gated, comparison } = row;
        Self { place: (suite, check), metric, severity: *severity, gated: *gated, comparison, case: None }
    }
}

impl<'d> Row<'d> {
    /// The comparisons of a case.
    pub fn of_case(check: &'d CheckRecord) -> impl Iterator<Item = Self> {
        check.comparison.0.iter().map(move |(name, comparison)| {
            let fact = name.strip_suffix(".p90").or_else(|| name.strip_suffix(".p99")).unwrap_or(name);
            let gated = check.gated.iter().any(|gated| gated == fact || gated == name);
            let place = (&*check.suite, &*check.id);
            Self { place, metric: name, severity: check.severity, gated, comparison, case: Some(check) }
        })
    }

    /// How far it moved, in tolerances; what is shown to have stayed has not moved.
    fn size(&self) -> f64 {
        let one = self.comparison;
        let size = match (one.ratio, one.difference) {
            _ if one.verdict == Change::Unchanged => 0.0,
            (Some(ratio), _) if ratio > 0.0 => ratio.ln().abs() / one.tolerance.ln_1p(),
            (Some(_), _) => f64::MAX,
            (None, Some(difference)) => difference.abs() / one.tolerance,
            (None, None) => 0.0,
        };
        let counts = one.at_least.is_none_or(|least| self.moved() >= least);
        if counts && size.is_finite() { size } else { 0.0 }
    }

    /// How far it moved, in its unit.
    pub(super) fn moved(&self) -> f64 {
        let Comparison { base, head, .. } = self.comparison;
        base.zip(*head).map_or(0.0, |(base, head)| (head - base).abs())
    }

    /// Whether it fell.
    fn fell(&self) -> bool {
        self.comparison.ratio.map(|ratio| ratio - 1.0).or(self.comparison.difference).unwrap_or(0.0) < 0.0
    }
}

/// All comparisons as text; `way` says what could still be done about those without a result.
#[must_use]
pub fn render(rows: &[Row<'_>], way: Way, style: Style) -> String {
    let mut rows = rows.to_vec();
    rows.sort_by(|one, other| {
        let regressed = |row: &Row<'_>| row.comparison.verdict == Change::Regressed;
        // Of movements of one size, whatever the suites ask for comes first, then the longer way.
        regressed(other)
            .cmp(&regressed(one))
            .then((other.size() * 20.0).round().total_cmp(&(one.size() * 20.0).round()))
            .then(other.gated.cmp(&one.gated))
            .then(other.moved().total_cmp(&one.moved()))
    });
    let mut out = String::new();
    let groups = by_check(&rows);
    let shown = chosen(&groups, style.verbose);
    let columns = columns(&shown);
    let alone = told_alone(&rows);
    let regressed = |group: &&&OfCheck<'_>| group.verdict() == Change::Regressed;
    let one = shown.iter().filter(regressed).count() == 1;
    let mut next: Vec<String> = Vec::new();
    for group in &shown {
        let told = Told::of(group, &rows);
        if group.verdict() == Change::Regressed && !next.contains(&told.next) {
            next.push(told.next.clone());
        }
        out.push_str(&movement(group, &told, (columns, one), style));
        if let [row] = group.rows.as_slice()
            && alone.contains(&(row.place, row.metric))
        {
            out.push_str(&reason(row, way, style));
        }
    }
    for next in next.iter().filter(|_| !one).take(NEXT) {
        out.push_str(&layout::below(style, &format!("next: {next}")));
    }
    // What is undecided for a reason it shares is explained below, whether it has a line or not.
    let explained = |group: &&&OfCheck<'_>| {
        group.verdict() != Change::Inconclusive
            || group.rows.len() == 1 && group.rows.iter().all(|row| alone.contains(&(row.place, row.metric)))
    };
    let told: HashSet<_> =
        shown.iter().filter(explained).flat_map(|group| group.told()).map(|row| (row.place, row.metric)).collect();
    let rest: Vec<Row<'_>> = rows.iter().filter(|row| !told.contains(&(row.place, row.metric))).copied().collect();
    folded(&mut out, &rest, way, style);
    out
}

/// Undecided metrics whose reason nobody else has.
fn told_alone<'d>(rows: &[Row<'d>]) -> HashSet<((&'d str, &'d str), &'d str)> {
    let mut by_reason: BTreeMap<Option<&str>, Vec<&Row<'d>>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.comparison.verdict == Change::Inconclusive) {
        by_reason.entry(row.comparison.reason.as_deref()).or_default().push(row);
    }
    let single = by_reason.into_values().filter_map(|rows| match rows.as_slice() {
        [row] => Some((row.place, row.metric)),
        _ => None,
    });
    single.collect()
}

/// Why one metric is undecided, and what would decide it.
fn reason(row: &Row<'_>, way: Way, style: Style) -> String {
    let why = row.comparison.reason.as_deref().unwrap_or("no reason is given");
    let mut out = layout::below(style, why);
    if let Some(what) = decide::conclusive(&[row.comparison], way) {
        out.push_str(&layout::below(style, &format!("to decide: {what}")));
    }
    out
}

/// The metrics of one check that came to the same, the largest movement first.
struct OfCheck<'d> {
    rows: Vec<Row<'d>>,
}

impl<'d> OfCheck<'d> {
    fn verdict(&self) -> Change {
        self.rows.first().map_or(Change::NotCompared, |row| row.comparison.verdict)
    }

    /// Those that its line names: all that moved the same way.
    fn told(&self) -> impl Iterator<Item = Row<'d>> + '_ {
        let way = self.rows.first().map(Row::fell);
        self.rows.iter().filter(move |row| Some(row.fell()) == way).copied()
    }
}

/// The rows by check and verdict, in the order of their first row.
fn by_check<'d>(rows: &[Row<'d>]) -> Vec<OfCheck<'d>> {
    let mut places: BTreeMap<(&str, &str, Change, bool), usize> = BTreeMap::new();
    let mut out: Vec<OfCheck<'d>> = Vec::new();
    for row in rows {
        let key = (row.place.0, row.place.1, row.comparison.verdict, row.severity == Severity::Warn);
        let place = *places.entry(key).or_insert_with(|| {
            out.push(OfCheck { rows: Vec::new() });
            out.len() - 1
        });
        if let Some(group) = out.get_mut(place) {
            group.rows.push(*row);
        }
    }
    // What a suite asks for stands for its check, unless something else moved much further.
    for group in &mut out {
        let most = group.rows.first().map_or(0.0, Row::size);
        if let Some(at) = group.rows.iter().position(|row| row.gated && row.size() * 2.0 >= most) {
            let row = group.rows.remove(at);
            group.rows.insert(0, row);
        }
    }
    out
}

/// Those that have a line of their own: every regression, the largest other movements up to five lines, and whatever the suites ask
/// for that changed for the better. Everything has one where `all` is asked for.
fn chosen<'g, 'd>(groups: &'g [OfCheck<'d>], all: bool) -> Vec<&'g OfCheck<'d>> {
    let mut shown = Vec::new();
    for group in groups {
        let compared = group.verdict() != Change::NotCompared;
        // Less than the tolerance is no movement that anybody needs to look at.
        let moved = group.rows.first().is_some_and(|row| row.size() >= 1.0);
        let line = match group.verdict() {
            Change::Regressed => shown.len() < SHOWN,
            Change::Improved => shown.len() < LARGEST || group.rows.iter().any(|row| row.gated),
            _ => moved && shown.len() < LARGEST,
        };
        if compared && (line || (all && shown.len() < MOST)) {
            shown.push(group);
        }
    }
    shown
}

fn columns(groups: &[&OfCheck<'_>]) -> (usize, usize) {
    let rows = || groups.iter().filter_map(|group| group.rows.first());
    let place = rows().map(|row| row.place.0.chars().count() + 1 + row.place.1.chars().count()).max().unwrap_or(0);
    let metric = rows().map(|row| row.metric.chars().count()).max().unwrap_or(0);
    (place.min(PLACE), metric.min(METRIC))
}

/// What is said of a regression beside its numbers.
struct Told<'d> {
    /// What was measured, and which of two targets is worse.
    who: Option<String>,
    phases: Option<Phases<'d>>,
    next: String,
}

impl<'d> Told<'d> {
    fn of(group: &OfCheck<'d>, rows: &[Row<'d>]) -> Self {
        let first = group.rows.first();
        let of_check: Vec<Row<'d>> =
            rows.iter().filter(|row| first.is_some_and(|first| first.place == row.place)).copied().collect();
        let case = first.and_then(|row| row.case);
        let arms = case.and_then(comparison_text::arms);
        let who = case.map(|case| match arms {
            Some((old, new)) => format!("{} at {new} is worse than at {old}", case.target),
            None => case.target.clone(),
        });
        let phases = Phases::of(&of_check);
        let paired = first.is_some_and(|row| decide::is_interleaved(row.comparison));
        let next = comparison_text::next(paired, case, phases.as_ref().map(|phases| phases.slow));
        Self { who, phases, next }
    }
}

/// What moved in a case that regressed, and what to do about it: a line each.
pub fn advice(check: &CheckRecord) -> Vec<String> {
    let rows: Vec<Row<'_>> = Row::of_case(check).collect();
    let groups = by_check(&rows);
    let Some(group) = groups.iter().find(|group| group.verdict() == Change::Regressed) else { return Vec::new() };
    let Told { phases, next, .. } = Told::of(group, &rows);
    phases.iter().map(|phases| format!("phases: {}", phases.text())).chain([format!("next: {next}")]).collect()
}

/// One check: its largest movement, what moved in it and what to do, the grounds, and what moved along. `one` where no other
/// check regressed.
fn movement(
    group: &OfCheck<'_>,
    told: &Told<'_>,
    ((place, metric), one): ((usize, usize), bool),
    style: Style,
) -> String {
    let Some(first) = group.rows.first() else { return String::new() };
    let comparison = first.comparison;
    let name = format!("{}/{}", first.place.0, first.place.1);
    let line = format!("{name:<place$}  {:<metric$}  {}", first.metric, comparison_text::change(comparison));
    let mut out = layout::line(style, Mark::Metric(comparison.verdict, first.severity), line.trim_end());
    if comparison.verdict == Change::Regressed {
        let phases = told.phases.as_ref().filter(|phases| phases.says_more_than(first)).map(Phases::text);
        let next = Some(format!("next: {}", told.next)).filter(|_| one);
        for text in told.who.clone().into_iter().chain(phases).chain(next) {
            out.push_str(&layout::below(style, &text));
        }
    }
    if matches!(comparison.verdict, Change::Regressed | Change::Improved) || style.verbose {
        out.push_str(&layout::below(style, &grounds(first, style.verbose)));
    }
    let others: Vec<&Row<'_>> = group.rows.iter().skip(1).collect();
    if style.verbose {
        for row in others {
            let line = format!("{name:<place$}  {:<metric$}  {}", row.metric, comparison_text::change(row.comparison));
            out.push_str(&layout::line(style, Mark::Metric(row.comparison.verdict, row.severity), line.trim_end()));
            out.push_str(&layout::below(style, &grounds(row, true)));
        }
        return out;
    }
    // The phase that moved most is named above.
    let said = |row: &Row<'_>| told.phases.as_ref().is_none_or(|phases| phases.worst.metric != row.metric);
    let along: Vec<String> = group
        .told()
        .skip(1)
        .filter(said)
        .map(|row| format!("{} {}", row.metric, comparison_text::effect(row.comparison)))
        .collect();
    if !along.is_empty() && comparison.verdict != Change::Inconclusive {
        out.push_str(&layout::below(style, &format!("also {}", layout::some(&along, false))));
    }
    out
}

/// What the verdict rests on, and the exceptions to it; what could be seen at all only where everything is asked for.
fn grounds(row: &Row<'_>, whole: bool) -> String {
    let one = row.comparison;
    let mut out = comparison_text::grounds(one, whole);
    let _ = write!(out, ", against {}", one.against);
    if one.verdict == Change::Regressed && row.severity == Severity::Warn {
        out += "; this check only warns";
    }
    if let Some(reason) = one.reason.as_ref().filter(|_| one.verdict != Change::Inconclusive) {
        let _ = write!(out, "; {reason}");
    }
    if let Some(release) = &one.pinned {
        let _ = write!(out, "; {}", comparison_text::pinned(release));
    }
    out
}

/// What has no line of its own: the undecided by their reason with what would decide them, the others as counts.
fn folded(out: &mut String, rows: &[Row<'_>], way: Way, style: Style) {
    let mut undecided: BTreeMap<(Change, String), Vec<Row<'_>>> = BTreeMap::new();
    for row in rows.iter().filter(|row| matches!(row.comparison.verdict, Change::Inconclusive | Change::NotCompared)) {
        let reason = row.comparison.reason.clone().unwrap_or_else(|| "no reason is given".to_owned());
        undecided.entry((row.comparison.verdict, reason)).or_default().push(*row);
    }
    let mut undecided: Vec<_> = undecided.into_iter().collect();
    undecided.sort_by_key(|((change, _), rows)| (std::cmp::Reverse(*change), std::cmp::Reverse(rows.len())));
    for ((change, reason), rows) in undecided {
        let text = format!("{}: {reason}", metrics(&rows, style.verbose));
        out.push_str(&layout::line(style, Mark::Metric(change, Severity::Fail), &text));
        let comparisons: Vec<&Comparison> = rows.iter().map(|row| row.comparison).collect();
        if let Some(what) = decide::conclusive(&comparisons, way) {
            out.push_str(&layout::below(style, &format!("to decide: {what}")));
        }
    }
    for (change, words) in [
        (Change::Improved, "better by the tolerance or more; -v shows each"),
        (Change::Unchanged, "shown to lie within what counts as no change"),
    ] {
        let of_kind: Vec<Row<'_>> = rows.iter().filter(|row| row.comparison.verdict == change).copied().collect();
        if !of_kind.is_empty() {
            let text = format!("{}: {words}", metrics(&of_kind, style.verbose));
            out.push_str(&layout::line(style, Mark::Metric(change, Severity::Fail), &text));
        }
    }
    let more: Vec<Row<'_>> = rows.iter().filter(|row| row.comparison.verdict == Change::Regressed).copied().collect();
    if !more.is_empty() {
        let text = format!("{}: not shown above; the JSON has them all", metrics(&more, style.verbose));
        out.push_str(&layout::line(style, Mark::Metric(Change::Regressed, Severity::Fail), &text));
    }
}

/// How many metrics, and of those that the suites ask for, which.
fn metrics(rows: &[Row<'_>], all: bool) -> String {
    let named = |row: &Row<'_>| format!("{}/{} {}", row.place.0, row.place.1, row.metric);
    if let [row] = rows {
        return named(row);
    }
    let asked: Vec<String> = rows.iter().filter(|row| all || row.gated).map(named).collect();
    let count = layout::count(rows.len() as u64, "metric");
    match asked.len() {
        0 => count,
        asked_for if asked_for == rows.len() => format!("{count} ({})", layout::some(&asked, all)),
        asked_for => format!("{count}, of which the suites ask for {asked_for} ({})", layout::some(&asked, all)),
    }
}

/// Whether a comparison is by ratio, for who explains its numbers.
pub(super) fn by_ratio(one: &Comparison) -> bool {
    one.compared_by == ComparedBy::Ratio
}
