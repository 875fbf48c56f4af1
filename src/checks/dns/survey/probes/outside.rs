//! A name the server has nothing to do with: looked up for anybody, or referred upwards.

use crate::checks::dns::survey::asker::{Asker, Dared};
use crate::checks::dns::survey::look::Look;
use crate::checks::dns::survey::{Survey, said};
use crate::model::Fault;
use crate::proto::dns::message::Reply;
use crate::proto::dns::question::Question;
use crate::proto::dns::{rcode, types};

pub(super) async fn look(survey: &Survey, asker: &mut Asker<'_>, look: &mut Look) -> Result<(), Fault> {
    let question = Question::own(survey.outside.clone(), types::A).recursive(true);
    match asker.dare(&question).await? {
        Dared::Reply(reply, _) => {
            look.findings.open = Some(open(&reply));
            look.findings.upward = Some(upward(survey, &reply));
            if open(&reply) {
                let (code, count) = (said::code(reply.rcode), reply.answers.len());
                asker.tally.note(format!("looks up {} for anybody: {code}, {count} answers", question.title()));
            }
        }
        // A server that offers no recursion drops what is not its own. One that does may still be looking.
        Dared::Silent => {
            let offered = look.said().any(|said| said.has("ra"));
            if offered {
                asker.tally.note(format!("offers recursion (RA), and is silent about {}", question.title()));
            } else {
                (look.findings.open, look.findings.upward) = (Some(false), Some(false));
            }
        }
        Dared::Unknown => {}
    }
    Ok(())
}

/// It has an answer, or tried to get one: with RA set, a failure to is one of its own search. An answer with authority
/// needs no search.
fn open(reply: &Reply) -> bool {
    let found = !reply.has("aa") && (!reply.answers.is_empty() || reply.rcode == rcode::NXDOMAIN);
    found || (reply.has("ra") && matches!(reply.rcode, rcode::NOERROR | rcode::SERVFAIL))
}

/// NS records of the root, or of a zone above, for a name outside.
fn upward(survey: &Survey, reply: &Reply) -> bool {
    let above = |line: &crate::proto::dns::message::Line| {
        line.code == types::NS && survey.zone().map_or(line.owner.is_root(), |zone| line.owner.zone_of(zone))
    };
    reply.answers.is_empty() && !reply.has("aa") && reply.authority.iter().any(above)
}
