//! One server: the questions every survey asks, then the probes the check names.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_proto::rr::Name;

use super::Survey;
use super::asker::{Asker, Heard, Tally};
use super::chain::Chain;
use super::probes::{self, Findings};
use super::said::{self, Said, Soa};
use crate::model::Fault;
use crate::proto::dns::question::Question;
use crate::proto::dns::{rcode, types};

/// Names of servers inside the zone whose addresses are asked for.
const NAMES: usize = 13;
/// Questions that follow aliases out of the first answer.
const FOLLOWED: usize = 8;

/// A server to ask.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Server {
    /// `ns1.example./192.0.2.53`, or the address alone.
    pub(super) label: String,
    /// Its name, if it is known by one.
    pub(super) name: Option<String>,
    /// Where to ask it; nothing when no address was found.
    pub(super) address: Option<SocketAddr>,
}

/// Addresses a server of the zone gives for the name of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Addresses {
    pub(super) found: BTreeSet<IpAddr>,
    pub(super) alias: bool,
}

/// What one server said.
pub(super) struct Look {
    pub(super) server: Server,
    /// Of the zone.
    pub(super) apex: Option<Said>,
    /// Names of its servers, by its own NS records.
    pub(super) ns: Option<(Said, BTreeSet<String>)>,
    /// The question of the check.
    pub(super) asked: Option<Said>,
    pub(super) chain: Option<Chain>,
    /// Whether the aliases lead nowhere; nothing when that cannot be seen here.
    pub(super) dangling: Option<bool>,
    /// Addresses of servers named inside the zone; a name without an entry was not answered with authority.
    pub(super) addresses: BTreeMap<String, Addresses>,
    pub(super) findings: Findings,
    pub(super) tally: Tally,
}

impl Look {
    fn new(server: Server) -> Self {
        Self {
            server,
            apex: None,
            ns: None,
            asked: None,
            chain: None,
            dangling: None,
            addresses: BTreeMap::new(),
            findings: Findings::default(),
            tally: Tally::default(),
        }
    }

    pub(super) fn label(&self) -> &str {
        &self.server.label
    }

    /// What it said to the questions of every survey.
    pub(super) fn said(&self) -> impl Iterator<Item = &Said> {
        self.apex.iter().chain(self.ns.iter().map(|(said, _)| said)).chain(&self.asked)
    }

    /// It answered all of them.
    pub(super) fn answered(&self) -> bool {
        self.server.address.is_some() && self.said().next().is_some() && self.said().all(Said::answered)
    }

    /// The word of fact `outcome`: of the first question that went without an answer, if one did.
    pub(super) fn outcome(&self) -> &'static str {
        if self.server.address.is_none() {
            return "unresolved";
        }
        self.said().map(|said| said.outcome).find(|outcome| *outcome != "answered").unwrap_or("answered")
    }

    /// Its SOA, of the zone or of the question.
    pub(super) fn soa(&self) -> Option<&Soa> {
        self.apex.as_ref().or(self.asked.as_ref()).and_then(|said| said.soa.as_ref())
    }

    /// It has the zone: an answer with AA and the SOA.
    pub(super) fn serves(&self) -> bool {
        self.apex
            .as_ref()
            .is_some_and(|said| said.rcode == Some(rcode::NOERROR) && said.has("aa") && said.soa.is_some())
    }
}

/// Asks one server everything; `names` are those of the delegation.
pub(super) async fn at(survey: &Survey, server: Server, names: &BTreeSet<String>, seed: u64) -> Result<Look, Fault> {
    let mut look = Look::new(server);
    let Some(address) = look.server.address else { return Ok(look) };
    let mut asker = Asker::new(&survey.way, address, survey.per_server(), seed);
    let question = basics(survey, &mut asker, &mut look).await?;
    if let Some(zone) = survey.zone().filter(|_| look.serves()) {
        addresses(zone, names, &mut asker, &mut look).await?;
    }
    if look.said().any(Said::answered) {
        asker.controlled_by(question);
        probes::all(survey, &mut asker, &mut look, seed).await?;
    } else if !survey.probes.is_empty() {
        asker.tally.note("no probe was tried: it does not answer");
    }
    look.tally = asker.tally;
    Ok(look)
}

/// The time one server may take.
pub(super) fn longest(patience: Duration, attempts: u32, probes: usize) -> Duration {
    let probes = u32::try_from(probes).unwrap_or(u32::MAX);
    patience.saturating_mul(4 * attempts + 2 * probes + 2)
}

/// SOA and NS of the zone, and the question of the check. Returns one that it answers if any.
async fn basics(survey: &Survey, asker: &mut Asker<'_>, look: &mut Look) -> Result<Question, Fault> {
    let mut plain = Plain(false);
    let own = &survey.question;
    let Some(zone) = survey.zone() else {
        question(survey, asker, look, &mut plain).await?;
        return Ok(plain.dressed(own));
    };
    let apex = own.about(zone.clone(), types::SOA);
    let heard = plain.ask(asker, &apex).await?;
    let said = Said::of(&heard, zone, zone, types::SOA, true);
    let many = heard.reply.iter().flat_map(|reply| &reply.answers).filter(|line| line.code == types::SOA).count();
    if many > 1 {
        asker.tally.note(format!("{many} SOA records, where a zone has one"));
    }
    let silent = !said.answered();
    look.apex = Some(said);
    if silent {
        // Two more questions of the full patience would say the same.
        return Ok(apex);
    }
    let heard = plain.ask(asker, &own.about(zone.clone(), types::NS)).await?;
    let said = Said::of(&heard, zone, zone, types::NS, true);
    let names = heard.reply.map(|reply| said::servers(&reply.answers, zone)).unwrap_or_default();
    look.ns = Some((said, names));
    if own.code != types::SOA || !own.name.eq_ignore_root(zone) {
        question(survey, asker, look, &mut plain).await?;
    }
    Ok(plain.dressed(&apex))
}

