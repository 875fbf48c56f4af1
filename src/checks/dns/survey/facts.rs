//! The facts of a survey, in the groups that switch them on.

use super::{rules, server_rows, settings};
use crate::checks::dns::facts::EDNS_MISHANDLED;
use crate::model::rows::Rows;
use crate::model::table::{facts, joined};
use crate::model::typed::Form;
use crate::model::{Better, Choice, Fact, FactInfo, Rule, TimeOf, Unit};
use crate::proto::dns::presentation::labels;

/// Outcomes of an answer at a size, from good to bad; a survey reports the worst of its servers.
pub(super) const CUTS: &[&str] =
    &["truncated", "fits", "needless", "incomplete", "oversized", "silent", "whole_nowhere"];
const CUT_HELP: &str = "How the worst server treats an answer at this size: truncated (TC, and whole over TCP), fits \
                        (nothing to see), needless (TC though it fits), incomplete (cut without TC), oversized (longer than \
                        asked for), silent, whole_nowhere (TC, but not whole over TCP).";
/// Outcomes of a zone transfer.
pub(super) const TRANSFERS: &[&str] = &["refused", "closed", "unreachable", "partial", "complete"];
/// Answers to a question about something absent.
pub(super) const ABSENCES: &[&str] = &["nxdomain", "nodata", "answer", "referral", "error", "silent"];

const BEHIND_OTHERS: &str =
    "a server is behind: look at notify, at its transfers (log, allow-transfer, TSIG) and at the SOA refresh";
const NOT_LOADED: &str =
    "these servers do not have the zone: look for it in their configuration, and for an expired transfer in their log";
const OTHER_SERVERS: &str =
    "parent and zone name different servers: correct the delegation at the registry, or the NS records of the zone";
const OTHER_GLUE: &str = "the parent has other addresses than the zone: update the host objects at the registry";
const NO_TCP: &str = "TCP port 53 is closed or filtered there: resolvers need it for every answer that does not fit";
const BADLY_CUT: &str =
    "large answers are not cut the right way there: see `servers`; is something rewriting DNS on the path?";
const TRANSFER_ACCESS: &str =
    "a server gives away the zone, or does not give it: see its allow-transfer and where it is asked from (`source`)";
const HEADER_MISHANDLED: &str = "a server or a firewall before it does not stand what is new to it in a header: see `servers` for which, and let DNS \
                                 packets pass unchanged";
const OPEN_RESOLVER: &str =
    "these servers look up anything for anybody: turn recursion off, or allow it to own clients only";
const NOT_PROPAGATED: &str =
    "the servers in `propagation.pending` lack it: look at notify and transfers there, and at the primary's serial";

// Of every survey.
facts! { pub(super) SURVEY;
    pub(super) const COUNT: Fact<i64> = Fact::integer(
        "servers.count",
        Unit::Count,
        "Number of servers of the survey: distinct addresses, and names that have none.",
    )
    .ruled(Rule::Same)
    .foreseen(settings::labels);
    pub(super) const FAILED: Fact<Vec<String>> = Fact::list(
        "servers.failed",
        "Servers that left a question unanswered, or have no address; an answer with any code counts as an answer.",
    )
    .on_breach("ask each of these servers by hand for the SOA record of the zone: is the daemon up, and UDP port 53 open?").form(Form::Data(&labels::SERVERS));
    pub(super) const DIFFERING: Fact<Vec<String>> = Fact::list(
        "servers.differing",
        "Servers whose records, code or AA flag differ from the majority's; in a tie, the group with the newer serial is the majority.",
    ).form(Form::Data(&labels::SERVERS));
    pub(super) const CONSISTENT: Fact<bool> = Fact::flag(
        "consistent",
        "Whether all servers give the same answer: code, AA, SOA with every field, NS, and the records asked for; for authoritative servers also their TTLs.",
    )
    .on_breach("the servers differ, see the evidence: compare serials, then look at notify and transfers of those behind");
    pub(super) const AUTHORITATIVE: Fact<bool> =
        Fact::flag("authoritative", "Every answer of every server has AA set.")
            .on_breach("an answer lacks AA: is the zone loaded there, or does a cache or forwarder answer?");
    pub(super) const SERIAL: Fact<i64> = Fact::integer(
        "serial",
        Unit::Count,
        "Highest serial of all servers (RFC 1982), once every server has answered.",
    )
    .on_breach(BEHIND_OTHERS).ruled(Rule::MayGrow).form(Form::Serial);
    pub(super) const SPREAD: Fact<i64> = Fact::integer(
        "serial.spread",
        Unit::Count,
        "Difference between the highest and the lowest serial.",
    )
    .on_breach(BEHIND_OTHERS);
    pub(super) const BEHIND: Fact<Vec<String>> =
        Fact::list("serial.behind", "Servers with a lower serial than the highest.")
            .on_breach(BEHIND_OTHERS).form(Form::Data(&labels::SERVERS));
    pub(super) const REACHABLE_UDP: Fact<bool> = Fact::flag("reachable.udp", "Every server answers over UDP.");
    pub(super) const UNREACHABLE_UDP: Fact<Vec<String>> =
        Fact::list("unreachable.udp", "Servers that answer nothing over UDP.").form(Form::Data(&labels::SERVERS));
    pub(super) const MISMATCH: Fact<Vec<String>> = Fact::list(
        "source.mismatch",
        "Servers whose answer came from another address or port than it was asked of; the evidence names it.",
    )
    .form(Form::Data(&labels::SERVERS));
    pub(super) const NSIDS: Fact<Vec<String>> =
        Fact::list("nsid.distinct", "Identifiers (RFC 5001) of all servers, each once, with `nsid: true`.")
            .ruled(Rule::Ignore);
    pub(super) const REPEATED: Fact<i64> =
        Fact::integer("repeated", Unit::Count, "Queries that were repeated after silence; each may be a lost packet.");
    pub(super) const LINKS: Fact<i64> = Fact::integer(
        "cname.length",
        Unit::Count,
        "Aliases (CNAME, also those a DNAME makes) between the name asked for and its records.",
    )
    .ruled(Rule::Same);
    pub(super) const LOOP: Fact<bool> = Fact::flag("cname.loop", "Whether the aliases form a loop; absent when there are too many to follow.");
    pub(super) const DANGLING: Fact<bool> = Fact::flag(
        "cname.dangling",
        "Whether the aliases end at a name without records of the type; absent when they lead out of the surveyed zone.",
    );
}

