//! `shakedown explain suite`: the file format, from the tables that validate it.

use std::fmt::Write as _;

use super::fields;
use super::operators::SORTS;
use super::sections::{DOCUMENTS, TOGETHER};
use crate::checks::FAMILIES;
use crate::model::Unit;
use crate::model::fact::{SETTLED_IN, STATISTICS};
use crate::model::quantity;
use crate::suite::tables;

pub(in crate::app) const INTRO: &str = "\
# suite

YAML 1.2: `22:22`, `no` and `1.10` stay what they look like. Everything is validated before anything is sent, and every error is reported
with its place. `${name}` stands for a variable, a declared secret, `${matrix.key}` or `${env.NAME}`; `${name:-default}` gives a default,
`$${` is a literal `${`. Variables are replaced inside values, never in keys, and never as raw text of the file.
";

pub(in crate::app) const EXPECT: &str = "\
## expect

Each entry names a fact and what must hold for it: a bare value (equal), or a map of operators, all of which must hold. A part of a
distribution is a fact (`rtt.p95`), and so is a path into a document (`body.json.status`, `headers.server`). With several rounds a fact
must hold in each. An absent fact satisfies only `present: false`. What cannot be compared (a text with a number) satisfies neither
a test nor its negation. An expectation that cannot fail (`matches: \".*\"`, `len: {ge: 0}`) or can never hold is refused, and so is a value
that the fact can never have: `answers: {excludes: mail.example.}` would always hold for MX records.

Values are compared as what they are, here, in `wanted`, in loads and in `shakedown compare`:
- names without case and final dot, escapes by value, `bücher.example` as `xn--bcher-kva.example`; addresses by value;
- record data by its type: texts with or without quotes, hexadecimal and base64 whatever their blanks, tags of CAA without case; case counts
  in texts;
- fingerprints, serials and pins in hexadecimal without case, colons and blanks, pins in base64 too; cipher suites by OpenSSL's names too,
  groups and keys by NIST's; distinguished names as `C=US, O=a`, `O=a,C=US` or `/C=US/O=a`; URLs, media types and headers that are words;
- header values that are numbers as numbers; versions as versions (`TLSv1.2` is `TLS1.2`, `1.10` comes after `1.9`), also below `headers.server`
  and, as texts, in documents: `body.json.version: {ge: \"1.9.0\"}`;
- numbers of documents exactly, with any number of digits. A text is not a number: `5` and `\"5\"` differ, and the message says so. `matches` and
  `len` look at the text as it is shown.

The family's defaults stay in force in addition to what a check writes: `{total_time.p95: {lt: 500ms}}` alone still wants a status from 200
to 299. `shakedown plan` and every report show each expectation and where it comes from.
- A default is replaced when the check says what else that fact should be. `ne`, `not`, `not_in`, `not_matches`, `excludes`, `none` and `all`
  say only what it should not be, and add to the default; so does a bound on the side the default leaves open (`len: {le: 4}` beside
  `len: {ge: 1}`). What then cannot hold together is refused.
- `FACT: {present: true}` accepts any value on purpose, such as an expired certificate that is looked at. `{present: false}` replaces a default
  only beside a named `outcome`.
- An `outcome` is named alone or as a list: `outcome: {in: [refused, reset]}`. If the successful outcome is not among them, the defaults that
  depend on success are off; if it is, they apply where the outcome was the successful one. Other facts depend on each other in the same
  way: with `rcode: NXDOMAIN` nothing is expected of `answers`.
";

pub(in crate::app) const SILENCE: &str = "\
## Silence

A dead host, a cut path and a dropped packet look alike. So an outcome such as `timeout`, `silent` or `unreachable` counts only with a
control: `control: CHECK` names a check of this run (`suite/check` for another file) that gets an answer from the same host by the same IP
version, or from another host and the same `source` where the host is meant to be cut off. A check in `needs` that is about the same host is
a control by itself. The control must get an answer from the host itself: what a resolver (`unresolved`) or a router on the way
(`time_exceeded`, `too_big`) answers says nothing about the host. After the silent checks their controls run once more. If one fails,
reached another address (of another host: another IP version), or its host took longer to answer than the silent check waited, the silent
check is errored. So is one whose SYN this host itself drops. `needs` and `control` may name cells: `\"alive[site=${matrix.site}]\"` is
every cell with this site.
";

pub(in crate::app) const ANCHORS: &str = "\
## Anchors

A key of the file that begins with `x-` is left alone, so that YAML anchors have a place; `<<` takes over the keys of a map. An anchor holds within
its own file. Within a check every key counts: one that begins with `x-` is unknown there, as a misspelt one is.

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

Timings describe the target and the path, not this host. Times to connect are the kernel's round trip of the SYN, times of datagrams end
with its stamp. Where a SYN had to be sent again, the wait is part of `connect_time`, and a line of evidence says so. Other timings end when
this program gets to run. A sample that may contain more than 5 ms, and more than a twentieth, of this host's own delay is `late_here`: it
is counted in the report, but neither compared nor judged. If all samples are late, an upper limit that they keep holds, and anything else
is errored. Checks dial one address two at a time, whatever `--jobs` says; the wait is part of no timing and no `timeout`. Loads and probe
streams do not wait. A program that was stopped, or a machine that was asleep, saw nothing. An answer that came meanwhile is seen; anything
else, and every schedule, load and check with several rounds, is errored, and the reason says how many seconds are missing.
";

/// The reference of the suite format.
pub(super) fn text() -> String {
    let mut out = String::from(INTRO);
    for (title, table) in [
        ("The file", tables::SUITE),
        ("defaults", tables::DEFAULTS),
        ("A check, besides its family", tables::CHECK),
        ("eventually", tables::EVENTUALLY),
        ("baseline, per fact", tables::BASELINE),
    ] {
        let _ = writeln!(out, "\n## {title}\n");
        let flat: Vec<_> =
            table.iter().map(|field| crate::model::FieldInfo { kind: shallow(field.kind), ..*field }).collect();
        fields::list(&mut out, &flat, 0);
    }
    let names: Vec<&str> = FAMILIES.iter().map(|family| family.name).collect();
    let _ = writeln!(out, "\nfamilies: {} (shakedown explain FAMILY)\n\n{EXPECT}", names.join(", "));
    for (words, sort) in SORTS {
        let _ = writeln!(out, "  {words:<24} {}", super::operators_of(*sort, " "));
    }
    let _ = writeln!(out, "\nparts of a distribution: {}", STATISTICS.join(", "));
    let _ = writeln!(
        out,
        "{}: {}\n\n{ANCHORS}\n{DOCUMENTS}\n{TOGETHER}\n{SILENCE}\n{TIMINGS}",
        SETTLED_IN.name, SETTLED_IN.help
    );
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
