use serde_json::{Value, json};

use super::{Form, ValueType, difference};
use crate::model::Unit;
use crate::model::expectation::Sort;

#[test]
fn texts_of_one_value() {
    for (form, one, other) in [
        (Form::Name, "WWW.Example.", "www.example"),
        (Form::Name, "bücher.example", "xn--bcher-kva.example."),
        (Form::Name, "a\\032b.example", "a\\ b.EXAMPLE"),
        (Form::Name, ".", "."),
        (Form::Address, "2001:DB8:0:0::1", "2001:db8::1"),
        (Form::Address, "::ffff:192.0.2.1", "192.0.2.1"),
        (Form::Address, "[::1]", "::1"),
        (Form::Address, "FE80:0::1%eth0", "fe80::1%eth0"),
        (Form::Host, "FE80:0::1%eth0", "fe80::1%eth0"),
        (Form::Host, "2001:DB8::1", "2001:db8:0::1"),
        (Form::Host, "Mail.Example", "mail.example."),
        (Form::Hex, "AB:CD:01", "abcd01"),
        (Form::Hex, "ab cd 01", "ABCD01"),
        (Form::HexNumber, "00:AB", "ab"),
        (Form::HexNumber, "0x1F", "1f"),
        (Form::Word, "TLS_AES_128_GCM_SHA256", "tls_aes_128_gcm_sha256"),
        (Form::Field, "100", "100.0"),
        (Form::Version, "TLSv1.2", "TLS1.2"),
        (Form::Version, "TLS 1.2", "tls1.2"),
        (Form::Version, "HTTP/2", "HTTP/2.0"),
        (Form::Version, "1.10", "v1.10.0"),
    ] {
        assert!(form.same(None, one, other), "{form:?} {one} {other}");
        assert_eq!(form.key(None, one), form.key(None, other), "{form:?}");
    }
    for (form, one, other) in [
        (Form::Plain, "a", "A"),
        (Form::Name, "a.example", "b.example"),
        (Form::Name, "a\\.b", "a.b"),
        (Form::Host, "::ffff:192.0.2.1", "192.0.2.1"),
        (Form::Hex, "ab", "00ab"),
        (Form::Hex, "xyz", "XYZ"),
        (Form::Field, "007", "7"),
        (Form::Field, "1e5", "100000"),
        (Form::Field, "abc", "ABC"),
        (Form::Version, "1.1", "1.10"),
        (Form::Version, "nginx/1.24", "apache/1.24"),
        (Form::Version, "TLS1.2", "TLS1.3"),
        (Form::Version, "1.2-rc1", "1.2"),
    ] {
        assert!(!form.same(None, one, other), "{form:?} {one} {other}");
        assert_ne!(form.key(None, one), form.key(None, other), "{form:?}");
    }
}

#[test]
fn versions_have_an_order() {
    let typing = ValueType::from(Sort::Any);
    for (less, more) in [
        ("1.9", "1.10"),
        ("1.9.9", "1.10"),
        ("nginx/1.9.15", "nginx/1.24.0 (Ubuntu)"),
        ("v2.0", "v10.0"),
        ("1.2-rc1", "1.2"),
        ("1.2-beta2", "1.2-rc1"),
        ("OpenSSH_9.2", "OpenSSH_9.2p1"),
        ("1.2", "1.2.1"),
    ] {
        assert!(typing.compare(&json!(less), &json!(more)).is_some_and(std::cmp::Ordering::is_lt), "{less} {more}");
        assert!(typing.compare(&json!(more), &json!(less)).is_some_and(std::cmp::Ordering::is_gt), "{more} {less}");
    }
    for (one, other) in [("nginx/1.9", "apache/1.9"), ("x", "1.2"), ("1.2foo", "1.2bar")] {
        assert_eq!(typing.compare(&json!(one), &json!(other)), None, "{one} {other}");
    }
}

