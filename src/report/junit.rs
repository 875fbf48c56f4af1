//! JUnit. `strict` validates against both common schemas (Ant's and Jenkins'); `rich` says more.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::comparison::numbers;
use super::junit_gate::{self, JunitGate};
use super::{comparison_text, failure, origin};
use crate::model::record::Outcome;
use crate::model::visible::{visible, visible_lines};
use crate::model::{Change, CheckRecord, Record, Severity, Verdict};

/// Longest text of one case, bytes; head and tail are kept.
const LONGEST: usize = 64 * 1024;

type Xml<'o> = Writer<&'o mut dyn Write>;

/// The dialect every consumer reads.
pub fn strict(record: &Record, out: &mut dyn Write) -> io::Result<()> {
    render(record, out, false)
}

/// The dialect with properties, places and flaky attempts.
pub fn rich(record: &Record, out: &mut dyn Write) -> io::Result<()> {
    render(record, out, true)
}

fn render(record: &Record, out: &mut dyn Write, rich: bool) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(out, b' ', 2);
    document(&mut xml, record, rich)?;
    xml.into_inner().write_all(b"\n")
}

fn document(xml: &mut Xml<'_>, record: &Record, rich: bool) -> io::Result<()> {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.write_event(Event::Start(BytesStart::new("testsuites")))?;
    let groups = groups(record);
    let next = groups.len();
    for (id, (name, checks)) in groups.into_iter().enumerate() {
        suite(xml, record, id, &name, &checks, rich)?;
    }
    if record.run.strict && !record.run.vanished.is_empty() {
        vanished(xml, record, next, rich)?;
    }
    xml.write_event(Event::End(BytesEnd::new("testsuites")))
}

/// Checks that the baseline has and the suites no longer do: `--strict` fails on them, so they are errors here as well.
fn vanished(xml: &mut Xml<'_>, record: &Record, id: usize, rich: bool) -> io::Result<()> {
    const WHY: &str = "the baseline has this check, and the suites no longer do";
    let gone = &record.run.vanished;
    xml.write_event(Event::Start(suite_element(
        record,
        id,
        "baseline.vanished",
        (gone.len(), 0, gone.len(), 0),
        (0.0, rich),
    )))?;
    xml.write_event(Event::Empty(BytesStart::new("properties")))?;
    for name in gone {
        let name = visible(name);
        let start = element("testcase", &[("classname", "baseline.vanished"), ("name", &name), ("time", "0.000")]);
        xml.write_event(Event::Start(start))?;
        text_element(xml, "error", &[("message", WHY), ("type", "vanished")], "")?;
        xml.write_event(Event::End(BytesEnd::new("testcase")))?;
    }
    text_element(xml, "system-out", &[], "")?;
    text_element(xml, "system-err", &[], "")?;
    xml.write_event(Event::End(BytesEnd::new("testsuite")))
}

/// The start of a test suite, with how many cases it has, and how many of them failed, errored and were skipped.
fn suite_element<'e>(
    record: &Record,
    id: usize,
    name: &str,
    (tests, failures, errors, skipped): (usize, usize, usize, usize),
    (time, rich): (f64, bool),
) -> BytesStart<'e> {
    let zone = if rich { "Z" } else { "" };
    let started = record.run.started.get(..19).unwrap_or("1970-01-01T00:00:00");
    let host = if record.host.name.is_empty() { "localhost" } else { &record.host.name };
    element(
        "testsuite",
        &[
            ("name", name),
            ("package", "shakedown"),
            ("id", &id.to_string()),
            ("hostname", host),
            ("timestamp", &format!("{started}{zone}")),
            ("tests", &tests.to_string()),
            ("failures", &failures.to_string()),
            ("errors", &errors.to_string()),
            ("skipped", &skipped.to_string()),
            ("time", &format!("{time:.3}")),
        ],
    )
}

