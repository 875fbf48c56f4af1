//! The facts of the rules, in the groups that switch them on.

use crate::model::table::{facts, joined};
use crate::model::typed::Form;
use crate::model::{Choice, Fact, FactInfo, Rule, Unit};
use crate::proto::dns::presentation::{self, labels};

const OTHER_DS: &str = "servers of the parent give different DS records: look whether a change is still on its way there, and at its serials";
const NO_SUCH_KEY: &str = "validating resolvers fail at these servers: load the signed zone there (look at their transfers and serials), or \
                           correct the DS at the registry";
const SPREAD_OUT: &str =
    "RFC 2182 section 3.1: put a server into another network, so that one cut does not take all of them";
const TIMERS: &str = "RFC 1912 section 2.2: retry below refresh, refresh below expire; else secondaries give the zone up before they \
                      have tried again";

// Of a survey of a zone.
facts! { pub(in crate::checks::dns::survey) ZONE;
    pub(super) const DS_PARENT: Fact<Vec<String>> = Fact::list(
        "ds.parent",
        "DS records of the zone as every server of the parent gives them: tag, algorithm, digest type, digest. Empty for a zone \
         that is delegated unsigned; absent when they differ, and where the parent is not asked.",
    )
    .form(Form::Data(&presentation::DS))
    .on_breach(OTHER_DS);
    pub(super) const DS_AGREE: Fact<bool> = Fact::flag(
        "ds.agree",
        "Every server of the parent gives the same DS records; else the zone is signed for some resolvers and not for others.",
    )
    .on_breach(OTHER_DS);
    pub(super) const DNSKEY_UNMATCHED: Fact<Vec<String>> = Fact::list(
        "dnskey.unmatched",
        "Servers that give no DNSKEY which the parent's DS names, so that validation fails there (RFC 4035 section 5.2); absent \
         for a zone without DS that can be checked.",
    )
    .form(Form::Data(&labels::SERVERS))
    .on_breach(NO_SUCH_KEY);
    pub(super) const IPV4: Fact<i64> =
        Fact::integer("servers.ipv4", Unit::Count, "IPv4 addresses of the servers, each once.").ruled(Rule::Same);
    pub(super) const IPV6: Fact<i64> =
        Fact::integer("servers.ipv6", Unit::Count, "IPv6 addresses of the servers, each once.").ruled(Rule::Same);
    pub(super) const NETWORKS: Fact<i64> = Fact::integer(
        "servers.networks",
        Unit::Count,
        "Networks the servers are in: distinct /24 of IPv4 and /48 of IPv6 addresses.",
    )
    .ruled(Rule::Same)
    .on_breach(SPREAD_OUT);
    pub(super) const REFERRAL_SIZE: Fact<i64> = Fact::integer(
        "referral.size",
        Unit::Bytes,
        "Length of the smallest referral to the zone for the longest name in it: all NS, and one address of each IP version where \
         every server is named inside the zone. Above 512 it is cut for clients without EDNS.",
    )
    .on_breach("name fewer servers, or give them names that share their end, so that they compress");
    pub(super) const NAMES_INVALID: Fact<Vec<String>> = Fact::list(
        "names.invalid",
        "Names of servers (NS, MNAME) that are no host names (RFC 952, RFC 1123 section 2.1), and a mailbox (RNAME) with an `@`.",
    )
    .form(Form::Data(&labels::NAMES))
    .on_breach("host names have letters, digits and hyphens: some software refuses others; the mailbox is written with dots");
    pub(super) const TIMERS_ORDERED: Fact<bool> = Fact::flag(
        "soa.timers_ordered",
        "Of the SOA, retry is below refresh, and refresh below expire (RFC 1912 section 2.2).",
    )
    .on_breach(TIMERS);
}

// Of a zone whose servers a resolver can look up as well.
facts! { pub(in crate::checks::dns::survey) SIBLING;
    pub(super) const SIBLING_AGREE: Fact<bool> = Fact::flag(
        "glue.sibling_agree",
        "Addresses that the parent sends along for servers named outside the zone (sibling glue, RFC 9499) are among those that a \
         resolver finds; absent when it sends none.",
    )
    .on_breach("the parent has an address that the server's own zone does not: update the host object at the registry");
}

// Of `best_practice`.
facts! { pub(in crate::checks::dns::survey) BEST_PRACTICE;
    pub(super) const MNAME_SERVER: Fact<Choice> = Fact::choice(
        "soa.mname_server",
        &["serves", "behind", "not_authoritative", "silent", "unresolved", "none"],
        "The server MNAME names, of its worst address: serves the zone, is behind with its serial, is not authoritative, silent (a \
         hidden primary may be), without an address, or none (`.`).",
    )
    .on_breach("MNAME names the primary (RFC 1035 section 3.3.13), where NOTIFY and dynamic updates go: correct the SOA");
    pub(super) const REVERSE_MISSING: Fact<Vec<String>> = Fact::list(
        "reverse.missing",
        "Addresses of servers without a PTR record (RFC 1912 section 2.1).",
    )
    .form(Form::Address)
    .on_breach("ask whoever owns the addresses for PTR records with the names of the servers");
    pub(super) const REVERSE_MISMATCH: Fact<Vec<String>> = Fact::list(
        "reverse.mismatch",
        "Addresses of servers whose PTR records name other hosts, with those names.",
    );
}

// Of probe dnssec.
facts! { pub(in crate::checks::dns::survey) DNSSEC;
    pub(in crate::checks::dns::survey) const RRSIG_UNSOUND: Fact<Vec<String>> = Fact::list(
        "rrsig.unsound",
        "Servers where DNSKEY, SOA, NS or the records asked for have no signature of the zone that holds now, and those without \
         DNSKEY where others have it. Absent for a zone that is unsigned everywhere.",
    )
    .form(Form::Data(&labels::SERVERS))
    .on_breach("sign the zone again and see that these servers get it: the evidence names the set and what is wrong");
    pub(in crate::checks::dns::survey) const RRSIG_ALGORITHM_MISSING: Fact<Vec<String>> = Fact::list(
        "rrsig.algorithm_missing",
        "Servers where an algorithm of the DNSKEY set does not sign DNSKEY, SOA or NS, as it must (RFC 4035 section 2.2). Absent \
         for a zone that is unsigned everywhere.",
    )
    .form(Form::Data(&labels::SERVERS))
    .on_breach("sign with every algorithm that has a key, or withdraw the key: add signatures before keys, and remove keys first");
    pub(in crate::checks::dns::survey) const DENIAL_UNPROVEN: Fact<Vec<String>> = Fact::list(
        "denial.unproven",
        "Servers that do not prove by NSEC or NSEC3 that a random name does not exist (RFC 4035 section 3.1.3). Absent for a zone \
         that is unsigned everywhere.",
    )
    .form(Form::Data(&labels::SERVERS))
    .on_breach("sign the zone again so that NSEC or NSEC3 cover every name, and load it whole on these servers");
}

pub(in crate::checks::dns::survey) const FACTS: &[FactInfo] = joined!(FactInfo; ZONE, SIBLING, BEST_PRACTICE, DNSSEC);
