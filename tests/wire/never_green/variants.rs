//! Checks of each family, in as many ways as its facts need.

use shakedown::checks::FAMILIES;
use shakedown::model::{Args, Observation, Round, Value};
use shakedown::plan::{self, Case, Settings};
use shakedown::probe::Family;
use shakedown::suite::args::ArgContext;
use shakedown::suite::defaults::Defaults;
use shakedown::suite::diagnostic::{Diagnostics, Sources};
use shakedown::suite::file::{Input, Options};
use shakedown::suite::tree;

/// Fields of a check, with the port of the target filled in.
pub struct Variant {
    pub label: String,
    fields: String,
    pub args: Args,
}

/// Fields as a suite would write them; `@` stands for the port.
pub fn of(family: &Family) -> Vec<String> {
    let fixed: &[&str] = match family.name {
        "tcp" => &[
            "host: 127.0.0.1, port: @",
            "host: 127.0.0.1, port: @, expect: right",
            "host: 127.0.0.1, port: @, addresses: all",
            "host: 127.0.0.1, port: @, addresses: all, expect: right",
            "host: 127.0.0.1, port: @, dialogue: [{send: x}, {expect: right}]",
            "host: 127.0.0.1, port: @, dialogue: [{send: x}, {close: write}, {expect: right}]",
            "host: 127.0.0.1, port: @, half_close: true, expect: right",
        ],
        "udp" => &[
            "host: 127.0.0.1, port: @, send: x, expect: right",
            "host: 127.0.0.1, port: @, datagrams: [x, y], expect: right",
        ],
        "icmp" => &[
            "host: 127.0.0.1",
            "host: 127.0.0.1, mtu: discover",
            "host: 127.0.0.1, duplicate_address: true",
            "hosts: [127.0.0.1, 127.0.0.2]",
        ],
        "ports" => {
            &["host: 127.0.0.1, ports: @", "host: 127.0.0.1, ports: @, method: udp", "hosts: [127.0.0.1], ports: @"]
        }
        "reach" => &[
            "from: [self], to: [127.0.0.1], ports: [@], allow: [{from: any, to: any}]",
            "from: [self], to: [127.0.0.1], ports: [\"udp/@\"], allow: [{from: any, to: any}]",
            // The first cell is denied.
            "from: [self], to: [127.0.0.1], ports: [@, 22], allow: [{from: any, to: any, ports: 22}]",
        ],
        "trace" => &["host: 127.0.0.1", "host: 127.0.0.1, mtu: discover"],
        "http" => &[
            "url: \"http://127.0.0.1:@/\"",
            "url: \"http://127.0.0.1:@/\", method: HEAD",
            "url: \"https://127.0.0.1:@/\", follow: 2",
            "url: \"http://127.0.0.1:@/\", addresses: all",
            "url: \"http://127.0.0.1:@/\", proxy: {connect: \"127.0.0.1:@\"}, json: {a: 1}, expect_continue: true, \
             jsonpath: {first: \"$.a\", all: \"$..b\"}",
        ],
        "dns" => DNS,
        "tls" => TLS,
        "throughput" => &[
            "server: \"127.0.0.1:@\", duration: 300ms, interval: 100ms",
            "server: \"127.0.0.1:@\", direction: both, duration: 300ms, interval: 100ms",
        ],
        "failover" => &[
            "probe: {tcp: {host: 127.0.0.1, port: @}, interval: 10ms}, inject: {run: [\"true\"]}, restore: {run: [\"true\"]}, \
             steady: 100ms, observe: 600ms, settle: 50ms",
            "probe: {tcp: {host: 127.0.0.1, port: @}, interval: 10ms}, steady: 100ms, observe: 600ms, settle: 50ms, \
             timers: {bfd: {tx: 10ms}}, abort_if: {outage: {gt: 300ms}}",
            "streams: {orders: {tcp: {host: 127.0.0.1, port: @, send: \"SET {number}\\r\\n\", expect: OK}, interval: 10ms, \
             read_back: {tcp: {host: 127.0.0.1, port: @, send: \"GET {number}\\r\\n\", expect: \"\\n\"}, within: 500ms}}}, \
             steady: 100ms, observe: 600ms, settle: 50ms",
        ],
        // A family that is new here has a host and perhaps a port.
        _ => &[],
    };
    if !fixed.is_empty() {
        return fixed.iter().map(|text| (*text).to_owned()).collect();
    }
    let (main, port) = family.target_field;
    vec![port.map_or_else(|| format!("{main}: 127.0.0.1"), |port| format!("{main}: 127.0.0.1, {port}: @"))]
}