/// One test suite per suite and family, in the order first seen.
fn groups(record: &Record) -> Vec<(String, Vec<&CheckRecord>)> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut out: Vec<(String, Vec<&CheckRecord>)> = Vec::new();
    for check in &record.checks {
        let name = class_of(check);
        let place = *places.entry(name.clone()).or_insert_with(|| {
            out.push((name, Vec::new()));
            out.len() - 1
        });
        out[place].1.push(check);
    }
    out
}

fn class_of(check: &CheckRecord) -> String {
    format!("{}.{}", check.suite, check.family)
}

fn suite(
    xml: &mut Xml<'_>,
    record: &Record,
    id: usize,
    name: &str,
    checks: &[&CheckRecord],
    rich: bool,
) -> io::Result<()> {
    let gate = JunitGate::of(record);
    let count = |verdict: Verdict| checks.iter().filter(|check| gate.verdict(check) == verdict).count();
    let counts = (checks.len(), count(Verdict::Failed), count(Verdict::Errored), count(Verdict::Skipped));
    let time: f64 = checks.iter().map(|check| check.duration_s).sum();
    let start = suite_element(record, id, name, counts, (time, rich));
    xml.write_event(Event::Start(start))?;
    xml.write_event(Event::Start(BytesStart::new("properties")))?;
    for (key, value) in properties(record, checks, rich) {
        xml.write_event(Event::Empty(element("property", &[("name", &key), ("value", &value)])))?;
    }
    xml.write_event(Event::End(BytesEnd::new("properties")))?;
    for (check, name) in checks.iter().zip(names(checks)) {
        case(xml, check, &name, rich, gate)?;
    }
    let mut lines: Vec<String> = checks.iter().filter_map(|check| warning(check)).collect();
    lines.extend(checks.iter().flat_map(|check| compared(check)));
    text_element(xml, "system-out", &[], &lines.join("\n"))?;
    text_element(xml, "system-err", &[], "")?;
    xml.write_event(Event::End(BytesEnd::new("testsuite")))
}

/// The names of cases, on one line and each once: readers of JUnit know cases by nothing else.
fn names(checks: &[&CheckRecord]) -> Vec<String> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let unique = |check: &&CheckRecord| {
        let name = visible(&check.id);
        let again = (2..).map(|number| format!("{name} ({number})"));
        let free = std::iter::once(name.clone()).chain(again).find(|name| !taken.contains(name)).unwrap_or(name);
        taken.insert(free.clone());
        free
    };
    checks.iter().map(unique).collect()
}

/// Every comparison of a case, in words.
fn compared(check: &CheckRecord) -> impl Iterator<Item = String> {
    check.comparison.0.iter().map(|(name, one)| format!("{}: {}", check.id, comparison_text::sentence(name, one)))
}

/// The failure of a case that holds: the comparisons behind it, and the type.
fn worse(check: &CheckRecord) -> (String, &'static str) {
    let worst = check.worst_change();
    let words = check.comparison.0.iter().filter(|(_, comparison)| Some(comparison.verdict) == worst);
    let words: Vec<String> = words.map(|(name, comparison)| comparison_text::sentence(name, comparison)).collect();
    let regressed = worst == Some(Change::Regressed);
    (words.join("; "), if regressed { "performance.regressed" } else { "performance.inconclusive" })
}

/// Why nothing of a case was compared.
fn missing(check: &CheckRecord) -> String {
    let reason = |(name, one): &(_, crate::model::Comparison)| {
        format!("{name}: {}", one.reason.as_deref().unwrap_or("not compared"))
    };
    let reasons: Vec<String> = check.comparison.0.iter().map(reason).collect();
    let reasons = if reasons.is_empty() { "the check has no metric to compare".to_owned() } else { reasons.join("; ") };
    format!("the run compared nothing: {reasons}")
}

/// Why a case that is shown as passed is not well: it failed or regressed with `severity: warn`, which fails no pipeline.
fn warned(check: &CheckRecord) -> Option<String> {
    if junit_gate::is_warning(check) {
        return Some(check.reason.clone().unwrap_or_default());
    }
    (check.regressed() && check.severity == Severity::Warn).then(|| worse(check).0)
}

