//! Streams of bytes, on the runtime: what waits there is a socket.

use std::io;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{MAX_BLOCK, Meter, SendPlan, slice};

/// How long a loop may keep its thread before timers and other tasks get a turn.
const TURN: Duration = Duration::from_millis(1);

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
                meter.add(bytes, 1);
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
            Ok(bytes) => meter.add(bytes, 1),
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
