//! A zone transfer (RFC 5936), to see it refused, or whole: from SOA to SOA. Nothing of the zone is kept.

use std::time::Duration;

use hickory_proto::rr::Name;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::checks::dns::survey::querier::Querier;
use crate::checks::dns::survey::server_report::{ServerReport, Transfer};
use crate::checks::dns::survey::settings::Settings;
use crate::model::Fault;
use crate::model::count::counted;
use crate::net::{Deadline, connect, deadline};
use crate::proto::dns::message::{self, Reply};
use crate::proto::dns::question::Question;
use crate::proto::dns::{exchange, rcode, types};

/// Limits of what is read of a transfer.
const BYTES: usize = 64 << 20;
const RECORDS: i64 = 1_000_000;

pub(super) async fn probe(
    settings: &Settings,
    querier: &mut Querier<'_>,
    report: &mut ServerReport,
    seed: u64,
) -> Result<(), Fault> {
    let Some(zone) = settings.zone() else { return Ok(()) };
    if !querier.allow(0) {
        return Ok(());
    }
    let (id, query) = Question::own(zone.clone(), types::AXFR).edns(None).encode(seed)?;
    let (server, patience) = (querier.server(), querier.patience());
    let begun = Instant::now();
    let (stream, end) = match connect(server, querier.origin(), patience).await? {
        Ok(dialled) => (dialled.stream, begun + patience + dialled.waited),
        Err(why) => {
            report.findings.transfer = Some(ended("unreachable", 0, format!("over TCP it is {}", why.word())));
            return Ok(());
        }
    };
    report.findings.transfer = run(stream, zone, id, &query, end, patience).await;
    Ok(())
}

fn ended(word: &'static str, records: i64, why: impl Into<String>) -> Transfer {
    Transfer { word, records, why: why.into() }
}

/// Nothing when the server takes the query and stays silent: it may be at work.
async fn run(
    mut stream: TcpStream,
    zone: &Name,
    id: u16,
    query: &[u8],
    end: Instant,
    patience: Duration,
) -> Option<Transfer> {
    let mut framed = u16::try_from(query.len()).unwrap_or(u16::MAX).to_be_bytes().to_vec();
    framed.extend_from_slice(query);
    let Ok(Ok(())) = deadline::until(end, stream.write_all(&framed)).await else {
        return Some(ended("closed", 0, "it does not take the query"));
    };
    let mut state = TransferState { records: 0, ends: 0, stray: 0 };
    let (mut buffer, mut bytes) = (Vec::new(), 0);
    // The whole transfer has twice the patience for one answer.
    let mut deadline = Deadline::at(end + patience);
    loop {
        match deadline.wait(exchange::frame(&mut stream, &mut buffer)).await {
            Err(_) if state.records > 0 => return Some(state.stopped("partial", "time was up")),
            Err(_) => return None,
            Ok(Err(error)) => return Some(state.stopped("closed", &error.to_string())),
            Ok(Ok(false)) => return Some(state.stopped("closed", "the connection was closed")),
            Ok(Ok(true)) => {}
        }
        bytes += buffer.len();
        let reply = match message::part(buffer.get(2..).unwrap_or_default(), id) {
            Ok(reply) => reply,
            Err(why) => return Some(state.stopped("partial", &format!("a message does not hold together ({why})"))),
        };
        if let Some(transfer) = state.take(&reply, zone) {
            return Some(transfer);
        }
        if bytes > BYTES || state.records > RECORDS {
            return Some(state.stopped("partial", &format!("not read further than {bytes} bytes")));
        }
    }
}

struct TransferState {
    records: i64,
    /// SOA records of the zone seen: the first begins it, the second ends it.
    ends: usize,
    stray: i64,
}

impl TransferState {
    /// The transfer ended before its end; `nothing` is the word when it never began.
    fn stopped(&self, nothing: &'static str, why: &str) -> Transfer {
        let records = self.records;
        let word = if records > 0 { "partial" } else { nothing };
        ended(word, records, format!("{why} after {}", counted(records, "record")))
    }

    /// Takes a message; something when it is the last.
    fn take(&mut self, reply: &Reply, zone: &Name) -> Option<Transfer> {
        if reply.rcode != rcode::NOERROR {
            let word = if self.records > 0 { "partial" } else { "refused" };
            return Some(ended(word, self.records, rcode::text(reply.rcode)));
        }
        if reply.answers.is_empty() && self.records == 0 {
            return Some(ended("refused", 0, "an answer without records"));
        }
        for record in &reply.answers {
            let soa = record.code == types::SOA && record.owner.eq_ignore_root(zone);
            if self.records == 0 && !soa {
                return Some(ended("partial", 1, "it does not begin with the SOA of the zone"));
            }
            if self.ends == 2 {
                self.stray += 1;
            }
            self.records += 1;
            self.ends += usize::from(soa);
        }
        let whole = counted(self.records, "record");
        match (self.ends, self.stray) {
            (0 | 1, _) => None,
            (2, 0) => Some(ended("complete", self.records, whole)),
            _ => Some(ended("partial", self.records, format!("beyond its end: {}", counted(self.stray, "record")))),
        }
    }
}
