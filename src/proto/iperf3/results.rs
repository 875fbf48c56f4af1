//! Results: what each side counted, exchanged at the end of a test.

use std::time::Duration;

use serde_json::{Value, json};

use super::MAX_STREAMS;
use super::frame::{count, number, text};

/// The result of one stream by one side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamResult {
    /// iperf3's number of it.
    pub id: u64,
    /// Payload bytes, warm-up left out.
    pub bytes: Option<u64>,
    /// Segments sent again; absent from a receiver.
    pub retransmits: Option<u64>,
    /// Receiver's, RFC 3550.
    pub jitter: Option<Duration>,
    /// Datagrams lost, warm-up included.
    pub errors: Option<u64>,
    /// Datagrams sent or known to have been sent, warm-up included.
    pub packets: Option<u64>,
    /// Of `errors`, those of the warm-up; absent before 3.14.
    pub omitted_errors: Option<u64>,
    /// Of `packets`, those of the warm-up; absent before 3.14.
    pub omitted_packets: Option<u64>,
    /// Datagrams this side's own socket dropped, part of `errors`; only shakedown tells.
    pub queue_drops: Option<u64>,
    /// Length of the test, seconds.
    pub seconds: f64,
}

/// The result of the test by one side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    /// Share of one processor, percent: total, user, system.
    pub cpu: [f64; 3],
    /// Congestion control of its sockets.
    pub congestion: Option<String>,
    /// Name of the program, if it gives one.
    pub software: Option<String>,
    /// Whether `retransmits` of the streams mean something.
    pub counts_retransmits: bool,
    /// One per stream.
    pub streams: Vec<StreamResult>,
}

impl Results {
    /// For the wire.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let streams: Vec<Value> = self.streams.iter().map(StreamResult::to_json).collect();
        let mut out = json!({
            "cpu_util_total": self.cpu[0],
            "cpu_util_user": self.cpu[1],
            "cpu_util_system": self.cpu[2],
            "sender_has_retransmits": i32::from(self.counts_retransmits),
            "streams": streams,
            "software": concat!("shakedown ", env!("CARGO_PKG_VERSION")),
        });
        if let (Some(map), Some(name)) = (out.as_object_mut(), &self.congestion) {
            map.insert("congestion_used".into(), json!(name));
        }
        out
    }

    /// From the peer; `None` when there is no list of streams, or an impossibly long one.
    #[must_use]
    pub fn from_json(value: &Value) -> Option<Self> {
        let streams = value.get("streams")?.as_array()?;
        if streams.len() > 2 * MAX_STREAMS as usize {
            return None;
        }
        let percent = |key| number(value, key, 0.0, 1e6).unwrap_or_default();
        Some(Self {
            cpu: [percent("cpu_util_total"), percent("cpu_util_user"), percent("cpu_util_system")],
            congestion: text(value, "congestion_used", 16),
            software: text(value, "software", 64),
            counts_retransmits: count(value, "sender_has_retransmits").is_some_and(|flag| flag == 1),
            streams: streams.iter().filter_map(StreamResult::from_json).collect(),
        })
    }

    /// The sum of a counter over all streams; `None` if any stream lacks it, because part of a sum is not the sum.
    #[must_use]
    pub fn total(&self, counter: impl Fn(&StreamResult) -> Option<u64>) -> Option<u64> {
        if self.streams.is_empty() {
            return None;
        }
        self.streams.iter().map(counter).try_fold(0_u64, |sum, part| part.map(|part| sum.saturating_add(part)))
    }
}

