//! Streams of datagrams, each on a thread of its own: its timers are finer than those of the runtime, and what it sends or
//! receives at once keeps nobody else from running.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

use super::{Meter, SendPlan};
use crate::net::heartbeat::STALL;
use crate::net::open_loop::{Threads, park};
use crate::net::sys::mmsg::{self, Inbox, Outbox, Waiter};
use crate::proto::iperf3::datagram::{self, Header};
use crate::proto::iperf3::receive_counter::ReceiveCounter;

/// Shorter waits are not worth their wake-up: what falls due in this time leaves together.
const FINEST: Duration = Duration::from_micros(50);
/// How long a thread may wait for its socket before it looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(20);
/// A full queue of an interface is tried again after this pause, and a spent budget looked at.
const PAUSE: Duration = Duration::from_millis(1);
/// A stamp that is further back tells of a wall clock that was set meanwhile.
const BELIEVED: Duration = Duration::from_secs(10);
/// Messages that are received at once where each may hold many datagrams.
const MERGED: usize = 16;

/// Runs `work` on a thread until it ends, or until `stop`, of which it is told by its own token.
async fn on_thread(
    name: &'static str,
    stop: &CancellationToken,
    work: impl FnOnce(&CancellationToken) -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    let mut threads = Threads::new();
    let mut ended = threads.spawn(name, work)?;
    let ended = tokio::select! {
        ended = &mut ended => ended,
        () = stop.cancelled() => {
            drop(threads);
            ended.await
        }
    };
    ended.unwrap_or_else(|_| Err(io::Error::other("the thread that moves data panicked")))
}

/// When datagrams are due: number n at n/rate after the start, however late the one before was. What was due while nobody sent
/// for long, because this process did not run or the socket took nothing, is left out: the rate goes on from there, without a
/// burst.
struct SendSchedule {
    start: Instant,
    /// Seconds from one to the next; zero for as fast as possible.
    gap: f64,
    taken: u64,
}

impl SendSchedule {
    /// How many are due at `now`, at most `most`; or how long it is until the next one is.
    fn due(&mut self, now: Instant, most: usize) -> Result<usize, Duration> {
        if self.gap <= 0.0 {
            return Ok(most);
        }
        let next = self.start + Duration::try_from_secs_f64(self.gap * self.taken as f64).unwrap_or(Duration::MAX / 4);
        if next > now {
            return Err(next - now);
        }
        let overdue = now - next;
        if overdue > STALL {
            self.start += overdue;
            return Ok(1);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not below zero; larger ones are cut to `most`"
        )]
        let more = (overdue.as_secs_f64() / self.gap) as usize;
        Ok(more.saturating_add(1).min(most))
    }
}

/// Sends datagrams as they are due, as `plan` says.
pub async fn send_udp(
    socket: Arc<UdpSocket>,
    block: usize,
    plan: SendPlan,
    meter: Arc<Meter>,
    stop: &CancellationToken,
) -> io::Result<()> {
    on_thread("udp send", stop, move |stop| send(&socket, block, &plan, &meter, stop)).await
}

fn send(socket: &UdpSocket, block: usize, plan: &SendPlan, meter: &Meter, stop: &CancellationToken) -> io::Result<()> {
    let most = plan.burst.max(1);
    let (mut outbox, mut waiter) = (Outbox::in_bursts(most), Waiter::new([socket]));
    let began = Instant::now();
    let gap = plan.rate.map_or(0.0, |rate| block as f64 * 8.0 / rate);
    let mut schedule = SendSchedule { start: began, gap, taken: 0 };
    while !stop.is_cancelled() {
        let now = Instant::now();
        if outbox.is_empty() {
            let due = match schedule.due(now, most) {
                Ok(due) => due,
                Err(wait) => {
                    park(wait.max(FINEST));
                    continue;
                }
            };
            let due = plan.take(due);
            if due == 0 {
                park(PAUSE);
                schedule.start += now.elapsed();
                continue;
            }
            let sent_us = u64::try_from(now.duration_since(began).as_micros()).unwrap_or(u64::MAX);
            outbox.fill(due, block, |datagram| {
                schedule.taken += 1;
                Header { sent_us, sequence: schedule.taken }.write(datagram, plan.wide);
            });
        }
        let (left, error) = outbox.send(socket);
        meter.add(left * block, left);
        meter.was_burst(outbox.largest());
        match error {
            None => {}
            Some(error) if error.kind() == io::ErrorKind::WouldBlock => waiter.room(LOOK),
            // The queue of the interface is full: the schedule stands, the datagrams wait.
            Some(error) if error.raw_os_error() == Some(libc::ENOBUFS) => park(PAUSE),
            Some(error) => return Err(error),
        }
    }
    Ok(())
}

