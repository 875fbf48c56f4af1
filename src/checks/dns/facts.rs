//! The facts of a question to one server; those of a transport or a mode stand beside it.

use super::question;
use crate::checks::shared::advice::{
    ALERT, CLOSED, MALFORMED, PROTOCOL_ERROR, REFUSED, RESET, SLOWER, TIMEOUT, UNREACHABLE, UNRESOLVED, UNTRUSTED,
};
use crate::model::fact::Distribution;
use crate::model::table::facts;
use crate::model::typed::Form;
use crate::model::{Better, Choice, Fact, Rule, TimeOf, Unit};
use crate::probe::Cx;
use crate::proto::dns::{message, presentation, rcode, rdata, types};

const NOT_TLS_HERE: (&str, &str) = (
    "not_tls",
    "the port does not speak TLS: DNS over TLS is on port 853, over HTTPS on 443; are `transport` and the port right?",
);
const HTTP_ERROR: (&str, &str) = (
    "http_error",
    "the web server answers, but not with DNS: check `path`, and what the front end routes there (http.status, evidence)",
);
const OTHER_RECORDS: &str =
    "the server has other records: compare the SOA serial on every server with the zone's source";
/// Of the facts of every query with EDNS, and of those a survey finds about it.
pub(super) const EDNS_MISHANDLED: &str =
    "a server or a firewall before it mishandles EDNS: see `servers` for which, and let DNS packets pass unchanged";

/// How a question can end.
pub(super) const OUTCOMES: &[&str] = &[
    "answered",
    "timeout",
    "refused",
    "unreachable",
    "unresolved",
    "reset",
    "malformed",
    "closed",
    "alert",
    "not_tls",
    "untrusted",
    "protocol_error",
    "http_error",
];

