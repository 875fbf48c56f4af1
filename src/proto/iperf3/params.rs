//! Parameters: what the client asks the server to do.

use std::time::Duration;

use serde_json::{Value, json};

use super::frame::{number, text};
use super::{MAX_BLOCK, MAX_DATAGRAM, MAX_STREAMS};

/// Longest test, and longest warm-up, that is agreed to.
pub const MAX_TIME: Duration = Duration::from_hours(24);
/// Longest name of a congestion control algorithm in Linux.
const NAME: usize = 16;
/// Buffer sizes asked for beyond this are cut.
const MAX_WINDOW: f64 = 67_108_864.0;

/// Transport of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A byte stream.
    Tcp,
    /// Datagrams at a rate.
    Udp,
}

/// A test as both sides agree on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    /// Transport of the data.
    pub transport: Transport,
    /// Length without warm-up; `None` when the client counts bytes or blocks and ends the test itself.
    pub time: Option<Duration>,
    /// Warm-up, left out of the counts.
    pub omit: Duration,
    /// Streams in each direction.
    pub streams: u32,
    /// Bytes per write, or per datagram.
    pub block: u32,
    /// Bit/s of each stream; `None` for no limit.
    pub bandwidth: Option<f64>,
    /// The server sends.
    pub reverse: bool,
    /// Both send.
    pub bidirectional: bool,
    /// Datagrams carry 64-bit counters.
    pub wide: bool,
    /// Congestion control of the data streams.
    pub congestion: Option<String>,
    /// Socket buffers, bytes.
    pub window: Option<usize>,
    /// Maximum segment size.
    pub mss: Option<u32>,
    /// Type of service byte.
    pub tos: Option<u32>,
}

/// Why parameters are refused, with iperf3's number for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// `i_errno` of iperf3.
    pub code: i32,
    /// For the log.
    pub why: String,
}

/// `i_errno` of iperf3 for what we refuse.
mod code {
    pub(super) const DURATION: i32 = 5;
    pub(super) const STREAMS: i32 = 6;
    pub(super) const BLOCK: i32 = 7;
    pub(super) const OMIT: i32 = 12;
    pub(super) const UNIMPLEMENTED: i32 = 13;
}

impl Params {
    /// As the client sends them.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let transport = if self.transport == Transport::Tcp { "tcp" } else { "udp" };
        let mut out = json!({
            transport: true,
            "omit": self.omit.as_secs_f64().ceil(),
            "time": self.time.unwrap_or_default().as_secs_f64().ceil(),
            "num": 0,
            "blockcount": 0,
            "parallel": self.streams,
            "len": self.block,
            "pacing_timer": 1000,
            "client_version": concat!("shakedown ", env!("CARGO_PKG_VERSION")),
        });
        if let Some(map) = out.as_object_mut() {
            // iperf3 reads whole seconds; the exact lengths travel beside them for a server that knows.
            for key in ["omit", "time"] {
                let whole = map.get(key).and_then(Value::as_f64).unwrap_or_default();
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most a day")]
                map.insert(key.into(), json!(whole as u64));
            }
            map.insert("omit_exact".into(), json!(self.omit.as_secs_f64()));
            let mut flag = |name: &str, set: bool| {
                if set {
                    map.insert(name.into(), json!(1));
                }
            };
            flag("reverse", self.reverse);
            flag("bidirectional", self.bidirectional);
            flag("udp_counters_64bit", self.wide);
            if let Some(rate) = self.bandwidth {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is above zero")]
                map.insert("bandwidth".into(), json!(rate.ceil() as u64));
            }
            if let Some(name) = &self.congestion {
                map.insert("congestion".into(), json!(name));
            }
        }
        out
    }

    /// From a client; every value is checked.
    pub fn from_json(value: &Value) -> Result<Self, Rejection> {
        let transport = match (truthy(value, "tcp"), truthy(value, "udp")) {
            (_, true) => Transport::Udp,
            (true, false) => Transport::Tcp,
            _ => return Err(reject(code::UNIMPLEMENTED, "neither tcp nor udp")),
        };
        let seconds = |key, or: f64, code| match value.get(key) {
            None | Some(Value::Null) => Ok(or),
            Some(_) => number(value, key, 0.0, MAX_TIME.as_secs_f64())
                .ok_or_else(|| reject(code, format!("`{key}` is not a length of time up to a day"))),
        };
        let time = seconds("time", 0.0, code::DURATION)?;
        let omit = seconds("omit", 0.0, code::OMIT)?;
        let omit = number(value, "omit_exact", 0.0, omit).unwrap_or(omit);
        let streams = whole(value, "parallel", 1, MAX_STREAMS, 1)
            .ok_or_else(|| reject(code::STREAMS, format!("`parallel` is not in 1..={MAX_STREAMS}")))?;
        let (most, usual) = match transport {
            Transport::Tcp => (MAX_BLOCK, 131_072),
            Transport::Udp => (MAX_DATAGRAM, 1460),
        };
        let least = if transport == Transport::Udp { 16 } else { 1 };
        // iperf3 sends `len: 0` for "your default".
        let asked = whole(value, "len", 0, most, 0);
        let block = match asked {
            Some(0) => usual,
            Some(length) if length >= least => length,
            _ => return Err(reject(code::BLOCK, format!("`len` is not in {least}..={most}"))),
        };
        Ok(Self {
            transport,
            time: (time > 0.0).then(|| Duration::from_secs_f64(time)),
            omit: Duration::from_secs_f64(omit),
            streams,
            block,
            bandwidth: number(value, "bandwidth", 1.0, 1e15),
            reverse: truthy(value, "reverse"),
            bidirectional: truthy(value, "bidirectional"),
            wide: truthy(value, "udp_counters_64bit"),
            congestion: text(value, "congestion", NAME),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut to 1..=64 MiB")]
            window: number(value, "window", 1.0, f64::MAX).map(|window| window.min(MAX_WINDOW) as usize),
            mss: whole(value, "MSS", 0, 65_535, 0).filter(|mss| *mss > 0),
            tos: whole(value, "TOS", 0, 255, 0).filter(|tos| *tos > 0),
        })
    }
}

