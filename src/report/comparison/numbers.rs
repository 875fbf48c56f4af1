//! Metrics that were compared: the largest movements first, what nobody asks for as counts. The same for `compare` and `run`.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use super::decide::{self, Way};
use super::layout::{self, Mark};
use crate::model::comparison_document::MetricRow;
use crate::model::count::counted;
use crate::model::{Change, CheckRecord, ComparedBy, Comparison, Severity};
use crate::report::comparison_text;
use crate::report::style::Style;

/// Movements shown whatever they came to.
const LARGEST: usize = 5;
/// Checks whose regressions are shown each; the rest is counted.
const SHOWN: usize = 100;
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
    /// Addresses of the old and the new target, of a check measured in pairs.
    pub arms: Option<(&'d str, &'d str)>,
}

impl<'d> From<&'d MetricRow> for Row<'d> {
    fn from(row: &'d MetricRow) -> Self {
        let MetricRow { suite, check, metric, severity, gated, comparison } = row;
        Self { place: (suite, check), metric, severity: *severity, gated: *gated, comparison, arms: None }
    }
}

impl<'d> Row<'d> {
    /// The comparisons of a case.
    pub fn of_case(check: &'d CheckRecord) -> impl Iterator<Item = Self> {
        check.comparison.0.iter().map(move |(name, comparison)| {
            let fact = name.strip_suffix(".p90").or_else(|| name.strip_suffix(".p99")).unwrap_or(name);
            let gated = check.gated.iter().any(|gated| gated == fact || gated == name);
            let arms = comparison_text::arms(check);
            Self { place: (&check.suite, &check.id), metric: name, severity: check.severity, gated, comparison, arms }
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
    fn moved(&self) -> f64 {
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
    let last_worse = shown.iter().rposition(|group| group.verdict() == Change::Regressed);
    for (at, group) in shown.iter().enumerate() {
        out.push_str(&movement(group, columns, style));
        if let [row] = group.rows.as_slice()
            && alone.contains(&(row.place, row.metric))
        {
            out.push_str(&reason(row, way, style));
        }
        // Below the regressions it is about, which come first.
        if last_worse == Some(at) {
            let paired = shown.iter().any(|group| group.rows.iter().any(|row| decide::is_interleaved(row.comparison)));
            let arms = shown.iter().find_map(|group| group.rows.first()?.arms);
            out.push_str(&layout::below(style, &format!("next: {}", comparison_text::next(paired, arms))));
        }
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

/// One check: its largest movement, the others that went with it, and the grounds.
fn movement(group: &OfCheck<'_>, (place, metric): (usize, usize), style: Style) -> String {
    let Some(first) = group.rows.first() else { return String::new() };
    let one = first.comparison;
    let name = format!("{}/{}", first.place.0, first.place.1);
    let line = format!("{name:<place$}  {:<metric$}  {}", first.metric, comparison_text::change(one));
    let mut out = layout::line(style, Mark::Metric(one.verdict, first.severity), line.trim_end());
    if matches!(one.verdict, Change::Regressed | Change::Improved) || style.verbose {
        out.push_str(&layout::below(style, &grounds(first)));
    }
    let others: Vec<&Row<'_>> = group.rows.iter().skip(1).collect();
    if style.verbose {
        for row in others {
            let line = format!("{name:<place$}  {:<metric$}  {}", row.metric, comparison_text::change(row.comparison));
            out.push_str(&layout::line(style, Mark::Metric(row.comparison.verdict, row.severity), line.trim_end()));
            out.push_str(&layout::below(style, &grounds(row)));
        }
        return out;
    }
    let along: Vec<String> =
        group.told().skip(1).map(|row| format!("{} {}", row.metric, comparison_text::effect(row.comparison))).collect();
    if !along.is_empty() && one.verdict != Change::Inconclusive {
        out.push_str(&layout::below(style, &format!("also {}", layout::some(&along, false))));
    }
    out
}

/// What the verdict rests on, and the exceptions to it.
fn grounds(row: &Row<'_>) -> String {
    let one = row.comparison;
    let mut out = comparison_text::grounds(one);
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
    let count = counted(rows.len() as u64, "metric");
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
