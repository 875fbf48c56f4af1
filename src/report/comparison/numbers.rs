//! Metrics that were compared: the largest movements first, what nobody asks for as counts. The same for `compare` and `run`.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use super::inconclusive::{self, ComparisonKind};
use super::layout::{self, StatusWord};
use super::phases::Phases;
use crate::model::comparison_document::MetricRow;
use crate::model::count::counted;
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
pub struct ComparedMetric<'d> {
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

impl<'d> From<&'d MetricRow> for ComparedMetric<'d> {
    fn from(row: &'d MetricRow) -> Self {
        let MetricRow { suite, check, metric, severity, gated, comparison } = row;
        Self { place: (suite, check), metric, severity: *severity, gated: *gated, comparison, case: None }
    }
}

impl<'d> ComparedMetric<'d> {
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

/// All comparisons as text; `kind` says what could still be done about those without a result.
#[must_use]
pub fn render(rows: &[ComparedMetric<'_>], kind: ComparisonKind, style: Style) -> String {
    let mut rows = rows.to_vec();
    rows.sort_by(|one, other| {
        let regressed = |row: &ComparedMetric<'_>| row.comparison.verdict == Change::Regressed;
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
    let alone = sole_reasons(&rows);
    let regressed = |group: &&&CheckMetrics<'_>| group.verdict() == Change::Regressed;
    let one = shown.iter().filter(regressed).count() == 1;
    let mut next: Vec<String> = Vec::new();
    let last = shown.iter().rposition(|group| group.verdict() == Change::Regressed);
    for (at, group) in shown.iter().enumerate() {
        let text = RegressionText::of(group, &rows);
        if group.verdict() == Change::Regressed && !next.contains(&text.next) {
            next.push(text.next.clone());
        }
        out.push_str(&movement(group, &text, (columns, one), style));
        if let [row] = group.rows.as_slice()
            && alone.contains(&(row.place, row.metric))
        {
            out.push_str(&reason(row, kind, style));
        }
        // Below the regressions it is about, which come first.
        for next in next.iter().filter(|_| !one && last == Some(at)).take(NEXT) {
            out.push_str(&layout::advice(style, &format!("next: {next}")));
        }
    }
    // What is undecided for a reason it shares is explained below, whether it has a line or not.
    let explained = |group: &&&CheckMetrics<'_>| {
        group.verdict() != Change::Inconclusive
            || group.rows.len() == 1 && group.rows.iter().all(|row| alone.contains(&(row.place, row.metric)))
    };
    let named: HashSet<_> =
        shown.iter().filter(explained).flat_map(|group| group.named()).map(|row| (row.place, row.metric)).collect();
    let rest: Vec<ComparedMetric<'_>> =
        rows.iter().filter(|row| !named.contains(&(row.place, row.metric))).copied().collect();
    folded(&mut out, &rest, kind, style);
    out
}

/// Undecided metrics whose reason nobody else has.
fn sole_reasons<'d>(rows: &[ComparedMetric<'d>]) -> HashSet<((&'d str, &'d str), &'d str)> {
    let mut by_reason: BTreeMap<Option<&str>, Vec<&ComparedMetric<'d>>> = BTreeMap::new();
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
fn reason(row: &ComparedMetric<'_>, kind: ComparisonKind, style: Style) -> String {
    let why = row.comparison.reason.as_deref().unwrap_or("no reason is given");
    let mut out = layout::below(style, why);
    if let Some(what) = inconclusive::advice(&[row.comparison], kind) {
        out.push_str(&layout::advice(style, &format!("to decide: {what}")));
    }
    out
}

/// The metrics of one check that came to the same, the largest movement first.
struct CheckMetrics<'d> {
    rows: Vec<ComparedMetric<'d>>,
}

impl<'d> CheckMetrics<'d> {
    fn verdict(&self) -> Change {
        self.rows.first().map_or(Change::NotCompared, |row| row.comparison.verdict)
    }

