use proptest::prelude::*;

use super::server::Alert;
use super::{
    Auth, Exchange, GROUPS, Hello, KeyExchange, Parser, ParserState, Version, group_named, groups, suite, suite_name,
    suites,
};

const RANDOM: [u8; 32] = [7; 32];

fn be16(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap().to_be_bytes()
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 3, 3][..], &be16(content.len()), content].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 0][..], &be16(body.len()), body].concat()
}

fn server_hello(version: u16, random: &[u8; 32], suite: u16, extensions: &[u8]) -> Vec<u8> {
    let head = [&version.to_be_bytes()[..], random, &[0], &suite.to_be_bytes(), &[0]].concat();
    let tail = if extensions.is_empty() { Vec::new() } else { [&be16(extensions.len())[..], extensions].concat() };
    message(2, &[head, tail].concat())
}

fn read(bytes: &[u8]) -> (ParserState, super::Flight) {
    let mut parser = Parser::default();
    let state = parser.feed(bytes);
    (state, parser.into_flight())
}

#[test]
fn every_suite_has_a_number_and_a_name_of_its_own() {
    assert!(suites().len() > 370, "{}", suites().len());
    let mut numbers: Vec<u16> = suites().iter().map(|suite| suite.number).collect();
    let mut names: Vec<&str> = suites().iter().map(|suite| suite.name).collect();
    numbers.sort_unstable();
    names.sort_unstable();
    numbers.dedup();
    names.dedup();
    assert_eq!((numbers.len(), names.len()), (suites().len(), suites().len()));
    assert_eq!(suites().iter().filter(|suite| suite.is_tls13()).count(), 15);
    assert_eq!(suite_name(0xc02f), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    assert_eq!(suite_name(0xfafa), "0xfafa");
}

#[test]
fn names_say_what_a_suite_is() {
    let sorts = |number: u16| {
        let suite = suite(number).unwrap();
        (suite.exchange(), suite.auth(), suite.weakness())
    };
    assert_eq!(sorts(0x1301), (Exchange::Any, Auth::Any, None));
    assert_eq!(sorts(0xc02b), (Exchange::Ecdhe, Auth::Ecdsa, None));
    assert_eq!(sorts(0x0033), (Exchange::Dhe, Auth::Rsa, None));
    assert_eq!(sorts(0x002f), (Exchange::Rsa, Auth::Rsa, None));
    assert_eq!(sorts(0x0003), (Exchange::Rsa, Auth::Rsa, Some("export")));
    assert_eq!(sorts(0x0005), (Exchange::Rsa, Auth::Rsa, Some("RC4")));
    assert_eq!(sorts(0x000a), (Exchange::Rsa, Auth::Rsa, Some("3DES")));
    assert_eq!(sorts(0x0009), (Exchange::Rsa, Auth::Rsa, Some("DES")));
    assert_eq!(sorts(0x0002), (Exchange::Rsa, Auth::Rsa, Some("NULL")));
    assert_eq!(sorts(0x0034), (Exchange::Dhe, Auth::Anonymous, Some("anonymous")));
    assert_eq!(sorts(0xc018), (Exchange::Ecdhe, Auth::Anonymous, Some("anonymous")));
    assert_eq!(sorts(0xc006), (Exchange::Ecdhe, Auth::Ecdsa, Some("NULL")));
    assert_eq!(sorts(0x008c), (Exchange::Other, Auth::Other, None));
    assert_eq!(sorts(0xcc13), (Exchange::Ecdhe, Auth::Rsa, None));
    assert_eq!(sorts(0xc00e), (Exchange::Other, Auth::Other, None), "static ECDH");
    assert!(suite(0xc01d).unwrap().is_srp() && suite(0xd001).unwrap().is_psk());
}

#[test]
fn groups_fit_their_version() {
    assert_eq!(group_named("X25519MLKEM768"), Some(0x11ec));
    for (number, name) in [(0x11ebu16, "SecP256r1MLKEM768"), (0x11ed, "SecP384r1MLKEM1024"), (0x0200, "MLKEM512")] {
        assert!(groups(Version::Tls13).contains(&number), "{name}");
        assert!(!groups(Version::Tls12).contains(&number), "{name}");
    }
    assert!(groups(Version::Tls12).contains(&0x001a) && !groups(Version::Tls13).contains(&0x001a));
    assert!(GROUPS.len() > 50);
}

#[test]
fn a_hello_is_as_long_as_its_length_fields_say() {
    let mut hello = Hello::new(Version::Tls13, vec![0x1301, 0x1302]);
    hello.sni = Some("www.example".to_owned());
    hello.alpn = vec!["h2".to_owned()];
    let bytes = hello.encode(&RANDOM);
    assert_eq!(bytes[..3], [22, 3, 1]);
    assert_eq!(usize::from(u16::from_be_bytes([bytes[3], bytes[4]])), bytes.len() - 5);
    assert_eq!(usize::from(u16::from_be_bytes([bytes[7], bytes[8]])), bytes.len() - 9);
    assert!(crate::net::bytes::contains(&bytes, b"\x00\x33\x00\x02\x00\x00"), "an empty list of key shares");
    assert!(crate::net::bytes::contains(&bytes, b"www.example") && crate::net::bytes::contains(&bytes, b"\x02h2"));
    hello.length = 1800;
    assert_eq!(hello.encode(&RANDOM).len(), 1805);
    hello.shares = true;
    assert_eq!(hello.encode(&RANDOM).len(), 1805, "padding makes room for shares");
    let old = Hello::new(Version::Ssl3, vec![0x0005]).encode(&RANDOM);
    assert_eq!((old[2], old[9..11].to_vec()), (0, vec![3, 0]));
    // Random, no session, two suites with the signal of RFC 5746, no compression, and no extensions.
    assert_eq!(old[43..], [0, 0, 4, 0, 5, 0, 0xff, 1, 0]);
}

#[test]
fn a_request_to_try_again_names_version_suite_and_group() {
    let retry = [
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2,
        0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
    ];
    let extensions = [0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0x11, 0xec];
    let bytes = record(22, &server_hello(0x0303, &retry, 0x1302, &extensions));
    for size in [1, 2, 7, bytes.len()] {
        let mut parser = Parser::default();
        let mut states: Vec<ParserState> = bytes.chunks(size).map(|chunk| parser.feed(chunk)).collect();
        assert_eq!(states.pop(), Some(ParserState::Complete));
        assert!(states.iter().all(|state| *state == ParserState::More));
        let hello = parser.flight().hello.as_ref().unwrap();
        assert_eq!(
            (hello.version, hello.suite, hello.retry, hello.group),
            (Version::Tls13, 0x1302, true, Some(0x11ec))
        );
    }
}

#[test]
fn a_flight_in_clear_shows_chain_curve_and_size() {
    let hello = server_hello(0x0303, &RANDOM, 0xc02f, &[0xff, 1, 0, 1, 0, 0, 23, 0, 0]);
    let chain = message(11, &[0, 0, 9, 0, 0, 2, 0xaa, 0xbb, 0, 0, 1, 0xcc]);
    let curve = message(12, &[3, 0, 0x1d, 32]);
    let whole = [hello.clone(), chain.clone(), curve, message(13, &[]), message(14, &[])].concat();
    // Messages may share a record, and one may be spread over several.
    let bytes: Vec<u8> = whole.chunks(50).flat_map(|part| record(22, part)).collect();
    let (state, flight) = read(&bytes);
    assert_eq!(state, ParserState::Complete);
    assert_eq!(flight.chain, [vec![0xaa, 0xbb], vec![0xcc]]);
    assert_eq!((flight.exchange, flight.asks_certificate), (Some(KeyExchange::Group(0x1d)), true));
    assert_eq!(flight.hello.unwrap().extensions, [0xff01, 23]);
    let field = |prime: &[u8]| message(12, &[&be16(prime.len())[..], prime, &[0, 1, 2, 0, 1, 9]].concat());
    for (prime, bits) in [(vec![0, 0x80, 0, 0], 24), (vec![1; 128], 1017), (vec![0, 0], 0)] {
        let bytes = record(22, &[server_hello(0x0303, &RANDOM, 0x0033, &[]), field(&prime)].concat());
        assert_eq!(read(&bytes).1.exchange, Some(KeyExchange::Field(bits)));
    }
    // A hint comes before the parameters when the key is shared beforehand.
    let hint =
        record(22, &[server_hello(0x0303, &RANDOM, 0xc035, &[]), message(12, &[0, 1, 9, 3, 0, 23, 1, 4])].concat());
    assert_eq!(read(&hint).1.exchange, Some(KeyExchange::Group(23)));
}

#[test]
fn warnings_pass_and_fatal_alerts_end() {
    let warned = [record(21, &[1, 112]), record(22, &server_hello(0x0302, &RANDOM, 0x002f, &[]))].concat();
    let (state, flight) = read(&warned);
    assert_eq!((state, flight.hello.unwrap().version), (ParserState::More, Version::Tls11));
    assert_eq!(read(&record(21, &[2, 70])).0, ParserState::Alert(Alert(70)));
    assert_eq!(read(&record(21, &[1, 0])).0, ParserState::Alert(Alert(0)));
    assert_eq!(Alert(70).word(), "protocol_version");
    let gave_up = [record(22, &server_hello(0x0303, &RANDOM, 0xc035, &[])), record(21, &[2, 40])].concat();
    let (_, flight) = read(&gave_up);
    assert_eq!((flight.alert, flight.cut_short()), (Some(Alert(40)), false));
    assert!(matches!(read(&record(21, &[2])).0, ParserState::NotTls(_)));
}

#[test]
fn what_is_not_tls_is_reported_with_its_beginning() {
    for junk in [&b"HTTP/1.1 400 Bad Request\r\n"[..], b"SSH-2.0-x", b"\x16\x02\x00", b"\x80\x2e\x01", b"\0\0\0"] {
        let (state, flight) = read(junk);
        assert!(matches!(state, ParserState::NotTls(_)), "{junk:?}: {state:?}");
        assert_eq!(flight.hello, None);
    }
    assert!(matches!(read(b"HTTP/1.1 400 Bad").0, ParserState::NotTls(why) if why.contains("HTTP/1.1")));
    // A hello of another kind, a certificate first, a retry before TLS 1.3, twice the same extension.
    for bad in [
        message(1, &[0; 40]),
        message(11, &[0, 0, 0]),
        server_hello(0x0303, &RANDOM, 0x1301, &[0, 51, 0, 2, 0, 29]),
        server_hello(0x0303, &RANDOM, 0xc02f, &[0, 23, 0, 0, 0, 23, 0, 0]),
        server_hello(0x0399, &RANDOM, 0xc02f, &[]),
    ] {
        assert!(matches!(read(&record(22, &bad)).0, ParserState::NotTls(_)), "{bad:?}");
    }
}

#[test]
fn endless_answers_end() {
    let mut parser = Parser::default();
    let empty = record(22, &[]).repeat(100);
    let fed = (0..1000).take_while(|_| parser.feed(&empty) == ParserState::More).count();
    assert!(fed < 20, "empty records: {fed}");
    let mut parser = Parser::default();
    // A message that claims 200 KB and comes in drops, after a good hello.
    assert_eq!(parser.feed(&record(22, &server_hello(0x0303, &RANDOM, 0xc02f, &[]))), ParserState::More);
    assert_eq!(parser.feed(&record(22, &[11, 3, 0, 0])), ParserState::More);
    let drops = (0..1000).take_while(|_| parser.feed(&record(22, &[0; 1000])) == ParserState::More).count();
    assert!(drops < 300, "{drops}");
    assert!(parser.flight().hello.is_some(), "the hello stays");
    // A claim beyond the limits is not waited for.
    let claim = record(22, &[2, 0xff, 0xff, 0xff]);
    assert!(matches!(read(&claim).0, ParserState::NotTls(_)));
    let warnings = record(21, &[1, 90]).repeat(2000);
    assert_eq!(read(&warnings).0, ParserState::TooMuch);
}

/// What is read is bounded in bytes: of what came, nothing is left out in silence.
#[test]
fn a_chain_of_many_certificates_is_kept_whole() {
    let list: Vec<u8> = (0..150_u8).flat_map(|n| [0, 0, 4, n, n, n, n]).collect();
    let body = [&[0][..], &be16(list.len()), &list].concat();
    let bytes =
        record(22, &[server_hello(0x0303, &RANDOM, 0xc02f, &[]), message(11, &body), message(14, &[])].concat());
    let (state, flight) = read(&bytes);
    assert_eq!((state, flight.chain.len()), (ParserState::Complete, 150));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000), size in 1_usize..100) {
        let mut parser = Parser::default();
        for chunk in bytes.chunks(size) {
            parser.feed(chunk);
        }
    }

    #[test]
    fn arbitrary_messages_never_panic(bodies in proptest::collection::vec((0_u8..24, proptest::collection::vec(any::<u8>(), 0..80)), 0..12)) {
        let mut bytes = record(22, &server_hello(0x0303, &RANDOM, 0xc02f, &[]));
        bytes.extend(bodies.iter().flat_map(|(kind, body)| record(22, &message(*kind, body))));
        read(&bytes);
    }

    #[test]
    fn a_flipped_byte_never_panics(at in 0_usize..60, to in any::<u8>()) {
        let mut bytes = record(22, &server_hello(0x0303, &RANDOM, 0xc02f, &[0, 23, 0, 0, 0, 16, 0, 5, 0, 3, 2, b'h', b'2']));
        if let Some(byte) = bytes.get_mut(at) {
            *byte = to;
        }
        read(&bytes);
    }

    #[test]
    fn every_hello_keeps_its_lengths(count in 0_usize..400, length in 0_usize..40_000) {
        let suites = suites().iter().map(|suite| suite.number).take(count).collect();
        let hello = Hello { length, ..Hello::new(Version::Tls12, suites) };
        let mut rest = &hello.encode(&RANDOM)[..];
        let mut whole = Vec::new();
        while let [22, 3, 1, high, low, more @ ..] = rest {
            let (content, after) = more.split_at(usize::from(u16::from_be_bytes([*high, *low])));
            whole.extend_from_slice(content);
            rest = after;
        }
        prop_assert!(rest.is_empty());
        prop_assert_eq!(usize::from(whole[1]) << 16 | usize::from(whole[2]) << 8 | usize::from(whole[3]), whole.len() - 4);
    }
}
