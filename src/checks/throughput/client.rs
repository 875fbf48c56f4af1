//! The conversation with the server: agreeing on a test, and exchanging results.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, sleep, timeout};

use super::completed_test::CompletedTest;
use super::settings::Settings;
use crate::model::Fault;
use crate::net::datagram::udp;
use crate::net::dial::{self, ConnectError};
use crate::net::{Origin, connect, deadline};
use crate::probe::EarlyEnd;
use crate::proto::iperf3::frame::{self, Cookie, RESULTS_CAP};
use crate::proto::iperf3::{DataSocket, Flow, Results, Transport, datagram, flow, socket, state};

/// Hellos of one UDP stream; the first or its answer may be lost.
const HELLOS: u32 = 3;
/// Datagrams before the answer to a hello that are skipped: in a download data may overtake it.
const OVERTAKING: usize = 64;
/// After the end, streams are read until nothing came for this long …
pub(super) const SILENCE: Duration = Duration::from_millis(50);
/// … at most this long.
const DRAIN: Duration = Duration::from_secs(1);
/// How long iperf3 may take to hang up after a test …
const CLOSING: Duration = Duration::from_secs(1);
/// … and then to listen again.
const REOPENING: Duration = Duration::from_millis(100);

/// Who is refused, or reset before the first word, comes again after this pause …
const COMEBACK: Duration = Duration::from_millis(200);
/// … this often.
const COMEBACKS: u32 = 5;

/// A connection that did not come about.
pub(super) fn not_connected(error: &ConnectError, peer: SocketAddr, patience: Duration) -> EarlyEnd {
    EarlyEnd::outcome(error.word(), error.sentence(peer, patience))
}

/// Sorts an error of a socket: the peer's doing is an outcome, anything else a fault.
pub(super) fn failed(error: &io::Error, operation: &str, peer: SocketAddr) -> EarlyEnd {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            EarlyEnd::outcome("reset", format!("{operation}: the server closed the connection"))
        }
        io::ErrorKind::InvalidData => EarlyEnd::outcome("protocol_error", format!("{operation}: {error}")),
        // The port of a running test refuses: the server is gone.
        io::ErrorKind::ConnectionRefused => EarlyEnd::outcome("reset", format!("{operation}: {error}")),
        _ => match ConnectError::classify(error, operation, peer, Origin::default()) {
            Ok(connect_error) => EarlyEnd::outcome(connect_error.word(), format!("{operation}: {error}")),
            Err(fault) => EarlyEnd::Fault(fault),
        },
    }
}

/// One test.
pub(super) struct Client<'s> {
    pub(super) control: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) settings: &'s Settings,
    cookie: Cookie,
}

impl<'s> Client<'s> {
    fn new(control: TcpStream, peer: SocketAddr, settings: &'s Settings) -> Self {
        Self { control, peer, settings, cookie: frame::make_cookie() }
    }

    /// Connects, and is let in. iperf3 closes its port after a test and opens it again: who connects in between is reset
    /// before the first word, or refused, and comes again for a second, as long as the patience allows.
    pub(super) async fn meet(peer: SocketAddr, settings: &'s Settings) -> Result<Self, EarlyEnd> {
        let patience = Instant::now() + settings.target.timeout;
        let mut left = COMEBACKS;
        loop {
            let end = match Self::enter(peer, settings).await {
                Err(EarlyEnd::Outcome { word: word @ ("reset" | "refused"), evidence }) => (word, evidence),
                other => return other,
            };
            if left == 0 || Instant::now() + COMEBACK >= patience {
                return Err(EarlyEnd::Outcome { word: end.0, evidence: end.1 });
            }
            left -= 1;
            sleep(COMEBACK).await;
        }
    }

    /// Connects, names the test and waits to be asked for the parameters.
    async fn enter(peer: SocketAddr, settings: &'s Settings) -> Result<Self, EarlyEnd> {
        let control = match connect(peer, settings.target.origin, settings.target.timeout).await? {
            Ok(dialled) => dialled.stream,
            Err(error) => return Err(not_connected(&error, peer, settings.target.timeout)),
        };
        let mut client = Self::new(control, peer, settings);
        // A busy server may have closed already; its answer is read below, so a failed write does not matter.
        let _ = client.control.write_all(&client.cookie).await;
        client.expect_state(state::PARAM_EXCHANGE).await?;
        Ok(client)
    }

