//! From what was found to facts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Trace;
use super::facts::{
    ADDRESSES, BLACK_HOLE, CHANGED, DISTANCE, ERROR, ERRORS, FARTHEST, HOP_MTU, HOP_RTT, HOP_RTT_MAX, HOP_SENT, HOPS,
    INTERFACE, LAST, LOOP, LOSS, MTU_FACTS, OUTCOME, PATH, PATH_MTU, PATHS, RECEIVED, ROUTER, ROUTERS, RTT, SENT,
    STATE, UNREACHED,
};
use super::flow_paths::{End, FlowPath, Hop, different, hops, states};
use super::prober::{Ending, MtuFound, TraceResult};
use crate::model::count::counted;
use crate::probe::Cx;

/// Routers of a circle that are named in a sentence.
const NAMED: usize = 4;

/// Records the facts.
pub(super) fn report(cx: &mut Cx<'_>, trace: &Trace, target: IpAddr, found: &TraceResult) {
    let flows = 0..u16::try_from(found.ports.len()).unwrap_or(u16::MAX);
    let flow_paths: Vec<FlowPath> = flows.map(|flow| FlowPath::of(&found.packets, flow, trace.max_hops)).collect();
    let hops = hops(&found.packets, &flow_paths);
    outcome(cx, trace, found, &flow_paths);
    path(cx, trace, target, (&flow_paths, &hops));
    let sent = found.packets.len();
    cx.set(&SENT, i64::try_from(sent).unwrap_or(i64::MAX));
    let usual = found.packets.iter().filter(|packet| packet.length.is_none());
    for answer in usual.filter_map(|packet| packet.answer.as_ref()).filter(|answer| answer.ending == Ending::Arrived) {
        cx.record_measured(&RTT, answer.rtt);
    }
    if trace.is_of_flows() {
        let changed: BTreeSet<usize> = flow_paths.iter().flat_map(FlowPath::changed).collect();
        cx.set(&CHANGED, changed.iter().map(usize::to_string).collect::<Vec<_>>());
    }
    let errors = errors(found);
    cx.set_long(&ERRORS, errors.into_iter().collect());
    if let Some(mtu) = &found.mtu {
        path_mtu(cx, mtu, found);
    }
    if found.stopped {
        let why = format!("{} stopped answering while packets of different lengths were sent", trace.target.label());
        cx.note(why.clone());
        cx.partial_all(MTU_FACTS, &why);
    }
    rows(cx, &hops);
}

fn outcome(cx: &mut Cx<'_>, trace: &Trace, found: &TraceResult, flow_paths: &[FlowPath]) {
    let reached = |flow_path: &&FlowPath| flow_path.end == End::Reached;
    let count = flow_paths.iter().filter(reached).count();
    if let Some(least) = flow_paths.iter().filter_map(FlowPath::distance).min() {
        cx.set(&DISTANCE, i64::try_from(least).unwrap_or(i64::MAX));
    }
    let unreached = flow_paths.iter().zip(&found.ports).filter(|(flow_path, _)| flow_path.end != End::Reached);
    cx.set(&UNREACHED, unreached.map(|(_, port)| port.to_string()).collect::<Vec<_>>());
    let Some(worst) = flow_paths.iter().max_by(|one, two| one.end.cmp(&two.end).then(two.last.cmp(&one.last))) else {
        return;
    };
    if let Some((_, last)) = worst.last {
        cx.set(&FARTHEST, last.to_string());
    }
    if let End::Loop(members) = &worst.end {
        cx.set(&LOOP, members.iter().map(IpAddr::to_string).collect::<Vec<_>>());
    }
    if worst.end == End::Reached {
        cx.set(&OUTCOME, "reached");
        return;
    }
    if count > 0 {
        // Others arrived: that these do not is nobody's silence but that of their way.
        cx.note(format!("{count} of {} arrive", counted(flow_paths.len() as u64, "flow")));
    }
    let label = trace.target.label();
    let some = (flow_paths.len() > 1)
        .then(|| format!("{} of {} flows to {label}", flow_paths.len() - count, flow_paths.len()));
    cx.end(&OUTCOME, worst.end.word(), &sentence((&label, some.as_deref()), worst, found, trace.max_hops));
}

/// How the worst way ended; of several flows, which share of them did not arrive.
fn sentence((label, some): (&str, Option<&str>), flow_path: &FlowPath, found: &TraceResult, max_hops: u8) -> String {
    let last = flow_path.last.map(|(ttl, address)| format!("{address} (hop {ttl})"));
    let subject = some.unwrap_or(label);
    let no_answer = some.map_or_else(|| format!("no answer from {label}"), |some| format!("no answer to {some}"));
    match (&flow_path.end, last) {
        (End::Loop(members), _) => {
            let named: Vec<String> = members.iter().take(NAMED).map(IpAddr::to_string).collect();
            let more = if members.len() > NAMED { ", …" } else { "" };
            let begin = flow_path.hops.len() + 1 - members.len().min(flow_path.hops.len());
            let whose = some.map_or_else(|| format!("to {label}"), |some| format!("of {some}"));
            format!("packets {whose} go round a routing loop from hop {begin} on: {}{more}", named.join(", "))
        }
        (End::Unreachable(what), _) => format!("{subject} cannot be reached: {what} (hop {})", flow_path.hops.len()),
        (End::TimeExceeded, Some(last)) => {
            format!("{label} is farther than {max_hops} hops (`max_hops`); the last is {last}")
        }
        (_, Some(last)) => format!("{no_answer}: the last came from {last}, and none from behind it"),
        (_, None) => match &found.neighbour {
            Some(said) => {
                format!("{no_answer}, nor from any hop: no answer to ARP or neighbour discovery ({said})")
            }
            None => format!("{no_answer}, nor from any hop on the way"),
        },
    }
}

