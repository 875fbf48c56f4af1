//! Whatever lies in a store of baselines is one, or a calibration, or damaged.
#![no_main]

use shakedown::baseline::{noise, store};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    store::fuzz_parse(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        noise::fuzz_parse(text);
    }
});
