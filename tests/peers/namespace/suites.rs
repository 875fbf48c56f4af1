//! Suites about a host that cannot be asked, each of whose checks accepts whatever such a host may come to: what passes, or
//! blames the target, was not this host's own inability.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use shakedown::checks::FAMILIES;
use shakedown::model::{FieldKind, FieldRole, Kind};
use shakedown::probe::Family;

/// Every kind of check that sends something of its own, by family. `HOST` and `AT` (in brackets where it is IPv6) are its target.
const ROWS: &[(&str, &str, &str)] = &[
    ("tcp", "tcp", "host: HOST, port: 9"),
    ("udp", "udp", "host: HOST, port: 9, send: x"),
    ("icmp", "icmp", "host: HOST, count: 2"),
    ("ports", "ports", "host: HOST, ports: 9"),
    ("ports-many", "ports", "hosts: [HOST], ports: 9"),
    ("ports-udp", "ports", "host: HOST, ports: 9, method: udp"),
    ("reach", "reach", "from: [self], to: [HOST], ports: [9], allow: [{from: any, to: any}]"),
    ("reach-udp", "reach", "from: [self], to: [HOST], ports: [udp/9], allow: [{from: any, to: any}]"),
    ("trace", "trace", "host: HOST, max_hops: 5, retries: 0"),
    ("trace-udp", "trace", "host: HOST, protocol: udp, max_hops: 5, retries: 0"),
    ("trace-tcp", "trace", "host: HOST, protocol: tcp, max_hops: 5, retries: 0"),
    ("http", "http", "url: 'http://AT:9/'"),
    ("https", "http", "url: 'https://AT:9/'"),
    ("dns", "dns", "server: 'AT:9', name: x.test, attempts: 1"),
    ("dns-tcp", "dns", "server: 'AT:9', name: x.test, transport: tcp"),
    ("dns-dot", "dns", "server: 'AT:9', name: x.test, transport: dot, sni: x.test"),
    ("dns-doh", "dns", "server: 'AT:9', name: x.test, transport: doh, sni: x.test"),
    ("dns-doq", "dns", "server: 'AT:9', name: x.test, transport: doq, sni: x.test"),
    ("dns-doh3", "dns", "server: 'AT:9', name: x.test, transport: doh3, sni: x.test"),
    ("tls", "tls", "host: HOST, port: 9"),
    ("tls-quic", "tls", "host: HOST, port: 9, transport: quic, alpn: [h3]"),
    ("tls-starttls", "tls", "host: HOST, port: 9, starttls: smtp"),
    ("throughput", "throughput", "server: 'AT:9', duration: 1s"),
    ("dns-validate", "dns", "server: 'AT:9', name: x.test, dnssec: validate, attempts: 1"),
    ("dns-several", "dns", "server: ['AT:9'], name: x.test, attempts: 1, probes: [tcp]"),
    ("dns-load", "dns", "server: 'AT:9', name: x.test, load: {rate: 50 /s, duration: 300ms}"),
    ("tls-load", "tls", "host: HOST, port: 9, load: {duration: 300ms}"),
    ("tls-scan", "tls", "host: HOST, port: 9, scan: true"),
    ("tls-certificates", "tls", "host: HOST, port: 9, addresses: all, certificates: all"),
];

/// A failover check by a probe of another family; what it injects would be seen.
const FAILOVER: &str = "probe: {PROBE, interval: 20ms}, inject: {run: [touch, INJECTED]}, restore: {run: ['true']}, \
                        steady: 200ms, observe: 600ms, settle: 50ms";
/// The file a failover check would leave.
pub const INJECTED: &str = "injected";

/// A row with its target filled in.
pub struct Row {
    pub id: String,
    pub family: &'static Family,
    /// The family and its fields, as a check of a suite has them.
    pub check: String,
    /// What it must expect, where its family has no default: entries that hold for a host that cannot be asked.
    pub must: &'static str,
}

impl Row {
    /// As a check of a suite with its family's defaults.
    pub fn plain(&self) -> String {
        let expect = if self.must.is_empty() { String::new() } else { format!(", expect: {{{}}}", self.must) };
        format!("- {{id: {}, {}{expect}}}\n", self.id, self.check)
    }
}

