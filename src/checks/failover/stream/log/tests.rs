//! What is kept of a stream, and what is certain of it when.

use super::{EDGE, Gap, KEPT, ProbeAnswer, ProbeFailure, ProbeOutcome, ProbeResult, StreamLog};

const MS: u64 = 1_000_000;
const TIMEOUT: u64 = 100 * MS;

/// A stream with a probe every millisecond.
struct Probes {
    log: StreamLog,
    given_up: Vec<u64>,
}

impl Probes {
    fn new() -> Self {
        Self { log: StreamLog::new(0.001), given_up: Vec::new() }
    }

    fn send(&mut self, number: u64) {
        self.log.sent(number, number * MS, number * MS + 1000);
    }

    /// An answer `after` milliseconds.
    fn answer(&mut self, number: u64, after: u64, owner: Option<&str>) {
        self.end(number, after, ProbeOutcome::Answered, owner);
    }

    fn end(&mut self, number: u64, after: u64, outcome: ProbeOutcome, owner: Option<&str>) {
        let received = (number + after) * MS + 1000;
        self.log.take(ProbeAnswer { number, sent: None, received, outcome, owner: owner.map(Into::into) });
    }

    fn settle(&mut self, now: u64) {
        self.log.settle(now * MS, (now * MS).saturating_sub(60_000 * MS), (TIMEOUT, 1 << 16), &mut self.given_up);
    }

    fn finished(mut self) -> StreamLog {
        self.log.finish(TIMEOUT, f64::INFINITY);
        self.log
    }
}

fn total(log: &StreamLog) -> u64 {
    log.probes.iter().map(ProbeResult::count).sum()
}

#[test]
fn a_late_answer_is_late_and_a_second_one_a_duplicate() {
    let mut probes = Probes::new();
    for number in 0..5 {
        probes.send(number);
    }
    probes.answer(0, 1, None);
    probes.answer(2, 1, None);
    probes.answer(1, 150, None);
    probes.answer(1, 151, None);
    probes.end(3, 5, ProbeOutcome::Failed(ProbeFailure::Unreachable), None);
    let log = probes.finished();
    let words: Vec<&str> = log.probes.iter().map(ProbeResult::word).collect();
    assert_eq!(words, ["answered", "late", "answered", "unreachable", "lost"]);
    assert_eq!((log.duplicates, log.reordered), (1, 2), "both answers to 1 came after that to 2");
    assert!((log.probes[4].ended - log.probes[4].sent - 0.1).abs() < 1e-9, "lost once its timeout was over");
}

/// More than an interval is told; what is less is the rule.
#[test]
fn probes_that_leave_more_than_an_interval_late_are_counted() {
    let mut probes = Probes::new();
    for (number, late) in [(0, 0), (1, MS), (2, MS + 1), (3, 40 * MS)] {
        probes.log.sent(number, number * MS, number * MS + late);
        probes.answer(number, 50, None);
    }
    assert_eq!(probes.finished().behind, 2);
}

/// A router may say that there is no way while another still carries the answer.
#[test]
fn an_answer_weighs_more_than_an_error_before_it() {
    let mut probes = Probes::new();
    probes.send(0);
    probes.end(0, 1, ProbeOutcome::Failed(ProbeFailure::Unreachable), None);
    probes.answer(0, 3, None);
    probes.end(0, 4, ProbeOutcome::Failed(ProbeFailure::Reset), None);
    assert_eq!(probes.finished().probes[0].outcome, ProbeOutcome::Answered);
}

