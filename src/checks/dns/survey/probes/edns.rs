//! EDNS as RFC 6891 wants it: a version it does not know, an option it does not know, a flag it does not know.

use super::{alike, judged};
use crate::checks::dns::survey::querier::{ControlledReply, Querier};
use crate::checks::dns::survey::server_report::ServerReport;
use crate::checks::dns::survey::settings::Settings;
use crate::model::Fault;
use crate::proto::dns::message::Reply;
use crate::proto::dns::question::EdnsRequest;
use crate::proto::dns::rcode;

/// An option code nobody has been assigned, below those for local use.
const OPTION: u16 = 0x0f0f;
/// The last of the flags without a meaning.
const FLAG: u16 = 0x0001;

pub(super) async fn probe(
    settings: &Settings,
    querier: &mut Querier<'_>,
    report: &mut ServerReport,
) -> Result<(), Fault> {
    let question = settings.plain_question();
    let plain = match querier.ask_with_control(&question).await? {
        ControlledReply::Reply(reply, _) => reply,
        ControlledReply::Silent => {
            querier.log.note("no answer to a query with EDNS, but to one without");
            report.findings.edns = Some(false);
            return Ok(());
        }
        ControlledReply::Unknown => return Ok(()),
    };
    // Who sends the OPT of a query back with an error does not speak EDNS either.
    let unread = matches!(plain.rcode, rcode::FORMERR | rcode::NOTIMP | rcode::BADVERS);
    report.findings.edns = Some(plain.edns.is_some() && !unread);
    let wish = |change: fn(&mut EdnsRequest)| {
        let mut wish = EdnsRequest::default();
        change(&mut wish);
        question.clone().edns(Some(wish))
    };
    let version = querier.ask_with_control(&wish(|wish| wish.version = 1)).await?;
    report.findings.edns_version = judged(querier, &version, "EDNS version 1", |reply| {
        let version = reply.edns.as_ref().map(|edns| edns.version);
        reply.rcode == rcode::BADVERS && version == Some(0)
    });
    let same = |reply: &Reply| !unread && alike(reply, &plain);
    let option = querier.ask_with_control(&wish(|wish| wish.option = Some(OPTION))).await?;
    report.findings.edns_option = judged(querier, &option, "an unknown EDNS option", |reply| {
        same(reply) && reply.edns.as_ref().is_some_and(|edns| !edns.options.contains(&OPTION))
    });
    let flag = querier.ask_with_control(&wish(|wish| wish.flags = FLAG)).await?;
    report.findings.edns_flag = judged(querier, &flag, "an unknown EDNS flag", |reply| {
        same(reply) && reply.edns.as_ref().is_some_and(|edns| edns.flags & FLAG == 0)
    });
    Ok(())
}
