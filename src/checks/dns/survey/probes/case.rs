//! Upper and lower case of the question: kept in the answer (draft-vixie-dnsext-dns0x20), and no matter for the records.

use hickory_proto::rr::Name;

use crate::checks::dns::survey::querier::{ControlledReply, Querier};
use crate::checks::dns::survey::records;
use crate::checks::dns::survey::server_report::ServerReport;
use crate::checks::dns::survey::settings::Settings;
use crate::model::Fault;
use crate::proto::dns::rdata;

pub(super) async fn probe(
    settings: &Settings,
    querier: &mut Querier<'_>,
    report: &mut ServerReport,
) -> Result<(), Fault> {
    let question = settings.plain_question();
    let Some(mixed) = mixed(&question.name) else { return Ok(()) };
    let plain = match querier.ask_with_control(&question).await? {
        ControlledReply::Reply(reply, _) => reply,
        ControlledReply::Silent | ControlledReply::Unknown => return Ok(()),
    };
    match querier.ask_with_control(&question.about(mixed.clone(), question.code)).await? {
        ControlledReply::Reply(reply, _) => {
            let Some(back) = &reply.question else { return Ok(()) };
            let kept = back.eq_ignore_root_case(&mixed);
            if !kept {
                querier.log.note(format!("asked for {}, sent back as {}", rdata::name(&mixed), rdata::name(back)));
            }
            let same = records::fingerprint(&reply, false) == records::fingerprint(&plain, false);
            if !same {
                querier.log.note(format!(
                    "{} has other records than {}",
                    rdata::name(&mixed),
                    rdata::name(&question.name)
                ));
            }
            (report.findings.case, report.findings.caseless) = (Some(kept), Some(same));
        }
        ControlledReply::Silent => {
            querier.log.note(format!("no answer to {}, but to the name in lower case", rdata::name(&mixed)));
            (report.findings.case, report.findings.caseless) = (Some(false), Some(false));
        }
        ControlledReply::Unknown => {}
    }
    Ok(())
}

/// The name with every other letter the other way round; nothing when it has no letter.
pub(super) fn mixed(name: &Name) -> Option<Name> {
    let mut upper = false;
    let labels: Vec<Vec<u8>> = name
        .iter()
        .map(|label| {
            let turn = |byte: &u8| {
                upper ^= byte.is_ascii_alphabetic();
                if upper { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() }
            };
            label.iter().map(turn).collect()
        })
        .collect();
    let mut mixed = Name::from_labels(labels.iter().map(Vec::as_slice)).ok()?;
    mixed.set_fqdn(true);
    (!mixed.eq_ignore_root_case(&mixed.to_lowercase())).then_some(mixed)
}
