//! One server: the questions every survey asks, then the probes the check names.

use std::collections::BTreeSet;
use std::net::IpAddr;

use hickory_proto::rr::Name;

use super::chain::Chain;
use super::querier::{Querier, QueryResult};
use super::response_summary::ResponseSummary;
use super::rules::ask_keys;
use super::server_report::{DnsServer, ServerAddresses, ServerReport};
use super::settings::Settings;
use super::{names, probes, records};
use crate::model::Fault;
use crate::proto::dns::question::Question;
use crate::proto::dns::{rcode, types};
use crate::proto::dnssec::Digest;

/// Names of servers inside the zone whose addresses are asked for.
const NAMES: usize = 13;
/// Questions that follow aliases out of the first answer.
const FOLLOWED: usize = 8;

/// What the parent's side says, for the questions that hold a server against it.
#[derive(Default)]
pub(super) struct Delegated {
    /// Names of the servers.
    pub(super) names: BTreeSet<String>,
    /// DS sets that can be checked.
    pub(super) ds: Vec<Vec<Digest>>,
}

/// Asks one server everything.
pub(super) async fn probe(
    settings: &Settings,
    server: DnsServer,
    delegated: &Delegated,
    seed: u64,
) -> Result<ServerReport, Fault> {
    let mut report = ServerReport::new(server);
    let Some(address) = report.server.address else { return Ok(report) };
    let mut querier = Querier::new(&settings.policy, address, settings.per_server(), seed);
    let mut edns = EdnsFallback { without: false };
    let question = common_questions(settings, &mut querier, &mut report, &mut edns).await?;
    if let Some(zone) = settings.zone().filter(|_| report.serves()) {
        addresses(zone, &delegated.names, &mut querier, &mut report, &mut edns).await?;
        if !delegated.ds.is_empty() {
            let result = edns.ask(&mut querier, &Question::own(zone.clone(), types::DNSKEY)).await?;
            report.keys = Some(ask_keys(result.reply.as_deref(), zone, &delegated.ds));
        }
    }
    if report.summaries().any(ResponseSummary::answered) {
        querier.set_control(question);
        probes::run(settings, &mut querier, &mut report, seed).await?;
    } else if !settings.probes.is_empty() {
        querier.log.note("no probe was tried: it does not answer");
    }
    report.log = querier.log;
    Ok(report)
}

/// SOA and NS of the zone, and the question of the check. Returns one that it answers if any.
async fn common_questions(
    settings: &Settings,
    querier: &mut Querier<'_>,
    report: &mut ServerReport,
    edns: &mut EdnsFallback,
) -> Result<Question, Fault> {
    let own = &settings.question;
    let Some(zone) = settings.zone() else {
        question(settings, querier, report, edns).await?;
        return Ok(edns.apply(own));
    };
    let apex = own.about(zone.clone(), types::SOA);
    let result = edns.ask(querier, &apex).await?;
    let summary = ResponseSummary::of(&result, &apex, zone, true);
    let silent = !summary.answered();
    report.apex = Some(summary);
    if silent {
        // Two more questions of the full patience would say the same.
        if result.outcome == "timeout" {
            querier.drops_edns(&apex).await?;
        }
        return Ok(apex);
    }
    let servers = own.about(zone.clone(), types::NS);
    let result = edns.ask(querier, &servers).await?;
    let summary = ResponseSummary::of(&result, &servers, zone, true);
    let names = result.reply.map(|reply| records::ns_names(&reply.answers, zone)).unwrap_or_default();
    report.ns = Some((summary, names));
    if own.code != types::SOA || !own.name.eq_ignore_root(zone) {
        question(settings, querier, report, edns).await?;
    }
    Ok(edns.apply(&apex))
}

