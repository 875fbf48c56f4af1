//! The same question by UDP, and whether the answer is the same: response code and record sets, whatever their TTLs and
//! their order.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use crate::model::{Fact, FactInfo, Fault};
use crate::net::{IpVersion, dial, resolve};
use crate::probe::Cx;
use crate::proto::dns::exchange::{self, Asking, Exchange};
use crate::proto::dns::message::{Line, Reply};
use crate::proto::dns::rdata;

/// Differences told one by one.
const TOLD: usize = 6;

const SAME_ANSWER: Fact<bool> = Fact::flag(
    "same_answer",
    "The answer by UDP (TCP when truncated) has the same code and the same records, TTLs aside; absent when there is none.",
);
pub(super) const SAME: &[FactInfo] = &[SAME_ANSWER.info];

/// Whom to ask by UDP.
pub(in crate::checks::dns) struct Same {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Same {
    /// The longest a comparison takes: the name of the server, UDP, TCP.
    pub(in crate::checks::dns) fn longest(patience: Duration) -> Duration {
        patience * 3
    }

    /// Asks, and compares with `reply`. Comes back with the messages that were no answer.
    pub(in crate::checks::dns) async fn compare(
        &self,
        cx: &mut Cx<'_>,
        asking: &Asking<'_>,
        family: IpVersion,
        reply: &Reply,
    ) -> Result<i64, Fault> {
        let whom = dial::endpoint(&self.host, self.port);
        let address = match resolve(&self.host, family, asking.patience).await? {
            Ok(addresses) => addresses.first().copied(),
            Err(why) => {
                cx.note(format!("nothing to compare with: {why}"));
                None
            }
        };
        let Some(address) = address else { return Ok(0) };
        let plain = Asking { server: SocketAddr::new(address, self.port), ..*asking };
        let mut discarded = 0;
        let mut seen = exchange::udp(&plain).await?;
        discarded += seen.discarded;
        if seen.reply.as_ref().is_some_and(|reply| reply.truncated()) {
            tell(cx, &whom, &mut seen);
            seen = exchange::tcp(&plain).await?;
            discarded += seen.discarded;
        }
        tell(cx, &whom, &mut seen);
        let Some(other) = seen.reply else {
            cx.note(format!("nothing to compare with: {whom} by UDP or TCP: {}", seen.outcome));
            return Ok(discarded);
        };
        let differences = differences(reply, &other);
        for difference in differences.iter().take(TOLD) {
            cx.note(format!("{whom}: {difference}"));
        }
        if let Some(more) = differences.len().checked_sub(TOLD).filter(|more| *more > 0) {
            cx.note(format!("{whom}: and {more} more differences"));
        }
        cx.set(&SAME_ANSWER, differences.is_empty());
        Ok(discarded)
    }
}

fn tell(cx: &mut Cx<'_>, whom: &str, seen: &mut Exchange) {
    for note in seen.notes.drain(..) {
        cx.note(format!("to compare with, {whom}: {note}"));
    }
}

/// What `reply` has that `other` has not, and the other way round. The authority section counts when there is no answer:
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

/// Records without their TTLs.
fn set(lines: &[Line]) -> BTreeSet<String> {
    let key = |line: &Line| {
        let owner = rdata::name(&line.owner).to_ascii_lowercase();
        format!("{owner} {} {} {}", line.class, crate::proto::dns::types::mnemonic(line.code), line.data)
    };
    lines.iter().map(key).collect()
}