/// A warning with all that a failure would tell.
fn warning(check: &CheckRecord) -> Option<String> {
    let why = warned(check)?;
    Some(format!("WARN {}: {why}\n  {}", check.id, story(check).replace('\n', "\n  ")))
}

fn properties(record: &Record, checks: &[&CheckRecord], rich: bool) -> Vec<(String, String)> {
    let mut out = vec![("shakedown.run_id".to_owned(), record.run.id.clone())];
    if record.run.interrupted {
        out.push(("shakedown.interrupted".to_owned(), "true".to_owned()));
    }
    if let Some(deadline) = record.run.deadline_s {
        out.push(("shakedown.deadline".to_owned(), format!("{deadline} s")));
        out.push(("shakedown.deadline_reached".to_owned(), record.run.deadline_reached.to_string()));
    }
    out.extend(record.run.rerun_of.iter().map(|id| ("shakedown.rerun_of".to_owned(), id.clone())));
    out.extend(record.run.labels.iter().map(|(key, value)| (format!("label.{key}"), value.clone())));
    let warnings = checks.iter().filter(|check| warned(check).is_some()).count();
    if warnings > 0 {
        out.push(("shakedown.warnings".to_owned(), warnings.to_string()));
    }
    for check in checks {
        if let Some(why) = warned(check).filter(|_| !rich) {
            out.push((format!("warned.{}", check.id), capped(&why)));
        }
        // Strict JUnit has no properties of a case.
        if !rich && !check.expectations.is_empty() {
            let all: Vec<String> = check.expectations.iter().map(|outcome| expects(outcome, check)).collect();
            out.push((format!("expects.{}", check.id), capped(&all.join("; "))));
        }
        for (name, metric) in &check.metrics.0 {
            if let Some(typical) = crate::baseline::metrics::value(&metric.into()) {
                out.push((format!("metric.{}.{name}", check.id), format!("{typical} {}", metric.unit.symbol())));
            }
        }
        for (name, one) in &check.comparison.0 {
            let ratio = one.ratio.or(one.difference).map_or_else(String::new, |value| format!(" {value:.4}"));
            let ci = one.ci.map_or_else(String::new, |[low, high]| format!(" [{low:.4}, {high:.4}]"));
            let mde = one.mde.map_or_else(String::new, |mde| format!(" mde {mde:.4}"));
            let word = one.verdict.word();
            let value = format!("{word}{ratio}{ci} tolerance {:.4}{mde} against {}", one.tolerance, one.against);
            out.push((format!("comparison.{}.{name}", check.id), value));
        }
    }
    out
}

fn case(xml: &mut Xml<'_>, check: &CheckRecord, name: &str, rich: bool, gate: JunitGate) -> io::Result<()> {
    let class = class_of(check);
    let time = format!("{:.3}", check.duration_s);
    // These three are all that both schemas of strict JUnit know; whatever else is said is for `rich`.
    let mut attributes = vec![("classname", class.as_str()), ("name", name), ("time", time.as_str())];
    let line = check.at.line.to_string();
    if rich {
        attributes.extend([("file", &*check.at.file), ("line", line.as_str())]);
    }
    let start = element("testcase", &attributes);
    let verdict = gate.verdict(check);
    if verdict == Verdict::Passed && !rich {
        return xml.write_event(Event::Empty(start));
    }
    xml.write_event(Event::Start(start))?;
    if rich {
        case_properties(xml, check)?;
    }
    let message = check.reason.clone().unwrap_or_default();
    match verdict {
        Verdict::Failed if check.verdict == Verdict::Passed => {
            let (message, kind) = worse(check);
            text_element(xml, "failure", &[("message", &message), ("type", kind)], &story(check))?;
        }
        Verdict::Failed => {
            text_element(xml, "failure", &[("message", &message), ("type", "assertion")], &story(check))?;
        }
        Verdict::Errored if gate.misses(check) => {
            text_element(xml, "error", &[("message", &missing(check)), ("type", "comparison.missing")], &story(check))?;
        }
        Verdict::Errored if gate.leaves_gap(check) => {
            text_element(xml, "error", &[("message", &message), ("type", "not_run")], "")?;
        }
        Verdict::Errored => {
            let kind = check.fault.as_ref().map_or("local", |fault| fault.kind.word());
            let kind = format!("fault.{kind}");
            text_element(xml, "error", &[("message", &message), ("type", &kind)], &story(check))?;
        }
        Verdict::Skipped => text_element(xml, "skipped", &[("message", &message)], "")?,
        Verdict::Passed => {}
    }
    if rich && check.flaky {
        for earlier in &check.earlier {
            text_element(xml, "flakyFailure", &[("message", earlier), ("type", "assertion")], earlier)?;
        }
    }
    xml.write_event(Event::End(BytesEnd::new("testcase")))
}

