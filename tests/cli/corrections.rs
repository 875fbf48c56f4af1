//! Mistakes of people who know another tool, or YAML by halves: each error says what to write instead.

use shakedown::checks::FAMILIES;
use shakedown::model::{Kind, corrections};
use shakedown::plan::{Settings, plan};
use shakedown::probe::Synonyms;
use shakedown::suite::file::{Input, Options, load};

/// Errors of a suite, and how many.
pub fn errors_of(text: &str) -> (usize, String) {
    let env = |name: &str| (name == "HOME").then(|| "/home/me".to_owned());
    let mut loaded = load(&[Input::Text("s.yaml".into(), text.to_owned())], FAMILIES, &Options::none(&env));
    let _ = plan(&mut loaded, None, &Settings { allow_disruptive: true, ..Settings::default() });
    (loaded.errors.0.len(), loaded.errors.render(&loaded.sources, false))
}

const CHECK: &str = "version: 1\nsuite: s\nchecks:\n  - id: a\n";
const VARS: &str = "version: 1\nsuite: s\nvars: {host: x, web: y}\nchecks:\n  - id: a\n";

/// A check with these lines below its id, and what must be told of it.
#[rustfmt::skip]
pub const OF_CHECKS: &[(&str, &str)] = &[
    // Quantities in words, and without their unit.
    ("tls: {host: x}\nexpect: {expires_in: {gt: 21 days}}", "write 21d"),
    ("tls: {host: x}\nexpect: {expires_in: {gt: 2 weeks}}", "write 14d"),
    ("tls: {host: x}\nexpect: {expires_in: {gt: 21}}", "write 21d"),
    ("http: {url: http://x/}\nexpect: {total_time.p95: {lt: 100}}", "write 100ms"),
    ("http: {url: http://x/}\nexpect: {total_time.p95: {lt: 5 sec}}", "write 5s"),
    ("http: {url: http://x/}\nexpect: {total_time.p95: {lt: 1m30s}}", "write 90s"),
    ("http: {url: http://x/, timeout: 5}", "write `timeout: 5s`; or `timeout: 5ms` if milliseconds are meant"),
    ("http: {url: http://x/, timeout: 5 seconds}", "write `timeout: 5s`"),
    ("http: {url: http://x/, timeout: 12:30}", "write `timeout: 750s`"),
    ("icmp: {host: x}\nexpect: {loss: {lt: 0.01}}", "write 1% or 0.01%"),
    ("icmp: {host: x}\nexpect: {loss: 0}", "write 0%"),
    ("icmp: {host: x, size: 1472}", "write `size: 1472 B`"),
    ("icmp: {host: x, size: 1KB}", "write `size: 1 kB`"),
    ("throughput: {server: x, protocol: udp, rate: 100Mbps}", "write `rate: 100 Mbit/s`"),
    ("throughput: {server: x}\nexpect: {bitrate.p50: {ge: 9Gbps}}", "write 9 Gbit/s"),
    // Comparisons written as text.
    ("http: {url: http://x/}\nexpect: {status: '>= 200'}", "write `status: {ge: 200}`"),
    ("http: {url: http://x/}\nexpect: {status: 200-299}", "write `status: {between: [200, 299]}`"),
    ("http: {url: http://x/}\nexpect: {status: 2xx}", "write `status: {between: [200, 299]}`"),
    ("http: {url: http://x/}\nexpect: {status: 200|204}", "write `status: {in: [200, 204]}`"),
    ("http: {url: http://x/}\nexpect: {status: [200, 204]}", "write `status: {in: [200, 204]}`"),
    ("http: {url: http://x/}\nexpect: {status: '!= 500'}", "write `status: {ne: 500}`"),
    ("http: {url: http://x/}\nexpect: {total_time.p95: '< 100ms'}", "write `total_time.p95: {lt: 100ms}`"),
    ("http: {url: http://x/}\nexpect: {total_time.p95: '<100'}", "write `total_time.p95: {lt: 100ms}`"),
    ("http: {url: http://x/}\nexpect: {body: /^ok/}", "write `body: {matches: '^ok'}`"),
    ("http: {url: http://x/}\nexpect: {body.json.count: '> 5'}", "write `body.json.count: {gt: 5}`"),
    ("http: {url: http://x/}\nexpect: {status: {between: 200-299}}", "write `status: {between: [200, 299]}`"),
    ("http: {url: http://x/}\nexpect: {status: {between: [299, 200]}}", "write `status: {between: [200, 299]}`"),
    // Operators of other tools.
    ("http: {url: http://x/}\nexpect: {status: {equals: 200}}", "write `status: {eq: 200}`"),
    ("http: {url: http://x/}\nexpect: {status: {'>=': 200}}", "write `status: {ge: 200}`"),
    ("http: {url: http://x/}\nexpect: {status: {greaterThan: 199}}", "write `status: {gt: 199}`"),
    ("http: {url: http://x/}\nexpect: {status: {matches: ^2}}", "write `status: {between: [200, 299]}`"),
    ("http: {url: http://x/}\nexpect: {status: {one_of: [200, 204]}}", "write `status: {in: [200, 204]}`"),
    ("http: {url: http://x/}\nexpect: {body: {match-regexp: ^ok}}", "write `body: {matches: ^ok}`"),
    ("http: {url: http://x/}\nexpect: {body: {starts_with: a.b}}", "write `body: {matches: '^a\\.b'}`"),
    ("http: {url: http://x/}\nexpect: {body: {includes: ok}}", "write `body: {contains: ok}`"),
    ("http: {url: http://x/}\nexpect: {headers.server: {exists: false}}", "write `headers.server: {present: false}`"),
    ("http: {url: http://x/}\nexpect: {headers.server: {present: no}}", "write false"),
    ("dns: {server: 192.0.2.1, name: x.example}\nexpect: {answers: {have-len: 3}}", "write `answers: {len: 3}`"),
    ("dns: {server: 192.0.2.1, name: x.example}\nexpect: {answers: {consist-of: [192.0.2.1]}}", "write `answers: {exactly: [192.0.2.1]}`"),
    ("dns: {server: 192.0.2.1, name: x.example}\nexpect: {answers: 192.0.2.1}", "write `answers: {contains: 192.0.2.1}`"),
    ("dns: {server: 192.0.2.1, name: x.example}\nexpect: {answers: [192.0.2.1]}", "write `answers: {exactly: [192.0.2.1]}`"),
    // Facts of other tools.
    ("http: {url: http://x/}\nexpect: {status_code: 200}", "write `status: 200`"),
    ("http: {url: http://x/}\nexpect: {statusCode: {equals: 200}}", "write `status: 200`"),
    ("http: {url: http://x/}\nexpect: {response_time: {lt: 1s}}", "write `total_time.p95: {lt: 1s}`"),
    ("http: {url: http://x/}\nexpect: {ttfb.max: {lt: 1s}}", "write `first_byte_time.max: {lt: 1s}`"),
    ("http: {url: http://x/}\nexpect: {body_contains: ok}", "write `body: {contains: ok}`"),
    ("http: {url: http://x/}\nexpect: {total_time.avg: {lt: 5ms}}", "write `total_time.mean: {lt: 5ms}`"),
    ("http: {url: http://x/}\nexpect: {total_time: {lt: 5ms}}", "write `total_time.p95: {lt: 5ms}`"),
    ("tcp: {host: x, port: 1}\nexpect: {connected: true}", "write `outcome: connected`"),
    ("tcp: {host: x, port: 1}\nexpect: {outcome: open}", "write connected"),
    ("tcp: {host: x, port: 1}\nexpect: {outcome: refuesd}", "write refused"),
    ("icmp: {host: x}\nexpect: {packet_loss: 0%}", "write `loss: 0%`"),
    ("tls: {host: x}\nexpect: {days_left: {gt: 21d}}", "write `expires_in: {gt: 21d}`"),
    ("dns: {server: 192.0.2.1, name: x.example}\nexpect: {addrs: [192.0.2.1]}", "write `answers: {exactly: [192.0.2.1]}`"),
    ("http: {url: http://x/}\nexpect: {lt: 5ms}", "name the fact it is about"),
    ("http: {url: http://x/}\nexpect: {timeout: 5s}", "write `http: {…, timeout: 5s}`"),
    ("http: {url: http://x/}\nexpect: 200", "write `expect: {status: 200}`"),
    ("http: {url: http://x/}\nexpect: [{status: 200}]", "write `expect: {status: 200}`"),
    // Families of other tools.
    ("ping: {host: x}", "write `icmp: {…}`"),
    ("ping: x", "write `icmp: {host: x}`"),
    ("dig: {name: x}", "write `dns: {…}`"),
    ("curl: https://x/", "write `http: {url: https://x/}`"),
    ("http: {url: http://x/, basic_auth: a}", "auth: {user: NAME, password: \"${PASSWORD}\"}"),
    ("http: {url: http://x/, http_proxy: p:3128}", "proxy: {http: HOST:PORT}"),
    ("http: {url: http://x/}\nexpect: {headers.set-cookie: {contains: id=7}}", "write the name, `id`"),
    ("http: {url: http://x/, auth: {token: plain}}", "write `secrets: [TOKEN]` at the top of the suite"),
    ("http: {url: http://x/, json: \"{a\"}", "write a map, a list, or a text that is JSON"),
    ("http: {url: http://x/, jsonpath: {a: items}}", "write a query of RFC 9535"),
    ("https: {url: https://x/}", "write `http: {…}`"),
    ("certificate: {host: x}", "write `tls: {…}`"),
    ("port: x:443", "write `tcp: {host: x, port: 443}`"),
    ("tcpSocket: {host: x, port: 1}", "write `tcp: {…}`"),
    ("TCP: {host: x, port: 1}", "write `tcp: {…}`"),
    ("url: https://x/", "write `http: {url: https://x/}`"),
    ("tcp: x:443", "write `tcp: {host: x, port: 443}`"),
    ("http: http://x/", "write `http: {url: http://x/}`"),
    ("icmp: x", "write `icmp: {host: x}`"),
    // Keys of other tools, and keys in another place.
    ("http: {url: http://x/, status: 200}", "write `expect: {status: 200}`"),
    ("http: {url: http://x/, retries: 3}", "write `retries: 3` beside `http:`"),
    ("http: {url: http://x/}\ntimeout: 5s", "write `http: {…, timeout: 5s}`"),
    ("http: {url: http://x/}\nstatus: 200", "write `expect: {status: 200}`"),
    ("http: {url: http://x/, insecure: true}", "write `verify: false`"),
    ("http: {url: http://x/, follow_redirects: true}", "write `follow: 5`"),
    ("http: {url: http://x/, ca-file: x.pem}", "did you mean `ca_file`"),
    ("http: {host: x}", "`url: \"http://x\"`"),
    ("dns: {server: 192.0.2.1, qname: x.example}", "write `name: x.example`"),
    ("dns: {server: 192.0.2.1, name: x.example, qtype: AAAA}", "write `type: AAAA`"),
    ("icmp: {host: x, packets: 5}", "write `count: 5`"),
    ("tcp: {host:x, port:1}", "write `host: x`"),
    ("tcp: {host=x, port=1}", "write `host: x`"),
    ("tcp:\n  host:x\n  port:1", "with a blank behind the colon"),
    ("tcp:\n  - host: x\n  - port: 1", "take the `-` before its keys out"),
    ("tcp: {host: x:443}", "write `host: x`, and `port: 443`"),
    ("tcp: {host: http://x, port: 1}", "write `host: x`"),
    ("tcp: {host: x, port: https}", "write `port: 443`"),
    ("tcp: {host: x, port: 0443}", "write `port: 443`"),
    ("tcp: {host: x, port: 0x1bb}", "write `port: 443`"),
    ("tcp: {host: x, port: 443.0}", "write `port: 443`"),
    ("tcp: {host: x, port: 1_000}", "write `port: 1000`"),
    ("tcp: {host: “x”, port: 1}", "typographic quote"),
    ("http: {url: www.example.com/x}", "write `url: http://www.example.com/x` or `url: https://www.example.com/x`"),
    ("http: {url: http://x/, headers: [\"A: b\"]}", "write `headers: {A: b}`"),
    ("dns: {server: 224.0.0.251, name: x.example}", "a host name or address, with a port"),
    ("tcp: {host: 0.0.0.0, port: 1}", "such as www.example.com or 192.0.2.10"),
    ("tcp: {host: x, port: 1, banner: yes}", "write `banner: true`"),
    ("tcp: {host: x, port: 1, ip_version: 6}", "write `ip_version: ipv6`"),
    ("tcp: {host: x, port: 1, family: inet6}", "write `ip_version: ipv6`"),
    ("icmp: {host: x, preferred_ip_protocol: ip4}", "write `ip_version: ipv4`"),
    ("tls: {host: x, ipv4: true}", "write `ip_version: ipv4`"),
    ("dns: {server: 127.0.0.1, name: x.example, ipv6: false}", "write `ip_version: ipv4`"),
    ("tcp: {host: x, port: 1, af: both}", "write `ip_version: any`, `ipv4` or `ipv6`"),
    ("tcp: {host: x, port: 1}\nseverity: warning", "write `severity: warn`"),
    ("tcp: {host: x, port: 1}\ndepends_on: [b]", "write `needs`"),
    ("tcp: {host: x, port: 1}\nallow_failure: true", "write `severity: warn`"),
    ("tcp: {host: x, port: 1}\neventually: 30s", "write `eventually: {within: 30s}`"),
    ("tcp: {host: x, port: 1}\neventually: {timeout: 30s}", "write `within: 30s`"),
    ("tcp: {host: x, port: 1}\nneeds: [a]", "take `needs` out"),
    ("tcp: {host: x, port: 1}\nmatrix: {p: 1}", "write `p: [1]`"),
    ("tcp: {host: \"${matrix.sit}\", port: 1}\nmatrix: {site: [a, b]}", "write `${matrix.site}`"),
    // Modes, and words that a test leaves.
    ("http: {url: http://x/, method: HEAD}\nexpect: {body: {contains: x}}", "write `http: {…, method: GET}`"),
    ("http: {url: http://x/}\nexpect: {redirects: 1}", "write `http: {…, follow: 5}`"),
    ("udp: {host: x, port: 1, send: a}\nexpect: {outcome: {not_in: [silent]}}", "in: [replied, refused"),
    ("http: {url: http://x/}\nexpect: {body.json.version: {ge: 1.4s}}", "write the number as it is in the document, without a unit: `body.json.version: {ge: 1.4}`"),
    ("http: {url: http://x/}\nexpect: {body.json.version: {ge: new}}", "or a version, such as {ge: \"1.4.0\"}"),
    // Templates of other tools.
    ("tcp: {host: {{ host }}, port: 1}", "write \"${host}\""),
    ("tcp: {host: \"{{ host }}\", port: 1}", "write `host: \"${host}\"`"),
    ("tcp: {host: \"$host\", port: 1}", "write `host: \"${host}\"`"),
    ("tcp: {host: \"$(host)\", port: 1}", "write `host: \"${host}\"`"),
];

