//! A timeline as lines of text: one per stream, marks above, and a legend of what occurs below.

use unicode_width::UnicodeWidthStr;

use super::slices::{SliceState, Slices, Span, Who, owners};
use super::{OWNERS, STREAMS, fitted, letter, marks};
use crate::model::Unit;
use crate::model::count::counted;
use crate::model::timeline::Timeline;
use crate::report::style::Style;

/// Slices at most: a line of more is not seen at one glance.
const COLUMNS: usize = 200;
/// Columns of the name of a stream.
const NAME: usize = 16;
/// Columns of the name of an owner.
const OWNER: usize = 24;
/// The narrowest line that has names.
const NAMED: usize = 24;
/// Who answered, where several did.
const SEVERAL: char = '+';

/// The lines, none wider than `width` columns; none of a timeline without streams.
#[must_use]
pub fn lines(timeline: &Timeline, width: usize, style: Style) -> Vec<String> {
    let streams = &timeline.streams.0;
    if width == 0 || streams.is_empty() {
        return Vec::new();
    }
    let end = if style.ascii { '~' } else { '…' };
    if streams.iter().all(|(_, series)| series.runs.is_empty()) {
        return vec![fitted("no probe was sent", width, end)];
    }
    let shown = streams.iter().take(STREAMS);
    let named = streams.len() > 1 && width >= NAMED;
    let names: Vec<String> = shown
        .clone()
        .map(|(name, _)| if named { fitted(name, NAME.min(width / 3), end) } else { String::new() })
        .collect();
    let widest = names.iter().map(|name| name.width()).max().unwrap_or(0);
    let margin = if named { widest + 2 } else { 0 };
    let span = Span::of(timeline, (width - margin).min(COLUMNS));
    let blank = " ".repeat(margin);
    let (labels, unlabelled) = marks::labels(&timeline.marks, &span, end, UnicodeWidthStr::width);
    let mut out: Vec<String> = mark_rows(&labels).iter().map(|row| format!("{blank}{row}")).collect();
    let owners = owners(timeline);
    let mut drawn = Vec::new();
    for (name, (_, series)) in names.iter().zip(shown) {
        let slices = Slices::of(series, &span, &owners);
        let padding = " ".repeat(margin - name.width());
        out.push(trimmed(&format!("{name}{padding}"), &bar(&slices.seen, style)));
        if owners.len() > 1 && slices.who.iter().any(|who| *who != Who::Nobody) {
            let row: String = slices.who.iter().map(|who| sign_of(*who)).collect();
            out.push(trimmed(&blank, &row));
        }
        drawn.push(slices);
    }
    let mut legend = vec![time(&span)];
    legend.extend(grain(timeline, &span));
    legend.extend(occurring(&drawn, style));
    legend.extend(who(&owners, &drawn, end));
    if unlabelled > 0 {
        legend.push(plain(format!("… {} without a label", counted(unlabelled, "mark"))));
    }
    if streams.len() > STREAMS {
        legend.push(plain(format!("… {}", counted(streams.len() - STREAMS, "more stream"))));
    }
    out.extend(wrapped(legend, width, end));
    out
}

/// A part of the legend: as it is, and as it looks.
type LegendEntry = (String, String);

fn plain(text: String) -> LegendEntry {
    (text.clone(), text)
}

/// Without the blanks at its end: a slice without probes has no colour.
fn trimmed(before: &str, line: &str) -> String {
    format!("{before}{line}").trim_end().to_owned()
}

/// The sign of what was seen: the higher, the worse.
const fn sign(seen: SliceState, ascii: bool) -> char {
    match (seen, ascii) {
        (SliceState::Nothing, _) => ' ',
        (SliceState::Answered, false) => '▁',
        (SliceState::Late, false) => '▃',
        (SliceState::SomeFailed, false) => '▅',
        (SliceState::Failed, false) => '█',
        (SliceState::Answered, true) => '_',
        (SliceState::Late, true) => '-',
        (SliceState::SomeFailed, true) => '%',
        (SliceState::Failed, true) => '#',
        (SliceState::NotSent, _) => '?',
    }
}

