//! Probes: what a survey looks at beyond the records, each only where the check names it.

mod absence;
mod edns;
mod letters;
mod outside;
mod transfer;
mod truncation;
mod version;

use super::asker::Asker;
use super::fields::Probe;
use super::look::Look;
use super::{Survey, said};
use crate::model::Fault;
use crate::proto::dns::message::Reply;
use crate::proto::dns::question::Question;
use crate::proto::dns::types;

pub(super) use transfer::Transfer;

/// What the probes found of one server; what could not be seen is not there.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) tcp: Option<bool>,
    pub(super) tcp_same: Option<bool>,
    pub(super) edns: Option<bool>,
    pub(super) edns_version: Option<bool>,
    pub(super) edns_option: Option<bool>,
    pub(super) edns_flag: Option<bool>,
    /// At 512 and at 1232 bytes.
    pub(super) cuts: [Option<&'static str>; 2],
    pub(super) transfer: Option<Transfer>,
    pub(super) open: Option<bool>,
    pub(super) upward: Option<bool>,
    pub(super) case: Option<bool>,
    pub(super) caseless: Option<bool>,
    /// Text of version.bind; empty when there is none.
    pub(super) version: Option<String>,
    pub(super) nxdomain: Option<&'static str>,
    pub(super) nodata: Option<&'static str>,
    pub(super) empty: Option<&'static str>,
    pub(super) wildcard: Option<bool>,
    /// Denials carry the SOA; nothing when there was no denial.
    pub(super) denial: Option<bool>,
}

/// The probes of the check, one after the other.
pub(super) async fn all(survey: &Survey, asker: &mut Asker<'_>, look: &mut Look, seed: u64) -> Result<(), Fault> {
    for probe in &survey.probes {
        match probe {
            Probe::Tcp => tcp(survey, asker, look).await?,
            Probe::Edns => edns::look(survey, asker, look).await?,
            Probe::Truncation => truncation::look(survey, asker, look).await?,
            Probe::Case => letters::look(survey, asker, look).await?,
            Probe::Negative => absence::look(survey, asker, look, seed).await?,
            Probe::Version => version::look(asker, look).await?,
            Probe::Recursion => outside::look(survey, asker, look).await?,
            Probe::Axfr => transfer::look(survey, asker, look, seed).await?,
            // It stands for the others, which are in the list.
            Probe::All => {}
        }
    }
    Ok(())
}

/// The same question over TCP (RFC 7766): answered, and alike.
async fn tcp(survey: &Survey, asker: &mut Asker<'_>, look: &mut Look) -> Result<(), Fault> {
    let question = survey.plain_question();
    let heard = asker.tcp(&question).await?;
    if heard.outcome == "unasked" {
        return Ok(());
    }
    look.findings.tcp = Some(heard.outcome == "answered");
    if heard.outcome != "answered" {
        asker.tally.note(format!("over TCP it is {}", heard.outcome));
    }
    let Some(whole) = heard.reply else { return Ok(()) };
    let again = asker.udp(&question).await?;
    let Some(datagram) = again.reply.filter(|reply| !reply.truncated()) else {
        // Too large to compare: the SOA of the zone stands for it.
        let Some(zone) = survey.zone().filter(|_| survey.named) else { return Ok(()) };
        let apex = Question::own(zone.clone(), types::SOA);
        let (one, other) = (asker.tcp(&apex).await?, asker.udp(&apex).await?);
        if let (Some(one), Some(other)) = (one.reply, other.reply) {
            compare(&apex, &one, &other, asker, look);
        }
        return Ok(());
    };
    compare(&question, &whole, &datagram, asker, look);
    Ok(())
}

fn compare(question: &Question, whole: &Reply, datagram: &Reply, asker: &mut Asker<'_>, look: &mut Look) {
    let (over_tcp, over_udp) = (said::fingerprint(whole, false), said::fingerprint(datagram, false));
    if over_tcp != over_udp {
        asker.tally.note(format!("{}: over TCP {over_tcp}; over UDP {over_udp}", question.title()));
    }
    look.findings.tcp_same = Some(over_tcp == over_udp);
}
