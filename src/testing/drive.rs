//! A long-lived prober, driven as a stream drives it.

use std::ops::Range;
use std::time::Duration;

use crate::net::open_loop::{Clock, nanos};
use crate::probe::{Connection, Prober, Reply, StreamSpec};

/// A test that takes longer has failed.
const LONGEST: Duration = Duration::from_secs(30);

/// A stream of probes from now on.
pub fn stream(interval: Duration, connection: Connection) -> StreamSpec {
    let (clock, timeout) = (Clock::start(), Duration::from_secs(1));
    StreamSpec { clock, interval, timeout, connection, echo: false, seed: 7 }
}

/// Sends the probes of these numbers, one each interval, and takes in what becomes of them, until that is enough.
pub fn drive(
    prober: &mut dyn Prober,
    spec: &StreamSpec,
    numbers: Range<u64>,
    mut enough: impl FnMut(&[Reply]) -> bool,
) -> Vec<Reply> {
    let (mut replies, begun) = (Vec::new(), spec.clock.now());
    let due = |number: u64| begun + (number - numbers.start) * nanos(spec.interval);
    let mut next = numbers.start;
    loop {
        while next < numbers.end && due(next) <= spec.clock.now() {
            prober.send(next, &mut replies);
            next += 1;
        }
        prober.receive(&mut replies);
        if next == numbers.end && enough(&replies) {
            return replies;
        }
        let now = spec.clock.now();
        assert!(now - begun < nanos(LONGEST), "{} replies to {numbers:?}: {replies:?}", replies.len());
        let until = if next < numbers.end { due(next) } else { now + nanos(Duration::from_millis(20)) };
        prober.wait(Duration::from_nanos(until.saturating_sub(now)));
    }
}

/// Connections of this host, from or to `port`, that are over and keep their port.
pub fn in_time_wait(port: u16) -> usize {
    let text = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let port = format!(":{port:04X}");
    let waits = |line: &&str| {
        let mut words = line.split_whitespace().skip(1);
        let (near, far, state) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        state == "06" && (near.ends_with(&port) || far.ends_with(&port))
    };
    text.lines().skip(1).filter(waits).count()
}
