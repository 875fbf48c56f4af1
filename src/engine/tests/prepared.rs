//! What a check needs before it can look is there before the first check begins, and what computes has threads of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Verdict, bench};
use crate::checks::FAMILIES;
use crate::engine::Runtimes;
use crate::lab::pki::Pki;
use crate::model::{Fault, FieldKind};
use crate::plan;
use crate::testing::scripted::{BANNER, OK, Script, Step, set};
use crate::testing::{load, observe, planned};

/// Every way to look that makes a handshake or verifies signatures, of nobody: `PORT` is closed. A family that trusts somebody
/// has a row here, and so has each of its transports.
const COMPUTING: &[(&str, &str)] = &[
    ("http", "url: 'https://127.0.0.1:PORT/', ca_file: CA"),
    ("http", "url: 'http://127.0.0.1:PORT/', follow: 2, ca_file: CA"),
    ("dns", "server: '127.0.0.1:PORT', name: x.test, transport: dot, ca_file: CA"),
    ("dns", "server: '127.0.0.1:PORT', name: x.test, transport: doh, ca_file: CA"),
    ("dns", "server: '127.0.0.1:PORT', name: x.test, transport: doq, ca_file: CA"),
    ("dns", "server: '127.0.0.1:PORT', name: x.test, transport: doh3, ca_file: CA"),
    ("dns", "server: '127.0.0.1:PORT', name: x.test, dnssec: validate"),
    ("dns", "authoritative: {zone: x.test, port: PORT, ns: {ns.x.test: [127.0.0.1]}}, probes: [dnssec], attempts: 1"),
    ("tls", "host: 127.0.0.1, port: PORT, ca_file: CA"),
    ("tls", "host: 127.0.0.1, port: PORT, transport: tcp, starttls: smtp, ca_file: CA"),
    ("tls", "host: 127.0.0.1, port: PORT, transport: quic, ca_file: CA"),
    ("tls", "host: 127.0.0.1, port: PORT, scan: true, ca_file: CA"),
    ("tls", "host: 127.0.0.1, port: PORT, load: {duration: 200ms}, ca_file: CA"),
    ("tls", "host: 127.0.0.1, port: PORT, addresses: all, certificates: all, ca_file: CA"),
    (
        "failover",
        "probe: {http: {url: 'https://127.0.0.1:PORT/', ca_file: CA}, interval: 20ms}, inject: {run: ['true']}, \
         restore: {run: ['true']}, steady: 100ms, observe: 600ms, settle: 50ms",
    ),
];
/// Transports of a family that trusts somebody, which trust nobody.
const PLAIN: &[&str] = &["udp", "tcp"];

#[test]
fn every_way_to_trust_somebody_is_looked_at() {
    for family in FAMILIES.iter().filter(|family| family.fields.iter().any(|field| field.name == "ca_file")) {
        let rows: Vec<&str> = COMPUTING.iter().filter(|(name, _)| *name == family.name).map(|(_, row)| *row).collect();
        assert!(!rows.is_empty(), "family {} has no row", family.name);
        let transports = family.fields.iter().find(|field| field.name == "transport");
        let words = transports.map_or(&[][..], |field| match field.kind {
            FieldKind::Choice(words) => words,
            _ => panic!("{}: a transport that is no choice", family.name),
        });
        for word in words.iter().filter(|word| !PLAIN.contains(word)) {
            let row = format!("transport: {word},");
            assert!(rows.iter().any(|text| text.contains(&row)), "{}: no row with {row}", family.name);
        }
    }
}

/// The file is away before the first round: one that reads it then would find nothing.
#[tokio::test]
async fn what_shakes_hands_or_verifies_is_prepared_and_has_threads_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, Pki::new().unwrap().ca_pem()).unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let checks: Vec<String> = COMPUTING
        .iter()
        .enumerate()
        .map(|(index, (family, fields))| {
            let fields = fields.replace("PORT", &closed.to_string()).replace("CA", path.to_str().unwrap());
            format!("  - {{id: c{index}, {family}: {{{fields}}}}}\n")
        })
        .collect();
    let text = format!("checks:\n{}", checks.concat());
    let settings = plan::Settings { allow_disruptive: true, seed: 1, ..plan::Settings::default() };
    let plan = planned(load(FAMILIES, &text, &[]), None, &settings).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(plan.cases.len(), COMPUTING.len());
    Runtimes::start().unwrap().prepare(&plan).await;
    std::fs::remove_file(&path).unwrap();
    for (case, line) in plan.cases.iter().map(|case| (case, &checks[case.id[1..].parse::<usize>().unwrap()])) {
        assert!(case.is_cpu_bound(), "it would be in the times of others: {line}");
        let (_, ended) = observe(&*case.base.probe).await;
        let fault = ended.err().map(|fault| fault.to_string()).unwrap_or_default();
        assert!(!fault.contains("ca_file"), "{line}: {fault}");
    }
}

static AWAKE: AtomicBool = AtomicBool::new(false);

#[allow(clippy::unnecessary_wraps, reason = "it stands in for one that can fail")]
fn wake() -> Result<(), Fault> {
    AWAKE.store(true, Ordering::SeqCst);
    Ok(())
}

/// Records whether the source of randomness was awake, and the name of the thread.
fn looks() -> Step {
    Step::Record(Arc::new(|cx| {
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        cx.set(&BANNER, format!("{} {name}", AWAKE.load(Ordering::SeqCst)));
    }))
}

#[tokio::test]
async fn the_source_of_randomness_is_awake_before_the_first_check_begins() {
    let mut bench = bench().jobs(1);
    bench.settings.runtimes = Runtimes::start_with(wake).unwrap();
    let script = || Script::always([set(&OK, true), looks()]);
    let ran = bench.check("plain", "", script()).check("computes", "", script().computing()).run().await;
    let saw = |id: &str| ran.fact(id, "banner").unwrap().as_str().unwrap().to_owned();
    assert!(saw("plain").starts_with("true "), "it begins first: {}", saw("plain"));
    assert!(!saw("plain").contains("computing"), "{}", saw("plain"));
    assert_eq!(saw("computes"), "true computing", "on threads of its own");
    assert_eq!(ran.verdict("computes").0, Verdict::Passed);
}
