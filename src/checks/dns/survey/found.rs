//! Facts of the probes, and of each server by itself.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::Survey;
use super::agree::{all, same, set, those};
use super::facts::{self, CUTS};
use super::fields::Probe;
use super::look::Look;
use super::probes::Findings;
use super::said::Said;
use crate::model::Choices as _;
use crate::probe::Cx;

/// Records of one server's answer in fact `servers`.
const RECORDS: usize = 50;

pub(super) fn report(cx: &mut Cx<'_>, survey: &Survey, looks: &[Look]) {
    for probe in &survey.probes {
        of(cx, *probe, looks);
        let open: Vec<&str> = looks.iter().filter(|look| unknown(*probe, &look.findings)).map(Look::label).collect();
        if !open.is_empty() {
            cx.note(format!("probe {}: not seen of {}", probe.word(), open.join(", ")));
        }
    }
    let entries = looks.iter().map(|look| (look.label().to_owned(), entry(look)));
    cx.set(&facts::SERVERS, Value::Object(entries.collect()));
    for look in looks {
        for note in &look.tally.notes {
            cx.note(format!("{}: {note}", look.label()));
        }
    }
}

fn of(cx: &mut Cx<'_>, probe: Probe, looks: &[Look]) {
    let every = |what: fn(&Findings) -> Option<bool>| {
        all(looks.iter().map(|look| what(&look.findings))).filter(|_| !looks.is_empty())
    };
    let who = |what: fn(&Findings) -> Option<bool>| those(looks, |look| what(&look.findings));
    match probe {
        Probe::Tcp => {
            set(cx, &facts::REACHABLE_TCP, every(|found| found.tcp));
            set(cx, &facts::UNREACHABLE_TCP, who(|found| found.tcp.map(|there| !there)));
            set(cx, &facts::TCP_SAME, every(|found| found.tcp_same));
        }
        Probe::Edns => {
            set(cx, &facts::EDNS_SUPPORTED, every(|found| found.edns));
            set(cx, &facts::EDNS_VERSION_OK, every(|found| found.edns_version));
            set(cx, &facts::EDNS_OPTION_OK, every(|found| found.edns_option));
            set(cx, &facts::EDNS_FLAG_OK, every(|found| found.edns_flag));
        }
        Probe::Truncation => {
            set(cx, &facts::TRUNCATION_512, worst(looks, 0));
            set(cx, &facts::TRUNCATION_1232, worst(looks, 1));
        }
        Probe::Axfr => transfers(cx, looks),
        Probe::Recursion => {
            set(cx, &facts::OPEN, who(|found| found.open));
            set(cx, &facts::UPWARD, who(|found| found.upward));
        }
        Probe::Case => {
            set(cx, &facts::CASE, every(|found| found.case));
            set(cx, &facts::CASELESS, every(|found| found.caseless));
        }
        Probe::Version => {
            set(cx, &facts::HIDDEN, every(|found| found.version.as_ref().map(String::is_empty)));
            let texts: Option<Vec<&String>> = looks.iter().map(|look| look.findings.version.as_ref()).collect();
            let texts = texts.filter(|_| !looks.is_empty()).map(|texts| {
                let texts: BTreeSet<String> = texts.into_iter().filter(|text| !text.is_empty()).cloned().collect();
                Vec::from_iter(texts)
            });
            set(cx, &facts::VERSIONS, texts);
        }
        Probe::Negative => {
            set(cx, &facts::NXDOMAIN, same(looks.iter().map(|look| look.findings.nxdomain)));
            set(cx, &facts::NODATA, same(looks.iter().map(|look| look.findings.nodata)));
            set(cx, &facts::EMPTY, same(looks.iter().map(|look| look.findings.empty)));
            set(cx, &facts::WILDCARD, same(looks.iter().map(|look| look.findings.wildcard)));
            set(cx, &facts::NEGATIVE_SOA, every(|found| found.denial));
        }
        Probe::All => {}
    }
}

fn transfers(cx: &mut Cx<'_>, looks: &[Look]) {
    let transfers: Vec<_> = looks.iter().map(|look| look.findings.transfer.as_ref()).collect();
    let word = same(transfers.iter().map(|transfer| transfer.map(|transfer| transfer.word)));
    set(cx, &facts::AXFR, word);
    let gave = |look: &Look| look.findings.transfer.as_ref().map(|transfer| transfer.records > 0);
    set(cx, &facts::AXFR_OPEN, those(looks, gave));
    let complete = transfers.iter().flatten().filter(|transfer| transfer.word == "complete");
    set(cx, &facts::AXFR_RECORDS, same(complete.map(|transfer| Some(transfer.records))));
    for (look, transfer) in looks.iter().zip(transfers) {
        // What all refuse needs no evidence.
        if let Some(transfer) = transfer.filter(|_| word != Some("refused")) {
            cx.note(format!("{}: zone transfer {}: {}", look.label(), transfer.word, transfer.why));
        }
    }
}

