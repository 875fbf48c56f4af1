//! `shakedown explain suite`: the file format, from the tables that validate it.

use std::fmt::Write as _;

use super::fields;
use super::layout::unwrapped;
use super::operators::SORTS;
use super::sections::{DOCUMENTS, TOGETHER};
use crate::checks::FAMILIES;
use crate::model::fact::{FactKeys, STATISTICS};
use crate::model::quantity;
use crate::model::{FieldInfo, Unit};
use crate::suite::tables;

pub(in crate::app) const INTRO: &str = "\
# suite

A suite is a file of YAML 1.2 (`22:22`, `no` and `1.10` stay what they look like). Everything is validated before anything is sent, and
every error is reported with its place and, where that is known, with the line to write instead. Words of other tools (`equals`, `status_code`,
`ping`) are recognised in these errors. An unknown key is an error.

In a value, `${name}` stands for a variable of `vars` or a secret of `secrets`, `${matrix.key}` for the value in this cell of the matrix
(`${matrix.key.host}` for a part of a target that another check finds: `shakedown explain targets`),
`${env.NAME}` for an environment variable, and in the fields of a check `${checks.ID.NAME}` for what the check ID captures as NAME.
`${name:-default}` gives a default, and `$${` is a literal `${`. A value with a variable needs quotes: `host: \"${vip}\"`. Variables are
replaced inside values, never in keys, and never as raw text of the file.
";

pub(in crate::app) const EXPECT: &str = "\
## expect

Each entry names a fact and what must hold for it: a bare value (equal), or a map of operators, all of which must hold. A part of a
distribution is a fact (`rtt.p95`), and so is a path into a document (`body.json.status`, `headers.server`). With several rounds a fact
must hold in each. An absent fact satisfies only `present: false`. What cannot be compared (a text with a number) satisfies neither
a test nor its negation. An expectation that cannot fail (`matches: \".*\"`, `len: {ge: 0}`) or can never hold is refused, and so is a value
that the fact can never have: `answers: {excludes: mail.example.}` would always hold for MX records.

Values are compared by what they mean and not as text, here, in `wanted`, in loads and in `shakedown compare`:
- names: case and a final dot are ignored, escapes are compared by value, and `bücher.example` is `xn--bcher-kva.example`; addresses by value;
- record data by its type: texts with or without quotes, hexadecimal and base64 with or without blanks, tags of CAA in any case; in texts
  case counts;
- fingerprints, serials and pins in hexadecimal: in any case, with or without colons and blanks, pins in base64 too; cipher suites also by
  OpenSSL's names, groups and keys also by NIST's; distinguished names as `C=US, O=a`, `O=a,C=US` or `/C=US/O=a`; URLs, media types and
  headers that are words in any case;
- header values that are numbers as numbers; versions as versions (`TLSv1.2` is `TLS1.2`, `1.10` comes after `1.9`), also below `headers.server`
  and, as texts, in documents: `body.json.version: {ge: \"1.9.0\"}`;
- numbers of documents exactly, with any number of digits. A text is not a number: `5` and `\"5\"` differ, and the message says so. `matches` and
  `len` look at the text as it is shown.

The family's defaults stay in force in addition to what a check writes: `{total_time.p95: {lt: 500ms}}` alone still wants a status from 200
to 299. `shakedown plan` and every report show each expectation and where it comes from.
- A default is replaced when the check says what else that fact should be. `ne`, `not`, `not_in`, `not_matches`, `excludes`, `none` and `all`
  say only what it should not be, and add to the default; so does a bound on the side the default leaves open (`len: {le: 4}` beside
  `len: {ge: 1}`). What then cannot hold together is refused.
- `FACT: {present: true}` accepts any value on purpose: `verified: {present: true}` looks at a certificate that has expired. `{present: false}`
  replaces a default only beside a named `outcome`.
- An `outcome` is named alone or as a list: `outcome: {in: [refused, reset]}`. If the successful outcome is not among them, the defaults that
  depend on success are off; if it is, they apply where the outcome was the successful one. Other facts depend on each other in the same
  way: with `rcode: NXDOMAIN` nothing is expected of `answers`.
";

pub(in crate::app) const SILENCE: &str = "\
## Silence

A dead host, a cut path and a dropped packet look alike. So an outcome such as `timeout`, `silent` or `unreachable` counts only with a
control: a check of this run that gets an answer.

```yaml
  - id: web
    tcp: {host: 192.0.2.10, port: 443}
  - id: database-closed
    tcp: {host: 192.0.2.10, port: 5432}
    expect: {outcome: {in: [refused, timeout]}}
    control: web
```

