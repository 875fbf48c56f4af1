//! MX records that contradict each other: the null MX says that a domain takes no mail (RFC 7505).

use super::fields::TYPE;
use super::load::LOAD;
use crate::model::table::facts;
use crate::model::{Args, Fact};
use crate::probe::{Cx, Mode};
use crate::proto::dns::types;

facts! { pub(super) FACTS;
    pub(super) const NULL_ALONE: Fact<bool> = Fact::flag(
        "mx.null_alone",
        "The null MX (`0 .`) stands alone, as it must (RFC 7505 section 3); absent where there is none.",
    )
    .on_breach("the domain says that it takes no mail, and where to: remove the null MX, or all others");
}

/// A contradiction is wrong whatever the check is about.
pub(super) const MODES: &[Mode] =
    &[Mode::of("type: MX", applies, FACTS).adds("mx.null_alone: {any_of: [{eq: true}, {present: false}]}")];

fn applies(args: &Args) -> bool {
    let code = args.get(&TYPE).and_then(|word| types::number(&word));
    code == Some(types::MX) && !args.given(&LOAD)
}

/// Records what the answers of one server, or of each of several, say; an answer that is not known whole leaves it open.
pub(super) fn record<'a>(cx: &mut Cx<'_>, code: u16, answers: impl IntoIterator<Item = Option<&'a [String]>>) {
    if code != types::MX {
        return;
    }
    let (mut alone, mut open) = (None, false);
    for answers in answers {
        let Some(answers) = answers else {
            open = true;
            continue;
        };
        let (null, others): (Vec<&String>, Vec<&String>) = answers.iter().partition(|data| is_null(data));
        if null.is_empty() {
            continue;
        }
        if !others.is_empty() {
            let others: Vec<&str> = others.into_iter().map(String::as_str).collect();
            cx.note(format!("beside the null MX, which says that there is no mail, stand {}", others.join(", ")));
        }
        alone = Some(alone.unwrap_or(true) && answers.len() == null.len());
    }
    match alone {
        Some(false) => cx.set(&NULL_ALONE, false),
        _ if open => cx.partial(&NULL_ALONE, "not every answer about MX is known whole"),
        Some(true) => cx.set(&NULL_ALONE, true),
        None => {}
    }
}

/// Preference and exchange; the exchange is the root.
fn is_null(data: &str) -> bool {
    data.split_once(' ').is_some_and(|(_, exchange)| exchange == ".")
}
