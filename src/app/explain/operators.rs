//! The meaning of each operator, with an example: for `explain` and for `docs/operators.md`.

use std::fmt::Write as _;

use crate::model::Unit;
use crate::model::expectation::{Operator, Sort};

/// An example of an operator. A test plans it, and holds the values against it.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// Family and fields of the check, as a suite writes them.
    pub check: &'static str,
    /// The expectation, without the braces of `expect`.
    pub expect: &'static str,
    /// Values of the fact, as JSON, that hold.
    pub holds: &'static [&'static str],
    /// Values that do not.
    pub fails: &'static [&'static str],
}

impl Example {
    /// The check as an element of `checks`.
    #[must_use]
    pub fn yaml(&self) -> String {
        format!("  - id: example\n    {}\n    expect: {{{}}}\n", self.check, self.expect)
    }
}

/// The sorts of facts, with the words docs have for them.
pub const SORTS: &[(&str, Sort)] = &[
    ("yes or no", Sort::Bool),
    ("number", Sort::Number(Unit::Count)),
    ("text", Sort::Text),
    ("ordered word", Sort::Choice(&[])),
    ("list", Sort::List),
    ("time", Sort::Time),
    ("path into a document", Sort::Any),
];

const HTTP: &str = "http: {url: \"https://www.example.test/\"}";
const DNS: &str = "dns: {server: 192.0.2.53, name: www.example.test, type: A}";
const TLS: &str = "tls: {host: www.example.test, port: 443}";
const ICMP: &str = "icmp: {host: 192.0.2.10, count: 20}";
const MAIL: &str = "tcp: {host: mail.example.test, port: 25, banner: true}";

const fn example(
    check: &'static str,
    expect: &'static str,
    holds: &'static [&'static str],
    fails: &'static [&'static str],
) -> Example {
    Example { check, expect, holds, fails }
}

/// The example of an operator.
#[must_use]
pub const fn example_of(operator: Operator) -> Example {
    use Operator as Op;
    const ANSWER: &str = "[\"192.0.2.10\", \"192.0.2.11\"]";
    match operator {
        Op::Eq => example(HTTP, "status: {eq: 200}", &["200"], &["204", "301"]),
        Op::Ne => example(TLS, "version: {ne: TLS1.2}", &["\"TLS1.3\""], &["\"TLS1.2\""]),
        Op::Lt => example(ICMP, "loss: {lt: 5%}", &["0", "0.04"], &["0.05", "1"]),
        Op::Le => example(ICMP, "rtt.p95: {le: 20ms}", &["0.012", "0.02"], &["0.021"]),
        Op::Gt => example(TLS, "expires_in: {gt: 21d}", &["2592000"], &["1814400", "-3600"]),
        Op::Ge => example(TLS, "version: {ge: TLS1.2}", &["\"TLS1.2\"", "\"TLS1.3\""], &["\"TLS1.1\""]),
        Op::Between => example(HTTP, "status: {between: [200, 299]}", &["200", "299"], &["199", "301"]),
        Op::In => example(HTTP, "status: {in: [301, 308]}", &["301", "308"], &["200", "302"]),
        Op::NotIn => example(DNS, "rcode: {not_in: [SERVFAIL, REFUSED]}", &["\"NOERROR\""], &["\"SERVFAIL\""]),
        Op::Matches => example(
            HTTP,
            "body: {matches: \"release [0-9]+\"}",
            &["\"this is release 42\""],
            &["\"release candidate\""],
        ),
        Op::NotMatches => {
            example(HTTP, "body: {not_matches: \"(?i)error\"}", &["\"all is well\""], &["\"Error: no database\""])
        }
        Op::Contains => example(DNS, "answers: {contains: [192.0.2.10]}", &[ANSWER], &["[\"192.0.2.11\"]", "[]"]),
        Op::Excludes => example(DNS, "answers: {excludes: [192.0.2.9]}", &[ANSWER], &["[\"192.0.2.9\"]"]),
        Op::Exactly => {
            let expect = "answers: {exactly: [192.0.2.11, 192.0.2.10]}";
            example(DNS, expect, &[ANSWER], &["[\"192.0.2.10\"]", "[\"192.0.2.10\", \"192.0.2.11\", \"192.0.2.12\"]"])
        }
        Op::Any => {
            let expect = "san: {any: {matches: \"[.]example[.]test$\"}}";
            example(TLS, expect, &["[\"www.example.test\", \"other.test\"]"], &["[\"other.test\"]", "[]"])
        }
        Op::All => {
            let expect = "san: {all: {matches: \"example[.]test$\"}}";
            example(
                TLS,
                expect,
                &["[\"example.test\", \"www.example.test\"]"],
                &["[\"example.test\", \"other.test\"]", "[]"],
            )
        }
        Op::None => {
            let expect = "san: {none: {matches: \"^[*][.]\"}}";
            example(TLS, expect, &["[\"www.example.test\"]", "[]"], &["[\"www.example.test\", \"*.example.test\"]"])
        }
        Op::Len => example(DNS, "answers: {len: {ge: 2}}", &[ANSWER], &["[\"192.0.2.10\"]", "[]"]),
        Op::Present => {
            let expect = "headers.strict-transport-security: {present: true}";
            example(HTTP, expect, &["\"max-age=31536000\""], &["null"])
        }
        Op::AllOf => {
            let expect = "banner: {all_of: [{matches: \"^220 \"}, {contains: ESMTP}]}";
            example(MAIL, expect, &["\"220 mail.example.test ESMTP\""], &["\"220 mail.example.test\"", "\"554 ESMTP\""])
        }
        Op::AnyOf => {
            let expect = "status: {any_of: [{eq: 200}, {between: [301, 308]}]}";
            example(HTTP, expect, &["200", "302"], &["204", "500"])
        }
        Op::Not => example(HTTP, "status: {not: {between: [500, 599]}}", &["200", "404"], &["503"]),
    }
}

/// The verdict of an operator on a fact that is not there.
#[must_use]
pub const fn of_absent(operator: Operator) -> &'static str {
    match operator {
        Operator::Present => "holds for `present: false`, and only for that",
        Operator::AnyOf => "does not hold, unless one of the conditions is `present: false`",
        Operator::AllOf => "does not hold, unless every condition is `present: false`",
        _ => "does not hold",
    }
}

/// An operator in the terminal.
pub(super) fn text(operator: Operator) -> String {
    let example = example_of(operator);
    let fits: Vec<&str> = SORTS.iter().filter(|(_, sort)| operator.fits(*sort)).map(|(word, _)| *word).collect();
    let mut out = format!("{}  an operator of `expect`\n  {}\n", operator.word(), operator.meaning());
    let _ = writeln!(out, "  written    {}: {}", operator.word(), operator.operand().wants());
    let _ = writeln!(out, "  fits       {}", fits.join(", "));
    let _ = writeln!(out, "  absent     of a fact that is not there it {}", of_absent(operator));
    let _ = writeln!(out, "  example    expect: {{{}}}", example.expect);
    let _ = writeln!(out, "  holds of   {}", example.holds.join(" and of "));
    let _ = writeln!(out, "  not of     {}", example.fails.join(" or "));
    out
}
