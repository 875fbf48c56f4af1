//! Counting: each probe ends in exactly one class.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::facts::{
    ALTERED, BLOCKED, DUPLICATES, ERRORS, HOST_LIMITED, JITTER, LATE, LOSS, LOSS_RUN, MTU, OUTCOME, RECEIVED,
    REORDERED, RTT, RTT_SOURCE, SENT, TTL, is_host_limited,
};
use crate::model::Fault;
use crate::model::count::counted;
use crate::net::clock::{ClockReading, MeasuredTime, Stamp};
use crate::net::datagram::{Arrival, Class, IcmpError};
use crate::net::{Origin, this_host};
use crate::probe::Cx;
use crate::proto::icmp::{Number, icmp_fault, oversize_fault};
use crate::stats::Samples;

/// Different errors kept by name; a path that reports more is summed up.
const ERRORS_KEPT: usize = 16;

/// State of one probe.
#[derive(Clone, Copy, Debug)]
enum Probe {
    /// This host did not send it.
    Blocked,
    /// Sent then, in flight since.
    Waiting(ClockReading),
    /// A router or host reported that it was dropped. A reply is still believed.
    Refused(ClockReading),
    /// Answered, in time or late, or with something that was not sent.
    Answered,
}

/// The counts of a run.
pub(super) struct EchoCounts {
    patience: Duration,
    probes: Vec<Probe>,
    waiting: u64,
    sent: u32,
    received: u32,
    late: u32,
    altered: u32,
    duplicates: i64,
    reordered: i64,
    highest: Option<u32>,
    jitter: Jitter,
    user_stamped: bool,
    /// Probes whose departure the kernel stamped.
    stamped: u32,
    errors: BTreeMap<String, u64>,
    unlisted: u64,
    worst: Option<Class>,
    mtu: Option<u32>,
    /// The first sender of replies that is not the target, and how many came.
    other_sender: Option<(IpAddr, u64)>,
    /// The first local error that has nothing to do with the path to the target.
    local: Option<io::Error>,
    /// Different error reports, the first few: this host's own filter may be among them.
    reports: Vec<IcmpError>,
}

