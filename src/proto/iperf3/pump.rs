//! The loops that move data. Each runs until it is stopped, the peer ends, or the system reports an error, and gives way
//! often enough that timers of the same runtime stay punctual.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::MAX_BLOCK;
use super::amount::Budget;
use super::datagram::{self, Header};
use super::receive_counter::ReceiveCounter;
use crate::net::heartbeat::STALL;
use crate::net::sys::timer::Timer;

/// How long a loop may keep its thread before timers and other tasks get a turn.
const TURN: Duration = Duration::from_millis(1);
/// A paced TCP sender writes at most this much of its rate at once.
const SLICE: f64 = 0.01;

/// Bytes and datagrams one stream has moved.
#[derive(Debug, Default)]
pub struct Meter {
    bytes: AtomicU64,
    datagrams: AtomicU64,
}

impl Meter {
    fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.datagrams.fetch_add(1, Ordering::Relaxed);
    }

    /// Payload bytes so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Datagrams so far (writes, for TCP).
    #[must_use]
    pub fn datagrams(&self) -> u64 {
        self.datagrams.load(Ordering::Relaxed)
    }
}

/// Remembers when this task last let others run.
struct Turn(Instant);

impl Turn {
    fn new() -> Self {
        Self(Instant::now())
    }

    async fn yield_turn(&mut self, now: Instant) {
        if now.duration_since(self.0) >= TURN {
            tokio::task::yield_now().await;
            self.0 = Instant::now();
        }
    }
}

/// Bytes a TCP sender at `rate` bit/s writes at once, of a block of `block` bytes.
#[must_use]
pub fn slice(block: usize, rate: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut to the length of the block")]
    let slice = (rate / 8.0 * SLICE) as usize;
    slice.clamp(1448.min(block), block)
}

/// How a stream sends.
#[derive(Clone, Debug)]
pub struct SendPlan {
    /// Bit/s of payload; `None` for as fast as possible.
    pub rate: Option<f64>,
    /// 64-bit counters in datagrams.
    pub wide: bool,
    /// What all streams together may send, if that is bounded.
    pub budget: Option<Arc<Budget>>,
}

impl SendPlan {
    /// Waits until the next block may be sent. How long that took, so that the schedule can leave it out; `None` when the
    /// stream is stopped first.
    async fn begin_block(&self, stop: &CancellationToken) -> Option<Duration> {
        let mut since = None;
        while self.budget.as_ref().is_some_and(|budget| !budget.take()) {
            since.get_or_insert_with(Instant::now);
            let budget = self.budget.as_ref()?;
            tokio::select! { () = budget.wait() => {}, () = stop.cancelled() => return None }
        }
        Some(since.map_or(Duration::ZERO, |since| since.elapsed()))
    }
}

/// Writes `block` again and again, as `plan` says.
pub async fn send_tcp(
    stream: &TcpStream,
    block: &[u8],
    plan: SendPlan,
    meter: &Meter,
    stop: &CancellationToken,
) -> io::Result<()> {
    let most = plan.rate.map_or(block.len(), |rate| slice(block.len(), rate));
    let (mut start, mut sent, mut turn, mut pending) = (Instant::now(), 0.0, Turn::new(), 0);
    while !stop.is_cancelled() {
        if pending == 0 {
            let Some(waited) = plan.begin_block(stop).await else { break };
            start += waited;
            pending = block.len();
        }
        match stream.try_write(block.get(..most.min(pending)).unwrap_or(block)) {
            Ok(bytes) => {
                meter.add(bytes);
                sent += bytes as f64;
                pending = pending.saturating_sub(bytes);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => tokio::select! {
                ready = stream.writable() => ready?,
                () = stop.cancelled() => break,
            },
            Err(error) => return Err(error),
        }
        let now = Instant::now();
        if let Some(rate) = plan.rate {
            let due = start + Duration::try_from_secs_f64(sent * 8.0 / rate).unwrap_or(Duration::MAX / 4);
            if due > now {
                tokio::select! { () = tokio::time::sleep_until(due) => {}, () = stop.cancelled() => break }
                continue;
            }
        }
        turn.yield_turn(now).await;
    }
    Ok(())
}

/// Takes whatever comes until the peer closes (`UnexpectedEof`) or `stop`.
pub async fn receive_tcp(stream: &TcpStream, meter: &Meter, stop: &CancellationToken) -> io::Result<()> {
    let mut buffer = vec![0_u8; MAX_BLOCK as usize];
    let mut turn = Turn::new();
    while !stop.is_cancelled() {
        match stream.try_io(Interest::READABLE, || discard(stream, &mut buffer)) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(bytes) => meter.add(bytes),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => tokio::select! {
                ready = stream.readable() => ready?,
                () = stop.cancelled() => break,
            },
            Err(error) => return Err(error),
        }
        turn.yield_turn(Instant::now()).await;
    }
    Ok(())
}