// Of a survey of a zone.
facts! { pub(super) ZONE;
    pub(super) const LAME: Fact<Vec<String>> =
        Fact::list("lame", "Servers that do not answer authoritatively for the zone; silent ones included.")
            .on_breach(NOT_LOADED).form(Form::Data(&labels::SERVERS));
    pub(super) const NS_PARENT: Fact<Vec<String>> =
        Fact::list("ns.parent", "Names of the servers as the parent zone delegates, or as the suite gives them.")
            .on_breach(OTHER_SERVERS).form(Form::Name);
    pub(super) const NS_CHILD: Fact<Vec<String>> =
        Fact::list("ns.child", "Names of the servers as the zone itself says, once its servers agree.")
            .on_breach(OTHER_SERVERS).form(Form::Name);
    pub(super) const NS_AGREE: Fact<bool> =
        Fact::flag("ns.agree", "Every server of the parent and every server of the zone name the same servers.")
            .on_breach(OTHER_SERVERS);
    pub(super) const NS_ALIAS: Fact<Vec<String>> =
        Fact::list("ns.alias", "Names of servers that are aliases, which RFC 2181 forbids.").on_breach(OTHER_SERVERS).form(Form::Name);
    pub(super) const NS_UNRESOLVED: Fact<Vec<String>> =
        Fact::list("ns.unresolved", "Names of servers for which no address was found.").on_breach(OTHER_SERVERS).form(Form::Name);
    pub(super) const PARENT_FAILED: Fact<Vec<String>> =
        Fact::list("parent.failed", "Servers of the parent zone that gave no delegation.")
            .on_breach("servers of the parent do not delegate the zone yet: is the change published there?").form(Form::Data(&labels::PARENTS));
    pub(super) const GLUE: Fact<Vec<String>> = Fact::list(
        "glue",
        "Addresses that come with the delegation, or that the suite gives: `ns1.example. 192.0.2.53`.",
    )
    .on_breach(OTHER_GLUE).form(Form::Data(&labels::GLUE));
    pub(super) const GLUE_AGREE: Fact<bool> = Fact::flag(
        "glue.agree",
        "Servers named inside the zone have the addresses of the glue, and no others, as every server of the zone says.",
    )
    .on_breach(OTHER_GLUE);
    pub(super) const SHARED: Fact<Vec<String>> =
        Fact::list("servers.shared", "Addresses that several server names have.").form(Form::Address);
    pub(super) const SPECIAL: Fact<Vec<String>> =
        Fact::list("servers.special", "Servers whose address is not for the public: private, loopback, documentation.").form(Form::Data(&labels::SERVERS));
    pub(super) const MNAME: Fact<String> = Fact::text("soa.mname", "Primary server the SOA names.").form(Form::Name);
    pub(super) const RNAME: Fact<String> = Fact::text("soa.rname", "Mailbox the SOA names, as a domain name.").form(Form::Name);
    pub(super) const SEVERAL_SOA: Fact<Vec<String>> =
        Fact::list("soa.several", "Servers that give more than one SOA record for the zone, which has one.").on_breach(
            "keep one SOA record at the zone's own name: which of several a secondary or a resolver takes is chance",
        ).form(Form::Data(&labels::SERVERS));
    pub(super) const REFRESH: Fact<f64> =
        Fact::number("soa.refresh", Unit::Seconds, "Refresh of the SOA.").lasting(TimeOf::Setting).ruled(Rule::Same);
    pub(super) const RETRY: Fact<f64> = Fact::number("soa.retry", Unit::Seconds, "Retry of the SOA.").lasting(TimeOf::Setting).ruled(Rule::Same);
    pub(super) const EXPIRE: Fact<f64> =
        Fact::number("soa.expire", Unit::Seconds, "Expire of the SOA.").lasting(TimeOf::Setting).ruled(Rule::Same);
    pub(super) const MINIMUM: Fact<f64> =
        Fact::number("soa.minimum", Unit::Seconds, "Minimum of the SOA.").lasting(TimeOf::Setting).ruled(Rule::Same);
    pub(super) const NEGATIVE_TTL: Fact<f64> = Fact::number(
        "negative_ttl",
        Unit::Seconds,
        "How long an absence may be kept: the smaller of the TTL and the minimum of the SOA (RFC 2308).",
    ).lasting(TimeOf::Setting)
    .ruled(Rule::Same);
}

