//! Parameters: what the client asks the server to do.

use std::time::Duration;

use serde_json::{Value, json};

use super::amount::Amount;
use super::frame::{count, number, text};
use super::parameter::{JsonType, json_type};
use super::{MAX_BLOCK, MAX_DATAGRAM, MAX_STREAMS};

/// Longest test, and longest warm-up, that is agreed to.
pub const MAX_TIME: Duration = Duration::from_hours(24);
/// Longest name of a congestion control algorithm in Linux.
const NAME: usize = 16;
/// Bytes of the largest message of several datagrams, as iperf3 has it.
const MERGED: u32 = 65_507;
/// Most datagrams of one message that Linux takes.
const MAX_BURST: u32 = 128;
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
    /// What is to be moved in each direction, where that ends the test instead of a time.
    pub amount: Option<Amount>,
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
    /// Datagrams that a sender may hand to its kernel as one message (UDP GSO), at least 1.
    pub burst: u32,
    /// A receiver may take neighbouring datagrams as one message (UDP GRO).
    pub merge: bool,
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
    pub(super) const PARAMETERS: i32 = 114;
}

impl Params {
    /// As the client sends them, each in the type of [`PARAMETERS`](super::parameter::PARAMETERS).
    #[must_use]
    pub fn to_json(&self) -> Value {
        let transport = if self.transport == Transport::Tcp { "tcp" } else { "udp" };
        let (bytes, blocks) = match self.amount {
            None => (0, 0),
            Some(Amount::Bytes(bytes)) => (bytes, 0),
            Some(Amount::Blocks(blocks)) => (0, blocks),
        };
        let mut out = json!({
            transport: true,
            // iperf3 reads whole seconds; the exact length travels beside them for a server that knows.
            "omit": whole_seconds(self.omit),
            "omit_exact": self.omit.as_secs_f64(),
            // A test that ends by an amount has the time 0.
            "time": self.time.map_or(0, whole_seconds),
            "num": bytes,
            "blockcount": blocks,
            "parallel": self.streams,
            "len": self.block,
            "pacing_timer": 1000,
            "client_version": concat!("shakedown ", env!("CARGO_PKG_VERSION")),
        });
        if let Some(map) = out.as_object_mut() {
            let mut flag = |name: &str, set: bool| {
                // A flag that is not set is left out: older servers take any value for set. Some flags are numbers.
                let value = if json_type(name) == Some(JsonType::Number) { json!(1) } else { json!(true) };
                if set {
                    map.insert(name.into(), value);
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
            if self.burst > 1 {
                map.insert("gso".into(), json!(1));
                map.insert("gso_dg_size".into(), json!(self.block));
                map.insert("gso_bf_size".into(), json!(self.block * self.burst));
            }
            if self.merge {
                map.insert("gro".into(), json!(1));
                map.insert("gro_bf_size".into(), json!(MERGED));
            }
        }
        out
    }

    /// Which streams the server sends, in the order in which the client opens them: with `bidirectional` the client's come first.
    pub fn server_sends(&self) -> impl Iterator<Item = bool> {
        let count = self.streams as usize;
        let (first, then) = if self.bidirectional { (false, count) } else { (self.reverse, 0) };
        std::iter::repeat_n(first, count).chain(std::iter::repeat_n(true, then))
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
        let amount = amount(value)?;
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
            amount,
            omit: Duration::from_secs_f64(omit),
            streams,
            block,
            bandwidth: number(value, "bandwidth", 1.0, 1e15),
            reverse: truthy(value, "reverse"),
            bidirectional: truthy(value, "bidirectional"),
            wide: truthy(value, "udp_counters_64bit"),
            burst: if truthy(value, "gso") { burst(value, block) } else { 1 },
            merge: truthy(value, "gro"),
            congestion: text(value, "congestion", NAME),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut to 1..=64 MiB")]
            window: number(value, "window", 1.0, f64::MAX).map(|window| window.min(MAX_WINDOW) as usize),
            mss: whole(value, "MSS", 0, 65_535, 0).filter(|mss| *mss > 0),
            tos: whole(value, "TOS", 0, 255, 0).filter(|tos| *tos > 0),
        })
    }
}

/// Seconds for iperf3, rounded up: a server that stopped early would cut the test.
fn whole_seconds(length: Duration) -> u64 {
    length.as_secs() + u64::from(length.subsec_nanos() > 0)
}

