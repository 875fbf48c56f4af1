//! Answers at the sizes of a resolver: never longer than asked for, TC when cut, whole over TCP (RFC 6891, RFC 7766).

use std::collections::BTreeSet;

use super::decides;
use crate::checks::dns::survey::querier::{ControlledReply, Querier};
use crate::checks::dns::survey::server_report::ServerReport;
use crate::checks::dns::survey::settings::Settings;
use crate::model::Fault;
use crate::model::count::counted;
use crate::proto::dns::message::Reply;
use crate::proto::dns::question::{EdnsRequest, Question};
use crate::proto::dns::types;

/// The least every resolver takes, and what most ask for.
const SIZES: [u16; 2] = [512, 1232];

pub(super) async fn probe(
    settings: &Settings,
    querier: &mut Querier<'_>,
    report: &mut ServerReport,
) -> Result<(), Fault> {
    for (place, size) in SIZES.into_iter().enumerate() {
        let cut = at(settings, querier, size).await?;
        if let Some(slot) = report.findings.truncation.get_mut(place) {
            *slot = cut;
        }
    }
    Ok(())
}

async fn at(settings: &Settings, querier: &mut Querier<'_>, size: u16) -> Result<Option<&'static str>, Fault> {
    let question = large(settings, size);
    let (reply, length) = match querier.ask_with_control(&question).await? {
        ControlledReply::Reply(reply, length) => (reply, length),
        ControlledReply::Silent => {
            querier.log.note(format!("{}: no answer of at most {size} bytes over UDP", question.title()));
            return Ok(Some("silent"));
        }
        ControlledReply::Unknown => return Ok(None),
    };
    if !decides(querier, &question.title(), &reply) {
        return Ok(None);
    }
    let limit = usize::from(size);
    if length > limit {
        querier.log.note(format!("{}: {length} bytes, where {size} are asked for", question.title()));
        return Ok(Some("oversized"));
    }
    let result = querier.tcp(&question).await?;
    let (whole, full) = match result.reply {
        Some(whole) if !whole.truncated() && decides(querier, &question.title(), &whole) => (whole, result.size),
        _ if result.outcome == "unasked" => return Ok(None),
        _ if reply.truncated() => {
            let over = if result.outcome == "answered" { "truncated" } else { result.outcome };
            querier.log.note(format!("{}: truncated at {size} bytes, and {over} over TCP", question.title()));
            return Ok(Some("whole_nowhere"));
        }
        // Whether it is whole cannot be known without the other.
        _ => return Ok(None),
    };
    let word = match (reply.truncated(), full > limit) {
        (true, true) => "truncated",
        (true, false) => "needless",
        (false, _) if answers(&reply) != answers(&whole) => "incomplete",
        (false, _) => "fits",
    };
    if matches!(word, "needless" | "incomplete") {
        let (cut, all) = (reply.answers.len(), whole.answers.len());
        querier.log.note(format!(
            "{}: {word} at {size} bytes: {} in {length} bytes, over TCP {all} in {full}",
            question.title(),
            counted(cut, "record")
        ));
    }
    Ok(Some(word))
}

/// The question of the check; without a name of its own, the keys of the zone with their signatures.
fn large(settings: &Settings, size: u16) -> Question {
    let keys = settings.zone().filter(|_| !settings.named);
    let question = match keys {
        Some(zone) => Question::own(zone.clone(), types::DNSKEY),
        None => settings.plain_question(),
    };
    question.edns(Some(EdnsRequest { size, dnssec: keys.is_some(), ..EdnsRequest::default() }))
}

/// The records without their signatures, which some servers make anew for each answer.
fn answers(reply: &Reply) -> BTreeSet<(u16, &str)> {
    let records = reply.answers.iter().filter(|record| record.code != types::RRSIG);
    records.map(|record| (record.code, record.data.as_str())).collect()
}
