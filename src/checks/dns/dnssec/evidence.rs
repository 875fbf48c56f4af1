//! The evidence a walk leaves behind: margins, keys and the sets it rests on.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{
    AGE, ALGORITHMS, CDS_MATCH, CDS_PENDING, DENIAL, DS_MATCH, DS_UNMATCHED, EXPIRE_MARGIN, EXPIRES_IN, ITERATIONS,
    KEYS, OPT_OUT, SALT, SET_EXPIRES_IN, SETS,
};
use super::names::title;
use crate::model::FactInfo;
use crate::model::count::counted;
use crate::probe::Cx;
use crate::proto::dns::rdata;
use crate::proto::dnssec::{
    Digest, Key, Proof, RrSet, RrSetCheck, Sections, SignatureCheck, SignatureOutcome, algorithm,
};

/// Lines of evidence of one walk.
const NOTES: usize = 32;
/// Keys listed; a zone has two to four.
const KEYS_LISTED: usize = 64;

/// Facts that the signatures of a set decide.
const OF_SIGNATURES: &[FactInfo] = &[EXPIRES_IN.info, SETS.info, ALGORITHMS.info];
/// Facts that the DS records of a delegation decide.
const OF_DS: &[FactInfo] = &[DS_UNMATCHED.info, CDS_PENDING.info];
/// Facts that the denial records of a message decide.
const OF_DENIAL: &[FactInfo] = &[ITERATIONS.info, OPT_OUT.info];
/// Facts that CDS and CDNSKEY records decide.
const OF_CDS: &[FactInfo] = &[CDS_MATCH.info, CDS_PENDING.info];
const EXPIRE: &[FactInfo] = &[EXPIRE_MARGIN.info];

/// Facts of the path.
#[derive(Default)]
pub(super) struct Evidence {
    margins: BTreeMap<String, Margin>,
    /// What was left alone of the signatures of a set.
    untried: BTreeMap<String, String>,
    algorithms: BTreeSet<u8>,
    /// Of every key, DS and signature, whether they hold or not.
    claimed: BTreeSet<u8>,
    keys: Vec<String>,
    /// Keys that are not listed.
    more_keys: usize,
    ds_match: Option<bool>,
    unmatched: Vec<String>,
    nsec3: Option<(u16, String, bool)>,
    denial: Option<&'static str>,
    /// Facts of which a part was left alone, and why.
    cuts: Vec<(&'static [FactInfo], String)>,
    notes: Vec<String>,
    /// Lines that are not kept.
    more_notes: usize,
    /// Sets of the answer, link by link.
    pub(super) answers: Vec<RrSet>,
    /// The records that prove an absence in it.
    pub(super) authority: Vec<RrSet>,
    /// Response code of the last link.
    pub(super) rcode: u16,
    /// See the facts of these names.
    pub(super) cds_match: Option<bool>,
    pub(super) cds_pending: Option<bool>,
    expire_margin: Option<i64>,
}

/// Seconds of the signatures of one set.
#[derive(Clone, Copy)]
struct Margin {
    left: i32,
    age: i32,
}

impl Evidence {
    /// The signatures of a set that was verified, or not.
    pub(super) fn signatures(&mut self, set: &RrSet, checked: &RrSetCheck) {
        let good: Vec<&SignatureCheck> = checked
            .signatures
            .iter()
            .filter(|signature| matches!(signature.outcome, SignatureOutcome::Good(_)))
            .collect();
        self.claimed.extend(checked.signatures.iter().map(|signature| signature.algorithm));
        self.algorithms.extend(good.iter().map(|signature| signature.algorithm));
        if let Some(margin) = margin(&good, &checked.signatures) {
            self.margins.insert(title(&set.owner, set.kind), margin);
        }
        if let Some(why) = untried(set, checked) {
            self.untried.insert(title(&set.owner, set.kind), why);
        }
    }

