//! Packets made by hand.

use proptest::prelude::{ProptestConfig, any, proptest};

use super::{Echo, HEADER, Number, Received, Requests, seal};

const TAG: u64 = 0x1122_3344_5566_7788;

fn v4(size: usize) -> Echo {
    Echo { v6: false, id: Some(0xbeef), tag: TAG, size, flow: None }
}

fn v6(size: usize) -> Echo {
    Echo { v6: true, id: Some(0xbeef), tag: TAG, size, flow: None }
}

/// The reply of an honest target to the request of probe `number`.
fn reply(echo: Echo, number: u32) -> Vec<u8> {
    let mut packet = echo.request(number);
    packet[0] = if echo.v6 { 129 } else { 0 };
    reseal(&echo, &mut packet);
    packet
}

fn reseal(echo: &Echo, packet: &mut [u8]) {
    if !echo.v6 {
        packet[2] = 0;
        packet[3] = 0;
        seal(packet);
    }
}

fn with_ip_header(message: &[u8], options: usize) -> Vec<u8> {
    let mut packet = vec![0; 20 + options];
    packet[0] = 0x40 | u8::try_from(5 + options / 4).unwrap();
    packet.extend_from_slice(message);
    packet
}

#[test]
fn a_request_is_laid_out_as_rfc_792_says() {
    let packet = Echo { v6: false, id: Some(1), tag: 0, size: 0, flow: None }.request(2);
    // Sum of 0x0800, 1 and 2 in one's complement, inverted.
    assert_eq!(packet, [8, 0, 0xf7, 0xfc, 0, 1, 0, 2]);
    assert_eq!(v6(56).request(7)[..HEADER], [128, 0, 0, 0, 0xbe, 0xef, 0, 7]);
    assert_eq!(v4(1472).request(0).len(), 1480);
}

#[test]
fn requests_of_a_flow_have_one_checksum_and_other_flows_have_others() {
    let checksum = |flow: u16, number: u32| {
        let packet = Echo { flow: Some(flow), ..v4(56) }.request(number);
        [packet[2], packet[3]]
    };
    for flow in [0, 1, 7, 0x8000, 0xfffe] {
        for number in [1, 2, 30, 255, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0xffff_ffff] {
            assert_eq!(checksum(flow, number), checksum(flow, 0), "{flow} {number}");
        }
    }
    assert_ne!(checksum(1, 5), checksum(2, 5));
    let echo = Echo { flow: Some(3), ..v4(56) };
    assert_eq!(echo.read(&reply(echo, 9), false), Received::Reply(Number::Exact(9)));
    assert_eq!(v4(56).read(&reply(echo, 9), false), Received::Altered(Number::Exact(9)));
}

#[test]
fn own_replies_are_known_with_and_without_an_ip_header() {
    for size in [16, 56, 1472] {
        assert_eq!(v4(size).read(&reply(v4(size), 70_000), false), Received::Reply(Number::Exact(70_000)));
        assert_eq!(v6(size).read(&reply(v6(size), 70_000), false), Received::Reply(Number::Exact(70_000)));
        for options in [0, 8, 40] {
            let packet = with_ip_header(&reply(v4(size), 5), options);
            assert_eq!(v4(size).read(&packet, true), Received::Reply(Number::Exact(5)), "{options} bytes of options");
        }
    }
}

#[test]
fn short_payloads_fall_back_to_the_sequence_field() {
    for size in [0, 7, 8, 15] {
        assert_eq!(v4(size).read(&reply(v4(size), 65_537), false), Received::Reply(Number::Low(1)), "{size} bytes");
    }
}

#[test]
fn packets_of_others_are_not_ours() {
    let good = reply(v4(56), 1);
    let other_id = Echo { id: Some(1), ..v4(56) };
    assert_eq!(other_id.read(&good, false), Received::Other, "another ping on a raw socket");
    let ping_socket = Echo { id: None, ..v4(56) };
    assert_eq!(ping_socket.read(&good, false), Received::Reply(Number::Exact(1)), "the kernel chose the identifier");
    assert_eq!(v4(56).read(&v4(56).request(1), false), Received::Other, "our own request, seen on loopback");
    assert_eq!(v6(56).read(&v6(56).request(1), false), Received::Other);
    for cut in 0..HEADER {
        assert_eq!(v4(56).read(&good[..cut], false), Received::Other, "{cut} bytes");
    }
    assert_eq!(v4(56).read(&with_ip_header(&good, 0)[..21], true), Received::Other);
    assert_eq!(v4(56).read(&good, true), Received::Other, "no IPv4 header where one must be");
}

