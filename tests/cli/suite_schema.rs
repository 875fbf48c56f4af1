//! The schema of suites: it refuses what the program refuses, as far as a schema can, and nothing else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use shakedown::checks::FAMILIES;

use super::corrections;

/// Errors that no schema of a single file can express: each by words of what the program says, with the reason.
const BEYOND: &[(&str, &str)] = &[
    // Names: of checks, variables, secrets, cells and files, in this file or another.
    ("is not defined", "variables"),
    ("is not closed", "text within a value"),
    ("inside `${…}`", "text within a value"),
    ("refers to itself", "variables"),
    ("is not set in the environment", "the environment"),
    ("unknown check", "names"),
    ("needs itself", "names"),
    ("dependency cycle", "names"),
    ("is no part of this run", "names"),
    ("are not known before the run", "what a name stands for"),
    ("is no name of a network namespace", "names"),
    ("is not the name of an interface", "names"),
    ("are two disruptions", "rules within a group"),
    ("beside a built-in disruption", "rules within a group"),
    ("it breaks nothing", "rules within a group"),
    ("it would drop every packet", "rules within a group"),
    ("beside `protocol: vrrp`", "rules within a group"),
    ("which process?", "rules within a group"),
    ("is no host for ssh", "names"),
    ("names no program", "names"),
    (", the longest until it is restored", "rules between fields"),
    ("is not in the zone", "rules within a group"),
    ("`nonsense`: not a valid A record", "rules within a group"),
    ("is what the server keeps by itself", "names"),
    ("stands in the suite, where everybody can read it", "secrets"),
    ("`loss` is for UDP", "rules between groups"),
    ("there is no proxy", "names"),
    ("who only connects sees nothing", "rules between groups"),
    ("no stream asks the proxy", "rules between groups"),
    ("impairs connections of before alone", "rules between groups"),
    ("it impairs nothing", "rules within a group"),
    ("nothing reads it back", "text within a value"),
    ("which address, and of which device?", "rules within a group"),
    ("is no `BACKEND/SERVER`", "typed texts"),
    ("is neither the path of a socket nor", "typed texts"),
    ("nothing puts back what this request breaks", "rules between groups"),
    ("`undo` is the same request", "two groups compared"),
    ("has no length of its prefix", "text within a value"),
    ("nothing starts a process again", "rules between groups"),
    ("nothing undoes what the command", "rules between groups"),
    ("is defined twice", "names"),
    ("changes nothing", "variables"),
    ("names an unknown variable", "variables"),
    ("cannot stand in a variable", "names"),
    ("is settled before anything is sent", "what a name stands for"),
    ("cannot read", "files"),
    ("the suite has no name", "an included file has none"),
    ("means nothing here", "tags"),
    ("has no fact `settled_in`", "facts that other keys switch on"),
    ("are of two IP versions", "addresses compared"),
    ("no link is named", "fields that depend on each other"),
    ("are two links", "zones compared"),
    ("looks for it on its own", "fields that depend on each other"),
    ("has no zone", "zones within URLs"),
    ("than the name of an interface", "typed texts"),
    ("must be above zero", "the size of a quantity with a unit"),
    ("says what to ask for", "fields that depend on each other"),
    ("is spoken over QUIC", "fields that depend on each other"),
    ("ICMP has no ports", "fields that depend on each other"),
    ("a SYN has one length", "fields that depend on each other"),
    ("exclude each other", "flags that are on"),
    ("and `parity` asks twice", "keys that depend on each other"),
    ("leaves one of them", "keys that depend on fields"),
    ("of both IP versions, and", "typed texts"),
    ("of silence (", "keys that depend on expectations"),
    ("needs at least 6 rounds", "how many there are"),
    ("has no `parity`", "keys that depend on fields"),
    ("needs `network_policies`", "fields that depend on each other"),
    ("step 2:", "fields of a step"),
    ("nothing can follow", "steps one after the other"),
    ("is between datagrams", "how many there are"),
    // Paths have a grammar of their own.
    ("is a path of another language", "paths"),
    ("a filter compares by a single", "paths"),
    ("there are no objects below", "keys of headers are free"),
    ("a null that is there", "an empty value is null to a schema"),
    // Values that depend on others.
    ("nothing is between these", "two numbers compared"),
    ("is not a regular expression", "patterns are no more than texts"),
    ("can be", "two tests compared"),
    ("budget", "two quantities compared"),
    ("is not seen by this check", "facts that other fields switch on"),
    ("would hold by chance", "two quantities compared"),
    ("is not reached: all is put back", "two quantities compared"),
    ("what is broken must be put back", "fields that depend on each other"),
    // Texts with a grammar of their own.
    ("never seen here", "typed texts"),
    ("is not hexadecimal", "typed texts"),
    ("it is not JSON", "typed texts"),
    ("is no query", "typed texts"),
    ("is written where everybody reads it", "which texts hold secrets"),
    ("is a comparison written as text", "texts are free"),
    ("is neither a number nor a version", "texts are free"),
    ("is the name of a service", "typed texts"),
    ("there is no port", "typed texts"),
    ("is no range: write", "typed texts"),
    ("is no network", "typed texts"),
    ("is no name that the DNS can have", "typed texts"),
    // Spellings that YAML takes for a number before a schema sees them.
    ("is not a whole number", "0x1bb and 443.0 are numbers to a schema"),
    ("begins with a zero", "0443 is 443 to a schema"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn schema() -> Value {
    shakedown::suite::schema::schema(FAMILIES)
}

fn yaml_files(folder: &str) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|ext| ext == "yaml")).collect();
    files.sort();
    files.into_iter().map(|path| (path.display().to_string(), super::read(&path))).collect()
}

