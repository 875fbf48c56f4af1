//! Table `servers`: what each server said.

use super::facts::{ABSENCES, CUTS, TRANSFERS};
use super::response_summary::ResponseSummary;
use super::server_report::ServerReport;
use crate::checks::dns::facts::OUTCOMES;
use crate::model::rows::{Row, Rows};
use crate::model::table::facts;
use crate::model::typed::Form;
use crate::model::{Choice, Fact, TimeOf, Unit};
use crate::probe::Cx;
use crate::proto::dns::presentation::{self, labels};
use crate::proto::dns::{message, rcode};

facts! { pub(super) FACTS;
    pub(super) const SERVERS: Fact<Rows> = Fact::table(
        "servers",
        "server",
        "What each server said, by name and address (`ns1.example./192.0.2.53`), or by address alone when only that is known.",
    )
    .form(Form::Data(&labels::SERVERS));
    const NAME: Fact<String> = Fact::text("servers.name", "Its name, where that is known.").form(Form::Host).column();
    const ADDRESS: Fact<String> = Fact::text("servers.address", "Its address; absent when it has none.").form(Form::Address).column();
    const OUTCOME: Fact<Choice> =
        Fact::choice("servers.outcome", OUTCOMES, "The outcome of the first question that was not answered; answered if there is none.").column();
    const RCODE: Fact<String> = Fact::text("servers.rcode", "The response code of its answer.").form(Form::Words(rcode::NAMES)).column();
    const FLAGS: Fact<Vec<String>> = Fact::list("servers.flags", "The flags of its answer.").form(Form::Words(message::FLAGS)).column();
    const ANSWERS: Fact<Vec<String>> =
        Fact::list("servers.answers", "Data of the records asked for, of the answer section.").form(Form::Data(&presentation::DATA)).column();
    const RTT: Fact<f64> = Fact::number("servers.rtt", Unit::Seconds, "From the question to its answer.")
        .lasting(TimeOf::Latency)
        .column();
    const AUTHORITATIVE: Fact<bool> = Fact::flag("servers.authoritative", "Every answer has AA set.").column();
    const SERIAL: Fact<i64> = Fact::integer("servers.serial", Unit::Count, "Serial of the zone.").form(Form::Serial).column();
    const NS: Fact<Vec<String>> = Fact::list("servers.ns", "Servers of the zone, as it names them.").form(Form::Name).column();
    const NSID: Fact<String> = Fact::text("servers.nsid", "The name it gives itself (RFC 5001).").column();
    const ANSWERED_FROM: Fact<Vec<String>> =
        Fact::list("servers.answered_from", "Other addresses that answers to it came from.").form(Form::Data(&labels::PARENTS)).column();
    const QUERIES: Fact<i64> = Fact::integer("servers.queries", Unit::Count, "Queries it was sent.").column();
    const REPEATED: Fact<i64> = Fact::integer("servers.repeated", Unit::Count, "Those sent again, as nothing came; absent for none.").column();
    const DISCARDED: Fact<i64> =
        Fact::integer("servers.discarded", Unit::Count, "Datagrams that answer no question; absent for none.").column();
    const TCP: Fact<bool> = Fact::flag("servers.tcp", "It answers over TCP.").column();
    const TCP_SAME: Fact<bool> = Fact::flag("servers.tcp_same", "It says the same over TCP.").column();
    const EDNS: Fact<bool> = Fact::flag("servers.edns", "It speaks EDNS.").column();
    const EDNS_VERSION: Fact<bool> = Fact::flag("servers.edns_version_ok", "It answers an unknown version of EDNS with BADVERS.").column();
    const EDNS_OPTION: Fact<bool> = Fact::flag("servers.edns_unknown_option_ok", "It ignores an unknown option of EDNS.").column();
    const EDNS_FLAG: Fact<bool> = Fact::flag("servers.edns_unknown_flag_ok", "It ignores an unknown flag of EDNS.").column();
    const OPCODE: Fact<bool> = Fact::flag("servers.header_opcode_ok", "It stands an unknown opcode.").column();
    const RESERVED: Fact<bool> = Fact::flag("servers.header_z_ok", "It stands the reserved bit of the header.").column();
    const AUTHENTIC: Fact<bool> = Fact::flag("servers.header_ad_ok", "It stands AD in a question.").column();
    const UNCHECKED: Fact<bool> = Fact::flag("servers.header_cd_ok", "It stands CD in a question.").column();
    const DNSKEY: Fact<bool> = Fact::flag("servers.dnskey", "It has DNSKEY records of the zone.").column();
    const DENIAL_PROVEN: Fact<bool> = Fact::flag("servers.denial_proven", "It proves the absence that it claims.").column();
    const RECURSION_OPEN: Fact<bool> = Fact::flag("servers.recursion_open", "It looks up anything for anybody.").column();
    const UPWARD: Fact<bool> = Fact::flag("servers.upward_referral", "It refers to the root for names of others.").column();
    const CASE: Fact<bool> = Fact::flag("servers.qname_case", "It returns the name in the case it was asked in.").column();
    const CASELESS: Fact<bool> = Fact::flag("servers.qname_caseless", "It finds the name in any case.").column();
    const WILDCARD: Fact<bool> = Fact::flag("servers.wildcard", "A random name below the zone has an address there.").column();
    const DENIAL_SOA: Fact<bool> = Fact::flag("servers.denial_with_soa", "Its denials carry the SOA.").column();
    const CUT_512: Fact<Choice> = Fact::choice("servers.truncation_512", CUTS, "How it treats an answer at 512 bytes.").column();
    const CUT_1232: Fact<Choice> = Fact::choice("servers.truncation_1232", CUTS, "How it treats an answer at 1232 bytes.").column();
    const AXFR: Fact<Choice> = Fact::choice("servers.axfr", TRANSFERS, "How it answers a zone transfer.").column();
    const NXDOMAIN: Fact<Choice> = Fact::choice("servers.nxdomain", ABSENCES, "Its answer for a name that does not exist.").column();
    const NODATA: Fact<Choice> = Fact::choice("servers.nodata", ABSENCES, "Its answer for a type that a name does not have.").column();
    const EMPTY: Fact<Choice> =
        Fact::choice("servers.empty_non_terminal", ABSENCES, "Its answer for a name between others.").column();
    const VERSION: Fact<String> = Fact::text("servers.version", "What it gives for version.bind.").form(Form::Version).column();
}

