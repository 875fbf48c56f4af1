//! What probers of datagrams have in common: which probe an answer belongs to, and what an error says of one.

use std::collections::VecDeque;
use std::fmt::Display;
use std::io;
use std::net::IpAddr;

use crate::model::Fault;
use crate::net::datagram::{Class, IcmpError};
use crate::net::{Origin, this_host};
use crate::probe::{ProbeFailure, Reply, Seen};

/// The number of a probe whose lower `bits` are those of `low`: the newest that fits.
#[must_use]
pub fn extended(newest: u64, low: u64, bits: u32) -> Option<u64> {
    let behind = newest.wrapping_sub(low) & (1_u64 << bits).wrapping_sub(1);
    newest.checked_sub(behind)
}

/// The end of a probe that this host did not send.
pub fn unsent(number: u64, now: u64, error: &io::Error, fault: impl FnOnce() -> Fault) -> Reply {
    let seen = match refusal(error) {
        Some(why) => Seen::Failure(ProbeFailure::Blocked, format!("this host did not send it: {why} ({error})")),
        None => Seen::Fault(fault()),
    };
    Reply { number, sent: None, received: now, seen }
}

/// Why this host does not let a packet leave; `None` for errors that are not about packets.
fn refusal(error: &io::Error) -> Option<&'static str> {
    Some(match error.raw_os_error()? {
        libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM => "its queue is full",
        libc::EPERM => "a filter of its own forbids it",
        libc::EMSGSIZE => "the packet is larger than the MTU of its interface, or of the path",
        libc::ENETUNREACH => "it has no route there",
        libc::EHOSTUNREACH | libc::EHOSTDOWN => "a route of its own says unreachable",
        libc::EACCES => "a route of its own prohibits it",
        libc::EINVAL => "a route of its own is a black hole, or it has lost the address to send from",
        libc::EADDRNOTAVAIL => "it has lost the address to send from",
        libc::ENETDOWN | libc::ENONET => "its interface is down",
        libc::ENODEV | libc::ENXIO => "its interface is gone",
        _ => return None,
    })
}

/// What an ICMP error says of a packet to `peer`, whose name is `title`; `None` where it does not say that it was dropped, or where
/// sending it told the same.
pub fn reported(report: &IcmpError, peer: IpAddr, title: impl Display, origin: Origin) -> Option<Seen> {
    let router = report.router?;
    let own = if router == peer { None } else { this_host::rejection(report, peer, origin) };
    let (failure, why) = match (report.class, own) {
        (Class::Advice, _) => return None,
        (_, Some(own)) => (ProbeFailure::Blocked, own.why),
        (Class::Port, None) => (ProbeFailure::Refused, format!("nothing listens on {title} ({report})")),
        _ => (ProbeFailure::Unreachable, format!("{title} cannot be reached: {report}")),
    };
    Some(Seen::Failure(failure, why))
}

/// The fault of answers that came and were not read.
pub fn dropped(count: u32, operation: &str, peer: impl Display) -> Fault {
    let why = format!("the kernel dropped {count} of what came, because this process did not read it in time");
    Fault::local(operation, peer.to_string(), why, "lengthen `interval`, or run where this process gets its turn")
}

/// Probes in flight, for answers that do not say to which of them they belong.
#[derive(Debug)]
pub struct InTime {
    timeout: u64,
    /// In the order of their numbers; none before the first that is in time and without an answer.
    probes: VecDeque<SentProbe>,
}

#[derive(Clone, Copy, Debug)]
struct SentProbe {
    number: u64,
    sent: u64,
    ended: bool,
}

impl InTime {
    /// None; a probe is in time for `timeout` nanoseconds.
    #[must_use]
    pub const fn new(timeout: u64) -> Self {
        Self { timeout, probes: VecDeque::new() }
    }

    /// A probe left, with the highest number so far.
    pub fn sent(&mut self, number: u64, now: u64) {
        self.forget(now);
        self.probes.push_back(SentProbe { number, sent: now, ended: false });
    }

