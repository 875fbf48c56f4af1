//! Whatever stands behind a stats socket, its answer is a table of servers, or it is said what it is.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shakedown::proto::haproxy::fuzz_parse(bytes));
