//! What the server tells of its software.

use hickory_proto::rr::DNSClass;

use crate::checks::dns::survey::asker::{Asker, Dared};
use crate::checks::dns::survey::look::Look;
use crate::checks::dns::survey::said;
use crate::model::Fault;
use crate::proto::dns::question::Question;
use crate::proto::dns::types;

/// Characters kept of a text.
const KEPT: usize = 120;

pub(super) async fn look(asker: &mut Asker<'_>, look: &mut Look) -> Result<(), Fault> {
    let Some(name) = said::name("version.bind.") else { return Ok(()) };
    let question = Question::own(name, types::TXT).of_class(DNSClass::CH);
    look.findings.version = match asker.dare(&question).await? {
        Dared::Reply(reply, _) => {
            let texts = reply.answers.iter().filter(|line| line.code == types::TXT && line.sound);
            let text = texts.map(|line| line.data.trim_matches('"')).find(|text| !text.is_empty());
            Some(text.unwrap_or_default().chars().take(KEPT).collect())
        }
        Dared::Silent => Some(String::new()),
        Dared::Unknown => None,
    };
    Ok(())
}