    /// A probe has its answer.
    pub fn ended(&mut self, number: u64) {
        let at = self.probes.binary_search_by_key(&number, |probe| probe.number);
        if let Some(probe) = at.ok().and_then(|at| self.probes.get_mut(at)) {
            probe.ended = true;
        }
    }

    /// Takes the oldest probe in flight for an answer to one of them.
    pub fn end_oldest(&mut self, now: u64) -> Option<u64> {
        self.forget(now);
        let oldest = self.probes.pop_front()?;
        Some(oldest.number)
    }

    fn forget(&mut self, now: u64) {
        let before = now.saturating_sub(self.timeout);
        while self.probes.front().is_some_and(|probe| probe.ended || probe.sent < before) {
            self.probes.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{InTime, extended, reported, unsent};
    use crate::model::Fault;
    use crate::net::Origin;
    use crate::net::datagram::IcmpError;
    use crate::probe::{ProbeFailure, Seen};

    #[test]
    fn numbers_are_whole_again_however_many_probes_came_after() {
        for (newest, low, bits, number) in [
            (0, 0, 16, Some(0)),
            (0, 1, 16, None),
            (70_000, 70_000 - 65_536, 16, Some(70_000)),
            (70_000, 70_001 - 65_536, 16, Some(4465)),
            ((1 << 32) + 3, 3, 32, Some((1 << 32) + 3)),
            ((1 << 32) + 3, 4, 32, Some(4)),
        ] {
            assert_eq!(extended(newest, low, bits), number, "{newest} {low} {bits}");
        }
    }

    #[test]
    fn the_oldest_in_flight_is_neither_answered_nor_late() {
        let mut probes = InTime::new(100);
        for (number, at) in [(0, 0), (1, 10), (3, 20), (4, 30)] {
            probes.sent(number, at);
        }
        probes.ended(1);
        probes.ended(2);
        assert_eq!(probes.end_oldest(40), Some(0));
        assert_eq!(probes.end_oldest(40), Some(3), "1 had its answer, and 2 never left");
        assert_eq!(probes.end_oldest(131), None, "4 is late");
    }

    #[test]
    fn what_this_host_refuses_is_blocked_and_what_it_cannot_do_a_fault() {
        let seen = |errno| {
            let fault = || Fault::local("send", "192.0.2.1", "no", "look");
            unsent(7, 9, &io::Error::from_raw_os_error(errno), fault).seen
        };
        for errno in [libc::EAGAIN, libc::ENOBUFS, libc::EPERM, libc::ENETUNREACH, libc::EHOSTUNREACH, libc::ENODEV] {
            let Seen::Failure(ProbeFailure::Blocked, why) = seen(errno) else { panic!("{errno} blocks") };
            assert!(why.starts_with("this host did not send it: "), "{why}");
        }
        for errno in [libc::EMFILE, libc::EBADF] {
            assert!(matches!(seen(errno), Seen::Fault(_)), "{errno}");
        }
    }

    #[test]
    fn a_report_refuses_or_tells_of_the_way_and_advice_ends_nothing() {
        let of = |kind, code, router: Option<&str>| {
            let report = IcmpError::from_icmp(false, kind, code, 0, router.map(|text| text.parse().unwrap()), 8);
            let to = "192.0.2.7".parse().unwrap();
            match reported(&report, to, "192.0.2.7:9", Origin::default()) {
                Some(Seen::Failure(failure, why)) => Some((failure, why)),
                _ => None,
            }
        };
        let refused = "nothing listens on 192.0.2.7:9 (port_unreachable from 192.0.2.7)".to_owned();
        assert_eq!(of(3, 3, Some("192.0.2.7")), Some((ProbeFailure::Refused, refused)));
        let lost = "192.0.2.7:9 cannot be reached: ttl_exceeded from 192.0.2.1".to_owned();
        assert_eq!(of(11, 0, Some("192.0.2.1")), Some((ProbeFailure::Unreachable, lost)));
        assert_eq!(of(3, 13, Some("127.0.0.1")).unwrap().0, ProbeFailure::Blocked, "an own filter");
        assert_eq!(of(4, 0, Some("192.0.2.1")), None);
        assert_eq!(of(3, 3, None), None, "the call that sent it told so");
    }
}