    /// Seconds that the signatures of SOA and DNSKEY hold longer than `expire`.
    pub(super) fn expires(&mut self, expire: u32, soa: (&RrSet, &RrSetCheck), dnskey: &str) {
        let good = soa.1.signatures.iter().filter(|signature| matches!(signature.outcome, SignatureOutcome::Good(_)));
        let soonest = good.map(|signature| signature.left).max().zip(self.margins.get(dnskey));
        self.expire_margin = soonest.map(|(left, keys)| i64::from(left.min(keys.left)) - i64::from(expire));
        let left_out = untried(soa.0, soa.1).or_else(|| self.untried.get(dnskey).cloned());
        self.cuts.extend(left_out.map(|why| (EXPIRE, why)));
    }

    /// CDS or CDNSKEY records whose signatures cannot be judged here.
    pub(super) fn cds_in_part(&mut self, why: String) {
        self.cuts.push((OF_CDS, why));
    }

    /// DS records beyond those that are looked at.
    pub(super) fn more_ds(&mut self, why: String) {
        self.cuts.push((OF_DS, why));
    }

    /// Denial records beyond those that are looked at.
    pub(super) fn more_denial(&mut self, why: String) {
        self.cuts.push((OF_DENIAL, why));
    }

    pub(super) fn keys(&mut self, zone: &str, keys: &[Key]) {
        self.claimed.extend(keys.iter().map(|key| key.algorithm));
        for key in keys {
            let line = format!("{zone} {} {} {}", key.tag, algorithm(key.algorithm), key.flags);
            if self.keys.contains(&line) {
                continue;
            }
            if self.keys.len() < KEYS_LISTED {
                self.keys.push(line);
            } else {
                self.more_keys += 1;
            }
        }
    }

    /// A zone has a key that is trusted, or has none.
    pub(super) fn matched(&mut self, matched: bool) {
        self.ds_match = Some(self.ds_match.unwrap_or(true) && matched);
    }

    pub(super) fn unmatched(&mut self, zone: &str, titles: &[String]) {
        self.unmatched.extend(titles.iter().map(|title| format!("{zone} {title}")));
    }

    /// Denial records that were checked.
    pub(super) fn proof(&mut self, proof: &Proof) {
        let Some((iterations, salt, opt_out)) = proof.nsec3() else { return };
        let salt = if salt.is_empty() { "-".to_owned() } else { rdata::hex(salt) };
        let (most, first, any) = self.nsec3.take().unwrap_or((0, salt, false));
        self.nsec3 = Some((most.max(iterations), first, any || opt_out));
    }

    /// Denial records that decided about the name asked for.
    pub(super) fn denied(&mut self, proof: &Proof) {
        if !proof.is_empty() {
            self.denial = Some(proof.style());
        }
    }

    pub(super) fn note(&mut self, text: String) {
        if self.notes.contains(&text) {
            return;
        }
        if self.notes.len() < NOTES {
            self.notes.push(text);
        } else {
            self.more_notes += 1;
        }
    }

    /// The last link ended with this response code.
    pub(super) fn set_rcode(&mut self, rcode: u16) {
        self.rcode = rcode;
    }

    /// Keeps sets of these types for the second validator.
    pub(super) fn keep(&mut self, sections: &Sections, kinds: &[u16]) {
        let sets = sections.authority.iter().filter(|set| kinds.contains(&set.kind));
        self.authority.extend(sets.cloned());
    }

    /// Algorithms of a DS set.
    pub(super) fn delegated(&mut self, digests: &[Digest]) {
        self.claimed.extend(digests.iter().map(|ds| ds.algorithm));
    }

    /// Most iterations of NSEC3 on the path.
    pub(super) fn iterations(&self) -> Option<u16> {
        self.nsec3.as_ref().map(|(iterations, ..)| *iterations)
    }

    /// Every algorithm of the path, also of what does not hold.
    pub(super) fn claimed(&self) -> impl Iterator<Item = u8> {
        self.claimed.iter().copied()
    }

