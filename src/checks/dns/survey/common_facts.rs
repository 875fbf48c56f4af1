//! The facts of every survey.

use std::collections::{BTreeMap, BTreeSet};

use super::consensus::{all, common, labels_where, set_known};
use super::response_summary::ResponseSummary;
use super::server_report::ServerReport;
use super::settings::Settings;
use super::{facts, serial};
use crate::checks::dns::{facts as answer_facts, mail};
use crate::probe::Cx;
use crate::proto::dns::{presentation, types};

/// The facts of every survey.
pub(super) fn record(cx: &mut Cx<'_>, settings: &Settings, reports: &[ServerReport]) {
    cx.set(&facts::COUNT, i64::try_from(reports.len()).unwrap_or(i64::MAX));
    // What a limit kept from being asked has not failed.
    let failed = reports.iter().filter(|report| !report.answered() && report.outcome() != "unasked");
    let failed: Vec<String> = failed.map(|report| report.label().to_owned()).collect();
    for report in reports.iter().filter(|report| !report.answered()) {
        let summary: Vec<&str> = report.summaries().map(|summary| ending(summary.outcome)).collect();
        let summary = if summary.is_empty() { ending(report.outcome()).to_owned() } else { summary.join(", ") };
        cx.note(format!("{} ({summary})", report.label()));
    }
    cx.set(&facts::FAILED, failed);
    let outcome = reports.iter().map(ServerReport::outcome).find(|outcome| *outcome != "answered");
    // What a limit kept from being asked is not answered; that it was not asked is told as a gap.
    let outcome = outcome.map_or("answered", |outcome| if outcome == "unasked" { "timeout" } else { outcome });
    cx.set(&answer_facts::OUTCOME, outcome);
    agreement(cx, reports);
    serials(cx, reports);
    of_question(cx, settings, reports);
    let aa = |report: &ServerReport| report.answered().then(|| report.summaries().all(|summary| summary.has("aa")));
    set_known(cx, &facts::AUTHORITATIVE, all(reports.iter().map(aa)));
    if !settings.policy.over_tcp {
        let reached = |report: &ServerReport| report.summaries().any(|summary| summary.rcode.is_some());
        cx.set(&facts::REACHABLE_UDP, reports.iter().all(reached));
        set_known(cx, &facts::UNREACHABLE_UDP, labels_where(reports, |report| Some(!reached(report))));
        let mismatch = |report: &ServerReport| {
            let known = report.answered() || !report.log.unexpected_sources.is_empty();
            known.then_some(!report.log.unexpected_sources.is_empty())
        };
        set_known(cx, &facts::MISMATCH, labels_where(reports, mismatch));
        for report in reports.iter().filter(|report| !report.log.unexpected_sources.is_empty()) {
            let from: Vec<String> = report.log.unexpected_sources.iter().map(ToString::to_string).collect();
            let more = report.log.more_sources;
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            cx.note(format!("{}: answered from {}{more}", report.label(), from.join(", ")));
        }
    }
    if settings.nsid && reports.iter().all(ServerReport::answered) {
        let nsids: BTreeSet<String> =
            reports.iter().filter_map(|report| report.summaries().find_map(|summary| summary.nsid.clone())).collect();
        cx.set(&facts::NSIDS, Vec::from_iter(nsids));
    }
}

