//! UDP datagrams: the hello that opens a stream, and the header in front of each payload.

/// First datagram of a client.
pub const HELLO: [u8; 4] = *b"9876";
/// Answer of a server.
pub const REPLY: [u8; 4] = *b"6789";
/// Answer of servers before 3.12: 987654321, in the byte order of their machine.
const LEGACY_REPLY: u32 = 987_654_321;
/// First datagram of clients before 3.12: 123456789, in the byte order of their machine.
const LEGACY_HELLO: u32 = 123_456_789;

/// True for any hello of a client.
#[must_use]
pub fn is_hello(datagram: &[u8]) -> bool {
    is_word(datagram, HELLO, LEGACY_HELLO)
}

/// True for any answer to a hello.
#[must_use]
pub fn is_reply(datagram: &[u8]) -> bool {
    is_word(datagram, REPLY, LEGACY_REPLY)
}

fn is_word(datagram: &[u8], now: [u8; 4], legacy: u32) -> bool {
    // The current words are written as integers too: a big-endian peer before 3.17 sends them the other way round.
    let turned: Vec<u8> = now.iter().rev().copied().collect();
    datagram == now || datagram == turned || datagram == legacy.to_le_bytes() || datagram == legacy.to_be_bytes()
}

/// In front of each payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Sender's clock, microseconds; only differences mean something.
    pub sent_us: u64,
    /// From 1.
    pub sequence: u64,
}

/// Bytes of the header with 32-bit or 64-bit counters.
#[must_use]
pub const fn header_length(wide: bool) -> usize {
    if wide { 16 } else { 12 }
}

impl Header {
    /// Writes the header to the start of `datagram`, which must have room for it.
    pub fn write(&self, datagram: &mut [u8], wide: bool) {
        let [_, _, _, _, seconds @ ..] = (self.sent_us / 1_000_000).to_be_bytes();
        let [_, _, _, _, micros @ ..] = (self.sent_us % 1_000_000).to_be_bytes();
        let sequence = self.sequence.to_be_bytes();
        let counter = if wide { &sequence[..] } else { &sequence[4..] };
        let fields = seconds.iter().chain(&micros).chain(counter);
        for (slot, byte) in datagram.iter_mut().zip(fields) {
            *slot = *byte;
        }
    }

    /// Reads a header; `None` when the datagram is too short or the clock is not one.
    #[must_use]
    pub fn parse(datagram: &[u8], wide: bool) -> Option<Self> {
        let seconds = u32::from_be_bytes(datagram.get(..4)?.try_into().ok()?);
        let micros = u32::from_be_bytes(datagram.get(4..8)?.try_into().ok()?);
        let sequence = if wide {
            u64::from_be_bytes(datagram.get(8..16)?.try_into().ok()?)
        } else {
            u64::from(u32::from_be_bytes(datagram.get(8..12)?.try_into().ok()?))
        };
        (micros < 1_000_000).then(|| Self { sent_us: u64::from(seconds) * 1_000_000 + u64::from(micros), sequence })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Header, header_length, is_hello, is_reply};

    #[test]
    fn words_of_old_and_new_releases_are_known() {
        assert!(is_hello(b"9876") && is_hello(&123_456_789_u32.to_le_bytes()));
        assert!(is_reply(b"6789") && is_reply(&987_654_321_u32.to_le_bytes()));
        assert!(!is_hello(b"987") && !is_reply(b"98765"));
    }

    #[test]
    fn the_layout_is_that_of_iperf3() {
        let mut wire = [0_u8; 16];
        Header { sent_us: 3_000_007, sequence: 258 }.write(&mut wire, false);
        assert_eq!(wire[..12], [0, 0, 0, 3, 0, 0, 0, 7, 0, 0, 1, 2]);
        Header { sent_us: 0, sequence: 1 << 32 }.write(&mut wire, true);
        assert_eq!(wire[8..], [0, 0, 0, 1, 0, 0, 0, 0]);
    }

    proptest! {
        #[test]
        fn headers_round_trip(sent_us in 0_u64..4_000_000_000_000_000, sequence: u64, wide: bool) {
            let sequence = if wide { sequence } else { sequence >> 32 };
            let header = Header { sent_us, sequence };
            let mut wire = [0_u8; 16];
            header.write(&mut wire, wide);
            prop_assert_eq!(Header::parse(&wire[..header_length(wide)], wide), Some(header));
        }

        #[test]
        fn any_datagram_is_survived(wire in proptest::collection::vec(any::<u8>(), 0..24), wide: bool) {
            let parsed = Header::parse(&wire, wide);
            prop_assert!(wire.len() >= header_length(wide) || parsed.is_none());
        }
    }
}