    /// From the parameters to `TEST_RUNNING`; each answer of the server has the patience.
    pub(super) async fn negotiate(&mut self) -> Result<Vec<Flow>, EarlyEnd> {
        let params = self.settings.params.to_json();
        self.bounded("send parameters", async |control| frame::write_json(control, &params).await).await?;
        self.expect_state(state::CREATE_STREAMS).await?;
        let mut flows = Vec::new();
        for (index, serves) in (0..).zip(self.settings.params.server_sends()) {
            let wire = match self.settings.params.transport {
                Transport::Tcp => self.open_tcp().await?,
                Transport::Udp => self.open_udp().await?,
            };
            flows.push(Flow::new(index, !serves, wire));
        }
        self.expect_state(state::TEST_START).await?;
        self.expect_state(state::TEST_RUNNING).await?;
        Ok(flows)
    }

    /// From `TEST_END` to the server's results; each answer of the server has the patience.
    pub(super) async fn conclude(
        &mut self,
        flows: &[Flow],
        completed_test: &mut CompletedTest,
    ) -> Result<Results, EarlyEnd> {
        self.send_state(state::TEST_END).await?;
        self.expect_state(state::EXCHANGE_RESULTS).await?;
        if flows.iter().any(|flow| !flow.sends()) {
            flow::quiet(flows, SILENCE, DRAIN).await;
        }
        completed_test.tasks.stop_receivers().await;
        let mine = Results {
            cpu: completed_test.cpu.map(|cpu| [cpu.total(), cpu.user, cpu.system].map(|share| share * 100.0)),
            congestion: flows.first().and_then(Flow::congestion),
            software: None,
            counts_retransmits: flows.iter().any(|flow| flow.retransmits().is_some()),
            receives: !flows.iter().any(Flow::sends),
            streams: flows.iter().map(|flow| flow.result(completed_test.elapsed)).collect(),
        }
        .to_json();
        self.bounded("send results", async |control| frame::write_json(control, &mine).await).await?;
        let read = self.bounded("read results", async |control| frame::read_json(control, RESULTS_CAP).await).await?;
        let results = Results::from_json(&read)
            .filter(|results| !results.streams.is_empty())
            .ok_or_else(|| EarlyEnd::outcome("protocol_error", "the server's results list no streams"))?;
        self.expect_state(state::DISPLAY_RESULTS).await?;
        // Everything is known: whether the farewell arrives changes nothing.
        let _ = self.send_state(state::IPERF_DONE).await;
        if results.software.is_none() {
            self.await_reopening().await;
        }
        Ok(results)
    }

    /// iperf3 closes its port at the end of every test and opens it again: a next round in between would be refused, and
    /// nothing on the wire shows when that is over.
    async fn await_reopening(&mut self) {
        let _ = timeout(CLOSING, self.control.read_u8()).await;
        sleep(REOPENING).await;
    }

    async fn bounded<T>(
        &mut self,
        operation: &str,
        act: impl AsyncFnOnce(&mut TcpStream) -> io::Result<T>,
    ) -> Result<T, EarlyEnd> {
        match deadline::within(self.settings.target.timeout, act(&mut self.control)).await {
            Err(_) => Err(self.silent(operation)),
            Ok(result) => result.map_err(|error| failed(&error, operation, self.peer)),
        }
    }

    fn silent(&self, operation: &str) -> EarlyEnd {
        let patience = self.settings.target.timeout;
        EarlyEnd::outcome("timeout", format!("{operation}: the server was silent for {patience:?}"))
    }

    async fn send_state(&mut self, word: i8) -> Result<(), EarlyEnd> {
        let operation = format!("send {}", state::name(word));
        self.bounded(&operation, async |control| frame::write_state(control, word).await).await
    }

    async fn expect_state(&mut self, want: i8) -> Result<(), EarlyEnd> {
        let operation = format!("wait for {}", state::name(want));
        let word = self.bounded(&operation, async |control| frame::read_state(control).await).await?;
        if word == want { Ok(()) } else { Err(self.unexpected(word, &operation).await) }
    }

