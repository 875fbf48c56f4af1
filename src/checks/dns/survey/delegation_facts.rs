//! Whether parent and zone agree: on the names of the servers, and on their addresses.
//!
//! What can be known decides, whoever is silent beside it. An absent fact says that there is nothing to compare; where there
//! is, and it was not seen, the fact is seen in part.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::consensus::{all, common, set_known};
use super::delegation::Delegation;
use super::server_report::ServerReport;
use super::zone::Zone;
use super::{facts, names};
use crate::model::count::counted;
use crate::probe::Cx;
use crate::proto::dns::rcode;

/// Names of the servers, of the parent and of the zone.
pub(super) fn ns_names(cx: &mut Cx<'_>, zone: &Zone, known: &Delegation, reports: &[ServerReport]) {
    let own = |report: &ServerReport| {
        let (summary, names) = report.ns.as_ref()?;
        (report.serves() && summary.rcode == Some(rcode::NOERROR) && summary.whole()).then(|| names.clone())
    };
    let serving = reports.iter().filter(|report| report.serves());
    let child = common(serving.map(own)).filter(|names| !names.is_empty());
    let sets: BTreeSet<BTreeSet<String>> = reports.iter().filter_map(own).collect();
    set_known(cx, &facts::NS_PARENT, known.names.clone().map(Vec::from_iter));
    set_known(cx, &facts::NS_CHILD, child.map(Vec::from_iter));
    let list = |names: &BTreeSet<String>| Vec::from_iter(names.clone()).join(" ");
    let mut differ = known.split || sets.len() > 1;
    if let Some(parent) = &known.names {
        for other in sets.iter().filter(|names| *names != parent) {
            cx.note(format!("NS at the parent: {}; in the zone: {}", list(parent), list(other)));
            differ = true;
        }
    }
    let open = unseen(known, reports, |report| own(report).is_some(), "NS records");
    if differ {
        cx.set(&facts::NS_AGREE, false);
    } else if known.names.is_some() && open.is_none() && reports.iter().all(ServerReport::serves) {
        cx.set(&facts::NS_AGREE, true);
    } else if let Some(why) = open.filter(|_| !nothing_to_compare(zone, known)) {
        cx.partial(&facts::NS_AGREE, why);
    }
}

/// Every server of the parent that was asked has the zone itself, or the zone is the root, which nobody delegates.
fn nothing_to_compare(zone: &Zone, known: &Delegation) -> bool {
    let delegated = known.names.is_some() || known.split;
    !delegated && (known.failed.is_empty() || (zone.name.is_root() && zone.parent.is_empty()))
}

/// Why something is not known of everybody.
fn unseen(
    known: &Delegation,
    reports: &[ServerReport],
    seen: impl Fn(&ServerReport) -> bool,
    what: &str,
) -> Option<String> {
    if !known.failed.is_empty() {
        return Some(format!("no delegation came from {}", known.failed.join(", ")));
    }
    let without = reports.iter().filter(|report| !seen(report) && !without_zone(report));
    let without: Vec<&str> = without.map(ServerReport::label).collect();
    (!without.is_empty()).then(|| format!("no {what} came from {}", without.join(", ")))
}

/// It answered, and does not have the zone: it has nothing to compare.
pub(super) fn without_zone(report: &ServerReport) -> bool {
    report.answered() && report.lame() == Some(true)
}

/// Addresses of the servers named inside the zone, of the parent and of the zone.
pub(super) fn glue(cx: &mut Cx<'_>, zone: &Zone, known: &Delegation, reports: &[ServerReport]) {
    let Some(glue) = &known.glue else {
        if !nothing_to_compare(zone, known) {
            cx.partial(&facts::GLUE_AGREE, format!("no delegation came from {}", known.failed.join(", ")));
        }
        return;
    };
    let lines = glue.iter().flat_map(|(name, found)| found.iter().map(move |address| format!("{name} {address}")));
    cx.set(&facts::GLUE, lines.collect::<Vec<_>>());
    let Some(names) = &known.names else {
        cx.partial(&facts::GLUE_AGREE, "servers of the parent name different servers");
        return;
    };
    let inside: Vec<&String> =
        names.iter().filter(|text| names::parse(text).is_some_and(|name| zone.name.zone_of(&name))).collect();
    if inside.is_empty() {
        return;
    }
    let nothing = BTreeSet::new();
    let mut differing: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let (mut verdicts, mut open) = (Vec::new(), BTreeSet::new());
    for name in &inside {
        let given = glue.get(*name).unwrap_or(&nothing);
        for report in reports {
            let own = report.addresses.get(*name);
            let verdict = own.and_then(|own| own.agree(given));
            verdicts.push(verdict);
            if verdict.is_none() && !without_zone(report) {
                open.insert(report.label());
            }
            if let Some(own) = own.filter(|_| verdict == Some(false)) {
                let line = format!("{name} has glue [{}], and in the zone [{}]", list(given), list(&own.found));
                differing.entry(line).or_default().push(report.label());
            }
        }
    }
    for (line, who) in differing {
        cx.note(format!("{line}, says {}", who.join(", ")));
    }
    if let Some(report) = reports.iter().find(|report| report.unasked_names > 0) {
        let names = counted(report.unasked_names, "more server name");
        cx.note(format!("the addresses of {names} were not asked for"));
    }
    match all(verdicts).filter(|_| !reports.is_empty()) {
        Some(agree) if !agree || known.failed.is_empty() => cx.set(&facts::GLUE_AGREE, agree),
        Some(_) => cx.partial(&facts::GLUE_AGREE, format!("no delegation came from {}", known.failed.join(", "))),
        None if open.is_empty() => {}
        None => {
            let open: Vec<&str> = open.into_iter().collect();
            cx.partial(&facts::GLUE_AGREE, format!("not all addresses of servers came from {}", open.join(", ")));
        }
    }
}

fn list(addresses: &BTreeSet<IpAddr>) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
