//! A second validator over the same messages: that of the `domain` crate. It knows no reasons and no other time than now,
//! but it was written by others, so `secure` means that two agree.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use domain::base::Message;
use domain::base::iana::SecurityAlgorithm;
use domain::base::name::ToName as _;
use domain::dnssec::validator::anchor::TrustAnchors;
use domain::dnssec::validator::base::supported_algorithm;
use domain::dnssec::validator::context::{Config, ValidationContext, ValidationState};
use domain::net::client::request::{ComposeRequest as _, Error, GetResponse, RequestMessage, SendRequest};
use futures_util::FutureExt as _;
use tokio_util::bytes::Bytes;

use super::verdict::{Validation, Verdict, WalkEnd};
use super::walk::Walk;
use crate::model::Fault;
use crate::proto::dns::types;
use crate::proto::dnssec::{Anchor, ITERATIONS, Name, Reason, RrSet, algorithm, supported};

/// Messages it may ask for beyond those of the walk.
const ROUNDS: usize = 16;
/// Types whose names in data it leaves as they are, against RFC 4034 section 6.2: AFSDB, RT, PX, KX.
const UNREADABLE: [u16; 4] = [18, 21, 26, 36];

/// Iterations of NSEC3 above which it cannot be made to say insecure.
const BOGUS_ITERATIONS: u16 = 500;

/// The verdict of the second validator beside that of the first.
pub(super) struct SecondOpinion {
    /// `agrees`, `differs` or `none`.
    pub(super) word: &'static str,
    pub(super) text: String,
}

impl SecondOpinion {
    /// It was not asked.
    pub(super) fn none(why: &str) -> Self {
        Self { word: "none", text: format!("not asked: {why}") }
    }

    pub(super) fn differs(&self) -> bool {
        self.word == "differs"
    }
}

/// Asks for it, if it can judge the messages of the walk.
pub(super) async fn validate_again(
    walk: &mut Walk<'_>,
    anchors: &[Anchor],
    name: &Name,
    code: u16,
    first: &Validation,
) -> Result<SecondOpinion, Fault> {
    if let Some(why) = unable(walk, first) {
        return Ok(SecondOpinion::none(&why));
    }
    let message = compose(name, code, walk);
    for _ in 0..ROUNDS {
        let (state, missing) = run(&message, anchors, walk).await;
        let mut fetched = false;
        for (name, code) in missing {
            match walk.fetch.get(&name, code).await {
                Ok(_) => fetched = true,
                Err(WalkEnd::Validation(_)) => {}
                Err(WalkEnd::Fault(fault)) => return Err(fault),
            }
        }
        if !fetched {
            return Ok(compare(&state, first));
        }
    }
    Ok(SecondOpinion::none("it wants more messages than any chain needs"))
}

/// Why it cannot judge, if it cannot.
fn unable(walk: &Walk<'_>, first: &Validation) -> Option<String> {
    if first.verdict == Verdict::Indeterminate {
        return Some("there is nothing to judge".to_owned());
    }
    let strange = |number: &u8| supported(*number) && !supported_algorithm(&SecurityAlgorithm::from_int(*number));
    if let Some(number) = walk.evidence.claimed().find(strange) {
        return Some(format!("it does not know {}", algorithm(number)));
    }
    if first.reason == Some(Reason::UnsupportedAlgorithm) && first.verdict == Verdict::Bogus {
        return Some("it tells no unsupported signature from a bad one".to_owned());
    }
    if walk.evidence.iterations().is_some_and(|iterations| iterations > BOGUS_ITERATIONS) {
        return Some(format!(
            "it calls more than {BOGUS_ITERATIONS} NSEC3 iterations bogus, as RFC 9276 section 3.2 allows too"
        ));
    }
    walk.evidence.answers.iter().any(|set| UNREADABLE.contains(&set.kind)).then(|| "it cannot read the type".to_owned())
}

fn compare(state: &Result<ValidationState, String>, first: &Validation) -> SecondOpinion {
    let state = match state {
        Ok(state) => state,
        Err(why) => return SecondOpinion { word: "differs", text: why.clone() },
    };
    let (same, word) = match state {
        ValidationState::Secure => (first.verdict == Verdict::Secure, "secure"),
        ValidationState::Insecure => (first.verdict == Verdict::Insecure, "insecure"),
        ValidationState::Bogus => (first.verdict == Verdict::Bogus, "bogus"),
        ValidationState::Indeterminate => (false, "indeterminate"),
    };
    SecondOpinion { word: if same { "agrees" } else { "differs" }, text: word.to_owned() }
}