    /// The end of a test on a state that was not expected.
    pub(super) async fn unexpected(&mut self, word: i8, operation: &str) -> EarlyEnd {
        match word {
            state::ACCESS_DENIED => EarlyEnd::outcome("busy", "the server is busy with another test"),
            state::SERVER_TERMINATE => EarlyEnd::outcome("reset", "the server ended the test"),
            state::SERVER_ERROR => {
                let code = deadline::within(self.settings.target.timeout, self.control.read_i32()).await;
                let code =
                    code.ok().and_then(Result::ok).map_or_else(|| "no number".to_owned(), |code| code.to_string());
                EarlyEnd::outcome(
                    "protocol_error",
                    format!("{operation}: the server refused the test, iperf3 error {code}"),
                )
            }
            other => EarlyEnd::outcome(
                "protocol_error",
                format!("{operation}: the server sent {} ({other})", state::name(other)),
            ),
        }
    }

    async fn open_tcp(&self) -> Result<DataSocket, EarlyEnd> {
        let raw = dial::open(self.peer, self.settings.target.origin)?;
        if let Some(name) = &self.settings.params.congestion {
            // Before the SYN: a connection that began under BBR keeps pacing under the next algorithm.
            socket::set_congestion(&raw, name).map_err(|error| self.no_congestion(name, &error))?;
        }
        let patience = self.settings.target.timeout;
        let mut stream = match dial::connect_on(raw, self.peer, self.settings.target.origin, patience).await? {
            Ok(dialled) => dialled.stream,
            Err(error) => return Err(not_connected(&error, self.peer, self.settings.target.timeout)),
        };
        match deadline::within(patience, stream.write_all(&self.cookie)).await {
            Err(_) => Err(self.silent("open a data stream")),
            Ok(Err(error)) => Err(failed(&error, "open a data stream", self.peer)),
            Ok(Ok(())) => Ok(DataSocket::Tcp(Arc::new(stream))),
        }
    }

    fn no_congestion(&self, name: &str, error: &io::Error) -> Fault {
        let known = "load it with `modprobe`; see the known ones: `sysctl net.ipv4.tcp_available_congestion_control`";
        Fault::local(format!("choose congestion control {name}"), self.peer.to_string(), error.to_string(), known)
    }

    async fn open_udp(&self) -> Result<DataSocket, EarlyEnd> {
        let origin = self.settings.target.origin;
        let bound = || {
            let socket = udp::bound(self.peer, origin)?;
            socket.set_nonblocking(true)?;
            UdpSocket::from_std(socket.into())
        };
        let socket = bound().map_err(|error| dial::local_fault(&error, "open UDP socket", self.peer))?;
        socket::widen(&socket, None);
        match socket
            .connect(self.peer)
            .await
            .map_err(|error| ConnectError::classify(&error, "connect UDP socket", self.peer, origin))
        {
            Ok(()) => {}
            Err(Ok(error)) => return Err(not_connected(&error, self.peer, self.settings.target.timeout)),
            Err(Err(fault)) => return Err(fault.into()),
        }
        for _ in 0..HELLOS {
            match deadline::within(self.settings.target.timeout / HELLOS, hello(&socket)).await {
                Err(_) => {}
                Ok(Ok(())) => return Ok(DataSocket::Udp(Arc::new(socket))),
                Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    return Err(EarlyEnd::outcome("refused", "UDP of the server's port is closed, TCP is open"));
                }
                Ok(Err(error)) => return Err(failed(&error, "open a UDP stream", self.peer)),
            }
        }
        let patience = self.settings.target.timeout;
        let why = format!(
            "the server answers on TCP, but not to {HELLOS} datagrams in {patience:?}: is UDP to its port blocked?"
        );
        Err(EarlyEnd::outcome("timeout", why))
    }
}

async fn hello(socket: &UdpSocket) -> io::Result<()> {
    socket.send(&datagram::HELLO).await?;
    let mut answer = [0_u8; 64];
    for _ in 0..OVERTAKING {
        let length = socket.recv(&mut answer).await?;
        if answer.get(..length).is_some_and(datagram::is_reply) {
            return Ok(());
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "no answer to the hello, only other datagrams"))
}
