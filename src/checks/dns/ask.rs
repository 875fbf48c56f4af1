//! One question to one server: everything the reply says.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_proto::rr::Name;

use super::question;
use super::transport::{self, Same, Transport};
use crate::model::fact::Distribution;
use crate::model::field::{IP_FAMILY, PATIENCE};
use crate::model::{Args, Better, Choice, Fact, FactInfo, Fault, FieldInfo, FieldKind, FieldRole, Invalid, Rule, Unit};
use crate::net::{IpVersion, dial, endpoint, resolve};
use crate::probe::Cx;
use crate::proto::dns::exchange::{self, Asking, Exchange};
use crate::proto::dns::message::{Line, Reply};
use crate::proto::dns::question::Question;
use crate::proto::dns::{rdata, types};

pub(super) const OUTCOME: Fact<Choice> = Fact::choice(
    "outcome",
    &[
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
    ],
    "What became of the question; `unresolved` is the name of the server, never the name asked for.",
)
.decisive();
/// IANA's codes in their numeric order; those without a name are recorded as `RCODE12`.
const RCODES: &[&str] = &[
    "NOERROR",
    "FORMERR",
    "SERVFAIL",
    "NXDOMAIN",
    "NOTIMP",
    "REFUSED",
    "YXDOMAIN",
    "YXRRSET",
    "NXRRSET",
    "NOTAUTH",
    "NOTZONE",
    "DSOTYPENI",
    "BADVERS",
    "BADKEY",
    "BADTIME",
    "BADMODE",
    "BADNAME",
    "BADALG",
    "BADTRUNC",
    "BADCOOKIE",
];
/// Where the numbering of [`RCODES`] jumps: 11 is followed by 16.
const EXTENDED: (u16, u16) = (11, 16);
pub(super) const RCODE: Fact<Choice> =
    Fact::choice("rcode", RCODES, "Response code, with the upper bits EDNS adds.").expected("NOERROR").decisive();
pub(super) const RCODE_NUMBER: Fact<String> = Fact::text(RCODE.info.name, RCODE.info.help);
pub(super) const ADDRESS: Fact<String> =
    Fact::text("address", "The address of the server that was asked.").ruled(Rule::Ignore);
pub(super) const ANSWERS: Fact<Vec<String>> = Fact::list(
    "answers",
    "Data of the records of the type asked for, in the order of the answer section, in presentation format.",
)
.expected("{len: {ge: 1}}");
const RECORDS: Fact<Vec<String>> =
    Fact::list("answers.records", "Every record of the answer section: name, TTL, class, type, data.")
        .ruled(Rule::Ignore);
pub(super) const CNAMES: Fact<Vec<String>> =
    Fact::list("cname", "Names the question's name is an alias of, link by link.");
const AUTHORITY: Fact<Vec<String>> =
    Fact::list("authority", "Every record of the authority section.").ruled(Rule::Ignore);
const ADDITIONAL: Fact<Vec<String>> =
    Fact::list("additional", "Every record of the additional section but OPT.").ruled(Rule::Ignore);
pub(super) const FLAGS: Fact<Vec<String>> = Fact::list("flags", "Flags that are set: qr aa tc rd ra ad cd.");
pub(super) const TTL: Fact<Distribution> =
    Fact::spread("ttl", Unit::Seconds, "TTLs of the records of the answer section.");
pub(super) const RTT: Fact<Distribution> =
    Fact::distribution("rtt", Unit::Seconds, Better::Lower, "From query to answer; over TCP without the handshake.");
pub(super) const CONNECT_TIME: Fact<Distribution> =
    Fact::distribution("connect_time", Unit::Seconds, Better::Lower, "Handshake of transport tcp.");
pub(super) const TRUNCATED: Fact<bool> =
    Fact::flag("truncated", "TC is set: the answer did not fit.").expected("false");