/// Bytes or blocks that end the test; both 0 or absent for a test that ends by its time.
fn amount(value: &Value) -> Result<Option<Amount>, Rejection> {
    let of = |key: &str| match value.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(_) => count(value, key)
            .map(|count| (count > 0).then_some(count))
            .ok_or_else(|| reject(code::PARAMETERS, format!("`{key}` is not a count"))),
    };
    let (bytes, blocks) = (of("num")?, of("blockcount")?);
    Ok(bytes.map(Amount::Bytes).or(blocks.map(Amount::Blocks)))
}

/// Datagrams of one message; iperf3 has as many as fit if its client does not say how many.
fn burst(value: &Value, block: u32) -> u32 {
    let bytes = number(value, "gso_bf_size", 1.0, f64::from(MERGED)).unwrap_or_else(|| MERGED.into());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the largest message")]
    let fit = bytes as u32 / block.max(1);
    fit.clamp(1, MAX_BURST)
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

    use super::super::parameter;
    use super::{Amount, Params, Transport};

    fn udp() -> Params {
        Params {
            transport: Transport::Udp,
            time: Some(Duration::from_secs(3)),
            amount: None,
            omit: Duration::from_millis(200),
            streams: 3,
            block: 1448,
            bandwidth: Some(1e6),
            reverse: true,
            bidirectional: false,
            wide: true,
            burst: 1,
            merge: false,
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

    /// Everything a client can ask for, in every combination of what is there or not.
    fn all() -> Vec<Params> {
        let mut all = Vec::new();
        for bits in 0_u32..64 {
            let set = |bit: u32| bits >> bit & 1 == 1;
            all.push(Params {
                transport: if set(0) { Transport::Udp } else { Transport::Tcp },
                reverse: set(1),
                bidirectional: set(2),
                wide: set(3),
                burst: if set(1) { 44 } else { 1 },
                merge: set(2),
                congestion: set(4).then(|| "cubic".to_owned()),
                bandwidth: set(5).then_some(1e6),
                amount: [None, Some(Amount::Bytes(1 << 40)), Some(Amount::Blocks(7))][bits as usize % 3],
                ..udp()
            });
        }
        all
    }

    /// iperf3 3.18 and later leave out what has another type, and then upload what was to be downloaded.
    #[test]
    fn every_parameter_has_the_type_that_iperf3_reads() {
        for params in all() {
            let document = params.to_json();
            assert_eq!(parameter::misread(&document), Vec::<&str>::new(), "{document}");
            for flag in ["tcp", "udp", "reverse", "bidirectional"] {
                let value = document.get(flag);
                assert!(value.is_none_or(|value| *value == json!(true)), "{flag} of {document}");
            }
            assert_eq!(document.get("reverse").is_some(), params.reverse, "older servers take `false` for set");
            assert_eq!(document.get("udp_counters_64bit").is_some(), params.wide);
            let unknown: Vec<&String> =
                document.as_object().unwrap().keys().filter(|name| parameter::json_type(name).is_none()).collect();
            assert_eq!(unknown, ["client_version", "omit_exact"], "what iperf3 does not read is our own");
            assert_eq!(Params::from_json(&document), Ok(params));
        }
    }

    #[test]
    fn an_amount_ends_a_test_instead_of_a_time() {
        let read = |document: Value| Params::from_json(&document).map(|params| (params.amount, params.time));
        let by = |more: Value| {
            let mut document = json!({"tcp": true, "time": 0, "num": 0, "blockcount": 0});
            document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            read(document)
        };
        assert_eq!(by(json!({"num": 104_857_600})), Ok((Some(Amount::Bytes(104_857_600)), None)));
        assert_eq!(by(json!({"blockcount": 9})), Ok((Some(Amount::Blocks(9)), None)));
        assert_eq!(by(json!({"time": 2})), Ok((None, Some(Duration::from_secs(2)))));
        for wrong in [json!({"num": -1}), json!({"num": "9"}), json!({"blockcount": 1e300})] {
            assert_eq!(by(wrong.clone()).unwrap_err().code, 114, "{wrong}");
        }
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
        fn any_values_are_survived(number: f64, words in "\\PC{0,20}", which in 0_usize..11) {
            let keys = ["time", "omit", "parallel", "len", "bandwidth", "congestion", "window", "MSS", "TOS", "num", "blockcount"];
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
