//! Topics about suites.

use super::{Chapter, shown, topic};

pub(super) const CHAPTER: Chapter = Chapter {
    title: "In a suite",
    intro: "Keys that decide when a check runs, how often, and what is expected; and how values are written.",
    picture: None,
    topics: &[
        shown(
            &["eventually", "within", "every", "settled_in"],
            "\
Repeats a check until it holds, for things that take a while after a change: a deployment, a zone move, a failover. `within` is
how long it may take, `every` the time between the starts of two attempts. Once it holds, the fact `settled_in` says
after how many seconds. It replaces `retries`, and a pass after several attempts is not called flaky.",
            "  - id: new-address
    dns: {server: 192.0.2.53, name: www.example.test, type: A}
    eventually: {within: 5m, every: 10s}
    expect: {answers: {exactly: [192.0.2.20]}, settled_in: {lt: 3m}}
",
        ),
        shown(
            &["parity"],
            "\
Makes a check over IPv4 and over IPv6, as one case: is IPv6 as good as IPv4? The host is a name with addresses of both. What is expected
must hold over both, and both must show the same: every fact that `compare` compares, and the content. Otherwise `parity.same` fails and
says what differs. Something that changes with every answer cannot be compared; leave it out with `baseline: {FACT: {change: ignore}}`.
Times are judged only if `expect` names a ratio (IPv6 divided by IPv4). That needs `rounds`: each is a pair, and each asks in
the other order than the one before. If this host lacks one of the IP versions, the case is errored.",
            "  - id: dual-stack
    parity: true
    rounds: 10
    http: {url: \"https://www.example.test/\"}
    expect: {parity.ratio.connect_time: {lt: 1.5}}
",
        ),
        shown(
            &["retries", "retry", "flaky"],
            "\
Further attempts when a check does not hold: after half a second, then after twice as long each time, 10 s at most. A pass
that took more than one attempt is reported as flaky. Retries hide an unstable target, so the default is none. For
something that needs time after a change use `eventually`.",
            "  - id: health
    http: {url: \"https://www.example.test/health\"}
    retries: 2
",
        ),
        shown(
            &["control", "silence"],
            "\
A check that shows that the host is alive. A port that a firewall filters, a host that is down and a path that is cut look
alike: no answer. So a check that expects silence (`timeout`, `silent`, `unreachable`) must name a control: a check that gets
an answer from the same host. The control runs again after the silent check. If it does not pass then, the silent check is
errored (not measured), never passed. A check in `needs` about the same host is a control without being named.",
            "  - id: web
    tcp: {host: 192.0.2.10, port: 443}
  - id: database-closed
    tcp: {host: 192.0.2.10, port: 5432}
    expect: {outcome: {in: [refused, timeout]}}
    control: web
",
        ),
        shown(
            &["needs", "need"],
            "\
Checks that must pass first. If one of them does not, this check is skipped and says which. One case of a matrix is named
`alive[site=a]`, a check of another suite of the run `suite/check`. When a check is skipped because a need failed, the run
is not green.",
            "  - id: resolves
    dns: {server: 192.0.2.53, name: www.example.test}
  - id: answers
    needs: [resolves]
    http: {url: \"https://www.example.test/\"}
",
        ),
        shown(
            &["capture", "captures", "chain"],
            "\
Gives a name to a value that a check sees, so that other checks can use it: log in, then send requests with the token. Another check
writes `${checks.login.token}` in a field. It then needs this check, and is skipped if this one does not pass. A captured value must be
there, and is hidden in every output unless `secret: false` says that anyone may see it. It can be used in texts alone (headers, bodies,
paths of URLs): hosts, ports, counts and times are settled before anything is sent. In a `json` document a number or a flag that is all
of a value, `{id: \"${checks.login.id}\"}`, stays a number or a flag.",
            "  - id: login
    http: {url: \"https://www.example.test/login\", method: POST}
    capture: {token: body.json.token, id: {fact: body.json.id, secret: false}}
  - id: account
    http:
      url: \"https://www.example.test/users/${checks.login.id}\"
      headers: {authorization: \"Bearer ${checks.login.token}\"}
",
        ),
        shown(
            &["matrix", "cell"],
            "\
One case for every combination of values. `${matrix.port}` is the value in this cell; a key that the check does not use is
an error.",
            "  - id: edge
    matrix: {host: [192.0.2.10, 192.0.2.11], port: [80, 443]}
    tcp: {host: \"${matrix.host}\", port: \"${matrix.port}\"}
",
        ),
        shown(
            &["targets", "dynamic targets", "list of targets", "found target"],
            "\
Hosts that one check finds in DNS and another checks: mail servers (MX), name servers (NS), backends (SRV), addresses (A, AAAA). The
matrix of the second check names the table `targets` of the first, and has one case per target, such as `mail[target=mx1.example.test]`,
or `[target=HOST:PORT]` where there is a port. Its fields use `${matrix.target.host}`, `.port` (SRV) and `.priority` (MX, SRV).

The targets are known only after the first check has passed, so `shakedown plan` shows `mail[target=?] <= 16`. `{from:
\"${checks.mx.targets}\", max: 40}` allows more. More targets than that, none, or an answer that was not seen whole gives one errored
case, `mail`: no target is left out unnoticed. `needs: [mail]` waits for all its cases. Such a check cannot expect silence, and
`--against` refuses it.",
            "  - id: mx
    dns: {server: 192.0.2.53, name: example.test, type: MX}
  - id: mail
    matrix: {target: \"${checks.mx.targets}\"}
    tls: {host: \"${matrix.target.host}\", port: 25, starttls: smtp}
",
        ),
        shown(
            &["where packets leave", "source", "interface", "netns", "network namespace", "link-local", "scope id"],
            "\
Three settings say from where a check sends. `netns`, a key of the check, is a network namespace by its name in `ip netns list`: sockets,
name lookups, routes and commands of the check are in it. That needs root. `interface`, a field of most families, is the interface to
send by, and `source` the local address to send from.

A link-local address (`fe80::1`) exists once on every link, so it needs its interface: behind the address (`fe80::1%eth0`, in a URL
`http://[fe80::1%25eth0]/`), or in `interface`. If this host has no such namespace, interface or address, the check is errored: nothing is
known of the target.",
            "  - id: web-for-guests
    netns: guests
    tcp: {host: 192.0.2.10, port: 443}
  - id: router
    icmp: {host: \"fe80::1%eth0\"}
  - id: uplink
    icmp: {host: 192.0.2.1, source: 192.0.2.7, interface: eth1}
",
        ),
        shown(
            &["severity", "warn", "warned"],
            "\
`severity: warn` reports a check that does not hold and does not fail the run: the exit code stays 0. A check that could
not be measured is errored all the same.",
            "  - id: old-tls
    tls: {host: www.example.test, scan: true}
    severity: warn
    expect: {scan.versions: {excludes: [TLS1.0, TLS1.1]}}
",
        ),
        shown(
            &["when"],
            "\
Variables, and the values with which a check runs. With another value it is skipped on purpose, and the exit code may be 0.",
            "  - id: production-only
    when: {env: [prod]}
    tcp: {host: \"${env}.example.test\", port: 443}
",
        ),
        shown(
            &["expect", "expectation", "operator", "operators", "default", "defaults"],
            "\
What must hold of the facts. A bare value means `eq`; a map names operators, all of which must hold. Beside it stay the
defaults of the family (a TLS certificate must verify, an HTTP status be from 200 to 299) until the check itself says what
else that fact should be. `shakedown plan` shows every expectation and who asks for it.",
            "  - id: moved
    http: {url: \"http://www.example.test/\"}
    expect: {status: 301, headers.location: \"https://www.example.test/\"}
",
        ),
        shown(
            &["field", "fields", "mode", "target"],
            "\
A key below the family, such as `host` or `timeout`; `shakedown explain FAMILY` lists them. Together they name the target (a host and
port, a URL, a name at a server) and how to look at it. Some switch on another kind of measurement, a mode, with facts and
expectations of its own: `scan`, `load`, `addresses: all`, `dnssec: validate`.",
            "  - id: every-address
    tls: {host: www.example.test, addresses: all}
    expect: {addresses.agree: true}
",
        ),
        topic(
            &["failover test", "inject", "guard", "outage", "lost write", "RPO"],
            "\
A check of the family `failover`: it breaks something with your command `inject`, probes the service all the time, and puts it back with
`restore`. An outage is the time without an answer between two answers; `outage.hi` is its upper bound. A guard, a process of its
own, restores even if shakedown is killed. Nothing is broken without `--allow-disruptive`. A lost write was acknowledged and is
not there afterwards (the recovery point, RPO): a stream that writes `{number}` finds it with `read_back`, as `writes.lost`.",
        ),
        topic(
            &["absent", "null"],
            "\
A fact that was not seen is absent. It satisfies `present: false` and nothing else: no limit, and no negation either. So a dead
server cannot satisfy `body: {excludes: error}`.",
        ),
        topic(
            &["outcome"],
            "\
The fact of every family that says in one word how the attempt ended: `connected`, `refused`, `timeout` and so on. Each
family expects its good outcome until a check names another one.",
        ),
        topic(
            &["family", "families"],
            "\
A kind of check: tcp, udp, icmp, http, dns, tls, throughput, failover. Each has fields that a suite may write, facts it can
see, and expectations that hold by default. IPv4 and IPv6 are called IP versions.",
        ),
        topic(
            &["variable", "variables", "var", "vars", "secret", "secrets", "env"],
            "\
`${name}` in a value stands for a variable of `vars`, which `--var name=value` and `--vars FILE` override.
`${name:-default}` gives a default, `${env.NAME}` an environment variable, `$${` a literal `${`. A name listed in
`secrets` is read from the environment and shown as `***` everywhere.",
        ),
        topic(
            &["unit", "units", "quantity", "quantities", "duration", "size"],
            "\
Numbers with a unit are written with it: `500ms`, `5s`, `21d`, `1472 B`, `1 MiB`, `100 Mbit/s`, `20 /s`, `0.5%`. A time
without a unit is refused. Reports have seconds, bytes, bit/s and shares of one.",
        ),
        shown(
            &["anchors", "anchor", "x-", "alias", "merge key"],
            "\
A key of the file that begins with `x-` is left alone. It is a place for YAML anchors: `&name` marks a map, `*name` repeats it, and
`<<: *name` takes over its keys. Within a check there are no `x-` keys: there every unknown key is an error.",
            "  - id: https
    tcp: &edge {host: www.example.test, port: 443, timeout: 2s}
  - id: http
    tcp: {<<: *edge, port: 80}
",
        ),
        shown(
            &["pattern", "glob", "regular expression"],
            "\
Two kinds. Where cases, facts or tags are chosen (`--only`, `--rule`, `--check`), a pattern is a glob: `*` stands for any characters,
`?` for one. Behind `matches` and `not_matches` it is a regular expression (syntax of the Rust crate `regex`, as RE2, without
look-around), which may match any part of the text; `(?i)` ignores case.",
            "  - id: banner
    tcp: {host: mail.example.test, port: 25, banner: true}
    expect: {banner: {matches: \"^220 .*(?i)esmtp\"}}
",
        ),
        shown(
            &["timeout", "patience"],
            "\
How long a check waits for an unresponsive peer (the default is in the table of its family, mostly `5s`). As an `outcome` it
says that nothing came within that time: the cause tells the address, the step that got no answer and the seconds. A dead host, a firewall
that drops and a full queue look alike; the console says which it is where it can be told. `budget` is something else: it bounds the whole
check with all attempts and rounds, and a check that exceeds it is errored.",
            "  - id: slow-path
    tcp: {host: 192.0.2.10, port: 443, timeout: 10s}
    budget: 1m
",
        ),
    ],
};