pub(super) const SIZE: Fact<i64> = Fact::integer("size", Unit::Bytes, "Length of the reply.");
pub(super) const ATTEMPTS: Fact<i64> = Fact::integer("attempts", Unit::Count, "Queries sent.");
pub(super) const DISCARDED: Fact<i64> = Fact::integer(
    "discarded",
    Unit::Count,
    "Messages that were no answer: wrong id, question or sender, not a response, unreadable. The notes say which.",
);
const NSID: Fact<String> =
    Fact::text("nsid", "Name server identifier (RFC 5001); hexadecimal when it is not text.").ruled(Rule::Ignore);
const EDNS_VERSION: Fact<i64> =
    Fact::integer("edns.version", Unit::Count, "EDNS version of the reply.").ruled(Rule::Same);
const EDNS_SIZE: Fact<i64> =
    Fact::integer("edns.size", Unit::Bytes, "Largest UDP message the server takes, as it says.").ruled(Rule::Same);
const EDNS_ERRORS: Fact<Vec<String>> =
    Fact::list("edns.errors", "Extended DNS errors (RFC 8914): code, and the server's words if any.");

pub(super) const FIELDS: &[FieldInfo] = &[
    FieldInfo::optional(
        "server",
        FieldKind::List(&FieldKind::Endpoint),
        "Server to ask; the port of the transport unless written.",
    ),
    FieldInfo::optional(
        "name",
        FieldKind::Text,
        "Name to ask for; always absolute, no search list applies. May be left out with `authoritative` (then it is the zone) and \
         with `load` that has names of its own.",
    ),
    FieldInfo::optional(
        "type",
        FieldKind::Text,
        "Record type by mnemonic, or by number as in TYPE65280; A, or SOA where `name` is left out.",
    ),
    FieldInfo::default("class", FieldKind::Choice(&["IN", "CH", "HS"]), "IN", "Class of the question."),
    FieldInfo::default("recursion", FieldKind::Bool, "true", "Set RD: ask the server to find the answer elsewhere."),
    FieldInfo::default("edns", FieldKind::Bool, "true", "Send an OPT record (EDNS version 0)."),
    FieldInfo::default("edns_size", FieldKind::Size(512.0, 65535.0), "1232 B", "Largest UDP answer asked for in OPT."),
    FieldInfo::default(
        "dnssec",
        FieldKind::Choice(&["false", "true", "validate"]),
        "false",
        "`true` sets DO: ask for signatures; `validate` judges them and all they depend on.",
    ),
    FieldInfo::default("nsid", FieldKind::Bool, "false", "Ask which instance answers (RFC 5001)."),
    FieldInfo::optional("source", FieldKind::Address, "Local address to ask from."),
    FieldInfo::default("family", IP_FAMILY, "any", "Which addresses of the server's name to use."),
    FieldInfo::default("timeout", PATIENCE, "5s", "How long each attempt waits for an answer.")
        .role(FieldRole::Patience),
    FieldInfo::optional(
        "attempts",
        FieldKind::Integer(1, 10),
        "Queries to send at most, the next one when one met only silence; 1, or 3 where several servers are asked.",
    ),
];
pub(super) const FACTS: &[FactInfo] = &[
    OUTCOME.info,
    RCODE.info,
    ADDRESS.info,
    ANSWERS.info,
    RECORDS.info,
    CNAMES.info,
    AUTHORITY.info,
    ADDITIONAL.info,
    FLAGS.info,
    TTL.info,
    RTT.info,
    CONNECT_TIME.info,
    TRUNCATED.info,
    SIZE.info,
    ATTEMPTS.info,
    DISCARDED.info,
    NSID.info,
    EDNS_VERSION.info,
    EDNS_SIZE.info,
    EDNS_ERRORS.info,
];
/// A server, a question, and how to ask it.
pub(super) struct Ask {
    host: String,
    pub(super) port: u16,
    family: IpVersion,
    source: Option<IpAddr>,
    pub(super) patience: Duration,
    pub(super) attempts: u32,
    pub(super) transport: Transport,
    same: Option<Same>,
    pub(super) question: Question,
}