/// One validation, and the messages it lacked.
async fn run(
    message: &[u8],
    anchors: &[Anchor],
    walk: &Walk<'_>,
) -> (Result<ValidationState, String>, Vec<(Name, u16)>) {
    let known = KnownMessages {
        messages: Arc::new(walk.fetch.known().map(|(key, got)| (key.clone(), got.bytes.clone())).collect()),
        missing: Arc::default(),
    };
    let missing = known.missing.clone();
    let state = AssertUnwindSafe(validate(message, anchors, known)).catch_unwind().await;
    let state = state.unwrap_or_else(|_| Err("it panicked".to_owned()));
    let missing = std::mem::take(&mut *missing.lock().unwrap_or_else(PoisonError::into_inner));
    (state, missing)
}

async fn validate(message: &[u8], anchors: &[Anchor], known: KnownMessages) -> Result<ValidationState, String> {
    let lines: Vec<String> = anchors.iter().map(Anchor::line).collect();
    let trusted = TrustAnchors::from_u8(lines.join("\n").as_bytes()).map_err(|error| error.to_string())?;
    let mut config = Config::new();
    config.set_nsec3_iter_insecure(ITERATIONS);
    let context = ValidationContext::with_config(trusted, known, config);
    let mut message = Message::from_octets(message.to_vec()).map_err(|error| error.to_string())?;
    let (state, _) = context.validate_msg::<Vec<u8>, Vec<u8>>(&mut message).await.map_err(|error| error.to_string())?;
    Ok(state)
}

/// One message of all links: the question, the sets of the answer, what proves absence, and the last response code.
fn compose(name: &Name, code: u16, walk: &Walk<'_>) -> Vec<u8> {
    let (answers, authority) = (count(&walk.evidence.answers), count(&walk.evidence.authority));
    let mut out = vec![0, 0, 0x84, walk.evidence.rcode.to_be_bytes()[1], 0, 1];
    out.extend(answers.to_be_bytes());
    out.extend(authority.to_be_bytes());
    out.extend([0, 0]);
    out.extend_from_slice(name.as_slice());
    out.extend(code.to_be_bytes());
    out.extend([0, 1]);
    for set in walk.evidence.answers.iter().chain(&walk.evidence.authority) {
        for data in &set.data {
            record(&mut out, set, set.kind, data);
        }
        for signature in &set.signatures {
            record(&mut out, set, types::RRSIG, &signature.data);
        }
    }
    out
}

fn count(sets: &[RrSet]) -> u16 {
    let records: usize = sets.iter().map(|set| set.data.len() + set.signatures.len()).sum();
    u16::try_from(records).unwrap_or(u16::MAX)
}

fn record(out: &mut Vec<u8>, set: &RrSet, code: u16, data: &[u8]) {
    out.extend_from_slice(set.owner.as_slice());
    out.extend(code.to_be_bytes());
    out.extend([0, 1]);
    out.extend(set.ttl.to_be_bytes());
    out.extend(u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(data);
}

/// Messages that are here; it never asks the network.
#[derive(Debug)]
struct KnownMessages {
    messages: Arc<HashMap<(Name, u16), Vec<u8>>>,
    missing: Arc<Mutex<Vec<(Name, u16)>>>,
}

impl SendRequest<RequestMessage<Vec<u8>>> for KnownMessages {
    fn send_request(&self, request: RequestMessage<Vec<u8>>) -> Box<dyn GetResponse + Send + Sync> {
        let asked = request.to_message().ok().and_then(|message| {
            let question = message.sole_question().ok()?;
            Some((question.qname().to_canonical_name::<Vec<u8>>(), question.qtype().to_int()))
        });
        let found = asked.as_ref().and_then(|key| self.messages.get(key)).cloned();
        if let (None, Some(key)) = (&found, asked) {
            self.missing.lock().unwrap_or_else(PoisonError::into_inner).push(key);
        }
        Box::new(KnownMessage(found))
    }
}

#[derive(Debug)]
struct KnownMessage(Option<Vec<u8>>);

type AnswerFuture<'f> = Pin<Box<dyn Future<Output = Result<Message<Bytes>, Error>> + Send + Sync + 'f>>;

impl GetResponse for KnownMessage {
    fn get_response(&mut self) -> AnswerFuture<'_> {
        let found = self.0.take();
        Box::pin(async move {
            let bytes = found.ok_or(Error::ConnectionClosed)?;
            Message::from_octets(Bytes::from(bytes)).map_err(|_| Error::ShortMessage)
        })
    }
}
