//! `addresses: all`: every backend behind a name is asked the same, and which one differs is told.

use std::collections::BTreeMap;
use std::net::IpAddr;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::attempt::{Ended, Over};
use super::facts::{ADDRESS, OUTCOME, OUTCOMES, RESOLVE_TIME};
use super::record::version_word;
use super::trace::Trace;
use super::{Http, facts};
use crate::model::count::counted;
use crate::model::rows::Rows;
use crate::model::table::facts;
use crate::model::typed::Form;
use crate::model::{Choice, Fact, Fault, TimeOf, Unit};
use crate::net::Origin;
use crate::net::resolve::resolve;
use crate::probe::{Cx, EarlyEnd};
use crate::proto::dns::presentation::labels;

/// Addresses that are asked at once; no name has as many.
const MOST: usize = 256;
/// Backends that differ and are named in the evidence.
const NAMED: usize = 8;

facts! { pub(super) FACTS;
    const ADDRESSES: Fact<Vec<String>> = Fact::list("addresses", "Every address of the name.").form(Form::Address);
    const FAILED: Fact<Vec<String>> =
        Fact::list("addresses.failed", "Addresses whose outcome is not `answered`, with that outcome.").form(Form::Data(&labels::OUTCOMES));
    const AGREE: Fact<bool> = Fact::flag(
        "addresses.agree",
        "Whether every address gives the same answer: status, body, and certificate; absent when one could not be asked.",
    )
    .on_breach("the backends differ: the evidence says who answers what; deploy to those left behind");
    const DIFFER: Fact<Vec<String>> = Fact::list(
        "addresses.differ",
        "Addresses whose answer is not that of most, with what differs: `192.0.2.12 status`, `body` or `certificate`.",
    )
    .on_breach("the backends differ: the evidence says who answers what; deploy to those left behind");
    pub(super) const BACKENDS: Fact<Rows> = Fact::table("backends", "address", "What each address of the name answers.");
    const ROW_OUTCOME: Fact<Choice> = Fact::choice("backends.outcome", OUTCOMES, "How the exchange with it ended.").column();
    const STATUS: Fact<i64> = Fact::integer("backends.status", Unit::Count, "Status of its final answer.")
        .expected("{all: {between: [200, 299]}}")
        .on_breach("a backend answers, but not as expected: look into its log for this request")
        .column();
    const VERSION: Fact<Choice> = Fact::choice("backends.version", facts::VERSIONS, "HTTP version of its answer.").column();
    const SHA256: Fact<String> =
        Fact::text("backends.sha256", "SHA-256 of its body, decoded, in hexadecimal.").form(Form::Digest).column();
    const CERTIFICATE: Fact<String> =
        Fact::text("backends.certificate", "SHA-256 of its certificate, in hexadecimal.").form(Form::Digest).column();
    const TIME: Fact<f64> = Fact::number("backends.time", Unit::Seconds, "Time from the start to the last byte of its answer.")
        .lasting(TimeOf::Latency)
        .column();
    const ERROR: Fact<String> = Fact::text("backends.error", "Why there is no answer of it.").column();
}

/// What one address answers.
struct Backend {
    address: IpAddr,
    trace: Trace,
    ended: Ended,
}

/// What must be the same everywhere, in the words of [`DIFFER`].
const ASPECTS: [&str; 3] = ["status", "body", "certificate"];

impl Backend {
    /// What it shows of each of [`ASPECTS`]; none where it gave no answer.
    fn aspects(&self) -> Option<[Option<String>; 3]> {
        let answer = self.ended.answer.as_ref().ok()?;
        let status = Some(answer.head.status.as_u16().to_string());
        Some([status, answer.sha256.clone(), self.trace.fingerprint.clone()])
    }

    fn outcome(&self) -> (&'static str, Option<&str>) {
        match &self.ended.answer {
            Err(EarlyEnd::Outcome { word, evidence }) => (word, evidence.as_deref()),
            _ => ("answered", None),
        }
    }
}

/// Asks every address of the URL's host at once.
pub(super) async fn ask(http: &Http, cx: &mut Cx<'_>) -> Result<(), Fault> {
    let start = Instant::now();
    let end = start + http.timeout;
    let found = match resolve(&http.host, http.ip_version, http.timeout).await? {
        Ok(found) => found,
        Err(why) => return EarlyEnd::outcome("unresolved", why).record(cx, &OUTCOME),
    };
    if http.url.domain().is_some() {
        cx.record_time(&RESOLVE_TIME, start.elapsed());
    }
    if found.list.len() > MOST {
        let why = format!("it has {}, and at most {MOST} are asked", counted(found.list.len(), "address"));
        let remedy = "ask some of them in checks of their own, with `resolve`";
        return Err(Fault::local("ask every address", http.shown.clone(), why, remedy));
    }
    let asked = found.list.iter().map(|address| async move {
        let mut trace = Trace::new(http.url.clone(), http.shown.clone());
        let over = Over { pin: Some(*address), kept: None };
        let ended = http.attempt(None, &mut trace, over, end).await?;
        if let Err(EarlyEnd::Fault(fault)) = ended.answer {
            return Err(fault);
        }
        Ok(Backend { address: *address, trace, ended })
    });
    let backends: Vec<Backend> = join_all(asked).await.into_iter().collect::<Result<_, Fault>>()?;
    record(cx, &backends, http.origin);
    if let Some(why) = found.partial {
        let why = format!("{}: {why}", http.host);
        cx.partial(&ADDRESSES, why.clone());
        cx.partial(&FAILED, why.clone());
        cx.partial(&DIFFER, why.clone());
        cx.partial(&AGREE, why.clone());
        cx.partial(&BACKENDS, why.clone());
        if backends.iter().all(|backend| backend.ended.answer.is_ok()) {
            cx.partial(&OUTCOME, why);
        }
    }
    Ok(())
}

