//! A timeline as a picture: SVG that needs nothing beside it. What is worse is higher as well as darker, so that nothing hangs on
//! colours; elements have no ids, so that pictures may stand in one page.

use std::fmt::Write as _;
use std::io;

use unicode_width::UnicodeWidthStr as _;

use super::slices::{SliceState, Slices, Span, Times, Who, owners};
use super::{OWNERS, STREAMS, axis, fitted, letter, marks};
use crate::model::count::counted;
use crate::model::timeline::{MIXED, Run, Series, Timeline};
use crate::model::{Record, Unit};

/// Width of a picture, and of what is left and right of the plot; a slice is one wide.
const WIDTH: usize = 960;
const LEFT: usize = 130;
const RIGHT: usize = 30;
/// Heights: of the title, of a row of labels, of what was seen, of owners, of round-trip times, between streams.
const TITLE: usize = 30;
const LABELS: usize = 15;
const SEEN: usize = 24;
const OWNER: usize = 14;
const TIMES: usize = 36;
const APART: usize = 12;
/// Width of a character of 11 px, about.
const LETTER: usize = 7;
/// Characters of a name beside a stream, and of a title.
const NAME: usize = 16;
const HEAD: usize = 120;
/// Pictures in a document; more are counted.
const PICTURES: usize = 50;
/// Sets of colours that those who see no red or no green tell apart (Okabe and Ito).
const OWNER_COLOURS: [&str; 6] = ["#56b4e9", "#f0e442", "#cc79a7", "#009e73", "#e69f00", "#999999"];

/// A picture of one timeline.
#[must_use]
pub fn draw(title: &str, timeline: &Timeline) -> String {
    let (body, height) = picture(title, timeline);
    format!("{}{body}</svg>\n", opening(height, ""))
}

/// The pictures of all checks of a run that watched, one below the other.
pub fn render(record: &Record, out: &mut dyn io::Write) -> io::Result<()> {
    let watched = record.checks.iter().filter_map(|check| Some((check, check.timeline.as_ref()?)));
    let count = watched.clone().count();
    let several = record.suites.len() > 1;
    let mut bodies = String::new();
    let mut y = 0;
    for (check, timeline) in watched.take(PICTURES) {
        let name = if several { format!("{}/{}", check.suite, check.id) } else { check.id.to_string() };
        let title = format!("{name}: {}, {}", check.target, check.verdict.word());
        let (body, height) = picture(&title, timeline);
        let _ = writeln!(bodies, "{}{body}</svg>", opening(height, &format!(" y=\"{y}\"")));
        y += height;
    }
    let note = match count {
        0 => Some("no check of this run watched anything over time".to_owned()),
        _ => count
            .checked_sub(PICTURES + 1)
            .map(|more| format!("… and {}; the JSON report has them all", counted(more + 1, "more check"))),
    };
    if let Some(note) = note {
        bodies.push_str(&text(12, y + 20, "start", "#000", &note));
        y += TITLE;
    }
    writeln!(out, "{}{bodies}</svg>", opening(y, ""))
}

fn opening(height: usize, place: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\"{place} width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" font-family=\"sans-serif\" font-size=\"11\">\n"
    )
}

