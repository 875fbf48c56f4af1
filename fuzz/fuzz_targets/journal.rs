//! Whatever a journal holds, it is told what it would undo, or what is wrong with it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shakedown::guard::journal::fuzz_parse(bytes));