/// With the variables `host` and `web`.
#[rustfmt::skip]
const OF_VARIABLES: &[(&str, &str)] = &[
    ("tcp: {host: \"${hst}\", port: 1}", "write `${host}`"),
    ("tcp: {host: \"${vars.host}\", port: 1}", "write `${host}`"),
    ("tcp: {host: \"${{ host }}\", port: 1}", "write `${host}`"),
    ("tcp: {host: \"${HOME}\", port: 1}", "write `${env.HOME}`"),
    ("tcp: {host: \"${env:HOME}\", port: 1}", "write `${env.HOME}`"),
    ("tcp: {host: \"${host:=z}\", port: 1}", "a default is written `${host:-z}`"),
    ("tcp: {host: \"${host\", port: 1}", "write ${host}"),
    ("tcp: {host: \"${zzzzzz}\", port: 1}", "`vars: {zzzzzz: VALUE}`"),
];

/// Whole files.
#[rustfmt::skip]
const OF_FILES: &[(&str, &str)] = &[
    ("version: 1\nsuite: s\nchecks:\n  - name: My check\n    tcp: {host: x, port: 1}\n", "write `id: my-check`"),
    ("version: 1\nsuite: s\nchecks:\n  - id: my check\n    tcp: {host: x, port: 1}\n", "write `id: my-check`"),
    ("version: 1\nsuite: my suite\nchecks:\n  - id: a\n    tcp: {host: x, port: 1}\n", "write `suite: my-suite`"),
    ("version: 1\nname: s\nchecks:\n  - id: a\n    tcp: {host: x, port: 1}\n", "write `suite: s`"),
    ("version: 1\nsuite: s\ntests:\n  - id: a\n    tcp: {host: x, port: 1}\n", "write `checks`"),
    ("version: 1\nsuite: s\ntimeout: 5s\nchecks:\n  - id: a\n    tcp: {host: x, port: 1}\n", "write `defaults: {timeout: 5s}`"),
    ("version: 1.10\nsuite: s\nchecks:\n  - id: a\n    tcp: {host: x, port: 1}\n", "write `version: 1`"),
    ("version: 1\nsuite: s\nchecks:\n  a:\n    tcp: {host: x, port: 1}\n", "write `- id: a` in place of `a:`"),
    ("modules:\n  http_2xx:\n    prober: http\n", "this file is no suite"),
    ("apiVersion: v1\nkind: Pod\n", "this file is no suite"),
    ("- hosts: all\n  tasks: []\n", "begin with `version: 1`"),
    ("version = 1\nsuite = 's'\n", "begin with `version: 1`"),
    ("version: 1\nsuite: s\nchecks:\n  - id: a\n    tcp: {host: x, port: 1}\n  - id: web-alive\n    needs: [aa]\n    tcp: {host: x, port: 1}\n", "write `needs: [a]`"),
    ("version: 1\nsuite: s\nchecks:\n  - id: web-alive\n    tcp: {host: x, port: 1}\n  - id: c\n    needs: [web_alive]\n    tcp: {host: x, port: 1}\n", "write `needs: [web-alive]`"),
    ("version: 1\nsuite: s\nsecrets: [TOKEN]\nchecks:\n  - id: a\n    http: {url: http://x/, headers: {A: \"${TOKN}\"}}\n", "write `${TOKEN}`"),
];