/// Suites that are right: the shipped ones, those of the tests, the examples of families, what the pages show.
pub fn accepted() -> Vec<(String, String)> {
    let mut out = yaml_files("suites");
    out.extend(yaml_files("tests/suites_good"));
    out.extend(FAMILIES.iter().map(|family| (family.name.to_owned(), family.example.to_owned())));
    let pages = std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = pages.chain([root().join("README.md")]).filter(|path| path.extension().is_some_and(|ext| ext == "md"));
    for page in pages {
        for block in super::read(&page).split("\n```yaml\n").skip(1) {
            let block = block.split("\n```").next().unwrap();
            let head = match block {
                _ if block.starts_with("version:") => "",
                _ if block.starts_with("checks:") => "version: 1\nsuite: page\n",
                _ => "version: 1\nsuite: page\nchecks:\n",
            };
            out.push((page.display().to_string(), format!("{head}{block}\n")));
        }
    }
    for more in MORE {
        out.push(("more".into(), format!("version: 1\nsuite: s\nx-common: &c {{host: x}}\nchecks:\n{more}\n")));
    }
    out
}

/// Spellings that suites may use, beyond those above.
const MORE: &[&str] = &[
    "  - {id: login, http: {url: \"http://h/\"}, capture: {t: {fact: body.json.t, secret: false}, u-2: body}}\n  - {id: me, http: {url: \"http://h/${checks.login.t}\", body: \"${checks.login.u-2}\"}}",
    "  - {id: true, tcp: {host: x, port: 1}}",
    "  - {id: a, parity: true, rounds: 6, tls: {host: x}, expect: {parity.ratio.handshake_time: {lt: 1.5}, parity.same: false}}",
    "  - {id: a, parity: \"true\", dns: {server: x, name: y}, expect: {parity.differences: {any: {contains: ttl}}}}",
    "  - {id: 5, tcp: {<<: *c, port: \"80\"}, tags: t, needs: []}",
    "  - {id: a, tcp: {host: \"2001:db8::1\", port: 80, banner: \"true\"}}",
    "  - {id: a, tcp: {host: \"[2001:db8::1]\", port: 80}}",
    "  - {id: a, tcp: {host: bücher.example., port: 80}}",
    "  - {id: a, dns: {server: \"[2001:db8::1]:53\", name: x.example}}",
    "  - {id: a, dns: {server: \"2001:db8::1\", name: x.example, type: TYPE65280}}",
    "  - {id: a, dns: {server: [192.0.2.1:53], name: 1.example}}",
    "  - {id: a, http: {url: \"HTTPS://x.example:8443/a?b=@c#d\"}}",
    "  - {id: a, http: {url: \"http://[::1]:80/\"}, expect: {status: \"200\", body.json.a: null_, headers.x: {any: {len: 2}}}}",
    "  - {id: a, http: {url: http://x/}, expect: {status: {all_of: [{ge: 200}, {lt: 300}]}, body: {matches: \"[0-9]\"}}}",
    "  - {id: a, http: {url: http://x/}, expect: {status: {not: {between: [\"500\", 599]}}, body.json.n: {ge: \"1.4.0\"}}}",
    "  - {id: a, http: {url: http://x/}, expect: {headers.server: {present: false}, total_time.max: {le: 5s}, total_time.count: 1}}",
    "  - {id: a, http: {url: http://x/}, expect: {body.json: ~, body.json.a: ~, body.json.b: {in: [~, 1]}, body.json.c: {eq: ~}}}",
    "  - {id: a, http: {url: http://x/}, expect: {body.json.a: {ne: ~}, body.json.b: {not: {eq: [1, ~]}}, body.json.c: {any: ~}}}",
    "  - {id: a, http: {url: http://x/}, expect: {body.json.a: {any_of: [~, {ge: 2}]}, body.json.b: {all: {ne: ~}}}}",
    "  - {id: a, http: {url: http://x/}, expect: {body.json.a: {exactly: [~]}, body.json.b: {contains: [~]}, body.json.c: {excludes: [~]}}}",
    "  - {id: a, http: {url: http://x/}, expect: {\"body.json[name=db].status\": ok, \"body.json.s[name=db,zone='a b'].status\": ~}}",
    "  - {id: a, dns: {authoritative: {zone: x.example}}, expect: {servers: {len: 2}, \"servers.row.ns1.x.example./192.0.2.1\": {present: true}, \"servers.row.192.0.2.1.serial\": 7, servers.serial: {all: {ge: 7}}, servers.rtt.max: {le: 1s}, servers.rtt.count: 2, servers.axfr: {none: complete}, servers.flags: {all: {contains: aa}}}}",
    "  - {id: a, needs: [], serial: lab, per_target: 2, retries: 1, retry_delay: 0s, tcp: {host: x, port: 1}}",
    "  - {id: a, serial: 5, per_target: \"2\", tcp: {host: x, port: 1}}\ndefaults: {per_target: 3, retry_delay: 5s, retries: 1}",
    "  - {id: a, tcp: {host: x, port: 1}, baseline: {connect_time: {tolerance: 5%, at_least: 1ms, p90: 9%}, outcome: {change: ignore}}}",
    "  - {id: a, tcp: {host: x, port: 1}, baseline: {connect_time: {change: ignore}}}",
    "  - {id: a, tcp: {host: x, port: 1}}\ndefaults: {baseline: {connect_time: {at_least: 1ms}, outcome: {change: ignore}, loss: {change: ignore}}}",
    "  - {id: a, tls: {host: x}, expect: {expires_in: {gt: -1d}, not_after: {gt: 2026-12-31T00:00:00Z}, verified: True}}",
    "  - {id: a, tls: {host: x}, expect: {version: {in: [TLSv1.2, \"tls 1.3\"]}, outcome: completed, san: {len: {ge: 1}}}}",
    "  - {id: a, icmp: {host: x, timeout: +2s}, expect: {loss: {lt: .5%}}}",
    "  - {id: m, dns: {server: 192.0.2.1, name: x.example, type: MX}}\n  - {id: a, matrix: {p: [1], t: \"${checks.m.targets}\"}, tcp: {host: \"${matrix.t.host}\", port: \"${matrix.p}\"}}\n  - {id: b, matrix: {t: {from: \"${checks.m.targets}\", max: 40}}, tcp: {host: \"${matrix.t.host}\", port: \"${matrix.t.port}\"}}",
    "  - {id: a, matrix: {p: [1, two, true]}, tcp: {host: x, port: \"${matrix.p}\"}, when: {matrix.p: 1}}",
];