/// The question of the check, and where its aliases lead, as far as this server is the one to say.
async fn question(
    settings: &Settings,
    querier: &mut Querier<'_>,
    report: &mut ServerReport,
    edns: &mut EdnsFallback,
) -> Result<(), Fault> {
    let own = &settings.question;
    let mut result = edns.ask(querier, own).await?;
    let mut chain = Chain::new(&own.name);
    let mut summary = None;
    let follows = !matches!(own.code, types::CNAME | types::ANY);
    for step in 0..=FOLLOWED {
        let Some(reply) = result.reply.as_deref() else { break };
        let further = follows && chain.follow(&reply.answers);
        let next = records::data_of(&reply.answers, own, &chain.end);
        let first = summary.get_or_insert_with(|| {
            let zone = settings.zone().is_some();
            ResponseSummary::of(&result, own, &chain.end, zone)
        });
        if step > 0 {
            first.answers.get_or_insert_default().extend(next);
        }
        if chain.looped || chain.links.is_empty() {
            report.dangling = (!chain.looped).then_some(false);
            break;
        }
        if chain.resolved(&reply.answers, own.code) {
            report.dangling = Some(false);
            break;
        }
        let here = settings.zone().is_none_or(|zone| zone.zone_of(&chain.end));
        let referred = !reply.has("aa") && settings.zone().is_some();
        if !here || referred {
            let end = names::text(&chain.end);
            querier.log.note(if here {
                format!("it does not speak for {end}, where the aliases lead (no AA): not followed")
            } else {
                format!("the aliases lead out of the zone to {end}: not followed")
            });
            chain.left = !here;
            break;
        }
        if reply.rcode == rcode::NXDOMAIN || !further || settings.zone().is_none() {
            report.dangling =
                Some(matches!(reply.rcode, rcode::NOERROR | rcode::NXDOMAIN)).filter(|_| !reply.truncated());
            break;
        }
        chain.cut |= step == FOLLOWED;
        if chain.cut {
            break;
        }
        result = edns.ask(querier, &own.about(chain.end.clone(), own.code)).await?;
    }
    report.asked = Some(summary.unwrap_or_else(|| ResponseSummary::of(&result, own, &own.name, false)));
    report.chain = Some(chain);
    Ok(())
}

/// Addresses of the servers named inside the zone: those of the delegation and those of the zone.
async fn addresses(
    zone: &Name,
    names: &BTreeSet<String>,
    querier: &mut Querier<'_>,
    report: &mut ServerReport,
    edns: &mut EdnsFallback,
) -> Result<(), Fault> {
    let own = report.ns.as_ref().map(|(_, names)| names.clone()).unwrap_or_default();
    let inside = names.union(&own).filter_map(|text| Some((text.clone(), names::parse(text)?)));
    let inside: Vec<(String, Name)> = inside.filter(|(_, name)| zone.zone_of(name)).collect();
    report.unasked_names = inside.len().saturating_sub(NAMES);
    for (text, name) in inside.into_iter().take(NAMES) {
        let mut found = ServerAddresses::default();
        for code in [types::A, types::AAAA] {
            let question = Question::own(name.clone(), code);
            let result = edns.ask(querier, &question).await?;
            let known = result.reply.as_ref().is_some_and(|reply| {
                reply.has("aa") && !reply.truncated() && matches!(reply.rcode, rcode::NOERROR | rcode::NXDOMAIN)
            });
            if code == types::A {
                found.v4_known = known;
            } else {
                found.v6_known = known;
            }
            if !known {
                continue;
            }
            let answers = result.reply.map(|reply| reply.answers).unwrap_or_default();
            found.alias |=
                answers.iter().any(|record| record.code == types::CNAME && record.owner.eq_ignore_root(&name));
            found.found.extend(
                records::data_of(&answers, &question, &name).iter().filter_map(|data| data.parse::<IpAddr>().ok()),
            );
        }
        report.addresses.insert(text, found);
    }
    Ok(())
}

/// Whether the server must be asked without EDNS.
struct EdnsFallback {
    without: bool,
}

impl EdnsFallback {
    /// Asks; a server that cannot read EDNS (FORMERR, NOTIMP, or BADVERS to version 0) is asked again without it, as
    /// resolvers do. Silence is no such sign.
    async fn ask(&mut self, querier: &mut Querier<'_>, question: &Question) -> Result<QueryResult, Fault> {
        let result = querier.ask(&self.apply(question)).await?;
        let refused = result
            .reply
            .as_ref()
            .is_some_and(|reply| matches!(reply.rcode, rcode::FORMERR | rcode::NOTIMP | rcode::BADVERS));
        if self.without || !refused || !question.has_edns() {
            return Ok(result);
        }
        let again = querier.ask(&question.clone().edns(None)).await?;
        if again.reply.as_ref().is_none_or(|reply| matches!(reply.rcode, rcode::FORMERR | rcode::NOTIMP)) {
            return Ok(result);
        }
        self.without = true;
        querier.log.note("it does not speak EDNS: asked without");
        Ok(again)
    }

    fn apply(&self, question: &Question) -> Question {
        if self.without { question.clone().edns(None) } else { question.clone() }
    }
}
