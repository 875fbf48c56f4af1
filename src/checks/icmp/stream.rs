//! The stream of probes: one task, an absolute schedule, a socket that never blocks it.

use std::io;
use std::net::IpAddr;

use tokio::time::Instant;

use super::Icmp;
use super::facts::LATENESS;
use super::tally::Tally;
use crate::model::Fault;
use crate::net::Pacer;
use crate::net::clock::Reading;
use crate::net::datagram::{Arrival, Class, Event, IcmpError};
use crate::probe::Cx;
use crate::proto::icmp::{Heard, Pinger, icmp_fault};

/// One run of a check.
struct Stream<'a, 'b> {
    check: &'a Icmp,
    pinger: Pinger,
    target: IpAddr,
    tally: Tally,
    /// Quoted packets and replies land here.
    buffer: Vec<u8>,
    cx: &'a mut Cx<'b>,
}

/// Sends all probes, hears the replies, and records what became of them. The socket closes when this ends or is dropped.
pub(super) async fn run(check: &Icmp, pinger: Pinger, target: IpAddr, cx: &mut Cx<'_>) -> Result<(), Fault> {
    let buffer = vec![0; pinger.room()];
    let tally = Tally::new(check.target.timeout);
    let mut stream = Stream { check, pinger, target, tally, buffer, cx };
    stream.converse().await?;
    stream.tally.report(stream.cx, stream.target)
}

impl Stream<'_, '_> {
    async fn converse(&mut self) -> Result<(), Fault> {
        let pacer = Pacer::new(self.check.interval);
        let mut end = pacer.due(self.check.count) + self.check.target.timeout;
        loop {
            let next = self.tally.tried();
            let more = next < self.check.count;
            if !more && self.tally.settled() {
                return Ok(());
            }
            let wake = if more { pacer.due(next) } else { end };
            // No `biased`: neither a flood of replies nor an overdue schedule may starve the other.
            tokio::select! {
                () = reach(wake) => {
                    if !more {
                        return Ok(());
                    }
                    self.send(next, wake);
                    end = Instant::now() + self.check.target.timeout;
                }
                event = self.pinger.datagram.next(&mut self.buffer) => {
                    self.hear(event.map_err(|error| icmp_fault(&error, "receive ICMP", self.target))?);
                }
            }
        }
    }

    fn send(&mut self, number: u32, due: Instant) {
        self.cx.record_time(&LATENESS, due.elapsed());
        let at = Reading::now();
        match self.pinger.send(number) {
            Ok(()) => self.tally.sent(at),
            Err(error) => self.refused(error),
        }
    }

    /// This host did not take the packet. The kernel's report, where there is one, knows the MTU.
    fn refused(&mut self, error: io::Error) {
        let report = error.raw_os_error().and_then(|errno| {
            // Older reports about other probes may come first; they are not lost.
            while let Some(report) = self.pinger.datagram.icmp_error(&mut self.buffer) {
                if report.router.is_none() && report.class == Class::TooBig {
                    return Some(report);
                }
                self.said(&report);
            }
            IcmpError::from_errno(errno, None)
        });
        self.tally.blocked(report, error);
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Arrival(arrival) => self.arrived(&arrival),
            Event::IcmpError(report) => self.said(&report),
            Event::Failed(error) => self.tally.failed(&error),
        }
    }

    fn arrived(&mut self, arrival: &Arrival) {
        let now = Reading::now();
        let packet = self.buffer.get(..arrival.kept).unwrap_or_default();
        match self.pinger.read(packet) {
            Heard::Other => {}
            Heard::Damaged => self.tally.damaged(),
            Heard::Reply(_) if arrival.from.is_some_and(|from| from != self.target) => {
                self.tally.foreign(arrival.from);
            }
            Heard::Reply(number) => self.tally.reply(number, now, arrival, self.cx),
        }
    }

    /// An error report; one that quotes a packet must quote one of ours.
    fn said(&mut self, report: &IcmpError) {
        let quoted = self.buffer.get(..report.quoted).unwrap_or_default();
        if let Some(number) = self.pinger.echo.quoted(quoted) {
            self.tally.said(report, number);
        }
    }
}

/// Waits for `wake`, and not at all once it is there: the timer alone would round up to its next millisecond.
async fn reach(wake: Instant) {
    if wake > Instant::now() {
        tokio::time::sleep_until(wake).await;
    }
}
