//! From counters of both sides to facts.

use std::net::SocketAddr;
use std::time::Duration;

use super::facts::{
    CONGESTION, DROPPED, DUPLICATES, JITTER, LOSS, LOST, OUTCOME, PACKETS, PEER, REORDERED, RETRANSMITS, SENT,
    TRANSFERRED,
};
use super::measure;
use super::settings::Settings;
use crate::model::Fault;
use crate::probe::{Cx, EarlyEnd};
use crate::proto::iperf3::{Flow, Params, Results, StreamResult, Transport};

/// A path may deliver a datagram twice, and servers count the bytes of both; more than that did not come from here.
const COPIES: u64 = 2;

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
            "see whether a firewall passes the connection but not its data, or lengthen `duration`",
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
        datagrams(cx, count.as_ref());
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
        return Some(format!("the server's results list {theirs} streams, the test had {mine}"));
    }
    if params.reverse {
        return None;
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
        let (sent, _) = flow.datagrams();
        let claimed = stream.packets.filter(|claimed| *claimed > sent)?;
        Some(format!("the server says {claimed} datagrams of stream {} were sent, of {sent} that were", stream.id))
    })
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
    dropped: Option<u64>,
    jitter: Vec<Duration>,
}

impl Datagrams {
    fn add(&mut self, sent: u64, missing: Option<u64>, dropped: Option<u64>) {
        self.sent += sent;
        self.missing = self.missing.zip(missing).map(|(sum, more)| sum + more.min(sent));
        self.dropped = self.dropped.zip(dropped).map(|(sum, more)| sum + more);
    }

    const fn new(dropped: Option<u64>, jitter: Vec<Duration>) -> Self {
        Self { sent: 0, missing: Some(0), dropped, jitter }
    }
}

/// Download: this side's counts, completed by how many datagrams the server sent by its own account, since a path that dies before the
/// end leaves no gap in the numbers seen.
fn received(flows: &[Flow], results: &Results) -> Datagrams {
    let mut sum = Datagrams::new(Some(0), flows.iter().filter_map(|flow| flow.counts().jitter).collect());
    for (index, flow) in flows.iter().enumerate() {
        let (now, omitted) = (flow.counts(), flow.omitted_counts());
        let sent = results.streams.get(index).and_then(|stream| stream.packets).unwrap_or_default();
        let tail = sent.saturating_sub(now.highest);
        let lost = now.lost.saturating_sub(omitted.lost);
        sum.add(now.highest - omitted.highest + tail, Some(lost + tail), flow.queue_drops());
    }
    sum
}

/// Upload: the server's counts, completed by how many datagrams were really sent.
fn delivered(flows: &[Flow], results: &Results) -> Option<Datagrams> {
    let jitter = results.streams.iter().filter_map(|stream| stream.jitter).collect();
    let drops = results.streams.first().and_then(|stream| stream.queue_drops).map(|_| 0);
    let mut sum = Datagrams::new(drops, jitter);
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

fn datagrams(cx: &mut Cx<'_>, count: Option<&Datagrams>) {
    let Some(count) = count else {
        cx.note("the server's results lack its counts of datagrams");
        return;
    };
    cx.set(&PACKETS, whole(count.sent));
    if let Some(missing) = count.missing {
        let dropped = count.dropped.unwrap_or_default().min(missing);
        let lost = missing - dropped;
        cx.set(&LOST, whole(lost));
        if count.dropped.is_some() {
            cx.set(&DROPPED, whole(dropped));
        }
        if count.sent > 0 {
            cx.set(&LOSS, lost as f64 / count.sent as f64);
        }
    } else {
        cx.note(
            "loss is not known: datagrams were lost, and iperf3 before 3.14 does not say how many of them in the warm-up; \
             set `omit: 0s`, or use iperf3 3.14 or `shakedown serve`",
        );
    }
    if !count.jitter.is_empty() {
        let sum: f64 = count.jitter.iter().map(Duration::as_secs_f64).sum();
        cx.set(&JITTER, sum / count.jitter.len() as f64);
    }
}

/// Counts fit in what reports hold; beyond, the largest stands for "more".
fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
