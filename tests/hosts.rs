//! Every field of every family that takes a host or an address takes the same forms. A field that is new joins by its kind.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that panics is a test that fails

use shakedown::checks::{FAMILIES, family};
use shakedown::model::{FieldInfo, FieldKind};
use shakedown::plan::{Settings, plan};
use shakedown::suite::file::{Input, Options, load};

/// Places for a host in fields of `kind`, as YAML with `@` where it stands; and whether a name fits there as well.
fn places(kind: &FieldKind) -> Vec<(String, bool)> {
    let wrapped = |inner: Vec<(String, bool)>, before: &str, after: &str| {
        let all = inner.into_iter().map(|(text, names)| (format!("{before}{text}{after}"), names));
        all.collect::<Vec<_>>()
    };
    match kind {
        FieldKind::Host | FieldKind::Endpoint => vec![("\"@\"".to_owned(), true)],
        FieldKind::Address => vec![("\"@\"".to_owned(), false)],
        FieldKind::Url => vec![("\"http://@/\"".to_owned(), true)],
        FieldKind::List(item) => wrapped(places(item), "[", "]"),
        FieldKind::Map(item) => wrapped(places(item), "{a.example: ", "}"),
        FieldKind::Group(fields) | FieldKind::GroupOr(_, fields) | FieldKind::Switch(fields) => {
            wrapped(places_of(fields), "{", "}")
        }
        FieldKind::Probe(families, own) => {
            let probes = families().into_iter().flat_map(|name| {
                let fields = family(name).unwrap().fields;
                wrapped(places_of(fields), &format!("{{{name}: {{"), "}}")
            });
            // One of its own stands beside a probe.
            probes.chain(wrapped(places_of(own), "{tcp: {host: a.example, port: 1}, ", "}")).collect()
        }
        _ => Vec::new(),
    }
}

fn places_of(fields: &[FieldInfo]) -> Vec<(String, bool)> {
    let of = |field: &FieldInfo| {
        let inner = places(&field.kind).into_iter();
        inner.map(|(text, names)| (format!("{}: {text}", field.name), names)).collect::<Vec<_>>()
    };
    fields.iter().flat_map(of).collect()
}

fn all_places() -> Vec<(String, bool)> {
    let of = |family: &shakedown::probe::Family| {
        let inner = places_of(family.fields).into_iter();
        inner.map(|(text, names)| (format!("{}: {{{text}}}", family.name), names)).collect::<Vec<_>>()
    };
    FAMILIES.iter().flat_map(of).collect()
}

/// Everything that is wrong with a check that has but this field.
fn errors_of(place: &str, host: &str) -> String {
    let check = place.replace('@', host);
    let text = format!("version: 1\nsuite: hosts\nchecks:\n  - {{id: a, {check}}}\n");
    let options = Options::none(&|_| None);
    let mut loaded = load(&[Input::Text("hosts.yaml".into(), text)], FAMILIES, &options);
    let _ = plan(&mut loaded, None, &Settings { allow_disruptive: true, ..Settings::default() });
    let messages = loaded.errors.0.iter().map(|error| error.message.clone());
    messages.collect::<Vec<_>>().join("\n")
}

#[test]
fn an_ipv4_address_is_four_decimal_numbers() {
    let places = all_places();
    assert!(places.len() > 2 * FAMILIES.len(), "{places:?}");
    let mut accepted = Vec::new();
    for (place, _) in &places {
        for host in ["010.0.2.2", "10.77", "1234567", "0x7f000001", "1.2.3.4.5", "256.0.0.1", "127.0.0.1."] {
            let errors = errors_of(place, host);
            let refused = errors.lines().any(|line| line.contains(host) && line.contains("address"));
            if !refused {
                accepted.push(format!("{place} {host}: {errors}"));
            }
        }
        assert!(!errors_of(place, "127.0.0.1").contains("127.0.0.1"), "{place}: {}", errors_of(place, "127.0.0.1"));
    }
    assert!(accepted.is_empty(), "{} accepted:\n{}", accepted.len(), accepted.join("\n"));
}

#[test]
fn a_name_beyond_ascii_is_taken_and_one_that_no_resolver_knows_is_not() {
    let long = format!("{}.example", "a".repeat(64));
    for (place, _) in all_places().iter().filter(|(_, names)| *names) {
        let errors = errors_of(place, "bücher.example");
        assert!(!errors.contains("cher"), "{place}: {errors}");
        // A service, and what stands above a host, have names with `_`.
        let errors = errors_of(place, "_a.bücher.example");
        assert!(!errors.contains("cher"), "{place}: {errors}");
        for host in ["a..b", "a b", &long, "bücher..example", "b\u{378}cher.example"] {
            let errors = errors_of(place, host);
            assert!(errors.contains(host), "{place} takes {host}: {errors}");
        }
    }
}
