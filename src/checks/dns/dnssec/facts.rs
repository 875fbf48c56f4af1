//! The facts of a validation.

use crate::model::table::facts;
use crate::model::typed::Form;
use crate::model::{Choice, Fact, Rows, Rule, TimeOf, Unit};
use crate::proto::dns::presentation;
use crate::proto::dnssec::{ALGORITHM_NAMES, Reason};

const REASONS: &[&str] = &[
    "expired",
    "not_yet_valid",
    "never_valid",
    "ds_mismatch",
    "missing_rrsig",
    "missing_denial",
    "bad_signature",
    "unsupported_algorithm",
    "no_answer",
    "no_anchor",
    "nsec3_iterations",
    "too_much_work",
    "opinions_differ",
];
/// Advice by reason.
const REMEDIES: &[(&str, &str)] = &[
    (
        "expired",
        "sign the zone again, now, and look why the signer did not: its cron, its keys, a secondary that no longer transfers",
    ),
    (
        "not_yet_valid",
        "compare the clocks of the signer and of this host (`timedatectl`): signatures begin in the future",
    ),
    (
        "never_valid",
        "inception after expiration: look at the validity the signer is set to and at its clock, then sign the zone again",
    ),
    (
        "ds_mismatch",
        "the parent's DS names no key of the zone: publish the DS of the key in use, or bring that key back; resolvers fail now",
    ),
    ("missing_rrsig", "sign the set with the key that is trusted: is the zone loaded as signed, on this server too?"),
    (
        "missing_denial",
        "sign the zone again so that NSEC or NSEC3 cover the name, and load it whole: see the evidence for what is missing",
    ),
    (
        "bad_signature",
        "data and signature differ: changed after signing, or signed by a key that is not published; sign the zone again",
    ),
    (
        "unsupported_algorithm",
        "resolvers treat the zone as unsigned or broken: sign it with ECDSAP256SHA256, and publish a DS with SHA-256",
    ),
    (
        "no_answer",
        "ask a server that answers for the whole chain from the anchor, or a resolver; the evidence names the question",
    ),
    ("no_anchor", "an alias leads out of the trust anchors: add one that is above its target"),
    (
        "nsec3_iterations",
        "validators count the zone as unsigned: sign it again with 0 extra iterations and without salt (RFC 9276)",
    ),
    ("too_much_work", "the zone takes more than any sound one: look for keys of one tag and floods of signatures"),
    (
        "opinions_differ",
        "two validators disagree: see both in the evidence, hold them against `delv +vtrace`, and tell us",
    ),
];
const DS_DIFFERS: &str = "compare the parent's DS with the zone's keys: `ds.unmatched` and `dnssec.keys`";
const CDS_DIFFERS: &str = "CDS or CDNSKEY and keys or DS differ: look at the state of the rollover on the signer";
const NSEC3_PARAMETERS: &str =
    "RFC 9276: no extra iterations, no salt, and opt-out only for very large delegation zones";

