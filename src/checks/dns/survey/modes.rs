//! Default expectations of surveys, and the facts each part of one adds.

use super::facts::{
    EDNS, NEGATIVE, PROPAGATION, QNAME_CASE, RECURSION, SURVEY, TCP, TRANSFER, TRUNCATION, VERSION, ZONE,
};
use super::fields::{AUTHORITATIVE, PROBES, Probe, WANTED};
use crate::checks::dns::fields::SERVER;
use crate::model::{Args, FactInfo};
use crate::probe::Mode;

const EXPECT_WANTED: &str =
    "outcome: answered\nservers.failed: {len: 0}\npropagation.pending: {len: 0}\nconsistent: true";
const EXPECT_WANTED_IN_ZONE: &str = "outcome: answered\nservers.failed: {len: 0}\npropagation.pending: {len: 0}\nconsistent: true\n\
                      authoritative: true\nlame: {len: 0}";
/// Mismatches with the parent fail where they can be seen; a parent that serves the zone itself does not show them.
const EXPECT_ZONE: &str = "outcome: answered\nrcode: NOERROR\nservers.failed: {len: 0}\nauthoritative: true\nlame: {len: 0}\n\
                             consistent: true\nns.agree: {any_of: [{eq: true}, {present: false}]}\n\
                             glue.agree: {any_of: [{eq: true}, {present: false}]}";
const EXPECT_SEVERAL: &str = "outcome: answered\nrcode: NOERROR\nanswers: {len: {ge: 1}}\ntruncated: false\nservers.failed: {len: 0}\nconsistent: true";

const fn mode(
    with: &'static str,
    applies: fn(&Args) -> bool,
    expect: Option<&'static str>,
    facts: &'static [FactInfo],
) -> Mode {
    Mode { with, applies, expect, adds: None, facts }
}

/// The modes, for the table of the family.
pub(in crate::checks::dns) const MODES: &[Mode] = &[
    mode("wanted: {…}` and `authoritative: {zone: …}", wanted_in_zone, Some(EXPECT_WANTED_IN_ZONE), &[]),
    mode("wanted: {…}", |args| args.given(&WANTED), Some(EXPECT_WANTED), PROPAGATION),
    mode("authoritative: {zone: …}", |args| args.given(&AUTHORITATIVE), Some(EXPECT_ZONE), ZONE),
    mode("authoritative: {zone: …}` or several in `server: […]", applies, Some(EXPECT_SEVERAL), SURVEY),
    mode("probes: [tcp]", |args| Probe::Tcp.requested(args), None, TCP),
    mode("probes: [edns]", |args| Probe::Edns.requested(args), None, EDNS),
    mode("probes: [truncation]", |args| Probe::Truncation.requested(args), None, TRUNCATION),
    mode("probes: [axfr]", |args| Probe::Axfr.requested(args), None, TRANSFER),
    mode("probes: [recursion]", |args| Probe::Recursion.requested(args), None, RECURSION),
    mode("probes: [case]", |args| Probe::Case.requested(args), None, QNAME_CASE),
    mode("probes: [version]", |args| Probe::Version.requested(args), None, VERSION),
    mode("probes: [negative]", |args| Probe::Negative.requested(args), None, NEGATIVE),
];

/// Whether the fields ask for a survey: a zone, several servers, or something only a survey sees.
pub(in crate::checks::dns) fn applies(args: &Args) -> bool {
    args.get(&SERVER).len() > 1 || args.given(&AUTHORITATIVE) || args.given(&PROBES) || args.given(&WANTED)
}

/// Whether something is wanted on the servers of a zone.
fn wanted_in_zone(args: &Args) -> bool {
    args.given(&WANTED) && args.given(&AUTHORITATIVE)
}
