//! From the trust anchor to the zone of a name, one delegation after the other.

use std::collections::HashMap;
use std::sync::Arc;

use super::evidence::Evidence;
use super::fetch::{Fetch, Message};
use super::names::{some, title};
use super::verdict::{Unsigned, Verdict, WalkEnd, bogus, indeterminate};
use crate::proto::dns::{rcode, types};
use crate::proto::dnssec::{
    Anchor, DelegationProof, Digest, ITERATIONS, Key, Name, Proof, Reason, RrSet, RrSetCheck, Sections,
    SignatureOutcome, WorkBudget, algorithm, below, check_rrset, dotted, labels, suffix,
};

/// A zone whose keys are proven.
pub(super) struct Zone {
    pub(super) name: Name,
    pub(super) keys: Vec<Key>,
    /// The parent's DS set; empty at the anchor.
    pub(super) ds: Vec<Digest>,
}

/// The zone a name is in.
#[derive(Clone)]
pub(super) enum ZoneOf {
    Signed(Arc<Zone>),
    Unsigned(Unsigned),
}

/// The relation of a name to the zone above it.
#[derive(Clone)]
enum Step {
    Zone(Arc<Zone>),
    Unsigned(Unsigned),
    Inside,
    Absent,
}

/// The reason to trust a key of a zone.
enum Trust<'a> {
    Anchors(Vec<&'a Anchor>),
    Ds(Vec<Digest>),
}

/// DS records that are checked; a delegation has one or two for each key.
const DELEGATIONS: usize = 20;
/// Denial records of one message that are verified; a proof needs at most three.
const DENIALS: usize = 16;

