use super::{flag, host_of, quantity, value, word};
use crate::model::{FieldKind, TimeOf, Unit};

#[test]
fn quantities_of_other_tools_are_written_as_suites_do() {
    for (text, unit, time, want) in [
        ("21 days", Unit::Seconds, TimeOf::Period, vec!["21d"]),
        ("2 weeks", Unit::Seconds, TimeOf::Period, vec!["14d"]),
        ("100", Unit::Seconds, TimeOf::Period, vec!["100ms", "100s"]),
        ("5", Unit::Seconds, TimeOf::Period, vec!["5s", "5ms"]),
        ("21", Unit::Seconds, TimeOf::Validity, vec!["21d"]),
        ("21", Unit::Seconds, TimeOf::Age, vec!["21s"]),
        ("1814400", Unit::Seconds, TimeOf::Validity, vec!["1814400s"]),
        ("300", Unit::Seconds, TimeOf::Setting, vec!["300s"]),
        ("100", Unit::Seconds, TimeOf::Latency, vec!["100ms"]),
        ("20", Unit::Seconds, TimeOf::Latency, vec!["20ms", "20s"]),
        ("2", Unit::Seconds, TimeOf::Latency, vec!["2s", "2ms"]),
        ("22,23", Unit::Count, TimeOf::Period, vec![]),
        ("1,000", Unit::Count, TimeOf::Period, vec!["1000"]),
        ("0", Unit::Seconds, TimeOf::Period, vec!["0s"]),
        ("5 sec", Unit::Seconds, TimeOf::Period, vec!["5s"]),
        ("5S", Unit::Seconds, TimeOf::Period, vec!["5s"]),
        ("200MS", Unit::Seconds, TimeOf::Period, vec!["200ms"]),
        ("1m30s", Unit::Seconds, TimeOf::Period, vec!["90s"]),
        ("1s500ms", Unit::Seconds, TimeOf::Period, vec!["1500ms"]),
        ("PT5S", Unit::Seconds, TimeOf::Period, vec!["5s"]),
        ("12:30", Unit::Seconds, TimeOf::Period, vec!["750s"]),
        ("0.01", Unit::Ratio, TimeOf::Period, vec!["1%", "0.01%"]),
        ("5", Unit::Ratio, TimeOf::Period, vec!["5%"]),
        ("0", Unit::Ratio, TimeOf::Period, vec!["0%"]),
        ("5 percent", Unit::Ratio, TimeOf::Period, vec!["5%"]),
        ("9Gbps", Unit::BitsPerSecond, TimeOf::Period, vec!["9 Gbit/s"]),
        ("100 Mb/s", Unit::BitsPerSecond, TimeOf::Period, vec!["100 Mbit/s"]),
        ("10 MB/s", Unit::BitsPerSecond, TimeOf::Period, vec!["80 Mbit/s"]),
        ("100M", Unit::BitsPerSecond, TimeOf::Period, vec!["100 Mbit/s"]),
        ("900", Unit::BitsPerSecond, TimeOf::Period, vec!["900 Mbit/s", "900 bit/s"]),
        ("1472", Unit::Bytes, TimeOf::Period, vec!["1472 B"]),
        ("64KB", Unit::Bytes, TimeOf::Period, vec!["64 kB"]),
        ("64k", Unit::Bytes, TimeOf::Period, vec!["64 kB"]),
        ("1400 bytes", Unit::Bytes, TimeOf::Period, vec!["1400 B"]),
        ("500 qps", Unit::PerSecond, TimeOf::Period, vec!["500 /s"]),
        ("500", Unit::PerSecond, TimeOf::Period, vec!["500 /s"]),
        ("0x1bb", Unit::Count, TimeOf::Period, vec!["443"]),
        ("1_000", Unit::Count, TimeOf::Period, vec!["1000"]),
        ("4e2", Unit::Count, TimeOf::Period, vec!["400"]),
        ("fast", Unit::Seconds, TimeOf::Period, vec![]),
        ("5 parsecs", Unit::Seconds, TimeOf::Period, vec![]),
        ("a:b", Unit::Seconds, TimeOf::Period, vec![]),
        ("1000000:99999999999999999999", Unit::Seconds, TimeOf::Period, vec![]),
    ] {
        assert_eq!(quantity(text, unit, time), want, "{text}");
    }
}

#[test]
fn values_of_fields_are_written_as_suites_do() {
    let port = FieldKind::Integer(1, 65535);
    for (text, kind, want) in [
        ("https", port, vec!["443"]),
        ("443.0", port, vec!["443"]),
        ("99999", port, vec![]),
        ("yes", FieldKind::Bool, vec!["true"]),
        ("Off", FieldKind::Bool, vec!["false"]),
        ("http://x.test:80/a", FieldKind::Host, vec!["x.test"]),
        ("x.test:443", FieldKind::Host, vec!["x.test"]),
        ("udp://x.test:53", FieldKind::Endpoint, vec!["x.test:53"]),
        ("@192.0.2.53", FieldKind::Endpoint, vec!["192.0.2.53"]),
        ("www.x.test/a", FieldKind::Url, vec!["http://www.x.test/a", "https://www.x.test/a"]),
        ("x.test:8443", FieldKind::Url, vec!["https://x.test:8443"]),
        ("x.test:8080/a", FieldKind::Url, vec!["http://x.test:8080/a"]),
        ("http:/x.test/a", FieldKind::Url, vec!["http://x.test/a"]),
        ("localhost/a", FieldKind::Url, vec!["http://localhost/a"]),
        ("::1", FieldKind::Url, vec!["http://[::1]"]),
        ("6", FieldKind::Choice(&["any", "ipv4", "ipv6"]), vec!["ipv6"]),
        ("Warning", FieldKind::Choice(&["fail", "warn"]), vec!["warn"]),
    ] {
        assert_eq!(value(text, &kind), want, "{text}");
    }
    assert_eq!(flag("maybe"), None);
    assert_eq!(host_of("x.test"), None);
    assert_eq!(word("open", &["connected", "refused"]), Some("connected"));
    assert_eq!(word("zzz", &["connected", "refused"]), None);
}