impl SendPlan {
    /// Takes up to `count` blocks of what may be sent; how many there were.
    fn take(&self, count: usize) -> usize {
        match &self.budget {
            None => count,
            Some(budget) => (0..count).take_while(|_| budget.take()).count(),
        }
    }
}

/// How a stream receives.
#[derive(Clone, Copy, Debug)]
pub struct ReceivePlan {
    /// 64-bit counters in datagrams.
    pub wide: bool,
    /// Longest datagram.
    pub block: usize,
    /// Bytes of the receive buffer that is asked for.
    pub buffer: usize,
    /// Neighbouring datagrams may be one message.
    pub merge: bool,
}

/// Counts datagrams until `stop`. A repeated hello is answered again: the first answer was lost.
pub async fn receive_udp(
    socket: Arc<UdpSocket>,
    plan: ReceivePlan,
    meter: Arc<Meter>,
    counter: Arc<Mutex<ReceiveCounter>>,
    stop: &CancellationToken,
) -> io::Result<()> {
    on_thread("udp receive", stop, move |stop| receive(&socket, plan, &meter, &counter, stop)).await
}

fn receive(
    socket: &UdpSocket,
    plan: ReceivePlan,
    meter: &Meter,
    counter: &Mutex<ReceiveCounter>,
    stop: &CancellationToken,
) -> io::Result<()> {
    mmsg::prepare(&socket2::SockRef::from(socket), plan.buffer)?;
    let merged = plan.merge && mmsg::merge(socket);
    let mut inbox = if merged { Inbox::merged(MERGED) } else { Inbox::new(plan.block) };
    let mut waiter = Waiter::new([socket]);
    let start = Instant::now();
    while !stop.is_cancelled() {
        if inbox.receive(socket)? == 0 {
            waiter.arrivals(LOOK);
            continue;
        }
        let (now, wall) = (start.elapsed(), mmsg::wall());
        let (mut bytes, mut datagrams) = (0, 0);
        let mut counter = counter.lock().unwrap_or_else(PoisonError::into_inner);
        for index in 0..inbox.len() {
            // By the kernel's clock, which was not kept waiting as this thread may have been.
            let waited =
                inbox.stamp(index).and_then(|stamp| wall.checked_sub(stamp)).filter(|waited| *waited < BELIEVED);
            let at = now.saturating_sub(waited.unwrap_or_default());
            let mut together = 0;
            for datagram in inbox.segments(index) {
                if datagram::is_hello(datagram) {
                    let _ = socket.try_send(&datagram::REPLY);
                } else if let Some(header) = Header::parse(datagram, plan.wide)
                    && counter.arrived(header, at)
                {
                    bytes += datagram.len();
                    together += 1;
                }
            }
            datagrams += together;
            meter.was_burst(together);
        }
        meter.add(bytes, datagrams);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{STALL, SendSchedule};

    #[test]
    fn datagrams_are_due_by_an_absolute_schedule() {
        let start = Instant::now();
        let at = |micros: u64| start + Duration::from_micros(micros);
        let mut schedule = SendSchedule { start, gap: 100e-6, taken: 0 };
        assert_eq!(schedule.due(at(0), 8), Ok(1));
        schedule.taken = 1;
        assert_eq!(schedule.due(at(40), 8), Err(Duration::from_micros(60)));
        assert_eq!(schedule.due(at(350), 8), Ok(3), "those of 100, 200 and 300");
        assert_eq!(schedule.due(at(5000), 8), Ok(8), "no more than a message holds");
        schedule.taken = 4;
        assert_eq!(schedule.due(at(350), 8), Err(Duration::from_micros(50)), "the lateness before changes nothing");
    }

    /// What was due while nobody could send is left out, and the rate goes on from there.
    #[test]
    fn a_stall_is_followed_by_no_burst() {
        let start = Instant::now();
        let mut schedule = SendSchedule { start, gap: 1e-3, taken: 5 };
        let later = start + STALL * 4;
        assert_eq!(schedule.due(later, 64), Ok(1));
        schedule.taken = 6;
        assert!(schedule.due(later, 64).is_err());
        assert_eq!(schedule.due(later + Duration::from_micros(1001), 64), Ok(1));
    }

    #[test]
    fn without_a_rate_as_many_are_due_as_a_message_holds() {
        let mut schedule = SendSchedule { start: Instant::now(), gap: 0.0, taken: 0 };
        assert_eq!(schedule.due(schedule.start, 44), Ok(44));
    }
}
