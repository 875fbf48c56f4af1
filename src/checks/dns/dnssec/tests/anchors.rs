//! Trust anchors as a suite writes them: which are accepted, and the errors for the others.

use super::asked;
use crate::checks::dns::tests::{args, build};
use crate::model::Arg;
use crate::probe::Probe as _;
use crate::testing::text;

const DS: &str = "test. DS 12345 13 2 0000000000000000000000000000000000000000000000000000000000000000";

fn refused(anchor: &str, more: &[(&'static str, Arg)]) -> crate::model::Invalid {
    let more = [&asked(anchor)[..], more].concat();
    build(&args("127.0.0.1", "www.test", &more)).err().unwrap_or_else(|| panic!("{anchor} {more:?} is taken"))
}

#[test]
fn a_bad_anchor_is_named_before_anything_is_asked() {
    for (anchor, why) in [
        ("test. DS 12345 13 2 00", "has 32 bytes, this one has 1"),
        ("test. DS 12345 16 2 00", "ED448"),
        ("test. DS 12345 13 3 00", "digest type 3"),
        ("test. A 192.0.2.1", "a A record is no trust anchor"),
        ("test. DS twelve", "it is no record"),
        ("test. DNSKEY 256 3 13 AAAA", "no ECDSAP256SHA256 key"),
        ("test. DNSKEY 0 3 13 AAAA", "signs nothing"),
        ("; nothing here", "holds no record"),
        ("/nowhere/anchors", "cannot be read"),
        (&DS.replace("test.", "example."), "no anchor is at or above www.test.: example."),
    ] {
        let error = refused(anchor, &[]);
        assert_eq!(error.field, "trust_anchor");
        assert!(error.message.contains(why), "{anchor}: {}", error.message);
    }
}

#[test]
fn questions_without_one_set_and_times_without_meaning_are_refused() {
    for (field, value) in [
        ("at", "yesterday"),
        ("at", "1969-12-31T23:59:59Z"),
        ("at", "2107-01-01T00:00:00Z"),
        ("type", "ANY"),
        ("type", "RRSIG"),
        ("class", "CH"),
    ] {
        assert_eq!(refused(DS, &[(field, text(value))]).field, field, "{value}");
    }
    assert_eq!(refused(DS, &[("edns", Arg::Bool(false))]).field, "dnssec");
    for (field, value) in [("at", text("2026-01-01T00:00:00Z")), ("trust_anchor", Arg::List(vec![text(DS)]))] {
        let error = build(&args("127.0.0.1", "www.test", &[(field, value)])).err().unwrap();
        assert_eq!((error.field, error.help.as_str()), (field, "add `dnssec: validate`"));
    }
}

#[test]
fn anchors_come_from_files_lists_and_iana() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("two words.key");
    std::fs::write(&file, format!("; of test.\n$TTL 300\n{DS} ; with a remark\ntest. 300 IN DS 1 8 1 (\n  00000000000000000000 00000000000000000000 )\n")).unwrap();
    for anchor in
        [file.to_str().unwrap(), DS, "test DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000"]
    {
        build(&args("127.0.0.1", "www.test", &asked(anchor))).unwrap();
    }
    let probe = build(&args("127.0.0.1", "www.test", &[("dnssec", text("validate"))])).unwrap();
    // The ordinary question with the server's name, then the walk.
    assert_eq!(probe.longest().as_secs(), 20 * 2 + 20 * 8);
    assert_eq!(probe.target(), "www.test. A @127.0.0.1:53");
}