fn reject(code: i32, why: impl Into<String>) -> Rejection {
    Rejection { code, why: why.into() }
}

/// iperf3 writes flags as `true` or as 1.
fn truthy(value: &Value, key: &str) -> bool {
    match value.get(key) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::Number(number)) => number.as_f64().is_some_and(|n| n != 0.0),
        _ => false,
    }
}

/// A whole number in a range; `or` when it is not there, `None` when it is something else.
fn whole(value: &Value, key: &str, lo: u32, hi: u32, or: u32) -> Option<u32> {
    match value.get(key) {
        None | Some(Value::Null) => Some(or),
        Some(_) => {
            let number = number(value, key, f64::from(lo), f64::from(hi))?;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in the range")]
            Some(number as u32)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{Params, Transport};

    fn udp() -> Params {
        Params {
            transport: Transport::Udp,
            time: Some(Duration::from_secs(3)),
            omit: Duration::from_millis(200),
            streams: 3,
            block: 1448,
            bandwidth: Some(1e6),
            reverse: true,
            bidirectional: false,
            wide: true,
            congestion: Some("cubic".into()),
            window: None,
            mss: None,
            tos: None,
        }
    }

    #[test]
    fn parameters_round_trip() {
        assert_eq!(Params::from_json(&udp().to_json()), Ok(udp()));
    }

    #[test]
    fn whole_seconds_on_the_wire_for_iperf3() {
        let short = Params { time: Some(Duration::from_millis(300)), ..udp() };
        assert_eq!(short.to_json()["time"], json!(1));
        assert_eq!(short.to_json()["omit"], json!(1));
    }

    #[test]
    fn nonsense_is_refused_with_the_number_of_iperf3() {
        for (document, code) in [
            (json!({}), 13),
            (json!({"sctp": true}), 13),
            (json!([1]), 13),
            (json!({"tcp": true, "time": -1}), 5),
            (json!({"tcp": true, "time": 1e9}), 5),
            (json!({"tcp": true, "parallel": 0}), 6),
            (json!({"tcp": true, "parallel": 129}), 6),
            (json!({"tcp": true, "parallel": "4"}), 6),
            (json!({"tcp": true, "len": 1e12}), 7),
            (json!({"udp": true, "len": 8}), 7),
            (json!({"tcp": true, "omit": "long"}), 12),
        ] {
            assert_eq!(Params::from_json(&document).unwrap_err().code, code, "{document}");
        }
    }

    #[test]
    fn an_absent_bandwidth_is_no_limit() {
        let params = Params::from_json(&json!({"tcp": true, "time": 1, "parallel": 1, "omit": 0})).unwrap();
        assert_eq!((params.bandwidth, params.block, params.wide), (None, 131_072, false));
    }

    proptest! {
        #[test]
        fn any_values_are_survived(number: f64, words in "\\PC{0,20}", which in 0_usize..9) {
            let keys = ["time", "omit", "parallel", "len", "bandwidth", "congestion", "window", "MSS", "TOS"];
            for wrong in [json!(number), json!(words), Value::Null, json!([number])] {
                let mut document = json!({"tcp": true});
                document[keys[which]] = wrong;
                if let Ok(params) = Params::from_json(&document) {
                    prop_assert!((1..=128).contains(&params.streams) && params.block <= 1_048_576);
                }
            }
        }
    }
}
