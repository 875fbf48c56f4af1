//! From packets and their answers to the way of each flow: where it ends, and why. Pure.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::prober::{Ending, Packet};

/// How the way of a flow ends, from good to bad.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// The target answered.
    Reached,
    /// Nothing came from behind the last answer.
    Silent,
    /// The last hop of all still answered that the TTL ran out.
    TimeExceeded,
    /// A router rejects packets: what it says.
    Unreachable(String),
    /// Routers that packets go round in.
    Loop(Vec<IpAddr>),
}

impl End {
    /// The word of the outcome.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::Silent => "silent",
            Self::TimeExceeded => "time_exceeded",
            Self::Unreachable(_) => "unreachable",
            Self::Loop(_) => "loop",
        }
    }
}

/// The way of one flow.
#[derive(Clone, Debug)]
pub(super) struct FlowPath {
    /// Who answered at each hop, the first to answer first; the hops of a circle no more than once round.
    pub(super) hops: Vec<Vec<IpAddr>>,
    pub(super) end: End,
    /// The last hop that answered, and who.
    pub(super) last: Option<(u8, IpAddr)>,
}

impl FlowPath {
    /// The way of `flow`.
    pub(super) fn of(packets: &[Packet], flow: u16, max_hops: u8) -> Self {
        let mut hops: Vec<Vec<IpAddr>> = vec![Vec::new(); usize::from(max_hops)];
        let (mut arrived, mut rejected): (Option<u8>, Option<(u8, IpAddr, String)>) = (None, None);
        let own = packets.iter().filter(|packet| packet.flow == flow && packet.length.is_none());
        for (packet, answer) in own.filter_map(|packet| Some((packet, packet.passed()?))) {
            let place = hops.get_mut(usize::from(packet.ttl).saturating_sub(1));
            if let Some(hop) = place.filter(|hop| !hop.contains(&answer.from)) {
                hop.push(answer.from);
            }
            match &answer.ending {
                Ending::Arrived => arrived = Some(arrived.map_or(packet.ttl, |ttl| ttl.min(packet.ttl))),
                Ending::Rejected if rejected.as_ref().is_none_or(|(ttl, ..)| packet.ttl < *ttl) => {
                    rejected = Some((packet.ttl, answer.from, answer.error.clone().unwrap_or_default()));
                }
                Ending::Rejected | Ending::Expired | Ending::TooBig(_) => {}
            }
        }
        let circle = circle(&hops);
        let (end, length) = match (arrived, rejected, circle) {
            (Some(ttl), ..) => (End::Reached, usize::from(ttl)),
            (None, Some((ttl, router, word)), _) => {
                // Who rejects what it was to pass on is no hop behind itself.
                let own = hops.iter().position(|hop| hop.contains(&router)).map_or(ttl.into(), |at| at + 1);
                (End::Unreachable(format!("{word} from {router}")), own.min(ttl.into()))
            }
            (None, None, Some((again, members))) => (End::Loop(members), again),
            (None, None, None) => {
                let last = hops.iter().rposition(|hop| !hop.is_empty()).map_or(0, |at| at + 1);
                let end = if last == usize::from(max_hops) { End::TimeExceeded } else { End::Silent };
                (end, last)
            }
        };
        hops.truncate(length);
        let last = hops.iter().zip(1_u8..).filter_map(|(hop, ttl)| Some((ttl, *hop.first()?))).last();
        Self { hops, end, last }
    }

    /// Its hops, where the way was followed to its end.
    pub(super) fn distance(&self) -> Option<usize> {
        (self.end == End::Reached).then_some(self.hops.len())
    }

    /// Hops where several answered to packets of this one flow.
    pub(super) fn changed(&self) -> impl Iterator<Item = usize> {
        self.hops.iter().zip(1..).filter(|(hop, _)| hop.len() > 1).map(|(_, ttl)| ttl)
    }

    /// Whether both may be the same way, as far as they are known.
    fn may_be(&self, other: &Self) -> bool {
        let same_end = self.distance() == other.distance();
        let same = |(one, two): (&Vec<IpAddr>, &Vec<IpAddr>)| {
            one.is_empty() || two.is_empty() || one.iter().any(|address| two.contains(address))
        };
        same_end && self.hops.iter().zip(&other.hops).all(same)
    }
}

/// Routers that send packets to each other: the hop where the second round begins, and who they are. The second round, and what else there
/// is, must be as the first; one address that comes again by chance is no circle, and neither is a router that passes on one packet which it
/// should have dropped.
fn circle(hops: &[Vec<IpAddr>]) -> Option<(usize, Vec<IpAddr>)> {
    let first = |at: usize| hops.get(at).and_then(|hop| hop.first());
    for begin in 0..hops.len() {
        let Some(address) = first(begin) else { continue };
        let Some(again) = (begin + 1..hops.len()).find(|at| first(*at) == Some(address)) else { continue };
        let length = again - begin;
        let pairs = (begin..hops.len() - length).map(|at| (first(at), first(at + length)));
        let known = pairs.filter_map(|(one, two)| Some((one?, two?)));
        let (same, others): (Vec<_>, Vec<_>) = known.partition(|(one, two)| one == two);
        if same.len() >= 2 && others.is_empty() {
            let member = |at: usize| (at..hops.len()).step_by(length).find_map(first).copied();
            return Some((again, (begin..again).filter_map(member).collect()));
        }
    }
    None
}