fn case_properties(xml: &mut Xml<'_>, check: &CheckRecord) -> io::Result<()> {
    xml.write_event(Event::Start(BytesStart::new("properties")))?;
    let mut pairs =
        vec![("target".to_owned(), check.target.clone()), ("attempts".to_owned(), check.attempts.to_string())];
    pairs.extend(check.netns.iter().map(|netns| ("netns".to_owned(), netns.to_string())));
    pairs.extend(warned(check).map(|why| ("warned".to_owned(), why)));
    pairs.extend(check.tags.iter().map(|tag| ("tag".to_owned(), tag.clone())));
    pairs.extend(check.expectations.iter().map(|outcome| ("expects".to_owned(), expects(outcome, check))));
    for (key, value) in pairs {
        xml.write_event(Event::Empty(element("property", &[("name", &key), ("value", &value)])))?;
    }
    xml.write_event(Event::End(BytesEnd::new("properties")))
}

/// An expectation in force, and where it comes from.
fn expects(outcome: &Outcome, check: &CheckRecord) -> String {
    format!("{} {} {} ({})", outcome.fact, outcome.operator, outcome.want, origin(outcome, check))
}

/// The text of a failure: cause and next step stand in the first two lines, as some readers show no more.
fn story(check: &CheckRecord) -> String {
    let rows = failure::rows(check, true);
    let mut lines: Vec<String> = rows.into_iter().map(|(label, text)| format!("{label}: {text}")).collect();
    lines.extend(compared(check));
    if check.regressed() {
        lines.extend(numbers::advice(check));
    }
    lines.push(format!("target: {} {}", check.family, check.target));
    lines.join("\n")
}

fn element<'e>(name: &'e str, attributes: &[(&'e str, &str)]) -> BytesStart<'e> {
    let mut start = BytesStart::new(name);
    for (key, value) in attributes {
        start.push_attribute((*key, clean(value).as_str()));
    }
    start
}

fn text_element(xml: &mut Xml<'_>, name: &str, attributes: &[(&str, &str)], text: &str) -> io::Result<()> {
    xml.write_event(Event::Start(element(name, attributes)))?;
    xml.write_event(Event::Text(BytesText::new(&capped(&clean(text)))))?;
    xml.write_event(Event::End(BytesEnd::new(name)))
}

fn capped(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let half = LONGEST / 2 - 64;
    let head: usize = (0..=half).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let tail: usize = (text.len() - half..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    format!("{}\n… {} bytes left out …\n{}", &text[..head], tail - head, &text[tail..])
}

/// What XML 1.0 does not allow, and what cannot be seen, is escaped: two texts that differ stay two.
fn clean(text: &str) -> String {
    visible_lines(text)
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, capped, clean};

    #[test]
    fn nothing_outside_xml_1_0_survives() {
        let shown = "\\u{1b}[31mred \\u{b}x\\u{fffe}\\u{ffff}\\u{0}y\\u{202e}\n";
        assert_eq!(clean("\u{1b}[31mred \u{b}x\u{fffe}\u{ffff}\u{0}y\u{202e}\n"), shown);
    }

    #[test]
    fn long_texts_keep_head_and_tail() {
        let text = format!("HEAD{}TAIL", "ä".repeat(LONGEST));
        let short = capped(&text);
        assert!(short.len() <= LONGEST);
        assert!(short.starts_with("HEAD") && short.ends_with("TAIL"));
    }
}