const fn colour(seen: SliceState) -> &'static str {
    match seen {
        SliceState::Nothing => "0",
        SliceState::Answered => "32",
        SliceState::Late => "36",
        SliceState::SomeFailed => "33",
        SliceState::Failed => "31;1",
        SliceState::NotSent => "35",
    }
}

fn bar(seen: &[SliceState], style: Style) -> String {
    let mut out = String::new();
    for alike in seen.chunk_by(|one, other| one == other) {
        let Some(first) = alike.first() else { continue };
        let signs = sign(*first, style.ascii).to_string().repeat(alike.len());
        out.push_str(&if *first == SliceState::Nothing { signs } else { style.paint(colour(*first), &signs) });
    }
    out
}

fn mark_rows(labels: &[marks::Label]) -> Vec<String> {
    let rows = labels.iter().map(|label| label.row + 1).max().unwrap_or(0);
    let row = |row: usize| {
        let mut of_row: Vec<&marks::Label> = labels.iter().filter(|label| label.row == row).collect();
        let begins = |label: &marks::Label| label.column - if label.ends { label.text.width() } else { 0 };
        of_row.sort_by_key(|label| begins(label));
        let mut line = String::new();
        for label in of_row {
            let missing = begins(label).saturating_sub(line.width());
            line.push_str(&" ".repeat(missing));
            let (before, behind) = if label.ends { (&*label.text, "") } else { ("", &*label.text) };
            line.extend([before, "|", behind]);
        }
        line
    };
    (0..rows).map(row).collect()
}

fn time(span: &Span) -> LegendEntry {
    let human = |seconds| Unit::Seconds.human(seconds);
    plain(format!("{}, {} a column", human(span.end), human(span.slice())))
}

/// How fine the runs are, where the columns are finer.
fn grain(timeline: &Timeline, span: &Span) -> Option<LegendEntry> {
    let grains = timeline.streams.0.iter().filter_map(|(_, series)| series.grain_s).filter(|grain| grain.is_finite());
    let coarsest = grains.fold(0.0, f64::max);
    (coarsest > span.slice()).then(|| plain(format!("kept to {}", Unit::Seconds.human(coarsest))))
}

fn occurring(drawn: &[Slices], style: Style) -> Vec<LegendEntry> {
    let occurs = |seen: &SliceState| drawn.iter().any(|slices| slices.seen.contains(seen));
    let part = |seen: SliceState| {
        let sign = sign(seen, style.ascii).to_string();
        let words = seen.words();
        (format!("{sign} {words}"), format!("{} {words}", style.paint(colour(seen), &sign)))
    };
    SliceState::ALL.into_iter().filter(occurs).map(part).collect()
}

fn sign_of(who: Who) -> char {
    match who {
        Who::Nobody => ' ',
        Who::One(owner) => letter(owner),
        Who::Several => SEVERAL,
    }
}

fn who(owners: &[&str], drawn: &[Slices], end: char) -> Vec<LegendEntry> {
    if let [one] = owners {
        return vec![plain(format!("answered by {}", fitted(one, OWNER, end)))];
    }
    let named = owners.iter().take(OWNERS).enumerate();
    let mut parts: Vec<LegendEntry> =
        named.map(|(at, owner)| plain(format!("{} {}", letter(at), fitted(owner, OWNER, end)))).collect();
    if owners.len() > OWNERS {
        parts.push(plain(format!("… {}", counted(owners.len() - OWNERS, "more owner"))));
    }
    if drawn.iter().any(|slices| slices.who.contains(&Who::Several)) {
        parts.push(plain(format!("{SEVERAL} several of them")));
    }
    parts
}

/// The parts on lines of at most `width` columns.
fn wrapped(parts: Vec<LegendEntry>, width: usize, end: char) -> Vec<String> {
    const APART: usize = 3;
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (bare, painted) in parts {
        let wide = bare.width();
        match lines.last_mut() {
            Some((used, line)) if *used + APART + wide <= width => {
                *used += APART + wide;
                line.push_str(&" ".repeat(APART));
                line.push_str(&painted);
            }
            _ if wide <= width => lines.push((wide, painted)),
            _ => lines.push((width, fitted(&bare, width, end))),
        }
    }
    lines.into_iter().map(|(_, line)| line).collect()
}
