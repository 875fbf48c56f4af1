//! Whatever a server says before TLS is heard out within its bounds.
#![no_main]

use shakedown::proto::tls::starttls::{Protocol, replay};

/// Bytes that end a turn of the server in the input.
const TURN: u8 = 0xff;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let protocol = Protocol::ALL[usize::from(*first) % Protocol::ALL.len()];
    let turns: Vec<&[u8]> = rest.splitn(6, |byte| *byte == TURN).collect();
    let received = replay(protocol, &turns);
    assert!(received.is_err() || received.is_ok_and(|received| received <= 128 * 1024));
});
