//! One attempt: one query on a socket of its own, then every message that comes until the answer or the end of
//! patience.
//!
//! A reply from a wrong address is seen and counted: see [`udp::unconnected`](crate::net::datagram::udp::unconnected).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::message::{self, Received, Reply};
use super::question::Question;
use crate::model::count::counted;
use crate::model::{Fault, human_time};
use crate::net::clock::{ClockReading, MeasuredTime};
use crate::net::datagram::{self, Class, Event, IcmpError, udp};
use crate::net::{ConnectError, Deadline, Origin, connect, deadline, this_host};

/// Largest DNS message.
pub(crate) const LARGEST: usize = 65535;
/// Strays described one by one; more are only counted.
pub(crate) const DESCRIBED: usize = 8;

/// Whom to ask and how long to wait.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) server: SocketAddr,
    pub(crate) origin: Origin,
    pub(crate) patience: Duration,
    pub(crate) question: &'a Question,
    pub(crate) seed: u64,
}

/// The result of one attempt.
pub(crate) struct Exchange {
    pub(crate) outcome: &'static str,
    pub(crate) reply: Option<Box<Reply>>,
    /// Size of the reply.
    pub(crate) size: usize,
    /// From the query to its answer.
    pub(crate) rtt: Option<MeasuredTime>,
    /// TCP handshake, of transports on it.
    pub(crate) connect_time: Option<MeasuredTime>,
    /// Messages that were not an answer to the question.
    pub(crate) discarded: i64,
    /// Wrong addresses that sent what would have been the answer.
    pub(crate) unexpected_sources: Vec<SocketAddr>,
    pub(crate) notes: Vec<String>,
    /// How it ended, where that was no answer.
    pub(crate) ending: Option<String>,
}

impl Exchange {
    pub(crate) fn new() -> Self {
        Self {
            outcome: "timeout",
            reply: None,
            size: 0,
            rtt: None,
            connect_time: None,
            discarded: 0,
            unexpected_sources: Vec::new(),
            notes: Vec::new(),
            ending: None,
        }
    }

    pub(crate) fn ended(mut self, outcome: &'static str, why: impl Into<String>) -> Self {
        self.outcome = outcome;
        self.ending = Some(why.into());
        self
    }

    /// All evidence: the notes, and how it ended.
    pub(crate) fn evidence(&self) -> impl Iterator<Item = &String> {
        self.notes.iter().chain(&self.ending)
    }

    pub(crate) fn discard(&mut self, sender: SocketAddr, why: &str) {
        self.discarded += 1;
        if self.notes.len() < DESCRIBED {
            self.notes.push(format!("discarded a message of {sender}: {why}"));
        }
    }

    /// Takes a message that came `rtt` after the query; true when it ends the attempt.
    pub(crate) fn take(
        &mut self,
        bytes: &[u8],
        sender: SocketAddr,
        id: u16,
        request: &Request<'_>,
        rtt: MeasuredTime,
    ) -> bool {
        let ends = self.read(bytes, sender, id, request.question);
        if ends {
            self.rtt = Some(rtt);
            self.size = bytes.len();
        }
        ends
    }

    /// The same of a message whose time is kept elsewhere.
    pub(crate) fn read(&mut self, bytes: &[u8], sender: SocketAddr, id: u16, question: &Question) -> bool {
        match message::read(bytes, id, question) {
            Received::Stray(why) => {
                self.discard(sender, &why);
                return false;
            }
            Received::Malformed(why) => {
                self.outcome = "malformed";
                self.ending = Some(format!("the answer of {sender} is malformed: {why}"));
            }
            Received::Reply(reply) => {
                self.outcome = "answered";
                self.notes.extend(reply.anomalies.iter().take(DESCRIBED).cloned());
                if let Some(more) = reply.anomalies.len().checked_sub(DESCRIBED).filter(|more| *more > 0) {
                    self.notes.push(format!("and {more} more such defects of the answer"));
                }
                self.reply = Some(reply);
            }
        }
        true
    }
}

/// One attempt over UDP.
pub(crate) async fn udp(request: &Request<'_>) -> Result<Exchange, Fault> {
    let (id, query) = request.question.encode(request.seed)?;
    let server = request.server;
    let datagram = udp::unconnected(server, request.origin)?;
    let mut exchange = Exchange::new();
    let (sent, mut deadline) = (ClockReading::now(), Deadline::at(Instant::now() + request.patience));
    if let Err(error) = datagram.send(&query, Some(server)) {
        let report = datagram::reported(datagram.socket());
        if let Some(why) = report.as_ref().and_then(|report| this_host::rejection(report, server.ip(), request.origin))
        {
            return Err(this_host::rejection_fault(why, "send DNS query", server));
        }
        let why = ConnectError::classify(&error, "send DNS query", server, request.origin)?;
        let why = why.reported_by(report.as_ref());
        return Ok(refused(exchange, &why, &datagram_error(&why, server, request.patience)));
    }
    let mut buffer = vec![0_u8; LARGEST];
    loop {
        let arrival = match deadline.wait(datagram.next(&mut buffer)).await {
            Err(_) => {
                let patience = human_time(request.patience);
                return Ok(exchange.ended("timeout", format!("no answer from {server} (UDP) within {patience}")));
            }
            Ok(Ok(Event::Arrival(arrival))) => arrival,
            Ok(Ok(Event::IcmpError(report))) if report.class == Class::Advice => continue,
            Ok(Ok(Event::IcmpError(report))) => return reported(exchange, &report, request),
            Ok(Ok(Event::Failed(error)) | Err(error)) => return failed(exchange, &error, request),
        };
        let (length, stamp) = sent.elapsed(ClockReading::now(), arrival.stamp);
        let Some(sender) = arrival.sender else { continue };
        let message = buffer.get(..arrival.kept).unwrap_or_default();
        if !udp::same_endpoint(sender, server) {
            exchange.discard(sender, &format!("it does not come from {server}"));
            if exchange.unexpected_sources.len() < DESCRIBED && !exchange.unexpected_sources.contains(&sender) {
                let read = message::read(message, id, request.question);
                exchange.unexpected_sources.extend(matches!(read, Received::Reply(_)).then_some(sender));
            }
        } else if exchange.take(message, sender, id, request, MeasuredTime { length, stamp }) {
            return Ok(exchange);
        }
    }
}