    /// Those that its line names: all that moved the same way.
    fn named(&self) -> impl Iterator<Item = ComparedMetric<'d>> + '_ {
        let direction = self.rows.first().map(ComparedMetric::fell);
        self.rows.iter().filter(move |row| Some(row.fell()) == direction).copied()
    }
}

/// The rows by check and verdict, in the order of their first row.
fn by_check<'d>(rows: &[ComparedMetric<'d>]) -> Vec<CheckMetrics<'d>> {
    let mut places: BTreeMap<(&str, &str, Change, bool), usize> = BTreeMap::new();
    let mut out: Vec<CheckMetrics<'d>> = Vec::new();
    for row in rows {
        let key = (row.place.0, row.place.1, row.comparison.verdict, row.severity == Severity::Warn);
        let place = *places.entry(key).or_insert_with(|| {
            out.push(CheckMetrics { rows: Vec::new() });
            out.len() - 1
        });
        if let Some(group) = out.get_mut(place) {
            group.rows.push(*row);
        }
    }
    // What a suite asks for stands for its check, unless something else moved much further.
    for group in &mut out {
        let most = group.rows.first().map_or(0.0, ComparedMetric::size);
        if let Some(at) = group.rows.iter().position(|row| row.gated && row.size() * 2.0 >= most) {
            let row = group.rows.remove(at);
            group.rows.insert(0, row);
        }
    }
    out
}

/// Those that have a line of their own: every regression, the largest other movements up to five lines, and whatever the suites ask
/// for that changed for the better. Everything has one where `all` is asked for.
fn chosen<'g, 'd>(groups: &'g [CheckMetrics<'d>], all: bool) -> Vec<&'g CheckMetrics<'d>> {
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

fn columns(groups: &[&CheckMetrics<'_>]) -> (usize, usize) {
    let rows = || groups.iter().filter_map(|group| group.rows.first());
    let place = rows().map(|row| row.place.0.chars().count() + 1 + row.place.1.chars().count()).max().unwrap_or(0);
    let metric = rows().map(|row| row.metric.chars().count()).max().unwrap_or(0);
    (place.min(PLACE), metric.min(METRIC))
}

/// What is said of a regression beside its numbers.
struct RegressionText<'d> {
    /// What was measured, and which of two targets is worse.
    who: Option<String>,
    phases: Option<Phases<'d>>,
    next: String,
}

impl<'d> RegressionText<'d> {
    fn of(group: &CheckMetrics<'d>, rows: &[ComparedMetric<'d>]) -> Self {
        let first = group.rows.first();
        let of_check: Vec<ComparedMetric<'d>> =
            rows.iter().filter(|row| first.is_some_and(|first| first.place == row.place)).copied().collect();
        let case = first.and_then(|row| row.case);
        let arms = case.and_then(comparison_text::arms);
        let who = case.map(|case| match arms {
            Some((old, new)) => format!("{} at {new} (new) is worse than at {old} (old)", case.target),
            None => case.target.clone(),
        });
        let phases = Phases::of(&of_check);
        let paired = first.is_some_and(|row| inconclusive::is_interleaved(row.comparison));
        let next = comparison_text::next(paired, case, phases.as_ref().map(|phases| phases.slow));
        Self { who, phases, next }
    }
}

/// What moved in a case that regressed, and what to do about it: a line each.
#[must_use]
pub fn advice(check: &CheckRecord) -> Vec<String> {
    let rows: Vec<ComparedMetric<'_>> = ComparedMetric::of_case(check).collect();
    let groups = by_check(&rows);
    let Some(group) = groups.iter().find(|group| group.verdict() == Change::Regressed) else { return Vec::new() };
    let RegressionText { phases, next, .. } = RegressionText::of(group, &rows);
    phases.iter().map(|phases| format!("phases: {}", phases.text())).chain([format!("next: {next}")]).collect()
}