/// Each row at `host`, and a failover check by each family that can be one's probe. `source` is added where a family has such a
/// field; without one, families that have none are left out.
pub fn rows(host: &str, source: Option<&str>) -> Vec<Row> {
    let at = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let mut out: Vec<Row> = Vec::new();
    for family in FAMILIES.iter().filter(|family| !probes_others(family)) {
        let rows: Vec<_> = ROWS.iter().filter(|(_, name, _)| *name == family.name).collect();
        assert!(!rows.is_empty(), "family {} has no row here", family.name);
        let sourced = family.fields.iter().find(|field| field.role == Some(FieldRole::Source));
        let more = match (source, sourced) {
            (None, _) => String::new(),
            (Some(source), Some(field)) => format!(", {}: '{source}'", field.name),
            (Some(_), None) => continue,
        };
        for (id, name, fields) in rows {
            let fields = fields.replace("HOST", &format!("'{host}'")).replace("AT", &at);
            let must = match (family.must_expect.is_empty(), fields.contains("hosts:")) {
                (true, _) => "",
                (false, true) => "open_on_any: {len: 0}",
                (false, false) => "open: {len: 0}",
            };
            out.push(Row { id: (*id).to_owned(), family, check: format!("{name}: {{{fields}{more}}}"), must });
        }
    }
    for family in FAMILIES.iter().filter(|family| probes_others(family)) {
        let firsts = FAMILIES
            .iter()
            .filter_map(|probe| out.iter().find(|row| row.family.streams && row.family.name == probe.name));
        let of = |row: &Row| {
            let fields = FAILOVER.replace("PROBE", &row.check).replace("INJECTED", INJECTED);
            let (id, check) = (format!("{}-{}", family.name, row.id), format!("{}: {{{fields}}}", family.name));
            Row { id, family, check, must: "" }
        };
        let all: Vec<Row> = firsts.map(of).collect();
        out.extend(all);
    }
    out
}

/// Whether a family looks by way of another one.
fn probes_others(family: &Family) -> bool {
    family.fields.iter().any(|field| matches!(field.kind, FieldKind::Probe(..)))
}

/// One check of each row at `host`, as [`rows`] gives them; each accepts whatever a host that cannot be asked may come to.
pub fn every_family(host: &str, source: Option<&str>) -> String {
    let mut suite = String::from("version: 1\nsuite: own\ndefaults: {timeout: 2s}\nchecks:\n");
    for Row { id, family, check, must } in rows(host, source) {
        let must = if must.is_empty() { String::new() } else { format!(", {must}") };
        let any = unwell(family).map_or_else(String::new, |any| format!(", expect: {{{any}{must}}}, control: up"));
        writeln!(suite, "- {{id: {id}, {check}{any}}}").unwrap();
    }
    let more = source.map_or_else(String::new, |source| format!(", source: '{source}'"));
    writeln!(suite, "- {{id: up, tcp: {{host: '{host}', port: 80{more}}}}}").unwrap();
    suite
}

/// Every outcome but the one that is wished for; `None` of a family that has no such fact.
fn unwell(family: &Family) -> Option<String> {
    // What is to be denied is said by its policy.
    let outcome = family.facts.iter().find(|fact| fact.roles.outcome && family.grid.is_none())?;
    let Kind::Choice(words) = outcome.kind else { panic!("{}: an outcome that is no choice", family.name) };
    let bad: Vec<&str> = words.iter().copied().filter(|word| !outcome.expected.unwrap().contains(word)).collect();
    Some(format!("{}: {{in: [{}]}}", outcome.name, bad.join(", ")))
}

/// The example of a family's documentation, in less time; a new family joins by having one.
pub fn example(family: &Family) -> String {
    let shorter = family.example.replace("within: 10m", "within: 100ms").replace("duration: 10s", "duration: 1s");
    let shorter = shorter.replace("duration: 5s", "duration: 1s");
    // A SYN is repeated after a second.
    shorter.replace("\nchecks:", "\ndefaults: {timeout: 1500ms}\nchecks:")
}

/// Every name in the examples, for `/etc/hosts`.
pub fn names() -> BTreeSet<&'static str> {
    let of =
        |family: &'static Family| family.example.split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-');
    FAMILIES.iter().flat_map(of).filter(|word| word.ends_with(".example")).collect()
}