fn record(cx: &mut Cx<'_>, backends: &[Backend], origin: Origin) {
    cx.set(&ADDRESSES, backends.iter().map(|backend| origin.label(backend.address)).collect::<Vec<_>>());
    let wrong = backends.iter().find(|backend| backend.ended.answer.is_err());
    let Some(first) = wrong.or(backends.first()) else { return };
    let (word, evidence) = first.outcome();
    cx.set(&OUTCOME, word);
    cx.set(&ADDRESS, origin.label(first.address));
    if let Some(evidence) = evidence {
        cx.ending(evidence);
    }
    if wrong.is_some() && first.trace.is_unconnected() {
        cx.unreached();
    }
    let failed: Vec<&Backend> = backends.iter().filter(|backend| backend.ended.answer.is_err()).collect();
    for backend in failed.iter().take(NAMED) {
        cx.note(backend.outcome().1.unwrap_or_default().to_owned());
    }
    cx.set(
        &FAILED,
        failed.iter().map(|one| format!("{} {}", origin.label(one.address), one.outcome().0)).collect::<Vec<_>>(),
    );
    let differing = differing(backends);
    if !differing.is_empty() {
        cx.set(&AGREE, false);
    } else if unseen(backends).is_none() {
        cx.set(&AGREE, true);
    }
    for (address, words) in differing.iter().take(NAMED) {
        let status =
            backends.iter().find(|backend| backend.address == *address).and_then(|backend| backend.trace.status);
        let status = status.map(|status| format!(" (status {})", status.as_u16())).unwrap_or_default();
        cx.note(format!("{address} answers otherwise than most{status}: {}", words.join(", ")));
    }
    let each = |(address, words): &(IpAddr, Vec<&str>)| {
        words.iter().map(|word| format!("{address} {word}")).collect::<Vec<_>>()
    };
    cx.set(&DIFFER, differing.iter().flat_map(each).collect::<Vec<_>>());
    if let Some(why) = unseen(backends) {
        cx.partial(&DIFFER, why);
    }
    let mut rows = cx.rows(&BACKENDS);
    for backend in backends {
        let mut row = rows.row(backend.address.to_string());
        let (word, evidence) = backend.outcome();
        row.set(&ROW_OUTCOME, word);
        row.set_some(&ERROR, evidence.map(str::to_owned));
        row.set_some(&CERTIFICATE, backend.trace.fingerprint.clone());
        if let Ok(answer) = &backend.ended.answer {
            row.set(&STATUS, i64::from(answer.head.status.as_u16()));
            row.set_some(&VERSION, version_word(answer.head.version));
            row.set_some(&SHA256, answer.sha256.clone());
            row.set(&TIME, backend.ended.took.as_secs_f64());
        }
        if word != "answered" || differing.iter().any(|(address, _)| *address == backend.address) {
            row.mark_wrong();
        }
        rows.add(row);
    }
    cx.set_rows(rows);
}

/// Who could not be compared as a whole.
fn unseen(backends: &[Backend]) -> Option<String> {
    let why = |backend: &Backend| match backend.aspects() {
        None => Some(format!("no answer from {}", backend.address)),
        Some([_, None, _]) => Some(format!("not all of the body of {} was read", backend.address)),
        Some(_) => None,
    };
    backends.iter().find_map(why)
}

/// Who is not like most of those that answered, and in what; where there is no majority, the first of the largest groups counts.
fn differing(backends: &[Backend]) -> Vec<(IpAddr, Vec<&'static str>)> {
    let answered: Vec<(IpAddr, [Option<String>; 3])> =
        backends.iter().filter_map(|backend| Some((backend.address, backend.aspects()?))).collect();
    let mut found: Vec<(IpAddr, Vec<&str>)> = answered.iter().map(|(address, _)| (*address, Vec::new())).collect();
    for (at, aspect) in ASPECTS.into_iter().enumerate() {
        let values: Vec<&Option<String>> = answered.iter().map(|(_, aspects)| &aspects[at]).collect();
        // A body that was not read as a whole is like no other, and unlike none.
        let is_known = |value: &&Option<String>| aspect != "body" || value.is_some();
        let mut counts: BTreeMap<&Option<String>, usize> = BTreeMap::new();
        for value in values.iter().copied().filter(is_known) {
            *counts.entry(value).or_default() += 1;
        }
        let largest = counts.values().copied().max().unwrap_or(0);
        let usual = values.iter().find(|value| counts.get(**value) == Some(&largest));
        for ((_, words), value) in found.iter_mut().zip(&values) {
            if is_known(value) && Some(value) != usual {
                words.push(aspect);
            }
        }
    }
    found.retain(|(_, words)| !words.is_empty());
    found
}
