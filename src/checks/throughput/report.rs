//! From counters of both sides to facts.

mod datagrams;

use std::net::SocketAddr;
use std::time::Duration;

use super::facts::{OUTCOME, PEER};
use super::measure;
use super::one_way::OneWay;
use super::settings::Settings;
use crate::model::Fault;
use crate::model::count::counted;
use crate::probe::{Cx, EarlyEnd};
use crate::proto::iperf3::results::total;
use crate::proto::iperf3::{Flow, Params, Results, StreamResult, Transport};

/// A path may deliver a datagram twice, and servers count the bytes of both; more than that did not come from here.
const COPIES: u64 = 2;
/// With a warm-up the two sides begin to count at different moments: what may be on the way of each stream then.
const ON_THE_WAY: u64 = 16 * 1024 * 1024;

/// A test that ended early: what is known without the server's counts.
pub(super) fn partial(cx: &mut Cx<'_>, params: &Params, flows: &[Flow]) {
    for way in OneWay::all(params) {
        let flows = way.flows(flows);
        local_facts(cx, params, way, flows);
        // Of datagrams sent it is not known whether they arrived.
        if way.downloads || params.transport == Transport::Tcp {
            let arrived = flows.iter().map(Flow::arrived).sum();
            if arrived > 0 {
                cx.set(&way.facts.transferred, whole(arrived));
            }
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
    let ways = OneWay::all(params);
    if let Some(why) = contradiction(params, &ways, flows, results) {
        partial(cx, params, flows);
        return Err(EarlyEnd::outcome("protocol_error", why));
    }
    cx.set(&PEER, results.software.clone().unwrap_or_else(|| "iperf3".to_owned()));
    let mut stalled = stalled;
    for way in ways {
        one_way(cx, (peer, settings), way, flows, results)?;
        // The control connection outlives a path that passes only small segments: counts are exchanged all the same.
        let empty = || upload_stall(settings, way, flows, results).map(|still| way.evidence(&measure::stalled(still)));
        stalled = stalled.or_else(empty);
    }
    if let Some(why) = stalled {
        return Err(EarlyEnd::outcome("stalled", why));
    }
    cx.set(&OUTCOME, "transferred");
    Ok(())
}

/// The facts of one direction.
fn one_way(
    cx: &mut Cx<'_>,
    (peer, settings): (SocketAddr, &Settings),
    way: OneWay,
    flows: &[Flow],
    results: &Results,
) -> Result<(), EarlyEnd> {
    let (params, flows, streams) = (&settings.params, way.flows(flows), way.streams(results));
    local_facts(cx, params, way, flows);
    let theirs = total(streams, |stream| stream.bytes);
    let transferred = if way.downloads { Some(bytes(flows)) } else { theirs };
    let Some(transferred) = transferred else {
        let why = "the server did not say how many bytes it received";
        return Err(EarlyEnd::outcome("protocol_error", way.evidence(why)));
    };
    if transferred == 0 {
        return Err(EarlyEnd::Fault(Fault::local(
            "measure throughput",
            peer.to_string(),
            way.evidence("nothing was transferred"),
            "look into the server's log for what it saw, try whether small blocks pass (`block: 1 KiB`), or lengthen `duration`",
        )));
    }
    cx.set(&way.facts.transferred, whole(transferred));
    if way.downloads {
        if let Some(sent) = theirs {
            cx.set(&way.facts.sent, whole(sent));
        }
        if let Some(name) = &results.congestion {
            cx.set(&way.facts.congestion, name.clone());
        }
        if let Some(again) = total(streams, |stream| stream.retransmits).filter(|_| results.counts_retransmits) {
            cx.set(&way.facts.retransmits, whole(again));
        }
    }
    if params.transport == Transport::Udp {
        datagrams::record(cx, settings, way, flows, streams);
    }
    Ok(())
}

/// Why the server's results cannot be true; then nothing else in them is believed either.
fn contradiction(params: &Params, ways: &[OneWay], flows: &[Flow], results: &Results) -> Option<String> {
    let (mine, theirs) = (flows.len(), results.streams.len());
    if mine != theirs {
        return Some(format!("the server's results list {}, the test had {mine}", counted(theirs, "stream")));
    }
    ways.iter().find_map(|way| {
        let (flows, streams) = (way.flows(flows), way.streams(results));
        if way.downloads { not_sent(params, flows, streams, results) } else { not_received(params, flows, streams) }
    })
}

/// Why the server's account of an upload cannot be true: it received more than was sent.
fn not_received(params: &Params, flows: &[Flow], streams: &[StreamResult]) -> Option<String> {
    // The server's warm-up ends at its own time, so the bound is all that was ever sent.
    let sent: u64 = flows.iter().map(Flow::moved).sum();
    let bound = sent.saturating_mul(if params.transport == Transport::Udp { COPIES } else { 1 });
    if let Some(received) = total(streams, |stream| stream.bytes).filter(|received| *received > bound) {
        return Some(format!("the server says it received {received} bytes, of {sent} that were sent"));
    }
    if params.transport == Transport::Tcp {
        return None;
    }
    flows.iter().zip(streams).find_map(|(flow, stream)| {
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
fn not_sent(params: &Params, flows: &[Flow], streams: &[StreamResult], results: &Results) -> Option<String> {
    if results.receives {
        return Some("the server counts itself as the receiver: it did not understand that it was to send".to_owned());
    }
    let received = bytes(flows);
    let count = u64::from(params.streams);
    let (copies, unfinished) = match params.transport {
        Transport::Udp => (COPIES, 0),
        // iperf3 since 3.16 counts a block only when it has written all of it; it is known by results that 3.14 brought.
        Transport::Tcp if results.software.is_none() && total(streams, |stream| stream.omitted_packets).is_some() => {
            (1, u64::from(params.block) * count)
        }
        Transport::Tcp => (1, 0),
    };
    let on_the_way = if params.omit.is_zero() { 0 } else { ON_THE_WAY * count };
    if let Some(sent) = total(streams, |stream| stream.bytes)
        && received > sent.saturating_mul(copies) + unfinished + on_the_way
    {
        return Some(format!("the server says it sent {sent} bytes, of which {received} arrived"));
    }
    if params.transport == Transport::Tcp {
        return None;
    }
    flows.iter().zip(streams).find_map(|(flow, stream)| {
        let highest = flow.counts().highest;
        let claimed = stream.packets.filter(|claimed| *claimed < highest)?;
        Some(format!(
            "the server says it sent {} of stream {}, of which number {highest} arrived",
            counted(claimed, "datagram"),
            stream.id
        ))
    })
}

/// How long nothing of a UDP upload arrived at its end, if that is a stall: a sender of datagrams sees none, but the server
/// tells which one it got last.
fn upload_stall(settings: &Settings, way: OneWay, flows: &[Flow], results: &Results) -> Option<Duration> {
    if way.downloads || settings.params.transport == Transport::Tcp {
        return None;
    }
    let tail = |(flow, stream): (&Flow, &StreamResult)| {
        Some(settings.pace(flow.datagrams().0.saturating_sub(stream.packets?)))
    };
    // Like a total that grows, one stream that goes on is progress; an unknown one is taken for such.
    let shortest = way.flows(flows).iter().zip(way.streams(results)).map(tail).min().flatten()?;
    (shortest >= settings.stall()).then_some(shortest)
}

/// The facts this side knows by itself.
fn local_facts(cx: &mut Cx<'_>, params: &Params, way: OneWay, flows: &[Flow]) {
    if way.downloads {
        if params.transport == Transport::Udp {
            let sum = |count: fn(&Flow) -> u64| whole(flows.iter().map(count).sum());
            cx.set(&way.facts.reordered, sum(|f| f.counts().reordered - f.omitted_counts().reordered));
            cx.set(&way.facts.duplicates, sum(|f| f.counts().duplicates - f.omitted_counts().duplicates));
        }
        return;
    }
    cx.set(&way.facts.sent, whole(bytes(flows)));
    if let Some(name) = flows.first().and_then(Flow::congestion) {
        cx.set(&way.facts.congestion, name);
    }
    if let Some(again) = flows.iter().map(Flow::retransmits).sum::<Option<u64>>().filter(|_| !flows.is_empty()) {
        cx.set(&way.facts.retransmits, whole(again));
    }
}

fn bytes(flows: &[Flow]) -> u64 {
    flows.iter().map(Flow::bytes).sum()
}

/// Counts fit in what reports hold; beyond, the largest stands for "more".
fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
