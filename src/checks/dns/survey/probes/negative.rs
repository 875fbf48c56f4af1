//! Answers about what is not there: a name (NXDOMAIN), a type (NODATA), a name that only has others below it (RFC 2308, RFC 8020).

use hickory_proto::rr::Name;

use crate::checks::dns::survey::querier::{ControlledReply, Querier};
use crate::checks::dns::survey::server_report::ServerReport;
use crate::checks::dns::survey::settings::Settings;
use crate::checks::dns::survey::{names, records};
use crate::model::Fault;
use crate::proto::dns::message::Reply;
use crate::proto::dns::question::Question;
use crate::proto::dns::{rcode, types};
use crate::stats::seed;

/// A type for private use that no zone's own name is expected to have.
const PRIVATE: u16 = 65_321;
/// Names between the one asked for and the zone that are asked for.
const BETWEEN: usize = 4;

pub(super) async fn probe(
    settings: &Settings,
    querier: &mut Querier<'_>,
    report: &mut ServerReport,
    seed: u64,
) -> Result<(), Fault> {
    let Some(zone) = settings.zone().filter(|_| report.serves()) else { return Ok(()) };
    let ttl = report.soa().map(records::Soa::negative_ttl);
    let mut denials = Vec::new();
    if let Some(random) = random(zone, seed, report.label()) {
        let word = ask(querier, zone, &Question::own(random, types::A), ttl, &mut denials).await?;
        report.findings.wildcard = word.map(|word| word == "answer");
        report.findings.nxdomain = word;
    }
    let nodata = Question::own(zone.clone(), PRIVATE);
    report.findings.nodata = ask(querier, zone, &nodata, ttl, &mut denials).await?;
    report.findings.empty_non_terminal = between(settings, querier, report, ttl, &mut denials).await?;
    report.findings.negative_soa = denials.iter().copied().reduce(|one, other| one && other);
    Ok(())
}

/// The names between the one asked for and the zone exist, since something stands below them.
async fn between(
    settings: &Settings,
    querier: &mut Querier<'_>,
    report: &mut ServerReport,
    ttl: Option<u32>,
    denials: &mut Vec<bool>,
) -> Result<Option<&'static str>, Fault> {
    let there =
        report.asked.as_ref().is_some_and(|summary| summary.answers.as_ref().is_none_or(|answers| !answers.is_empty()));
    let Some(zone) = settings.zone().filter(|_| there) else { return Ok(None) };
    let mut name = settings.question.name.base_name();
    let mut worst = None;
    for step in 0..=BETWEEN {
        if !zone.zone_of(&name) || name.eq_ignore_root(zone) {
            break;
        }
        if step == BETWEEN {
            report.findings.empty_unseen = worst != Some("nxdomain");
            querier.log.note(format!("{} and the names above it were not asked for", names::text(&name)));
            return Ok(worst.filter(|word| *word == "nxdomain"));
        }
        let Some(word) = ask(querier, zone, &Question::own(name.clone(), types::A), ttl, denials).await? else {
            report.findings.empty_unseen = true;
            return Ok(None);
        };
        if word == "nxdomain" {
            querier.log.note(format!("{} is NXDOMAIN, although there is a name below it", names::text(&name)));
        }
        // A name with records of its own says nothing of empty ones, and a wrong denial counts most.
        worst = match (worst, word) {
            (Some("nxdomain"), _) => worst,
            (Some(before), "answer") => Some(before),
            _ => Some(word),
        };
        name = name.base_name();
    }
    Ok(worst)
}

async fn ask(
    querier: &mut Querier<'_>,
    zone: &Name,
    question: &Question,
    ttl: Option<u32>,
    denials: &mut Vec<bool>,
) -> Result<Option<&'static str>, Fault> {
    let reply = match querier.ask_with_control(question).await? {
        ControlledReply::Reply(reply, _) => reply,
        ControlledReply::Silent => return Ok(Some("silent")),
        ControlledReply::Unknown => return Ok(None),
    };
    let word = word(&reply, question.code);
    if matches!(word, "nxdomain" | "nodata") {
        let flaw = match (records::soa(&reply.authority, zone), ttl) {
            (None, _) => Some("denied without the SOA of the zone".to_owned()),
            (Some(soa), Some(ttl)) if soa.ttl != ttl => {
                Some(format!("denied with a SOA of TTL {}, not {ttl}", soa.ttl))
            }
            (Some(_), _) => None,
        };
        denials.push(flaw.is_none());
        if let Some(flaw) = flaw {
            querier.log.note(format!("{}: {flaw}", question.title()));
        }
    }
    Ok(Some(word))
}

fn word(reply: &Reply, code: u16) -> &'static str {
    match reply.rcode {
        rcode::NXDOMAIN => "nxdomain",
        rcode::NOERROR if reply.answers.iter().any(|record| record.code == code || record.code == types::CNAME) => {
            "answer"
        }
        rcode::NOERROR if !reply.has("aa") => "referral",
        rcode::NOERROR => "nodata",
        _ => "error",
    }
}

/// A name below the zone that nobody has thought of.
pub(super) fn random(zone: &Name, seed: u64, server: &str) -> Option<Name> {
    zone.prepend_label(format!("sd-{:016x}", seed::derive(seed, server)).as_str()).ok()
}