- `control: CHECK` names a check of this suite, `suite/check` one of another suite of the run, `\"alive[site=${matrix.site}]\"` every cell with
  this site. A check in `needs` that is about the same host is a control by itself.
- The control asks the same host by the same IP version and `interface`. Where the host is meant to be cut off, it asks another host, from the same `source`.
- It must get an answer from the host itself. What a resolver (`unresolved`) or a router on the way (`time_exceeded`, `too_big`) answers says
  nothing about the host.
- After the silent checks their controls run once more. The silent check is errored if its control fails then, if it reached another address
  (for another host: another IP version), or if its host took longer to answer than the silent check waited.
- A silent check whose packets this host itself drops is errored, too.
";

pub(in crate::app) const ANCHORS: &str = "\
## Anchors

A key of the file that begins with `x-` is left alone: it is a place for YAML anchors. `&edge` names a map, `*edge` repeats it, and `<<: *edge` takes
over its keys. An anchor is known within its own file only. Within a check there are no `x-` keys: there every unknown key is an error.

```yaml
version: 1
suite: edge
x-edge: &edge {host: www.example.com, timeout: 2s}
checks:
  - id: https
    tcp: {<<: *edge, port: 443}
  - id: http
    tcp: {<<: *edge, port: 80}
```
";

pub(in crate::app) const TIMINGS: &str = "\
## Timings

Timings describe the target and the path, not this host.

- `connect_time` is the kernel's round trip of the SYN, and times of datagrams end with the kernel's timestamp. Where a SYN had to be sent
  again, the wait is part of `connect_time`, and a line of evidence says so. Other timings end when this program gets to run.
- A sample that may contain more than 5 ms of this host's own delay, and more than a twentieth of the sample, is `late_here`: the report counts
  it, and it is neither compared nor judged. If all samples are late, an upper limit that they keep holds, and anything else is errored.
- At most two checks connect to one address at a time, whatever `--jobs` says; the wait is part of no timing and no `timeout`. Loads and
  the probes of `failover` do not wait.
- While the program was stopped or the machine asleep, nothing was watched. An answer that came meanwhile is seen. Anything else, and every
  schedule, load and check with several rounds, is errored, and the reason says how many seconds are missing.
";

/// The tables of keys, with their headings; `docs/suite.md` has the same.
pub(in crate::app) const TABLES: &[(&str, &[FieldInfo])] = &[
    ("The file", tables::SUITE),
    ("defaults", tables::DEFAULTS),
    ("A check, besides its family", tables::CHECK),
    ("capture, per value", tables::CAPTURE),
    ("eventually", tables::EVENTUALLY),
    ("baseline, per fact", tables::BASELINE),
];

/// The sections behind the operators; `docs/suite.md` has the same.
pub(in crate::app) const SECTIONS: &[&str] = &[ANCHORS, DOCUMENTS, TOGETHER, SILENCE, TIMINGS];

/// The reference of the suite format.
pub(super) fn text() -> String {
    let mut out = unwrapped(INTRO);
    for (title, table) in TABLES {
        let _ = writeln!(out, "\n## {title}\n");
        let flat: Vec<_> = table.iter().map(|field| FieldInfo { kind: shallow(field.kind), ..*field }).collect();
        fields::list(&mut out, &flat, 0);
    }
    let names: Vec<&str> = FAMILIES.iter().map(|family| family.name).collect();
    let _ = writeln!(out, "\nfamilies: {} (shakedown explain FAMILY)\n\n{}", names.join(", "), unwrapped(EXPECT));
    for (words, sort) in SORTS {
        let _ = writeln!(out, "  {words:<24} {}", super::operators_of(*sort, " "));
    }
    let _ = writeln!(out, "\nparts of a distribution: {}", STATISTICS.join(", "));
    for fact in FactKeys::ALL.facts() {
        let _ = writeln!(out, "{}: {}", fact.name, fact.help);
    }
    let _ = writeln!(out, "\n{}", unwrapped(&SECTIONS.join("\n")));
    let _ = writeln!(out, "## Quantities\n");
    for unit in [Unit::Seconds, Unit::Bytes, Unit::BitsPerSecond, Unit::PerSecond, Unit::Ratio] {
        let _ =
            writeln!(out, "  {:<10} such as {:<10} units: {}", unit.symbol(), unit.example(), quantity::names(unit));
    }
    out
}

/// Groups of the file have sections of their own.
pub(in crate::app) const fn shallow(kind: crate::model::FieldKind) -> crate::model::FieldKind {
    match kind {
        crate::model::FieldKind::Group(_) => crate::model::FieldKind::Map(&crate::model::FieldKind::Text),
        other => other,
    }
}