/// Records the table; what was not seen of a server is left out.
pub(super) fn record(cx: &mut Cx<'_>, reports: &[ServerReport]) {
    let mut rows = cx.rows(&SERVERS);
    for report in reports {
        let mut row = rows.row(report.label());
        let asked = report.main_summary();
        row.set_some(&NAME, report.server.name.clone());
        row.set_some(&ADDRESS, report.server.address.map(|address| address.ip().to_string()));
        row.set(&OUTCOME, report.outcome());
        row.set_some(&RCODE, asked.and_then(ResponseSummary::code));
        let flags = asked.filter(|summary| summary.answered()).map(|summary| &summary.flags);
        row.set_some(&FLAGS, flags.map(|flags| flags.iter().map(ToString::to_string).collect::<Vec<_>>()));
        row.set_some(&ANSWERS, asked.and_then(|summary| summary.answers.clone()).filter(|_| report.asked.is_some()));
        row.set_some(&RTT, asked.and_then(|summary| summary.rtt).map(|rtt| rtt.length.as_secs_f64()));
        row.set_some(&AUTHORITATIVE, report.answered().then(|| report.summaries().all(|summary| summary.has("aa"))));
        row.set_some(&SERIAL, report.soa().map(|soa| soa.serial));
        row.set_some(
            &NS,
            report
                .ns
                .as_ref()
                .filter(|(summary, _)| summary.answered())
                .map(|(_, names)| names.iter().cloned().collect::<Vec<_>>()),
        );
        row.set_some(&NSID, report.summaries().find_map(|summary| summary.nsid.clone()));
        let sources: Vec<String> = report.log.unexpected_sources.iter().map(ToString::to_string).collect();
        row.set_some(&ANSWERED_FROM, Some(sources).filter(|from| !from.is_empty()));
        row.set(&QUERIES, report.log.sent);
        row.set_some(&REPEATED, Some(report.log.repeated).filter(|count| *count > 0));
        row.set_some(&DISCARDED, Some(report.log.discarded).filter(|count| *count > 0));
        probed(&mut row, report);
        if report.outcome() != "answered" {
            row.mark_wrong();
        }
        rows.add(row);
    }
    cx.set_rows(rows);
}

/// What the probes found out about a server.
fn probed(row: &mut Row, report: &ServerReport) {
    let found = &report.findings;
    for (column, flag) in [
        (&TCP, found.tcp),
        (&TCP_SAME, found.tcp_same),
        (&EDNS, found.edns),
        (&EDNS_VERSION, found.edns_version),
        (&EDNS_OPTION, found.edns_option),
        (&EDNS_FLAG, found.edns_flag),
        (&OPCODE, found.opcode),
        (&RESERVED, found.reserved),
        (&AUTHENTIC, found.authentic),
        (&UNCHECKED, found.unchecked),
        (&DNSKEY, found.signed.keys),
        (&DENIAL_PROVEN, found.signed.denial_unproven.map(|unproven| !unproven)),
        (&RECURSION_OPEN, found.open_recursion),
        (&UPWARD, found.upward_referral),
        (&CASE, found.case),
        (&CASELESS, found.caseless),
        (&WILDCARD, found.wildcard),
        (&DENIAL_SOA, found.negative_soa),
    ] {
        row.set_some(column, flag);
    }
    for (column, word) in [
        (&CUT_512, found.truncation[0]),
        (&CUT_1232, found.truncation[1]),
        (&AXFR, found.transfer.as_ref().map(|transfer| transfer.word)),
        (&NXDOMAIN, found.nxdomain),
        (&NODATA, found.nodata),
        (&EMPTY, found.empty_non_terminal),
    ] {
        row.set_some(column, word);
    }
    row.set_some(&VERSION, found.version.clone());
}
