//! What became of each host and each probe.

use std::net::IpAddr;

use crate::net::datagram::{Class, IcmpError};

/// State of one probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProbeState {
    /// In flight.
    Waiting,
    /// This host did not send it.
    Blocked,
    /// A router or host reported that it was dropped. A reply is still believed.
    Refused,
    /// Answered in time.
    Answered,
    /// Answered after `timeout`.
    Late,
    /// Answered with something that was not sent.
    Altered,
}

/// A probe.
#[derive(Clone, Copy, Debug)]
pub(super) struct SentProbe {
    /// When it was sent, nanoseconds since the start.
    pub(super) sent: u64,
    /// Position of its host.
    pub(super) host: u32,
    /// Round-trip time, seconds; `f32` is exact to a tenth of a microsecond below one second.
    pub(super) rtt: f32,
    pub(super) state: ProbeState,
}

/// A host, and what was heard of it.
#[derive(Clone, Debug)]
pub(super) struct HostTally {
    pub(super) address: IpAddr,
    pub(super) duplicates: u32,
    pub(super) reordered: u32,
    /// Number of the latest probe that was answered.
    highest: Option<u32>,
    pub(super) ttl: Option<u8>,
    /// The first report of the path about it.
    pub(super) report: Option<Box<IcmpError>>,
    /// Error of this host when it could not send.
    pub(super) own: Option<i32>,
    answered: bool,
}

impl HostTally {
    pub(super) fn new(address: IpAddr) -> Self {
        Self {
            address,
            duplicates: 0,
            reordered: 0,
            highest: None,
            ttl: None,
            report: None,
            own: None,
            answered: false,
        }
    }

    /// Whether it is worth asking again: nothing was heard of it.
    pub(super) fn is_silent(&self) -> bool {
        !self.answered && self.report.is_none()
    }

    /// A first reply to probe `number`, in time or not.
    pub(super) fn replied(&mut self, number: u32, in_time: bool, ttl: Option<u8>) {
        self.answered |= in_time;
        self.reordered += u32::from(self.highest.is_some_and(|highest| number < highest));
        self.highest = self.highest.max(Some(number));
        self.ttl = ttl.or(self.ttl);
    }

    /// A report of the path, of which the first counts; advice says nothing of the host.
    pub(super) fn reported(&mut self, report: IcmpError) {
        if report.class != Class::Advice && self.report.is_none() {
            self.report = Some(Box::new(report));
        }
    }
}

/// The probes of one host, counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ProbeCounts {
    pub(super) sent: u32,
    pub(super) blocked: u32,
    pub(super) received: u32,
    pub(super) late: u32,
    pub(super) altered: u32,
    pub(super) loss_run: u32,
    run: u32,
    /// Median and longest of the round-trip times, seconds.
    pub(super) rtt: Option<(f32, f32)>,
}

impl ProbeCounts {
    fn add(&mut self, state: ProbeState) {
        if state == ProbeState::Blocked {
            self.blocked += 1;
            return;
        }
        self.sent += 1;
        let lost = matches!(state, ProbeState::Waiting | ProbeState::Refused);
        self.run = if lost { self.run + 1 } else { 0 };
        self.loss_run = self.loss_run.max(self.run);
        match state {
            ProbeState::Answered => self.received += 1,
            ProbeState::Late => self.late += 1,
            ProbeState::Altered => self.altered += 1,
            ProbeState::Waiting | ProbeState::Refused | ProbeState::Blocked => {}
        }
    }

    /// Probes never answered.
    pub(super) fn lost(&self) -> u32 {
        self.sent - self.received - self.late - self.altered
    }
}

/// The counts of each of `hosts` hosts, of probes in the order they were sent.
pub(super) fn counts(hosts: usize, probes: &[SentProbe]) -> Vec<ProbeCounts> {
    let mut all = vec![ProbeCounts::default(); hosts];
    let mut times: Vec<(u32, f32)> = Vec::new();
    for probe in probes {
        let Some(counts) = usize::try_from(probe.host).ok().and_then(|host| all.get_mut(host)) else { continue };
        counts.add(probe.state);
        if matches!(probe.state, ProbeState::Answered | ProbeState::Late) {
            times.push((probe.host, probe.rtt));
        }
    }
    times.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    for group in times.chunk_by(|a, b| a.0 == b.0) {
        let (Some((host, _)), Some((_, longest))) = (group.first(), group.last()) else { continue };
        let (low, high) = (group.get((group.len() - 1) / 2), group.get(group.len() / 2));
        let median = low.zip(high).map_or(*longest, |((_, low), (_, high))| f32::midpoint(*low, *high));
        if let Some(counts) = usize::try_from(*host).ok().and_then(|host| all.get_mut(host)) {
            counts.rtt = Some((median, *longest));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::{HostTally, ProbeCounts, ProbeState, SentProbe, counts};
    use crate::net::datagram::IcmpError;

    fn probe(host: u32, state: ProbeState, ms: f32) -> SentProbe {
        SentProbe { sent: 0, host, rtt: ms / 1000.0, state }
    }

    #[test]
    fn every_probe_is_counted_once() {
        use ProbeState::{Altered, Answered, Blocked, Late, Refused, Waiting};
        let states = [Answered, Waiting, Refused, Late, Altered, Blocked, Waiting, Answered];
        let probes: Vec<SentProbe> = (1_u8..).zip(states).map(|(ms, state)| probe(1, state, ms.into())).collect();
        let all = counts(3, &probes);
        assert_eq!((&all[0], &all[2]), (&ProbeCounts::default(), &ProbeCounts::default()));
        let one = &all[1];
        assert_eq!((one.sent, one.blocked, one.received, one.late, one.altered, one.lost()), (7, 1, 2, 1, 1, 3));
        assert_eq!((one.loss_run, one.rtt), (2, Some((0.004, 0.008))), "of 1, 4 and 8 ms");
    }

    #[test]
    fn the_median_of_two_is_between_them() {
        let all = counts(
            2,
            &[
                probe(0, ProbeState::Answered, 3.0),
                probe(1, ProbeState::Answered, 9.0),
                probe(0, ProbeState::Answered, 1.0),
            ],
        );
        assert_eq!((all[0].rtt, all[1].rtt), (Some((0.002, 0.003)), Some((0.009, 0.009))));
    }

    #[test]
    fn a_host_is_silent_until_something_is_heard_of_it() {
        let mut host = HostTally::new("192.0.2.1".parse().unwrap());
        host.replied(5, false, Some(60));
        assert!(host.is_silent(), "what comes too late is worth another try");
        host.replied(3, true, None);
        assert_eq!((host.is_silent(), host.reordered, host.ttl), (false, 1, Some(60)));
        let mut other = HostTally::new("192.0.2.2".parse().unwrap());
        other.reported(IcmpError::from_icmp(false, 4, 0, 0, None, 0));
        assert!(other.is_silent(), "advice says nothing of the host");
        other.reported(IcmpError::from_icmp(false, 3, 1, 0, None, 0));
        assert!(!other.is_silent());
        other.reported(IcmpError::from_icmp(false, 3, 13, 0, None, 0));
        assert_eq!(other.report.unwrap().word, "host_unreachable", "the first one counts");
    }
}
