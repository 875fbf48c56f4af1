//! The fields of a check, as the client needs them.

use std::net::IpAddr;
use std::time::Duration;

use crate::model::{Args, Invalid};
use crate::net::IpFamily;
use crate::net::iperf3::{self, Params, Transport};

/// A TCP write. iperf3's own default is 128 KiB; larger writes measure the path rather than the system call.
const TCP_BLOCK: u32 = 1_048_576;
/// A datagram that crosses Ethernet in one piece, with room for IPv6 or a small tunnel.
const UDP_BLOCK: u32 = 1448;
/// Datagrams in one test above which 32-bit counters could run over.
const WIDE: f64 = 4e9;

/// What to test.
pub(super) struct Settings {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) family: IpFamily,
    pub(super) source: Option<IpAddr>,
    pub(super) patience: Duration,
    pub(super) interval: Duration,
    pub(super) duration: Duration,
    pub(super) params: Params,
}

impl Settings {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        let (host, port) = split(&args.string("server")).ok_or_else(|| {
            Invalid::at("server", "not a host with an optional port", "write 10.0.2.5:5201, [fd00::5]:5201 or a name")
        })?;
        let duration = args.wait("duration");
        let interval = args.wait("interval");
        if interval > duration {
            return Err(Invalid::at(
                "interval",
                "`interval` is longer than `duration`, so there would be no sample",
                "make `duration` a multiple of `interval`",
            ));
        }
        Ok(Self {
            host,
            port,
            family: IpFamily::from_args(args),
            source: args.address("source"),
            patience: args.wait("timeout"),
            interval,
            duration,
            params: params(args, duration)?,
        })
    }
}

fn params(args: &Args, duration: Duration) -> Result<Params, Invalid> {
    let transport = if args.text("protocol") == Some("udp") { Transport::Udp } else { Transport::Tcp };
    let streams: u32 = args.unsigned("streams").unwrap_or(1);
    let rate = args.number("rate");
    let block = block(args, transport)?;
    let congestion = args.text("congestion").map(ToOwned::to_owned);
    if transport == Transport::Udp && rate.is_none() {
        return Err(Invalid::at("rate", "udp needs a `rate`", "write rate: 100 Mbit/s"));
    }
    if transport == Transport::Udp && congestion.is_some() {
        return Err(Invalid::at("congestion", "udp has no congestion control", "remove `congestion`, or use tcp"));
    }
    let omit = args.wait("omit");
    let datagrams = rate.unwrap_or_default() / f64::from(block) / 8.0 * (omit + duration).as_secs_f64();
    Ok(Params {
        transport,
        time: Some(duration),
        omit,
        streams,
        block,
        bandwidth: rate.map(|rate| rate / f64::from(streams)),
        reverse: args.text("direction") == Some("download"),
        bidirectional: false,
        wide: datagrams > WIDE,
        congestion,
        window: None,
        mss: None,
        tos: None,
    })
}

fn block(args: &Args, transport: Transport) -> Result<u32, Invalid> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the table's range is 16 B..=1 MiB")]
    let block = args.number("block").map(|block| block as u32);
    match (transport, block) {
        (Transport::Udp, Some(block)) if block > iperf3::MAX_DATAGRAM => Err(Invalid::at(
            "block",
            format!("{block} bytes do not fit in a UDP datagram"),
            format!("write at most {} B; 1448 B crosses Ethernet in one piece", iperf3::MAX_DATAGRAM),
        )),
        (_, Some(block)) => Ok(block),
        (Transport::Tcp, None) => Ok(TCP_BLOCK),
        (Transport::Udp, None) => Ok(UDP_BLOCK),
    }
}

/// `host`, `host:port`, `[v6]:port`, or a bare IPv6 address.
fn split(server: &str) -> Option<(String, u16)> {
    if server.parse::<IpAddr>().is_ok() {
        return Some((server.to_owned(), iperf3::PORT));
    }
    if let Some(rest) = server.strip_prefix('[') {
        let (host, tail) = rest.split_once(']')?;
        let port = if tail.is_empty() { iperf3::PORT } else { tail.strip_prefix(':')?.parse().ok()? };
        return Some((host.to_owned(), port)).filter(|(host, port)| !host.is_empty() && *port > 0);
    }
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (server, iperf3::PORT),
    };
    (!host.is_empty() && !host.contains(':') && port > 0).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn servers_have_an_optional_port() {
        for (text, want) in [
            ("10.0.2.5", Some(("10.0.2.5", 5201))),
            ("peer.example:80", Some(("peer.example", 80))),
            ("[fd00::5]:7", Some(("fd00::5", 7))),
            ("[fd00::5]", Some(("fd00::5", 5201))),
            ("fd00::5", Some(("fd00::5", 5201))),
            ("peer:0", None),
            ("peer:99999", None),
            ("a:b:c", None),
            (":5201", None),
            ("", None),
        ] {
            assert_eq!(split(text), want.map(|(host, port)| (host.to_owned(), port)), "{text}");
        }
    }
}
