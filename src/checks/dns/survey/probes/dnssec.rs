//! What each server by itself gives a validating resolver: signatures that hold, by every algorithm that has a key, and proof
//! of what is not there. Whether the parent trusts these keys is another matter.

use hickory_proto::rr::Name as ExchangeName;

use crate::checks::dns::dnssec;
use crate::checks::dns::survey::querier::Querier;
use crate::checks::dns::survey::server_report::{ServerReport, SignedFindings};
use crate::checks::dns::survey::settings::Settings;
use crate::model::Fault;
use crate::proto::dns::question::{EdnsRequest, Question};
use crate::proto::dns::{rcode, types};
use crate::proto::dnssec::{
    Denial, ITERATIONS, Key, Name, Proof, Reason, RrSet, Sections, WorkBudget, algorithm, check_rrset, dotted, read,
};

/// Denial records of one answer that are verified; a proof needs at most three, and beyond these nothing is blamed.
const DENIALS: usize = 16;

/// One server while it is judged.
struct DnssecProbe {
    zone: Name,
    keys: Vec<Key>,
    at: u32,
    work: WorkBudget,
    notes: Vec<String>,
    found: SignedFindings,
}

pub(super) async fn probe(
    settings: &Settings,
    querier: &mut Querier<'_>,
    report: &mut ServerReport,
    seed: u64,
) -> Result<(), Fault> {
    let Some(apex) = settings.zone().filter(|_| report.serves()) else { return Ok(()) };
    let Some(zone) = dnssec::for_validator(apex) else { return Ok(()) };
    let Some(sections) = signed(querier, apex, types::DNSKEY).await? else { return Ok(()) };
    let set = sections.answer(&zone, types::DNSKEY).cloned();
    report.findings.signed.keys = Some(set.is_some());
    let Some(set) = set else { return Ok(()) };
    let keys: Vec<Key> = set.data.iter().filter_map(|data| Key::read(data)).collect();
    let mut judge = DnssecProbe {
        zone,
        keys,
        at: dnssec::now(),
        work: WorkBudget::default(),
        notes: Vec::new(),
        found: SignedFindings { keys: Some(true), ..SignedFindings::default() },
    };
    judge.signatures(Some(&set), "DNSKEY");
    judge.algorithms(Some(&set), "DNSKEY");
    for (code, word) in [(types::SOA, "SOA"), (types::NS, "NS")] {
        let sections = signed(querier, apex, code).await?;
        let set = sections.as_ref().and_then(|sections| sections.answer(&judge.zone, code));
        judge.signatures(set, word);
        judge.algorithms(set, word);
    }
    let own = &settings.question;
    if settings.named && !matches!(own.code, types::ANY | types::RRSIG | types::SIG | types::AXFR) {
        judge.named(signed(querier, &own.name, own.code).await?.as_ref());
    }
    if let Some(random) = super::negative::random(apex, seed, report.label()) {
        let sections = signed(querier, &random, types::A).await?;
        judge.denial(sections.as_ref(), &random);
    }
    for note in judge.notes {
        querier.log.note(note);
    }
    report.findings.signed = judge.found;
    Ok(())
}

/// The whole answer with signatures; nothing when there is none, or it says nothing.
async fn signed(querier: &mut Querier<'_>, name: &ExchangeName, code: u16) -> Result<Option<Sections>, Fault> {
    let wish = EdnsRequest { dnssec: true, ..EdnsRequest::default() };
    let result = querier.ask(&Question::own(name.clone(), code).edns(Some(wish))).await?;
    let whole = result.reply.filter(|reply| {
        !reply.truncated() && reply.has("aa") && matches!(reply.rcode, rcode::NOERROR | rcode::NXDOMAIN)
    });
    Ok(whole.and_then(|reply| read(&reply.bytes)))
}

impl DnssecProbe {
    /// Whether a set is signed by the zone, now. What cannot be checked here is no defect.
    fn signatures(&mut self, set: Option<&RrSet>, word: &str) {
        let Some(set) = set else {
            self.found.unseen.push(word.to_owned());
            return;
        };
        match check_rrset(set, &self.zone, &self.keys, self.at, &mut self.work).problem {
            None => {}
            Some((Reason::TooMuchWork | Reason::UnsupportedAlgorithm, why)) => {
                self.notes.push(format!("{word}: {why}"));
                self.found.unseen.push(word.to_owned());
            }
            Some((_, why)) => {
                self.notes.push(format!("{word}: {why}"));
                self.found.unsound = true;
            }
        }
    }

