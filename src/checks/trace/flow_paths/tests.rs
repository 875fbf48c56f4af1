//! Ways put together by hand.

use std::net::IpAddr;
use std::time::Duration;

use super::{End, FlowPath, different, hops, states};
use crate::checks::trace::prober::{Ending, HopAnswer, Packet};
use crate::net::clock::MeasuredTime;

fn address(last: u8) -> IpAddr {
    [192, 0, 2, last].into()
}

/// A packet of flow 0; 0 is silence.
fn packet(flow: u16, ttl: u8, from: u8, ending: Ending) -> Packet {
    let error = (ending == Ending::Rejected).then(|| "host_unreachable".to_owned());
    let rtt = MeasuredTime::by_kernel(Duration::from_millis(u64::from(ttl)));
    Packet::of(flow, ttl, (from > 0).then(|| HopAnswer { from: address(from), ending, error, rtt }))
}

/// The way of a flow past these, with the target at the end where it is reached.
fn passed(flow: u16, routers: &[u8], target: Option<u8>) -> Vec<Packet> {
    let expired = routers.iter().zip(1..).map(|(from, ttl)| packet(flow, ttl, *from, Ending::Expired));
    let mut all: Vec<Packet> = expired.collect();
    let end = u8::try_from(routers.len()).unwrap() + 1;
    all.extend(target.map(|from| packet(flow, end, from, Ending::Arrived)));
    all
}

fn end(routers: &[u8]) -> End {
    FlowPath::of(&passed(0, routers, None), 0, 12).end
}

#[test]
fn ends_are_told_apart() {
    let flow_path = FlowPath::of(&passed(0, &[1, 0, 3], Some(9)), 0, 30);
    assert_eq!((&flow_path.end, flow_path.distance(), flow_path.last), (&End::Reached, Some(4), Some((4, address(9)))));
    let flow_path = FlowPath::of(&passed(0, &[1, 2, 0, 0], None), 0, 30);
    assert_eq!((&flow_path.end, flow_path.hops.len(), flow_path.last), (&End::Silent, 2, Some((2, address(2)))));
    assert_eq!(FlowPath::of(&passed(0, &[1, 2, 3], None), 0, 3).end, End::TimeExceeded);
    let mut all = passed(0, &[1, 2], None);
    all.extend((3..=5).map(|ttl| packet(0, ttl, 2, Ending::Rejected)));
    let flow_path = FlowPath::of(&all, 0, 30);
    assert_eq!(
        (&flow_path.end, flow_path.hops.len()),
        (&End::Unreachable("host_unreachable from 192.0.2.2".to_owned()), 2)
    );
    let rows = hops(&all, std::slice::from_ref(&flow_path));
    assert_eq!((rows.len(), rows[1].sent, rows[1].error.as_deref()), (2, 1, Some("host_unreachable")));
    assert_eq!(FlowPath::of(&[], 0, 30).last, None);
    // Of two that reject, the nearer one ends the way.
    let mut all = passed(0, &[1, 2], None);
    all.extend([packet(0, 4, 7, Ending::Rejected), packet(0, 3, 2, Ending::Rejected)]);
    let nearer = End::Unreachable("host_unreachable from 192.0.2.2".to_owned());
    assert_eq!(FlowPath::of(&all, 0, 30).end, nearer);
    // Packets of other lengths tell nothing of the way.
    let mut long = packet(0, 2, 9, Ending::Arrived);
    long.length = Some(1500);
    all = passed(0, &[1, 2], Some(9));
    all.push(long);
    assert_eq!(FlowPath::of(&all, 0, 30).distance(), Some(3));
}

#[test]
fn a_circle_is_an_address_that_comes_again_and_goes_on_so() {
    let members = |all: &[u8]| End::Loop(all.iter().map(|last| address(*last)).collect());
    assert_eq!(end(&[1, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2]), members(&[2, 3]));
    assert_eq!(end(&[1, 2, 3, 4, 2, 3, 4, 2, 3, 4, 2, 3]), members(&[2, 3, 4]));
    assert_eq!(end(&[1, 2, 0, 2, 3, 2, 0, 0, 3, 2, 3, 2]), members(&[2, 3]), "some are silent");
    assert_eq!(end(&[1, 2, 0, 2, 0, 2, 0, 2, 0, 2, 0, 2]), members(&[2]), "who is never heard is not known");
    assert_eq!(end(&[1, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5]), members(&[5]));
    assert_eq!(end(&[1, 5, 5, 6]), End::Silent, "a router that passes on what it should have dropped");
    assert_eq!(end(&[1, 2, 3, 4, 5, 2]), End::Silent, "a way that changed while it was traced");
    assert_eq!(end(&[1, 2, 3, 2, 3, 4]), End::Silent, "who gets out of a circle is in none");
}