// Of probe tcp.
facts! { pub(super) TCP;
    pub(super) const REACHABLE_TCP: Fact<bool> =
        Fact::flag("reachable.tcp", "Every server answers over TCP.").on_breach(NO_TCP);
    pub(super) const UNREACHABLE_TCP: Fact<Vec<String>> =
        Fact::list("unreachable.tcp", "Servers that answer nothing over TCP.").on_breach(NO_TCP).form(Form::Data(&labels::SERVERS));
    pub(super) const TCP_SAME: Fact<bool> = Fact::flag("tcp.same", "Every server says over TCP what it says over UDP.");
}

// Of probe edns.
facts! { pub(super) EDNS;
    pub(super) const EDNS_SUPPORTED: Fact<bool> =
        Fact::flag("edns.supported", "Every server answers a query with EDNS by one with EDNS.")
            .on_breach(EDNS_MISHANDLED);
    pub(super) const EDNS_VERSION_OK: Fact<bool> = Fact::flag(
        "edns.version_ok",
        "Every server answers EDNS version 1 by BADVERS, and says that it speaks version 0.",
    )
    .on_breach(EDNS_MISHANDLED);
    pub(super) const EDNS_OPTION_OK: Fact<bool> = Fact::flag(
        "edns.unknown_option_ok",
        "Every server answers a query with an unknown option as if it was not there, and does not send it back.",
    )
    .on_breach(EDNS_MISHANDLED);
    pub(super) const EDNS_FLAG_OK: Fact<bool> = Fact::flag(
        "edns.unknown_flag_ok",
        "Every server answers a query with an unknown EDNS flag as if it was not set, and sends the flag back clear.",
    )
    .on_breach(EDNS_MISHANDLED);
}

// Of probe header.
facts! { pub(super) HEADER;
    pub(super) const OPCODE_OK: Fact<bool> = Fact::flag(
        "header.opcode_ok",
        "Every server answers the unknown opcode 15 by NOTIMP, without records (RFC 8906 section 8.1.4).",
    )
    .on_breach(HEADER_MISHANDLED);
    pub(super) const Z_OK: Fact<bool> = Fact::flag(
        "header.z_ok",
        "Every server answers a query with the reserved bit (Z) as if it was clear, and sends it back clear (RFC 8906 section \
         8.1.3).",
    )
    .on_breach(HEADER_MISHANDLED);
    pub(super) const AD_OK: Fact<bool> = Fact::flag(
        "header.ad_ok",
        "Every server answers a query with AD as one without (RFC 8906 section 8.1.3).",
    )
    .on_breach(HEADER_MISHANDLED);
    pub(super) const CD_OK: Fact<bool> = Fact::flag(
        "header.cd_ok",
        "Every server answers a query with CD as one without (RFC 8906 section 8.1.3).",
    )
    .on_breach(HEADER_MISHANDLED);
}

// Of probe truncation.
facts! { pub(super) TRUNCATION;
    pub(super) const TRUNCATION_512: Fact<Choice> = Fact::choice("truncation.512", CUTS, CUT_HELP).on_breach(BADLY_CUT);
    pub(super) const TRUNCATION_1232: Fact<Choice> =
        Fact::choice("truncation.1232", CUTS, CUT_HELP).on_breach(BADLY_CUT);
}

