//! `rate: max`: the highest rate a server answers at.
//!
//! A window of queries per socket is kept in flight, so that answers set the pace and the server is never overrun by more
//! than the windows. The window doubles step by step, each step short, until two steps in a row bring no more answers per
//! second, or a step loses or gets wrong more than allowed. The best of them then runs for the whole duration, and is what is reported;
//! when it loses more than allowed over that time, half of it runs instead.

use std::time::Duration;

/// Share of queries that may stay without an answer, unless the suite has another.
pub(super) const LOSS: f64 = 0.001;
/// First window.
const FIRST: usize = 8;
/// Largest window: the ids of a socket must go round slower than answers come.
const LARGEST: usize = 16_384;
/// A step must bring so much more to be worth a doubled window.
const GAIN: f64 = 1.03;
/// Steps without that before the search ends.
const FLAT: usize = 2;
/// Shortest and longest step, and its share of the duration.
const STEP: (Duration, Duration, u32) = (Duration::from_millis(100), Duration::from_secs(1), 10);
/// Queries in flight at the end of a step are waited for so long.
const GRACE: Duration = Duration::from_secs(1);
/// Whole durations that are tried.
const TRIES: u32 = 3;

/// One step of the search.
#[derive(Clone, Copy, Debug)]
struct Step {
    window: usize,
    qps: f64,
    /// No more was lost or answered wrongly than allowed.
    sustained: bool,
}

/// The search, without the network.
#[derive(Debug, Default)]
struct Search {
    steps: Vec<Step>,
}

impl Search {
    /// The window to try next; `None` when the search has ended. `room` is the largest one this side can take in.
    fn next(&self, room: usize) -> Option<usize> {
        let Some(last) = self.steps.last() else { return Some(FIRST.min(room).max(1)) };
        if !last.sustained || last.window >= room.min(LARGEST) {
            return None;
        }
        let best = |steps: &[Step]| steps.iter().map(|step| step.qps).fold(0.0, f64::max);
        let tail = self.steps.len().saturating_sub(FLAT);
        let (before, recent) = self.steps.split_at(tail);
        let flat = !before.is_empty() && best(recent) < best(before) * GAIN;
        (!flat).then_some((last.window * 2).min(room.min(LARGEST)))
    }

    /// The window with the most answers among those that lost no more than allowed; the smallest one if there is none.
    fn best(&self) -> usize {
        let sustained = self.steps.iter().filter(|step| step.sustained);
        let best = sustained.max_by(|a, b| a.qps.total_cmp(&b.qps));
        best.or(self.steps.first()).map_or(FIRST, |step| step.window)
    }
}

/// Length of a step of the search.
fn step(duration: Duration) -> Duration {
    let (shortest, longest, share) = STEP;
    (duration / share).clamp(shortest, longest)
}

/// The longest a search and its measurement may take.
pub(super) fn longest(duration: Duration, patience: Duration) -> Duration {
    let steps = LARGEST.ilog2() - FIRST.ilog2() + 1;
    let pause = Duration::from_millis(100);
    (step(duration) + patience.min(GRACE) + pause) * steps + (duration + patience + pause) * TRIES
}

#[cfg(target_os = "linux")]
pub(super) use linux::search;

#[cfg(target_os = "linux")]
mod linux {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{FIRST, GRACE, LARGEST, Search, Step, TRIES, step};
    use crate::checks::dns::load::counts::QueryCounts;
    use crate::checks::dns::load::report::{self, LoadSpan};
    use crate::checks::dns::load::run::run;
    use crate::checks::dns::load::worker::{Job, Pacing};
    use crate::model::Fault;
    use crate::probe::Cx;

    /// Bytes of a receive buffer that one small datagram costs.
    const DATAGRAM: usize = 1280;