#[test]
fn a_reply_that_is_not_what_was_sent_is_altered() {
    for echo in [v4(56), v6(56), Echo { id: None, ..v4(56) }, v4(16), v6(17)] {
        let good = reply(echo, 1);
        for at in HEADER..good.len() {
            let mut flipped = good.clone();
            flipped[at] ^= 0x40;
            reseal(&echo, &mut flipped);
            let number = match echo.read(&flipped, false) {
                Received::Altered(number) => number,
                // The upper half of the number alone: it is that of a probe that was not sent.
                Received::Reply(number) if number.of(2).is_none() && (HEADER + 12..HEADER + 14).contains(&at) => {
                    continue;
                }
                other => panic!("byte {at} of {echo:?}: {other:?}"),
            };
            // Where the payload says no number that can be believed, the header does.
            let of_payload = (HEADER + 8..HEADER + 16).contains(&at);
            assert!(of_payload || number.of(2) == Some(1), "byte {at}: {number:?}");
        }
        for length in HEADER..good.len() {
            let mut short = good[..length].to_vec();
            reseal(&echo, &mut short);
            let Received::Altered(number) = echo.read(&short, false) else { panic!("{length} bytes of {echo:?}") };
            assert_eq!(number.of(2), Some(1), "{length} bytes");
        }
        let mut long = good.clone();
        long.extend_from_slice(&[0, 0]);
        reseal(&echo, &mut long);
        assert_eq!(echo.read(&long, false), Received::Altered(Number::Exact(1)));
        let mut renumbered = good.clone();
        renumbered[7] = 9;
        reseal(&echo, &mut renumbered);
        assert_eq!(echo.read(&renumbered, false), Received::Altered(Number::Exact(1)), "another sequence number");
    }
    for size in [1, 7, 8, 15] {
        let mut flipped = reply(v4(size), 3);
        *flipped.last_mut().unwrap() ^= 1;
        reseal(&v4(size), &mut flipped);
        assert_eq!(v4(size).read(&flipped, false), Received::Altered(Number::Low(3)), "{size} bytes");
    }
    // Where the number stood there is one that no probe can have, which looks like the filling behind a tag.
    for size in [16, 17, 56] {
        let echo = v6(size);
        let filling = (0_u8..).take(size - 8);
        let refilled: Vec<u8> = reply(echo, 7)[..HEADER + 8].iter().copied().chain(filling).collect();
        assert_eq!(echo.read(&refilled, false), Received::Altered(Number::Low(7)), "{size} bytes");
    }
    let mut checksum = reply(v4(56), 1);
    checksum[2] ^= 1;
    assert_eq!(v4(56).read(&checksum, false), Received::Altered(Number::Exact(1)));
    assert_eq!(
        Echo { tag: 1, ..v4(56) }.read(&reply(v4(56), 1), false),
        Received::Altered(Number::Low(1)),
        "another tag"
    );
}

#[test]
fn quoted_requests_are_known_by_what_the_router_kept() {
    for echo in [v4(56), v6(56)] {
        let request = echo.request(65_540);
        assert_eq!(echo.quoted(&request), Some(Number::Exact(65_540)), "quoted in full");
        assert_eq!(echo.quoted(&request[..HEADER]), Some(Number::Low(4)), "only the 8 bytes of RFC 792");
        assert_eq!(echo.quoted(&request[..12]), Some(Number::Low(4)), "tag cut in half");
        assert_eq!(echo.quoted(&request[..7]), None, "nothing to go by");
        assert_eq!(Echo { tag: 1, ..echo }.quoted(&request), None, "another run's probe");
        assert_eq!(Echo { id: Some(1), ..echo }.quoted(&request[..HEADER]), None, "another ping's probe");
        assert_eq!(echo.quoted(&reply(echo, 1)), None, "an error about a reply is not about us");
    }
}

#[test]
fn the_newest_probe_that_fits_is_meant() {
    assert_eq!(Number::Low(3).of(5), Some(3));
    assert_eq!(Number::Low(5).of(5), None, "not sent yet");
    assert_eq!(Number::Low(1).of(65_540), Some(65_537), "after the wrap");
    assert_eq!(Number::Low(9).of(65_540), Some(9), "sent before the wrap");
    assert_eq!(Number::Exact(5).of(5), None);
    assert_eq!(Number::Exact(4).of(5), Some(4));
    assert_eq!(Number::Low(0).of(0), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn many_requests_are_what_each_alone_is(numbers in proptest::collection::vec(any::<u32>(), 1..20), size in 16_usize..80, id in any::<u16>(), tag in any::<u64>()) {
        for v6 in [false, true] {
            let echo = Echo { v6, id: Some(id), tag, size, flow: None };
            let mut requests = Requests::new(&echo);
            for number in &numbers {
                proptest::prop_assert_eq!(requests.of(*number), echo.request(*number));
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_are_never_ours(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ip_header in any::<bool>(),
        six in any::<bool>(),
        size in 16_usize..120,
    ) {
        let echo = Echo { v6: six, ..v4(size) };
        // 16 bits of identifier and 64 of tag: chance cannot produce them in full.
        assert!(!matches!(echo.read(&bytes, ip_header), Received::Reply(Number::Exact(_))));
        let _ = echo.quoted(&bytes);
    }

    #[test]
    fn every_own_reply_is_found_again(number in any::<u32>(), size in 16_usize..2000, six in any::<bool>()) {
        let echo = Echo { v6: six, ..v4(size) };
        assert_eq!(echo.read(&reply(echo, number), false), Received::Reply(Number::Exact(number)));
    }
}
