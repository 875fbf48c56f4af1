//! Addresses the parent sends along for servers named outside the zone, held against those a resolver finds.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::facts::{SIBLING, SIBLING_AGREE};
use crate::checks::dns::survey::consensus::all;
use crate::checks::dns::survey::delegation::Delegation;
use crate::checks::dns::survey::fields::{AUTHORITATIVE, NS, PARENT, VIA};
use crate::checks::dns::survey::server_report::ServerAddresses;
use crate::model::{Args, Fault};
use crate::probe::Cx;

/// A resolver is known to be there: the suite names one, or it found the parent.
pub(in crate::checks::dns::survey) fn applies(args: &Args) -> bool {
    args.get(&AUTHORITATIVE).is_some_and(|zone| !zone.given(&NS) && (zone.given(&VIA) || !zone.given(&PARENT)))
}

/// Sibling glue, and what a resolver says of it.
pub(in crate::checks::dns::survey) enum SiblingGlue {
    /// By name: the addresses of the parent, those of the resolver.
    Asked(Vec<(String, BTreeSet<IpAddr>, ServerAddresses)>),
    /// No resolver answered.
    Failed(Fault),
}

pub(super) fn record(cx: &mut Cx<'_>, known: &Delegation) {
    match &known.siblings {
        None => {}
        Some(SiblingGlue::Failed(fault)) => cx.unavailable(SIBLING.iter(), fault),
        Some(SiblingGlue::Asked(names)) => compare(cx, names),
    }
}

fn compare(cx: &mut Cx<'_>, names: &[(String, BTreeSet<IpAddr>, ServerAddresses)]) {
    let (mut verdicts, mut open) = (Vec::new(), Vec::new());
    for (name, glue, own) in names {
        let verdict = agree(glue, own);
        verdicts.push(verdict);
        match verdict {
            Some(true) => {}
            Some(false) => cx.note(format!(
                "{name}: the parent sends along [{}], and a resolver finds [{}]",
                list(glue),
                list(&own.found)
            )),
            None => open.push(name.as_str()),
        }
    }
    match all(verdicts).filter(|_| !names.is_empty()) {
        Some(agree) => cx.set(&SIBLING_AGREE, agree),
        None if open.is_empty() => {}
        None => {
            cx.partial(&SIBLING_AGREE, format!("a resolver could not look up all addresses of {}", open.join(", ")));
        }
    }
}

/// Whether each address is one that was found; of a family that was not looked up nothing is known.
fn agree(glue: &BTreeSet<IpAddr>, own: &ServerAddresses) -> Option<bool> {
    all(glue.iter().map(|address| {
        let known = if address.is_ipv4() { own.v4_known } else { own.v6_known };
        known.then(|| own.found.contains(address))
    }))
}

fn list(addresses: &BTreeSet<IpAddr>) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