fn path(cx: &mut Cx<'_>, trace: &Trace, target: IpAddr, (flow_paths, hops): (&[FlowPath], &[Hop])) {
    let element = |hop: &Hop| {
        let mut names: Vec<String> = hop.addresses.iter().map(IpAddr::to_string).collect();
        names.extend(hop.has_gap.then(|| "*".to_owned()));
        format!("{} {}", hop.ttl, names.join(", "))
    };
    let mut path: Vec<String> = hops.iter().map(element).collect();
    if flow_paths.iter().any(|flow_path| flow_path.end != End::Reached) {
        path.push(format!("{} *", hops.len() + 1));
    }
    let gaps: Vec<String> = hops.iter().filter(|hop| hop.has_gap).map(|hop| hop.ttl.to_string()).collect();
    let open = flow_paths.iter().any(|flow_path| matches!(flow_path.end, End::Silent | End::TimeExceeded));
    let why = match (gaps.as_slice(), open) {
        ([], false) => None,
        ([], true) => Some("it was not followed to its end".to_owned()),
        (gaps, _) => Some(format!("no answer from hop {}", gaps.join(", "))),
    };
    cx.set(&PATH, path);
    let routers: BTreeSet<IpAddr> =
        hops.iter().flat_map(|hop| hop.addresses.iter().copied()).filter(|address| *address != target).collect();
    cx.set(&ROUTERS, routers.iter().map(IpAddr::to_string).collect::<Vec<_>>());
    if trace.is_of_flows() {
        cx.set(&PATHS, i64::try_from(different(flow_paths)).unwrap_or(i64::MAX));
    }
    if let Some(why) = why {
        cx.partial(&PATH, why.clone());
        cx.partial(&ROUTERS, why.clone());
        if flow_paths.len() > 1 && trace.is_of_flows() {
            cx.partial(&PATHS, why);
        }
    }
}

fn errors(found: &TraceResult) -> Vec<String> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for answer in found.packets.iter().filter_map(|packet| packet.answer.as_ref()) {
        if let Some(error) = &answer.error {
            *counts.entry(format!("{error} from {}", answer.from)).or_default() += 1;
        }
    }
    counts.iter().map(|(text, count)| format!("{text} x{count}")).collect()
}

fn path_mtu(cx: &mut Cx<'_>, mtu: &MtuFound, found: &TraceResult) {
    let bytes = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    cx.set(&PATH_MTU, bytes(mtu.mtu));
    cx.set(&INTERFACE, bytes(mtu.interface));
    cx.set(&BLACK_HOLE, mtu.black_hole);
    if let Some(router) = mtu.router {
        cx.set(&ROUTER, router.to_string());
    }
    let whole = found.packets.iter().filter(|packet| packet.length == Some(mtu.interface));
    let expired = whole.filter_map(|packet| {
        let answer = packet.answer.as_ref().filter(|answer| answer.ending == Ending::Expired)?;
        Some((packet.ttl, answer.from))
    });
    if let Some((_, last)) = expired.max().filter(|_| mtu.mtu < mtu.interface) {
        cx.set(&LAST, last.to_string());
    }
}

fn rows(cx: &mut Cx<'_>, hops: &[Hop]) {
    let mut rows = cx.rows(&HOPS);
    // No clock is finer than a nanosecond, and no digits beyond are written.
    let whole = |seconds: f64| (seconds * 1e9).round() / 1e9;
    for (hop, state) in hops.iter().zip(states(hops)) {
        let mut row = rows.row(hop.ttl.to_string());
        row.set(&STATE, state);
        row.set(&ADDRESSES, hop.addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>());
        row.set(&HOP_SENT, i64::from(hop.sent));
        row.set(&RECEIVED, i64::from(hop.received));
        row.set_some(&LOSS, hop.loss());
        let median = |rtts: &[f64]| {
            let (low, high) = (rtts.get((rtts.len().max(1) - 1) / 2)?, rtts.get(rtts.len() / 2)?);
            Some(f64::midpoint(*low, *high))
        };
        row.set_some(&HOP_RTT, median(&hop.rtts).map(whole));
        row.set_some(&HOP_RTT_MAX, hop.rtts.last().copied().map(whole));
        row.set_some(&ERROR, hop.error.clone());
        row.set_some(&HOP_MTU, hop.mtu.and_then(|mtu| i64::try_from(mtu).ok()));
        rows.add(row);
    }
    cx.set_rows(rows);
}
