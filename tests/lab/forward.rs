//! The forwarder's thread: reads what arrives, decides what becomes of it, and sends it when it is due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use shakedown::net::sys::mmsg::{Inbox, Waiter, wall};
use socket2::Socket;

use super::Faults;
use super::did::Did;
use super::packet::{Echo, echo, mark, too_big};

/// Room for a frame.
const FRAME: usize = 65_600;
/// What is due within this is awaited without sleeping: longer than an idle virtual machine takes to wake a thread.
const SPIN: Duration = Duration::from_micros(500);
/// Longest sleep.
const PAUSE: Duration = Duration::from_millis(10);
/// The links, as places in the list of sockets.
const CLIENT: usize = 0;
const TARGET: usize = 1;

/// A frame on its way, the first due first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    due: Instant,
    /// In the order they were put here.
    order: u64,
    to: usize,
    /// Of a request that leaves for the first time.
    request: Option<u64>,
    frame: Vec<u8>,
}

pub struct Forwarder {
    faults: Faults,
    ends: [Socket; 2],
    inboxes: [Inbox; 2],
    waiting: BinaryHeap<Reverse<Waiting>>,
    order: u64,
    /// When the link of `rate` has sent all it was given.
    free: Instant,
    chance: u64,
    did: Did,
}

impl Forwarder {
    pub fn new(faults: Faults, ends: [Socket; 2]) -> Self {
        let chance = faults.seed;
        Self {
            faults,
            ends,
            inboxes: [Inbox::new(FRAME), Inbox::new(FRAME)],
            waiting: BinaryHeap::new(),
            order: 0,
            free: Instant::now(),
            chance,
            did: Did::default(),
        }
    }

    pub fn run(mut self, stop: &AtomicBool) -> Did {
        let mut waiter = Waiter::new(&self.ends);
        while !stop.load(Ordering::Relaxed) {
            let left =
                self.waiting.peek().map_or(PAUSE, |Reverse(next)| next.due.saturating_duration_since(Instant::now()));
            if left > SPIN {
                waiter.arrivals(left.saturating_sub(SPIN).min(PAUSE));
            }
            self.receive(CLIENT);
            self.receive(TARGET);
            self.send();
        }
        self.did
    }

    fn receive(&mut self, from: usize) {
        let count = self.inboxes[from].receive(&self.ends[from]).unwrap();
        let (now, wall) = (Instant::now(), wall());
        for index in 0..count {
            let frame = self.inboxes[from].datagram(index).unwrap().0.to_vec();
            let waited = self.inboxes[from].stamp(index).map_or(Duration::ZERO, |stamp| wall.saturating_sub(stamp));
            let arrived = now.checked_sub(waited).unwrap_or(now);
            match echo(&frame) {
                Some(echo) if from == CLIENT && echo.is_request => self.request(frame, &echo, arrived),
                _ => self.put(arrived, 1 - from, None, frame),
            }
        }
    }

    fn request(&mut self, mut frame: Vec<u8>, echo: &Echo, arrived: Instant) {
        let number = self.did.requests;
        self.did.arrived(echo.sequence, arrived, echo.traffic_class);
        if let Some(dscp) = self.faults.dscp {
            mark(&mut frame, dscp);
        }
        if echo.length > self.faults.mtu && echo.dont_fragment {
            self.did.too_big += 1;
            if let Some(report) = too_big(&frame, self.faults.mtu).filter(|_| self.faults.reports) {
                self.did.reported += 1;
                self.put(arrived, CLIENT, None, report);
            }
            return;
        }
        let lost = self.random() < self.faults.loss || self.faults.outage.contains(&number);
        self.did.dropped(lost);
        if lost {
            return;
        }
        let is_turn = |every: u64| every > 0 && (number + 1).is_multiple_of(every);
        let on_wire = Duration::from_secs_f64(echo.length as f64 * 8.0 / self.faults.rate);
        self.free = self.free.max(arrived) + on_wire;
        let held = if is_turn(self.faults.hold_every) { self.faults.hold } else { Duration::ZERO };
        let due = self.free + self.faults.delay + self.faults.jitter.mul_f64(self.random()) + held;
        if is_turn(self.faults.duplicate_every) {
            self.did.duplicated += 1;
            self.put(due, TARGET, None, frame.clone());
        }
        self.put(due, TARGET, Some(number), frame);
    }

    fn put(&mut self, due: Instant, to: usize, request: Option<u64>, frame: Vec<u8>) {
        self.order += 1;
        self.waiting.push(Reverse(Waiting { due, order: self.order, to, request, frame }));
    }

    /// Sends what is due, after the last moments of waiting.
    fn send(&mut self) {
        while self.waiting.peek().is_some_and(|Reverse(next)| next.due <= Instant::now() + SPIN) {
            let Some(Reverse(next)) = self.waiting.pop() else { return };
            while Instant::now() < next.due {
                std::hint::spin_loop();
            }
            if let Some(number) = next.request {
                self.did.left(number);
            }
            if next.to == CLIENT
                && let Some(reply) = echo(&next.frame)
            {
                self.did.answered(reply.sequence, Instant::now());
            }
            self.ends[next.to].send(&next.frame).unwrap();
        }
    }

    /// Evenly spread in 0 to 1 (`SplitMix64`).
    fn random(&mut self) -> f64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.chance;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }
}
