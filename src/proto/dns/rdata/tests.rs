//! Presentation format, against examples of the RFCs.

use crate::net::bytes::unhex;
use crate::proto::dns::{rdata, types};

#[track_caller]
fn prints(kind: &str, data: &str, want: &str) {
    let bytes = unhex(data).unwrap();
    let got = rdata::text(&bytes, 0, bytes.len(), types::number(kind).unwrap());
    assert_eq!(got.as_deref(), Some(want), "{kind}");
}

#[track_caller]
fn refuses(kind: &str, data: &str) {
    let bytes = unhex(data).unwrap();
    assert_eq!(rdata::text(&bytes, 0, bytes.len(), types::number(kind).unwrap()), None, "{kind} {data}");
}

#[test]
fn addresses_names_and_numbers() {
    prints("A", "c0000201", "192.0.2.1");
    prints("AAAA", "20010db8000000000000000000000001", "2001:db8::1");
    prints("MX", "000a 046d61696c 00", "10 mail.");
    prints("SRV", "0001 0002 13c4 00", "1 2 5060 .");
    prints("NS", "05612e625c63 00", "a\\.b\\\\c.");
    prints("PTR", "0320ff40 00", "\\032\\255\\@.");
    refuses("A", "c00002");
    refuses("A", "c000020100");
    refuses("MX", "000a 046d6169");
}

#[test]
fn texts_are_quoted_and_escaped() {
    prints("TXT", "0168 03612022", "\"h\" \"a \\\"\"");
    prints("TXT", "00", "\"\"");
    prints("TXT", "04 5c3b 00ff", "\"\\\\;\\000\\255\"");
    prints("HINFO", "02 5043 05 4c696e7578", "\"PC\" \"Linux\"");
    prints("CAA", "80 05 6973737565 63612e74657374", "128 issue \"ca.test\"");
    prints("URI", "000a 0001 66", "10 1 \"f\"");
    prints("NAPTR", "0064 0032 0173 03687474 00 00", "100 50 \"s\" \"htt\" \"\" .");
    refuses("TXT", "");
    refuses("TXT", "0561");
}

#[test]
fn digests_keys_and_signatures() {
    prints("DS", "ec45 05 01 2bb183af", "60485 5 1 2BB183AF");
    prints("TLSA", "03 01 01 abcdef", "3 1 1 ABCDEF");
    prints("SSHFP", "04 02 0a0b", "4 2 0A0B");
    prints("DNSKEY", "0101 03 08 03010001", "257 3 8 AwEAAQ==");
    prints(
        "RRSIG",
        "0001 05 03 00015180 3e7cb3cf 3e5514e0 0a52 00 0102",
        "A 5 3 86400 20030322190447 20030220174816 2642 . AQI=",
    );
    prints("CERT", "0001 0001 08 0102", "PKIX 1 RSASHA256 AQI=");
    prints("CERT", "00fe 0001 08 0102", "OID 1 RSASHA256 AQI=");
    prints("CERT", "0009 0001 00 0102", "9 1 0 AQI=");
}

#[test]
fn denial_of_existence() {
    // RFC 4034 section 4.3.
    let bits = "0006 400100000003 041b 000000000000000000000000000000000000000000000000000020";
    prints("NSEC", &format!("04686f7374 00 {bits}"), "host. A MX RRSIG NSEC TYPE1234");
    // RFC 5155 appendix A.
    prints(
        "NSEC3",
        "01 01 000c 04 aabbccdd 14 174eb2409fe28bcb4887a1836f957f0a8425e27b 0001 02",
        "1 1 12 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR SOA",
    );
    prints("NSEC3PARAM", "01 00 0000 00", "1 0 0 -");
    prints("CSYNC", "00000042 0003 0004 60000008", "66 3 A NS AAAA");
    refuses("NSEC", "00 0000");
    refuses("NSEC", "00 0021");
}

#[test]
fn service_bindings() {
    // RFC 9460 appendix D.
    prints("SVCB", "0000 03666f6f 00", "0 foo.");
    prints("HTTPS", "0010 03666f6f 00 0003 0002 0035", "16 foo. port=53");
    prints("SVCB", "0001 00 029b 0005 68656c6c6f", "1 . key667=\"hello\"");
    prints("SVCB", "0001 00 029b 0009 68656c6c6fd2716f6f", "1 . key667=\"hello\\210qoo\"");
    prints(
        "SVCB",
        "0010 00 0000 0004 0001 0004 0001 0003 02 6832 0004 0004 c0000201",
        "16 . mandatory=alpn,ipv4hint alpn=\"h2\" ipv4hint=192.0.2.1",
    );
    prints("SVCB", "0010 00 0001 000c 08 665c6f6f2c626172 02 6832", "16 . alpn=\"f\\\\\\\\oo\\\\,bar,h2\"");
    prints("HTTPS", "0001 00 0002 0000 0007 0004 2f647b7d", "1 . no-default-alpn dohpath=\"/d{}\"");
    // A port of one byte is no port; the bytes are shown.
    prints("HTTPS", "0001 00 0003 0001 41", "1 . key3=\"A\"");
    refuses("HTTPS", "0001 00 0003 0002 41");
}

#[test]
fn places_and_hardware() {
    // RFC 1876 section 4: 42 21 54 N 71 06 18 W -24m 30m.
    prints("LOC", "00 33 16 13 89172dd0 70be15f0 00988d20", "42 21 54.000 N 71 6 18.000 W -24.00m 30m 10000m 10m");
    prints("EUI48", "00005e005310", "00-00-5e-00-53-10");
    refuses("LOC", "01 33 16 13 89172dd0 70be15f0 00988d20");
}

#[test]
fn unknown_types_are_generic() {
    prints("TYPE65280", "0a0b0c0d", "\\# 4 0A0B0C0D");
    prints("TYPE65280", "", "\\# 0");
    prints("NULL", "ff", "\\# 1 FF");
}
