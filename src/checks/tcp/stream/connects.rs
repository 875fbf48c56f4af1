//! A connection for each probe, ended by a reset: at a thousand a second, `TIME_WAIT` would use up the local ports in half a minute.

use std::net::SocketAddr;
use std::time::Duration;

use super::dialler::{Dialler, Ended};
use crate::model::Fault;
use crate::net::Origin;
use crate::net::dial::reset_at_close;
use crate::net::open_loop::nanos;
use crate::net::sys::limits;
use crate::probe::{Prober, Reply, Seen, StreamSpec};

/// Answers to SYNs that the kernel sent again come after a second, or some: they are waited for so much longer than the others …
const LATE: Duration = Duration::from_secs(3);
/// … unless these are more: each sends its SYN again and again, and a service that is back must not meet them all at once.
const MOST: u64 = 4096;
const FEWEST: u64 = 64;

/// See the module.
pub(super) struct Connects {
    dialler: Dialler,
    ended: Vec<Ended>,
    capacity: usize,
}

impl Connects {
    pub(super) fn new(peer: SocketAddr, origin: Origin, spec: &StreamSpec) -> Result<Self, Fault> {
        let wanted = nanos(spec.timeout + LATE) / nanos(spec.interval).max(1);
        let capacity = usize::try_from(wanted.clamp(FEWEST, MOST)).unwrap_or(usize::MAX);
        let capacity = capacity.min(limits::files_of_stream());
        Ok(Self { dialler: Dialler::new(peer, origin, spec.clock)?, ended: Vec::new(), capacity })
    }
}

fn reply(Ended { number, sent, at, end }: Ended) -> Reply {
    let seen = match end {
        Ok(socket) => {
            reset_at_close(&socket);
            Seen::Answer(None)
        }
        Err(seen) => seen,
    };
    Reply { number, sent: Some(sent), received: at, seen }
}

impl Prober for Connects {
    fn send(&mut self, number: u64, replies: &mut Vec<Reply>) {
        replies.extend(self.dialler.dial(number).map(reply));
    }

    fn receive(&mut self, replies: &mut Vec<Reply>) {
        self.dialler.receive(&mut self.ended);
        replies.extend(self.ended.drain(..).map(reply));
    }

    fn wait(&mut self, length: Duration) {
        self.dialler.wait(length);
    }

    fn give_up(&mut self, number: u64) {
        self.dialler.abandon(number);
    }

    fn capacity(&self) -> usize {
        self.capacity
    }
}
