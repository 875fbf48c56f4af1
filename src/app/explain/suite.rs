//! `shakedown explain suite`: the file format, from the tables that validate it.

use std::fmt::Write as _;

use super::fields;
use crate::checks::FAMILIES;
use crate::model::Unit;
use crate::model::expectation::Sort;
use crate::model::fact::{SETTLED_IN, STATISTICS};
use crate::model::quantity;
use crate::suite::tables;

const INTRO: &str = "\
# suite

YAML 1.2: `22:22`, `no` and `1.10` stay what they look like. Everything is validated, and every error told with its place, before
anything is sent. `${name}` stands for a variable, a declared secret, `${matrix.key}` or `${env.NAME}`; `${name:-default}` gives a
default, `$${` is a literal `${`. Variables are replaced inside values, never in keys, and never as text of the file.
";

const EXPECT: &str = "\
## expect

Each entry names a fact and what must hold of it: a bare value (equal), or a map of operators, all of which must hold. A part of a
distribution is a fact (`rtt.p95`), and so is a path into a document (`body.json.status`, `headers.server`). With several rounds a fact
must hold in each. An absent fact satisfies nothing but `present: false`, and a check whose expectations would all hold for a dead target is
refused. What cannot be compared (a text with a number) satisfies neither a test nor its negation. Without `expect` the family's defaults hold.
";

/// The reference of the suite format.
pub(super) fn text() -> String {
    let mut out = String::from(INTRO);
    for (title, table) in [
        ("The file", tables::SUITE),
        ("defaults", tables::DEFAULTS),
        ("A check, besides its family", tables::CHECK),
        ("eventually", tables::EVENTUALLY),
        ("baseline, per metric", tables::BASELINE),
    ] {
        let _ = writeln!(out, "\n## {title}\n");
        let flat: Vec<_> =
            table.iter().map(|field| crate::model::FieldInfo { kind: shallow(field.kind), ..*field }).collect();
        fields::list(&mut out, &flat, 0);
    }
    let names: Vec<&str> = FAMILIES.iter().map(|family| family.name).collect();
    let _ = writeln!(out, "\nfamilies: {} (shakedown explain FAMILY)\n\n{EXPECT}", names.join(", "));
    for (words, sort) in [
        ("yes or no", Sort::Bool),
        ("numbers", Sort::Number(Unit::Count)),
        ("texts", Sort::Text),
        ("ordered words (rcode, TLS version)", Sort::Choice(&[])),
        ("lists", Sort::List),
        ("times", Sort::Time),
        ("paths into documents", Sort::Any),
    ] {
        let _ = writeln!(out, "  {words:<36} {}", super::operators(sort, " "));
    }
    let _ = writeln!(out, "\nparts of a distribution: {}", STATISTICS.join(", "));
    let _ = writeln!(out, "{}: {}", SETTLED_IN.name, SETTLED_IN.help);
    let _ = writeln!(out, "\n## Quantities\n");
    for unit in [Unit::Seconds, Unit::Bytes, Unit::BitsPerSecond, Unit::PerSecond, Unit::Ratio] {
        let _ =
            writeln!(out, "  {:<10} such as {:<10} units: {}", unit.symbol(), unit.example(), quantity::names(unit));
    }
    out
}

/// Groups of the file have sections of their own.
const fn shallow(kind: crate::model::FieldKind) -> crate::model::FieldKind {
    match kind {
        crate::model::FieldKind::Group(_) => crate::model::FieldKind::Map(&crate::model::FieldKind::Text),
        other => other,
    }
}