#[test]
fn a_circle_stands_once_in_the_path() {
    let flow_path = FlowPath::of(&passed(0, &[1, 2, 3, 2, 3, 2, 3, 2], None), 0, 8);
    assert_eq!(flow_path.hops, [[address(1)], [address(2)], [address(3)]]);
}

#[test]
fn a_target_behind_routers_that_repeat_is_reached() {
    assert_eq!(FlowPath::of(&passed(0, &[1, 2, 3, 2, 3], Some(9)), 0, 30).end, End::Reached);
}

#[test]
fn ways_that_are_known_in_part_are_no_others() {
    let flow_paths = |all: &[&[u8]]| {
        let flows = (0..).zip(all).flat_map(|(flow, routers)| passed(flow, routers, Some(9)));
        let packets: Vec<_> = flows.collect();
        let count = u16::try_from(all.len()).unwrap();
        different(&(0..count).map(|flow| FlowPath::of(&packets, flow, 30)).collect::<Vec<_>>())
    };
    assert_eq!(flow_paths(&[&[1, 2, 3], &[1, 2, 3]]), 1);
    assert_eq!(flow_paths(&[&[1, 0, 3], &[1, 2, 3], &[1, 4, 3]]), 2);
    assert_eq!(flow_paths(&[&[1, 2, 3], &[1, 2, 4, 3]]), 2, "another length is another way");
    assert_eq!(flow_paths(&[&[1, 0, 0], &[1, 0, 0, 0]]), 2, "also where nobody answers");
    assert_eq!(flow_paths(&[&[1, 2, 5], &[1, 3, 6], &[1, 2, 6], &[1, 3, 5]]), 4);
}

/// The states of hops with so many of ten packets answered, the last by the target.
fn of_answers(answered: &[u8]) -> Vec<&'static str> {
    let last = answered.len();
    let mut packets = Vec::new();
    for (count, ttl) in answered.iter().zip(1_u8..) {
        let ending = if usize::from(ttl) == last { Ending::Arrived } else { Ending::Expired };
        packets.extend((0..10).map(|n| packet(0, ttl, if n < *count { ttl } else { 0 }, ending.clone())));
    }
    states(&hops(&packets, &[FlowPath::of(&packets, 0, 30)]))
}

#[test]
fn losses_that_are_not_seen_behind_are_the_routers_own() {
    assert_eq!(of_answers(&[10, 3, 10, 0, 10]), ["answered", "rate_limited", "answered", "silent", "target"]);
    assert_eq!(of_answers(&[10, 6, 5, 6]), ["answered", "lossy", "lossy", "lossy"]);
    assert_eq!(of_answers(&[10, 9, 10]), ["answered", "answered", "target"], "one of ten tells nothing");
    assert_eq!(of_answers(&[10, 1, 6, 7]), ["answered", "rate_limited", "lossy", "lossy"]);
}

#[test]
fn a_flow_that_was_lost_leaves_a_gap_at_every_hop_behind() {
    let packets: Vec<_> = passed(0, &[1, 2, 3], Some(9)).into_iter().chain(passed(1, &[1], None)).collect();
    let flow_paths = [FlowPath::of(&packets, 0, 30), FlowPath::of(&packets, 1, 30)];
    let gaps: Vec<bool> = hops(&packets, &flow_paths).iter().map(|hop| hop.has_gap).collect();
    assert_eq!(gaps, [false, true, true, true]);
}

#[test]
fn packets_sent_farther_than_they_had_to_are_counted_nowhere() {
    let mut packets = passed(0, &[1], Some(9));
    packets.extend((3..=30).map(|ttl| packet(0, ttl, 9, Ending::Arrived)));
    let flow_path = FlowPath::of(&packets, 0, 30);
    let hops = hops(&packets, std::slice::from_ref(&flow_path));
    assert_eq!(hops.iter().map(|hop| (hop.ttl, hop.sent, hop.received)).collect::<Vec<_>>(), [(1, 1, 1), (2, 1, 1)]);
    assert!(hops[1].is_target && !hops[0].is_target && hops[1].addresses.contains(&address(9)));
}
