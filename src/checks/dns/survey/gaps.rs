//! What a survey did not see: replies that are cut, limits that were met, lists that are too long.
//!
//! A fact that is absent for such a reason was not measured, which is something else than not applicable: it is marked as
//! seen in part, so that an expectation of it is errored with the reason.

use super::server_report::ServerReport;
use super::{facts, names, server_rows};
use crate::checks::dns::facts as answer_facts;
use crate::checks::dns::query::CUT;
use crate::model::FactInfo;
use crate::probe::Cx;

/// Facts of the question that are taken from the content of replies.
const CONTENT: &[FactInfo] =
    &[answer_facts::ANSWERS.info, answer_facts::TEXTS.info, answer_facts::CNAMES.info, answer_facts::TTL.info];
/// Facts of the aliases.
const ALIASES: &[FactInfo] =
    &[answer_facts::ANSWERS.info, answer_facts::CNAMES.info, facts::LINKS.info, facts::LOOP.info, facts::DANGLING.info];

/// Marks the facts that the replies leave open. All other facts are recorded before.
pub(super) fn record(cx: &mut Cx<'_>, reports: &[ServerReport]) {
    for report in reports {
        let label = report.label();
        if report.summaries().any(|summary| summary.outcome == "unasked") {
            let why = format!("{label} was not asked everything: the limit of queries or of time was met");
            cx.partial(&answer_facts::OUTCOME, why.clone());
            cx.partial(&facts::FAILED, why.clone());
            missing(cx, CONTENT, &why);
            missing(cx, facts::FACTS, &why);
        }
        if report.summaries().any(|summary| summary.has("tc")) {
            let why = format!("{label}: {CUT}");
            cx.partial_all(CONTENT, &why);
            cx.partial(&server_rows::SERVERS, why.clone());
            missing(cx, facts::FACTS, &why);
        }
        if report.main_summary().is_some_and(|summary| summary.answers.is_none() && summary.answered()) {
            let why = format!("{label}: more than {} bytes of records are not kept", super::records::MAX_TEXT);
            cx.partial(&answer_facts::ANSWERS, why.clone());
            cx.partial(&server_rows::SERVERS, why.clone());
            missing(cx, facts::FACTS, &why);
        }
        if let Some(chain) = report.chain.as_ref().filter(|chain| chain.left) {
            let why = format!(
                "{label}: the aliases lead out of the zone to {}, whose records other servers have",
                names::text(&chain.end)
            );
            cx.partial_all(&[answer_facts::ANSWERS.info, answer_facts::TEXTS.info], &why);
        }
        if report.chain.as_ref().is_some_and(|chain| chain.cut) {
            let count = report.chain.as_ref().map_or(0, |chain| chain.links.len());
            missing(cx, ALIASES, &format!("{label}: the aliases are followed to number {count} only"));
        }
    }
}

/// Marks all facts: there are servers that were not asked.
pub(super) fn everything(cx: &mut Cx<'_>, why: &str) {
    const OF_QUESTION: &[FactInfo] =
        &[answer_facts::OUTCOME.info, answer_facts::RCODE.info, answer_facts::FLAGS.info, answer_facts::TRUNCATED.info];
    for table in [OF_QUESTION, CONTENT, facts::FACTS] {
        cx.partial_all(table, why);
    }
}

/// Marks those of `facts` that are absent.
pub(super) fn missing(cx: &mut Cx<'_>, facts: &[FactInfo], why: &str) {
    let absent =
        |info: &&FactInfo| cx.observation().last(info.name).is_none() && cx.observation().merged(info.name).is_none();
    let absent: Vec<FactInfo> = facts.iter().filter(absent).copied().collect();
    cx.partial_all(&absent, why);
}
