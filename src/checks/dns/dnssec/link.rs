//! The name asked for, alias by alias, and the records at the end or the proof that there are none.

use std::collections::HashSet;

use super::fetch::Message;
use super::names::title;
use super::verdict::{Unsigned, Validation, Verdict, WalkEnd, bogus, indeterminate};
use super::walk::{Flaw, Walk, Zone, ZoneOf, iterated, referral};
use crate::model::Fault;
use crate::model::count::counted;
use crate::proto::dns::{rcode, types};
use crate::proto::dnssec::{Denial, Name, Reason, RrSet, Sections, below, dotted, labels, redirected, suffix};

/// Aliases that are followed; Unbound follows eleven.
const LINKS: usize = 12;
/// Signatures of one set that are told as evidence.
const SIGNATURES: usize = 3;

/// A link of a chain of aliases.
enum Link {
    /// The chain ends here.
    End,
    /// It goes on at another name.
    Alias(Name),
}

/// Whether it stands in a signed zone.
type Standing = Option<Unsigned>;

impl Walk<'_> {
    /// Validates the answer to a question, link by link: one that is not secure decides.
    pub(super) async fn validate(&mut self, name: &Name, code: u16) -> Result<Validation, Fault> {
        match self.links(name, code).await {
            Ok(None) => Ok(Validation { verdict: Verdict::Secure, reason: None, why: String::new() }),
            Ok(Some(unsigned)) => {
                Ok(Validation { verdict: Verdict::Insecure, reason: unsigned.reason, why: unsigned.why })
            }
            Err(WalkEnd::Validation(outcome)) => Ok(outcome),
            Err(WalkEnd::Fault(fault)) => Err(fault),
        }
    }

    async fn links(&mut self, name: &Name, code: u16) -> Result<Standing, WalkEnd> {
        let (mut at, mut seen, mut standing) = (name.clone(), HashSet::new(), None);
        let first = self.answer(name, code).await?;
        let mut message = first.clone();
        for _ in 0..=LINKS {
            if !seen.insert(at.clone()) {
                let why = format!("the aliases of {} lead back to {}", dotted(name), dotted(&at));
                return Err(indeterminate(Reason::NoAnswer, why));
            }
            // A resolver's answer holds the whole chain, an authoritative server's may end where its zones do.
            let speaks = |set: &RrSet| set.exists() && (set.owner == at || renames(set, &at));
            if seen.len() > 1 && !message.sections.answers.iter().any(speaks) {
                message = self.answer(&at, code).await?;
            }
            let (link, unsigned) = self.link(&message, &at, code).await?;
            standing = standing.or(unsigned);
            match link {
                Link::End => return Ok(standing.or(self.rest(&first).await?)),
                Link::Alias(target) => at = target,
            }
        }
        Err(indeterminate(Reason::NoAnswer, format!("more than {LINKS} aliases follow {}", dotted(name))))
    }

    /// Whatever else stands in the answer section must be sound too (RFC 4035 section 3.2.3): the facts of the answer are read
    /// from all of it.
    async fn rest(&mut self, message: &Message) -> Result<Standing, WalkEnd> {
        let mut standing = None;
        for set in message.sections.answers.iter().filter(|set| set.exists()) {
            if !self.evidence.answers.iter().any(|known| known.kind == set.kind && known.owner == set.owner) {
                self.evidence
                    .note(format!("{} is in the answer, and not what was asked for", title(&set.owner, set.kind)));
                standing = standing.or(self.standing(set, &message.sections).await?);
            }
        }
        Ok(standing)
    }

    async fn link(&mut self, message: &Message, at: &Name, code: u16) -> Result<(Link, Standing), WalkEnd> {
        let sections = &message.sections;
        if let Some(set) = sections.answer(at, code) {
            let standing = self.standing(set, sections).await?;
            self.evidence.set_rcode(rcode::NOERROR);
            return Ok((Link::End, standing));
        }
        let cname = sections.answer(at, types::CNAME);
        let dname = sections.answers.iter().find(|set| renames(set, at));
        // Next to a DNAME an unsigned CNAME is only its consequence.
        let alias = match (cname, dname) {
            (Some(cname), Some(_)) if !cname.signatures.is_empty() => cname,
            (_, Some(dname)) => dname,
            (Some(cname), None) => cname,
            (None, None) => return Ok((Link::End, self.denial(sections, at, code).await?)),
        };
        let standing = self.standing(alias, sections).await?;
        let target = alias.target().and_then(|target| match alias.kind {
            types::DNAME => redirected(at, &alias.owner, &target),
            _ => Some(target),
        });
        if let (types::DNAME, Some(made_up)) = (alias.kind, cname) {
            if made_up.target() != target {
                let why = format!(
                    "{} is not what {} makes of it",
                    title(at, types::CNAME),
                    title(&alias.owner, types::DNAME)
                );
                return Err(bogus(Reason::BadSignature, why));
            }
            self.evidence.answers.push(made_up.clone());
        }
        let Some(target) = target else {
            let why = format!("{} leads to no name", title(&alias.owner, alias.kind));
            return Err(indeterminate(Reason::NoAnswer, why));
        };
        self.evidence.note(format!("{} is an alias of {}", dotted(at), dotted(&target)));
        Ok((Link::Alias(target), standing))
    }

    /// Whether a set of an answer follows from the anchor.
    async fn standing(&mut self, set: &RrSet, sections: &Sections) -> Result<Standing, WalkEnd> {
        self.evidence.answers.push(set.clone());
        let claimed = set.signer().unwrap_or(&set.owner);
        let zone = match self.zone(&side(claimed, &set.owner, set.kind)).await? {
            ZoneOf::Unsigned(why) => return Ok(Some(why)),
            ZoneOf::Signed(zone) => zone,
        };
        let checked = self.verified(&zone, set)?;
        self.last = Some(zone.clone());
        for signature in checked.signatures.iter().take(SIGNATURES) {
            self.evidence.note(format!("{}: {}", title(&set.owner, set.kind), signature.text));
        }
        if let Some(more) = set.signatures.len().checked_sub(SIGNATURES).filter(|more| *more > 0) {
            let more = counted(more, "more signature");
            self.evidence.note(format!("{}: and {more}", title(&set.owner, set.kind)));
        }
        match checked.expanded {
            Some(encloser) => self.expansion(&zone, set, &encloser, sections),
            None => Ok(None),
        }
    }

    /// RFC 4035 section 5.3.4: a wildcard may answer only for a name that does not exist.
    fn expansion(
        &mut self,
        zone: &Zone,
        set: &RrSet,
        encloser: &Name,
        sections: &Sections,
    ) -> Result<Standing, WalkEnd> {
        let (proof, flaw) = self.proof(zone, &set.owner, sections)?;
        self.evidence.keep(sections, &[types::NSEC, types::NSEC3]);
        if let Some(why) = iterated(&proof, &zone.name) {
            return Ok(Some(why));
        }
        let denial = proof.expansion(&set.owner, encloser, &mut self.work);
        self.evidence.denied(&proof);
        let what = format!("that {} does not exist beside the wildcard that answers for it", dotted(&set.owner));
        self.concluded(denial, flaw, &what)
    }

    /// NXDOMAIN, or no records of the type.
    async fn denial(&mut self, sections: &Sections, at: &Name, code: u16) -> Result<Standing, WalkEnd> {
        let deny = |set: &&RrSet| matches!(set.kind, types::SOA | types::NSEC | types::NSEC3);
        let signers = sections.authority.iter().filter(deny).filter_map(RrSet::signer);
        let claimed = signers.filter(|signer| at.ends_with(*signer)).max_by_key(|signer| signer.label_count());
        self.evidence.set_rcode(sections.rcode);
        self.evidence.keep(sections, &[types::SOA, types::NSEC, types::NSEC3]);
        if let Some(cut) = referral(sections, at) {
            return Err(self.refers(cut));
        }
        let zone = match self.zone(&side(claimed.unwrap_or(at), at, code)).await? {
            ZoneOf::Unsigned(why) => return Ok(Some(why)),
            ZoneOf::Signed(zone) => zone,
        };
        let (proof, flaw) = self.proof(&zone, at, sections)?;
        self.last = Some(zone.clone());
        if let Some(why) = iterated(&proof, &zone.name) {
            return Ok(Some(why));
        }
        let (what, denial) = if sections.rcode == rcode::NXDOMAIN {
            (format!("that {} does not exist", dotted(at)), proof.nxdomain(at, &mut self.work))
        } else {
            (format!("that {} has no such records", title(at, code)), proof.nodata(at, code, &mut self.work))
        };
        self.evidence.denied(&proof);
        let standing = self.concluded(denial, flaw, &what)?;
        let soa =
            sections.authority.iter().find(|set| set.exists() && set.kind == types::SOA && set.owner == zone.name);
        if let Some(soa) = soa {
            self.verified(&zone, soa)?;
        }
        Ok(standing)
    }

    fn concluded(&self, denial: Denial, flaw: Flaw, what: &str) -> Result<Standing, WalkEnd> {
        match denial {
            Denial::Proven => Ok(None),
            Denial::OptOut => {
                let why = format!("opt-out leaves unsigned delegations out of the proof {what} (RFC 5155 section 9.2)");
                Ok(Some(Unsigned::by(why)))
            }
            Denial::Unproven(why) => Err(self.unproven(flaw, what, &why)),
        }
    }
}

/// A DNAME above a name.
fn renames(set: &RrSet, name: &Name) -> bool {
    set.exists() && set.kind == types::DNAME && below(name, &set.owner)
}

/// The name whose zone holds a set: DS stands on the parent's side of a delegation.
fn side(claimed: &Name, owner: &Name, code: u16) -> Name {
    let most = if code == types::DS { labels(owner).saturating_sub(1) } else { labels(owner) };
    suffix(claimed, labels(claimed).min(most))
}