    /// Records all of it; what was not seen stays absent.
    pub(super) fn record(&self, cx: &mut Cx<'_>) {
        for note in &self.notes {
            cx.note(note.clone());
        }
        if self.more_notes > 0 {
            cx.note(format!("and {}", counted(self.more_notes, "more line")));
        }
        for why in self.untried.values() {
            cx.partial_all(OF_SIGNATURES, why);
            // One of the others may be younger.
            cx.at_most(&AGE, why.clone());
        }
        for (facts, why) in &self.cuts {
            cx.partial_all(facts, why);
        }
        if self.more_keys > 0 {
            cx.partial(&KEYS, format!("not listed: {}", counted(self.more_keys, "more key")));
        }
        if !self.keys.is_empty() {
            cx.set(&KEYS, self.keys.clone());
        }
        if !self.algorithms.is_empty() {
            cx.set(&ALGORITHMS, self.algorithms.iter().copied().map(algorithm).collect::<Vec<_>>());
        }
        if let Some(soonest) = self.margins.values().map(|margin| margin.left).min() {
            cx.set(&EXPIRES_IN, f64::from(soonest));
        }
        if let Some(youngest) = self.margins.values().map(|margin| margin.age).min() {
            cx.set(&AGE, f64::from(youngest));
        }
        if !self.margins.is_empty() {
            let mut rows = cx.rows(&SETS);
            for (name, margin) in &self.margins {
                let mut row = rows.row(name.as_str());
                row.set(&SET_EXPIRES_IN, f64::from(margin.left));
                rows.add(row);
            }
            cx.set_rows(rows);
        }
        if let Some(matched) = self.ds_match {
            cx.set(&DS_MATCH, matched);
            cx.set(&DS_UNMATCHED, self.unmatched.clone());
        }
        if let Some((iterations, salt, opt_out)) = &self.nsec3 {
            cx.set(&ITERATIONS, i64::from(*iterations));
            cx.set(&SALT, salt.clone());
            cx.set(&OPT_OUT, *opt_out);
        }
        if let Some(style) = self.denial {
            cx.set(&DENIAL, style);
        }
        for (fact, value) in [(&CDS_MATCH, self.cds_match), (&CDS_PENDING, self.cds_pending)] {
            if let Some(value) = value {
                cx.set(fact, value);
            }
        }
        if let Some(margin) = self.expire_margin {
            #[expect(clippy::cast_precision_loss, reason = "two differences of 32-bit seconds")]
            cx.set(&EXPIRE_MARGIN, margin as f64);
        }
    }
}

/// What is said of a set whose signatures were not all verified.
fn untried(set: &RrSet, checked: &RrSetCheck) -> Option<String> {
    let tried = |signature: &&SignatureCheck| signature.outcome != SignatureOutcome::Untried;
    let (all, tried) = (set.signatures.len(), checked.signatures.iter().filter(tried).count());
    (tried < all).then(|| format!("of {all} signatures of {} {tried} are looked at", title(&set.owner, set.kind)))
}

/// How long a set stays verified: as long as one signature holds, the one that holds longest; so a roll, in which an old and a
/// new one stand side by side, moves nothing. If none holds, the best of those that a key of the zone made: what would have to be
/// better.
fn margin(good: &[&SignatureCheck], all: &[SignatureCheck]) -> Option<Margin> {
    if let (Some(left), Some(age)) =
        (good.iter().map(|signature| signature.left).max(), good.iter().map(|signature| signature.age).min())
    {
        return Some(Margin { left, age });
    }
    let made = |signature: &&SignatureCheck| {
        matches!(signature.outcome, SignatureOutcome::Expired | SignatureOutcome::NotYetValid)
    };
    let left = all.iter().filter(made).map(|signature| signature.left).max()?;
    let age = all.iter().filter(made).map(|signature| signature.age).max()?;
    Some(Margin { left, age })
}