/// The question of the check, and where its aliases lead, as far as this server is the one to say.
async fn question(survey: &Survey, asker: &mut Asker<'_>, look: &mut Look, plain: &mut Plain) -> Result<(), Fault> {
    let own = &survey.question;
    let mut heard = plain.ask(asker, own).await?;
    let mut chain = Chain::new(&own.name);
    let mut said = None;
    let follows = !matches!(own.code, types::CNAME | types::ANY);
    for step in 0..=FOLLOWED {
        let Some(reply) = heard.reply.as_deref() else { break };
        let further = follows && chain.follow(&reply.answers);
        let next = said::picked(&reply.answers, &own.name, &chain.end, own.code);
        let first = said.get_or_insert_with(|| {
            let zone = survey.zone().is_some();
            Said::of(&heard, &own.name, &chain.end, own.code, zone)
        });
        if step > 0 {
            first.answers.get_or_insert_default().extend(next);
        }
        if chain.looped || chain.links.is_empty() {
            look.dangling = (!chain.looped).then_some(false);
            break;
        }
        if chain.resolved(&reply.answers, own.code) {
            look.dangling = Some(false);
            break;
        }
        let here = survey.zone().is_none_or(|zone| zone.zone_of(&chain.end));
        let referred = !reply.has("aa") && survey.zone().is_some();
        if !here || referred {
            asker.tally.note(format!("the aliases lead out of the zone to {}: not followed", said::text(&chain.end)));
            break;
        }
        if reply.rcode == rcode::NXDOMAIN || !further || survey.zone().is_none() {
            look.dangling = Some(matches!(reply.rcode, rcode::NOERROR | rcode::NXDOMAIN));
            break;
        }
        heard = plain.ask(asker, &own.about(chain.end.clone(), own.code)).await?;
    }
    look.asked = Some(said.unwrap_or_else(|| Said::of(&heard, &own.name, &own.name, own.code, false)));
    look.chain = Some(chain);
    Ok(())
}

/// Addresses of the servers named inside the zone: those of the delegation and those of the zone.
async fn addresses(zone: &Name, names: &BTreeSet<String>, asker: &mut Asker<'_>, look: &mut Look) -> Result<(), Fault> {
    let own = look.ns.as_ref().map(|(_, names)| names.clone()).unwrap_or_default();
    let inside = names.union(&own).filter_map(|text| Some((text.clone(), said::name(text)?)));
    let inside: Vec<(String, Name)> = inside.filter(|(_, name)| zone.zone_of(name)).take(NAMES).collect();
    for (text, name) in inside {
        let mut found = Addresses::default();
        let mut known = true;
        for code in [types::A, types::AAAA] {
            let heard = asker.ask(&Question::own(name.clone(), code)).await?;
            let sure = heard
                .reply
                .as_ref()
                .is_some_and(|reply| reply.has("aa") && matches!(reply.rcode, rcode::NOERROR | rcode::NXDOMAIN));
            known &= sure;
            let lines = heard.reply.map(|reply| reply.answers).unwrap_or_default();
            found.alias |= lines.iter().any(|line| line.code == types::CNAME && line.owner.eq_ignore_root(&name));
            found
                .found
                .extend(said::picked(&lines, &name, &name, code).iter().filter_map(|data| data.parse::<IpAddr>().ok()));
        }
        if known {
            look.addresses.insert(text, found);
        }
    }
    Ok(())
}

/// Whether the server must be asked without EDNS.
struct Plain(bool);

impl Plain {
    /// Asks; a server that cannot read EDNS (FORMERR, NOTIMP, or BADVERS to version 0) is asked again without it, as
    /// resolvers do. Silence is no such sign.
    async fn ask(&mut self, asker: &mut Asker<'_>, question: &Question) -> Result<Heard, Fault> {
        let heard = asker.ask(&self.dressed(question)).await?;
        let refused = heard
            .reply
            .as_ref()
            .is_some_and(|reply| matches!(reply.rcode, rcode::FORMERR | rcode::NOTIMP | rcode::BADVERS));
        if self.0 || !refused || !question.has_edns() {
            return Ok(heard);
        }
        let again = asker.ask(&question.clone().edns(None)).await?;
        if again.reply.as_ref().is_none_or(|reply| matches!(reply.rcode, rcode::FORMERR | rcode::NOTIMP)) {
            return Ok(heard);
        }
        self.0 = true;
        asker.tally.note("it does not speak EDNS: asked without");
        Ok(again)
    }

    fn dressed(&self, question: &Question) -> Question {
        if self.0 { question.clone().edns(None) } else { question.clone() }
    }
}
