//! EDNS as RFC 6891 wants it: a version it does not know, an option it does not know, a flag it does not know.

use crate::checks::dns::survey::Survey;
use crate::checks::dns::survey::asker::{Asker, Dared};
use crate::checks::dns::survey::look::Look;
use crate::checks::dns::survey::said;
use crate::model::Fault;
use crate::proto::dns::message::Reply;
use crate::proto::dns::question::EdnsWish;
use crate::proto::dns::rcode;

/// An option code nobody has been assigned, below those for local use.
const OPTION: u16 = 0x0f0f;
/// The last of the flags without a meaning.
const FLAG: u16 = 0x0001;

pub(super) async fn look(survey: &Survey, asker: &mut Asker<'_>, look: &mut Look) -> Result<(), Fault> {
    let question = survey.plain_question();
    let plain = match asker.dare(&question).await? {
        Dared::Reply(reply, _) => reply,
        Dared::Silent => {
            asker.tally.note("no answer to a query with EDNS, but to one without");
            look.findings.edns = Some(false);
            return Ok(());
        }
        Dared::Unknown => return Ok(()),
    };
    look.findings.edns = Some(plain.edns.is_some());
    let wish = |change: fn(&mut EdnsWish)| {
        let mut wish = EdnsWish::default();
        change(&mut wish);
        question.clone().edns(Some(wish))
    };
    let version = asker.dare(&wish(|wish| wish.version = 1)).await?;
    look.findings.edns_version = judged(asker, &version, "EDNS version 1", |reply| {
        let version = reply.edns.as_ref().map(|edns| edns.version);
        reply.rcode == rcode::BADVERS && version == Some(0)
    });
    let same = |reply: &Reply| said::fingerprint(reply, false) == said::fingerprint(&plain, false);
    let option = asker.dare(&wish(|wish| wish.option = Some(OPTION))).await?;
    look.findings.edns_option = judged(asker, &option, "an unknown EDNS option", |reply| {
        same(reply) && reply.edns.as_ref().is_some_and(|edns| !edns.options.contains(&OPTION))
    });
    let flag = asker.dare(&wish(|wish| wish.flags = FLAG)).await?;
    look.findings.edns_flag = judged(asker, &flag, "an unknown EDNS flag", |reply| {
        same(reply) && reply.edns.as_ref().is_some_and(|edns| edns.flags & FLAG == 0)
    });
    Ok(())
}

/// Whether an answer is as it should be; silence is not, when the server answers other queries.
fn judged(asker: &mut Asker<'_>, dared: &Dared, what: &str, sound: impl Fn(&Reply) -> bool) -> Option<bool> {
    match dared {
        Dared::Unknown => None,
        Dared::Silent => {
            asker.tally.note(format!("no answer to a query with {what}, but to others"));
            Some(false)
        }
        Dared::Reply(reply, _) => {
            let sound = sound(reply);
            if !sound {
                let edns = match &reply.edns {
                    None => "no OPT record".to_owned(),
                    Some(edns) => {
                        format!("EDNS version {}, flags {:#06x}, options {:?}", edns.version, edns.flags, edns.options)
                    }
                };
                let code = said::code(reply.rcode);
                asker.tally.note(format!("{what}: answered by {code}, {} answers, {edns}", reply.answers.len()));
            }
            Some(sound)
        }
    }
}
