//! What validation can see.

use crate::model::{Choice, Fact, FactInfo, Rule, Unit, Value};
use crate::proto::dnssec::Reason;

pub(super) const VERDICT: Fact<Choice> = Fact::choice(
    "dnssec.verdict",
    &["secure", "insecure", "indeterminate", "bogus"],
    "What follows from the trust anchor (RFC 4035 section 4.3); of a chain of aliases that of the worst link.",
);
const REASONS: &[&str] = &[
    "expired",
    "not_yet_valid",
    "ds_mismatch",
    "missing_rrsig",
    "missing_denial",
    "bad_signature",
    "unsupported_algorithm",
    "no_answer",
    "no_anchor",
    "too_much_work",
    "opinions_differ",
];
pub(super) const REASON: Fact<Choice> = Fact::choice(
    "dnssec.reason",
    REASONS,
    "Why the verdict is not `secure`; absent when it is, and when a zone is unsigned on purpose.",
);
pub(super) const OPINION: Fact<Choice> = Fact::choice(
    "dnssec.second_opinion",
    &["agrees", "differs", "none"],
    "What the validator of the `domain` crate says of the same messages; `none` when it cannot judge them.",
);
pub(super) const QUERIES: Fact<i64> =
    Fact::integer("dnssec.queries", Unit::Count, "Queries sent beside the ordinary ones.");
pub(super) const ALGORITHMS: Fact<Vec<String>> =
    Fact::list("dnssec.algorithms", "Algorithms of the signatures on the path that hold.");
pub(super) const KEYS: Fact<Vec<String>> =
    Fact::list("dnssec.keys", "Keys of the zones on the path: zone, tag, algorithm, flags.");
pub(super) const DENIAL: Fact<Choice> = Fact::choice(
    "dnssec.denial",
    &["nsec", "nsec3"],
    "How it is proven that the name, its type or a closer match does not exist; absent when nothing had to be.",
);
pub(super) const EXPIRES_IN: Fact<f64> = Fact::number(
    "rrsig.expires_in",
    Unit::Seconds,
    "From the time of validation until the first signature of the path expires; negative after it did.",
);
pub(super) const AGE: Fact<f64> = Fact::number(
    "rrsig.inception_age",
    Unit::Seconds,
    "From the inception of the youngest signature of the path to the time of validation; negative before it.",
);
pub(super) const SETS: Fact<Value> =
    Fact::object("rrsig.sets", "`rrsig.expires_in` of each set of the path, by owner and type.").ruled(Rule::Ignore);
pub(super) const DS_MATCH: Fact<bool> =
    Fact::flag("ds.match", "Every zone of the path has a DNSKEY that the trust anchor or a DS of its parent names.");
pub(super) const DS_UNMATCHED: Fact<Vec<String>> = Fact::list(
    "ds.unmatched",
    "DS records and anchors of the path that name no DNSKEY: zone, tag, algorithm, digest type.",
);
pub(super) const ITERATIONS: Fact<i64> = Fact::integer(
    "nsec3.iterations",
    Unit::Count,
    "Additional iterations of NSEC3 on the path; 0 is right (RFC 9276), above 150 a zone counts as unsigned.",
)
.ruled(Rule::Same);
pub(super) const SALT: Fact<String> =
    Fact::text("nsec3.salt", "Salt of NSEC3 in hexadecimal, `-` for none (as it should be).");
pub(super) const OPT_OUT: Fact<bool> = Fact::flag("nsec3.opt_out", "An NSEC3 record of the path has opt-out.");
pub(super) const CDS_MATCH: Fact<bool> = Fact::flag(
    "cds.match",
    "CDS and CDNSKEY of the last zone are signed, name keys it has, and name the same; absent when there are none.",
);
pub(super) const CDS_PENDING: Fact<bool> = Fact::flag(
    "cds.pending",
    "CDS or CDNSKEY of the last zone name other keys than its parent's DS: the parent has not followed yet.",
);
pub(super) const EXPIRE_MARGIN: Fact<f64> = Fact::number(
    "soa.expire_margin",
    Unit::Seconds,
    "How much longer signatures of the last zone's SOA and DNSKEY hold than its secondaries serve it without their \
     primary (SOA expire); negative: they would serve expired ones.",
);

pub(in super::super) const FACTS: &[FactInfo] = &[
    VERDICT.info,
    REASON.info,
    OPINION.info,
    QUERIES.info,
    ALGORITHMS.info,
    KEYS.info,
    DENIAL.info,
    EXPIRES_IN.info,
    AGE.info,
    SETS.info,
    DS_MATCH.info,
    DS_UNMATCHED.info,
    ITERATIONS.info,
    SALT.info,
    OPT_OUT.info,
    CDS_MATCH.info,
    CDS_PENDING.info,
    EXPIRE_MARGIN.info,
];

/// The word of a reason.
pub(super) const fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::Expired => "expired",
        Reason::NotYetValid => "not_yet_valid",
        Reason::DsMismatch => "ds_mismatch",
        Reason::MissingRrsig => "missing_rrsig",
        Reason::MissingDenial => "missing_denial",
        Reason::BadSignature => "bad_signature",
        Reason::UnsupportedAlgorithm => "unsupported_algorithm",
        Reason::NoAnswer => "no_answer",
        Reason::NoAnchor => "no_anchor",
        Reason::TooMuchWork => "too_much_work",
        Reason::OpinionsDiffer => "opinions_differ",
    }
}
