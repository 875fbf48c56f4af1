//! A name the server has nothing to do with: looked up for anybody, or referred upwards.

use crate::checks::dns::survey::querier::{ControlledReply, Querier};
use crate::checks::dns::survey::server_report::ServerReport;
use crate::checks::dns::survey::settings::Settings;
use crate::model::Fault;
use crate::proto::dns::message::Reply;
use crate::proto::dns::question::Question;
use crate::proto::dns::{rcode, types};

pub(super) async fn probe(
    settings: &Settings,
    querier: &mut Querier<'_>,
    report: &mut ServerReport,
) -> Result<(), Fault> {
    let question = Question::own(settings.outside.clone(), types::A).recursive(true);
    match querier.ask_with_control(&question).await? {
        ControlledReply::Reply(reply, _) => {
            report.findings.open_recursion = Some(open(&reply));
            report.findings.upward_referral = Some(upward(settings, &reply));
            if open(&reply) {
                let (code, count) = (rcode::text(reply.rcode), reply.answers.len());
                querier.log.note(format!("looks up {} for anybody: {code}, {count} answers", question.title()));
            }
        }
        // A server that offers no recursion drops what is not its own. One that does may still be looking.
        ControlledReply::Silent => {
            let offered = report.summaries().any(|summary| summary.has("ra"));
            if offered {
                querier.log.note(format!("offers recursion (RA), and is silent about {}", question.title()));
            } else {
                (report.findings.open_recursion, report.findings.upward_referral) = (Some(false), Some(false));
            }
        }
        ControlledReply::Unknown => {}
    }
    Ok(())
}

/// It has an answer, or tried to get one: with RA set, a failure to is one of its own search. An answer with authority
/// needs no search.
fn open(reply: &Reply) -> bool {
    let found = !reply.has("aa") && (!reply.answers.is_empty() || reply.rcode == rcode::NXDOMAIN);
    found || (reply.has("ra") && matches!(reply.rcode, rcode::NOERROR | rcode::SERVFAIL))
}

/// NS records of the root, or of a zone above, for a name outside.
fn upward(settings: &Settings, reply: &Reply) -> bool {
    let above = |record: &crate::proto::dns::message::ResourceRecord| {
        record.code == types::NS && settings.zone().map_or(record.owner.is_root(), |zone| record.owner.zone_of(zone))
    };
    reply.answers.is_empty() && !reply.has("aa") && reply.authority.iter().any(above)
}
