//! Keys about how often, beside what, and where a check runs.

use std::sync::Arc;

use super::diagnostic::Diagnostics;
use super::tables;
use super::tree::Node;
use crate::model::{Args, Unit};
use crate::net::netns;

/// A delay between attempts of a check that makes none, or no second one.
pub(super) fn retry_delay(
    node: &Node,
    common: &Args,
    (eventually, disruptive): (bool, bool),
    family: &str,
    errors: &mut Diagnostics,
) {
    let wrong = if disruptive {
        Some((format!("`{family}` is made once: `retry_delay` changes nothing"), "leave it out"))
    } else if eventually {
        let message = "`retry_delay` is for `retries`, and `eventually` has its own";
        Some((message.to_owned(), "write eventually: {within: …, every: …}"))
    } else if common.get(&tables::RETRIES) == 0 {
        Some(("`retry_delay` without `retries` changes nothing".to_owned(), "add retries: 2, or leave it out"))
    } else {
        None
    };
    if let Some((message, help)) = wrong {
        errors.add(node.span, message, help);
        return;
    }
    let (budget, delay) = (common.get(&tables::BUDGET), common.get(&tables::RETRY_DELAY));
    if let (Some(budget), Some(delay)) = (budget, delay)
        && delay >= budget
    {
        let [delay, budget] = [delay, budget].map(|time| Unit::Seconds.human(time.as_secs_f64()));
        let message = format!("no retry is ever made: `retry_delay` ({delay}) is not shorter than `budget` ({budget})");
        errors.add(node.span, message, "raise `budget`, or lower `retry_delay`");
    }
}

/// The name of what the check must not share with others at the same time.
pub(super) fn serial(node: Option<&Node>, errors: &mut Diagnostics) -> Option<Arc<str>> {
    let node = node?;
    let name = node.shown()?.trim();
    if name.is_empty() {
        errors.add(node.span, "`serial` is empty", "write serial: NAME, the same in all checks that must not overlap");
        return None;
    }
    Some(name.into())
}

/// The network namespace the check runs in.
pub(super) fn network_namespace(node: Option<&Node>, errors: &mut Diagnostics) -> Option<Arc<str>> {
    let node = node?;
    let text = node.text()?;
    let (message, help) = if node.shown.is_some() {
        ("`netns` holds a secret".to_owned(), "every report names it".to_owned())
    } else if netns::is_name(text) {
        return Some(text.into());
    } else {
        let last = text.rsplit('/').next().filter(|name| text.contains('/') && netns::is_name(name));
        let help = match last {
            Some(name) => format!("write `netns: {name}`: its name in `ip netns list`"),
            None => "write netns: NAME, as `ip netns list` shows it".to_owned(),
        };
        (format!("`{text}` is no name of a network namespace"), help)
    };
    // One in `defaults` is told once.
    if !errors.has(node.span) {
        errors.add(node.span, message, help);
    }
    None
}