// Of probe axfr.
facts! { pub(super) TRANSFER;
    pub(super) const AXFR: Fact<Choice> = Fact::choice(
        "axfr",
        TRANSFERS,
        "What every server does with a zone transfer: refused, closed (hangs up), unreachable (no TCP), partial, complete (from \
         SOA to SOA). Absent when they differ.",
    )
    .on_breach(TRANSFER_ACCESS);
    pub(super) const AXFR_OPEN: Fact<Vec<String>> =
        Fact::list("axfr.open", "Servers that sent records of the zone in a zone transfer.").on_breach(TRANSFER_ACCESS).form(Form::Data(&labels::SERVERS));
    pub(super) const AXFR_RECORDS: Fact<i64> = Fact::integer(
        "axfr.records",
        Unit::Count,
        "Records of a complete transfer, when every complete one has as many.",
    )
    .on_breach(TRANSFER_ACCESS);
}

// Of probe recursion.
facts! { pub(super) RECURSION;
    pub(super) const OPEN: Fact<Vec<String>> =
        Fact::list("recursion.open", "Servers that look up a name outside the zone for anybody.")
            .on_breach(OPEN_RESOLVER).form(Form::Data(&labels::SERVERS));
    pub(super) const UPWARD: Fact<Vec<String>> = Fact::list(
        "referral.upward",
        "Servers that refer to the root or a parent for a name outside, instead of REFUSED.",
    )
    .form(Form::Data(&labels::SERVERS));
}

// Of probe case.
facts! { pub(super) QNAME_CASE;
    pub(super) const CASE: Fact<bool> =
        Fact::flag("qname.case", "Whether every server repeats the question in exactly the case it was asked in (0x20).");
    pub(super) const CASELESS: Fact<bool> =
        Fact::flag("qname.caseless", "Whether every server gives the same records regardless of the case of the name.");
}

// Of probe version.
facts! { pub(super) VERSION;
    pub(super) const HIDDEN: Fact<bool> = Fact::flag("version.hidden", "No server has a text for version.bind CH TXT.");
    pub(super) const VERSIONS: Fact<Vec<String>> =
        Fact::list("version.texts", "Texts for version.bind CH TXT, each once.").form(Form::Version);
}

// Of probe negative.
facts! { pub(super) NEGATIVE;
    pub(super) const NXDOMAIN: Fact<Choice> = Fact::choice(
        "nxdomain",
        ABSENCES,
        "What every server answers for a random name below the zone; `answer` is a wildcard. Absent when they differ.",
    );
    pub(super) const NODATA: Fact<Choice> = Fact::choice(
        "nodata",
        ABSENCES,
        "What every server answers for a type the zone's own name does not have. Absent when they differ.",
    );
    pub(super) const EMPTY: Fact<Choice> = Fact::choice(
        "empty_non_terminal",
        ABSENCES,
        "What every server answers for the names between `name` and the zone: nodata where nothing stands, never nxdomain \
     (RFC 8020). A wrong denial of one server counts for all; absent when there is no such name.",
    );
    pub(super) const WILDCARD: Fact<bool> = Fact::flag("wildcard", "A random name below the zone has an address.");
    pub(super) const NEGATIVE_SOA: Fact<bool> =
        Fact::flag("negative.soa", "Every denial carries the SOA of the zone, with the negative TTL (RFC 2308).");
}

// Of something that is wanted on every server.
facts! { pub(super) PROPAGATION;
    pub(super) const PROPAGATED: Fact<Rows> = Fact::table(
        "propagated",
        "server",
        "When `wanted` was first seen, by server; pending ones are not in it.",
    )
    .form(Form::Data(&labels::SERVERS));
    pub(super) const PROPAGATED_AFTER: Fact<f64> = Fact::number(
        "propagated.after",
        Unit::Seconds,
        "From the first attempt of the check until it was first seen there.",
    )
    .column();
    pub(super) const SLOWEST: Fact<f64> = Fact::metric(
        "propagation.slowest",
        Unit::Seconds,
        Better::Lower,
        "The longest of `propagated`, once nothing is pending.",
    )
    .on_breach(NOT_PROPAGATED);
    pub(super) const PENDING: Fact<Vec<String>> =
        Fact::list("propagation.pending", "Servers that do not have what is `wanted` yet; silent ones included.")
            .on_breach(NOT_PROPAGATED).form(Form::Data(&labels::SERVERS));
    pub(super) const RESOLUTION: Fact<f64> = Fact::number(
        "propagation.resolution",
        Unit::Seconds,
        "Longest time between the last look without it and the first look with it: the resolution of `propagated`.",
    )
    .on_breach(NOT_PROPAGATED);
}

pub(in crate::checks::dns) const FACTS: &[FactInfo] = joined!(
    FactInfo;
    PROPAGATION, server_rows::FACTS, SURVEY, ZONE, rules::FACTS, TCP, EDNS, HEADER, TRUNCATION, TRANSFER, RECURSION, QNAME_CASE, VERSION, NEGATIVE,
);
