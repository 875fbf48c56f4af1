//! What came of the datagrams of one direction.

use std::time::Duration;

use super::whole;
use crate::checks::throughput::one_way::OneWay;
use crate::checks::throughput::settings::Settings;
use crate::probe::Cx;
use crate::proto::iperf3::results::total;
use crate::proto::iperf3::{Flow, StreamResult};

/// Records what came of them: by this side's counts of a download, by the server's of an upload.
pub(super) fn record(cx: &mut Cx<'_>, settings: &Settings, way: OneWay, flows: &[Flow], streams: &[StreamResult]) {
    let count = if way.downloads { Some(received(flows, streams)) } else { delivered(flows, streams) };
    if let Some(burst) = burst(way, flows, streams) {
        cx.set(&way.facts.burst, whole(burst));
    }
    if !way.downloads {
        let told = [
            (&way.facts.reordered, total(streams, |stream| stream.reordered)),
            (&way.facts.duplicates, total(streams, |stream| stream.duplicates)),
        ];
        for (fact, count) in told {
            if let Some(count) = count {
                cx.set(fact, whole(count));
            }
        }
    }
    counts(cx, settings, way, count.as_ref());
}

/// Most datagrams of one message of the sender, as far as it says.
fn burst(way: OneWay, flows: &[Flow], streams: &[StreamResult]) -> Option<u64> {
    if way.downloads {
        return streams.iter().map(|stream| stream.burst).max()?;
    }
    flows.iter().map(Flow::burst).max()
}

/// Datagrams of all streams.
struct DatagramTotals {
    sent: u64,
    /// `None` when the server does not say which of them the warm-up lost.
    missing: Option<u64>,
    /// Of the missing, those the receiver's own sockets dropped; `None` when it cannot tell.
    dropped: Option<u64>,
    /// Of the streams on which datagrams came.
    jitter: Vec<Duration>,
    /// Whether the sender says how many it sent; else only those up to the last that came are known.
    whole: bool,
}

impl DatagramTotals {
    fn add(&mut self, sent: u64, missing: Option<u64>, dropped: Option<u64>) {
        self.sent += sent;
        self.missing = self.missing.zip(missing).map(|(sum, more)| sum + more.min(sent));
        self.dropped = self.dropped.zip(dropped).map(|(sum, more)| sum + more);
    }

    const fn new(jitter: Vec<Duration>) -> Self {
        Self { sent: 0, missing: Some(0), dropped: Some(0), jitter, whole: true }
    }
}

/// Download: this side's counts, completed by how many datagrams the server sent by its own account, since a path that dies before the
/// end leaves no gap in the numbers seen.
fn received(flows: &[Flow], streams: &[StreamResult]) -> DatagramTotals {
    let came = flows.iter().filter(|flow| flow.bytes() > 0);
    let mut sum = DatagramTotals::new(came.filter_map(|flow| flow.counts().jitter).collect());
    for (flow, stream) in flows.iter().zip(streams) {
        let (now, omitted) = (flow.counts(), flow.omitted_counts());
        let lost = now.lost.saturating_sub(omitted.lost);
        sum.add(now.highest - omitted.highest, Some(lost), flow.queue_drops());
        match stream.packets.map(|sent| sent.saturating_sub(now.highest)) {
            Some(tail) => sum.add(tail, Some(tail), Some(0)),
            None => sum.whole = false,
        }
    }
    sum
}

/// Upload: the server's counts, completed by how many datagrams were really sent.
fn delivered(flows: &[Flow], streams: &[StreamResult]) -> Option<DatagramTotals> {
    let jitter = streams.iter().filter_map(|stream| stream.jitter).collect();
    let mut sum = DatagramTotals::new(jitter);
    for (flow, stream) in flows.iter().zip(streams) {
        let (sent, omitted) = flow.datagrams();
        let StreamResult { packets: Some(packets), errors: Some(errors), .. } = stream else {
            return None;
        };
        // Before 3.14 the server does not say what of it was warm-up; this side's own count comes closest.
        let warm_up = stream.omitted_packets.unwrap_or(omitted);
        let tail = sent.saturating_sub((*packets).max(warm_up));
        let lost = match stream.omitted_errors {
            Some(before) => Some(errors.saturating_sub(before)),
            // Nothing lost in all is nothing lost in a part; of anything more, any share may be the warm-up's.
            None if omitted == 0 || *errors == 0 => Some(*errors),
            None => None,
        };
        sum.add(packets.saturating_sub(warm_up) + tail, lost.map(|lost| lost + tail), stream.queue_drops);
    }
    Some(sum)
}

