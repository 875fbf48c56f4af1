//! Whether a reply is the answer. First by comparing bytes with answers known to be right, and when they differ by reading it.

use super::queries::{Expected, LoadQuery, Reference};
use crate::proto::dns::message::{self, Received, Reply, ResourceRecord};
use crate::proto::dns::{alias, presentation, rcode, rdata, types};

/// Forms of one right answer that are remembered: servers turn the order of records, and caches count TTLs down.
const FORMS: usize = 8;
/// Bytes of remembered answers; beyond, answers are read instead of compared.
const REMEMBERED: usize = 64 << 20;
/// Records and names walked when following aliases.
const LINKS: usize = 64;

/// Why a reply is not the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WrongKind {
    /// It cannot be read, or does not hold together.
    Malformed,
    /// It is longer than any answer that was asked for.
    TooLong,
    /// No query with its id waits.
    Unasked,
    /// It is no response, or to another question.
    OtherQuestion,
    /// TC is set.
    Truncated,
    /// Another response code.
    Rcode,
    /// Other records.
    Records,
    /// AA is not as it was.
    Flags,
}

impl WrongKind {
    pub(super) const ALL: [Self; 8] = [
        Self::Malformed,
        Self::TooLong,
        Self::Unasked,
        Self::OtherQuestion,
        Self::Truncated,
        Self::Rcode,
        Self::Records,
        Self::Flags,
    ];

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLong => "too long",
            Self::Unasked => "unasked",
            Self::OtherQuestion => "another question",
            Self::Truncated => "truncated",
            Self::Rcode => "response code",
            Self::Records => "records",
            Self::Flags => "flags",
        }
    }
}

/// A reply that is not the answer.
#[derive(Debug)]
pub(super) struct WrongAnswer {
    pub(super) kind: WrongKind,
    /// The expectation, and what came instead.
    pub(super) why: String,
    /// Response code, of a reply to the question.
    pub(super) rcode: Option<u16>,
}

/// One right answer, byte for byte.
struct CorrectAnswer {
    bytes: Box<[u8]>,
    rcode: u16,
}

/// Checks answers; each worker has its own.
pub(super) struct Verifier {
    forms: Vec<Vec<CorrectAnswer>>,
    bytes: usize,
    /// AA must stay as it was.
    strict: bool,
}

impl Verifier {
    /// For so many questions. `strict` is for servers asked as an authority (RD clear): caches copy AA of the server they
    /// asked into their first answer only.
    pub(super) fn new(questions: usize, strict: bool) -> Self {
        let mut forms = Vec::new();
        forms.resize_with(questions, Vec::new);
        Self { forms, bytes: 0, strict }
    }

    /// Whether `reply`, whose id is known to be right, is the answer to `item`, the question of number `index`. Gives its
    /// response code.
    pub(super) fn verify(&mut self, index: u32, item: &LoadQuery, reply: &[u8]) -> Result<u16, WrongAnswer> {
        let Some(forms) = self.forms.get_mut(index as usize) else {
            return Err(WrongAnswer {
                kind: WrongKind::Unasked,
                why: "a question that was never asked".to_owned(),
                rcode: None,
            });
        };
        let known = forms.iter().find(|form| form.bytes.len() == reply.len() && form.bytes.get(2..) == reply.get(2..));
        if let Some(form) = known {
            return Ok(form.rcode);
        }
        let answer = examine(item, reply)?;
        let reference = item.reference.get_or_init(|| answer.clone());
        compare(item, &answer, reference, self.strict)?;
        if forms.len() == FORMS {
            // TTLs that count down make every form old; the oldest goes.
            let old = forms.remove(0);
            self.bytes = self.bytes.saturating_sub(old.bytes.len());
        }
        if self.bytes + reply.len() <= REMEMBERED {
            self.bytes += reply.len();
            forms.push(CorrectAnswer { bytes: reply.into(), rcode: answer.rcode });
        }
        Ok(answer.rcode)
    }
}

/// Reads a reply and holds it against all that needs no other answer.
fn examine(item: &LoadQuery, reply: &[u8]) -> Result<Reference, WrongAnswer> {
    let id = reply.first_chunk().map_or(0, |id| u16::from_be_bytes(*id));
    match message::read(reply, id, &item.question) {
        Received::Stray(why) => Err(WrongAnswer { kind: WrongKind::OtherQuestion, why, rcode: None }),
        Received::Malformed(why) => Err(WrongAnswer { kind: WrongKind::Malformed, why, rcode: None }),
        Received::Reply(reply) => content(item, &reply),
    }
}

/// The content of a readable reply to the question, if it can be an answer.
pub(super) fn content(item: &LoadQuery, reply: &Reply) -> Result<Reference, WrongAnswer> {
    let title = item.question.title();
    let wrong = |kind, why: String| Err(WrongAnswer { kind, why: format!("{title}: {why}"), rcode: Some(reply.rcode) });
    if reply.truncated() {
        return wrong(
            WrongKind::Truncated,
            "truncated: ask for larger answers (`edns_size`) or fewer records".to_owned(),
        );
    }
    if let Some(anomaly) = reply.anomalies.first() {
        return wrong(WrongKind::Malformed, anomaly.clone());
    }
    let allowed = match item.expected.rcode {
        Some(code) => reply.rcode == code,
        None => matches!(reply.rcode, rcode::NOERROR | rcode::NXDOMAIN),
    };
    if !allowed {
        let want = item.expected.rcode.map_or_else(|| "NOERROR or NXDOMAIN".to_owned(), rcode::text);
        return wrong(WrongKind::Rcode, format!("{}, not {want}", rcode::text(reply.rcode)));
    }
    if let Some(line) = unrelated(item, reply) {
        return wrong(WrongKind::Records, format!("not an answer to it: {}", line.text));
    }
    if let Some(why) = unexpected(item, &item.expected, reply) {
        return wrong(WrongKind::Records, why);
    }
    Ok(Reference {
        rcode: reply.rcode,
        authoritative: reply.flags().iter().any(|flag| flag == "aa"),
        records: records(item, reply),
    })
}

