//! Whatever a file of Kubernetes objects holds is policies that say something of every connection, or refused with the place.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| shakedown::checks::reach::fuzz_policies(text));
