//! Probes: properties of a server beyond its records, each only where the check names it.

mod case;
mod dnssec;
mod edns;
mod header;
mod negative;
mod recursion;
mod tcp;
mod transfer;
mod truncation;
mod version;

use super::fields::Probe;
use super::querier::{ControlledReply, Querier};
use super::records;
use super::server_report::ServerReport;
use super::settings::Settings;
use crate::model::Fault;
use crate::proto::dns::message::Reply;
use crate::proto::dns::rcode;

/// The probes of the check, one after the other.
pub(super) async fn run(
    settings: &Settings,
    querier: &mut Querier<'_>,
    report: &mut ServerReport,
    seed: u64,
) -> Result<(), Fault> {
    for probe in &settings.probes {
        match probe {
            Probe::Tcp => tcp::probe(settings, querier, report).await?,
            Probe::Edns => edns::probe(settings, querier, report).await?,
            Probe::Header => header::probe(settings, querier, report).await?,
            Probe::Dnssec => dnssec::probe(settings, querier, report, seed).await?,
            Probe::Truncation => truncation::probe(settings, querier, report).await?,
            Probe::Case => case::probe(settings, querier, report).await?,
            Probe::Negative => negative::probe(settings, querier, report, seed).await?,
            Probe::Version => version::probe(querier, report).await?,
            Probe::Recursion => recursion::probe(settings, querier, report).await?,
            Probe::Axfr => transfer::probe(settings, querier, report, seed).await?,
            // It stands for the others, which are in the list.
            Probe::All => {}
        }
    }
    Ok(())
}

/// Whether a reply says what the plain one said. Which records are left of a set that is cut is the server's choice each time
/// (BIND turns them), and one that limits its rate cuts to nothing: of such a reply only code and AA count.
fn alike(reply: &Reply, plain: &Reply) -> bool {
    if reply.truncated() || plain.truncated() {
        return reply.rcode == plain.rcode && reply.has("aa") == plain.has("aa");
    }
    records::fingerprint(reply, false) == records::fingerprint(plain, false)
}

/// Whether a reply says what there is. One that failed is like any other that failed, and nothing can be held against it.
fn decides(querier: &mut Querier<'_>, what: &str, reply: &Reply) -> bool {
    let decides = matches!(reply.rcode, rcode::NOERROR | rcode::NXDOMAIN);
    if !decides {
        querier.log.note(format!("{what}: answered by {}, so nothing is known of it", rcode::text(reply.rcode)));
    }
    decides
}

/// Whether an answer is as it should be; silence is not, when the server answers other queries.
fn judged(
    querier: &mut Querier<'_>,
    reply: &ControlledReply,
    what: &str,
    sound: impl Fn(&Reply) -> bool,
) -> Option<bool> {
    match reply {
        ControlledReply::Unknown => None,
        ControlledReply::Silent => {
            querier.log.note(format!("no answer to a query with {what}, but to others"));
            Some(false)
        }
        ControlledReply::Reply(reply, _) => {
            let sound = sound(reply);
            if !sound {
                let edns = match &reply.edns {
                    None => "no OPT record".to_owned(),
                    Some(edns) => {
                        let options: Vec<String> = edns.options.iter().map(ToString::to_string).collect();
                        let options = if options.is_empty() { "none".to_owned() } else { options.join(", ") };
                        format!("EDNS version {}, flags {:#06x}, options {options}", edns.version, edns.flags)
                    }
                };
                let code = rcode::text(reply.rcode);
                querier.log.note(format!("{what}: answered by {code}, {} answers, {edns}", reply.answers.len()));
            }
            Some(sound)
        }
    }
}