impl Ask {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        if !args.has("name") {
            return Err(Invalid::at("", "`dns` needs `name`", "write the name to ask for, such as name: www.example"));
        }
        let servers = args.texts("server");
        let [server] = servers.as_slice() else {
            let message = format!("a question goes to one server, `server` names {}", servers.len());
            return Err(Invalid::at(
                "server",
                message,
                "write server: 192.0.2.53, or a check for each server by a matrix",
            ));
        };
        let (host, port) = endpoint::of("server", server, Some(transport::port(args)))?;
        let (family, source) = IpVersion::with_source(args)?;
        let transport = Transport::from_args(args, &host, port)?;
        let same = Same::from_args(args, &host)?;
        Ok(Self {
            host,
            port,
            family,
            source,
            patience: args.wait("timeout"),
            attempts: args.unsigned("attempts").unwrap_or(1),
            transport,
            same,
            question: question::from_args(args)?,
        })
    }

    /// What is asked of whom, for people.
    pub(super) fn target(&self) -> String {
        let whom = dial::endpoint(&self.host, self.port);
        format!("{} @{whom}{}", self.question.title(), self.transport.title())
    }

    /// The server's name, then every attempt, each with the whole patience, and what is asked to compare with.
    pub(super) fn longest(&self) -> Duration {
        let compared = self.same.as_ref().map(|_| Same::longest(self.patience));
        self.patience * (self.attempts + 1) + compared.unwrap_or_default()
    }

    pub(super) async fn run(&self, cx: &mut Cx<'_>) -> Result<(), Fault> {
        self.round(cx).await.map(|_| ())
    }

    /// One round: whom it asked, and the reply, if one came.
    pub(super) async fn round(&self, cx: &mut Cx<'_>) -> Result<Option<(IpAddr, Option<Vec<u8>>)>, Fault> {
        let address = match resolve(&self.host, self.family, self.patience).await? {
            Ok(addresses) => addresses.first().copied(),
            Err(why) => {
                cx.note(why);
                None
            }
        };
        let Some(address) = address else {
            cx.set(&OUTCOME, "unresolved");
            return Ok(None);
        };
        cx.set(&ADDRESS, address.to_string());
        let (mut discarded, mut bytes) = (0, None);
        for attempt in 1..=self.attempts {
            // Set before the query leaves, so that a round cut short still says how many were sent.
            cx.set(&ATTEMPTS, i64::from(attempt));
            let asking = self.asking(address, &self.question, cx.seed());
            let seen = self.transport.ask(cx, &asking).await?;
            discarded += seen.discarded;
            cx.set(&DISCARDED, discarded);
            if let (Some(same), Some(reply)) = (&self.same, &seen.reply) {
                discarded += same.compare(cx, &asking, self.family, reply).await?;
                cx.set(&DISCARDED, discarded);
            }
            let silent = seen.outcome == "timeout";
            bytes = seen.reply.as_ref().map(|reply| reply.bytes.clone());
            self.report(cx, seen);
            if !silent {
                break;
            }
        }
        Ok(Some((address, bytes)))
    }

    fn asking<'q>(&self, address: IpAddr, question: &'q Question, seed: u64) -> Asking<'q> {
        Asking {
            server: SocketAddr::new(address, self.port),
            source: self.source,
            patience: self.patience,
            question,
            seed,
        }
    }

    /// One attempt at another question, in plain.
    pub(super) async fn put(
        &self,
        address: IpAddr,
        question: &Question,
        stream: bool,
        patience: Duration,
        seed: u64,
    ) -> Result<Exchange, Fault> {
        let asking = Asking { patience, ..self.asking(address, question, seed) };
        if stream { exchange::tcp(&asking).await } else { exchange::udp(&asking).await }
    }

    fn report(&self, cx: &mut Cx<'_>, seen: Exchange) {
        cx.set(&OUTCOME, seen.outcome);
        for note in seen.notes {
            cx.note(note);
        }
        if let Some(connect_time) = seen.connect_time {
            cx.record_time(&CONNECT_TIME, connect_time);
        }
        if let Some(rtt) = seen.rtt {
            cx.record_time(&RTT, rtt);
            cx.set(&SIZE, i64::try_from(seen.size).unwrap_or(i64::MAX));
        }
        if let Some(reply) = seen.reply {
            self.tell(cx, *reply);
        }
    }

    fn tell(&self, cx: &mut Cx<'_>, reply: Reply) {
        self.transport.tell(cx, &reply);
        match rcode(reply.rcode) {
            Some(word) => cx.set(&RCODE, word),
            None => cx.set(&RCODE_NUMBER, format!("RCODE{}", reply.rcode)),
        }
        cx.set(&FLAGS, reply.flags());
        cx.set(&TRUNCATED, reply.truncated());
        for line in &reply.answers {
            cx.record(&TTL, f64::from(line.ttl));
        }
        let (links, end) = chain(&reply.answers, &self.question);
        let end = end.clone();
        cx.set(&CNAMES, links);
        for line in reply.answers.iter().filter(|line| self.stray(line, &end)) {
            cx.note(format!("not an answer to {}: {}", self.question.title(), line.text));
        }
        let asked = reply.answers.iter().filter(|line| self.asked(line) && !self.stray(line, &end));
        cx.set(&ANSWERS, asked.map(|line| line.data.clone()).collect::<Vec<_>>());
        cx.set(&RECORDS, texts(reply.answers));
        cx.set(&AUTHORITY, texts(reply.authority));
        cx.set(&ADDITIONAL, texts(reply.additional));
        let Some(edns) = reply.edns else { return };
        cx.set(&EDNS_VERSION, i64::from(edns.version));
        cx.set(&EDNS_SIZE, i64::from(edns.size));
        cx.set(&EDNS_ERRORS, edns.errors);
        if let Some(nsid) = edns.nsid {
            cx.set(&NSID, nsid);
        }
    }
}

