//! Upper and lower case of the question: kept in the answer (draft-vixie-dnsext-dns0x20), and no matter for the records.

use hickory_proto::rr::Name;

use crate::checks::dns::survey::Survey;
use crate::checks::dns::survey::asker::{Asker, Dared};
use crate::checks::dns::survey::look::Look;
use crate::checks::dns::survey::said;
use crate::model::Fault;
use crate::proto::dns::rdata;

pub(super) async fn look(survey: &Survey, asker: &mut Asker<'_>, look: &mut Look) -> Result<(), Fault> {
    let question = survey.plain_question();
    let Some(mixed) = mixed(&question.name) else { return Ok(()) };
    let plain = match asker.dare(&question).await? {
        Dared::Reply(reply, _) => reply,
        Dared::Silent | Dared::Unknown => return Ok(()),
    };
    match asker.dare(&question.about(mixed.clone(), question.code)).await? {
        Dared::Reply(reply, _) => {
            let Some(back) = &reply.question else { return Ok(()) };
            let kept = back.eq_ignore_root_case(&mixed);
            if !kept {
                asker.tally.note(format!("asked for {}, sent back as {}", rdata::name(&mixed), rdata::name(back)));
            }
            let same = said::fingerprint(&reply, false) == said::fingerprint(&plain, false);
            if !same {
                asker.tally.note(format!(
                    "{} has other records than {}",
                    rdata::name(&mixed),
                    rdata::name(&question.name)
                ));
            }
            (look.findings.case, look.findings.caseless) = (Some(kept), Some(same));
        }
        Dared::Silent => {
            asker.tally.note(format!("no answer to {}, but to the name in lower case", rdata::name(&mixed)));
            (look.findings.case, look.findings.caseless) = (Some(false), Some(false));
        }
        Dared::Unknown => {}
    }
    Ok(())
}

/// The name with every other letter the other way round; nothing when it has no letter.
pub(super) fn mixed(name: &Name) -> Option<Name> {
    let mut upper = false;
    let labels: Vec<Vec<u8>> = name
        .iter()
        .map(|label| {
            let turn = |byte: &u8| {
                upper ^= byte.is_ascii_alphabetic();
                if upper { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() }
            };
            label.iter().map(turn).collect()
        })
        .collect();
    let mut mixed = Name::from_labels(labels.iter().map(Vec::as_slice)).ok()?;
    mixed.set_fqdn(true);
    (!mixed.eq_ignore_root_case(&mixed.to_lowercase())).then_some(mixed)
}
