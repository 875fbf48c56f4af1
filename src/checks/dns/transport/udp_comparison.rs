//! The same question by UDP, and whether the answer is the same: response code and record sets, whatever their TTLs and
//! their order.

use std::collections::BTreeSet;
use std::time::Duration;

use super::facts::SAME_ANSWER;
use super::fields::{SAME_AS, TRANSPORT, TransportWord};
use super::settings::PLAIN_PORT;
use crate::checks::shared::target::{self, Target};
use crate::model::count::counted;
use crate::model::{Args, Fault, Invalid};
use crate::probe::{Cx, EarlyEnd};
use crate::proto::dns::exchange::{self, Exchange, Request};
use crate::proto::dns::message::{Reply, ResourceRecord};
use crate::proto::dns::{presentation, rdata, types};

/// Differences noted one by one.
const NOTED: usize = 6;

/// The same question by UDP to a server.
pub(in crate::checks::dns) struct UdpComparison {
    target: Target,
}

impl UdpComparison {
    /// The comparison `same_as` asks for, if any; the question itself goes to `target`.
    pub(in crate::checks::dns) fn from_args(args: &Args, target: &Target) -> Result<Option<Self>, Invalid> {
        let Some(text) = args.get(&SAME_AS) else { return Ok(None) };
        if args.get(&TRANSPORT) == TransportWord::Udp {
            let help = "write the transport to compare with UDP, such as dot";
            return Err(SAME_AS.invalid("with `transport: udp` the two are asked the same way", help));
        }
        let (host, port) = match &*text {
            "udp" => (target.host.clone(), PLAIN_PORT),
            _ => target::endpoint_in(&SAME_AS, &text, Some(PLAIN_PORT))?,
        };
        Ok(Some(Self { target: Target::from_args(args, host, port, target.timeout)? }))
    }

    /// The longest a comparison takes: the name of the server, UDP, TCP.
    pub(in crate::checks::dns) fn longest(&self) -> Duration {
        self.target.timeout * 3
    }

    /// Asks, and compares with `reply`. Comes back with the messages that were no answer.
    pub(in crate::checks::dns) async fn compare(
        &self,
        cx: &mut Cx<'_>,
        request: &Request<'_>,
        reply: &Reply,
    ) -> Result<i64, Fault> {
        let server = self.target.label();
        let address = match self.target.address().await {
            Ok(address) => address,
            Err(EarlyEnd::Fault(fault)) => return Err(fault),
            Err(EarlyEnd::Outcome { evidence, .. }) => {
                cx.note(format!("nothing to compare with: {}", evidence.unwrap_or_default()));
                return Ok(0);
            }
        };
        let plain = Request { server: self.target.socket(address), origin: self.target.origin, ..*request };
        let mut discarded = 0;
        let mut exchange = exchange::udp(&plain).await?;
        discarded += exchange.discarded;
        if exchange.reply.as_ref().is_some_and(|reply| reply.truncated()) {
            note(cx, &server, &mut exchange);
            exchange = exchange::tcp(&plain).await?;
            discarded += exchange.discarded;
        }
        note(cx, &server, &mut exchange);
        let Some(other) = exchange.reply else {
            cx.note(format!("nothing to compare with: {server} by UDP or TCP: {}", exchange.outcome));
            return Ok(discarded);
        };
        let differences = differences(reply, &other);
        for difference in differences.iter().take(NOTED) {
            cx.note(format!("{server}: {difference}"));
        }
        if let Some(more) = differences.len().checked_sub(NOTED).filter(|more| *more > 0) {
            cx.note(format!("{server}: and {}", counted(more, "more difference")));
        }
        // Of two that are cut alike, what is missing may differ.
        if differences.is_empty() && reply.truncated() {
            cx.partial(&SAME_ANSWER, "both answers are truncated (TC)");
        } else {
            cx.set(&SAME_ANSWER, differences.is_empty());
        }
        Ok(discarded)
    }
}

fn note(cx: &mut Cx<'_>, server: &str, exchange: &mut Exchange) {
    for note in exchange.notes.drain(..).chain(exchange.ending.take()) {
        cx.note(format!("to compare with, {server}: {note}"));
    }
}

/// Everything `reply` has that `other` has not, and the other way round. The authority section counts when there is no answer:
/// a referral and the denial of a name are told apart there.
fn differences(reply: &Reply, other: &Reply) -> Vec<String> {
    let mut out = Vec::new();
    if reply.rcode != other.rcode {
        out.push(format!("code {} by UDP, {} by this transport", other.rcode, reply.rcode));
    }
    if other.truncated() != reply.truncated() {
        out.push("one of the two answers is truncated".to_owned());
    }
    let sections = |reply: &Reply| {
        let denied = if reply.answers.is_empty() { set(&reply.authority) } else { BTreeSet::new() };
        (set(&reply.answers), denied)
    };
    let ((here, denied_here), (there, denied_there)) = (sections(reply), sections(other));
    for (title, here, there) in [("answer", here, there), ("authority", denied_here, denied_there)] {
        out.extend(here.difference(&there).map(|line| format!("not in the {title} by UDP: {line}")));
        out.extend(there.difference(&here).map(|line| format!("only in the {title} by UDP: {line}")));
    }
    out
}

/// Records without their TTLs, each in the one form of its value.
fn set(records: &[ResourceRecord]) -> BTreeSet<String> {
    let key = |record: &ResourceRecord| {
        let owner = rdata::name(&record.owner).to_ascii_lowercase();
        let kind = types::mnemonic(record.code);
        let data = presentation::data_key(Some(&kind), &record.data);
        format!("{owner} {} {kind} {data}", record.class)
    };
    records.iter().map(key).collect()
}
