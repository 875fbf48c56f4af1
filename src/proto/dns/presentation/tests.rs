use super::{data_key, record_key, same_data, same_record};

/// Data of one value in two spellings.
const SAME: &[(&str, &str, &str)] = &[
    ("A", "192.0.2.1", "192.0.2.1"),
    ("AAAA", "2001:db8::1", "2001:0DB8:0:0:0:0:0:1"),
    ("AAAA", "::ffff:192.0.2.1", "::FFFF:c000:201"),
    ("NS", "ns1.example.", "NS1.Example"),
    ("CNAME", "www.example.", "WWW.example."),
    ("PTR", "host.example.", "Host.Example"),
    ("DNAME", "other.example.", "OTHER.EXAMPLE"),
    ("MX", "10 mail.example.", "10  Mail.Example"),
    ("MX", "0 .", "0 ."),
    ("SRV", "1 2 443 srv.example.", "1 2 443 SRV.example"),
    ("NS", "b\\252cher.example.", "b\\252CHER.example"),
    ("NS", "a\\032b.example.", "a\\ b.example."),
    ("NS", "a\\.b.example.", "a\\046b.example"),
    ("NS", "xn--bcher-kva.example.", "bücher.example"),
    ("NS", "xn--bcher-kva.example.", "BÜCHER.example."),
    (
        "SOA",
        "ns1.example. hostmaster.example. 2026010101 3600 900 604800 300",
        "NS1.example Hostmaster.Example. 2026010101 1h 15m 1w 300",
    ),
    ("CAA", "0 issue \"letsencrypt.org\"", "0 ISSUE letsencrypt.org"),
    ("CAA", "0 issue \"ca.example; account=1\"", "0 Issue \"ca.example; account=1\""),
    ("TXT", "\"v=spf1 -all\"", "v=spf1 -all"),
    ("TXT", "\"one\" \"two\"", "onetwo"),
    ("TXT", "\"a\\\"b\"", "a\\034b"),
    ("TXT", "\"a\\\"\"", "a\\034"),
    ("DS", "12345 13 2 ABCDEF0123456789", "12345 ECDSAP256SHA256 2 abcdef01 23456789"),
    ("DS", "12345 13 2 ABCDEF", "12345 13 2 ab:cd:ef"),
    ("TLSA", "3 1 1 0D6FCE", "3 1 1 0d 6f ce"),
    ("SSHFP", "4 2 ABCD", "4 2 abcd"),
    (
        "DNSKEY",
        "257 3 13 AQPSKmynfzW4kyBv015MUG2DeIQ3Cbl+BBZH4b/0PY1kxkmvHjcZc8nokfzj31Ga",
        "257 3 ECDSAP256SHA256 AQPSKmynfzW4kyBv015MUG2D eIQ3Cbl+BBZH4b/0PY1kxkmvHjcZc8nokfzj31Ga",
    ),
    (
        "RRSIG",
        "A 13 2 300 20260101000000 20251201000000 7 example. AQID",
        "TYPE1 13 2 300 1767225600 1764547200 7 EXAMPLE AQID",
    ),
    ("NSEC", "b.example. A RRSIG NSEC", "B.example A NSEC RRSIG"),
    ("NSEC3PARAM", "1 0 0 AABB", "1 0 0 aabb"),
    ("HTTPS", "1 . alpn=\"h2,h3\" ipv6hint=2001:db8::1", "1 . ipv6hint=2001:DB8:0::1 ALPN=h2,h3"),
    ("NAPTR", "10 20 \"S\" \"SIP+D2U\" \"\" _sip._udp.example.", "10 20 S SIP+D2U \"\" _SIP._udp.example"),
    ("HINFO", "\"Intel\" \"Linux\"", "Intel Linux"),
    ("EUI48", "00-00-5e-00-53-2a", "00:00:5E:00:53:2A"),
    ("LOC", "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m", "52 22 23 n 4 53 32 e -2m 0m 10000m 10.0m"),
    ("TYPE1", "192.0.2.1", "\\# 4 C0 00 02 01"),
    ("A", "192.0.2.1", "\\# 4 c0000201"),
    ("TYPE65280", "\\# 2 AB CD", "\\# 2 abcd"),
    ("URI", "10 1 \"https://Example/\"", "10 1 https://Example/"),
];

