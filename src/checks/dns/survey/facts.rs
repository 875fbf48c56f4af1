//! What a survey can see, in the groups that switch it on.

use serde_json::Value;

use crate::model::{Better, Choice, Fact, FactInfo, Rule, Unit};

pub(super) const SERVERS: Fact<Value> = Fact::object(
    "servers",
    "What each server said, by name and address (`ns1.example./192.0.2.53`), or by address alone when only that is known.",
)
.ruled(Rule::Ignore);
pub(super) const COUNT: Fact<i64> =
    Fact::integer("servers.count", Unit::Count, "Servers of the survey: distinct addresses, and names that have none.")
        .ruled(Rule::Same);
pub(super) const FAILED: Fact<Vec<String>> = Fact::list(
    "servers.failed",
    "Servers that left a question without an answer, or have no address; whatever their code, an answer is one.",
);
pub(super) const DIFFERING: Fact<Vec<String>> = Fact::list(
    "servers.differing",
    "Servers whose records, code or AA flag are not those of most; of equal camps, the one with the newer serial counts.",
);
pub(super) const CONSISTENT: Fact<bool> = Fact::flag(
    "consistent",
    "Every server answers alike: code, AA, SOA with every field, NS, and the records asked for; of authoritative servers \
     with their TTLs.",
);
pub(super) const AUTHORITATIVE: Fact<bool> = Fact::flag("authoritative", "Every answer of every server has AA set.");
pub(super) const SERIAL: Fact<i64> = Fact::integer(
    "serial",
    Unit::Count,
    "Serial of the server that is furthest ahead (RFC 1982), once every server has told its own.",
);
pub(super) const SPREAD: Fact<i64> =
    Fact::integer("serial.spread", Unit::Count, "How far the last server is behind the first, in steps of the serial.");
pub(super) const BEHIND: Fact<Vec<String>> =
    Fact::list("serial.behind", "Servers with an older serial than the one furthest ahead.");
pub(super) const REACHABLE_UDP: Fact<bool> = Fact::flag("reachable.udp", "Every server answers over UDP.");
pub(super) const UNREACHABLE_UDP: Fact<Vec<String>> =
    Fact::list("unreachable.udp", "Servers that answer nothing over UDP.");
pub(super) const MISMATCH: Fact<Vec<String>> = Fact::list(
    "source.mismatch",
    "Servers whose answer came from another address or port than it was asked of; the evidence names it.",
);
pub(super) const NSIDS: Fact<Vec<String>> =
    Fact::list("nsid.distinct", "Identifiers (RFC 5001) of all servers, each once, with `nsid: true`.")
        .ruled(Rule::Ignore);
pub(super) const REPEATED: Fact<i64> =
    Fact::integer("repeated", Unit::Count, "Queries sent again after silence; each may be a lost packet.");
pub(super) const LINKS: Fact<i64> = Fact::integer(
    "cname.length",
    Unit::Count,
    "Aliases (CNAME, also those a DNAME makes) between the name asked for and its records.",
)
.ruled(Rule::Same);
pub(super) const LOOP: Fact<bool> = Fact::flag("cname.loop", "The aliases lead back to one of themselves.");
pub(super) const DANGLING: Fact<bool> = Fact::flag(
    "cname.dangling",
    "The aliases end at a name without records of the type; absent when they lead out of what is surveyed.",
);

/// Of every survey.
pub(super) const SURVEY: &[FactInfo] = &[
    SERVERS.info,
    COUNT.info,
    FAILED.info,
    DIFFERING.info,
    CONSISTENT.info,
    AUTHORITATIVE.info,
    SERIAL.info,
    SPREAD.info,
    BEHIND.info,
    REACHABLE_UDP.info,
    UNREACHABLE_UDP.info,
    MISMATCH.info,
    NSIDS.info,
    REPEATED.info,
    LINKS.info,
    LOOP.info,
    DANGLING.info,
];

pub(super) const LAME: Fact<Vec<String>> =
    Fact::list("lame", "Servers that do not answer for the zone with authority; silent ones are among them.");
pub(super) const NS_PARENT: Fact<Vec<String>> =
    Fact::list("ns.parent", "Names of the servers as the parent zone delegates, or as the suite gives them.");
pub(super) const NS_CHILD: Fact<Vec<String>> =
    Fact::list("ns.child", "Names of the servers as the zone itself says, once its servers agree.");
pub(super) const NS_AGREE: Fact<bool> =
    Fact::flag("ns.agree", "Every server of the parent and every server of the zone name the same servers.");