/// What is inside a picture, and its height.
fn picture(title: &str, timeline: &Timeline) -> (String, usize) {
    let span = Span::of(timeline, WIDTH - LEFT - RIGHT);
    let owners = owners(timeline);
    let (labels, unlabelled) = marks::labels(&timeline.marks, &span, '…', |text| (text.width() + 1) * LETTER);
    let rows = labels.iter().map(|label| label.row + 1).max().unwrap_or(0);
    let top = TITLE + rows * LABELS;
    let mut out = format!(
        "<title>{}</title>\n<desc>{}</desc>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        escaped(title, HEAD),
        escaped(&described(timeline, &span), 8 * 1024)
    );
    let _ = writeln!(out, "<text x=\"12\" y=\"19\" font-size=\"14\">{}</text>", escaped(title, HEAD));
    let mut y = top;
    let mut drawn = Vec::new();
    for (name, series) in timeline.streams.0.iter().take(STREAMS) {
        let slices = Slices::of(series, &span, &owners);
        y = stream(&mut out, name, &slices, (y, owners.len() > 1));
        drawn.push(slices);
    }
    for mark in timeline.marks.iter().filter(|mark| span.holds(mark.at_s)).take(marks::ROWS * 32) {
        let x = LEFT + span.column(mark.at_s).unwrap_or(0);
        let _ = writeln!(out, "<path d=\"M{x}.5 {TITLE}V{y}\" stroke=\"#000\" stroke-dasharray=\"4 2\"/>");
    }
    for label in &labels {
        let x = LEFT + label.column;
        let (x, anchor) = if label.ends { (x - 3, "end") } else { (x + 4, "start") };
        out.push_str(&text(x, TITLE + label.row * LABELS + 11, anchor, "#000", &label.text));
    }
    y = time_axis(&mut out, &span, top, y);
    y = legend(&mut out, &drawn, &owners, y);
    let more_streams = timeline.streams.0.len().saturating_sub(STREAMS);
    let notes = [
        (unlabelled, format!("… {} without a label", counted(unlabelled, "mark"))),
        (more_streams, format!("… {}", counted(more_streams, "more stream"))),
    ];
    for (_, note) in notes.iter().filter(|(count, _)| *count > 0) {
        out.push_str(&text(LEFT, y + 11, "start", "#444", note));
        y += LABELS;
    }
    (out, y + 8)
}

/// One stream; returns where it ends.
fn stream(out: &mut String, name: &str, slices: &Slices, (top, owned): (usize, bool)) -> usize {
    let _ = writeln!(out, "<g>\n<title>{}</title>", escaped(name, HEAD));
    out.push_str(&text(LEFT - 8, top + 16, "end", "#000", &fitted(name, NAME, '…')));
    let _ = writeln!(out, "<path d=\"M{LEFT} {0}h{1}\" stroke=\"#ccc\"/>", top + SEEN, slices.seen.len());
    for seen in SliceState::ALL {
        let runs = alike(&slices.seen).filter(|(_, _, which)| **which == seen);
        let (height, look) = look(seen);
        let path: String =
            runs.map(|(from, length, _)| block(LEFT + from, top + SEEN - height, length, height)).collect();
        if !path.is_empty() {
            let _ = writeln!(out, "<path d=\"{path}\" {look}><title>{}</title></path>", seen.words());
        }
    }
    let mut y = top + SEEN;
    if owned {
        y += 2;
        owner_band(out, &slices.who, y);
        y += OWNER;
    }
    if slices.times.iter().any(Option::is_some) {
        y += 4;
        times_line(out, &slices.times, y);
        y += TIMES;
    }
    out.push_str("</g>\n");
    y + APART
}

/// How high and how dark it is.
const fn look(seen: SliceState) -> (usize, &'static str) {
    match seen {
        SliceState::Nothing => (0, ""),
        SliceState::Answered => (4, "fill=\"#9ecae1\""),
        SliceState::Late => (9, "fill=\"#e6ab02\""),
        SliceState::SomeFailed => (SEEN / 2 + 3, "fill=\"#d95f0e\""),
        SliceState::Failed => (SEEN, "fill=\"#7f0000\""),
        SliceState::NotSent => (SEEN, "fill=\"#fff\" stroke=\"#777\" stroke-dasharray=\"2 2\""),
    }
}

/// Runs of what is alike: where each begins, and its length.
fn alike<T: PartialEq>(all: &[T]) -> impl Iterator<Item = (usize, usize, &T)> {
    let mut at = 0;
    all.chunk_by(|one, other| one == other).filter_map(move |run| {
        let from = at;
        at += run.len();
        run.first().map(|first| (from, run.len(), first))
    })
}