/// An ICMP error in answer to the query: of the path or the server a fact, with its sender; this host's own a fault.
fn reported(exchange: Exchange, report: &IcmpError, request: &Request<'_>) -> Result<Exchange, Fault> {
    const OPERATION: &str = "exchange DNS messages";
    let Request { server, origin, .. } = *request;
    if let Some(why) = this_host::rejection(report, server.ip(), origin) {
        return Err(this_host::rejection_fault(why, OPERATION, server));
    }
    if report.class == Class::Port {
        return Ok(exchange.ended("refused", format!("nothing listens on UDP {server} ({report})")));
    }
    match this_host::route_error(server, origin) {
        Some(why) => Err(this_host::route_fault(&why, OPERATION, server, origin)),
        None => Ok(exchange.ended("unreachable", format!("{server} cannot be reached: {report}"))),
    }
}

/// One attempt over TCP; connecting and the exchange share one patience.
pub(crate) async fn tcp(request: &Request<'_>) -> Result<Exchange, Fault> {
    let (id, query) = request.question.encode(request.seed)?;
    let (server, mut end) = (request.server, Instant::now() + request.patience);
    let mut exchange = Exchange::new();
    let mut stream = match connect(server, request.origin, request.patience).await? {
        Ok(dialled) => {
            exchange.connect_time = Some(dialled.took);
            exchange.notes.extend(dialled.note(server));
            end += dialled.waited;
            dialled.stream
        }
        Err(why) => return Ok(refused(exchange, &why, &why.sentence(server, request.patience))),
    };
    let framed = framed(&query);
    let sent = Instant::now();
    match deadline::until(end, stream.write_all(&framed)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return failed(exchange, &error, request),
        Err(_) => {
            return Ok(
                exchange.ended("timeout", format!("{server} took no query within {}", human_time(request.patience)))
            );
        }
    }
    let (mut buffer, mut deadline) = (Vec::new(), Deadline::at(end));
    loop {
        match deadline.wait(frame(&mut stream, &mut buffer)).await {
            Err(_) => {
                let (patience, came) = (human_time(request.patience), counted(buffer.len(), "byte"));
                let why = format!("no complete answer from {server} (TCP) within {patience}; {came} came");
                return Ok(exchange.ended("timeout", why));
            }
            Ok(Err(error)) => return failed(exchange, &error, request),
            Ok(Ok(false)) => {
                let came = counted(buffer.len(), "byte");
                let why = format!("{server} closed the connection before a complete answer; {came} came");
                return Ok(exchange.ended("closed", why));
            }
            Ok(Ok(true)) => {}
        }
        let rtt = MeasuredTime::by_user(sent.elapsed());
        if exchange.take(buffer.get(2..).unwrap_or_default(), server, id, request, rtt) {
            return Ok(exchange);
        }
    }
}

/// A message with its length before it.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let mut framed = u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes().to_vec();
    framed.extend_from_slice(message);
    framed
}

/// Reads a length and that many bytes, prefix included; false when the peer closed before the end.
/// Bytes are taken as they come: the claimed length alone never decides how much memory is used.
pub(crate) async fn frame(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> io::Result<bool> {
    buffer.clear();
    loop {
        let wanted = match buffer.get(..2) {
            Some(&[high, low]) => 2 + usize::from(u16::from_be_bytes([high, low])),
            _ => 2,
        };
        let missing = wanted.saturating_sub(buffer.len());
        if missing == 0 {
            return Ok(true);
        }
        let mut part = (&mut *stream).take(missing as u64);
        if part.read_buf(buffer).await? == 0 {
            return Ok(false);
        }
    }
}

pub(crate) fn refused(exchange: Exchange, why: &ConnectError, sentence: &str) -> Exchange {
    exchange.ended(why.word(), sentence)
}

/// How an error of a socket for datagrams reads.
fn datagram_error(error: &ConnectError, server: SocketAddr, patience: Duration) -> String {
    match error {
        ConnectError::Refused => format!("nothing listens on UDP {server} (ICMP port unreachable)"),
        ConnectError::RefusedBy(why) => format!("nothing listens on UDP {server} ({why})"),
        other => other.sentence(server, patience),
    }
}

/// An error of an established exchange; ICMP "administratively prohibited" and its like arrive as errors of the socket.
fn failed(exchange: Exchange, error: &io::Error, request: &Request<'_>) -> Result<Exchange, Fault> {
    let Request { server, origin, .. } = *request;
    if let Some(libc::EACCES | libc::EPROTO | libc::EMSGSIZE) = error.raw_os_error() {
        return Ok(exchange.ended("unreachable", format!("{server} cannot be reached: {error}")));
    }
    let why = ConnectError::classify(error, "exchange DNS messages", server, origin)?;
    let sentence = match &why {
        ConnectError::Reset => format!("{server} reset the connection before a complete answer"),
        other => datagram_error(other, server, Duration::ZERO),
    };
    Ok(refused(exchange, &why, &sentence))
}
