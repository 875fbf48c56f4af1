//! Whether parent and zone agree that the zone is signed, and by which keys: every server of either side counts, since a
//! resolver may ask any of them.

use std::collections::{BTreeMap, BTreeSet};

use super::facts;
use super::{ParentDs, ZoneKeys, usable};
use crate::checks::dns::survey::consensus::set_list;
use crate::checks::dns::survey::delegation::Delegation;
use crate::checks::dns::survey::delegation_facts::without_zone;
use crate::checks::dns::survey::server_report::ServerReport;
use crate::checks::dns::survey::zone::Zone;
use crate::net::bytes::hex;
use crate::probe::Cx;

pub(super) fn record(cx: &mut Cx<'_>, zone: &Zone, known: &Delegation, reports: &[ServerReport]) {
    if !zone.ns.is_empty() {
        return;
    }
    let mut open: Vec<String> = known.failed.clone();
    let mut views: BTreeMap<&BTreeSet<Vec<u8>>, Vec<&str>> = BTreeMap::new();
    for (label, ds) in &known.ds {
        match ds {
            ParentDs::Known(set) => views.entry(set).or_default().push(label),
            ParentDs::NotParent => {}
            ParentDs::Unknown(why) => {
                cx.note(format!("{label} of the parent: {why}"));
                open.push(label.clone());
            }
        }
    }
    let unseen = (!open.is_empty()).then(|| format!("no word about DS came from {}", open.join(", ")));
    match (views.len(), &unseen) {
        (0, None) => {}
        (0 | 1, Some(why)) => {
            cx.partial(&facts::DS_AGREE, why.clone());
            cx.partial(&facts::DS_PARENT, why.clone());
        }
        (1, None) => {
            cx.set(&facts::DS_AGREE, true);
            cx.set(
                &facts::DS_PARENT,
                views.keys().flat_map(|set| set.iter().map(|data| shown(data))).collect::<Vec<_>>(),
            );
        }
        _ => {
            let lines: Vec<String> =
                views.iter().map(|(set, who)| format!("{} of {}", list(set), who.join(", "))).collect();
            cx.note(format!("servers of the parent give different DS records: {}", lines.join("; ")));
            cx.set(&facts::DS_AGREE, false);
        }
    }
    if usable(&known.ds).is_empty() {
        if let Some(why) = unseen {
            cx.partial(&facts::DNSKEY_UNMATCHED, why);
        }
        return;
    }
    for report in reports {
        if let Some(ZoneKeys::Unnamed(why) | ZoneKeys::Unknown(why)) = &report.keys {
            cx.note(format!("{}: {why}", report.label()));
        }
    }
    let unmatched = |report: &ServerReport| match &report.keys {
        Some(ZoneKeys::Named) => Some(false),
        Some(ZoneKeys::Unnamed(_)) => Some(true),
        Some(ZoneKeys::Unknown(_)) => None,
        // It has no zone, so it has no keys to compare.
        None => without_zone(report).then_some(false),
    };
    set_list(cx, &facts::DNSKEY_UNMATCHED, reports, unmatched, "no DNSKEY records came from");
    if let Some(why) = unseen {
        cx.partial(&facts::DNSKEY_UNMATCHED, why);
    }
}

fn list(set: &BTreeSet<Vec<u8>>) -> String {
    if set.is_empty() { "none".to_owned() } else { set.iter().map(|data| shown(data)).collect::<Vec<_>>().join(", ") }
}

/// Data of a DS record as zone files have it.
fn shown(data: &[u8]) -> String {
    match data {
        [high, low, algorithm, digest, value @ ..] => {
            format!("{} {algorithm} {digest} {}", u16::from_be_bytes([*high, *low]), hex(value).to_ascii_uppercase())
        }
        _ => hex(data),
    }
}
