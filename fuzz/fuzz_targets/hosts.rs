//! Whatever a file of hosts holds is a list of hosts, or refused with the line.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| shakedown::checks::shared::hosts::fuzz_hosts(text));
