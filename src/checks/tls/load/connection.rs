//! One of the connections of a load: handshake after handshake.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::counts::HandshakeCounts;
use super::load_run::{LoadRun, Period};
use crate::model::Fault;
use crate::net::clock::MeasuredTime;
use crate::net::dial::{self, ConnectError};
use crate::net::sys::timer::Timer;
use crate::proto::tls::{HandshakeEnd, LoadClient, LoadStream, await_ticket, resumed};

/// A connection pauses after an error, longer after each further one: a server that is down is not hammered.
const PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(320);

/// One connection after the other.
pub(super) struct Connection<'a> {
    pub(super) load: &'a LoadRun,
    pub(super) client: Arc<LoadClient>,
    pub(super) timer: Option<Timer>,
    pub(super) counts: &'a RefCell<HandshakeCounts>,
}

/// A completed handshake.
struct CompletedHandshake {
    at: Instant,
    resumed: bool,
}

/// Why a handshake was not completed.
enum ConnectionFailure {
    /// The server or the path; the kind of error.
    Remote(String),
    /// This host has no port left.
    NoPort,
}

impl Connection<'_> {
    /// The session that the first handshake will resume. Not counted, unless it fails.
    pub(super) async fn first_session(&self) -> Result<(), Fault> {
        if let Err(ConnectionFailure::Remote(kind)) = self.attempt().await? {
            let mut counts = self.counts.borrow_mut();
            counts.begun += 1;
            counts.fail(kind);
        }
        Ok(())
    }

    pub(super) async fn run(&self, period: &Period) -> Result<(), Fault> {
        let mut pause = PAUSE;
        while let Some(from) = self.load.next(period, self.timer.as_ref()).await? {
            if self.timer.is_some() {
                self.counts.borrow_mut().lateness.record(from.elapsed().as_secs_f64());
            }
            let outcome = self.attempt().await?;
            if self.count(outcome, from, period) {
                pause = PAUSE;
                continue;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Ok(())
    }

    /// Counts a handshake; true when it was completed.
    fn count(&self, outcome: Result<CompletedHandshake, ConnectionFailure>, from: Instant, period: &Period) -> bool {
        let mut counts = self.counts.borrow_mut();
        counts.begun += u64::from(!matches!(outcome, Err(ConnectionFailure::NoPort)));
        match outcome {
            Ok(done) => {
                counts.complete(from, done.at, period.end, done.resumed);
                return true;
            }
            Err(ConnectionFailure::Remote(kind)) => counts.fail(kind),
            Err(ConnectionFailure::NoPort) => counts.no_port += 1,
        }
        false
    }

    /// One connection from SYN to `close_notify`.
    async fn attempt(&self) -> Result<Result<CompletedHandshake, ConnectionFailure>, Fault> {
        let limit = self.load.connector.timeout;
        let begun = Instant::now();
        // The connection tells by itself when it took too long, and whether that was this host's own doing.
        let stream = match self.connect(limit).await? {
            Ok(stream) => stream,
            Err(failure) => return Ok(Err(failure)),
        };
        let step = Cell::new("to the go-ahead of STARTTLS");
        match timeout_at(begun + limit, self.handshake(stream, &step)).await {
            Ok(Ok(Ok(stream))) => self.close(stream).await,
            Ok(Ok(Err(failure))) => Ok(Err(failure)),
            Ok(Err(fault)) => Err(fault),
            Err(_) => Ok(Err(ConnectionFailure::Remote(format!("it took more than {limit:?} {}", step.get())))),
        }
    }

    async fn handshake(
        &self,
        stream: TcpStream,
        step: &Cell<&'static str>,
    ) -> Result<Result<LoadStream, ConnectionFailure>, Fault> {
        let connector = &self.load.connector;
        let stream = match connector.upgrade(stream, MeasuredTime::by_user(Duration::ZERO)).await? {
            Ok(connection) => connection.stream,
            Err(error) => return Ok(Err(ConnectionFailure::Remote(format!("STARTTLS: {}", error.outcome())))),
        };
        step.set("to the end of the handshake");
        Ok(self.client.handshake(stream).await?.map_err(|end| ConnectionFailure::Remote(error_kind(&end))))
    }

    async fn connect(&self, limit: Duration) -> Result<Result<TcpStream, ConnectionFailure>, Fault> {
        let (peer, origin) = (self.load.connector.peer, self.load.connector.origin);
        let end = match dial::try_connect(dial::open(peer, origin)?, peer, origin, limit).await {
            Ok(dialled) => return Ok(Ok(dialled.stream)),
            Err(end) if end.no_port_left() => return Ok(Err(ConnectionFailure::NoPort)),
            Err(end) => end.judge(peer, origin)?,
        };
        Ok(Err(ConnectionFailure::Remote(match end {
            ConnectError::Timeout => format!("it took more than {limit:?} to the connection"),
            other => format!("no connection: {}", other.word()),
        })))
    }

    /// The end of a handshake, and a `close_notify` that is no part of it.
    async fn close(&self, mut stream: LoadStream) -> Result<Result<CompletedHandshake, ConnectionFailure>, Fault> {
        let done = CompletedHandshake { at: Instant::now(), resumed: resumed(&stream) };
        if self.load.settings.resume
            && let Ok(Err(error)) = timeout(self.load.ticket_wait, await_ticket(&mut stream)).await
        {
            let end = self.client.classify(&error)?;
            return Ok(Err(ConnectionFailure::Remote(format!("after the handshake: {}", error_kind(&end)))));
        }
        if self.load.settings.reset {
            let _ = stream.get_ref().0.set_zero_linger();
        } else {
            // A server that is gone by now was there when it mattered.
            let _ = tokio::io::AsyncWriteExt::shutdown(&mut stream).await;
        }
        Ok(Ok(done))
    }
}

fn error_kind(end: &HandshakeEnd) -> String {
    match end {
        HandshakeEnd::Completed(_) => "completed".to_owned(),
        HandshakeEnd::Timeout => "the connection timed out".to_owned(),
        HandshakeEnd::Reset => "reset during the handshake".to_owned(),
        HandshakeEnd::Closed => "closed during the handshake".to_owned(),
        HandshakeEnd::Unreachable(why) => why.clone(),
        HandshakeEnd::NotTls(why) => format!("not TLS ({why})"),
        HandshakeEnd::Alert(alert) => format!("TLS alert {alert}"),
    }
}
