//! From counters of both sides to facts.

use std::net::SocketAddr;
use std::time::Duration;

use super::facts::{
    BURST, CONGESTION, DROPPED, DUPLICATES, JITTER, LOSS, LOSS_CERTAIN, LOST, OUTCOME, PACKETS, PEER, REORDERED,
    RETRANSMITS, SENT, TRANSFERRED,
};
use super::measure;
use super::settings::Settings;
use crate::model::Fault;
use crate::model::count::counted;
use crate::probe::{Cx, EarlyEnd};
use crate::proto::iperf3::{Flow, Params, Results, StreamResult, Transport};

/// A path may deliver a datagram twice, and servers count the bytes of both; more than that did not come from here.
const COPIES: u64 = 2;
/// With a warm-up the two sides begin to count at different moments: what may be on the way of each stream then.
const ON_THE_WAY: u64 = 16 * 1024 * 1024;

/// A test that ended early: what is known without the server's counts.
pub(super) fn partial(cx: &mut Cx<'_>, params: &Params, flows: &[Flow]) {
    local_facts(cx, params, flows);
    // Of datagrams sent it is not known whether they arrived.
    if params.reverse || params.transport == Transport::Tcp {
        let arrived = flows.iter().map(Flow::arrived).sum();
        if arrived > 0 {
            cx.set(&TRANSFERRED, whole(arrived));
        }
    }
}

/// A test that ran to its end.
pub(super) fn complete(
    cx: &mut Cx<'_>,
    peer: SocketAddr,
    settings: &Settings,
    flows: &[Flow],
    results: &Results,
    stalled: Option<String>,
) -> Result<(), EarlyEnd> {
    let params = &settings.params;
    if let Some(why) = contradiction(params, flows, results) {
        partial(cx, params, flows);
        return Err(EarlyEnd::outcome("protocol_error", why));
    }
    local_facts(cx, params, flows);
    let theirs = results.total(|stream| stream.bytes);
    let transferred = if params.reverse { Some(bytes(flows)) } else { theirs };
    let Some(transferred) = transferred else {
        return Err(EarlyEnd::outcome("protocol_error", "the server did not say how many bytes it received"));
    };
    if transferred == 0 {
        return Err(EarlyEnd::Fault(Fault::local(
            "measure throughput",
            peer.to_string(),
            "nothing was transferred",
            "look into the server's log for what it saw, try whether small blocks pass (`block: 1 KiB`), or lengthen `duration`",
        )));
    }
    cx.set(&PEER, results.software.clone().unwrap_or_else(|| "iperf3".to_owned()));
    cx.set(&TRANSFERRED, whole(transferred));
    if params.reverse {
        if let Some(sent) = theirs {
            cx.set(&SENT, whole(sent));
        }
        if let Some(name) = &results.congestion {
            cx.set(&CONGESTION, name.clone());
        }
        if let Some(again) = results.total(|stream| stream.retransmits).filter(|_| results.counts_retransmits) {
            cx.set(&RETRANSMITS, whole(again));
        }
    }
    if params.transport == Transport::Udp {
        let count = if params.reverse { Some(received(flows, results)) } else { delivered(flows, results) };
        if let Some(burst) = burst(params, flows, results) {
            cx.set(&BURST, whole(burst));
        }
        datagrams(cx, settings, count.as_ref());
    }
    // The control connection outlives a path that passes only small segments: counts are exchanged all the same.
    if let Some(why) = stalled.or_else(|| upload_stall(settings, flows, results).map(measure::stalled)) {
        return Err(EarlyEnd::outcome("stalled", why));
    }
    cx.set(&OUTCOME, "transferred");
    Ok(())
}