    fn algorithms(&mut self, set: Option<&RrSet>, word: &str) {
        let Some(set) = set else { return };
        let mut lacking: Vec<u8> = self.keys.iter().filter(|key| key.signs()).map(|key| key.algorithm).collect();
        lacking.retain(|number| set.signatures.iter().all(|signature| signature.algorithm != *number));
        lacking.sort_unstable();
        lacking.dedup();
        if !lacking.is_empty() {
            let names: Vec<String> = lacking.into_iter().map(algorithm).collect();
            self.notes.push(format!("{word}: no signature by {}, which has a DNSKEY", names.join(", ")));
            self.found.algorithm_missing = true;
        }
    }

    /// Everything in the answer to the question of the check that is of this zone.
    fn named(&mut self, sections: Option<&Sections>) {
        let Some(sections) = sections else {
            self.found.unseen.push("the records asked for".to_owned());
            return;
        };
        let renamed = sections.answers.iter().any(|set| set.kind == types::DNAME);
        let zone = self.zone.clone();
        for set in sections.answers.iter().filter(|set| set.exists() && set.owner.ends_with(&zone)) {
            // A CNAME that a DNAME makes up has no signature of its own.
            if set.kind == types::CNAME && renamed && set.signatures.is_empty() {
                continue;
            }
            let title = format!("{} {}", dotted(&set.owner), types::mnemonic(set.kind));
            self.signatures(Some(set), &title);
        }
    }

    /// Whether a name that nobody has thought of is proven not to exist.
    fn denial(&mut self, sections: Option<&Sections>, name: &ExchangeName) {
        let (Some(sections), Some(name)) = (sections, dnssec::for_validator(name)) else { return };
        let mut sound = Vec::new();
        let deny = |set: &&RrSet| set.exists() && matches!(set.kind, types::NSEC | types::NSEC3);
        let all: Vec<&RrSet> = sections.authority.iter().filter(deny).collect();
        let mut flaw = None;
        for set in all.iter().copied().take(DENIALS) {
            match check_rrset(set, &self.zone, &self.keys, self.at, &mut self.work).problem {
                None => sound.push(set),
                Some((Reason::TooMuchWork | Reason::UnsupportedAlgorithm, why)) => return self.undecided(why),
                Some((_, why)) => flaw = flaw.or(Some(why)),
            }
        }
        let proof = Proof::new(&self.zone, &sound);
        let answer = sections.answers.iter().find(|set| set.exists() && set.owner == name);
        let denial = match (proof.nsec3(), answer) {
            (Some((iterations, ..)), _) if iterations > ITERATIONS => Denial::Unproven(format!(
                "NSEC3 takes {iterations} iterations, and above {ITERATIONS} validators count the zone as unsigned"
            )),
            (_, Some(set)) => {
                let checked = check_rrset(set, &self.zone, &self.keys, self.at, &mut self.work);
                match (checked.problem, checked.expanded) {
                    (None, Some(encloser)) => proof.expansion(&name, &encloser, &mut self.work),
                    (None, None) => Denial::Proven,
                    (Some((_, why)), _) => Denial::Unproven(why),
                }
            }
            _ if sections.rcode == rcode::NXDOMAIN => proof.nxdomain(&name, &mut self.work),
            _ => proof.nodata(&name, types::A, &mut self.work),
        };
        if self.work.spent() {
            return self.undecided("it takes more work than that of any sound zone".to_owned());
        }
        if matches!(denial, Denial::Unproven(_)) && all.len() > DENIALS {
            // What is missing may stand in one of the others.
            return self.undecided(format!("of {} denial records the first {DENIALS} are looked at", all.len()));
        }
        self.found.denial_unproven = Some(matches!(denial, Denial::Unproven(_)));
        if let Denial::Unproven(why) = denial {
            let why = flaw.unwrap_or(why);
            self.notes.push(format!("it does not prove that a random name does not exist: {why}"));
        }
    }

    /// Whether a random name is proven not to exist stays open, for a reason that is not the server's fault.
    fn undecided(&mut self, why: String) {
        self.notes.push(format!("whether it proves that a random name does not exist is not known: {why}"));
        self.found.denial_open = Some(why);
    }
}