/// An outcome in words; the response code REFUSED is another thing than a port that refuses.
fn ending(outcome: &'static str) -> &'static str {
    if outcome == "refused" { "port closed" } else { outcome }
}

/// Who answers like whom. The reference is what most say; of equal camps, that of the newest serial.
fn agreement(cx: &mut Cx<'_>, reports: &[ServerReport]) {
    let mut camps: BTreeMap<Vec<&str>, Vec<&ServerReport>> = BTreeMap::new();
    for report in reports.iter().filter(|report| report.whole()) {
        camps.entry(report.summaries().map(|summary| summary.fingerprint.as_str()).collect()).or_default().push(report);
    }
    let newest = |camp: &[&ServerReport]| camp.first().and_then(|report| report.soa()).map(|soa| soa.serial);
    let has = |camp: &[&ServerReport]| camp.first().map_or(0, |report| report.content());
    let reference = camps.iter().reduce(|best, next| {
        let newer = match (newest(next.1), newest(best.1)) {
            (Some(one), Some(other)) => one != other && serial::reached(one, other),
            _ => false,
        };
        // Who has nothing is not the measure of one who has.
        let larger = next.1.len().cmp(&best.1.len()).then(has(next.1).cmp(&has(best.1)));
        if larger.is_gt() || (larger.is_eq() && newer) { next } else { best }
    });
    let Some((usual, _)) = reference else { return };
    for (unlike, camp) in camps.iter().filter(|(summary, _)| *summary != usual) {
        for (one, other) in unlike.iter().zip(usual).filter(|(one, other)| one != other) {
            let who: Vec<&str> = camp.iter().map(|report| report.label()).collect();
            cx.note(format!("{} differs: {one}; most: {other}", who.join(", ")));
        }
    }
    let complete = reports.iter().all(ServerReport::whole);
    if complete || camps.len() > 1 {
        cx.set(&facts::CONSISTENT, camps.len() == 1);
    }
    let differs = |report: &ServerReport| {
        report
            .whole()
            .then(|| !report.summaries().map(|summary| summary.fingerprint.as_str()).eq(usual.iter().copied()))
    };
    set_known(cx, &facts::DIFFERING, labels_where(reports, differs));
}

fn serials(cx: &mut Cx<'_>, reports: &[ServerReport]) {
    let serials: Option<Vec<u32>> = reports.iter().map(|report| report.soa().map(|soa| soa.serial)).collect();
    let Some(serials) = serials.filter(|serials| !serials.is_empty()) else { return };
    let Some((first, spread)) = serial::ahead(&serials) else {
        let serials: Vec<String> = serials.iter().map(u32::to_string).collect();
        cx.note(format!("the serials have no order (RFC 1982): {}", serials.join(", ")));
        return;
    };
    cx.set(&facts::SERIAL, i64::from(first));
    cx.set(&facts::SPREAD, i64::from(spread));
    set_known(cx, &facts::BEHIND, labels_where(reports, |report| report.soa().map(|soa| soa.serial != first)));
}

/// The facts a question to one server has, from agreement.
fn of_question(cx: &mut Cx<'_>, settings: &Settings, reports: &[ServerReport]) {
    let code = common(reports.iter().map(|report| report.main_summary().and_then(|summary| summary.rcode)));
    if let Some(code) = code {
        answer_facts::record_rcode(cx, code);
    }
    let sorted = |report: &ServerReport| {
        let answers = report.main_summary().filter(|summary| summary.whole())?.answers.as_ref()?;
        let kind = types::mnemonic(settings.question.code);
        Some(answers.iter().map(|data| presentation::data_key(Some(&kind), data)).collect::<BTreeSet<_>>())
    };
    if common(reports.iter().map(sorted)).is_some() {
        let first = reports.first().and_then(ServerReport::main_summary);
        if let Some(answers) = first.and_then(|summary| summary.answers.as_ref()) {
            answer_facts::record_texts(cx, settings.question.code, answers);
        }
        set_known(cx, &answer_facts::ANSWERS, first.and_then(|summary| summary.answers.clone()));
    }
    let whole = |report: &'_ ServerReport| -> Option<Vec<String>> {
        report.main_summary().filter(|summary| summary.whole()).and_then(|summary| summary.answers.clone())
    };
    let lists: Vec<Option<Vec<String>>> = reports.iter().map(whole).collect();
    mail::record(cx, settings.question.code, lists.iter().map(Option::as_deref));
    let flags = |report: &ServerReport| {
        let summary = report.main_summary()?;
        summary.answered().then(|| summary.flags.clone())
    };
    set_known(cx, &answer_facts::FLAGS, common(reports.iter().map(flags)));
    let cut = reports.iter().flat_map(ServerReport::summaries).any(|summary| summary.has("tc"));
    if cut || reports.iter().all(ServerReport::answered) {
        cx.set(&answer_facts::TRUNCATED, cut);
    }
    aliases(cx, reports);
    for report in reports {
        for time in &report.log.connect_times {
            cx.record_measured(&answer_facts::CONNECT_TIME, *time);
        }
        let Some(summary) = report.main_summary() else { continue };
        for ttl in &summary.ttls {
            cx.record(&answer_facts::TTL, f64::from(*ttl));
        }
        if let Some(rtt) = summary.rtt {
            cx.record_measured(&answer_facts::RTT, rtt);
        }
    }
    let size =
        reports.iter().flat_map(ServerReport::summaries).map(|summary| summary.size).max().filter(|size| *size > 0);
    set_known(cx, &answer_facts::SIZE, size.map(|size| i64::try_from(size).unwrap_or(i64::MAX)));
    cx.set(&answer_facts::ATTEMPTS, reports.iter().map(|report| report.log.sent).sum::<i64>());
    cx.set(&answer_facts::DISCARDED, reports.iter().map(|report| report.log.discarded).sum::<i64>());
    cx.set(&facts::REPEATED, reports.iter().map(|report| report.log.repeated).sum::<i64>());
}

fn aliases(cx: &mut Cx<'_>, reports: &[ServerReport]) {
    let links = |report: &ServerReport| {
        let whole = report.asked.as_ref().is_some_and(ResponseSummary::whole);
        report.chain.as_ref().filter(|chain| whole && !chain.cut).map(|chain| chain.links.clone())
    };
    if let Some(links) = common(reports.iter().map(links)) {
        cx.set(&facts::LINKS, i64::try_from(links.len()).unwrap_or(i64::MAX));
        cx.set(&answer_facts::CNAMES, links);
    }
    // One server with a loop, or with an alias to nothing, decides.
    let looped = reports.iter().map(|report| links(report).and(report.chain.as_ref()).map(|chain| !chain.looped));
    set_known(cx, &facts::LOOP, all(looped).map(|sound| !sound));
    let dangling = reports.iter().map(|report| report.dangling.map(|dangling| !dangling));
    set_known(cx, &facts::DANGLING, all(dangling).map(|sound| !sound));
}
