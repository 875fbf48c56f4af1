//! One test, from its parameters to its results.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::registry::{HelloSource, StreamRegistry};
use super::{ClientLimits, bind_udp};
use crate::net::Deadline;
use crate::net::sys::cpu::CpuTime;
use crate::proto::iperf3::frame::{self, Cookie, PARAMS_CAP, RESULTS_CAP};
use crate::proto::iperf3::{
    Budget, DataSocket, Flow, Params, Rejection, Results, Transport, datagram, flow, socket, state,
};

/// Beyond its time, before a test is taken for stuck.
const GRACE: Duration = Duration::from_secs(10);
/// How often the progress of a running test is checked.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// After the client's end the streams are read until they are quiet this long …
const QUIET: Duration = Duration::from_millis(20);
/// … but no longer than this.
const DRAIN: Duration = Duration::from_secs(2);

/// Datagrams looked through for hellos of other clients, in front of a stream; a client that never stops is not read for ever.
const STRAYS: usize = 256;
/// Of what a test was to move, this part more is sent at once to a client that still waits.
const REFILL: u64 = 100;

/// Serves one test.
pub(super) async fn serve(
    control: TcpStream,
    peer: SocketAddr,
    cookie: &Cookie,
    registry: &StreamRegistry,
    limits: ClientLimits,
) -> io::Result<()> {
    let mut session = Session { control, peer, limits };
    session.send_state(state::PARAM_EXCHANGE).await?;
    let params =
        timeout(limits.step, frame::read_json(&mut session.control, PARAMS_CAP)).await.map_err(timed_out)??;
    let params = match Params::from_json(&params).and_then(|params| check_limits(params, limits)) {
        Ok(params) => params,
        Err(rejection) => return session.reject(&rejection).await,
    };
    let mut flows = match params.transport {
        Transport::Tcp => session.tcp_flows(&params, cookie, registry).await?,
        Transport::Udp => {
            let lock = registry.hello_lock(peer);
            let _held = session.while_client_waits(async { Ok(lock.lock().await) }).await?;
            session.udp_flows(&params, registry).await?
        }
    };
    let usage = Usage::now();
    let elapsed = session.data(&params, &mut flows).await?;
    session.results(&flows, elapsed, &usage).await
}

/// The rules of this server beyond those of the protocol.
fn check_limits(params: Params, limits: ClientLimits) -> Result<Params, Rejection> {
    const DURATION: i32 = 5;
    // A test that ends by an amount is bounded while it runs.
    let asked = params.time.map_or(params.omit, |time| time + params.omit);
    if asked > limits.duration {
        return Err(Rejection { code: DURATION, why: format!("longer than {:?}", limits.duration) });
    }
    Ok(params)
}

struct Session {
    control: TcpStream,
    peer: SocketAddr,
    limits: ClientLimits,
}

impl Session {
    async fn send_state(&mut self, word: i8) -> io::Result<()> {
        timeout(self.limits.step, frame::write_state(&mut self.control, word)).await.map_err(timed_out)?
    }

    async fn reject(&mut self, rejection: &Rejection) -> io::Result<()> {
        use tokio::io::AsyncWriteExt as _;
        let mut message = vec![state::SERVER_ERROR.to_be_bytes()[0]];
        message.extend_from_slice(&rejection.code.to_be_bytes());
        message.extend_from_slice(&0_i32.to_be_bytes());
        timeout(self.limits.step, self.control.write_all(&message)).await.map_err(timed_out)??;
        Err(io::Error::new(io::ErrorKind::InvalidInput, rejection.why.clone()))
    }

    /// Waits for `work`, unless the client leaves: others of its host wait until its streams are there.
    async fn while_client_waits<T>(&self, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
        let mut said = [0];
        tokio::select! {
            biased;
            done = work => done,
            said = self.control.peek(&mut said) => Err(match said? {
                0 => io::ErrorKind::UnexpectedEof.into(),
                _ => protocol("the client spoke before its streams were there"),
            }),
        }
    }

    async fn tcp_flows(
        &mut self,
        params: &Params,
        cookie: &Cookie,
        registry: &StreamRegistry,
    ) -> io::Result<Vec<Flow>> {
        let directions: Vec<bool> = params.server_sends().collect();
        let (_registration, mut streams) =
            registry.register_streams(cookie, directions.len()).ok_or_else(|| protocol("its cookie is in use"))?;
        self.send_state(state::CREATE_STREAMS).await?;
        let mut arrived = Vec::with_capacity(directions.len());
        let mut deadline = Deadline::at(Instant::now() + self.limits.step);
        while arrived.len() < directions.len() {
            let next = async { deadline.wait(streams.recv()).await.map_err(|_| silent()) };
            arrived.push(self.while_client_waits(next).await?.ok_or_else(|| protocol("the server stops"))?);
        }
        // The client's order decides which streams send.
        arrived.sort_by_key(|(number, _)| *number);
        let streams = arrived.into_iter().zip(directions);
        let flow = |(index, ((_, stream), sends))| {
            prepare_tcp(&stream, params);
            Flow::new(index, sends, DataSocket::Tcp(Arc::new(stream)))
        };
        Ok((0..).zip(streams).map(flow).collect())
    }

