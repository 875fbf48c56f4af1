//! Whatever a server sends in answer to a question is read, or refused with a reason; never a panic, never unbounded.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shakedown::proto::dns::fuzz_answer(bytes));