/// One check: its largest movement, what moved in it and what to do, the grounds, and what moved along. `one` where no other
/// check regressed.
fn movement(
    group: &CheckMetrics<'_>,
    text: &RegressionText<'_>,
    ((place, metric), one): ((usize, usize), bool),
    style: Style,
) -> String {
    let Some(first) = group.rows.first() else { return String::new() };
    let comparison = first.comparison;
    let name = format!("{}/{}", first.place.0, first.place.1);
    let line = format!("{name:<place$}  {:<metric$}  {}", first.metric, comparison_text::change(comparison));
    let mut out = layout::line(style, StatusWord::Metric(comparison.verdict, first.severity), line.trim_end());
    if comparison.verdict == Change::Regressed {
        let phases = text.phases.as_ref().filter(|phases| phases.says_more_than(first)).map(Phases::text);
        for text in text.who.clone().into_iter().chain(phases) {
            out.push_str(&layout::below(style, &text));
        }
        if one {
            out.push_str(&layout::advice(style, &format!("next: {}", text.next)));
        }
    }
    if matches!(comparison.verdict, Change::Regressed | Change::Improved) || style.verbose {
        out.push_str(&layout::below(style, &grounds(first, style.verbose)));
    }
    let others: Vec<&ComparedMetric<'_>> = group.rows.iter().skip(1).collect();
    if style.verbose {
        for row in others {
            let line = format!("{name:<place$}  {:<metric$}  {}", row.metric, comparison_text::change(row.comparison));
            out.push_str(&layout::line(
                style,
                StatusWord::Metric(row.comparison.verdict, row.severity),
                line.trim_end(),
            ));
            out.push_str(&layout::below(style, &grounds(row, true)));
        }
        return out;
    }
    // The phase that moved most is named above.
    let said = |row: &ComparedMetric<'_>| text.phases.as_ref().is_none_or(|phases| phases.worst.metric != row.metric);
    let along: Vec<String> = group
        .named()
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
fn grounds(row: &ComparedMetric<'_>, whole: bool) -> String {
    let one = row.comparison;
    let mut out = comparison_text::grounds(one, whole);
    let _ = write!(out, ", against {}", comparison_text::against(one, row.case));
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
fn folded(out: &mut String, rows: &[ComparedMetric<'_>], kind: ComparisonKind, style: Style) {
    let mut undecided: BTreeMap<(Change, String), Vec<ComparedMetric<'_>>> = BTreeMap::new();
    for row in rows.iter().filter(|row| matches!(row.comparison.verdict, Change::Inconclusive | Change::NotCompared)) {
        let reason = row.comparison.reason.clone().unwrap_or_else(|| "no reason is given".to_owned());
        undecided.entry((row.comparison.verdict, reason)).or_default().push(*row);
    }
    let mut undecided: Vec<_> = undecided.into_iter().collect();
    undecided.sort_by_key(|((change, _), rows)| (std::cmp::Reverse(*change), std::cmp::Reverse(rows.len())));
    for ((change, reason), rows) in undecided {
        let text = format!("{}: {reason}", metrics(&rows, style.verbose));
        out.push_str(&layout::line(style, StatusWord::Metric(change, Severity::Fail), &text));
        let comparisons: Vec<&Comparison> = rows.iter().map(|row| row.comparison).collect();
        if let Some(what) = inconclusive::advice(&comparisons, kind) {
            out.push_str(&layout::advice(style, &format!("to decide: {what}")));
        }
    }
    for (change, words) in [
        (Change::Improved, "better by the tolerance or more; -v shows each"),
        (Change::Unchanged, "shown to lie within what counts as no change"),
    ] {
        let of_kind: Vec<ComparedMetric<'_>> =
            rows.iter().filter(|row| row.comparison.verdict == change).copied().collect();
        if !of_kind.is_empty() {
            let text = format!("{}: {words}", metrics(&of_kind, style.verbose));
            out.push_str(&layout::line(style, StatusWord::Metric(change, Severity::Fail), &text));
        }
    }
    let more: Vec<ComparedMetric<'_>> =
        rows.iter().filter(|row| row.comparison.verdict == Change::Regressed).copied().collect();
    if !more.is_empty() {
        let text = format!("{}: not shown above; the JSON has them all", metrics(&more, style.verbose));
        out.push_str(&layout::line(style, StatusWord::Metric(Change::Regressed, Severity::Fail), &text));
    }
}

/// How many metrics, and of those that the suites ask for, which.
fn metrics(rows: &[ComparedMetric<'_>], all: bool) -> String {
    let named = |row: &ComparedMetric<'_>| format!("{}/{} {}", row.place.0, row.place.1, row.metric);
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