    /// The client's [`StreamRegistry::hello_lock`] must be held.
    async fn udp_flows(&mut self, params: &Params, registry: &StreamRegistry) -> io::Result<Vec<Flow>> {
        let directions: Vec<bool> = params.server_sends().collect();
        let source = if directions.contains(&true) { HelloSource::ControlHost } else { HelloSource::AnyHost };
        let (_registration, mut hellos) = registry.register_hellos(self.peer, source, directions.len());
        self.send_state(state::CREATE_STREAMS).await?;
        let mut flows: Vec<Flow> = Vec::with_capacity(directions.len());
        let mut peers: Vec<SocketAddr> = Vec::with_capacity(directions.len());
        let mut deadline = Deadline::at(Instant::now() + self.limits.step);
        for (index, sends) in (0..).zip(directions) {
            let peer = loop {
                let next = async { deadline.wait(hellos.recv()).await.map_err(|_| silent()) };
                let peer = self.while_client_waits(next).await?.ok_or_else(|| protocol("the server stops"))?;
                if !peers.contains(&peer) {
                    break peer;
                }
            };
            let socket = self.answer_hello(peer, registry, params).await?;
            flows.push(Flow::new(index, sends, DataSocket::Udp(Arc::new(socket))));
            peers.push(peer);
        }
        Ok(flows)
    }

    /// A socket of its own for each stream: own buffer, own drop counter, and the kernel sorts the datagrams.
    async fn answer_hello(
        &self,
        peer: SocketAddr,
        registry: &StreamRegistry,
        params: &Params,
    ) -> io::Result<UdpSocket> {
        // The address the client used for control is the one it expects data from, also on a host with several.
        let mut local = self.control.local_addr()?;
        local.set_port(registry.port());
        let socket = bind_udp(local)?;
        socket.connect(peer).await?;
        socket::widen(&socket, params.window);
        // Between bind and connect the kernel may have given it hellos of other clients.
        let mut stray = [0_u8; 64];
        for _ in 0..STRAYS {
            let Ok((length, from)) = socket.try_recv_from(&mut stray) else { break };
            if from != peer && stray.get(..length).is_some_and(datagram::is_hello) {
                registry.deliver_hello(from);
            }
        }
        socket.send(&datagram::REPLY).await?;
        Ok(socket)
    }

    /// Moves data until the client ends the test; returns its length without warm-up.
    async fn data(&mut self, params: &Params, flows: &mut [Flow]) -> io::Result<Duration> {
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        let block: Arc<[u8]> = vec![0_u8; params.block as usize].into();
        self.send_state(state::TEST_START).await?;
        self.send_state(state::TEST_RUNNING).await?;
        let mut supply = SendAllowance::of(params);
        if params.omit.is_zero() {
            supply.begin();
        }
        for flow in flows.iter() {
            flow.start(&mut tasks, params, &block, supply.budget.as_ref(), &stop);
        }
        let start = Instant::now();
        let end = start + params.time.map_or(self.limits.duration, |time| time + params.omit + GRACE);
        let mut begin = start;
        let mut marked = params.omit.is_zero();
        let mut progress = SessionProgress::new(start);
        loop {
            let wake = (Instant::now() + CHECK_INTERVAL).min(end).min(if marked { end } else { start + params.omit });
            tokio::select! {
                word = frame::read_state(&mut self.control) => match word? {
                    state::TEST_END => break,
                    word => return Err(protocol(format!("the client sent {}", state::name(word)))),
                },
                () = sleep_until(wake) => {}
            }
            let now = Instant::now();
            if !marked && now >= start + params.omit {
                flows.iter_mut().for_each(Flow::mark);
                supply.begin();
                (begin, marked) = (now, true);
            }
            supply.refill(now);
            if now >= end || progress.idle(flows, now) > self.limits.idle {
                let _ = self.send_state(state::SERVER_TERMINATE).await;
                return Err(protocol("the test did not end, or moved nothing for too long"));
            }
        }
        let elapsed = begin.elapsed();
        if flows.iter().any(|flow| !flow.sends()) {
            // The client's TEST_END travels on its own connection and overtakes data: read what is still there.
            flow::quiet(flows, QUIET, DRAIN).await;
        }
        stop.cancel();
        // Not before each has ended are its counts the last.
        while tasks.join_next().await.is_some() {}
        // A client that reads whole blocks would wait for the rest of one before it looks at its control connection.
        flows.iter().for_each(Flow::finish);
        Ok(elapsed)
    }