fn counts(cx: &mut Cx<'_>, settings: &Settings, way: OneWay, count: Option<&DatagramTotals>) {
    let Some(count) = count else {
        let why = "the server's results lack its counts of datagrams";
        cx.note(why);
        cx.partial_all(&[way.facts.packets.info, way.facts.lost.info, way.facts.loss.info], why);
        return;
    };
    cx.set(&way.facts.packets, whole(count.sent));
    if !count.whole {
        cx.partial(&way.facts.packets, UNTOLD);
    }
    cx.set(&way.facts.loss_certain, count.dropped.is_some());
    match count.missing {
        Some(missing) => loss(cx, settings, way, count, missing),
        None => {
            cx.note(UNSHARED);
            cx.partial_all(&[way.facts.lost.info, way.facts.loss.info], UNSHARED);
        }
    }
    if settings.bursts_by_default {
        cx.partial_all(&[way.facts.jitter.info], BURSTS);
    } else if !count.jitter.is_empty() {
        let sum: f64 = count.jitter.iter().map(Duration::as_secs_f64).sum();
        cx.set(&way.facts.jitter, sum / count.jitter.len() as f64);
    }
}

/// What bursts that nobody asked for make of loss and jitter.
const BURSTS: &str = "at this rate datagrams leave in bursts, which a path that cannot buffer them loses and whose datagrams have no times of \
    their own; choose a `burst` to judge that too, `burst: 1` for one by one";

/// The sender keeps its count to itself.
const UNTOLD: &str = "the server does not say how many datagrams it sent";

/// What the kernel merged it also drops together, and counts as one.
const MERGED: &str = "the receiver was too slow for some messages of several datagrams, and the kernel does not say how many datagrams those had; with \
    `burst: 1` it counts each";

/// One number for the warm-up and for the measurement.
const UNSHARED: &str = "loss is not known: datagrams were lost, and iperf3 before 3.14 does not say how many of them in the \
    warm-up; set `omit: 0s`, or use iperf3 3.14 or `shakedown serve`";

/// What went missing, as far as it can be told from what the receiver's own sockets dropped.
fn loss(cx: &mut Cx<'_>, settings: &Settings, way: OneWay, count: &DatagramTotals, missing: u64) {
    let lost = missing - count.dropped.map_or(0, |dropped| dropped.min(missing));
    let open = count.dropped.is_none() && lost > 0;
    if open && !count.whole {
        let why = format!("loss is not known: {UNTOLD}, and what the receiver itself dropped is not known either");
        cx.note(why.clone());
        cx.partial_all(&[way.facts.lost.info, way.facts.loss.info], &why);
        return;
    }
    cx.set(&way.facts.lost, whole(lost));
    if let Some(dropped) = count.dropped {
        cx.set(&way.facts.dropped, whole(dropped.min(missing)));
    }
    if count.sent > 0 {
        cx.set(&way.facts.loss, lost as f64 / count.sent as f64);
    }
    if !count.whole {
        cx.partial(&way.facts.lost, UNTOLD);
        cx.partial(&way.facts.loss, UNTOLD);
    }
    let why = match (open, way.downloads) {
        (true, _) if settings.params.merge => MERGED,
        (true, true) => "this system does not tell what this side's own sockets dropped",
        (true, false) => {
            "iperf3 counts as lost what its own sockets dropped because it was too slow; `shakedown serve` tells the two apart"
        }
        (false, _) if settings.bursts_by_default && lost > 0 => BURSTS,
        (false, _) => return,
    };
    cx.at_most(&way.facts.lost, why);
    cx.at_most(&way.facts.loss, why);
}

#[cfg(test)]
mod tests {
    use super::{DatagramTotals, OneWay, loss};
    use crate::checks::throughput::facts::FACTS;
    use crate::checks::throughput::settings::Settings;
    use crate::model::Arg;
    use crate::testing::{args, recorded, text};

    /// Where neither the sender says how many it sent nor the receiver what it dropped itself, a gap in the numbers is neither
    /// a loss nor none; without a gap, none is known up to the last that came.
    #[test]
    fn a_gap_that_either_side_may_have_made_is_not_called_loss() {
        let common = [("server", text("192.0.2.1")), ("protocol", text("udp")), ("rate", Arg::Number(1e6))];
        let settings = Settings::from_args(&args(common, &[("direction", text("download"))])).unwrap();
        let of = |missing: u64, dropped: Option<u64>, whole: bool| {
            let count = DatagramTotals { sent: 100, missing: Some(missing), dropped, jitter: Vec::new(), whole };
            recorded(FACTS, |cx| loss(cx, &settings, OneWay::all(&settings.params)[0], &count, missing)).0
        };
        let open = of(3, None, false);
        for fact in ["lost", "loss"] {
            assert!(open.last(fact).is_none(), "{open:?}");
            let why = open.partial(fact).unwrap_or_default();
            assert!(
                why.contains("does not say how many datagrams it sent") && why.contains("dropped"),
                "{fact}: {why}"
            );
        }
        assert!(open.notes()[0].starts_with("loss is not known"), "{open:?}");
        let clean = of(0, None, false);
        assert_eq!((crate::testing::count(&clean, "lost"), clean.notes().len()), (0, 0));
        assert!(clean.partial("lost").is_some() && clean.partial("loss").is_some(), "{clean:?}");
        let known = of(3, Some(1), true);
        assert_eq!((crate::testing::count(&known, "lost"), crate::testing::count(&known, "dropped.receiver")), (2, 1));
        assert!(known.partial("lost").is_none() && known.partial("loss").is_none(), "{known:?}");
    }
}