fn below(head: &str, lines: &str) -> String {
    lines.lines().fold(head.to_owned(), |text, line| format!("{text}    {line}\n"))
}

/// Every text of this file that must be refused.
pub fn refused() -> impl Iterator<Item = (String, &'static str)> {
    let checks = OF_CHECKS.iter().map(|(lines, says)| (below(CHECK, lines), *says));
    let variables = OF_VARIABLES.iter().map(|(lines, says)| (below(VARS, lines), *says));
    checks.chain(variables).chain(OF_FILES.iter().map(|(text, says)| ((*text).to_owned(), *says)))
}

#[test]
fn every_mistake_is_answered_with_what_to_write() {
    let mut wrong = Vec::new();
    for (text, says) in refused() {
        let (count, shown) = errors_of(&text);
        if count == 0 || !shown.contains(says) {
            wrong.push(format!("`{says}` is not in what is told of\n{text}{shown}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), refused().count(), wrong.join("\n"));
}

/// One mistake, and what follows from it, is one error.
#[test]
fn what_follows_from_a_mistake_is_not_told() {
    let one = [
        below(CHECK, "tcp: {host: x, port: 1}\nneeds: [a]"),
        below(CHECK, "dns: {server: 224.0.0.251, name: x.example}"),
        below(CHECK, "matrix: {p: 1}\ntcp: {host: x, port: \"${matrix.p}\"}"),
        below(CHECK, "matrix: {site: [a, b]}\ntcp: {host: \"${matrix.sit}\", port: 1}"),
        below(CHECK, "tcp: {host: {{ host }}, port: 1}"),
        below(CHECK, "http: {url: http://x/}\nexpect: {status: {between: [299, 200]}}"),
        "version: 1\nsuite: s\nvars: {h: \"${matrix.p}\"}\nchecks:\n  - id: a\n    matrix: {p: [a, b]}\n    tcp: {host: \"${h}\", port: 1}\n".to_owned(),
        "version: 1\nsuite: s\nvars: {h: \"${nope}\", i: \"${h}\"}\nchecks:\n  - id: a\n    tcp: {host: \"${h}\", port: 1}\n  - id: b\n    tcp: {host: \"${i}\", port: 1}\n".to_owned(),
        "version: 1\nsuite: s\nchecks:\n  - name: a\n    tcp: {host: x, port: 1}\n".to_owned(),
        "version: 1\nsuite: s\nchecks:\n  a:\n    tcp: {host: x, port: 1}\n".to_owned(),
        "modules:\n  http_2xx:\n    prober: http\n".to_owned(),
    ];
    for text in one {
        let (count, shown) = errors_of(&text);
        assert_eq!(count, 1, "{text}{shown}");
    }
}

/// What is right is not refused because it looks like something else.
#[test]
fn texts_that_only_look_odd_are_taken() {
    for lines in [
        "http: {url: http://x/}\nexpect: {body: \"2xx\"}",
        "http: {url: http://x/}\nexpect: {body: {eq: \">= 200\"}}",
        "http: {url: http://x/}\nexpect: {body: /a/b}",
        "http: {url: http://x/}\nexpect: {headers.location: /login/}",
        "http: {url: http://x/}\nexpect: {body.json.range: 200-299}",
        "http: {url: http://x/, body: \"$host {{ host }}\"}",
        "http: {url: http://x/}\nexpect: {body: {contains: \"$price\"}}",
        "tcp: {host: x, port: 1, banner: True}",
        "tcp: {host: x, port: 1}\ndescription: “The edge”",
    ] {
        let (count, shown) = errors_of(&below(CHECK, lines));
        assert_eq!(count, 0, "{lines}\n{shown}");
    }
}

/// A word of another tool leads to something that is there, and is none of ours.
#[test]
fn words_of_other_tools_lead_to_words_of_ours() {
    let key = |instead: &'static str| instead.split(": ").next().unwrap_or(instead);
    for family in FAMILIES {
        let Synonyms { names, fields, facts, options: _ } = family.synonyms;
        assert!(names.len() >= 2, "{}", family.name);
        for name in names {
            let mut said = name.split(' ');
            let name = said.next().unwrap();
            let known = |said: &str| family.fields.iter().any(|field| said.split_once('=').unwrap().0 == field.name);
            assert!(said.all(known), "{}: {name}", family.name);
            assert!(!FAMILIES.iter().any(|other| other.name == name), "{name} is a family");
        }
        for (word, instead) in fields {
            // What is meant by a word that is off may be an entry beside the fields.
            let instead = instead.strip_prefix("off: ").unwrap_or(instead);
            let beside = instead.starts_with("expect: ");
            let known = family.fields.iter().any(|field| field.name == key(instead));
            let reason = instead.starts_with('!');
            assert!(known || beside || reason, "{}: {word}: {instead}", family.name);
            assert!(!family.fields.iter().any(|field| field.name == *word), "{}: {word} is a field", family.name);
        }
        for (word, instead) in facts {
            let of = |name: &str| {
                family.facts.iter().any(|fact| name == fact.name || name.starts_with(&format!("{}.", fact.name)))
            };
            assert!(of(key(instead)) || instead.starts_with('!'), "{}: {word}: {instead}", family.name);
            if let Some((fact, word)) = instead.split_once(": ")
                && let Some(Kind::Choice(words)) =
                    family.facts.iter().find(|known| known.name == fact).map(|known| known.kind)
            {
                assert!(words.contains(&word), "{}: {fact} is never {word}", family.name);
            }
            assert!(!family.facts.iter().any(|fact| fact.name == *word), "{}: {word} is a fact", family.name);
        }
    }
    assert_eq!(corrections::flag("yes"), Some("true"));
}
