//! `best_practice`: what RFCs and operators recommend of a zone, and the PTR records of its servers.

use hickory_proto::rr::Name;
use tokio::time::Instant;

use super::facts::{BEST_PRACTICE, REVERSE_MISMATCH, REVERSE_MISSING};
use crate::checks::dns::survey::DISCOVERY;
use crate::checks::dns::survey::resolver::Resolver;
use crate::checks::dns::survey::server_report::ServerReport;
use crate::checks::dns::survey::settings::Settings;
use crate::checks::dns::survey::zone::Zone;
use crate::model::Fault;
use crate::probe::Cx;
use crate::proto::dns::{rcode, types};

/// What it expects; a check that speaks of one of these facts replaces it. The bounds of the SOA are those Zonemaster uses
/// (ZONE02 to ZONE06); RFC 2308 section 5 asks for a negative TTL of a day at most.
pub(in crate::checks::dns) const EXPECT: &str = "ns.child: {len: {ge: 2}}\nservers.networks: {ge: 2}\nservers.shared: {len: 0}\n\
    servers.special: {len: 0}\nns.alias: {len: 0}\nnames.invalid: {len: 0}\nreferral.size: {any_of: [{le: 512 B}, {present: false}]}\n\
    soa.mname_server: serves\nsoa.timers_ordered: true\nsoa.refresh: {ge: 4h}\nsoa.retry: {ge: 1h}\nsoa.expire: {ge: 7d}\n\
    soa.minimum: {between: [5m, 1d]}\nreverse.missing: {len: 0}";

/// Asks a resolver for the PTR records of every server's address.
pub(super) async fn reverse(
    cx: &mut Cx<'_>,
    settings: &Settings,
    zone: &Zone,
    reports: &[ServerReport],
    seed: u64,
) -> Result<(), Fault> {
    let end = Instant::now() + settings.policy.patience * DISCOVERY;
    let (mut missing, mut mismatch, mut open) = (Vec::new(), Vec::new(), Vec::new());
    let resolver = match Resolver::new(&settings.policy, &zone.via, end, seed).await {
        Ok(resolver) => resolver,
        Err(fault) => {
            cx.unavailable(BEST_PRACTICE.iter(), &fault);
            return Ok(());
        }
    };
    for report in reports {
        let Some(address) = report.server.address.map(|socket| socket.ip()) else { continue };
        let name = Name::from(address);
        let reply = match resolver.ask(&name, types::PTR).await {
            Ok(reply) => reply,
            Err(fault) => {
                cx.unavailable(BEST_PRACTICE.iter(), &fault);
                return Ok(());
            }
        };
        if !matches!(reply.rcode, rcode::NOERROR | rcode::NXDOMAIN) {
            open.push(format!("{address} ({})", rcode::text(reply.rcode)));
            continue;
        }
        let hosts: Vec<String> = reply
            .answers
            .iter()
            .filter(|record| record.code == types::PTR && record.sound)
            .map(|record| record.data.to_ascii_lowercase())
            .collect();
        if hosts.is_empty() {
            missing.push(address.to_string());
        } else if report.server.name.as_ref().is_some_and(|name| !hosts.contains(name)) {
            mismatch.push(format!("{address} {}", hosts.join(" ")));
        }
    }
    for (fact, list) in [(&REVERSE_MISSING, missing), (&REVERSE_MISMATCH, mismatch)] {
        if open.is_empty() || !list.is_empty() {
            cx.set(fact, list);
        }
        if !open.is_empty() {
            cx.partial(fact, format!("no PTR could be looked up of {}", open.join(", ")));
        }
    }
    Ok(())
}