facts! { pub(super) FACTS;
    pub(super) const OUTCOME: Fact<Choice> = Fact::choice(
        "outcome",
        OUTCOMES,
        "How the query ended; `unresolved` is about the name of the server, never the name asked for.",
    )
    .expected("answered")
    .outcome(&["timeout", "unreachable"])
    .elsewhere(&["unresolved"])
    .advice(&[
        REFUSED,
        TIMEOUT,
        UNREACHABLE,
        UNRESOLVED,
        RESET,
        UNTRUSTED,
        ALERT,
        NOT_TLS_HERE,
        MALFORMED,
        CLOSED,
        PROTOCOL_ERROR,
        HTTP_ERROR,
    ]);
    pub(super) const RCODE: Fact<Choice> =
        Fact::choice("rcode", rcode::NAMES, "Response code, with the upper bits EDNS adds.")
            .expected("NOERROR")
            .decisive()
            .advice(&[
                ("SERVFAIL", "the server failed: DNSSEC validation, an expired secondary or an unreachable upstream"),
                ("NXDOMAIN", "the name does not exist there: is the zone loaded, with the new serial?"),
                ("REFUSED", "the server does not serve this zone or this client: check its zones and access lists"),
            ]);
    pub(super) const ADDRESS: Fact<String> =
        Fact::address("address", "The address of the server that was asked.");
    pub(super) const ANSWERS: Fact<Vec<String>> = Fact::list(
        "answers",
        "Data of the records of the type asked for, in the order of the answer section, in presentation format.",
    )
    .expected("{len: {ge: 1}}")
    .given(&["rcode", "truncated"])
    .on_breach(OTHER_RECORDS)
    .form(Form::Data(&presentation::DATA));
    pub(super) const TYPE: Fact<String> = Fact::text(
        "type",
        "Type of the records of `answers`, which are compared as data of that type: names without case, addresses by value.",
    )
    .ruled(Rule::Ignore)
    .foreseen(question::asked_type)
    .form(Form::Word);
    pub(super) const TEXTS: Fact<Vec<String>> = Fact::list(
        "answers.text",
        "Of TXT records, the strings of each joined without a gap, as mail policies are read (RFC 6376, 3.6.2.2); in the order \
         of `answers`.",
    )
    .on_breach(OTHER_RECORDS);
    pub(super) const RECORDS: Fact<Vec<String>> =
        Fact::list("answers.records", "Every record of the answer section: name, TTL, class, type, data.")
            .ruled(Rule::Ignore)
            .on_breach(OTHER_RECORDS)
    .form(Form::Data(&presentation::RECORD));
    pub(super) const CNAMES: Fact<Vec<String>> =
        Fact::list("cname", "Names that the name asked for is an alias of, in order.")
    .form(Form::Name);
    pub(super) const ORDERED: Fact<bool> = Fact::flag(
        "cname.ordered",
        "Whether every alias precedes the records it leads to, so that one pass over the answer is enough; absent without aliases.",
    )
    .on_breach("some stub resolvers read the answer once from front to end, and find nothing: let the server sort it");
    pub(super) const AUTHORITY: Fact<Vec<String>> =
        Fact::list("authority", "Every record of the authority section.").ruled(Rule::Ignore)
    .form(Form::Data(&presentation::RECORD));
    pub(super) const ADDITIONAL: Fact<Vec<String>> =
        Fact::list("additional", "Every record of the additional section but OPT.").ruled(Rule::Ignore)
    .form(Form::Data(&presentation::RECORD));
    pub(super) const FLAGS: Fact<Vec<String>> = Fact::list("flags", "Flags that are set: qr aa tc rd ra ad cd.")
        .on_breach("the server answers in another role than expected: is the zone loaded there, is recursion on?")
    .form(Form::Words(message::FLAGS));
    pub(super) const TTL: Fact<Distribution> =
        Fact::spread("ttl", Unit::Seconds, "TTLs of the records of the answer section.").lasting(TimeOf::Setting)
            .on_breach("the TTL differs: is this an authoritative server, or a cache that counts down?")
            // The TTL of an authority is what it was given; that of a cache counts down.
            .ruled_given(Rule::Same, "flags", "aa");
    pub(super) const RTT: Fact<Distribution> = Fact::distribution(
        "rtt",
        Unit::Seconds,
        Better::Lower,
        "Time from the query to the answer; over TCP without the handshake.",
    )
    .on_breach(SLOWER)
    .reached();
    pub(super) const CONNECT_TIME: Fact<Distribution> =
        Fact::distribution("connect_time", Unit::Seconds, Better::Lower, "Time of the TCP handshake.")
            .on_breach(SLOWER)
            .reached();
    pub(super) const TRUNCATED: Fact<bool> =
        Fact::flag("truncated", "TC is set: the answer did not fit.").expected("false").advice(&[(
            "true",
            "it does not fit into a datagram: ask with `transport: tcp`; a survey did so by itself, so TCP port 53 gives no whole answer there",
        )]);
    pub(super) const SIZE: Fact<i64> = Fact::integer("size", Unit::Bytes, "Size of the reply.");
    pub(super) const ATTEMPTS: Fact<i64> = Fact::integer("attempts", Unit::Count, "Queries sent.");
    pub(super) const DISCARDED: Fact<i64> = Fact::integer(
        "discarded",
        Unit::Count,
        "Messages that were no answer: wrong id, question or sender, not a response, unreadable. The notes say which.",
    );
    pub(super) const NSID: Fact<String> =
        Fact::text("nsid", "Name server identifier (RFC 5001); hexadecimal when it is not text.").ruled(Rule::Ignore);
    pub(super) const EDNS_VERSION: Fact<i64> = Fact::integer("edns.version", Unit::Count, "EDNS version of the reply.")
        .ruled(Rule::Same)
        .on_breach(EDNS_MISHANDLED);
    pub(super) const EDNS_SIZE: Fact<i64> =
        Fact::integer("edns.size", Unit::Bytes, "Largest UDP message that the server says it accepts.")
            .ruled(Rule::Same)
            .on_breach(EDNS_MISHANDLED);
    pub(super) const EDNS_ERRORS: Fact<Vec<String>> =
        Fact::list("edns.errors", "Extended DNS errors (RFC 8914): code, and the server's words if any.")
            .on_breach(EDNS_MISHANDLED);
}

/// [`RCODE`] of a code without a name, which its words cannot list.
const RCODE_NUMBER: Fact<String> = Fact::text(RCODE.info.name, RCODE.info.help);

/// Records a response code.
pub(super) fn record_rcode(cx: &mut Cx<'_>, code: u16) {
    match rcode::name(code) {
        Some(name) => cx.set(&RCODE, name),
        None => cx.set(&RCODE_NUMBER, rcode::text(code)),
    }
}

/// Records what the answers to a question of type `code` are, and their joined texts.
pub(super) fn record_texts(cx: &mut Cx<'_>, code: u16, answers: &[String]) {
    if !matches!(code, types::ANY | types::AXFR) {
        cx.set(&TYPE, types::mnemonic(code));
    }
    if matches!(code, types::TXT | types::SPF) {
        cx.set(&TEXTS, answers.iter().map(|data| rdata::joined(data)).collect::<Vec<_>>());
    }
}
