//! The fields of a check, as the client needs them.

use std::time::Duration;

use super::fields::{
    BLOCK, BURST, CONGESTION, DIRECTION, DURATION, Direction, INTERVAL, OMIT, PROTOCOL, Protocol, RATE, SERVER,
    STREAMS, TIMEOUT,
};
use crate::checks::shared::target::{Target, host_and_port};
use crate::model::{Args, Invalid, RateOr};
use crate::net::sys::mmsg::most_segments;
use crate::proto::iperf3::{self, Params, Transport, pump};

/// A TCP write. iperf3's own default is 128 KiB; larger writes measure the path rather than the system call.
const TCP_BLOCK: u32 = 1_048_576;
/// Smaller writes cost more than they tell.
const SMALLEST_TCP_BLOCK: u32 = 1024;
/// A datagram that crosses Ethernet in one piece, with room for IPv6 or a small tunnel.
const UDP_BLOCK: u32 = 1448;
/// Silence shorter than this at the end of a test is not yet a stall …
const STALL: Duration = Duration::from_secs(1);
/// … nor is one shorter than this many intervals, or turns of the sender's schedule.
const TURNS: u32 = 2;
/// Up to this rate datagrams leave one by one, bit/s …
const ONE_BY_ONE: f64 = 1e9;
/// … and where they are smaller than this: a test with small ones is about their number …
const SMALL: u32 = 1024;
/// … and no burst is longer than this at the rate asked for.
const LONGEST_BURST: Duration = Duration::from_micros(250);
/// Datagrams in one test above which 32-bit counters could run over.
const WIDE: f64 = 4e9;

/// The fields of a check, as the client needs them.
pub(super) struct Settings {
    pub(super) target: Target,
    pub(super) interval: Duration,
    pub(super) duration: Duration,
    pub(super) params: Params,
    /// Whether datagrams leave in bursts that nobody asked for.
    pub(super) bursts_by_default: bool,
}

impl Settings {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        let (host, port) = host_and_port(args, &SERVER, Some(iperf3::PORT))?;
        let (duration, interval) = (args.get(&DURATION), args.get(&INTERVAL));
        if interval > duration {
            return Err(INTERVAL.invalid(
                "`interval` is longer than `duration`, so there would be no sample",
                "make `duration` a multiple of `interval`",
            ));
        }
        let params = params(args, duration)?;
        Ok(Self {
            target: Target::from_args(args, host, port, args.get(&TIMEOUT))?,
            interval,
            duration,
            bursts_by_default: params.burst > 1 && args.get(&BURST).is_none(),
            params,
        })
    }
}

impl Settings {
    /// Silence from which on a path counts as dead. A sender with a low rate is silent between its writes.
    pub(super) fn stall(&self) -> Duration {
        STALL.max(self.interval * TURNS).max(self.longest_gap())
    }

    /// Silence the sender's own schedule explains. iperf3 writes whole blocks: 1 MiB each 8.4 s at 1 Mbit/s.
    pub(super) fn longest_gap(&self) -> Duration {
        let params = &self.params;
        let Some(rate) = params.bandwidth else {
            return Duration::ZERO;
        };
        let block = params.block as usize;
        let slices = params.transport == Transport::Tcp && !params.reverse && !params.bidirectional;
        let block = if slices { pump::slice(block, rate) } else { block };
        pace(block as f64, rate).saturating_mul(TURNS)
    }

    /// The time `datagrams` of one stream take to send.
    pub(super) fn pace(&self, datagrams: u64) -> Duration {
        let block = f64::from(self.params.block);
        self.params.bandwidth.map_or(Duration::ZERO, |rate| pace(block * datagrams as f64, rate))
    }
}

fn pace(bytes: f64, rate: f64) -> Duration {
    Duration::try_from_secs_f64(bytes * 8.0 / rate).unwrap_or(Duration::MAX)
}

