//! The server's software, as far as it says.

use hickory_proto::rr::DNSClass;

use crate::checks::dns::survey::names;
use crate::checks::dns::survey::querier::{ControlledReply, Querier};
use crate::checks::dns::survey::server_report::ServerReport;
use crate::model::Fault;
use crate::proto::dns::question::Question;
use crate::proto::dns::types;

pub(super) async fn probe(querier: &mut Querier<'_>, report: &mut ServerReport) -> Result<(), Fault> {
    let Some(name) = names::parse("version.bind.") else { return Ok(()) };
    let question = Question::own(name, types::TXT).of_class(DNSClass::CH);
    report.findings.version = match querier.ask_with_control(&question).await? {
        ControlledReply::Reply(reply, _) => {
            let texts = reply.answers.iter().filter(|record| record.code == types::TXT && record.sound);
            let text = texts.map(|record| record.data.trim_matches('"')).find(|text| !text.is_empty());
            Some(text.unwrap_or_default().to_owned())
        }
        ControlledReply::Silent => Some(String::new()),
        ControlledReply::Unknown => None,
    };
    Ok(())
}
