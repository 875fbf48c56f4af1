//! What was typed, read without sending anything.

use super::command_line::CommandLine;
use super::facts;
use crate::checks::family;
use crate::cli::ProbeArgs;
use crate::model::Unit;
use crate::model::record::FactValue;
use crate::stats::Summary;

fn typed(name: &str, words: &[&str]) -> CommandLine {
    let args = ProbeArgs { words: words.iter().map(|word| (*word).to_owned()).collect(), ..ProbeArgs::default() };
    CommandLine::read(family(name).unwrap(), &args).unwrap()
}

fn fields(name: &str, words: &[&str]) -> Vec<(String, String)> {
    typed(name, words).fields.into_iter().map(|given| (given.path.join("."), given.value)).collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_target_becomes_the_fields_of_its_family() {
    for (family, target, want) in [
        ("tcp", "www.test:443", vec![("host", "www.test"), ("port", "443")]),
        ("tcp", "[2001:db8::1]:443", vec![("host", "2001:db8::1"), ("port", "443")]),
        ("tls", "www.test", vec![("host", "www.test")]),
        ("tls", "2001:db8::1", vec![("host", "2001:db8::1")]),
        ("icmp", "192.0.2.1", vec![("host", "192.0.2.1")]),
        ("http", "www.test", vec![("url", "http://www.test")]),
        ("http", "www.test:8080/a?b=c", vec![("url", "http://www.test:8080/a?b=c")]),
        ("http", "www.test:443", vec![("url", "https://www.test:443")]),
        ("http", "https://www.test/?a=b", vec![("url", "https://www.test/?a=b")]),
        ("http", "2001:db8::1", vec![("url", "http://[2001:db8::1]")]),
        ("http", "[2001:db8::1]:8443/x", vec![("url", "https://[2001:db8::1]:8443/x")]),
        ("dns", "www.test", vec![("name", "www.test")]),
        ("throughput", "host:5201", vec![("server", "host:5201")]),
    ] {
        assert_eq!(fields(family, &[target]), pairs(&want), "{family} {target}");
    }
    // What is given by name is not taken from the target.
    let want = [("port", "80"), ("host", "www.test")];
    assert_eq!(fields("tcp", &["port=80", "www.test:443"]), pairs(&want));
}

#[test]
fn numbers_have_units_and_one_is_one() {
    let one = Summary::single(4.3e-6);
    assert_eq!(facts::samples(Unit::Seconds, &one), "4.3 us");
    let few = Summary { count: 5, min: 1e-3, max: 3e-3, p50: 2e-3, ..one };
    assert_eq!(facts::samples(Unit::Seconds, &few), "median 2 ms, 1 ms to 3 ms (5 samples)");
    let tls = family("tls").unwrap();
    let shown = |name: &str, value: serde_json::Value| facts::lines(tls, [(name, &FactValue::Scalar(value))], false);
    assert_eq!(shown("expires_in", 864_000.0.into()), "  expires_in             10 d\n");
    assert_eq!(shown("lifetime_left", 0.25.into()), "  lifetime_left          25%\n");
    assert_eq!(shown("chain.length", 3.into()), "  chain.length           3\n");
    let many: Vec<String> = (0..12).map(|n| format!("n{n}.test")).collect();
    let text = shown("san", many.clone().into());
    assert!(text.contains("n7.test\n") && !text.contains("n8.test"), "{text}");
    assert!(text.ends_with("… 4 more values; -v shows all\n"), "{text}");
    // One more is shown in place of being counted.
    assert!(shown("san", many[..9].to_vec().into()).contains("n8.test\n"));
}
