//! What was said, as facts.

use super::conversation::{ConversationResult, HalfClose};
use super::dialogue::DialogueResult;
use super::facts::{AFTER, BANNER, COMPLETED, DIALOGUE_TIME, EARLY, ENDED, RECEIVED, STEP_RECEIVED, STEP_TIME, STEPS};
use crate::net::bytes;
use crate::probe::Cx;

/// Records what one peer said.
pub(super) fn conversation(cx: &mut Cx<'_>, exchange: ConversationResult, holds_secret: bool) {
    let mut text = bytes::readable(&exchange.received);
    if holds_secret && exchange.more.is_some() && !text.is_empty() && !text.ends_with('\n') {
        // Marked as cut, the beginning of an echo of a secret at its end is hidden, too.
        text.push('…');
    }
    cx.set(&BANNER, text.lines().next().unwrap_or_default());
    cx.set(&RECEIVED, text);
    if let Some(why) = exchange.more {
        if !exchange.received.contains(&b'\n') {
            cx.partial(&BANNER, why);
        }
        cx.partial(&RECEIVED, why);
    }
    if let Some(progress) = exchange.progress {
        dialogue(cx, progress);
    }
    if let Some(half_close) = exchange.half_close {
        ended(cx, half_close);
    }
}

fn dialogue(cx: &mut Cx<'_>, progress: DialogueResult) {
    let DialogueResult { steps, completed, early, time } = progress;
    cx.set(&COMPLETED, i64::try_from(completed).unwrap_or(i64::MAX));
    cx.set(&EARLY, i64::try_from(early.len()).unwrap_or(i64::MAX));
    for note in early {
        cx.note(note);
    }
    if let Some(time) = time {
        cx.record_time(&DIALOGUE_TIME, time);
    }
    let mut rows = cx.rows(&STEPS);
    for (number, step) in (1..).zip(steps) {
        let mut row = rows.row(i32::to_string(&number));
        row.set(&STEP_TIME, step.time.as_secs_f64());
        row.set_some(&STEP_RECEIVED, step.received);
        if step.failed {
            row.mark_wrong();
        }
        rows.add(row);
    }
    cx.set_rows(rows);
}

fn ended(cx: &mut Cx<'_>, half_close: HalfClose) {
    cx.set(&ENDED, half_close.ended);
    cx.set(&AFTER, i64::try_from(half_close.received).unwrap_or(i64::MAX));
    if half_close.cut {
        cx.partial(&ENDED, "`limit` is reached");
        cx.partial(&AFTER, "`limit` is reached");
    }
    if let Some(evidence) = half_close.evidence {
        cx.note(evidence);
    }
}