impl Ask {
    /// A record of the type asked for; ANY and AXFR ask for all.
    fn asked(&self, line: &Line) -> bool {
        matches!(self.question.code, types::ANY | types::AXFR) || line.code == self.question.code
    }

    /// A record that cannot answer the question: of another class, broken, or about a name that is neither the one asked
    /// for nor the end of its aliases.
    fn stray(&self, line: &Line, end: &Name) -> bool {
        let about = line.owner.eq_ignore_root(&self.question.name) || line.owner.eq_ignore_root(end);
        let whole_zone = self.question.code == types::AXFR;
        line.class != u16::from(self.question.class) || !line.sound || (self.asked(line) && !about && !whole_zone)
    }
}

fn texts(lines: Vec<Line>) -> Vec<String> {
    lines.into_iter().map(|line| line.text).collect()
}

/// Name of a response code; `None` for numbers without one.
pub(super) fn rcode(number: u16) -> Option<&'static str> {
    let (last, next) = EXTENDED;
    let index = match number {
        n if n <= last => n,
        n if n >= next => n - next + last + 1,
        _ => return None,
    };
    RCODES.get(usize::from(index)).copied()
}

/// Aliases followed in one answer.
const LINKS: usize = 64;

/// Follows aliases from the name asked for, to the last name; a loop ends at its first repeat.
fn chain<'r>(answers: &'r [Line], question: &'r Question) -> (Vec<String>, &'r Name) {
    let mut links = Vec::new();
    let mut at = &question.name;
    while let Some(target) =
        answers.iter().filter(|line| line.owner.eq_ignore_root(at)).find_map(|line| line.target.as_ref())
    {
        let text = rdata::name(target);
        if links.contains(&text) || links.len() == LINKS {
            break;
        }
        links.push(text);
        at = target;
    }
    (links, at)
}
