//! Whatever an iperf3 peer sends as parameters, results and datagrams is taken within its bounds, or refused.
#![no_main]

use std::time::Duration;

use shakedown::proto::iperf3::datagram::{Header, is_hello, is_reply};
use shakedown::proto::iperf3::frame::{self, PARAMS_CAP, RESULTS_CAP};
use shakedown::proto::iperf3::{Params, ReceiveCounter, Results};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        for cap in [PARAMS_CAP, RESULTS_CAP] {
            let mut stream = bytes;
            while let Ok(value) = frame::read_json(&mut stream, cap).await {
                if let Ok(params) = Params::from_json(&value) {
                    // What is accepted is what would be sent.
                    assert!(Params::from_json(&params.to_json()).is_ok(), "{}", params.to_json());
                }
                if let Some(results) = Results::from_json(&value) {
                    let _ = results.to_json();
                }
            }
        }
    });
    let _ = (is_hello(bytes), is_reply(bytes));
    for wide in [false, true] {
        let mut counter = ReceiveCounter::default();
        for (at, datagram) in bytes.chunks(24).enumerate() {
            if let Some(header) = Header::parse(datagram, wide) {
                counter.arrived(header, Duration::from_millis(at as u64));
            }
        }
        let counts = counter.counts();
        let _ = format!("{counts:?}");
    }
});