/// One validation.
pub(super) struct Walk<'a> {
    pub(super) fetch: Fetch<'a>,
    anchors: &'a [Anchor],
    pub(super) at: u32,
    pub(super) work: WorkBudget,
    steps: HashMap<Name, Step>,
    anchored: HashMap<Name, Arc<Zone>>,
    pub(super) evidence: Evidence,
    /// The zone of the last link.
    pub(super) last: Option<Arc<Zone>>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(fetch: Fetch<'a>, anchors: &'a [Anchor], at: u32) -> Self {
        Self {
            fetch,
            anchors,
            at,
            work: WorkBudget::default(),
            steps: HashMap::new(),
            anchored: HashMap::new(),
            evidence: Evidence::default(),
            last: None,
        }
    }

    /// The zone `name` is in: the deepest one at or above it.
    pub(super) async fn zone(&mut self, name: &Name) -> Result<ZoneOf, WalkEnd> {
        let mut zone = self.anchor(name).await?;
        for count in labels(&zone.name) + 1..=labels(name) {
            let child = suffix(name, count);
            let step = match self.steps.get(&child) {
                Some(step) => step.clone(),
                None => self.step(&zone, &child).await?,
            };
            self.steps.insert(child, step.clone());
            match step {
                Step::Zone(next) => zone = next,
                Step::Unsigned(why) => return Ok(ZoneOf::Unsigned(why)),
                Step::Inside => {}
                Step::Absent => break,
            }
        }
        Ok(ZoneOf::Signed(zone))
    }

    /// The anchored zone closest above a name.
    async fn anchor(&mut self, name: &Name) -> Result<Arc<Zone>, WalkEnd> {
        let above = self.anchors.iter().map(Anchor::zone).filter(|zone| name.ends_with(*zone));
        let Some(zone) = above.max_by_key(|zone| zone.label_count()) else {
            return Err(indeterminate(Reason::NoAnchor, format!("no trust anchor is at or above {}", dotted(name))));
        };
        if let Some(known) = self.anchored.get(zone) {
            return Ok(known.clone());
        }
        let trusted: Vec<&Anchor> = self.anchors.iter().filter(|anchor| anchor.zone() == zone).collect();
        let proven = Arc::new(self.keys(zone, &Trust::Anchors(trusted)).await?);
        self.anchored.insert(zone.clone(), proven.clone());
        Ok(proven)
    }

    async fn step(&mut self, zone: &Arc<Zone>, child: &Name) -> Result<Step, WalkEnd> {
        let message = self.answer(child, types::DS).await?;
        let sections = &message.sections;
        if let Some(set) = sections.answer(child, types::DS) {
            return self.delegated(zone, child, set).await;
        }
        // An alias stands within the zone, and so does what a DNAME above it makes up.
        let renamed = sections.answers.iter().find(|set| set.kind == types::DNAME && below(child, &set.owner));
        if let Some(alias) = renamed.or_else(|| sections.answer(child, types::CNAME)) {
            self.verified(zone, alias)?;
            return Ok(Step::Inside);
        }
        let (proof, flaw) = self.proof(zone, child, sections)?;
        let (child_text, zone_text) = (dotted(child), dotted(&zone.name));
        if let Some(why) = iterated(&proof, &zone.name) {
            return Ok(Step::Unsigned(why));
        }
        let cut = proof.cut(child, &mut self.work);
        Ok(match cut {
            DelegationProof::Unsigned => Step::Unsigned(Unsigned::by(format!(
                "zone {zone_text} proves that it delegates {child_text} without DS"
            ))),
            DelegationProof::OptOut => Step::Unsigned(Unsigned::by(format!(
                "zone {zone_text} proves by opt-out only that {child_text} has no DS, so it may be an unsigned zone"
            ))),
            DelegationProof::Inside => Step::Inside,
            DelegationProof::Absent => Step::Absent,
            DelegationProof::Unproven(why) => {
                return Err(self.unproven(flaw, &format!("that {child_text} has no DS in zone {zone_text}"), &why));
            }
        })
    }

    async fn delegated(&mut self, zone: &Zone, child: &Name, set: &RrSet) -> Result<Step, WalkEnd> {
        let checked = self.verified(zone, set)?;
        if checked.expanded.is_some() {
            let why = format!("the DS set of {} comes from a wildcard, which delegates nothing", dotted(child));
            return Err(bogus(Reason::BadSignature, why));
        }
        let all: Vec<Digest> = set.data.iter().filter_map(|data| Digest::read(data)).take(DELEGATIONS).collect();
        self.evidence.delegated(&all);
        // Of those beyond, one may be what the zone rests on.
        let left_out = set.data.len() > all.len() && all.len() == DELEGATIONS;
        if left_out {
            self.evidence.more_ds(first_of(set.data.len(), DELEGATIONS, &format!("DS of {}", dotted(child))));
        }
        let mut usable: Vec<Digest> = all.iter().filter(|ds| ds.supported()).cloned().collect();
        if usable.is_empty() && left_out {
            return Err(too_many_ds(child, set));
        }
        if usable.is_empty() {
            let shown: Vec<String> = all.iter().map(shown).collect();
            let child = dotted(child);
            let why = format!("no DS of {child} can be checked, so it counts as unsigned: {}", shown.join(", "));
            self.evidence.note(why.clone());
            return Ok(Step::Unsigned(Unsigned { reason: Some(Reason::UnsupportedAlgorithm), why }));
        }
        if usable.iter().any(|ds| !ds.weak()) {
            usable.retain(|ds| !ds.weak());
        }
        let mut proven = match self.keys(child, &Trust::Ds(usable)).await {
            Err(WalkEnd::Validation(end)) if left_out && end.verdict == Verdict::Bogus => {
                return Err(too_many_ds(child, set));
            }
            other => other?,
        };
        proven.ds = all;
        Ok(Step::Zone(Arc::new(proven)))
    }

    /// The keys of a zone, by one of them that is trusted and signs all.
    async fn keys(&mut self, name: &Name, trust: &Trust<'_>) -> Result<Zone, WalkEnd> {
        let zone = dotted(name);
        let message = self.answer(name, types::DNSKEY).await?;
        let Some(set) = message.sections.answer(name, types::DNSKEY) else {
            if let Some(cut) = referral(&message.sections, name) {
                return Err(self.refers(cut));
            }
            self.evidence.matched(false);
            let why = format!("{} has no DNSKEY for {zone}, although {} is there", self.fetch.server(), trust.title());
            return Err(bogus(Reason::DsMismatch, why));
        };
        let mut keys: Vec<Key> = set.data.iter().filter_map(|data| Key::read(data)).collect();
        for key in keys.iter().filter(|key| key.revoked()) {
            self.evidence.note(format!("{zone} key {} is revoked and signs nothing any more", key.tag));
        }
        keys.retain(Key::signs);
        self.evidence.keys(&zone, &keys);
        let (entries, unmatched) = trust.entries(name, &keys);
        self.evidence.matched(!entries.is_empty());
        self.evidence.unmatched(&zone, &unmatched);
        if entries.is_empty() {
            let tags: Vec<String> =
                keys.iter().map(|key| format!("{} {}", key.tag, algorithm(key.algorithm))).collect();
            let why = format!("{} of {zone} matches none of its DNSKEY: {}", trust.title(), some(&tags, 8));
            return Err(bogus(Reason::DsMismatch, why));
        }
        let checked = check_rrset(set, name, &entries, self.at, &mut self.work);
        self.evidence.signatures(set, &checked);
        let Some((reason, why)) = checked.problem else {
            self.evidence.note(format!("{zone} DNSKEY is signed by the key of {}", trust.title()));
            return Ok(Zone { name: name.clone(), keys, ds: Vec::new() });
        };
        let unsigned = checked
            .signatures
            .iter()
            .all(|signature| matches!(signature.outcome, SignatureOutcome::NoKey | SignatureOutcome::OfAnotherSet));
        let reason = if unsigned { Reason::MissingRrsig } else { reason };
        Err(bogus(reason, format!("{zone} DNSKEY is not signed by the key of {}: {why}", trust.title())))
    }

    /// A set, by the keys of its zone.
    pub(super) fn verified(&mut self, zone: &Zone, set: &RrSet) -> Result<RrSetCheck, WalkEnd> {
        let checked = check_rrset(set, &zone.name, &zone.keys, self.at, &mut self.work);
        self.evidence.signatures(set, &checked);
        match &checked.problem {
            None => Ok(checked),
            Some((reason, why)) => Err(bogus(*reason, format!("{}: {why}", title(&set.owner, set.kind)))),
        }
    }

    /// The denial records of `zone` in a message about `name`, and what is wrong with the first that does not verify.
    pub(super) fn proof(&mut self, zone: &Zone, name: &Name, sections: &Sections) -> Result<(Proof, Flaw), WalkEnd> {
        let deny = |set: &&RrSet| set.exists() && matches!(set.kind, types::NSEC | types::NSEC3);
        let all = sections.authority.iter().filter(deny).count();
        let sets: Vec<&RrSet> = sections.authority.iter().filter(deny).take(DENIALS).collect();
        let foreign = |set: &&RrSet| set.signer().is_some_and(|signer| below(signer, &zone.name));
        if sets.iter().all(foreign) {
            // Nothing, or records of a zone below: the server does not speak for this one.
            self.elsewhere(zone, name, sections)?;
        }
        let (mut good, mut flaw) = (Vec::new(), None);
        if all > sets.len() {
            // What is missing may stand in one of the others.
            let why = first_of(all, DENIALS, "denial records");
            self.evidence.more_denial(why.clone());
            flaw = Some((Reason::TooMuchWork, why));
        }
        for set in sets {
            let checked = check_rrset(set, &zone.name, &zone.keys, self.at, &mut self.work);
            self.evidence.signatures(set, &checked);
            match checked.problem {
                None if checked.expanded.is_none() => good.push(set),
                None => {}
                Some((reason, why)) => {
                    flaw = flaw.or(Some((reason, format!("{}: {why}", title(&set.owner, set.kind)))));
                }
            }
        }
        let proof = Proof::new(&zone.name, &good);
        self.evidence.proof(&proof);
        Ok((proof, flaw))
    }

    /// A message that lacks denial because its server is not one of the zone's is no answer, rather than a bad one.
    fn elsewhere(&self, zone: &Zone, name: &Name, sections: &Sections) -> Result<(), WalkEnd> {
        let owner = |code| sections.authority.iter().find(|set| set.exists() && set.kind == code).map(|set| &set.owner);
        let (server, zone_text, name_text) = (self.fetch.server(), dotted(&zone.name), dotted(name));
        match (owner(types::SOA), owner(types::NS)) {
            (Some(apex), _) if below(apex, &zone.name) => Err(indeterminate(
                Reason::NoAnswer,
                format!(
                    "{server} answers for zone {}, not for {zone_text} above it, so it cannot say how {name_text} is delegated; \
                     ask a server of both, ask a resolver, or trust an anchor of {}",
                    dotted(apex),
                    dotted(apex)
                ),
            )),
            (None, Some(cut)) if below(cut, &zone.name) && !sections.authoritative => Err(self.refers(cut)),
            _ => Ok(()),
        }
    }

    /// A delegation is no answer.
    pub(super) fn refers(&self, cut: &Name) -> WalkEnd {
        let why = format!("{} refers to other servers for {}", self.fetch.server(), dotted(cut));
        indeterminate(Reason::NoAnswer, format!("{why}; ask one of those, or a resolver"))
    }

    pub(super) fn unproven(&self, flaw: Flaw, what: &str, why: &str) -> WalkEnd {
        if self.work.spent() {
            return bogus(Reason::TooMuchWork, format!("nothing shows {what} within the work of any sound zone"));
        }
        match flaw {
            Some((reason, flaw)) => bogus(reason, format!("nothing valid shows {what}: {flaw}")),
            None => bogus(Reason::MissingDenial, format!("nothing shows {what}: {why}")),
        }
    }

    /// An answer with a response code that means something.
    pub(super) async fn answer(&mut self, name: &Name, code: u16) -> Result<Arc<Message>, WalkEnd> {
        let message = self.fetch.get(name, code).await?;
        match message.sections.rcode {
            rcode::NOERROR | rcode::NXDOMAIN => Ok(message),
            other => {
                let word = rcode::text(other);
                let mut why = format!("{} answers {word} to {}", self.fetch.server(), title(name, code));
                if let (rcode::REFUSED, types::DNSKEY | types::DS) = (other, code) {
                    why.push_str(
                        "; ask a server of the whole chain, ask a resolver, or trust an anchor of a zone it serves",
                    );
                }
                Err(indeterminate(Reason::NoAnswer, why))
            }
        }
    }
}

