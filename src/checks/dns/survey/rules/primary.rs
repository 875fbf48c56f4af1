//! The server that MNAME of the SOA names: whether it serves the zone, and is not behind the others.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use hickory_proto::rr::Name;
use tokio::time::Instant;

use super::facts::MNAME_SERVER;
use crate::checks::dns::survey::DISCOVERY;
use crate::checks::dns::survey::consensus::common;
use crate::checks::dns::survey::querier::Querier;
use crate::checks::dns::survey::resolver::Resolver;
use crate::checks::dns::survey::response_summary::ResponseSummary;
use crate::checks::dns::survey::server_report::ServerReport;
use crate::checks::dns::survey::settings::Settings;
use crate::checks::dns::survey::zone::Zone;
use crate::checks::dns::survey::{names, records, serial};
use crate::model::Fault;
use crate::probe::Cx;
use crate::proto::dns::question::Question;
use crate::proto::dns::{rcode, types};

/// Addresses of the primary that are asked.
const ADDRESSES: usize = 8;
/// Words of the fact, from good to bad.
const ORDER: &[&str] = &["serves", "behind", "silent", "not_authoritative"];

pub(super) async fn record(
    cx: &mut Cx<'_>,
    settings: &Settings,
    zone: &Zone,
    reports: &[ServerReport],
    seed: u64,
) -> Result<(), Fault> {
    let Some(mname) = common(reports.iter().map(|report| report.soa().map(|soa| soa.mname.clone()))) else {
        cx.partial(&MNAME_SERVER, "not every server gave a SOA with the same MNAME");
        return Ok(());
    };
    let Some(name) = names::parse(&mname).filter(|name| !name.is_root()) else {
        cx.set(&MNAME_SERVER, "none");
        return Ok(());
    };
    let newest = serial::ahead(&reports.iter().filter_map(ServerReport::soa).map(|soa| soa.serial).collect::<Vec<_>>());
    let newest = newest.map(|(serial, _)| serial);
    let own: Vec<&ServerReport> =
        reports.iter().filter(|report| report.server.name.as_deref() == Some(mname.as_str())).collect();
    let mut words = Vec::new();
    if own.is_empty() {
        let addresses = match addresses(settings, zone, &name, reports, seed).await {
            Ok(Ok(addresses)) => addresses,
            Ok(Err(why)) => {
                cx.partial(&MNAME_SERVER, why);
                return Ok(());
            }
            Err(fault) => {
                cx.unavailable(std::iter::once(&MNAME_SERVER.info), &fault);
                return Ok(());
            }
        };
        for address in addresses.iter().take(ADDRESSES) {
            let word = ask(settings, zone, SocketAddr::new(*address, zone.port), newest, seed).await?;
            cx.note(format!("MNAME {mname}/{address}: {word}"));
            words.push(word);
        }
        if addresses.len() > ADDRESSES {
            cx.partial(&MNAME_SERVER, format!("of {} addresses of {mname} {ADDRESSES} are asked", addresses.len()));
        }
    } else {
        words.extend(
            own.iter().filter(|report| report.server.address.is_some()).map(|report| of_report(report, newest)),
        );
    }
    let rank = |word: &&'static str| ORDER.iter().position(|known| known == word);
    cx.set(&MNAME_SERVER, words.into_iter().max_by_key(rank).unwrap_or("unresolved"));
    Ok(())
}

/// One that was asked already.
fn of_report(report: &ServerReport, newest: Option<u32>) -> &'static str {
    if !report.apex.as_ref().is_some_and(ResponseSummary::answered) {
        return "silent";
    }
    word(report.serves(), report.soa().map(|soa| soa.serial), newest)
}

fn word(serves: bool, own: Option<u32>, newest: Option<u32>) -> &'static str {
    match (serves, own, newest) {
        (false, ..) => "not_authoritative",
        (true, Some(own), Some(newest)) if !serial::reached(own, newest) => "behind",
        (true, ..) => "serves",
    }
}

async fn ask(
    settings: &Settings,
    zone: &Zone,
    server: SocketAddr,
    newest: Option<u32>,
    seed: u64,
) -> Result<&'static str, Fault> {
    let time = settings.policy.patience * (settings.policy.attempts + 1);
    let mut querier = Querier::new(&settings.policy, server, time, seed);
    let result = querier.ask(&Question::own(zone.name.clone(), types::SOA)).await?;
    let Some(reply) = result.reply else { return Ok("silent") };
    let soa = records::soa(&reply.answers, &zone.name);
    let serves = reply.rcode == rcode::NOERROR && reply.has("aa") && soa.is_some();
    Ok(word(serves, soa.map(|soa| soa.serial), newest))
}

/// Addresses of the primary: inside the zone its servers have them, outside a resolver. The inner `Err` says why they are not
/// known.
async fn addresses(
    settings: &Settings,
    zone: &Zone,
    name: &Name,
    reports: &[ServerReport],
    seed: u64,
) -> Result<Result<BTreeSet<IpAddr>, String>, Fault> {
    let end = Instant::now() + settings.policy.patience * DISCOVERY;
    let unknown = |kind: &str| Err(format!("the {kind} records of {} could not be looked up", names::text(name)));
    let version = settings.policy.version;
    if !zone.name.zone_of(name) {
        let found = Resolver::new(&settings.policy, &zone.via, end, seed).await?.addresses(name).await?;
        return Ok(match (found.v4_known, found.v6_known) {
            (false, _) if version.admits(IpAddr::from([0, 0, 0, 0])) => unknown("A"),
            (_, false) if version.admits(IpAddr::from([0_u16; 8])) => unknown("AAAA"),
            _ => Ok(found.found),
        });
    }
    let Some(server) = reports.iter().find(|report| report.serves()).and_then(|report| report.server.address) else {
        return Ok(unknown("A and AAAA"));
    };
    let time = end.saturating_duration_since(Instant::now());
    let mut querier = Querier::new(&settings.policy, server, time, seed);
    let mut out = BTreeSet::new();
    for (code, kind) in [(types::A, "A"), (types::AAAA, "AAAA")] {
        let question = Question::own(name.clone(), code);
        let result = querier.ask(&question).await?;
        let known = |reply: &crate::proto::dns::message::Reply| matches!(reply.rcode, rcode::NOERROR | rcode::NXDOMAIN);
        let Some(reply) = result.reply.filter(|reply| known(reply) && !reply.truncated()) else {
            return Ok(unknown(kind));
        };
        let data = records::data_of(&reply.answers, &question, name);
        let found = data.iter().filter_map(|data| data.parse::<IpAddr>().ok());
        out.extend(found.filter(|address| version.admits(*address)));
    }
    Ok(Ok(out))
}