fn block(x: usize, y: usize, width: usize, height: usize) -> String {
    format!("M{x} {y}h{width}v{height}h-{width}z")
}

fn owner_band(out: &mut String, who: &[Who], y: usize) {
    let mut each: Vec<Who> = Vec::new();
    for who in who {
        if *who != Who::Nobody && !each.contains(who) {
            each.push(*who);
        }
    }
    for one in each {
        let (fill, sign) = match one {
            Who::One(owner) => (owner_colour(owner), letter(owner)),
            Who::Nobody | Who::Several => ("#fff", '+'),
        };
        let runs = || alike(who).filter(|(_, _, who)| **who == one);
        let path: String = runs().map(|(from, length, _)| block(LEFT + from, y, length, OWNER - 2)).collect();
        let _ = writeln!(out, "<path d=\"{path}\" fill=\"{fill}\" stroke=\"#555\" stroke-width=\".5\"/>");
        for (from, length, _) in runs().filter(|(_, length, _)| *length > 2 * LETTER) {
            out.push_str(&text(LEFT + from + length / 2, y + 10, "middle", "#000", &sign.to_string()));
        }
    }
}

fn owner_colour(owner: usize) -> &'static str {
    OWNER_COLOURS[owner % OWNER_COLOURS.len()]
}

/// The mean as a line, from fastest to slowest as an area.
fn times_line(out: &mut String, times: &[Option<Times>], top: usize) {
    let slowest = times.iter().flatten().map(|times| times.max).fold(0.0, f64::max);
    if slowest <= 0.0 {
        return;
    }
    let height = TIMES as f64;
    let y = |seconds: f64| top as f64 + height - (seconds / slowest).clamp(0.0, 1.0) * (height - 2.0);
    let (mut area, mut line) = (String::new(), String::new());
    let mut follows = false;
    for (from, length, times) in alike(times) {
        let Some(times) = times else {
            follows = false;
            continue;
        };
        let x = LEFT + from;
        let (high, low, mean) = (y(times.max), y(times.min), y(times.mean));
        let _ = write!(area, "M{x} {high:.1}h{length}V{low:.1}h-{length}z");
        let _ = write!(line, "{}{x} {mean:.1}h{length}", if follows { 'L' } else { 'M' });
        follows = true;
    }
    let bottom = top + TIMES;
    let _ = writeln!(out, "<path d=\"M{LEFT} {bottom}h{}\" stroke=\"#ccc\"/>", times.len());
    let _ = writeln!(
        out,
        "<path d=\"{area}\" fill=\"#c6dbef\"><title>round-trip times, from fastest to slowest</title></path>"
    );
    let _ = writeln!(
        out,
        "<path d=\"{line}\" fill=\"none\" stroke=\"#08519c\"><title>round-trip times, mean</title></path>"
    );
    let label = format!("RTT, to {}", Unit::Seconds.human(slowest));
    out.push_str(&text(LEFT - 8, top + 12, "end", "#444", &label));
}

fn time_axis(out: &mut String, span: &Span, top: usize, y: usize) -> usize {
    let _ = writeln!(out, "<path d=\"M{LEFT} {y}h{}\" stroke=\"#000\"/>", span.columns);
    for (at, label) in axis::ticks(span.end) {
        let x = LEFT + span.column(at).unwrap_or(0);
        let _ = writeln!(out, "<path d=\"M{x}.5 {top}V{}\" stroke=\"#000\" stroke-opacity=\".12\"/>", y + 4);
        out.push_str(&text(x, y + 16, "middle", "#000", &label));
    }
    y + 22
}