impl StreamResult {
    fn to_json(&self) -> Value {
        let mut out = json!({
            "id": self.id,
            "bytes": self.bytes.unwrap_or_default(),
            // iperf3 wants a number and takes -1 for "not known".
            "retransmits": self.retransmits.map_or(json!(-1), |n| json!(n)),
            "jitter": self.jitter.unwrap_or_default().as_secs_f64(),
            "errors": self.errors.unwrap_or_default(),
            "omitted_errors": self.omitted_errors.unwrap_or_default(),
            "packets": self.packets.unwrap_or_default(),
            "omitted_packets": self.omitted_packets.unwrap_or_default(),
            "start_time": 0,
            "end_time": self.seconds,
        });
        if let (Some(map), Some(drops)) = (out.as_object_mut(), self.queue_drops) {
            map.insert("queue_drops".into(), json!(drops));
        }
        out
    }

    fn from_json(value: &Value) -> Option<Self> {
        let start = number(value, "start_time", 0.0, 1e9).unwrap_or_default();
        let end = number(value, "end_time", 0.0, 1e9).unwrap_or_default();
        // Both or neither, as iperf3 has it.
        let omitted = count(value, "omitted_errors").zip(count(value, "omitted_packets"));
        Some(Self {
            id: count(value, "id")?,
            bytes: count(value, "bytes"),
            retransmits: count(value, "retransmits"),
            jitter: number(value, "jitter", 0.0, 1e6).map(Duration::from_secs_f64),
            errors: count(value, "errors"),
            packets: count(value, "packets"),
            omitted_errors: omitted.map(|(errors, _)| errors),
            omitted_packets: omitted.map(|(_, packets)| packets),
            queue_drops: count(value, "queue_drops"),
            seconds: (end - start).max(0.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::json;

    use super::{Results, StreamResult};

    #[test]
    fn results_round_trip() {
        let stream = StreamResult {
            id: 1,
            bytes: Some(7),
            retransmits: None,
            jitter: Some(Duration::from_micros(30)),
            errors: Some(2),
            packets: Some(9),
            omitted_errors: Some(1),
            omitted_packets: Some(3),
            queue_drops: Some(1),
            seconds: 1.5,
        };
        let results = Results { congestion: Some("cubic".into()), streams: vec![stream], ..Results::default() };
        let read = Results::from_json(&results.to_json()).unwrap();
        assert_eq!(read.streams, results.streams);
        assert_eq!(read.software, Some(concat!("shakedown ", env!("CARGO_PKG_VERSION")).to_owned()));
    }

    #[test]
    fn a_release_before_3_14_is_understood() {
        let read = Results::from_json(&json!({
            "sender_has_retransmits": 18_446_744_073_709_551_615_u64,
            "streams": [{"id": 1, "bytes": 5, "retransmits": 18_446_744_073_709_551_615_u64, "jitter": 0,
                         "errors": 0, "packets": 0, "start_time": 0, "end_time": 1.5}],
        }))
        .unwrap();
        assert!(!read.counts_retransmits);
        assert_eq!(read.streams[0].retransmits, None);
        assert_eq!(read.streams[0].omitted_packets, None);
        assert_eq!(read.total(|s| s.bytes), Some(5));
    }

    #[test]
    fn part_of_a_sum_is_no_sum() {
        let read = Results::from_json(&json!({"streams": [{"id": 1, "bytes": 5}, {"id": 3}]})).unwrap();
        assert_eq!(read.total(|s| s.bytes), None);
        assert_eq!(Results::default().total(|s| s.bytes), None);
    }

    #[test]
    fn endless_lists_are_refused() {
        let streams: Vec<_> = (0..257).map(|id| json!({"id": id})).collect();
        assert_eq!(Results::from_json(&json!({"streams": streams})), None);
        assert_eq!(Results::from_json(&json!({"streams": 3})), None);
    }

    proptest! {
        #[test]
        fn any_values_are_survived(number: f64, words in "\\PC{0,20}", which in 0_usize..8) {
            let keys = ["id", "bytes", "retransmits", "jitter", "errors", "packets", "start_time", "end_time"];
            for wrong in [json!(number), json!(words), json!({})] {
                let mut stream = json!({"id": 1});
                stream[keys[which]] = wrong;
                let _ = Results::from_json(&json!({"streams": [stream]}));
            }
        }
    }
}
