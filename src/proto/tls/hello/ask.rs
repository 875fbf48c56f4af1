//! One hello over a connection that is already there, and what comes back.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::{Alert, Flight, Hello, Parser, ParserState};
use crate::model::Fault;
use crate::net::dial::ConnectError;
use crate::net::{Deadline, Origin};

/// How the bytes of a hello leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendMode {
    /// At once.
    Whole,
    /// In two TCP segments, the second after this time.
    Halves(Duration),
}

/// The end of a hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HelloAnswer {
    /// The server chose: its hello is there, and as much of the rest as came.
    Flight(Box<Flight>),
    /// It refused.
    Alert(Alert),
    /// It closed without a word.
    Closed,
    /// RST.
    Reset,
    /// Silence, or not enough within the time.
    Timeout,
    /// No connection, or an ICMP error in the middle.
    Unconnected(ConnectError),
    /// The answer is not TLS; what it is instead.
    NotTls(String),
}

/// Sends `hello` and reads until the server has said everything that comes in clear, within `patience` for the whole.
/// `Err` is a fault of this side.
pub async fn ask(
    stream: &mut TcpStream,
    peer: SocketAddr,
    hello: &[u8],
    sending: SendMode,
    patience: Duration,
) -> Result<HelloAnswer, Fault> {
    let end = Instant::now() + patience;
    if let Err(error) = send(stream, hello, sending).await
        && !matches!(ConnectError::classify(&error, "send a TLS hello", peer, Origin::default())?, ConnectError::Reset)
    {
        return ConnectError::classify(&error, "send a TLS hello", peer, Origin::default())
            .map(HelloAnswer::Unconnected);
    }
    let mut parser = Parser::default();
    let mut buffer = vec![0_u8; 16 * 1024];
    let mut deadline = Deadline::at(end);
    let answer = loop {
        let read = match deadline.wait(stream.read(&mut buffer)).await {
            Err(_) => break HelloAnswer::Timeout,
            Ok(Err(error)) => match ConnectError::classify(&error, "read a TLS answer", peer, Origin::default())? {
                ConnectError::Reset | ConnectError::Refused | ConnectError::RefusedBy(_) => break HelloAnswer::Reset,
                ConnectError::Timeout => break HelloAnswer::Timeout,
                other @ ConnectError::Unreachable(_) => break HelloAnswer::Unconnected(other),
            },
            Ok(Ok(0)) if parser.is_empty() => break HelloAnswer::Closed,
            Ok(Ok(0)) => break HelloAnswer::NotTls("it closed in the middle of its answer".to_owned()),
            Ok(Ok(read)) => read,
        };
        match parser.feed(buffer.get(..read).unwrap_or_default()) {
            ParserState::More => {}
            ParserState::Complete => break HelloAnswer::Closed,
            ParserState::Alert(alert) if alert.0 == 0 => break HelloAnswer::Closed,
            ParserState::Alert(alert) => break HelloAnswer::Alert(alert),
            ParserState::NotTls(why) => break HelloAnswer::NotTls(why),
            ParserState::TooMuch => break HelloAnswer::NotTls("its answer does not end".to_owned()),
        }
    };
    let flight = parser.into_flight();
    // A server that has chosen has answered, however the rest ended.
    Ok(if flight.hello.is_some() { HelloAnswer::Flight(Box::new(flight)) } else { answer })
}

async fn send(stream: &mut TcpStream, hello: &[u8], sending: SendMode) -> std::io::Result<()> {
    let (first, second) = match sending {
        SendMode::Whole => (hello, &[][..]),
        SendMode::Halves(_) => hello.split_at(hello.len() / 2),
    };
    stream.write_all(first).await?;
    if let SendMode::Halves(pause) = sending {
        tokio::time::sleep(pause).await;
        stream.write_all(second).await?;
    }
    Ok(())
}

impl Hello {
    /// Whether `answer` chose something that this hello did not offer: a server that does not read the list.
    #[must_use]
    pub fn was_ignored(&self, flight: &Flight) -> bool {
        flight.hello.as_ref().is_some_and(|hello| !self.suites.contains(&hello.suite))
    }
}
