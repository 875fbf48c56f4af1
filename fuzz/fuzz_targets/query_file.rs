//! Whatever a file of queries holds is questions, or refused with the line.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| shakedown::checks::dns::fuzz_queries(text));