/// Why the server's results cannot be true; then nothing else in them is believed either.
fn contradiction(params: &Params, flows: &[Flow], results: &Results) -> Option<String> {
    let (mine, theirs) = (flows.len(), results.streams.len());
    if mine != theirs {
        return Some(format!("the server's results list {}, the test had {mine}", counted(theirs, "stream")));
    }
    if params.reverse {
        return not_sent(params, flows, results);
    }
    // The server's warm-up ends at its own time, so the bound is all that was ever sent.
    let sent: u64 = flows.iter().map(Flow::moved).sum();
    let bound = sent.saturating_mul(if params.transport == Transport::Udp { COPIES } else { 1 });
    if let Some(received) = results.total(|stream| stream.bytes).filter(|received| *received > bound) {
        return Some(format!("the server says it received {received} bytes, of {sent} that were sent"));
    }
    if params.transport == Transport::Tcp {
        return None;
    }
    flows.iter().zip(&results.streams).find_map(|(flow, stream)| {
        let ((sent, _), claimed, id) = (flow.datagrams(), stream.packets?, stream.id);
        if claimed > sent {
            return Some(format!(
                "the server says stream {id} got {}, of {sent} that were sent",
                counted(claimed, "datagram")
            ));
        }
        let most = claimed.saturating_mul(COPIES).saturating_mul(u64::from(params.block));
        let bytes = stream.bytes.filter(|bytes| *bytes > most)?;
        Some(format!("the server says it received {bytes} bytes of stream {id} in {}", counted(claimed, "datagram")))
    })
}

/// Why the server's account of a download cannot be true: more arrived than it says it sent.
fn not_sent(params: &Params, flows: &[Flow], results: &Results) -> Option<String> {
    if results.receives {
        return Some("the server counts itself as the receiver: it did not understand that it was to send".to_owned());
    }
    let received = bytes(flows);
    let streams = u64::from(params.streams);
    let (copies, unfinished) = match params.transport {
        Transport::Udp => (COPIES, 0),
        // iperf3 since 3.16 counts a block only when it has written all of it; it is known by results that 3.14 brought.
        Transport::Tcp if results.software.is_none() && results.total(|stream| stream.omitted_packets).is_some() => {
            (1, u64::from(params.block) * streams)
        }
        Transport::Tcp => (1, 0),
    };
    let on_the_way = if params.omit.is_zero() { 0 } else { ON_THE_WAY * streams };
    if let Some(sent) = results.total(|stream| stream.bytes)
        && received > sent.saturating_mul(copies) + unfinished + on_the_way
    {
        return Some(format!("the server says it sent {sent} bytes, of which {received} arrived"));
    }
    if params.transport == Transport::Tcp {
        return None;
    }
    flows.iter().zip(&results.streams).find_map(|(flow, stream)| {
        let highest = flow.counts().highest;
        let claimed = stream.packets.filter(|claimed| *claimed < highest)?;
        Some(format!(
            "the server says it sent {} of stream {}, of which number {highest} arrived",
            counted(claimed, "datagram"),
            stream.id
        ))
    })
}

/// Most datagrams of one message of the sender, as far as it says.
fn burst(params: &Params, flows: &[Flow], results: &Results) -> Option<u64> {
    if params.reverse {
        return results.streams.iter().map(|stream| stream.burst).max()?;
    }
    flows.iter().map(Flow::burst).max()
}

/// How long nothing of a UDP upload arrived at its end, if that is a stall: a sender of datagrams sees none, but the server
/// tells which one it got last.
fn upload_stall(settings: &Settings, flows: &[Flow], results: &Results) -> Option<Duration> {
    if settings.params.reverse || settings.params.transport == Transport::Tcp {
        return None;
    }
    let tail = |(flow, stream): (&Flow, &StreamResult)| {
        Some(settings.pace(flow.datagrams().0.saturating_sub(stream.packets?)))
    };
    // Like a total that grows, one stream that goes on is progress; an unknown one is taken for such.
    let shortest = flows.iter().zip(&results.streams).map(tail).min().flatten()?;
    (shortest >= settings.stall()).then_some(shortest)
}