/// A defect of a denial record.
pub(super) type Flaw = Option<(Reason, String)>;

/// RFC 9276 section 3.2: the records are genuine, and too dear to use.
pub(super) fn iterated(proof: &Proof, zone: &Name) -> Option<Unsigned> {
    let (iterations, ..) = proof.nsec3()?;
    (iterations > ITERATIONS).then(|| {
        let zone = dotted(zone);
        let why = format!("NSEC3 of {zone} takes {iterations} iterations; above {ITERATIONS} it counts as unsigned");
        Unsigned { reason: Some(Reason::Nsec3Iterations), why }
    })
}

/// The delegation that a server points to instead of answering.
pub(super) fn referral<'s>(sections: &'s Sections, at: &Name) -> Option<&'s Name> {
    let find = |code| sections.authority.iter().find(|set| set.exists() && set.kind == code);
    let cut = find(types::NS).filter(|set| at.ends_with(&set.owner))?;
    (sections.rcode == rcode::NOERROR && !sections.authoritative && find(types::SOA).is_none()).then_some(&cut.owner)
}

fn too_many_ds(child: &Name, set: &RrSet) -> WalkEnd {
    let why = first_of(set.data.len(), DELEGATIONS, &format!("DS of {}", dotted(child)));
    indeterminate(Reason::TooMuchWork, format!("{why}, and none leads on"))
}

