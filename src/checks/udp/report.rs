//! What came back, as facts.

use super::exchange::ExchangeResult;
use super::facts::{ANSWERS, LOSS, OTHER_SOURCES, OUTCOME, RESPONSE, RESPONSE_TIME, SENT, SIZE};
use crate::net::bytes;
use crate::probe::Cx;

pub(super) fn exchange(cx: &mut Cx<'_>, exchange: ExchangeResult) {
    match &exchange.evidence {
        Some(evidence) => cx.end(&OUTCOME, exchange.outcome, evidence),
        None => cx.set(&OUTCOME, exchange.outcome),
    }
    for note in exchange.notes {
        cx.note(note);
    }
    if let Some(why) = exchange.more {
        cx.partial(&OUTCOME, why);
    }
    if let Some(answer) = exchange.answer {
        if answer.length > answer.kept.len() {
            cx.partial(&RESPONSE, format!("{} of {} bytes are kept (`limit`)", answer.kept.len(), answer.length));
        }
        cx.set(&RESPONSE, bytes::readable(&answer.kept));
        cx.set(&SIZE, i64::try_from(answer.length).unwrap_or(i64::MAX));
    }
    for time in exchange.times {
        cx.record_measured(&RESPONSE_TIME, time);
    }
    cx.set(&OTHER_SOURCES, exchange.sources.iter().map(ToString::to_string).collect::<Vec<_>>());
    if exchange.more_sources {
        cx.partial(&OTHER_SOURCES, format!("only the first {} are kept", exchange.sources.len()));
    }
    let Some(several) = exchange.several else { return };
    cx.set(&SENT, i64::try_from(several.sent).unwrap_or(i64::MAX));
    let unanswered = several.sent.saturating_sub(several.answered);
    cx.set(&LOSS, unanswered as f64 / several.sent.max(1) as f64);
    if several.answered > several.answers.len() {
        cx.partial(&ANSWERS, format!("the first {} of {} are kept", several.answers.len(), several.answered));
    }
    if several.cut {
        cx.partial(&ANSWERS, "`limit` cut one of them");
    }
    cx.set(&ANSWERS, several.answers);
    if let Some(why) = several.more {
        cx.partial(&LOSS, why.clone());
        cx.partial(&ANSWERS, why);
    }
}
