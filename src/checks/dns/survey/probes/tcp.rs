//! The same question over TCP (RFC 7766): answered, and alike.

use crate::checks::dns::survey::querier::Querier;
use crate::checks::dns::survey::records;
use crate::checks::dns::survey::server_report::ServerReport;
use crate::checks::dns::survey::settings::Settings;
use crate::model::Fault;
use crate::proto::dns::message::{Reply, ResourceRecord};
use crate::proto::dns::question::Question;
use crate::proto::dns::types;

pub(super) async fn probe(
    settings: &Settings,
    querier: &mut Querier<'_>,
    report: &mut ServerReport,
) -> Result<(), Fault> {
    let question = settings.plain_question();
    let result = querier.tcp(&question).await?;
    if result.outcome == "unasked" {
        return Ok(());
    }
    report.findings.tcp = Some(result.outcome == "answered");
    if result.outcome != "answered" {
        querier.log.note(format!("over TCP it is {}", result.outcome));
    }
    let Some(whole) = result.reply else { return Ok(()) };
    let again = querier.udp(&question).await?;
    let Some(datagram) = again.reply else { return Ok(()) };
    if !datagram.truncated() {
        compare(&question, &whole, &datagram, querier, report);
        return Ok(());
    }
    // Too large to compare: the SOA of the zone stands for it.
    let Some(zone) = settings.zone().filter(|_| settings.named) else {
        begun(&question, &whole, &datagram, querier, report);
        return Ok(());
    };
    let apex = Question::own(zone.clone(), types::SOA);
    let (one, other) = (querier.tcp(&apex).await?, querier.udp(&apex).await?);
    if let (Some(one), Some(other)) = (one.reply, other.reply) {
        compare(&apex, &one, &other, querier, report);
    }
    Ok(())
}

/// Whether what is cut over UDP begins what is whole over TCP: with its code, its AA, and records of it.
fn begun(question: &Question, whole: &Reply, datagram: &Reply, querier: &mut Querier<'_>, report: &mut ServerReport) {
    let has = |cut: &ResourceRecord| {
        let same = |one: &ResourceRecord| one.code == cut.code && one.owner == cut.owner && one.data == cut.data;
        cut.code == types::RRSIG || whole.answers.iter().any(same)
    };
    let same =
        whole.rcode == datagram.rcode && whole.has("aa") == datagram.has("aa") && datagram.answers.iter().all(has);
    if !same {
        querier.log.note(format!("{}: what is truncated over UDP is no part of the answer over TCP", question.title()));
    }
    report.findings.tcp_same = Some(same);
}

fn compare(question: &Question, whole: &Reply, datagram: &Reply, querier: &mut Querier<'_>, report: &mut ServerReport) {
    let (over_tcp, over_udp) = (records::fingerprint(whole, false), records::fingerprint(datagram, false));
    if over_tcp != over_udp {
        querier.log.note(format!("{}: over TCP {over_tcp}; over UDP {over_udp}", question.title()));
    }
    report.findings.tcp_same = Some(over_tcp == over_udp);
}