/// The worst of all servers; nothing when one was not seen, unless another is as bad as can be told.
fn worst(looks: &[Look], place: usize) -> Option<&'static str> {
    let cuts = looks.iter().map(|look| look.findings.cuts.get(place).copied().flatten());
    let cuts: Vec<Option<&'static str>> = cuts.collect();
    let rank = |cut: &&'static str| CUTS.iter().position(|word| word == cut);
    let worst = cuts.iter().flatten().copied().max_by_key(rank)?;
    let sound = matches!(worst, "truncated" | "fits");
    (!sound || cuts.iter().all(Option::is_some)).then_some(worst)
}

/// Something the probe looks for was not seen of this server.
fn unknown(probe: Probe, found: &Findings) -> bool {
    match probe {
        Probe::Tcp => found.tcp.is_none(),
        Probe::Edns => found.edns_version.is_none() || found.edns_option.is_none() || found.edns_flag.is_none(),
        Probe::Truncation => found.cuts.iter().any(Option::is_none),
        Probe::Axfr => found.transfer.is_none(),
        Probe::Recursion => found.open.is_none(),
        Probe::Case => found.case.is_none(),
        Probe::Version => found.version.is_none(),
        Probe::Negative => found.nxdomain.is_none() || found.nodata.is_none(),
        Probe::All => false,
    }
}

/// One server; what was not seen of it is left out.
fn entry(look: &Look) -> Value {
    let mut out = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            out.insert(key.to_owned(), value);
        }
    };
    let asked = look.asked.as_ref().or(look.apex.as_ref());
    put("name", look.server.name.clone().map(Value::from));
    put("address", look.server.address.map(|address| Value::from(address.ip().to_string())));
    put("outcome", Some(Value::from(look.outcome())));
    put("rcode", asked.and_then(Said::code).map(Value::from));
    put("flags", asked.filter(|said| said.answered()).map(|said| json!(said.flags)));
    let answers = asked.and_then(|said| said.answers.as_ref()).filter(|_| look.asked.is_some());
    put("answers", answers.map(|answers| json!(answers.iter().take(RECORDS).collect::<Vec<_>>())));
    put("rtt", asked.and_then(|said| said.rtt).map(|rtt| json!(rtt.as_secs_f64())));
    let aa = look.answered().then(|| look.said().all(|said| said.has("aa")));
    put("authoritative", aa.map(Value::from));
    put("serial", look.soa().map(|soa| Value::from(soa.serial)));
    put("ns", look.ns.as_ref().filter(|(said, _)| said.answered()).map(|(_, names)| json!(names)));
    put("nsid", look.said().find_map(|said| said.nsid.clone()).map(Value::from));
    let impostors: Vec<String> = look.tally.impostors.iter().map(ToString::to_string).collect();
    put("answered_from", Some(impostors).filter(|from| !from.is_empty()).map(Value::from));
    put("queries", Some(Value::from(look.tally.sent)));
    put("repeated", Some(look.tally.repeated).filter(|count| *count > 0).map(Value::from));
    put("discarded", Some(look.tally.discarded).filter(|count| *count > 0).map(Value::from));
    let found = &look.findings;
    for (key, flag) in [
        ("tcp", found.tcp),
        ("tcp_same", found.tcp_same),
        ("edns", found.edns),
        ("edns_version_ok", found.edns_version),
        ("edns_unknown_option_ok", found.edns_option),
        ("edns_unknown_flag_ok", found.edns_flag),
        ("recursion_open", found.open),
        ("upward_referral", found.upward),
        ("qname_case", found.case),
        ("qname_caseless", found.caseless),
        ("wildcard", found.wildcard),
        ("denial_with_soa", found.denial),
    ] {
        put(key, flag.map(Value::from));
    }
    for (key, word) in [
        ("truncation_512", found.cuts[0]),
        ("truncation_1232", found.cuts[1]),
        ("axfr", found.transfer.as_ref().map(|transfer| transfer.word)),
        ("nxdomain", found.nxdomain),
        ("nodata", found.nodata),
        ("empty_non_terminal", found.empty),
        ("version", found.version.as_deref()),
    ] {
        put(key, word.map(Value::from));
    }
    Value::Object(out)
}