#[test]
fn a_probe_is_certain_a_minute_after_it_was_sent() {
    let mut probes = Probes::new();
    for number in 0..3 {
        probes.send(number);
    }
    probes.answer(0, 1, None);
    probes.settle(999);
    assert_eq!(total(&probes.log), 0, "a duplicate may come");
    probes.settle(59_999);
    assert_eq!((total(&probes.log), probes.given_up.len()), (1, 0));
    probes.answer(1, 59_990, None);
    probes.settle(60_010);
    assert_eq!((total(&probes.log), probes.given_up.as_slice()), (3, [2].as_slice()));
    assert_eq!(probes.log.probes[1].word(), "late");
    // Beyond what the prober keeps, the oldest go.
    let mut crowd = Probes::new();
    for number in 0..10 {
        crowd.send(number);
    }
    crowd.log.settle(20 * MS, 0, (TIMEOUT, 4), &mut crowd.given_up);
    assert_eq!(crowd.given_up, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn what_was_skipped_is_no_loss() {
    let mut probes = Probes::new();
    for number in [0, 1, 5] {
        probes.send(number);
    }
    for number in [0, 1, 5] {
        probes.answer(number, 1, None);
    }
    let log = probes.finished();
    assert_eq!((total(&log), log.probes[2].due), (3, 0.005));
}

/// However long it watches, what is kept grows with what happens.
#[test]
fn of_many_alike_only_both_ends_are_kept_and_all_are_counted() {
    let mut probes = Probes::new();
    let outage = 400_000..430_000;
    for number in 0..1_000_000 {
        probes.send(number);
        if !outage.contains(&number) {
            probes.answer(number, 1, None);
        }
        if number % 1000 == 0 {
            probes.settle(number);
        }
    }
    let log = probes.finished();
    assert!(log.probes.len() <= 6 * EDGE && !log.full, "{}", log.probes.len());
    assert_eq!(total(&log), 1_000_000);
    let lost = log.probes.iter().filter(|probe| probe.is_failed());
    assert_eq!(lost.clone().map(ProbeResult::count).sum::<u64>(), 30_000);
    let (first, last) = (lost.clone().next().unwrap(), lost.clone().next_back().unwrap());
    assert_eq!((first.due, last.due), (400.0, 429.999));
    let quiet = log.probes.iter().find(|probe| probe.dropped.count > 0).unwrap();
    assert!((quiet.dropped.stretch - 0.002).abs() < 1e-9, "the next answer came two milliseconds later");
    assert!((quiet.dropped.last_sent - (399.999_001 - 0.032)).abs() < 1e-6, "{:?}", quiet.dropped);
    let [Gap { from, until, .. }] = *log.gaps else { panic!("{:?}", log.gaps) };
    assert!((until - from - 30.001).abs() < 1e-6);
}

#[test]
fn a_phase_is_a_border() {
    let mut probes = Probes::new();
    probes.log.cut(0.5);
    for number in 0..1000 {
        probes.send(number);
        probes.answer(number, 1, None);
    }
    let log = probes.finished();
    let before: u64 = log.probes.iter().filter(|probe| probe.due < 0.5).map(ProbeResult::count).sum();
    assert_eq!(before, 500);
}

#[test]
fn a_slow_answer_among_prompt_ones_is_kept() {
    let mut probes = Probes::new();
    for number in 0..1000 {
        probes.send(number);
    }
    for number in 0..1000 {
        probes.answer(number, if number == 500 { 40 } else { 1 }, None);
    }
    let log = probes.finished();
    assert!(log.probes.iter().any(|probe| (probe.latency() - 0.04).abs() < 1e-9), "it says how long nothing is proved");
}

/// This side stood still for 20 ms; what was due meanwhile leaves late, and the answer to the one before is read late as well.
#[test]
fn a_time_without_an_arrival_knows_how_late_this_side_was() {
    let mut probes = Probes::new();
    for number in 0..10 {
        probes.send(number);
    }
    for number in 0..9 {
        probes.answer(number, 1, None);
    }
    for number in 10..30 {
        probes.log.sent(number, number * MS, 30 * MS);
    }
    probes.answer(9, 1, None);
    for number in 10..30 {
        probes.answer(number, 31 - number, None);
    }
    let log = probes.finished();
    let [gap] = *log.gaps else { panic!("{:?}", log.gaps) };
    assert!((gap.length() - 0.021).abs() < 1e-6 && (gap.lateness - 0.020).abs() < 1e-6, "{gap:?}");
}

#[test]
fn owners_are_told_apart_and_their_number_is_bounded() {
    let mut probes = Probes::new();
    for number in 0..300 {
        probes.send(number);
        let owner = match number {
            0..100 => "a".to_owned(),
            100..200 => "b".to_owned(),
            _ => format!("other {number}"),
        };
        probes.answer(number, 1, Some(&owner));
    }
    let log = probes.finished();
    let name = |index: usize| log.owner(log.changes[index].owner).map(|owner| &**owner);
    assert_eq!((name(0), name(1), log.changes[1].at), (Some("a"), Some("b"), 0.100_001));
    assert_eq!(name(log.changes.len() - 1), Some("others"));
    assert_eq!(log.series.runs[0].owner.as_deref(), Some("a"));
    assert_eq!((log.series.runs[0].probes, log.series.runs[1].probes), (100, 100));
}

#[test]
fn a_stream_that_never_rests_is_given_up_and_not_kept_in_part_unseen() {
    let mut probes = Probes::new();
    for number in 0..KEPT as u64 + 10 {
        probes.send(number);
        if number % 2 == 0 {
            probes.answer(number, 1, None);
        }
        if number % 1000 == 0 {
            probes.settle(number + 60_000);
        }
    }
    assert!(probes.finished().full);
}