impl EchoCounts {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            probes: Vec::new(),
            waiting: 0,
            sent: 0,
            received: 0,
            late: 0,
            altered: 0,
            duplicates: 0,
            reordered: 0,
            highest: None,
            jitter: Jitter::default(),
            user_stamped: false,
            stamped: 0,
            errors: BTreeMap::new(),
            unlisted: 0,
            worst: None,
            mtu: None,
            other_sender: None,
            local: None,
            reports: Vec::new(),
        }
    }

    /// Probes sent or blocked; the number of the next one.
    pub(super) fn tried(&self) -> u32 {
        u32::try_from(self.probes.len()).unwrap_or(u32::MAX)
    }

    /// No probe waits for a reply any more.
    pub(super) fn all_ended(&self) -> bool {
        self.waiting == 0
    }

    pub(super) fn sent(&mut self, at: ClockReading) {
        self.probes.push(Probe::Waiting(at));
        self.waiting += 1;
        self.sent += 1;
    }

    /// The kernel's stamp of the probe that was sent last.
    pub(super) fn left(&mut self, at: ClockReading) {
        if let Some(Probe::Waiting(sent) | Probe::Refused(sent)) = self.probes.last_mut() {
            *sent = at;
            self.stamped += 1;
        }
    }

    pub(super) fn blocked(&mut self, report: Option<IcmpError>, error: io::Error) {
        self.probes.push(Probe::Blocked);
        if let Some(report) = report {
            self.count(&report);
        } else {
            self.local_error(&error);
            self.local.get_or_insert(error);
        }
    }

    /// An error of this host, by the name of its class.
    pub(super) fn local_error(&mut self, error: &io::Error) {
        let word = match error.raw_os_error() {
            Some(libc::ENOBUFS | libc::ENOMEM | libc::EAGAIN) => "queue_full",
            Some(libc::EPERM | libc::EACCES) => "not_permitted",
            _ => return self.list_error(format!("{error} from this host")),
        };
        self.list_error(format!("{word} from this host"));
    }

    /// A reply to a probe that is not what was sent.
    pub(super) fn altered(&mut self, number: Number) {
        let Some(probe) = self.probe(number) else { return };
        match *probe {
            Probe::Waiting(_) => {
                *probe = Probe::Answered;
                self.waiting -= 1;
            }
            Probe::Refused(_) => *probe = Probe::Answered,
            Probe::Answered => {
                self.duplicates += 1;
                return;
            }
            Probe::Blocked => return,
        }
        self.altered += 1;
    }

    fn probe(&mut self, number: Number) -> Option<&mut Probe> {
        number.of(self.tried()).and_then(|n| usize::try_from(n).ok()).and_then(|n| self.probes.get_mut(n))
    }

    pub(super) fn other_sender(&mut self, from: Option<IpAddr>) {
        if let Some(from) = from {
            self.other_sender.get_or_insert((from, 0)).1 += 1;
        }
    }

    pub(super) fn reply(&mut self, number: Number, now: ClockReading, arrival: &Arrival, cx: &mut Cx<'_>) {
        let Some(number) = number.of(self.tried()) else { return self.altered(number.low()) };
        let Some(probe) = usize::try_from(number).ok().and_then(|n| self.probes.get_mut(n)) else { return };
        let sent = match *probe {
            Probe::Waiting(sent) => {
                self.waiting -= 1;
                sent
            }
            Probe::Refused(sent) => sent,
            Probe::Answered => {
                self.duplicates += 1;
                return;
            }
            Probe::Blocked => return,
        };
        *probe = Probe::Answered;
        let (rtt, stamp) = sent.elapsed(now, arrival.stamp);
        self.user_stamped |= stamp == Stamp::User;
        if rtt <= self.patience {
            self.received += 1;
        } else {
            self.late += 1;
        }
        if self.highest.is_some_and(|highest| number < highest) {
            self.reordered += 1;
        }
        self.highest = self.highest.max(Some(number));
        self.jitter.add(rtt.as_secs_f64());
        cx.record_measured(&RTT, MeasuredTime { length: rtt, stamp });
        if let Some(ttl) = arrival.ttl {
            cx.record(&TTL, f64::from(ttl));
        }
    }

    /// A router, or the target, reports an error about probe `number`.
    pub(super) fn icmp_error(&mut self, report: &IcmpError, number: Number) {
        let Some(probe) = self.probe(number) else { return };
        if let Probe::Waiting(sent) = *probe
            && report.class != Class::Advice
        {
            *probe = Probe::Refused(sent);
            self.waiting -= 1;
        }
        self.count(report);
    }

    fn count(&mut self, report: &IcmpError) {
        self.list_error(report.to_string());
        if self.reports.len() < ERRORS_KEPT && !self.reports.contains(report) {
            self.reports.push(report.clone());
        }
        self.worst = self.worst.max(Some(report.class));
        self.mtu = match (self.mtu, report.mtu) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }

    fn list_error(&mut self, text: String) {
        if self.errors.len() < ERRORS_KEPT || self.errors.contains_key(&text) {
            *self.errors.entry(text).or_default() += 1;
        } else {
            self.unlisted += 1;
        }
    }

    fn outcome(&self) -> &'static str {
        if self.received + self.late > 0 {
            return "replied";
        }
        if self.altered > 0 {
            return "altered";
        }
        match self.worst {
            Some(Class::TooBig) => "too_big",
            Some(Class::TimeExceeded) => "time_exceeded",
            Some(Class::Unreachable | Class::Port) => "unreachable",
            Some(Class::Advice) | None => "silent",
        }
    }

    /// Why nothing of this is the target's or the path's, when nothing was answered: this host itself did not let it out.
    fn own_fault(&self, target: IpAddr, origin: Origin) -> Option<Fault> {
        const OPERATION: &str = "send ICMP echo request";
        if self.received + self.late + self.altered > 0 {
            return None;
        }
        let peer = SocketAddr::new(target, 0);
        if let Some(error) = this_host::route_error(peer, origin) {
            return Some(this_host::route_fault(&error, OPERATION, peer, origin));
        }
        if self.sent == 0
            && let Some(error) = &self.local
        {
            return Some(icmp_fault(error, OPERATION, target));
        }
        // The route may be back by now.
        let own = |report: &&IcmpError| report.router.is_none() && report.class == Class::Unreachable;
        if self.sent == 0
            && let Some(report) = self.reports.iter().find(own)
        {
            let remedy = format!("nothing is known of the target; on this host: {}", origin.route_command(target));
            return Some(Fault::local(OPERATION, target.to_string(), report.to_string(), remedy));
        }
        if let Some(why) = self.reports.iter().find_map(|report| this_host::rejection(report, target, origin)) {
            return Some(this_host::rejection_fault(why, OPERATION, peer));
        }
        let own_mtu = self.reports.iter().any(|report| {
            report.router.is_none()
                && report.class == Class::TooBig
                && this_host::interface_mtu(target, origin).is_ok_and(|mtu| mtu <= report.mtu)
        });
        own_mtu.then(|| oversize_fault(OPERATION, target, origin))
    }

    /// Records the facts. What this host itself kept from the path is a fault.
    pub(super) fn report(
        &self,
        cx: &mut Cx<'_>,
        (target, origin): (IpAddr, Origin),
        lateness: &Samples,
    ) -> Result<(), Fault> {
        if let Some(fault) = self.own_fault(target, origin) {
            return Err(fault);
        }
        let tried = self.tried();
        cx.set(&OUTCOME, self.outcome());
        // A probe that never left cannot be lost on the way.
        if self.sent > 0 {
            let lost = self.sent.saturating_sub(self.received + self.late + self.altered);
            cx.set(&LOSS, f64::from(lost) / f64::from(self.sent));
        }
        cx.set(&LOSS_RUN, self.loss_run());
        cx.set(&SENT, i64::from(self.sent));
        cx.set(&BLOCKED, i64::from(tried - self.sent));
        cx.set(&RECEIVED, i64::from(self.received));
        cx.set(&LATE, i64::from(self.late));
        cx.set(&ALTERED, i64::from(self.altered));
        cx.set(&DUPLICATES, self.duplicates);
        cx.set(&REORDERED, self.reordered);
        if let Some(jitter) = self.jitter.value() {
            cx.set(&JITTER, jitter);
        }
        cx.set(&ERRORS, self.listed());
        if let Some(mtu) = self.mtu {
            cx.set(&MTU, i64::from(mtu));
        }
        if self.highest.is_some() {
            let source = match (self.user_stamped, self.stamped == self.sent) {
                (true, _) => "user",
                (false, false) => "kernel",
                (false, true) => "kernel_both",
            };
            cx.set(&RTT_SOURCE, source);
            let rtt = cx.observation().merged(RTT.info.name);
            if let Some(limited) = is_host_limited(source, lateness, rtt.as_ref()) {
                cx.set(&HOST_LIMITED, limited);
            }
        }
        self.notes(cx);
        Ok(())
    }

    /// Most probes in a row that were sent and never answered.
    fn loss_run(&self) -> i64 {
        let (mut run, mut longest) = (0, 0);
        for probe in &self.probes {
            match probe {
                Probe::Waiting(_) | Probe::Refused(_) => run += 1,
                Probe::Answered => run = 0,
                Probe::Blocked => {}
            }
            longest = longest.max(run);
        }
        longest
    }

    fn listed(&self) -> Vec<String> {
        let mut list: Vec<String> = self.errors.iter().map(|(text, count)| format!("{text} x{count}")).collect();
        if self.unlisted > 0 {
            list.push(format!("others x{}", self.unlisted));
        }
        list
    }

    fn notes(&self, cx: &mut Cx<'_>) {
        if let Some((from, count)) = self.other_sender {
            let replies = counted(count, "reply");
            cx.note(format!("not counted: {replies} from another address, the first from {from}"));
        }
    }
}

/// The estimator of RFC 3550, section 6.4.1, over round-trip times.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Jitter {
    last: Option<f64>,
    value: Option<f64>,
}

impl Jitter {
    pub(super) fn add(&mut self, rtt: f64) {
        if let Some(last) = self.last.replace(rtt) {
            let before = self.value.unwrap_or(0.0);
            self.value = Some(before + ((rtt - last).abs() - before) / 16.0);
        }
    }

    /// `None` before the second sample.
    pub(super) fn value(&self) -> Option<f64> {
        self.value
    }
}

#[cfg(test)]
mod tests;
