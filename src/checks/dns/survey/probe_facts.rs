//! Facts of the probes, and of each server by itself.

use std::collections::BTreeSet;

use super::consensus::{all, common, set_known, set_list};
use super::facts::{self, CUTS};
use super::fields::Probe;
use super::gaps;
use super::server_report::{Findings, ServerReport};
use super::settings::Settings;
use super::{rules, server_rows};
use crate::model::count::counted;
use crate::model::{Choices as _, Fact, FactInfo};
use crate::probe::Cx;

pub(super) fn record(cx: &mut Cx<'_>, settings: &Settings, reports: &[ServerReport]) {
    for probe in &settings.probes {
        of(cx, *probe, reports);
        let open: Vec<&str> =
            reports.iter().filter(|report| unknown(*probe, &report.findings)).map(ServerReport::label).collect();
        if !open.is_empty() {
            let why = format!("{} {}", not_seen(*probe), open.join(", "));
            gaps::missing(cx, table(*probe), &why);
            cx.note(why);
        }
    }
    server_rows::record(cx, reports);
    for report in reports {
        for note in &report.log.notes {
            cx.note(format!("{}: {note}", report.label()));
        }
        if report.log.more_notes > 0 {
            cx.note(format!("{}: and {}", report.label(), counted(report.log.more_notes, "more note")));
        }
    }
}

/// Words before the servers of which a probe did not see all it looks for.
fn not_seen(probe: Probe) -> String {
    format!("probe {}: not seen of", probe.word())
}

fn of(cx: &mut Cx<'_>, probe: Probe, reports: &[ServerReport]) {
    let every = |what: fn(&Findings) -> Option<bool>| {
        all(reports.iter().map(|report| what(&report.findings))).filter(|_| !reports.is_empty())
    };
    let list = |cx: &mut Cx<'_>, fact: &Fact<Vec<String>>, what: &dyn Fn(&Findings) -> Option<bool>| {
        set_list(cx, fact, reports, |report| what(&report.findings), &not_seen(probe));
    };
    match probe {
        Probe::Tcp => {
            set_known(cx, &facts::REACHABLE_TCP, every(|found| found.tcp));
            list(cx, &facts::UNREACHABLE_TCP, &|found| found.tcp.map(|there| !there));
            set_known(cx, &facts::TCP_SAME, every(|found| found.tcp_same));
        }
        Probe::Edns => {
            set_known(cx, &facts::EDNS_SUPPORTED, every(|found| found.edns));
            set_known(cx, &facts::EDNS_VERSION_OK, every(|found| found.edns_version));
            set_known(cx, &facts::EDNS_OPTION_OK, every(|found| found.edns_option));
            set_known(cx, &facts::EDNS_FLAG_OK, every(|found| found.edns_flag));
        }
        Probe::Header => {
            set_known(cx, &facts::OPCODE_OK, every(|found| found.opcode));
            set_known(cx, &facts::Z_OK, every(|found| found.reserved));
            set_known(cx, &facts::AD_OK, every(|found| found.authentic));
            set_known(cx, &facts::CD_OK, every(|found| found.unchecked));
        }
        Probe::Dnssec => signed(cx, reports),
        Probe::Truncation => {
            set_known(cx, &facts::TRUNCATION_512, worst(reports, 0));
            set_known(cx, &facts::TRUNCATION_1232, worst(reports, 1));
        }
        Probe::Axfr => transfers(cx, reports),
        Probe::Recursion => {
            list(cx, &facts::OPEN, &|found| found.open_recursion);
            list(cx, &facts::UPWARD, &|found| found.upward_referral);
        }
        Probe::Case => {
            set_known(cx, &facts::CASE, every(|found| found.case));
            set_known(cx, &facts::CASELESS, every(|found| found.caseless));
        }
        Probe::Version => {
            set_known(cx, &facts::HIDDEN, every(|found| found.version.as_ref().map(String::is_empty)));
            let texts: Option<Vec<&String>> = reports.iter().map(|report| report.findings.version.as_ref()).collect();
            let texts = texts.filter(|_| !reports.is_empty()).map(|texts| {
                let texts: BTreeSet<String> = texts.into_iter().filter(|text| !text.is_empty()).cloned().collect();
                Vec::from_iter(texts)
            });
            set_known(cx, &facts::VERSIONS, texts);
        }
        Probe::Negative => {
            set_known(cx, &facts::NXDOMAIN, common(reports.iter().map(|report| report.findings.nxdomain)));
            set_known(cx, &facts::NODATA, common(reports.iter().map(|report| report.findings.nodata)));
            set_known(cx, &facts::EMPTY, between(reports));
            set_known(cx, &facts::WILDCARD, common(reports.iter().map(|report| report.findings.wildcard)));
            set_known(cx, &facts::NEGATIVE_SOA, every(|found| found.negative_soa));
        }
        Probe::All => {}
    }
}