    async fn results(&mut self, flows: &[Flow], elapsed: Duration, usage: &Usage) -> io::Result<()> {
        self.send_state(state::EXCHANGE_RESULTS).await?;
        timeout(self.limits.step, frame::read_json(&mut self.control, RESULTS_CAP)).await.map_err(timed_out)??;
        let results = Results {
            cpu: usage.percent(),
            congestion: flows.first().and_then(Flow::congestion),
            software: None,
            counts_retransmits: flows.iter().any(|flow| flow.retransmits().is_some()),
            receives: !flows.iter().any(Flow::sends),
            streams: flows.iter().map(|flow| flow.result(elapsed)).collect(),
        };
        timeout(self.limits.step, frame::write_json(&mut self.control, &results.to_json()))
            .await
            .map_err(timed_out)??;
        self.send_state(state::DISPLAY_RESULTS).await?;
        // IPERF_DONE, or the client just closes.
        let _ = timeout(self.limits.step, frame::read_state(&mut self.control)).await;
        Ok(())
    }
}

/// Options the client asked for. Refused ones are left: the results say which congestion control was used.
fn prepare_tcp(stream: &TcpStream, params: &Params) {
    let _ = stream.set_nodelay(true);
    if let Some(name) = &params.congestion {
        let _ = socket::set_congestion(stream, name);
    }
    if let Some(window) = params.window {
        socket::widen(stream, Some(window));
    }
    let raw = socket2::SockRef::from(stream);
    if let Some(mss) = params.mss {
        let _ = raw.set_tcp_mss(mss);
    }
    if let Some(tos) = params.tos {
        let _ = if stream.peer_addr().is_ok_and(|peer| peer.is_ipv4()) {
            raw.set_tos_v4(tos)
        } else {
            raw.set_tclass_v6(tos)
        };
    }
}

/// When a test last moved data.
struct SessionProgress {
    moved: u64,
    since: Instant,
}

impl SessionProgress {
    fn new(now: Instant) -> Self {
        Self { moved: 0, since: now }
    }

    fn idle(&mut self, flows: &[Flow], now: Instant) -> Duration {
        let moved = flows.iter().map(Flow::moved).sum();
        if moved != self.moved {
            (self.moved, self.since) = (moved, now);
        }
        now.duration_since(self.since)
    }
}

/// What a test that ends by an amount may still send.
struct SendAllowance {
    budget: Option<Arc<Budget>>,
    /// Blocks that may be sent in place of those that the client does not count: as many again.
    spare: u64,
    portion: u64,
    spent: Option<Instant>,
}

impl SendAllowance {
    fn of(params: &Params) -> Self {
        let blocks = params.amount.map(|amount| amount.blocks(params.block));
        let spare = match blocks {
            // With a warm-up the two sides begin to count at different moments.
            Some(blocks) if params.transport == Transport::Udp || !params.omit.is_zero() => blocks,
            _ => 0,
        };
        let portion = (spare / REFILL).max(params.streams.into());
        Self { budget: blocks.map(|blocks| Arc::new(Budget::new(blocks))), spare, portion, spent: None }
    }

    /// The warm-up is over.
    fn begin(&self) {
        if let Some(budget) = &self.budget {
            budget.begin();
        }
    }

    /// A client of iperf3 ends the test when it has received the amount. What the path lost of datagrams it never will, so
    /// some more are sent when it has not ended the test for a while after the last.
    fn refill(&mut self, now: Instant) {
        let Some(budget) = self.budget.as_ref().filter(|budget| budget.is_spent()) else {
            self.spent = None;
            return;
        };
        let since = *self.spent.get_or_insert(now);
        if now.duration_since(since) >= CHECK_INTERVAL && self.spare > 0 {
            let more = self.portion.min(self.spare);
            self.spare -= more;
            self.spent = None;
            budget.add(more);
        }
    }
}

/// Processor time of this process since the test began; `None` where the system does not tell.
struct Usage {
    start: Instant,
    cpu: Option<CpuTime>,
}

impl Usage {
    fn now() -> Self {
        Self { start: Instant::now(), cpu: CpuTime::of_process() }
    }

    fn percent(&self) -> Option<[f64; 3]> {
        let wall = self.start.elapsed().as_secs_f64().max(1e-9);
        let (before, now) = self.cpu.as_ref().zip(CpuTime::of_process())?;
        let (user, system) = (now.user - before.user, now.system - before.system);
        Some([user + system, user, system].map(|seconds| seconds / wall * 100.0))
    }
}

fn protocol(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

fn timed_out(_: tokio::time::error::Elapsed) -> io::Error {
    silent()
}

fn silent() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the client was silent for too long")
}