pub(super) const NS_ALIAS: Fact<Vec<String>> =
    Fact::list("ns.alias", "Names of servers that are aliases, which RFC 2181 forbids.");
pub(super) const NS_UNRESOLVED: Fact<Vec<String>> =
    Fact::list("ns.unresolved", "Names of servers for which no address was found.");
pub(super) const PARENT_FAILED: Fact<Vec<String>> =
    Fact::list("parent.failed", "Servers of the parent zone that gave no delegation.");
pub(super) const GLUE: Fact<Vec<String>> =
    Fact::list("glue", "Addresses that come with the delegation, or that the suite gives: `ns1.example. 192.0.2.53`.");
pub(super) const GLUE_AGREE: Fact<bool> = Fact::flag(
    "glue.agree",
    "Servers named inside the zone have the addresses of the glue, and no others, as every server of the zone says.",
);
pub(super) const SHARED: Fact<Vec<String>> =
    Fact::list("servers.shared", "Addresses that stand behind several names of servers.");
pub(super) const SPECIAL: Fact<Vec<String>> =
    Fact::list("servers.special", "Servers whose address is not for the public: private, loopback, documentation.");
pub(super) const MNAME: Fact<String> = Fact::text("soa.mname", "Primary server the SOA names.");
pub(super) const RNAME: Fact<String> = Fact::text("soa.rname", "Mailbox the SOA names, as a domain name.");
pub(super) const REFRESH: Fact<f64> =
    Fact::number("soa.refresh", Unit::Seconds, "Refresh of the SOA.").ruled(Rule::Same);
pub(super) const RETRY: Fact<f64> = Fact::number("soa.retry", Unit::Seconds, "Retry of the SOA.").ruled(Rule::Same);
pub(super) const EXPIRE: Fact<f64> = Fact::number("soa.expire", Unit::Seconds, "Expire of the SOA.").ruled(Rule::Same);
pub(super) const MINIMUM: Fact<f64> =
    Fact::number("soa.minimum", Unit::Seconds, "Minimum of the SOA.").ruled(Rule::Same);
pub(super) const NEGATIVE_TTL: Fact<f64> = Fact::number(
    "negative_ttl",
    Unit::Seconds,
    "How long an absence may be kept: the smaller of the TTL and the minimum of the SOA (RFC 2308).",
)
.ruled(Rule::Same);

/// Of a survey of a zone.
pub(super) const ZONE: &[FactInfo] = &[
    LAME.info,
    NS_PARENT.info,
    NS_CHILD.info,
    NS_AGREE.info,
    NS_ALIAS.info,
    NS_UNRESOLVED.info,
    PARENT_FAILED.info,
    GLUE.info,
    GLUE_AGREE.info,
    SHARED.info,
    SPECIAL.info,
    MNAME.info,
    RNAME.info,
    REFRESH.info,
    RETRY.info,
    EXPIRE.info,
    MINIMUM.info,
    NEGATIVE_TTL.info,
];

pub(super) const REACHABLE_TCP: Fact<bool> = Fact::flag("reachable.tcp", "Every server answers over TCP.");
pub(super) const UNREACHABLE_TCP: Fact<Vec<String>> =
    Fact::list("unreachable.tcp", "Servers that answer nothing over TCP.");
pub(super) const TCP_SAME: Fact<bool> = Fact::flag("tcp.same", "Every server says over TCP what it says over UDP.");
pub(super) const TCP: &[FactInfo] = &[REACHABLE_TCP.info, UNREACHABLE_TCP.info, TCP_SAME.info];

pub(super) const EDNS_SUPPORTED: Fact<bool> =
    Fact::flag("edns.supported", "Every server answers a query with EDNS by one with EDNS.");
pub(super) const EDNS_VERSION_OK: Fact<bool> =
    Fact::flag("edns.version_ok", "Every server answers EDNS version 1 by BADVERS, and says that it speaks version 0.");
pub(super) const EDNS_OPTION_OK: Fact<bool> = Fact::flag(
    "edns.unknown_option_ok",
    "Every server answers a query with an unknown option as if it was not there, and does not send it back.",
);
pub(super) const EDNS_FLAG_OK: Fact<bool> = Fact::flag(
    "edns.unknown_flag_ok",
    "Every server answers a query with an unknown EDNS flag as if it was not set, and sends the flag back clear.",
);
pub(super) const EDNS: &[FactInfo] =
    &[EDNS_SUPPORTED.info, EDNS_VERSION_OK.info, EDNS_OPTION_OK.info, EDNS_FLAG_OK.info];