fn transfers(cx: &mut Cx<'_>, reports: &[ServerReport]) {
    let transfers: Vec<_> = reports.iter().map(|report| report.findings.transfer.as_ref()).collect();
    let word = common(transfers.iter().map(|transfer| transfer.map(|transfer| transfer.word)));
    set_known(cx, &facts::AXFR, word);
    let gave = |report: &ServerReport| report.findings.transfer.as_ref().map(|transfer| transfer.records > 0);
    set_list(cx, &facts::AXFR_OPEN, reports, gave, &not_seen(Probe::Axfr));
    let complete = transfers.iter().flatten().filter(|transfer| transfer.word == "complete");
    set_known(cx, &facts::AXFR_RECORDS, common(complete.map(|transfer| Some(transfer.records))));
    for (report, transfer) in reports.iter().zip(transfers) {
        // What all refuse needs no evidence.
        if let Some(transfer) = transfer.filter(|_| word != Some("refused")) {
            cx.note(format!("{}: zone transfer {}: {}", report.label(), transfer.word, transfer.why));
        }
    }
}

/// A zone that is signed nowhere has nothing to prove; where one server has keys, all must.
fn signed(cx: &mut Cx<'_>, reports: &[ServerReport]) {
    const UNSEEN: &str = "not all that validation needs could be judged at";
    let somewhere = reports.iter().any(|report| report.findings.signed.keys == Some(true));
    if !somewhere && reports.iter().all(|report| report.findings.signed.keys == Some(false)) {
        return;
    }
    let lacks = |report: &ServerReport| somewhere && report.findings.signed.keys == Some(false);
    for report in reports.iter().filter(|report| lacks(report)) {
        cx.note(format!("{}: no DNSKEY, although other servers have some", report.label()));
    }
    let unsound = |report: &ServerReport| {
        let found = &report.findings.signed;
        if lacks(report) || found.unsound {
            return Some(true);
        }
        (found.keys.is_some() && found.unseen.is_empty()).then_some(false)
    };
    set_list(cx, &rules::RRSIG_UNSOUND, reports, unsound, UNSEEN);
    let algorithm = |report: &ServerReport| {
        let found = &report.findings.signed;
        let seen = found.keys.is_some() && found.unseen.is_empty();
        if found.algorithm_missing { Some(true) } else { seen.then_some(false) }
    };
    set_list(cx, &rules::RRSIG_ALGORITHM_MISSING, reports, algorithm, UNSEEN);
    let unproven =
        |report: &ServerReport| if lacks(report) { Some(true) } else { report.findings.signed.denial_unproven };
    for report in reports {
        if let Some(why) = &report.findings.signed.denial_open {
            cx.partial(&rules::DENIAL_UNPROVEN, format!("{}: {why}", report.label()));
        }
    }
    set_list(cx, &rules::DENIAL_UNPROVEN, reports, unproven, UNSEEN);
}

/// What every server answers for the names between; a wrong denial of one decides. Servers for which there is no such
/// name say nothing.
fn between(reports: &[ServerReport]) -> Option<&'static str> {
    let words: Vec<&'static str> = reports.iter().filter_map(|report| report.findings.empty_non_terminal).collect();
    let wrong = words.iter().find(|word| matches!(**word, "nxdomain" | "error" | "silent")).copied();
    let seen = reports.iter().all(|report| !report.findings.empty_unseen);
    wrong.or_else(|| common(words.into_iter().map(Some)).filter(|_| seen))
}

/// The facts of a probe.
const fn table(probe: Probe) -> &'static [FactInfo] {
    match probe {
        Probe::Tcp => facts::TCP,
        Probe::Edns => facts::EDNS,
        Probe::Header => facts::HEADER,
        // A fact of it says itself of whom it was not seen, and none says that the zone is unsigned.
        Probe::Dnssec => &[],
        Probe::Truncation => facts::TRUNCATION,
        Probe::Axfr => facts::TRANSFER,
        Probe::Recursion => facts::RECURSION,
        Probe::Case => facts::QNAME_CASE,
        Probe::Version => facts::VERSION,
        Probe::Negative => facts::NEGATIVE,
        Probe::All => &[],
    }
}

/// The worst of all servers; nothing when one was not seen, unless another is known to be bad.
fn worst(reports: &[ServerReport], place: usize) -> Option<&'static str> {
    let cuts = reports.iter().map(|report| report.findings.truncation.get(place).copied().flatten());
    let cuts: Vec<Option<&'static str>> = cuts.collect();
    let rank = |cut: &&'static str| CUTS.iter().position(|word| word == cut);
    let worst = cuts.iter().flatten().copied().max_by_key(rank)?;
    let sound = matches!(worst, "truncated" | "fits");
    (!sound || cuts.iter().all(Option::is_some)).then_some(worst)
}

/// Something the probe looks for was not seen of this server.
fn unknown(probe: Probe, found: &Findings) -> bool {
    match probe {
        Probe::Tcp => found.tcp.is_none() || (found.tcp == Some(true) && found.tcp_same.is_none()),
        Probe::Edns => {
            found.edns.is_none()
                || found.edns_version.is_none()
                || found.edns_option.is_none()
                || found.edns_flag.is_none()
        }
        Probe::Header => [found.opcode, found.reserved, found.authentic, found.unchecked].contains(&None),
        Probe::Dnssec => found.signed.keys.is_none(),
        Probe::Truncation => found.truncation.iter().any(Option::is_none),
        Probe::Axfr => found.transfer.is_none(),
        Probe::Recursion => found.open_recursion.is_none() || found.upward_referral.is_none(),
        Probe::Case => found.case.is_none() || found.caseless.is_none(),
        Probe::Version => found.version.is_none(),
        Probe::Negative => found.nxdomain.is_none() || found.nodata.is_none() || found.empty_unseen,
        Probe::All => false,
    }
}