/// How many different ways there are at least.
pub(super) fn different(flow_paths: &[FlowPath]) -> usize {
    let mut kept: Vec<&FlowPath> = Vec::new();
    let mut all: Vec<&FlowPath> = flow_paths.iter().collect();
    // Those that are known best first: what is known in part joins them.
    all.sort_by_key(|flow_path| flow_path.hops.iter().filter(|hop| hop.is_empty()).count());
    for flow_path in all {
        if !kept.iter().any(|known| known.may_be(flow_path)) {
            kept.push(flow_path);
        }
    }
    kept.len()
}

/// A hop, of all flows.
#[derive(Clone, Debug, Default)]
pub(super) struct Hop {
    pub(super) ttl: u8,
    pub(super) addresses: BTreeSet<IpAddr>,
    pub(super) is_target: bool,
    /// A flow that comes this far had no answer from here.
    pub(super) has_gap: bool,
    pub(super) sent: u32,
    pub(super) received: u32,
    /// Seconds, sorted.
    pub(super) rtts: Vec<f64>,
    pub(super) error: Option<String>,
    /// Longest packet that was answered from here.
    pub(super) mtu: Option<usize>,
}

impl Hop {
    pub(super) fn lost(&self) -> u32 {
        self.sent - self.received
    }

    pub(super) fn loss(&self) -> Option<f64> {
        (self.sent > 0).then(|| f64::from(self.lost()) / f64::from(self.sent))
    }
}

/// The hops of all ways, up to the end of the longest.
pub(super) fn hops(packets: &[Packet], flow_paths: &[FlowPath]) -> Vec<Hop> {
    let longest = flow_paths.iter().map(|flow_path| flow_path.hops.len()).max().unwrap_or(0);
    let mut out: Vec<Hop> =
        (1..=longest).map(|ttl| Hop { ttl: u8::try_from(ttl).unwrap_or(u8::MAX), ..Hop::default() }).collect();
    for packet in packets {
        let Some(flow_path) = flow_paths.get(usize::from(packet.flow)) else { continue };
        let answer = packet.answer.as_ref();
        let is = |ending: Ending| answer.filter(|answer| answer.ending == ending);
        let own = |router: IpAddr| flow_path.hops.iter().position(|hop| hop.contains(&router)).map(|at| at + 1);
        let ttl = usize::from(packet.ttl);
        // Who rejects what it was to pass on says so at its own hop.
        let by = is(Ending::Rejected).and_then(|answer| own(answer.from)).filter(|at| *at < ttl);
        // What was sent farther than it had to be counts nowhere.
        let beyond = packet.length.is_some() && is(Ending::Arrived).is_some();
        let at = by.unwrap_or(if beyond { flow_path.hops.len() } else { ttl });
        let Some(hop) = out.get_mut(at.wrapping_sub(1)).filter(|_| at <= flow_path.hops.len()) else { continue };
        if let Some(length) = packet.length {
            let passed = is(Ending::Arrived).or(is(Ending::Expired));
            hop.mtu = hop.mtu.max(passed.map(|_| length));
            continue;
        }
        if by.is_some() {
            hop.error = hop.error.take().or_else(|| answer.and_then(|answer| answer.error.clone()));
            continue;
        }
        hop.sent += 1;
        let Some(answer) = packet.passed() else { continue };
        hop.received += 1;
        hop.addresses.insert(answer.from);
        hop.is_target |= answer.ending == Ending::Arrived;
        hop.rtts.push(answer.rtt.length.as_secs_f64());
        hop.error = hop.error.take().or_else(|| answer.error.clone());
    }
    for hop in &mut out {
        hop.rtts.sort_by(f64::total_cmp);
        let at = usize::from(hop.ttl) - 1;
        // Where a flow was lost before, nobody knows by whom it would have come.
        let lost = |flow_path: &FlowPath| {
            flow_path.hops.len() <= at && matches!(flow_path.end, End::Silent | End::TimeExceeded)
        };
        hop.has_gap =
            flow_paths.iter().any(|flow_path| lost(flow_path) || flow_path.hops.get(at).is_some_and(Vec::is_empty));
    }
    out
}

/// The word for each hop. Answers that are missing here and not behind are the router's own: it forwards what it does not answer. One that is
/// missing tells nothing.
pub(super) fn states(hops: &[Hop]) -> Vec<&'static str> {
    let mut least_behind: Option<f64> = None;
    let mut out: Vec<&'static str> = hops
        .iter()
        .rev()
        .map(|hop| {
            let loss = hop.loss().unwrap_or(1.0);
            let behind = least_behind.filter(|behind| *behind <= loss / 2.0);
            least_behind = Some(least_behind.map_or(loss, |behind| behind.min(loss)));
            match (hop.received, hop.lost()) {
                (0, _) => "silent",
                (_, 0 | 1) if hop.is_target => "target",
                (_, 0 | 1) => "answered",
                _ if behind.is_some() => "rate_limited",
                _ => "lossy",
            }
        })
        .collect();
    out.reverse();
    out
}

#[cfg(test)]
mod tests;
