//! Whatever a server sends in answer to a first packet of QUIC is taken, dropped, or ends the connection.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shakedown::proto::quic::fuzzed::packets(bytes));
