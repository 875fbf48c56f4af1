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
    /// Receiver's, RFC 3550; absent where fewer than two datagrams came.
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
    /// Datagrams that came after a later one, without the warm-up; only shakedown tells.
    pub reordered: Option<u64>,
    /// Datagrams that came again, without the warm-up; only shakedown tells.
    pub duplicates: Option<u64>,
    /// Most datagrams that this side's sender handed over as one message; only shakedown tells.
    pub burst: Option<u64>,
    /// Length of the test, seconds.
    pub seconds: Option<f64>,
}

/// The result of the test by one side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    /// Share of one processor, percent: total, user, system; absent where it could not be measured.
    pub cpu: Option<[f64; 3]>,
    /// Congestion control of its sockets.
    pub congestion: Option<String>,
    /// Name of the program, if it gives one.
    pub software: Option<String>,
    /// Whether `retransmits` of the streams mean something.
    pub counts_retransmits: bool,
    /// Whether it takes itself for the receiver of all streams.
    pub receives: bool,
    /// One per stream.
    pub streams: Vec<StreamResult>,
}

impl Results {
    /// For the wire.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let streams: Vec<Value> = self.streams.iter().map(StreamResult::to_json).collect();
        // iperf3 wants numbers; no share is below nothing.
        let [total, user, system] = self.cpu.unwrap_or([-1.0; 3]);
        let retransmits = if self.receives { -1 } else { i32::from(self.counts_retransmits) };
        let mut out = json!({
            "cpu_util_total": total,
            "cpu_util_user": user,
            "cpu_util_system": system,
            "sender_has_retransmits": retransmits,
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
        let percent = |key| number(value, key, 0.0, 1e6);
        let cpu = percent("cpu_util_total").zip(percent("cpu_util_user")).zip(percent("cpu_util_system"));
        Some(Self {
            cpu: cpu.map(|((total, user), system)| [total, user, system]),
            congestion: text(value, "congestion_used", 16),
            software: text(value, "software", 64),
            counts_retransmits: count(value, "sender_has_retransmits").is_some_and(|flag| flag == 1),
            // A receiver says -1, which releases up to 3.13 write as 2^64 - 1.
            receives: value
                .get("sender_has_retransmits")
                .and_then(Value::as_f64)
                .is_some_and(|flag| !(0.0..1e18).contains(&flag)),
            streams: streams.iter().filter_map(StreamResult::from_json).collect(),
        })
    }
}

/// The sum of a counter over these streams; `None` if any of them lacks it, because part of a sum is not the sum.
#[must_use]
pub fn total(streams: &[StreamResult], counter: impl Fn(&StreamResult) -> Option<u64>) -> Option<u64> {
    if streams.is_empty() {
        return None;
    }
    streams.iter().map(counter).try_fold(0_u64, |sum, part| part.map(|part| sum.saturating_add(part)))
}

impl StreamResult {
    fn to_json(&self) -> Value {
        let mut out = json!({
            "id": self.id,
            "bytes": required(self.bytes),
            // iperf3 wants a number and takes -1 for "not known".
            "retransmits": self.retransmits.map_or(json!(-1), |n| json!(n)),
            "jitter": self.jitter.map_or(json!(0), |jitter| json!(jitter.as_secs_f64())),
            "errors": required(self.errors),
            "omitted_errors": required(self.omitted_errors),
            "packets": required(self.packets),
            "omitted_packets": required(self.omitted_packets),
            "start_time": 0,
            "end_time": self.seconds.map_or(json!(0), |seconds| json!(seconds)),
        });
        if let Some(map) = out.as_object_mut() {
            let own = [
                ("queue_drops", self.queue_drops),
                ("reordered", self.reordered),
                ("duplicates", self.duplicates),
                ("burst", self.burst),
            ];
            map.extend(own.into_iter().filter_map(|(name, count)| Some((name.to_owned(), json!(count?)))));
        }
        out
    }

    fn from_json(value: &Value) -> Option<Self> {
        let length = number(value, "start_time", 0.0, 1e9).zip(number(value, "end_time", 0.0, 1e9));
        let (bytes, errors, packets) = (count(value, "bytes"), count(value, "errors"), count(value, "packets"));
        // A number stands for the jitter also where nothing came, or one datagram that varies from nothing.
        let arrived = packets.zip(errors).is_some_and(|(packets, errors)| packets > errors.saturating_add(1));
        let compared = arrived && bytes.is_some_and(|bytes| bytes > 0);
        // Both or neither, as iperf3 has it.
        let omitted = count(value, "omitted_errors").zip(count(value, "omitted_packets"));
        Some(Self {
            id: count(value, "id")?,
            bytes,
            retransmits: count(value, "retransmits"),
            jitter: number(value, "jitter", 0.0, 1e6).filter(|_| compared).map(Duration::from_secs_f64),
            errors,
            packets,
            omitted_errors: omitted.map(|(errors, _)| errors),
            omitted_packets: omitted.map(|(_, packets)| packets),
            queue_drops: count(value, "queue_drops"),
            reordered: count(value, "reordered"),
            duplicates: count(value, "duplicates"),
            burst: count(value, "burst"),
            seconds: length.map(|(start, end)| (end - start).max(0.0)),
        })
    }
}

/// iperf3 takes no results without this number, and writes 0 itself where there is nothing to count.
fn required(count: Option<u64>) -> Value {
    count.map_or(json!(0), |count| json!(count))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::json;

    use super::{Results, StreamResult, total};

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
            burst: Some(44),
            reordered: Some(3),
            duplicates: Some(4),
            seconds: Some(1.5),
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
        assert_eq!(total(&read.streams, |s| s.bytes), Some(5));
    }

    #[test]
    fn what_was_not_measured_stays_absent() {
        let nothing = Results::from_json(&json!({"streams": [{"id": 1}]})).unwrap();
        assert_eq!((nothing.cpu, nothing.receives), (None, false));
        assert_eq!(nothing.streams, [StreamResult { id: 1, ..StreamResult::default() }]);
        // iperf3 writes a jitter of 0 for a stream on which nothing came.
        for (packets, errors, bytes, jitter) in [(0, 0, 0, None), (9, 9, 0, None), (9, 8, 1, None), (9, 7, 2, Some(0))]
        {
            let stream = json!({"id": 1, "packets": packets, "errors": errors, "bytes": bytes, "jitter": 0});
            let read = Results::from_json(&json!({"streams": [stream]})).unwrap();
            assert_eq!(read.streams[0].jitter, jitter.map(Duration::from_secs), "{packets} {errors}");
        }
    }

    #[test]
    fn who_takes_itself_for_the_receiver_is_known() {
        let receives = |flag: serde_json::Value| {
            Results::from_json(&json!({"sender_has_retransmits": flag, "streams": []})).unwrap().receives
        };
        assert!(receives(json!(-1)) && receives(json!(18_446_744_073_709_551_615_u64)));
        assert!(!receives(json!(0)) && !receives(json!(1)) && !receives(json!("-1")));
        let mine = Results { receives: true, ..Results::default() };
        assert!(Results::from_json(&mine.to_json()).unwrap().receives);
    }

    #[test]
    fn part_of_a_sum_is_no_sum() {
        let read = Results::from_json(&json!({"streams": [{"id": 1, "bytes": 5}, {"id": 3}]})).unwrap();
        assert_eq!(total(&read.streams, |s| s.bytes), None);
        assert_eq!(total(&[], |s| s.bytes), None);
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