    /// Searches, measures, reports.
    pub(in crate::checks::dns::load) async fn search(cx: &mut Cx<'_>, job: Job, loss: f64) -> Result<(), Fault> {
        let span = LoadSpan { server: job.server, duration: job.duration, workers: job.workers, sockets: job.sockets };
        let (mut search, mut room) = (Search::default(), LARGEST);
        let mut job = Arc::new(job);
        let whole = (job.duration, job.timeout);
        while let Some(window) = search.next(room) {
            job = again(&job, window, (step(whole.0), whole.1.min(GRACE)));
            let counts = run(&job).await?;
            room = LARGEST.min(counts.buffer / DATAGRAM).max(FIRST);
            let sustained = sustained(&counts, loss);
            let qps = report::qps(&counts, job.duration);
            cx.note(format!(
                "{window} in flight per socket: {qps:.0} answers/s; of {} sent {} lost, {} wrong{}",
                counts.sent,
                counts.lost,
                counts.wrong_replies(),
                if counts.dropped > 0 { format!(", {} dropped here", counts.dropped) } else { String::new() }
            ));
            search.steps.push(Step { window, qps, sustained });
        }
        let mut window = search.best();
        for left in (0..TRIES).rev() {
            job = again(&job, window, whole);
            let counts = run(&job).await?;
            if left == 0 || window == 1 || sustained(&counts, loss) {
                return report::max_rate(cx, &span, window, &counts);
            }
            cx.note(format!(
                "{window} per socket: of {} in {:?} {} lost, {} wrong: half as many instead",
                counts.sent,
                whole.0,
                counts.lost,
                counts.wrong_replies()
            ));
            window = (window / 2).max(1);
        }
        Ok(())
    }

    /// No more than allowed was lost or answered wrongly (rate limiting cuts answers short), and nothing was dropped here.
    fn sustained(counts: &QueryCounts, loss: f64) -> bool {
        let bad = counts.lost + counts.wrong_replies();
        counts.dropped == 0 && counts.answered > 0 && bad as f64 <= counts.sent as f64 * loss
    }

    /// The same load with another window and other times.
    fn again(job: &Job, window: usize, (duration, timeout): (Duration, Duration)) -> Arc<Job> {
        let questions = Arc::clone(&job.questions);
        Arc::new(Job { pacing: Pacing::Window(window), duration, timeout, questions, ..*job })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LARGEST, Search, Step, longest};

    /// Runs the search against a server that answers at most `most`, `each` per query in flight, and loses from window
    /// `breaks` on.
    fn search(each: f64, most: f64, breaks: usize, room: usize) -> (Vec<usize>, usize) {
        let mut search = Search::default();
        while let Some(window) = search.next(room) {
            search.steps.push(Step { window, qps: (window as f64 * each).min(most), sustained: window < breaks });
        }
        (search.steps.iter().map(|step| step.window).collect(), search.best())
    }

    #[test]
    fn it_ends_where_more_brings_no_more() {
        let (steps, best) = search(1000.0, 60_000.0, usize::MAX, LARGEST);
        assert_eq!(steps, [8, 16, 32, 64, 128, 256]);
        assert!(best >= 64, "{best}");
    }

    #[test]
    fn it_ends_where_queries_are_lost() {
        assert_eq!(search(1000.0, 1e9, 100, LARGEST), (vec![8, 16, 32, 64, 128], 64));
    }

    #[test]
    fn it_goes_no_further_than_this_side_can_take_in() {
        assert_eq!(search(1000.0, 1e9, usize::MAX, 100), (vec![8, 16, 32, 64, 100], 100));
        assert_eq!(search(1000.0, 1e9, usize::MAX, LARGEST).1, LARGEST);
    }

    #[test]
    fn a_server_that_never_answers_well_is_measured_with_the_smallest() {
        assert_eq!(search(1000.0, 1e9, 0, LARGEST), (vec![8], 8));
    }

    #[test]
    fn its_time_is_bounded() {
        assert!(longest(Duration::from_secs(5), Duration::from_secs(5)) < Duration::from_mins(2));
    }
}
