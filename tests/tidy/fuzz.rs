//! Every parser of what others wrote has a fuzz target, and every target has seeds, so that CI runs it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::Regex;

use super::must_be_empty;

/// Files that read what a network, a stranger's suite or a file holds, with the target that feeds them. A new one belongs here.
const PARSERS: &[(&str, &str)] = &[
    ("src/baseline/noise.rs", "baseline"),
    ("src/baseline/store/mod.rs", "baseline"),
    ("src/checks/dns/load/queries.rs", "query_file"),
    ("src/checks/http/answer.rs", "http_answer"),
    ("src/checks/http/policies.rs", "http_answer"),
    ("src/checks/http/record.rs", "http_answer"),
    ("src/checks/reach/network_policy/policy.rs", "network_policy"),
    ("src/checks/reach/network_policy/reader.rs", "network_policy"),
    ("src/checks/reach/network_policy/yaml.rs", "network_policy"),
    ("src/checks/shared/hosts.rs", "hosts"),
    ("src/guard/journal/mod.rs", "journal"),
    ("src/guard/secrets.rs", "journal"),
    ("src/history/index/mod.rs", "report"),
    ("src/history/reading.rs", "report"),
    ("src/model/typed/decimal.rs", "expectation"),
    ("src/net/datagram/icmp_error.rs", "icmp"),
    ("src/proto/dns/message.rs", "dns_answer"),
    ("src/proto/dns/rdata.rs", "dns_answer"),
    ("src/proto/dns/update/signed.rs", "dns_answer"),
    ("src/proto/dnssec/read.rs", "dnssec"),
    ("src/model/parse.rs", "suite"),
    ("src/proto/haproxy.rs", "haproxy"),
    ("src/proto/http/charset.rs", "http_answer"),
    ("src/proto/http/client.rs", "http_answer"),
    ("src/proto/http/coding.rs", "http_answer"),
    ("src/proto/http/cookie.rs", "http_answer"),
    ("src/proto/icmp/echo.rs", "icmp"),
    ("src/proto/iperf3/datagram.rs", "iperf3"),
    ("src/proto/iperf3/frame.rs", "iperf3"),
    ("src/proto/iperf3/params.rs", "iperf3"),
    ("src/proto/iperf3/results.rs", "iperf3"),
    ("src/proto/quic/logging_session.rs", "quic_packets"),
    ("src/proto/quic/server_hello.rs", "server_hello"),
    ("src/proto/tls/certificate.rs", "certificates"),
    ("src/proto/tls/crl.rs", "revocation"),
    ("src/proto/tls/hello/parser.rs", "server_hello"),
    ("src/proto/tls/lint/parsed.rs", "certificates"),
    ("src/proto/tls/name_text.rs", "certificates"),
    ("src/proto/tls/ocsp.rs", "revocation"),
    ("src/proto/tls/path.rs", "certification_path"),
    ("src/proto/tls/profile/data.rs", "profile"),
    ("src/proto/tls/signed.rs", "revocation"),
    ("src/proto/tls/starttls/dialog.rs", "starttls_reply"),
    ("src/proto/tls/validation/constraints.rs", "certification_path"),
    ("src/proto/tls/validation/names.rs", "certification_path"),
    ("src/proto/tls/validation/path_certificate.rs", "certification_path"),
    ("src/proto/tls/validation/search.rs", "certification_path"),
    ("src/report/json_splitter.rs", "report"),
    ("src/report/mod.rs", "report"),
    ("src/report/reduced.rs", "report"),
    ("src/suite/args/document.rs", "suite"),
    ("src/suite/expect/mod.rs", "expectation"),
    ("src/suite/expect/operand.rs", "expectation"),
    ("src/suite/file.rs", "suite"),
    ("src/suite/tree.rs", "suite"),
    ("src/suite/vars.rs", "suite"),
];

/// Words by which a file reads bytes or text of others with a library's parser.
const READS: &[&str] =
    &["serde_json::from_slice", "serde_json::from_str", "toml::from_str", "::from_der(", "serde_saphyr::from"];

/// What these read is made by this program a moment before, or is read by one of [`PARSERS`] first.
const NO_PARSERS: &[&str] = &[
    // The name of an issuer, by the library alone.
    "src/checks/tls/certificates/chain_analysis.rs",
    // Between a run and its guard.
    "src/guard/client.rs",
    "src/guard/process.rs",
    "src/net/impair/control.rs",
    // What the programs of the system print of devices and tables.
    "src/guard/disruption/network.rs",
    "src/guard/disruption/nft.rs",
    // The signature over a handshake, by a leaf that `certification_path` has read.
    "src/proto/tls/verifier.rs",
];

fn names(folder: &str, ending: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries.filter_map(|name| name.strip_suffix(ending).map(str::to_owned)).collect()
}

#[test]
fn each_fuzz_target_is_built_has_seeds_and_each_parser_has_one() {
    let manifest = fs::read_to_string("fuzz/Cargo.toml").unwrap();
    let pattern = Regex::new(r#"(?m)^\[\[bin\]\]\nname = "(\w+)"\npath = "fuzz_targets/(\w+)\.rs"$"#).unwrap();
    let built: BTreeSet<String> = pattern
        .captures_iter(&manifest)
        .map(|found| {
            assert_eq!(found[1], found[2], "a target has the name of its file");
            found[1].to_owned()
        })
        .collect();
    assert!(built.len() > 10, "the form of fuzz/Cargo.toml has changed: {built:?}");
    assert_eq!(built, names("fuzz/fuzz_targets", ".rs"), "fuzz/Cargo.toml and fuzz/fuzz_targets");
    assert_eq!(built, names("fuzz/corpus", ""), "fuzz/Cargo.toml and fuzz/corpus");
    let seedless = built.iter().filter(|name| names(&format!("fuzz/corpus/{name}"), "").len() < 2);
    must_be_empty(&seedless.cloned().collect::<Vec<_>>(), "a target needs a handful of seeds in fuzz/corpus");
    let mut problems = Vec::new();
    for (file, target) in PARSERS {
        if !Path::new(file).is_file() {
            problems.push(format!("{file}: it is not there any more"));
        }
        if !built.contains(*target) {
            problems.push(format!("{file}: there is no fuzz target {target}"));
        }
    }
    must_be_empty(&problems, "PARSERS in tests/tidy/fuzz.rs says which target feeds which parser");
}

#[test]
fn whatever_parses_is_a_parser() {
    let known = |file: &str| PARSERS.iter().any(|(path, _)| *path == file) || NO_PARSERS.contains(&file);
    let mut problems = Vec::new();
    for path in super::sources("src").into_iter().filter(|path| !super::is_test_file(path)) {
        let file = super::shown(&path);
        let text = super::code(&fs::read_to_string(&path).unwrap()).join("\n");
        let text = text.split("mod tests {").next().unwrap_or_default();
        if let Some(word) = READS.iter().find(|word| text.contains(**word))
            && !known(&file)
        {
            problems.push(format!("{file}: {word}"));
        }
    }
    must_be_empty(&problems, "give what it reads a fuzz target, and put it into PARSERS of tests/tidy/fuzz.rs");
}