/// What a limit leaves out.
fn first_of(all: usize, limit: usize, what: &str) -> String {
    format!("of {all} {what} the first {limit} are looked at")
}

fn shown(ds: &Digest) -> String {
    format!("{} {} digest type {}", ds.tag, algorithm(ds.algorithm), ds.digest)
}

impl Trust<'_> {
    fn title(&self) -> String {
        match self {
            Self::Anchors(anchors) => {
                let titles: Vec<String> = anchors.iter().map(|anchor| anchor.title()).collect();
                format!("trust anchor {}", some(&titles, 4))
            }
            Self::Ds(all) => format!("DS {}", some(&all.iter().map(shown).collect::<Vec<_>>(), 4)),
        }
    }

    /// The keys that are trusted, and what trusts no key.
    fn entries(&self, zone: &Name, keys: &[Key]) -> (Vec<Key>, Vec<String>) {
        let all: Vec<(String, Vec<&Key>)> = match self {
            Self::Anchors(anchors) => {
                let fit = |anchor: &&Anchor| keys.iter().filter(|key| anchor.trusts(key)).collect();
                anchors.iter().map(|anchor| (anchor.title(), fit(anchor))).collect()
            }
            Self::Ds(all) => {
                let fit = |ds: &Digest| keys.iter().filter(|key| key.is(ds, zone)).collect();
                all.iter().map(|ds| (shown(ds), fit(ds))).collect()
            }
        };
        let unmatched = all.iter().filter(|(_, keys)| keys.is_empty()).map(|(title, _)| title.clone()).collect();
        let trusted = |key: &&Key| all.iter().any(|(_, fit)| fit.contains(key));
        (keys.iter().filter(trusted).cloned().collect(), unmatched)
    }
}