/// What occurs; returns where it ends.
fn legend(out: &mut String, drawn: &[Slices], owners: &[&str], y: usize) -> usize {
    let mut entries: Vec<(String, String)> = Vec::new();
    for seen in SliceState::ALL.into_iter().filter(|seen| drawn.iter().any(|slices| slices.seen.contains(seen))) {
        let (height, look) = look(seen);
        let height = height / 2;
        entries.push((format!("<path d=\"{}\" {look}/>", block(0, 12 - height, 10, height)), seen.words().to_owned()));
    }
    for (at, owner) in owners.iter().take(OWNERS).enumerate() {
        let name = fitted(owner, NAME * 2, '…');
        let words = if owners.len() == 1 { format!("answered by {name}") } else { format!("{} {name}", letter(at)) };
        let fill = owner_colour(at);
        let block = block(0, 2, 10, 10);
        entries.push((format!("<path d=\"{block}\" fill=\"{fill}\" stroke=\"#555\" stroke-width=\".5\"/>"), words));
    }
    if owners.len() > OWNERS {
        entries.push((String::new(), format!("… {}", counted(owners.len() - OWNERS, "more owner"))));
    }
    let (mut x, mut y) = (LEFT, y + 4);
    for (swatch, words) in entries {
        let wide = 16 + (words.width() + 3) * LETTER;
        if x > LEFT && x + wide > WIDTH - RIGHT {
            (x, y) = (LEFT, y + LABELS);
        }
        let _ = writeln!(
            out,
            "<g transform=\"translate({x} {y})\">{swatch}{}</g>",
            text(15, 11, "start", "#000", &words).trim_end()
        );
        x += wide;
    }
    y + LABELS + 4
}

/// The picture in words.
fn described(timeline: &Timeline, span: &Span) -> String {
    let mut out = format!("{} from {}.", Unit::Seconds.human(span.end), fitted(&timeline.started, 40, '…'));
    for mark in timeline.marks.iter().filter(|mark| span.holds(mark.at_s)).take(32) {
        let _ = write!(out, " {} at {}.", fitted(&mark.what, 24, '…'), Unit::Seconds.human(mark.at_s));
    }
    for (name, series) in timeline.streams.0.iter().take(STREAMS) {
        let count =
            |counts: fn(&Run) -> u64| series.runs.iter().fold(0_u64, |sum, run| sum.saturating_add(counts(run)));
        let _ = write!(out, " {}: {}", fitted(name, 40, '…'), counted(count(|run| run.probes), "probe"));
        let failed = count(|run| if &*run.outcome == "not_sent" { 0 } else { run.failures() });
        let late = count(|run| if &*run.outcome == "late" { run.probes } else { 0 });
        let unsent = count(|run| if &*run.outcome == "not_sent" { run.probes } else { 0 });
        for (count, words) in [(failed, "failed"), (late, "late"), (unsent, "not sent")] {
            if count > 0 {
                let _ = write!(out, ", {count} {words}");
            }
        }
        if let Some(longest) = longest_failure(series) {
            let _ = write!(out, ", up to {} in a row", Unit::Seconds.human(longest));
        }
        out.push('.');
    }
    out
}

/// From the first to the last of the failed probes, where most time lies between; a lower bound.
fn longest_failure(series: &Series) -> Option<f64> {
    let fails = |run: &Run| !matches!(&*run.outcome, "answered" | "late" | "not_sent" | MIXED);
    let groups = series.runs.chunk_by(|one, other| fails(one) == fails(other));
    let failed = groups.filter(|group| group.first().is_some_and(fails));
    let lengths = failed.filter_map(|group| Some(group.last()?.until_s - group.first()?.at_s));
    lengths.filter(|length| length.is_finite() && *length > 0.0).reduce(f64::max)
}

fn text(x: usize, y: usize, anchor: &str, fill: &str, content: &str) -> String {
    format!(
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" fill=\"{fill}\">{}</text>\n",
        quick_xml::escape::escape(content)
    )
}

/// The text of an element: of hidden characters, which XML cannot have, the escapes.
fn escaped(text: &str, most: usize) -> String {
    quick_xml::escape::escape(fitted(text, most, '…').as_str()).into_owned()
}