fn params(args: &Args, duration: Duration) -> Result<Params, Invalid> {
    let transport = match args.get(&PROTOCOL) {
        Protocol::Tcp => Transport::Tcp,
        Protocol::Udp => Transport::Udp,
    };
    let streams = args.get(&STREAMS);
    let rate = rate(args);
    let block = block(args, transport)?;
    let congestion = args.get(&CONGESTION);
    if transport == Transport::Udp && args.get(&RATE).is_none() {
        return Err(RATE.invalid("udp needs a `rate`", "write rate: 100 Mbit/s, or rate: max"));
    }
    if transport == Transport::Tcp && args.get(&BURST).is_some() {
        return Err(BURST.invalid("tcp has no datagrams", "remove `burst`, or use udp"));
    }
    if transport == Transport::Udp && congestion.is_some() {
        return Err(CONGESTION.invalid("udp has no congestion control", "remove `congestion`, or use tcp"));
    }
    let omit = args.get(&OMIT);
    let bits = rate.unwrap_or(f64::INFINITY) * (omit + duration).as_secs_f64();
    let wide = transport == Transport::Udp && bits / 8.0 / f64::from(block) > WIDE;
    let burst = if transport == Transport::Udp { burst(args, block, rate) } else { 1 };
    Ok(Params {
        transport,
        time: Some(duration),
        amount: None,
        omit,
        streams,
        block,
        bandwidth: rate.map(|rate| rate / f64::from(streams)),
        reverse: args.get(&DIRECTION) == Direction::Download,
        bidirectional: args.get(&DIRECTION) == Direction::Both,
        wide,
        burst,
        merge: burst > 1,
        congestion,
        window: None,
        mss: None,
        tos: None,
    })
}

/// Bit/s of all streams together; `None` for no limit.
fn rate(args: &Args) -> Option<f64> {
    match args.get(&RATE) {
        Some(RateOr::Rate(rate)) => Some(rate),
        Some(RateOr::Word(_)) | None => None,
    }
}

/// Datagrams of one message. Bursts are another traffic than datagrams one by one: only where those cannot keep the rate.
fn burst(args: &Args, block: u32, rate: Option<f64>) -> u32 {
    let most = u32::try_from(most_segments(block as usize)).unwrap_or(1);
    if let Some(burst) = args.get(&BURST) {
        return burst.clamp(1, most);
    }
    if block < SMALL || rate.is_some_and(|rate| rate <= ONE_BY_ONE) {
        return 1;
    }
    let each = rate.unwrap_or(f64::INFINITY) / f64::from(args.get(&STREAMS));
    let due = each * LONGEST_BURST.as_secs_f64() / 8.0 / f64::from(block);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it lies between two bounds of this type"
    )]
    let burst = due.clamp(1.0, f64::from(most)) as u32;
    burst
}

fn block(args: &Args, transport: Transport) -> Result<u32, Invalid> {
    match (transport, args.get(&BLOCK)) {
        (Transport::Udp, Some(block)) if block > iperf3::MAX_DATAGRAM => Err(BLOCK.invalid(
            format!("{block} bytes do not fit in a UDP datagram"),
            format!("write at most {} B; 1448 B crosses Ethernet in one piece", iperf3::MAX_DATAGRAM),
        )),
        (_, Some(block)) => Ok(block),
        (Transport::Tcp, None) => Ok(tcp_block(args)),
        (Transport::Udp, None) => Ok(UDP_BLOCK),
    }
}

/// A server of iperf3 keeps a rate by whole blocks: of 1 MiB at some Mbit/s, most intervals would have none, and few have far more
/// than the rate. So a block is no more than what a stream downloads in a tenth of an interval.
fn tcp_block(args: &Args) -> u32 {
    let (Some(rate), Direction::Download | Direction::Both) = (rate(args), args.get(&DIRECTION)) else {
        return TCP_BLOCK;
    };
    let bytes = rate / f64::from(args.get(&STREAMS)) * args.get(&INTERVAL).as_secs_f64() / 10.0 / 8.0;
    let bounded = bytes.clamp(f64::from(SMALLEST_TCP_BLOCK), f64::from(TCP_BLOCK));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it lies between two bounds of this type"
    )]
    let block = bounded as u32;
    block
}