/// Data of two values that are read alike.
const OTHER: &[(&str, &str, &str)] = &[
    ("A", "192.0.2.1", "192.0.2.10"),
    ("AAAA", "::ffff:192.0.2.1", "192.0.2.1"),
    ("NS", "ns1.example.", "ns1.example.org."),
    ("NS", "a\\.b.example.", "a.b.example."),
    ("NS", "bücher.example", "bucher.example"),
    ("MX", "10 mail.example.", "1 0mail.example."),
    ("MX", "10 mail.example.", "20 mail.example."),
    ("TXT", "\"v=spf1 -all\"", "\"v=spf1  -all\""),
    ("TXT", "\"V=spf1\"", "v=spf1"),
    ("TXT", "\"one\" \"two\"", "\"onetwo\""),
    ("TXT", "\"one\" \"two\"", "one two"),
    ("CAA", "0 issue \"letsencrypt.org\"", "0 issuewild letsencrypt.org"),
    ("CAA", "0 issue \"CA.example\"", "0 issue ca.example"),
    ("DS", "12345 13 2 ABCDEF", "12345 13 2 ABCDE0"),
    ("DNSKEY", "257 3 13 AQPS", "257 3 13 aqps"),
    ("HTTPS", "1 . alpn=\"h2\"", "1 . alpn=\"h3\""),
    ("HTTPS", "1 . dohpath=\"/Dns{?dns}\"", "1 . dohpath=\"/dns{?dns}\""),
    ("TYPE65280", "\\# 2 ABCD", "\\# 2 ABCE"),
    ("URI", "10 1 \"https://Example/\"", "10 1 https://example/"),
];

#[test]
fn one_value_has_many_texts() {
    for (kind, one, other) in SAME {
        assert!(same_data(Some(kind), one, other), "{kind}: {one} | {other}");
        assert!(same_data(Some(kind), other, one), "{kind}: {other} | {one}");
    }
    for (kind, one, other) in OTHER {
        assert!(!same_data(Some(kind), one, other), "{kind}: {one} | {other}");
        assert_ne!(data_key(Some(kind), one), data_key(Some(kind), other), "{kind}");
    }
}

#[test]
fn the_key_is_one_for_all_texts_of_a_value() {
    for (kind, one, other) in SAME.iter().filter(|(kind, ..)| *kind != "TXT") {
        assert_eq!(data_key(Some(kind), one), data_key(Some(kind), other), "{kind}");
    }
}

#[test]
fn without_a_type_only_what_shows_itself_is_folded() {
    assert!(same_data(None, "10 Mail.Example.", "10 mail.example"));
    assert!(same_data(None, "2001:db8::1", "2001:DB8:0::1"));
    assert!(!same_data(None, "AwEAAa", "aweaaa"), "a key");
    assert!(!same_data(None, "\"Text.\"", "\"text.\""));
}

#[test]
fn whole_records_are_compared_by_their_type() {
    assert!(same_record(None, "WWW.example. 300 IN MX 10 Mail.example.", "www.example 300 in MX 10 mail.example"));
    assert!(!same_record(None, "www.example. 300 IN TXT \"A\"", "www.example. 300 IN TXT \"a\""));
    assert!(!same_record(None, "www.example. 300 IN A 192.0.2.1", "www.example. 301 IN A 192.0.2.1"));
    assert_eq!(record_key(None, "a.example. 5 IN NS NS1.example."), record_key(None, "A.example. 5 IN NS ns1.example"));
}