/// The facts this side knows by itself.
fn local_facts(cx: &mut Cx<'_>, params: &Params, flows: &[Flow]) {
    if params.reverse {
        if params.transport == Transport::Udp {
            let sum = |count: fn(&Flow) -> u64| whole(flows.iter().map(count).sum());
            cx.set(&REORDERED, sum(|f| f.counts().reordered - f.omitted_counts().reordered));
            cx.set(&DUPLICATES, sum(|f| f.counts().duplicates - f.omitted_counts().duplicates));
        }
        return;
    }
    cx.set(&SENT, whole(bytes(flows)));
    if let Some(name) = flows.first().and_then(Flow::congestion) {
        cx.set(&CONGESTION, name);
    }
    if let Some(again) = flows.iter().map(Flow::retransmits).sum::<Option<u64>>().filter(|_| !flows.is_empty()) {
        cx.set(&RETRANSMITS, whole(again));
    }
}

fn bytes(flows: &[Flow]) -> u64 {
    flows.iter().map(Flow::bytes).sum()
}

/// Datagrams of all streams.
struct Datagrams {
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

impl Datagrams {
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
fn received(flows: &[Flow], results: &Results) -> Datagrams {
    let came = flows.iter().filter(|flow| flow.bytes() > 0);
    let mut sum = Datagrams::new(came.filter_map(|flow| flow.counts().jitter).collect());
    for (flow, stream) in flows.iter().zip(&results.streams) {
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
fn delivered(flows: &[Flow], results: &Results) -> Option<Datagrams> {
    let jitter = results.streams.iter().filter_map(|stream| stream.jitter).collect();
    let mut sum = Datagrams::new(jitter);
    for (flow, stream) in flows.iter().zip(&results.streams) {
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

fn datagrams(cx: &mut Cx<'_>, settings: &Settings, count: Option<&Datagrams>) {
    let Some(count) = count else {
        let why = "the server's results lack its counts of datagrams";
        cx.note(why);
        cx.partial_all(&[PACKETS.info, LOST.info, LOSS.info], why);
        return;
    };
    cx.set(&PACKETS, whole(count.sent));
    if !count.whole {
        cx.partial(&PACKETS, UNTOLD);
    }
    cx.set(&LOSS_CERTAIN, count.dropped.is_some());
    match count.missing {
        Some(missing) => loss(cx, settings, count, missing),
        None => {
            cx.note(UNSHARED);
            cx.partial_all(&[LOST.info, LOSS.info], UNSHARED);
        }
    }
    if settings.bursts_by_default {
        cx.partial_all(&[JITTER.info], BURSTS);
    } else if !count.jitter.is_empty() {
        let sum: f64 = count.jitter.iter().map(Duration::as_secs_f64).sum();
        cx.set(&JITTER, sum / count.jitter.len() as f64);
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
fn loss(cx: &mut Cx<'_>, settings: &Settings, count: &Datagrams, missing: u64) {
    let lost = missing - count.dropped.map_or(0, |dropped| dropped.min(missing));
    let open = count.dropped.is_none() && lost > 0;
    if open && !count.whole {
        let why = format!("loss is not known: {UNTOLD}, and what the receiver itself dropped is not known either");
        cx.note(why.clone());
        cx.partial_all(&[LOST.info, LOSS.info], &why);
        return;
    }
    cx.set(&LOST, whole(lost));
    if let Some(dropped) = count.dropped {
        cx.set(&DROPPED, whole(dropped.min(missing)));
    }
    if count.sent > 0 {
        cx.set(&LOSS, lost as f64 / count.sent as f64);
    }
    if !count.whole {
        cx.partial(&LOST, UNTOLD);
        cx.partial(&LOSS, UNTOLD);
    }
    let why = match (open, settings.params.reverse) {
        (true, _) if settings.params.merge => MERGED,
        (true, true) => "this system does not tell what this side's own sockets dropped",
        (true, false) => {
            "iperf3 counts as lost what its own sockets dropped because it was too slow; `shakedown serve` tells the two apart"
        }
        (false, _) if settings.bursts_by_default && lost > 0 => BURSTS,
        (false, _) => return,
    };
    cx.at_most(&LOST, why);
    cx.at_most(&LOSS, why);
}

/// Counts fit in what reports hold; beyond, the largest stands for "more".
fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Datagrams, loss};
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
            let count = Datagrams { sent: 100, missing: Some(missing), dropped, jitter: Vec::new(), whole };
            recorded(FACTS, |cx| loss(cx, &settings, &count, missing)).0
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