fn value(text: &str) -> Option<Value> {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).ok()
}

#[test]
fn every_valid_suite_is_valid_to_the_schema() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let accepted = accepted();
    assert!(accepted.len() > 50, "{}", accepted.len());
    let mut wrong = Vec::new();
    for (name, text) in &accepted {
        let value = value(text).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        if !errors.is_empty() {
            wrong.push(format!("{name}: {}", errors.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for more in MORE {
        let text = format!("version: 1\nsuite: s\nx-common: &c {{host: x}}\nchecks:\n{more}\n");
        let (_, shown) = corrections::errors_of(&text);
        let variable = more.contains("matrix");
        assert!(shown.is_empty() || variable, "the program refuses it:\n{shown}");
    }
}

#[test]
fn what_the_program_refuses_is_refused_as_far_as_a_schema_can() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let mut all = yaml_files("tests/suites_bad");
    all.extend(corrections::refused().map(|(text, _)| ("mended".to_owned(), text)));
    all.extend(REFUSED.iter().map(|text| ("refused".to_owned(), format!("version: 1\nsuite: s\nchecks:\n{text}\n"))));
    let (mut wrong, mut refused, mut used) = (Vec::new(), 0, BTreeSet::new());
    for (name, text) in &all {
        let (count, shown) = corrections::errors_of(text);
        let of_file = name.starts_with('/') && count == 0;
        assert!(count > 0 || of_file, "the program accepts {name}:\n{text}");
        let Some(value) = value(text) else { continue };
        if !validator.is_valid(&value) {
            refused += 1;
            continue;
        }
        match BEYOND.iter().find(|(words, _)| shown.contains(words)) {
            Some((words, _)) => drop(used.insert(*words)),
            None if of_file => {}
            None => wrong.push(format!("{name}:\n{text}{shown}")),
        }
    }
    assert!(wrong.is_empty(), "the schema accepts {} suites that are refused:\n{}", wrong.len(), wrong.join("\n"));
    assert!(refused > 100, "only {refused} of {}", all.len());
    let unused: Vec<&str> = BEYOND.iter().map(|(words, _)| *words).filter(|words| !used.contains(words)).collect();
    assert!(unused.is_empty(), "no suite is beyond a schema for these reasons, take them out: {unused:?}");
}

/// Mistakes that a schema must see.
const REFUSED: &[&str] = &[
    "  - {id: a, http: {url: http://x/, timeout: -5s}}",
    "  - {id: a, http: {url: ftp://x/}}",
    "  - {id: a, http: {url: \"http://user:pw@x/\"}}",
    "  - {id: a, http: {url: x.example}}",
    "  - {id: a, http: {url: http://x/, client_cert: a.pem}}",
    "  - {id: a, tcp: {host: \"x:443\", port: 443}}",
    "  - {id: a, tcp: {host: 10.77, port: 443}}",
    "  - {id: a, tcp: {host: 010.0.0.1, port: 443}}",
    "  - {id: a, tcp: {host: 0.0.0.0, port: 443}}",
    "  - {id: a, tcp: {host: 224.0.0.1, port: 443}}",
    "  - {id: a, tcp: {host: \"ff02::1\", port: 443}}",
    "  - {id: a, tcp: {host: x, port: \"0\"}}",
    "  - {id: a, tcp: {host: x, port: 1, send: a, send_hex: \"00\"}}",
    "  - {id: a, tcp: {host: x, port: 1, banner: yes}}",
    "  - {id: a, tcp: {host: x, port: 1}, expect: {outcome: {ne: refused}}}",
    "  - {id: a, tcp: {host: x, port: 1}, expect: {connect_time.max: 5ms}}",
    "  - {id: a, tcp: {host: x, port: 1}, expect: {connect_time.max: {eq: 5ms}}}",
    "  - {id: a, tcp: {host: x, port: 1}, expect: {connect_time.max: {between: [5ms]}}}",
    "  - {id: a, tcp: {host: x, port: 1}, expect: {connect_time.max: {lt: [5ms]}}}",
    "  - {id: a, tcp: {host: x, port: 1}, matrix: {p: 5}}",
    "  - {id: a, tcp: {host: x, port: 1}, tags: {a: b}}",
    "  - {id: a, tcp: {host: x, port: 1}, http: {url: http://x/}}",
    "  - {id: a, tcp: {host: x, port: 1}, eventually: {within: 5s}, retries: 2}",
    "  - {id: a.b, tcp: {host: x, port: 1}}",
    "  - {id: ~, tcp: {host: x, port: 1}}",
    "  - {id: a, dns: {server: 192.0.2.1, name: x.example}, expect: {answers: 192.0.2.1}}",
    "  - {id: a, dns: {server: 192.0.2.1, name: x.example}, expect: {answers: {len: {gt: many}}}}",
    "  - {id: a, dns: {server: 192.0.2.1, name: x.example}, expect: {answers: {any: {lt: 5}}}}",
    "  - {id: a, tls: {host: x, profiles: [mozilla-modern]}}",
    "  - {id: a, tls: {host: x}, expect: {verified: yes}}",
    "  - {id: a, tls: {host: x}, expect: {not_after: tomorrow}}",
    "  - {id: a, tls: {host: x}, baseline: {handshake_time: {change: same}}}",
    "  - {id: a, tls: {host: x}, baseline: {handshake_time: {change: ignore, tolerance: 5%}}}",
    "  - {id: a, tls: {host: x}, baseline: {handshake_time: {at_least: 5%}}}",
    "  - {id: a, tls: {host: x}, baseline: {handshake_time: {at_least: 5}}}",
    "  - {id: a, tls: {host: x}, baseline: {chain.length: {tolerance: 5%}}}",
    "  - {id: a, tls: {host: x}, baseline: {chain.lenght: {change: same}}}",
    "  - {id: a, tcp: {host: x, port: 1}, baseline: {}}\ndefaults: {baseline: {conect_time: {tolerance: 5%}}}",
    "  - {id: a, tcp: {host: x, port: 1}}\ndefaults: {baseline: {connect_time: {change: same}}}",
    "  - {id: a, tcp: {host: x, port: 1}}\ndefaults: {baseline: {outcome: {tolerance: 5%}}}",
    "  - {id: a, tcp: {host: x, port: 1}}\ndefaults: {per_target: 0}",
    "  - {id: a, tcp: {host: x, port: 1}}\ndefaults: {retry_delay: 5}",
    "  - {id: a, tcp: {host: x, port: 1}}\ndefaults: {serial: lab}",
    "  - {id: a, tcp: {host: x, port: 1}, per_target: 0}",
    "  - {id: a, tcp: {host: x, port: 1}, serial: [lab]}",
    "  - {id: a, tcp: {host: x, port: 1}, retries: 1, retry_delay: -1s}",
    "  - {id: a, http: {url: http://x/}, expect: {headers.server: ~}}",
    "  - {id: a, http: {url: http://x/}, expect: {status: ~}}",
    "  - {id: a, http: {url: http://x/}, expect: {body.json.a: {in: ~}}}",
    "  - {id: a, http: {url: http://x/}, expect: {body.json.a: {lt: ~}}}",
    "  - {id: a, http: {url: http://x/}, expect: {body.json.a: {contains: [\"\"]}}}",
    "  - {id: a, http: {url: http://x/}, expect: {headers.server: {in: [~]}}}",
    "  - {id: a, http: {url: http://x/}, expect: {\"body.json.a[name=${x}].b\": 1}}",
];

/// What strict validators ask for, ajv in strict mode above all, and what keeps a schema small.
#[test]
fn the_schema_is_strict_and_small() {
    let text = shakedown::suite::schema::text(FAMILIES);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), schema());
    assert!(text.len() < 300_000, "{} bytes", text.len());
    let (mut problems, mut referred) = (Vec::new(), BTreeSet::new());
    strict(&schema(), "#", &[], &mut problems, &mut referred);
    let schema = schema();
    let defined: BTreeSet<String> = schema["$defs"].as_object().unwrap().keys().cloned().collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(defined, referred, "every definition is used, and every reference is defined");
}

