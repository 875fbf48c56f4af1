//! Default expectations of surveys, and the facts each part of one adds.

use super::facts::{
    EDNS, HEADER, NEGATIVE, PROPAGATION, QNAME_CASE, RECURSION, SURVEY, TCP, TRANSFER, TRUNCATION, VERSION, ZONE,
};
use super::fields::{ANSWERS, AUTHORITATIVE, BEST_PRACTICE, PROBES, Probe, WANTED};
use super::rules;
use crate::checks::dns::fields::{NAME, SERVER, TYPE};
use crate::model::Args;
use crate::probe::Mode;

/// Mismatches with the parent fail where they can be seen; a parent that serves the zone itself does not show them.
const EXPECT_ZONE: &str = "authoritative: true\nlame: {len: 0}\nsoa.several: {len: 0}\n\
                           parent.failed: {any_of: [{len: 0}, {present: false}]}\n\
                           ns.agree: {any_of: [{eq: true}, {present: false}]}\n\
                           glue.agree: {any_of: [{eq: true}, {present: false}]}";

/// A zone without DS is unsigned, which is no fault.
const EXPECT_SIGNING: &str = "ds.agree: {any_of: [{eq: true}, {present: false}]}\n\
                              dnskey.unmatched: {any_of: [{len: 0}, {present: false}]}";

/// Of a zone that is signed somewhere.
const EXPECT_DNSSEC: &str = "rrsig.unsound: {any_of: [{len: 0}, {present: false}]}\n\
                             rrsig.algorithm_missing: {any_of: [{len: 0}, {present: false}]}\n\
                             denial.unproven: {any_of: [{len: 0}, {present: false}]}";

/// RFC 8906 section 8.1.
const EXPECT_HEADER: &str = "header.opcode_ok: true\nheader.z_ok: true\nheader.ad_ok: true\nheader.cd_ok: true";

/// A server that speaks EDNS takes what it does not know as the standard says.
const EXPECT_EDNS: &str =
    "edns.supported: true\nedns.version_ok: true\nedns.unknown_option_ok: true\nedns.unknown_flag_ok: true";

/// A wildcard answers for any name, and a server that denies compactly says NODATA for it (RFC 9824).
const EXPECT_NEGATIVE: &str = "nxdomain: {in: [nxdomain, nodata, answer]}\nnodata: nodata\nnegative.soa: true\n\
                               empty_non_terminal: {any_of: [{in: [nodata, answer]}, {present: false}]}";

/// The modes, for the table of the family.
pub(in crate::checks::dns) const MODES: &[Mode] = &[
    Mode::of("authoritative: {zone: …}` or several in `server: […]", applies, SURVEY)
        .adds("servers.failed: {len: 0}\nconsistent: true"),
    Mode::of("authoritative: {zone: …}", |args| args.given(&AUTHORITATIVE), ZONE).adds(EXPECT_ZONE),
    Mode::of("authoritative: {zone: …}", |args| args.given(&AUTHORITATIVE), rules::ZONE).adds(EXPECT_SIGNING),
    Mode::of("authoritative: {via: …}` or without `parent", rules::sibling_applies, rules::SIBLING)
        .adds("glue.sibling_agree: {any_of: [{eq: true}, {present: false}]}"),
    Mode::of("authoritative: {best_practice: true}", best_practice, rules::BEST_PRACTICE)
        .adds(rules::EXPECT_BEST_PRACTICE),
    Mode::of("authoritative: {zone: …}` without `name` and `type", zone_alone, &[]).lacks(&["answers"]),
    Mode::of("wanted: {…}", |args| args.given(&WANTED), PROPAGATION).adds("propagation.pending: {len: 0}"),
    Mode::of("wanted: {answers: []}", wanted_gone, &[]).adds("rcode: {in: [NOERROR, NXDOMAIN]}\nanswers: {len: 0}"),
    Mode::of("probes: [tcp]", |args| Probe::Tcp.requested(args), TCP).adds("reachable.tcp: true\ntcp.same: true"),
    Mode::of("probes: [edns]", |args| Probe::Edns.requested(args), EDNS).adds(EXPECT_EDNS),
    Mode::of("probes: [header]", |args| Probe::Header.requested(args), HEADER).adds(EXPECT_HEADER),
    Mode::of("probes: [dnssec]", |args| Probe::Dnssec.requested(args), rules::DNSSEC).adds(EXPECT_DNSSEC),
    Mode::of("probes: [truncation]", |args| Probe::Truncation.requested(args), TRUNCATION)
        .adds("truncation.512: {in: [truncated, fits]}\ntruncation.1232: {in: [truncated, fits]}"),
    Mode::of("probes: [axfr]", |args| Probe::Axfr.requested(args), TRANSFER).adds("axfr.open: {len: 0}"),
    Mode::of("probes: [recursion]", |args| Probe::Recursion.requested(args), RECURSION)
        .adds("recursion.open: {len: 0}\nreferral.upward: {len: 0}"),
    Mode::of("probes: [case]", |args| Probe::Case.requested(args), QNAME_CASE)
        .adds("qname.case: true\nqname.caseless: true"),
    Mode::of("probes: [version]", |args| Probe::Version.requested(args), VERSION).adds("version.hidden: true"),
    Mode::of("probes: [negative]", |args| Probe::Negative.requested(args), NEGATIVE).adds(EXPECT_NEGATIVE),
];

/// Whether the fields ask for a survey: a zone, several servers, or something only a survey sees.
pub(in crate::checks::dns) fn applies(args: &Args) -> bool {
    args.get(&SERVER).len() > 1 || args.given(&AUTHORITATIVE) || args.given(&PROBES) || args.given(&WANTED)
}

/// Whether recommendations are expected too.
fn best_practice(args: &Args) -> bool {
    args.get(&AUTHORITATIVE).is_some_and(|zone| zone.get(&BEST_PRACTICE))
}

/// Whether the zone itself is all that is asked for.
fn zone_alone(args: &Args) -> bool {
    args.given(&AUTHORITATIVE) && !args.given(&NAME) && !args.given(&TYPE)
}

/// Whether what is wanted is that nothing is there any more.
fn wanted_gone(args: &Args) -> bool {
    args.get(&WANTED).is_some_and(|wanted| wanted.given(&ANSWERS) && wanted.get(&ANSWERS).is_empty())
}