facts! { pub(in crate::checks::dns) FACTS;
    pub(super) const VERDICT: Fact<Choice> = Fact::choice(
        "dnssec.verdict",
        &["secure", "insecure", "indeterminate", "bogus"],
        "Result of validation from the trust anchor (RFC 4035 section 4.3); for a chain of aliases, that of the worst link.",
    )
    .lifted_by(&["dnssec.reason"])
    .on_breach(
        "the name counts as unsigned: does its parent publish a DS for it? the evidence says where the chain ends",
    );
    pub(super) const REASON: Fact<Choice> = Fact::choice(
        "dnssec.reason",
        REASONS,
        "Why the verdict is not `secure`; absent when it is, and when a zone is unsigned on purpose.",
    )
    .advice(REMEDIES)
    .failure();
    pub(super) const SECOND_OPINION: Fact<Choice> = Fact::choice(
        "dnssec.second_opinion",
        &["agrees", "differs", "none"],
        "Result of the validator of the `domain` crate for the same messages; `none` if it cannot judge them.",
    );
    pub(super) const QUERIES: Fact<i64> =
        Fact::integer("dnssec.queries", Unit::Count, "Number of additional queries.");
    pub(super) const ALGORITHMS: Fact<Vec<String>> =
        Fact::list("dnssec.algorithms", "Algorithms of the signatures on the path that hold.").form(Form::Data(&ALGORITHM_NAMES));
    pub(super) const KEYS: Fact<Vec<String>> =
        Fact::list("dnssec.keys", "Keys of the zones on the path: zone, tag, algorithm, flags.").form(Form::Data(&presentation::MIXED));
    pub(super) const DENIAL: Fact<Choice> = Fact::choice(
        "dnssec.denial",
        &["nsec", "nsec3"],
        "How the absence of the name, its type or a closer match is proven; absent when nothing had to be proven.",
    );
    pub(super) const EXPIRES_IN: Fact<f64> = Fact::number(
        "rrsig.expires_in",
        Unit::Seconds,
        "Time from validation until the first record set of the path has no valid signature left (of each set the signature that is valid longest, so that a key roll changes nothing); negative after that.",
    ).lasting(TimeOf::Validity)
    .on_breach("sign the zone again and look why the signer is late: `rrsig.sets` tells which set ends first");
    pub(super) const AGE: Fact<f64> = Fact::number(
        "rrsig.inception_age",
        Unit::Seconds,
        "From the inception of the youngest signature of the path to the time of validation; negative before it.",
    ).lasting(TimeOf::Validity);
    pub(super) const SETS: Fact<Rows> =
        Fact::table("rrsig.sets", "set", "Record sets of the path, by owner and type (`www.example. A`).");
    pub(super) const SET_EXPIRES_IN: Fact<f64> = Fact::number(
        "rrsig.sets.expires_in",
        Unit::Seconds,
        "Time until the set has no valid signature left: of each set the signature that is valid longest.",
    )
    .lasting(TimeOf::Validity)
    .column();
    pub(super) const DS_MATCH: Fact<bool> = Fact::flag(
        "ds.match",
        "Every zone of the path has a DNSKEY that the trust anchor or a DS of its parent names.",
    )
    .on_breach(DS_DIFFERS);
    pub(super) const DS_UNMATCHED: Fact<Vec<String>> = Fact::list(
        "ds.unmatched",
        "DS records and anchors of the path that name no DNSKEY: zone, tag, algorithm, digest type.",
    )
    .on_breach(DS_DIFFERS).form(Form::Data(&presentation::MIXED));
    pub(super) const ITERATIONS: Fact<i64> = Fact::integer(
        "nsec3.iterations",
        Unit::Count,
        "Additional iterations of NSEC3 on the path; 0 is right (RFC 9276), above 150 a zone counts as unsigned.",
    )
    .ruled(Rule::Same)
    .on_breach(NSEC3_PARAMETERS);
    pub(super) const SALT: Fact<String> =
        Fact::text("nsec3.salt", "Salt of NSEC3 in hexadecimal, `-` for none (as it should be).")
            .on_breach(NSEC3_PARAMETERS).form(Form::Hex);
    pub(super) const OPT_OUT: Fact<bool> =
        Fact::flag("nsec3.opt_out", "An NSEC3 record of the path has opt-out.").on_breach(NSEC3_PARAMETERS);
    pub(super) const CDS_MATCH: Fact<bool> = Fact::flag(
        "cds.match",
        "CDS and CDNSKEY of the last zone are signed, name keys it has, and name the same; absent when there are none.",
    )
    .on_breach(CDS_DIFFERS);
    pub(super) const CDS_PENDING: Fact<bool> = Fact::flag(
        "cds.pending",
        "CDS or CDNSKEY of the last zone name other keys than its parent's DS: the parent has not followed yet.",
    )
    .on_breach(CDS_DIFFERS);
    pub(super) const EXPIRE_MARGIN: Fact<f64> = Fact::number(
        "soa.expire_margin",
        Unit::Seconds,
        "How much longer signatures of the last zone's SOA and DNSKEY hold than its secondaries serve it without their \
         primary (SOA expire); negative: they would serve expired ones.",
    ).lasting(TimeOf::Validity)
    .on_breach("secondaries would outlive their signatures: sign earlier, or shorten the SOA's expire");
}

/// The word of a reason.
pub(super) const fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::Expired => "expired",
        Reason::NotYetValid => "not_yet_valid",
        Reason::NeverValid => "never_valid",
        Reason::DsMismatch => "ds_mismatch",
        Reason::MissingRrsig => "missing_rrsig",
        Reason::MissingDenial => "missing_denial",
        Reason::BadSignature => "bad_signature",
        Reason::UnsupportedAlgorithm => "unsupported_algorithm",
        Reason::NoAnswer => "no_answer",
        Reason::NoAnchor => "no_anchor",
        Reason::Nsec3Iterations => "nsec3_iterations",
        Reason::TooMuchWork => "too_much_work",
        Reason::OpinionsDiffer => "opinions_differ",
    }
}