/// The type a keyword speaks of.
#[rustfmt::skip]
const TYPES: &[(&str, &[&str])] = &[
    ("string", &["pattern", "minLength", "maxLength"]),
    ("number", &["minimum", "maximum"]),
    ("array", &["items", "minItems", "maxItems", "uniqueItems"]),
    ("object", &["properties", "patternProperties", "additionalProperties", "required", "minProperties", "maxProperties", "propertyNames", "dependencies"]),
];

fn strict(schema: &Value, at: &str, keys: &[String], problems: &mut Vec<String>, referred: &mut BTreeSet<String>) {
    let Some(map) = schema.as_object() else { return };
    let mut wrong = |what: String| problems.push(format!("{at}: {what}"));
    if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
        referred.insert(reference.trim_start_matches("#/$defs/").to_owned());
        if map.len() > 1 {
            wrong("keywords beside $ref are ignored".into());
        }
    }
    if map.get("type").is_some_and(|of| !of.is_string()) {
        wrong("a union of types".into());
    }
    for (of, keywords) in TYPES {
        for keyword in keywords.iter().filter(|keyword| map.contains_key(**keyword)) {
            let own = map.get("type").and_then(Value::as_str).unwrap_or_default();
            if own != *of && !(*of == "number" && own == "integer") {
                wrong(format!("`{keyword}` without type {of}"));
            }
        }
    }
    let own: Vec<String> =
        map.get("properties").and_then(Value::as_object).map(|all| all.keys().cloned().collect()).unwrap_or_default();
    let named: Vec<String> = own.iter().chain(keys).cloned().collect();
    for name in map.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if !named.iter().any(|known| known == name) {
            wrong(format!("`{name}` is required and not described"));
        }
    }
    for (pattern, _) in map.get("patternProperties").and_then(Value::as_object).into_iter().flatten() {
        // `regex` knows no `(?!a$|b$)`, so what it leaves out is looked at apart.
        let (before, rest) = pattern.split_once("(?!").unwrap_or((pattern.as_str(), ")"));
        let (left_out, after) = rest.rsplit_once(')').unwrap();
        let left_out = regex::Regex::new(&format!("{before}({left_out})")).unwrap();
        let pattern = regex::Regex::new(&format!("{before}{after}")).unwrap();
        let apart = |name: &&String| rest != ")" && left_out.is_match(name);
        let twice = own.iter().filter(|name| pattern.is_match(name) && !apart(name));
        twice.for_each(|name| wrong(format!("{name} is matched twice")));
    }
    for (key, below) in map {
        match key.as_str() {
            "properties" | "patternProperties" | "$defs" => {
                for (name, below) in below.as_object().unwrap() {
                    strict(below, &format!("{at}/{key}/{name}"), &[], problems, referred);
                }
            }
            "anyOf" | "oneOf" | "allOf" => {
                let all = below.as_array().unwrap();
                if all.is_empty() {
                    problems.push(format!("{at}: `{key}` is empty"));
                }
                for (number, below) in all.iter().enumerate() {
                    strict(below, &format!("{at}/{key}/{number}"), &named, problems, referred);
                }
            }
            "items" | "not" | "if" | "then" | "additionalProperties" | "propertyNames" => {
                strict(below, &format!("{at}/{key}"), &named, problems, referred);
            }
            "$schema" | "$ref" | "title" | "description" | "type" | "enum" | "const" | "examples" | "required"
            | "pattern" | "minLength" | "maxLength" | "minimum" | "maximum" | "minItems" | "maxItems"
            | "uniqueItems" | "minProperties" | "maxProperties" | "dependencies" => {}
            other => problems.push(format!("{at}: `{other}` is no keyword of draft 7")),
        }
    }
}

/// Editors show what stands beside a key: its help is there, wherever it is written.
#[test]
fn every_field_and_fact_has_its_help() {
    let schema = schema();
    let of = |definition: &str| schema["$defs"][definition].clone();
    for family in FAMILIES {
        let (fields, facts) = (of(family.name), of(&format!("{}.expect", family.name)));
        for field in family.fields {
            let place = &fields["properties"][field.name];
            let shared = place["$ref"].as_str().and_then(|to| to.strip_prefix("#/$defs/")).map(of);
            let help = shared.as_ref().unwrap_or(place)["description"].as_str().unwrap_or_default();
            assert!(help.starts_with(field.help), "{}: {}", family.name, field.name);
        }
        for fact in family.facts {
            let name = if fact.kind == shakedown::model::Kind::Distribution {
                format!("{}.p95", fact.name)
            } else {
                fact.name.into()
            };
            assert_eq!(facts["properties"][&name]["description"], fact.help, "{}: {name}", family.name);
        }
    }
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/schema/suite.json").exists());
}
