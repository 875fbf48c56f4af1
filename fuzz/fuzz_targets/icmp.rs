//! Whatever arrives at an ICMP socket is a reply, an altered one, an error about a probe, or nobody's.
#![no_main]

use shakedown::net::datagram::IcmpError;
use shakedown::proto::icmp::{Echo, Number, Received};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [shape, size, kind, code, mtu, packet @ ..] = bytes else { return };
    let (v6, ip_header, ping_socket) = (shape & 1 != 0, shape & 2 != 0, shape & 4 != 0);
    let id = (!ping_socket).then_some(0xbeef);
    let echo = Echo { v6, id, tag: 0x1122_3344_5566_7788, size: usize::from(*size), flow: None };
    match echo.read(packet, ip_header) {
        // Only the very bytes that were sent come back as a clean reply.
        Received::Reply(number) => {
            let number = match number {
                Number::Exact(number) => number,
                Number::Low(_) => low(packet, ip_header),
            };
            assert!(packet.ends_with(&echo.request(number)[8..]), "{packet:?}");
        }
        Received::Altered(number) => assert!(number.of(0).is_none()),
        Received::Other => {}
    }
    let _ = echo.quoted(packet).and_then(|number| number.of(70_000));
    let _ = IcmpError::from_icmp(v6, *kind, *code, u32::from(*mtu) * 100, None, packet.len()).to_string();
});

/// The sequence number of an echo message.
fn low(packet: &[u8], ip_header: bool) -> u32 {
    let at = if ip_header { usize::from(packet[0] & 0x0f) * 4 } else { 0 };
    u32::from(packet[at + 6]) << 8 | u32::from(packet[at + 7])
}
