use super::{flag, host_of, quantity, value, word};
use crate::model::{FieldKind, Unit};

#[test]
fn quantities_of_other_tools_are_written_as_suites_do() {
    for (text, unit, like, want) in [
        ("21 days", Unit::Seconds, None, vec!["21d"]),
        ("2 weeks", Unit::Seconds, None, vec!["14d"]),
        ("100", Unit::Seconds, None, vec!["100ms", "100s"]),
        ("5", Unit::Seconds, None, vec!["5s", "5ms"]),
        ("21", Unit::Seconds, Some("14d"), vec!["21d", "21h"]),
        ("0", Unit::Seconds, None, vec!["0s"]),
        ("5 sec", Unit::Seconds, None, vec!["5s"]),
        ("5S", Unit::Seconds, None, vec!["5s"]),
        ("200MS", Unit::Seconds, None, vec!["200ms"]),
        ("1m30s", Unit::Seconds, None, vec!["90s"]),
        ("1s500ms", Unit::Seconds, None, vec!["1500ms"]),
        ("PT5S", Unit::Seconds, None, vec!["5s"]),
        ("12:30", Unit::Seconds, None, vec!["750s"]),
        ("0.01", Unit::Ratio, None, vec!["1%", "0.01%"]),
        ("5", Unit::Ratio, None, vec!["5%"]),
        ("0", Unit::Ratio, None, vec!["0%"]),
        ("5 percent", Unit::Ratio, None, vec!["5%"]),
        ("9Gbps", Unit::BitsPerSecond, None, vec!["9 Gbit/s"]),
        ("100 Mb/s", Unit::BitsPerSecond, None, vec!["100 Mbit/s"]),
        ("10 MB/s", Unit::BitsPerSecond, None, vec!["80 Mbit/s"]),
        ("100M", Unit::BitsPerSecond, None, vec!["100 Mbit/s"]),
        ("900", Unit::BitsPerSecond, None, vec!["900 Mbit/s", "900 bit/s"]),
        ("1472", Unit::Bytes, None, vec!["1472 B"]),
        ("64KB", Unit::Bytes, None, vec!["64 kB"]),
        ("64k", Unit::Bytes, None, vec!["64 kB"]),
        ("1400 bytes", Unit::Bytes, None, vec!["1400 B"]),
        ("500 qps", Unit::PerSecond, None, vec!["500 /s"]),
        ("500", Unit::PerSecond, None, vec!["500 /s"]),
        ("0x1bb", Unit::Count, None, vec!["443"]),
        ("1_000", Unit::Count, None, vec!["1000"]),
        ("4e2", Unit::Count, None, vec!["400"]),
        ("fast", Unit::Seconds, None, vec![]),
        ("5 parsecs", Unit::Seconds, None, vec![]),
        ("a:b", Unit::Seconds, None, vec![]),
        ("1000000:99999999999999999999", Unit::Seconds, None, vec![]),
    ] {
        assert_eq!(quantity(text, unit, like), want, "{text}");
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
        ("www.x.test/a", FieldKind::Url, vec!["https://www.x.test/a"]),
        ("6", FieldKind::Choice(&["any", "ipv4", "ipv6"]), vec!["ipv6"]),
        ("Warning", FieldKind::Choice(&["fail", "warn"]), vec!["warn"]),
    ] {
        assert_eq!(value(text, &kind, None), want, "{text}");
    }
    assert_eq!(flag("maybe"), None);
    assert_eq!(host_of("x.test"), None);
    assert_eq!(word("open", &["connected", "refused"]), Some("connected"));
    assert_eq!(word("zzz", &["connected", "refused"]), None);
}