/// Whether a sound answer agrees with the first one.
fn compare(item: &LoadQuery, answer: &Reference, first: &Reference, strict: bool) -> Result<(), WrongAnswer> {
    let title = item.question.title();
    let wrong =
        |kind, why: String| Err(WrongAnswer { kind, why: format!("{title}: {why}"), rcode: Some(answer.rcode) });
    if answer.rcode != first.rcode {
        let (now, then) = (rcode::text(answer.rcode), rcode::text(first.rcode));
        return wrong(WrongKind::Rcode, format!("{now}, and {then} in the first answer"));
    }
    if answer.records != first.records {
        let (now, then) = (shown(&answer.records), shown(&first.records));
        return wrong(WrongKind::Records, format!("{now}; in the first answer {then}"));
    }
    if strict && answer.authoritative != first.authoritative {
        return wrong(WrongKind::Flags, format!("AA is {}, the opposite of the first answer", answer.authoritative));
    }
    Ok(())
}

/// Kinds of right answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnswerKind {
    /// There are records.
    Records,
    /// The response code is no error, and there is nothing: no such type, or a referral.
    Empty,
    /// Another response code, mostly NXDOMAIN.
    Absent,
}

/// Makes an answer that came before the load the reference for those of the load.
pub(super) fn set_reference(item: &LoadQuery, reply: &Reply) -> Result<AnswerKind, WrongAnswer> {
    let answer = content(item, reply)?;
    let kind = match (answer.rcode, reply.answers.is_empty()) {
        (rcode::NOERROR, false) => AnswerKind::Records,
        (rcode::NOERROR, true) => AnswerKind::Empty,
        _ => AnswerKind::Absent,
    };
    // Each question is asked once before the load, so nothing is there yet.
    let _ = item.reference.set(answer);
    Ok(kind)
}

/// Records of an answer that are told as evidence.
const SHOWN: usize = 4;

fn shown(records: &[String]) -> String {
    match records {
        [] => "no records".to_owned(),
        some => match some.get(..SHOWN).filter(|first| first.len() < some.len()) {
            Some(first) => format!("{} and {} more", first.join(", "), some.len() - first.len()),
            None => some.join(", "),
        },
    }
}

/// A record of the answer section that has nothing to do with the question: about another name, or of another type.
fn unrelated<'r>(item: &LoadQuery, reply: &'r Reply) -> Option<&'r ResourceRecord> {
    let question = &item.question;
    let mut names = vec![&question.name];
    // Each pass follows one alias; servers send them in order, so mostly one pass finds all.
    while names.len() < LINKS {
        let before = names.len();
        for record in &reply.answers {
            let Some(target) = &record.target else { continue };
            let about = |name: &&hickory_proto::rr::Name| record.owner.eq_ignore_root(name);
            let new = !names.iter().any(|name| name.eq_ignore_root(target));
            if names.iter().any(about) && new && names.len() < LINKS {
                names.push(target);
            }
        }
        if names.len() == before {
            break;
        }
    }
    reply.answers.iter().find(|record| {
        let about = names.iter().any(|name| record.owner.eq_ignore_root(name));
        let above =
            matches!(record.code, types::DNAME | types::RRSIG) && names.iter().any(|name| record.owner.zone_of(name));
        let link = matches!(record.code, types::CNAME | types::DNAME | types::RRSIG);
        let asked = record.code == question.code || question.code == types::ANY;
        record.class != u16::from(question.class)
            || !(asked || link)
            || !(about || above)
            || alias::hides(&reply.answers, record)
    })
}

/// How the answer differs from the expectation of its line.
fn unexpected(item: &LoadQuery, expected: &Expected, reply: &Reply) -> Option<String> {
    let asked = |record: &&ResourceRecord| record.code == item.question.code || item.question.code == types::ANY;
    let mut data: Vec<String> = reply.answers.iter().filter(asked).map(|record| record.data.clone()).collect();
    if expected.records && data.is_empty() {
        return Some("no record of the type asked for; write NOERROR behind the type if that is right".to_owned());
    }
    let want = expected.data.as_ref()?;
    data.sort();
    let same = presentation::same_set(Some(&types::mnemonic(item.question.code)), &data, want);
    (!same).then(|| format!("{}, not {}", shown(&data), shown(want)))
}

/// The answer without what may change from reply to reply: TTLs, order, and the signatures of servers that sign anew.
fn records(item: &LoadQuery, reply: &Reply) -> Vec<String> {
    let owner = |record: &ResourceRecord| {
        format!("{} {}", rdata::name(&record.owner).to_ascii_lowercase(), types::mnemonic(record.code))
    };
    let mut records: Vec<String> = if reply.answers.is_empty() {
        // A referral is not an empty answer: what the authority section is about tells them apart, not its serial.
        reply.authority.iter().filter(|record| matches!(record.code, types::NS | types::SOA)).map(owner).collect()
    } else {
        let signature = |record: &ResourceRecord| record.code == types::RRSIG && item.question.code != types::RRSIG;
        let full = |record: &ResourceRecord| {
            let data = || presentation::data_key(Some(&types::mnemonic(record.code)), &record.data);
            if signature(record) { owner(record) } else { format!("{} {}", owner(record), data()) }
        };
        reply.answers.iter().map(full).collect()
    };
    records.sort();
    records.dedup();
    records
}
