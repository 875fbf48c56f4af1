//! Bits of the header that a server does not know or need not heed (RFC 8906 section 8.1): an unknown opcode, the reserved bit,
//! AD and CD.

use super::{alike, decides, judged};
use crate::checks::dns::survey::querier::Querier;
use crate::checks::dns::survey::server_report::ServerReport;
use crate::checks::dns::survey::settings::Settings;
use crate::model::Fault;
use crate::proto::dns::message::Reply;
use crate::proto::dns::rcode;

/// The last opcode, which nobody has been assigned.
const OPCODE: u16 = 15 << 11;
const Z: u16 = 0x0040;
const AD: u16 = 0x0020;
const CD: u16 = 0x0010;

pub(super) async fn probe(
    settings: &Settings,
    querier: &mut Querier<'_>,
    report: &mut ServerReport,
) -> Result<(), Fault> {
    // Plain, so that nothing but the bit is new to it; as large an answer as any server gives without EDNS.
    let question = settings.plain_question().edns(None);
    let opcode = querier.ask_with_control(&question.clone().header(OPCODE)).await?;
    report.findings.opcode = judged(querier, &opcode, "opcode 15", |reply| {
        let empty = reply.answers.is_empty() && reply.authority.is_empty();
        reply.rcode == rcode::NOTIMP && empty
    });
    let Some(plain) = querier.udp(&question).await?.reply else { return Ok(()) };
    if !decides(querier, "a query without EDNS", &plain) {
        return Ok(());
    }
    let same = |reply: &Reply| alike(reply, &plain);
    let reserved = querier.ask_with_control(&question.clone().header(Z)).await?;
    report.findings.reserved =
        judged(querier, &reserved, "the reserved bit (Z)", |reply| same(reply) && !reply.reserved());
    let authentic = querier.ask_with_control(&question.clone().header(AD)).await?;
    report.findings.authentic = judged(querier, &authentic, "AD", same);
    let unchecked = querier.ask_with_control(&question.header(CD)).await?;
    report.findings.unchecked = judged(querier, &unchecked, "CD", same);
    Ok(())
}