/// Reads and forgets. On Linux `MSG_TRUNC` frees TCP data without copying it, which halves the receiver's work.
fn discard(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    use std::os::fd::AsRawFd as _;

    use nix::sys::socket::{MsgFlags, recv};
    let flags = if cfg!(target_os = "linux") { MsgFlags::MSG_TRUNC } else { MsgFlags::empty() };
    recv(stream.as_raw_fd(), buffer, flags).map_err(io::Error::from)
}

/// Sends datagrams on an absolute schedule: number n is due at n/rate after the start, however late the one before was.
/// What was due while nobody sent for long, because this process did not run or the socket took nothing, is left out: the rate
/// goes on from there, without a burst.
/// Above 5000 datagrams/s those of [`FINEST`](crate::net::sys::timer::FINEST) leave as a burst, smaller than any receiver's default buffer.
pub async fn send_udp(
    socket: &UdpSocket,
    block: usize,
    plan: SendPlan,
    meter: &Meter,
    stop: &CancellationToken,
) -> io::Result<()> {
    let mut datagram = vec![0_u8; block];
    let gap = plan.rate.map_or(0.0, |rate| block as f64 * 8.0 / rate);
    let timer = Timer::new()?;
    let (began, mut turn, mut sequence) = (Instant::now(), Turn::new(), 0_u64);
    let (mut start, mut taken) = (began, false);
    while !stop.is_cancelled() {
        let now = Instant::now();
        let after = Duration::try_from_secs_f64(gap * sequence as f64).unwrap_or(Duration::MAX / 4);
        let overdue = now.saturating_duration_since(start + after);
        if plan.rate.is_some() && overdue > STALL {
            start += overdue;
        }
        let due = start + after;
        if due > now {
            tokio::select! { fired = timer.wait(due.duration_since(now)) => fired?, () = stop.cancelled() => break }
            continue;
        }
        if !taken {
            let Some(waited) = plan.begin_block(stop).await else { break };
            taken = true;
            if !waited.is_zero() {
                start += waited;
                continue;
            }
        }
        let sent_us = u64::try_from(now.duration_since(began).as_micros()).unwrap_or(u64::MAX);
        Header { sent_us, sequence: sequence + 1 }.write(&mut datagram, plan.wide);
        match socket.try_send(&datagram) {
            Ok(bytes) => {
                (sequence, taken) = (sequence + 1, false);
                meter.add(bytes);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => tokio::select! {
                ready = socket.writable() => ready?,
                () = stop.cancelled() => break,
            },
            // The queue of the interface is full: the schedule stands, the datagram waits a tick.
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => tokio::time::sleep(TURN).await,
            Err(error) => return Err(error),
        }
        turn.yield_turn(now).await;
    }
    Ok(())
}

/// Counts datagrams until `stop`. A repeated hello is answered again: the first answer was lost.
pub async fn receive_udp(
    socket: &UdpSocket,
    wide: bool,
    meter: &Meter,
    counter: &Mutex<ReceiveCounter>,
    stop: &CancellationToken,
) -> io::Result<()> {
    let mut buffer = vec![0_u8; 65_536];
    let (start, mut turn) = (Instant::now(), Turn::new());
    while !stop.is_cancelled() {
        match socket.try_recv(&mut buffer) {
            Ok(bytes) => {
                let now = Instant::now();
                let datagram = buffer.get(..bytes).unwrap_or_default();
                if datagram::is_hello(datagram) {
                    let _ = socket.try_send(&datagram::REPLY);
                } else if let Some(header) = Header::parse(datagram, wide) {
                    let mut counter = counter.lock().unwrap_or_else(PoisonError::into_inner);
                    if counter.arrived(header, now.duration_since(start)) {
                        meter.add(bytes);
                    }
                }
                turn.yield_turn(now).await;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => tokio::select! {
                ready = socket.readable() => ready?,
                () = stop.cancelled() => break,
            },
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