#[test]
fn numbers_of_fields_are_numbers_and_those_of_documents_exact() {
    let field = ValueType { form: Form::Field, ..ValueType::from(Sort::Any) };
    assert_eq!(field.equal(&json!("1024"), &json!(1024)), Some(true));
    assert_eq!(field.equal(&json!("nginx"), &json!(5)), Some(false));
    assert!(field.compare(&json!("1024"), &json!(999)).is_some_and(std::cmp::Ordering::is_gt));
    let version = ValueType { form: Form::Version, ..ValueType::from(Sort::Any) };
    let written = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(version.equal(&json!("1.1"), &written("1.10")), Some(false));
    assert!(version.compare(&json!("1.10"), &written("1.9")).is_some_and(std::cmp::Ordering::is_gt));
    let any = ValueType::from(Sort::Any);
    for (one, other) in [
        ("18446744073709551617", "18446744073709551616"),
        ("1e400", "1e401"),
        ("-9223372036854775809", "-9223372036854775808"),
        ("0.30000000000000004", "0.3"),
        ("9007199254740993", "9007199254740992"),
    ] {
        assert_eq!(any.equal(&written(one), &written(other)), Some(false), "{one} {other}");
        assert_eq!(any.equal(&written(one), &written(one)), Some(true), "{one}");
        let list = |text: &str| Value::Array(vec![written(text)]);
        assert_eq!(any.equal(&list(one), &list(other)), Some(false), "{one} {other}");
        assert_eq!(any.contains(&list(one), &written(other)), Some(false), "{one} {other}");
    }
    assert_eq!(any.equal(&written("1.0"), &written("1")), Some(true));
    assert_eq!(any.equal(&written("{\"a\": [1.0]}"), &written("{\"a\": [1]}")), Some(true));
    let share = ValueType::from(Sort::Number(Unit::Ratio));
    assert_eq!(share.equal(&json!(0.1 / 100.0), &json!(0.001)), Some(true), "a unit is scaled in binary");
}

#[test]
fn elements_are_found_as_what_they_are() {
    let names = ValueType { form: Form::Name, ..ValueType::from(Sort::List) };
    let seen = json!(["NS1.example.", "ns2.example."]);
    assert_eq!(names.contains(&seen, &json!("ns1.example")), Some(true));
    assert_eq!(names.contains(&seen, &json!("ns3.example")), Some(false));
    let list = |items: &[&str]| items.iter().map(|item| json!(item)).collect::<Vec<_>>();
    assert!(names.same_elements(&list(&["A.", "b."]), &list(&["B", "a"])));
    assert!(!names.same_elements(&list(&["A.", "a."]), &list(&["b", "a"])));
    let any = ValueType::from(Sort::Any);
    assert_eq!(any.contains(&json!([5]), &json!("5")), None, "a number, and a text is looked for");
    assert_eq!(any.contains(&json!([5]), &json!("6")), Some(false));
    let hex = ValueType { form: Form::Hex, ..ValueType::from(Sort::Text) };
    assert_eq!(hex.contains(&json!("abcd01"), &json!("CD:01")), Some(true));
}

#[test]
fn what_looks_alike_is_told_apart() {
    let words = |want: Value, seen: Value| difference(&want, &seen).unwrap_or_default();
    for (want, seen, told) in [
        (json!(5), json!("5"), "a text, not a number"),
        (json!("5"), json!(5), "a number, not a text"),
        (json!(true), json!("true"), "a text, not true or false"),
        (json!("OK"), json!("ok"), "upper and lower case"),
        (json!("caf\u{e9}"), json!("cafe\u{301}"), "the Unicode form (NFC or NFD)"),
        (json!("a b"), json!("a  b"), "blanks"),
        (json!("ok"), json!("ok "), "blanks"),
        (json!("a\nb"), json!("a\r\nb"), "line ends"),
        (json!("ok"), json!("ok\n"), "blanks"),
        (json!("ok"), json!("o\u{200b}k"), "characters that cannot be seen"),
        (json!("a"), json!("\"a\""), "quotation marks"),
        (json!("A b"), json!("a  b"), "blanks and upper and lower case"),
        (json!(["5"]), json!([5]), "5: a number, not a text"),
        (json!(["a, b"]), json!(["a", "b"]), "2 elements, not 1"),
    ] {
        let found = words(want.clone(), seen.clone());
        assert!(found.ends_with(told), "{want} {seen}: {found}");
    }
    let long = "x".repeat(500);
    assert_eq!(words(json!(format!("{long}a")), json!(format!("{long}b"))), "from character 501 on `b`, not `a`");
    assert_eq!(words(json!(long.clone() + "a"), json!(long)), "it ends after 500 characters, before `a`");
    assert_eq!(difference(&json!("a"), &json!("b")), None);
    assert_eq!(difference(&json!(1), &json!(2)), None);
    assert_eq!(difference(&json!(1), &json!("x")), None);
}

/// A server may be called like a key.
#[test]
fn the_last_key_alone_gives_a_value_its_form() {
    let keyed = Form::Keyed(&[("ns", Form::Name), ("rcode", Form::Word)]);
    assert!(matches!(keyed.at(&["ns1.example./192.0.2.1", "ns"]), Form::Name));
    assert!(matches!(keyed.at(&["ns1.example./192.0.2.1", "ns", "0"]), Form::Name));
    for foreign in [&["ns", "example", "nsid"][..], &["rcode", "ns", "nsid", "1"], &["0"]] {
        assert!(matches!(keyed.at(foreign), Form::Plain), "{foreign:?}");
    }
}