const DNS: &[&str] = &[
    "server: \"127.0.0.1:@\", name: www.example, attempts: 1",
    "server: \"127.0.0.1:@\", name: www.example, transport: tcp",
    "server: \"127.0.0.1:@\", name: www.example, transport: dot, same_as: \"127.0.0.1:@\"",
    "server: \"127.0.0.1:@\", name: www.example, transport: doh, verify: false",
    "server: \"127.0.0.1:@\", name: www.example, dnssec: validate, attempts: 1",
    "server: \"127.0.0.1:@\", name: www.example, load: {rate: 50 /s, duration: 300ms}",
    "server: \"127.0.0.1:@\", name: www.example, load: {rate: max, duration: 300ms}",
    "server: [\"127.0.0.1:@\", \"127.0.0.2:@\"], name: www.example, attempts: 1",
    "authoritative: {zone: example, port: @, ns: {ns1.example: [127.0.0.1]}}, attempts: 1",
    "server: \"127.0.0.1:@\", name: www.example, wanted: {answers: []}, attempts: 1",
    "authoritative: {zone: example, port: @, ns: {ns1.example: [127.0.0.1]}}, attempts: 1, name: www.example, probes: [all], \
     wanted: {answers: [192.0.2.1]}, nsid: true",
    "authoritative: {zone: example, port: @, parent: \"127.0.0.1:@\", via: \"127.0.0.1:@\", best_practice: true}, attempts: 1, \
     name: example, type: MX",
];

const TLS: &[&str] = &[
    "host: 127.0.0.1, port: @",
    "host: 127.0.0.1, port: @, starttls: smtp",
    "host: 127.0.0.1, port: @, addresses: all, certificates: all, crl: true",
    "host: 127.0.0.1, port: @, resumption: 1, alpn_set: [h2]",
    "host: 127.0.0.1, port: @, transport: quic",
    "host: 127.0.0.1, port: @, load: {duration: 200ms}",
    "host: 127.0.0.1, port: @, load: {duration: 200ms, resume: true}",
    "host: 127.0.0.1, port: @, scan: true, profiles: [mozilla-intermediate]",
];

impl Variant {
    pub fn new(family: &'static Family, template: &str, port: u16) -> Self {
        let fields = template.replace('@', &port.to_string());
        let (mut errors, mut sources) = (Diagnostics::default(), Sources::default());
        let source = sources.add("variant", format!("{{{fields}}}"));
        let node = tree::parse(source, &sources, &mut errors).unwrap_or_else(|| panic!("no YAML: {fields}"));
        let folder = std::path::Path::new(".");
        let mut files = std::collections::BTreeSet::new();
        let defaults = &Defaults::of(FAMILIES, &mut errors);
        let mut typing = ArgContext {
            errors: &mut errors,
            families: FAMILIES,
            defaults,
            folder,
            files: &mut files,
            named: &mut Vec::new(),
            timeout: None,
            family: Some(family.name),
            fixed: false,
        };
        let args = typing.fields(family.name, &node, family.fields).args;
        assert!(errors.is_empty(), "{}: {fields}", family.name);
        Self { label: format!("{}: {{{template}}}", family.name), fields, args }
    }

    /// Whether it asks for a connection and nothing more, or for a denial, which takes controls that are no part of a probe.
    pub fn only_connects(&self) -> bool {
        self.label.starts_with("reach") || self.label.starts_with("tcp") && !self.fields.contains("expect")
    }

    /// The check as planned, with nothing but its defaults.
    pub fn case(&self, family: &Family) -> Case {
        let planned = self.planned(family, "").unwrap_or_else(|errors| panic!("{}: {errors}", self.label));
        planned.into_iter().next().unwrap()
    }

    /// The same with `parity`, of a name in place of the address.
    pub fn over_both(&self, family: &Family, more: &str) -> Result<Vec<Case>, String> {
        let named = Self {
            label: self.label.clone(),
            fields: self.fields.replace("127.0.0.1", "both.example"),
            args: self.args.clone(),
        };
        named.planned(family, &format!(", parity: true{more}"))
    }

    /// A suite of the check, with `more` keys of it; what is wrong with it otherwise.
    pub fn planned(&self, family: &Family, more: &str) -> Result<Vec<Case>, String> {
        let text = format!(
            "version: 1\nsuite: walk\ndefaults: {{timeout: 200ms}}\nchecks:\n  - {{id: a, {}: {{{}}}{more}}}\n",
            family.name, self.fields
        );
        let options = Options { shows: true, ..Options::none(&|_| None) };
        let mut loaded = shakedown::suite::load(&[Input::Text("walk.yaml".into(), text)], FAMILIES, &options);
        let settings = Settings { allow_disruptive: true, ..Settings::default() };
        let plan = plan::plan(&mut loaded, None, &settings);
        if loaded.errors.is_empty() { Ok(plan.cases) } else { Err(loaded.errors.render(&loaded.sources, false)) }
    }
}

/// An observation of these facts.
pub fn by_hand(family: &'static Family, facts: &[(&'static str, Value)]) -> Observation {
    let mut observation = Observation::default();
    observation.begin_round(Round::new(0, std::time::Duration::ZERO));
    for (name, value) in facts {
        let info = family.facts.iter().find(|info| info.name == *name).unwrap();
        match value.as_array() {
            Some(samples) if info.kind == shakedown::model::Kind::Distribution => {
                for sample in samples {
                    observation.samples_mut(info).record(sample.as_f64().unwrap());
                }
            }
            _ => observation.set(info.name, value.clone()),
        }
    }
    observation
}