/// From good to bad; a survey reports the worst of its servers.
pub(super) const CUTS: &[&str] =
    &["truncated", "fits", "needless", "incomplete", "oversized", "silent", "whole_nowhere"];
const CUT_HELP: &str = "What becomes of an answer at this size, of the worst server: truncated (TC, and whole over TCP), fits \
                        (nothing to see), needless (TC though it fits), incomplete (cut without TC), oversized (longer than \
                        asked for), silent, whole_nowhere (TC, but not whole over TCP).";
pub(super) const TRUNCATION_512: Fact<Choice> = Fact::choice("truncation.512", CUTS, CUT_HELP);
pub(super) const TRUNCATION_1232: Fact<Choice> = Fact::choice("truncation.1232", CUTS, CUT_HELP);
pub(super) const TRUNCATION: &[FactInfo] = &[TRUNCATION_512.info, TRUNCATION_1232.info];

pub(super) const TRANSFERS: &[&str] = &["refused", "closed", "unreachable", "partial", "complete"];
pub(super) const AXFR: Fact<Choice> = Fact::choice(
    "axfr",
    TRANSFERS,
    "What every server does with a zone transfer: refused, closed (hangs up), unreachable (no TCP), partial, complete (from \
     SOA to SOA). Absent when they differ.",
);
pub(super) const AXFR_OPEN: Fact<Vec<String>> =
    Fact::list("axfr.open", "Servers that sent records of the zone in a zone transfer.");
pub(super) const AXFR_RECORDS: Fact<i64> =
    Fact::integer("axfr.records", Unit::Count, "Records of a complete transfer, when every complete one has as many.");
pub(super) const TRANSFER: &[FactInfo] = &[AXFR.info, AXFR_OPEN.info, AXFR_RECORDS.info];

pub(super) const OPEN: Fact<Vec<String>> =
    Fact::list("recursion.open", "Servers that look up a name outside the zone for anybody.");
pub(super) const UPWARD: Fact<Vec<String>> =
    Fact::list("referral.upward", "Servers that refer to the root or a parent for a name outside, instead of REFUSED.");
pub(super) const RECURSION: &[FactInfo] = &[OPEN.info, UPWARD.info];

pub(super) const CASE: Fact<bool> =
    Fact::flag("qname.case", "Every server sends the question back in the very case it was asked in (0x20).");
pub(super) const CASELESS: Fact<bool> =
    Fact::flag("qname.caseless", "Every server gives the same records in whatever case they are asked for.");
pub(super) const LETTERS: &[FactInfo] = &[CASE.info, CASELESS.info];

pub(super) const HIDDEN: Fact<bool> = Fact::flag("version.hidden", "No server has a text for version.bind CH TXT.");
pub(super) const VERSIONS: Fact<Vec<String>> = Fact::list("version.texts", "Texts for version.bind CH TXT, each once.");
pub(super) const VERSION: &[FactInfo] = &[HIDDEN.info, VERSIONS.info];

/// What an answer to a question about something absent can be.
pub(super) const ABSENCES: &[&str] = &["nxdomain", "nodata", "answer", "referral", "error", "silent"];
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
     (RFC 8020). Absent when they differ, or when there is no such name.",
);
pub(super) const WILDCARD: Fact<bool> = Fact::flag("wildcard", "A random name below the zone has an address.");
pub(super) const NEGATIVE_SOA: Fact<bool> =
    Fact::flag("negative.soa", "Every denial carries the SOA of the zone, with the negative TTL (RFC 2308).");
pub(super) const NEGATIVE: &[FactInfo] = &[NXDOMAIN.info, NODATA.info, EMPTY.info, WILDCARD.info, NEGATIVE_SOA.info];

pub(super) const PROPAGATED: Fact<Value> = Fact::object(
    "propagated",
    "Seconds from the first look of the check until `wanted` was first seen, by server; pending ones are not in it.",
)
.ruled(Rule::Ignore);
pub(super) const SLOWEST: Fact<f64> = Fact::metric(
    "propagation.slowest",
    Unit::Seconds,
    Better::Lower,
    "The longest of `propagated`, once nothing is pending.",
);
pub(super) const PENDING: Fact<Vec<String>> =
    Fact::list("propagation.pending", "Servers that do not have what is `wanted`; silent ones are among them.");
pub(super) const RESOLUTION: Fact<f64> = Fact::number(
    "propagation.resolution",
    Unit::Seconds,
    "The longest time between the last look without and the first look with it: how exact `propagated` is.",
);
pub(super) const PROPAGATION: &[FactInfo] = &[PROPAGATED.info, SLOWEST.info, PENDING.info, RESOLUTION.info];
