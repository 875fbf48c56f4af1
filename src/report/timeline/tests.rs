use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::Event;
use unicode_width::UnicodeWidthStr as _;

use super::slices::{SliceState, Slices, Span};
use super::{fitted, strip, svg};
use crate::model::named::Named;
use crate::model::timeline::{Mark, RUNS, Rtt, Run, Series, Timeline};
use crate::report::style::Style;

/// A stream of one probe each 10 ms, of stretches with an outcome and who answered.
fn series(stretches: &[(u64, &'static str, Option<&str>)]) -> Series {
    let mut series = Series::new(0.01);
    let mut number = 0_u32;
    for (probes, outcome, owner) in stretches {
        for _ in 0..*probes {
            let rtt = matches!(*outcome, "answered" | "late").then_some(0.001 + f64::from(number % 7) * 0.0001);
            let owner = owner.filter(|_| rtt.is_some()).map(Arc::from);
            series.push(Run::of(f64::from(number) * 0.01, outcome, rtt, owner));
            number += 1;
        }
    }
    series
}

fn timeline(marks: &[(&'static str, f64)], streams: Vec<(&'static str, Series)>) -> Timeline {
    let ends = streams.iter().filter_map(|(_, series)| series.runs.last()).map(|run| run.until_s);
    Timeline {
        started: "2026-01-02T03:04:05Z".to_owned(),
        end_s: ends.fold(0.0, f64::max),
        marks: marks.iter().map(|(what, at_s)| Mark { at_s: *at_s, what: Cow::Borrowed(*what) }).collect(),
        streams: streams.into_iter().map(|(name, series)| (Cow::Borrowed(name), series)).collect::<Named<Series>>(),
    }
}

const MARKS: [(&str, f64); 4] = [("inject", 2.0), ("injected", 2.03), ("restore", 5.0), ("steady", 5.9)];

/// One of two backends is gone from 2 s to 5 s: every other probe fails.
fn share() -> Series {
    let alternating = std::iter::repeat_n([(1, "answered", None), (1, "refused", None)], 150).flatten();
    let stretches: Vec<_> =
        [(200, "answered", None)].into_iter().chain(alternating).chain([(100, "answered", None)]).collect();
    series(&stretches)
}

fn two_with_owners() -> Timeline {
    let (a, b) = (Some("web-a"), Some("web-b"));
    let icmp = series(&[(200, "answered", None), (40, "lost", None), (15, "late", None), (345, "answered", None)]);
    let http = series(&[
        (200, "answered", a),
        (55, "reset", None),
        (245, "answered", b),
        (10, "not_sent", None),
        (90, "answered", a),
    ]);
    timeline(&MARKS, vec![("icmp", icmp), ("http-keep-alive-of-the-vip", http)])
}

fn coarsened() -> Timeline {
    let mut series = Series::new(0.01);
    for number in 0..60_000_u32 {
        let outcome = if (20_000..40_000).contains(&number) && number % 3 == 0 { "lost" } else { "answered" };
        series.push(Run::of(f64::from(number) * 0.01, outcome, None, None));
    }
    assert!(series.grain_s.is_some() && series.runs.len() <= RUNS);
    timeline(&[("observe", 10.0), ("steady", 590.0)], vec![("probe", series)])
}

fn cases() -> Vec<(&'static str, Timeline)> {
    let recovers = [(200, "answered", None), (40, "lost", None), (360, "answered", None)];
    let stays = [(200, "answered", None), (303, "lost", None), (97, "answered", None)];
    vec![
        ("clean failover", timeline(&MARKS, vec![("probe", series(&recovers))])),
        ("never recovered before restore", timeline(&MARKS, vec![("probe", series(&stays))])),
        ("a share of one backend", timeline(&MARKS, vec![("probe", share())])),
        ("two streams with owners", two_with_owners()),
        (
            "watched, without disruption",
            timeline(
                &[("observe", 1.0), ("steady", 5.0)],
                vec![("probe", series(&[(600, "answered", Some("web-a"))]))],
            ),
        ),
        ("no streams", timeline(&MARKS, Vec::new())),
        ("no probes", timeline(&MARKS, vec![("probe", series(&[]))])),
        ("one probe", timeline(&[("inject", 0.0)], vec![("probe", series(&[(1, "answered", None)]))])),
        ("put together", coarsened()),
    ]
}

#[test]
fn strips_of_what_happens() {
    let mut out = String::new();
    for (name, timeline) in cases() {
        for ascii in [false, true] {
            let _ = writeln!(out, "== {name}{}", if ascii { ", ASCII" } else { "" });
            for line in strip::lines(&timeline, 72, Style { ascii, ..Style::default() }) {
                let _ = writeln!(out, "{line}");
            }
        }
    }
    insta::assert_snapshot!("strips", out);
}

#[test]
fn what_was_seen_to_fail_is_never_covered() {
    let seen = |stretches: &[(u64, &'static str, Option<&str>)]| {
        let timeline = timeline(&[], vec![("probe", series(stretches))]);
        Slices::of(&timeline.streams.0[0].1, &Span::of(&timeline, 1), &[]).seen[0]
    };
    let (answered, late, lost, not_sent) =
        ((5, "answered", None), (1, "late", None), (1, "lost", None), (1, "not_sent", None));
    assert_eq!(seen(&[answered]), SliceState::Answered);
    assert_eq!(seen(&[answered, late, answered]), SliceState::Late);
    assert_eq!(seen(&[answered, not_sent, late]), SliceState::NotSent);
    assert_eq!(seen(&[answered, lost, answered]), SliceState::SomeFailed);
    assert_eq!(seen(&[not_sent, lost, answered]), SliceState::SomeFailed);
    assert_eq!(seen(&[lost, (3, "refused", None), not_sent]), SliceState::Failed);
    assert_eq!(seen(&[(4, "a-word-of-later", None)]), SliceState::Failed, "as the report counts it");
}

#[test]
fn time_in_which_nothing_was_sent_is_no_answer() {
    let mut series = series(&[(100, "answered", None)]);
    series.push(Run::of(3.0, "lost", None, None));
    let timeline = timeline(&[], vec![("probe", series)]);
    let slices = Slices::of(&timeline.streams.0[0].1, &Span::of(&timeline, 30), &[]);
    assert!(slices.seen[..9].iter().all(|seen| *seen == SliceState::Answered), "{:?}", slices.seen);
    assert!(slices.seen[11..29].iter().all(|seen| *seen == SliceState::NotSent), "{:?}", slices.seen);
    assert_eq!(slices.seen[29], SliceState::Failed);
}

#[test]
fn colours_say_nothing_by_themselves() {
    let style = Style { color: true, ..Style::default() };
    for (name, timeline) in cases() {
        let painted = strip::lines(&timeline, 72, style);
        let bare: Vec<String> = painted.iter().map(|line| without_colours(line)).collect();
        assert_eq!(bare, strip::lines(&timeline, 72, Style::default()), "{name}");
    }
    let outage = strip::lines(&two_with_owners(), 72, style).concat();
    assert!(outage.contains("\u{1b}[31;1m█"), "{outage:?}");
}

#[test]
fn pictures_show_the_same() {
    let (_, failover) = cases().swap_remove(0);
    insta::assert_snapshot!("failover.svg", svg::draw("vip: failover 192.0.2.80:443, passed", &failover));
    let owned = svg::draw("vip", &two_with_owners());
    for part in ["A web-a", "B web-b", "http-keep-alive…", ">restore<", "RTT, to 1.6 ms", ">not sent<", ">late<"] {
        assert!(owned.contains(part), "{part}: {owned}");
    }
    assert!(owned.contains("icmp: 600 probes, 40 failed, 15 late, up to 390 ms in a row."), "{owned}");
}

#[test]
fn hostile_names_are_text() {
    let long = "x".repeat(10_000);
    let joined = format!("e{}", "\u{301}".repeat(10_000));
    let hostile = [
        "<script>alert(1)</script>",
        "a\u{0}\u{1b}[31m\u{7}\u{202e}b",
        "]]>&amp;\"'",
        "\u{fffe}\u{ffff}",
        long.as_str(),
        joined.as_str(),
    ];
    for name in hostile {
        let mut timeline = two_with_owners();
        timeline.started = name.to_owned();
        timeline.streams.0.iter_mut().for_each(|(known, _)| *known = Cow::Owned(name.to_owned()));
        timeline.marks.iter_mut().for_each(|mark| mark.what = Cow::Owned(name.to_owned()));
        for run in timeline.streams.0.iter_mut().flat_map(|(_, series)| &mut series.runs) {
            run.owner = Some(Arc::from(name));
            run.outcome = Cow::Owned(name.to_owned());
        }
        let picture = svg::draw(name, &timeline);
        let names = well_formed(&picture);
        let known = ["svg", "title", "desc", "rect", "path", "text", "g"];
        assert!(names.iter().all(|name| known.contains(&name.as_str())), "{names:?}");
        assert!(picture.len() < 40_000, "{}", picture.len());
        for line in strip::lines(&timeline, 72, Style::default()) {
            assert!(line.width() <= 72 && line.len() < 2000 && !line.contains('\u{1b}'), "{line:?}");
        }
    }
}

#[test]
fn what_does_not_fit_ends_with_a_sign() {
    assert_eq!(fitted("probe", 5, '…'), "probe");
    assert_eq!(fitted("probes", 5, '…'), "prob…");
    assert_eq!(fitted("日本語", 5, '…'), "日本…");
    assert_eq!(fitted("日本語", 4, '…'), "日…");
    assert_eq!(fitted("ab", 0, '…'), "");
    assert_eq!(fitted("1\u{fe0f}2\u{fe0f}", 3, '…'), "1\u{fe0f}…", "signs that are two columns wide");
}

/// A picture of the most that is drawn stays within a megabyte or so.
#[test]
fn pictures_are_bounded() {
    let mut series = Series { interval_s: 0.01, ..Series::default() };
    for number in 0..100_000_u32 {
        let at = f64::from(number) * 0.01;
        let outcome = if number % 2 == 0 { "answered" } else { "lost" };
        let owner = Some(Arc::from(format!("owner {}", number % 500)));
        series.runs.push(Run::of(at, outcome, Some(f64::from(number % 97)), owner));
    }
    let name = "n".repeat(1000);
    let streams = (0..100).map(|number| (Cow::Owned(format!("{name}{number}")), series.clone()));
    let marks = (0..10_000).map(|number| Mark { at_s: f64::from(number) * 0.1, what: Cow::Owned(name.clone()) });
    let timeline =
        Timeline { started: name.clone(), end_s: 1000.0, marks: marks.collect(), streams: streams.collect() };
    let picture = svg::draw(&name, &timeline);
    assert!(picture.len() < 1_200_000, "{}", picture.len());
    well_formed(&picture);
    let lines = strip::lines(&timeline, 1_000_000, Style::default());
    assert!(lines.len() < 60 && lines.concat().len() < 40_000, "{}", lines.len());
}

proptest! {
    #[test]
    fn any_timeline_is_drawn_within_its_width(
        timeline in timelines(), width in 0_usize..260, ascii: bool, color: bool
    ) {
        let lines = strip::lines(&timeline, width, Style { color, ascii, ..Style::default() });
        for line in &lines {
            prop_assert!(without_colours(line).width() <= width, "{width}: {line:?}");
        }
        prop_assert_eq!(lines.is_empty(), timeline.streams.is_empty() || width == 0);
        well_formed(&svg::draw("t", &timeline));
    }
}

/// Numbers of any kind, those of a run among them.
fn numbers() -> BoxedStrategy<f64> {
    let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, f64::MIN_POSITIVE, f64::MAX, f64::MIN, -1.0];
    prop_oneof![4 => 0.0..10.0, 1 => proptest::sample::select(special.to_vec()), 1 => any::<f64>()].boxed()
}

fn words() -> BoxedStrategy<Cow<'static, str>> {
    let known = ["answered", "late", "lost", "not_sent", "mixed", "inject", "restored", "of-a-later-version", ""];
    let known = proptest::sample::select(known.to_vec()).prop_map(Cow::Borrowed);
    prop_oneof![4 => known, 1 => any::<String>().prop_map(Cow::Owned)].boxed()
}

fn runs() -> impl Strategy<Value = Run> {
    let rtt = proptest::option::of((any::<u64>(), numbers(), numbers(), numbers()));
    let owner = proptest::option::of(words());
    (numbers(), numbers(), any::<u64>(), words(), any::<u64>(), rtt, owner).prop_map(
        |(at_s, until_s, probes, outcome, failed, rtt, owner)| Run {
            at_s,
            until_s,
            probes,
            outcome,
            failed,
            rtt: rtt.map(|(count, min_s, mean_s, max_s)| Rtt { count, min_s, mean_s, max_s }),
            owner: owner.map(|owner| Arc::from(&*owner)),
        },
    )
}

fn timelines() -> impl Strategy<Value = Timeline> {
    let mark = (numbers(), words()).prop_map(|(at_s, what)| Mark { at_s, what });
    let series = (numbers(), proptest::collection::vec(runs(), 0..12), proptest::option::of(numbers()))
        .prop_map(|(interval_s, runs, grain_s)| Series { interval_s, runs, grain_s });
    let streams = proptest::collection::vec((words(), series), 0..4);
    (numbers(), proptest::collection::vec(mark, 0..8), streams).prop_map(|(end_s, marks, streams)| Timeline {
        started: String::new(),
        end_s,
        marks,
        streams: streams.into_iter().collect(),
    })
}

fn without_colours(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + part.split_once('m').map_or(part, |(_, rest)| rest))
}

/// The names of all elements of a document, every text, attribute and character of which is as XML has it.
fn well_formed(document: &str) -> Vec<String> {
    let allowed = |c: char| c == '\n' || (c >= ' ' && !matches!(c, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}'));
    assert!(document.chars().all(allowed), "{document}");
    let mut reader = Reader::from_str(document);
    let (mut names, mut depth) = (Vec::new(), 0);
    loop {
        let event = reader.read_event().unwrap();
        match &event {
            Event::Start(element) | Event::Empty(element) => {
                for attribute in element.attributes() {
                    let value = attribute.unwrap().value;
                    assert!(!value.contains('<') && !value.contains("NaN") && !value.contains("inf"), "{document}");
                }
                names.push(element.name().into_inner().to_owned());
                depth += i32::from(matches!(event, Event::Start(_)));
            }
            Event::End(_) => depth -= 1,
            Event::Text(text) => assert!(depth > 0 || text.trim().is_empty(), "{document}"),
            Event::GeneralRef(name) => assert!(["amp", "lt", "gt", "quot", "apos"].contains(&&**name), "{name:?}"),
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0);
    names
}
