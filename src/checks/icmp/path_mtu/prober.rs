//! Sends packets of chosen lengths one after the other, and hears what becomes of them.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::checks::shared::mtu_search::Search;
use crate::model::Fault;
use crate::net::datagram::{Arrival, Class, Event, IcmpError};
use crate::net::deadline::until;
use crate::proto::icmp::{Number, Pinger, Received, icmp_fault};

/// A reply is waited for as long as four of the longest so far took, and this.
const LEAST_PATIENCE: Duration = Duration::from_millis(200);
/// Different errors kept by name.
const ERRORS_KEPT: usize = 16;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LengthOutcome {
    Passed,
    TooBig,
    /// This host itself takes none of this length.
    OwnLimit,
    Unreachable,
    Silent,
}

/// What the router with the smallest MTU said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    pub(super) router: IpAddr,
    pub(super) mtu: Option<u32>,
}

pub(super) struct Prober {
    pub(super) pinger: Pinger,
    pub(super) target: IpAddr,
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
    /// The length of each probe, by its number.
    lengths: Vec<usize>,
    pub(super) blocked: u32,
    pub(super) errors: BTreeMap<String, u64>,
    pub(super) report: Option<Report>,
    longest: Option<Duration>,
    next: Instant,
    buffer: Vec<u8>,
}

impl Prober {
    pub(super) fn new(pinger: Pinger, target: IpAddr, interval: Duration, timeout: Duration) -> Self {
        let buffer = vec![0; pinger.room()];
        Self {
            pinger,
            target,
            interval,
            timeout,
            lengths: Vec::new(),
            blocked: 0,
            errors: BTreeMap::new(),
            report: None,
            longest: None,
            next: Instant::now(),
            buffer,
        }
    }

    /// Probes that left.
    pub(super) fn sent(&self) -> usize {
        self.lengths.len() - self.blocked as usize
    }

    /// Bytes before the payload.
    pub(super) fn overhead(&self) -> usize {
        if self.target.is_ipv6() { 48 } else { 28 }
    }

    /// Sends one packet of this length, and waits for what becomes of it.
    pub(super) async fn probe(&mut self, length: usize, search: &mut Search) -> Result<LengthOutcome, Fault> {
        sleep_until(self.next).await;
        let number = u32::try_from(self.lengths.len()).unwrap_or(u32::MAX);
        self.lengths.push(length);
        let packet = self.pinger.sized(length.saturating_sub(self.overhead())).request(number);
        let start = Instant::now();
        self.next = start + self.interval;
        if let Err(error) = self.pinger.send(&packet) {
            self.blocked += 1;
            return self.refused(&error, search);
        }
        let patience = self.longest.map_or(self.timeout, |rtt| self.timeout.min(rtt * 4 + LEAST_PATIENCE));
        let end = start + patience;
        loop {
            let Ok(event) = until(end, self.pinger.datagram.next(&mut self.buffer)).await else {
                return Ok(LengthOutcome::Silent);
            };
            match event.map_err(|error| icmp_fault(&error, "receive ICMP", self.target))? {
                Event::Arrival(arrival) => {
                    if self.arrived(&arrival, search) == Some(number) {
                        self.longest = self.longest.max(Some(start.elapsed()));
                        return Ok(LengthOutcome::Passed);
                    }
                }
                Event::IcmpError(report) => {
                    if let Some(tried) = self.reported(&report, number, search) {
                        return Ok(tried);
                    }
                }
                Event::Failed(error) => self.list(format!("{error} from this host")),
            }
        }
    }

    /// This host did not take the packet.
    fn refused(&mut self, error: &io::Error, search: &mut Search) -> Result<LengthOutcome, Fault> {
        while let Some(report) = self.pinger.datagram.icmp_error(&mut self.buffer) {
            self.reported(&report, u32::MAX, search);
        }
        match error.raw_os_error() {
            Some(libc::EMSGSIZE) => Ok(LengthOutcome::OwnLimit),
            Some(libc::ENOBUFS | libc::ENOMEM | libc::EAGAIN) => {
                self.list("queue_full from this host".to_owned());
                Ok(LengthOutcome::Silent)
            }
            _ => Err(icmp_fault(error, "send ICMP echo request", self.target)),
        }
    }

    /// The probe whose packet came back as it was sent.
    fn arrived(&self, arrival: &Arrival, search: &mut Search) -> Option<u32> {
        let packet = self.buffer.get(..arrival.kept)?;
        arrival.from.is_none_or(|from| from == self.target).then_some(())?;
        // The number says which length was sent.
        let (Received::Reply(Number::Exact(number)) | Received::Altered(Number::Exact(number))) =
            self.pinger.read(packet)
        else {
            return None;
        };
        let length = *self.lengths.get(usize::try_from(number).ok()?)?;
        let own = self.pinger.read_sized(packet, length.saturating_sub(self.overhead()));
        (own == Received::Reply(Number::Exact(number))).then_some(())?;
        search.passed(length);
        Some(number)
    }

    /// An error report: what it says of probe `number`, if it is about that one.
    fn reported(&mut self, report: &IcmpError, number: u32, search: &mut Search) -> Option<LengthOutcome> {
        let quoted = self.pinger.echo.quoted(self.buffer.get(..report.quoted)?)?;
        let of = quoted.of(u32::try_from(self.lengths.len()).ok()?)?;
        let length = *self.lengths.get(usize::try_from(of).ok()?)?;
        self.list(report.to_string());
        if report.class == Class::TooBig
            && let Some(router) = report.router
        {
            let mtu = report.mtu.filter(|mtu| (*mtu as usize) < length);
            if let Some(mtu) = mtu {
                search.hint(mtu as usize);
            }
            search.failed(length);
            let smaller =
                self.report.is_none_or(|known| mtu.is_some_and(|mtu| known.mtu.is_none_or(|known| mtu < known)));
            if smaller {
                self.report = Some(Report { router, mtu });
            }
        }
        (of == number).then_some(match report.class {
            Class::TooBig => Some(LengthOutcome::TooBig),
            Class::Unreachable | Class::Port | Class::TimeExceeded => Some(LengthOutcome::Unreachable),
            Class::Advice => None,
        })?
    }

    fn list(&mut self, text: String) {
        if self.errors.len() < ERRORS_KEPT || self.errors.contains_key(&text) {
            *self.errors.entry(text).or_default() += 1;
        }
    }
}
