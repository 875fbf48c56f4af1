//! One UDP exchange: any answer shows that the way is open.

use std::net::SocketAddr;

use tokio::time::Instant;

use super::facts::{NONCE, OUTCOME, RESPONSE_TIME};
use crate::checks::shared::target::Target;
use crate::checks::shared::udp_payloads;
use crate::model::human_time;
use crate::net::clock::{ClockReading, MeasuredTime};
use crate::net::datagram::{Arrival, Class, Datagram, Event, IcmpError, udp};
use crate::net::dial::{ConnectError, local_fault, meets_itself};
use crate::net::{Origin, bytes, deadline, this_host};
use crate::probe::{Cx, EarlyEnd};

/// Stands before the number, for who reads a capture.
const TAG: &str = "shakedown reach ";
/// Bytes looked at of an answer.
const ROOM: usize = 2048;

/// Sends what the protocol of the port answers, else a number that an echo sends back.
pub(super) async fn udp(target: &Target, peer: SocketAddr, cx: &mut Cx<'_>) -> Result<(), EarlyEnd> {
    let datagram = udp::connected(peer, target.origin)?.map_err(|error| refusal(&error, peer))?;
    if meets_itself(datagram.socket(), peer) {
        return Err(EarlyEnd::outcome("refused", format!("nothing listens on UDP {peer}")));
    }
    let nonce = format!("{TAG}{:016x}", cx.seed()).into_bytes();
    let known = udp_payloads::of(peer.port());
    let sent = ClockReading::now();
    let end = Instant::now() + target.timeout;
    if let Err(error) = datagram.send(if known.is_empty() { &nonce } else { &known }, None) {
        let report = datagram.icmp_error(&mut [0; 64]);
        return Err(
            report.map_or_else(|| failed(&error, peer, target.origin), |report| reported(&report, peer, target.origin))
        );
    }
    let mut buffer = vec![0; ROOM];
    match deadline::until(end, answer(&datagram, &mut buffer, peer, target)).await {
        Err(_) => {
            let why = format!("no answer from {peer} (UDP) within {}", human_time(target.timeout));
            Err(EarlyEnd::outcome("silent", why))
        }
        Ok(Err(end)) => Err(end),
        Ok(Ok(arrival)) => {
            let (length, stamp) = sent.elapsed(ClockReading::now(), arrival.stamp);
            cx.set(&OUTCOME, "open");
            cx.record_measured(&RESPONSE_TIME, MeasuredTime { length, stamp });
            cx.set(&NONCE, bytes::contains(buffer.get(..arrival.kept).unwrap_or_default(), &nonce));
            Ok(())
        }
    }
}

async fn answer(
    datagram: &Datagram,
    buffer: &mut [u8],
    peer: SocketAddr,
    target: &Target,
) -> Result<Arrival, EarlyEnd> {
    loop {
        let event = datagram.next(buffer).await.map_err(|error| local_fault(&error, "receive UDP datagram", peer))?;
        match event {
            Event::Arrival(arrival) => return Ok(arrival),
            Event::IcmpError(report) if report.class == Class::Advice => {}
            Event::IcmpError(report) => return Err(reported(&report, peer, target.origin)),
            Event::Failed(error) => return Err(failed(&error, peer, target.origin)),
        }
    }
}

fn reported(report: &IcmpError, peer: SocketAddr, origin: Origin) -> EarlyEnd {
    if let Some(why) = this_host::rejection(report, peer.ip(), origin) {
        return this_host::rejection_fault(why, "exchange UDP datagrams", peer).into();
    }
    let what = format!("UDP {peer}: {report}");
    if report.class == Class::Port || prohibits(&report.word) {
        EarlyEnd::outcome("refused", what)
    } else {
        EarlyEnd::outcome("unreachable", what)
    }
}

fn failed(error: &std::io::Error, peer: SocketAddr, origin: Origin) -> EarlyEnd {
    match ConnectError::classify(error, "exchange UDP datagrams", peer, origin) {
        Ok(error) => refusal(&error, peer),
        Err(fault) => fault.into(),
    }
}

fn refusal(error: &ConnectError, peer: SocketAddr) -> EarlyEnd {
    let word = match error {
        ConnectError::Refused | ConnectError::RefusedBy(_) => "refused",
        ConnectError::Unreachable(why) if prohibits(why) => "refused",
        ConnectError::Unreachable(_) => "unreachable",
        ConnectError::Timeout | ConnectError::Reset => "silent",
    };
    let how = match error {
        ConnectError::RefusedBy(why) | ConnectError::Unreachable(why) => format!("UDP {peer}: {why}"),
        _ => format!("UDP {peer} answered with an ICMP error"),
    };
    EarlyEnd::outcome(word, how)
}

/// Whether an ICMP error is that of a firewall: a refusal, as a RST is.
pub(super) fn prohibits(why: &str) -> bool {
    ["prohibited", "source_policy", "reject_route", "a firewall"].iter().any(|word| why.contains(word))
}
