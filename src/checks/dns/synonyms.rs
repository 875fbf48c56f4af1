//! What other tools call this family, its fields and its facts, and the options that their command lines have.

use crate::probe::Synonyms;

const UNSIGNED: &str =
    "!a dns check signs no query; an update that is signed with such a key (TSIG) is `dns_update` of a failover check";

#[rustfmt::skip]
pub(super) const SYNONYMS: Synonyms = Synonyms {
    names: &[
        "dig", "nslookup", "resolve", "resolver", "host", "lookup", "drill", "kdig", "dns_query", "dnsquery",
        "dns_lookup", "name", "a type=A", "aaaa type=AAAA", "mx type=MX", "ns type=NS", "txt type=TXT", "cname type=CNAME", "record", "nameserver", "zone",
    ],
    fields: &[
        ("query", "name"), ("qname", "name"), ("query_name", "name"), ("domain", "name"), ("hostname", "name"),
        ("host", "name"), ("fqdn", "name"), ("record", "name"), ("question", "name"), ("qtype", "type"),
        ("query_type", "type"), ("rrtype", "type"), ("rr_type", "type"), ("record_type", "type"), ("rtype", "type"),
        ("nameserver", "server"), ("nameservers", "server"), ("resolver", "server"), ("resolvers", "server"),
        ("dns_server", "server"), ("ns", "server"), ("address", "server"), ("target", "server"), ("ip", "server"),
        ("qclass", "class"), ("query_class", "class"), ("tcp", "transport: tcp"), ("tls", "transport: dot"),
        ("https", "transport: doh"), ("dot", "transport: dot"), ("doh", "transport: doh"), ("doq", "transport: doq"),
        ("protocol", "transport"), ("transport_protocol", "transport"), ("recursion_desired", "recursion"),
        ("recurse", "recursion"), ("rd", "recursion"), ("validate", "dnssec: validate"),
        ("dnssec_validate", "dnssec: validate"), ("do", "dnssec"), ("retries", "attempts"), ("retry", "attempts"),
        ("tries", "attempts"), ("edns0", "edns"), ("bufsize", "edns_size"), ("bufsize_", "edns_size"),
        ("udp_size", "edns_size"), ("servername", "sni"), ("server_name", "sni"), ("wait", "timeout"),
        ("query_timeout", "timeout"), ("insecure", "verify: false"), ("skip_verify", "verify: false"),
        ("ca", "ca_file"), ("cacert", "ca_file"),
    ],
    facts: &[
        ("status", "rcode"), ("response_code", "rcode"), ("returncode", "rcode"), ("code", "rcode"),
        ("rcode_name", "rcode"), ("valid_rcodes", "rcode"), ("state", "outcome"), ("result", "outcome"),
        ("success", "outcome: answered"), ("resolvable", "rcode: NOERROR"), ("resolves", "rcode: NOERROR"),
        ("resolveable", "rcode: NOERROR"), ("addrs", "answers"), ("addresses", "answers"), ("ips", "answers"),
        ("ip", "answers"), ("answer", "answers"), ("records", "answers"), ("value", "answers"), ("values", "answers"),
        ("a", "answers"), ("aaaa", "answers"), ("mx", "answers"), ("txt", "answers.text"), ("cname_target", "cname"),
        ("count", "answers: {len: N}"), ("answer_count", "answers: {len: N}"), ("latency", "rtt.p95"),
        ("query_time", "rtt.p95"), ("response_time", "rtt.p95"), ("duration", "rtt.p95"), ("time", "rtt.p95"),
        ("elapsed", "rtt.p95"), ("ad", "flags: {contains: ad}"), ("aa", "flags: {contains: aa}"),
        ("tc", "flags: {contains: tc}"), ("ra", "flags: {contains: ra}"), ("authenticated", "flags: {contains: ad}"),
        ("secure", "dnssec.verdict: secure"), ("validated", "dnssec.verdict: secure"),
        ("dnssec", "dnssec.verdict: secure"), ("soa_serial", "serial"), ("min_ttl", "ttl.min"), ("max_ttl", "ttl.max"),
        ("answer_ttl", "ttl.min"),
    ],
    options: &[
        ("-p PORT", "port={}"), ("-t TYPE", "type={}"), ("-c CLASS", "class={}"), ("-q NAME", "{}"),
        ("-x ADDRESS", "{reverse} ?type=PTR"), ("-b ADDRESS", "source={}"), ("+tcp", "transport=tcp"),
        ("+vc", "transport=tcp"), ("+notcp", "transport=udp"), ("+tls", "transport=dot"), ("+https", "transport=doh"),
        ("+quic", "transport=doq"), ("+norecurse", "recursion=false"), ("+norec", "recursion=false"),
        ("+nordflag", "recursion=false"), ("+recurse", ""), ("+rec", ""), ("+dnssec", "dnssec=true"),
        ("+do", "dnssec=true"), ("+nsid", "nsid=true"), ("+noedns", "edns=false"), ("+bufsize BYTES", "edns_size={}B"),
        ("+time SECONDS", "timeout={}s"), ("+timeout SECONDS", "timeout={}s"), ("+tries N", "attempts={}"),
        ("+tls-ca FILE", "ca_file={}"), ("+tls-hostname NAME", "verify_name={}"), ("+tls-host NAME", "verify_name={}"),
        ("+tls-sni NAME", "sni={}"), ("+short", ""), ("+noall", ""), ("+all", ""), ("+answer", ""), ("+nocmd", ""),
        ("+nocomments", ""), ("+noquestion", ""), ("+nostats", ""), ("+stats", ""), ("+multiline", ""), ("+multi", ""),
        ("+noauthority", ""), ("+noadditional", ""),
        ("+trace", "!every server of a zone is asked with authoritative.zone=ZONE, in place of the name and a server"),
        ("+nodnssec", "dnssec=false"), ("+authority", ""), ("+additional", ""), ("+question", ""), ("+comments", ""),
        ("+qr", ""), ("+identify", ""), ("+ttlid", ""), ("+nottlid", ""), ("+nocrypto", ""), ("+rrcomments", ""), ("+nosearch", ""),
        ("+adflag", ""), ("+noadflag", ""), ("+edns N", ""), ("+notls", ""), ("+ignore", ""), ("+noshort", ""),
        ("+retry N", "!attempts=N counts all queries: one more than +retry"),
        ("+cd", "!the CD bit is not sent; dnssec=validate shows why a chain does not validate"),
        ("+cdflag", "!the CD bit is not sent; dnssec=validate shows why a chain does not validate"),
        ("+subnet NET", "!no client subnet is sent"), ("-f FILE", "!several names are a `matrix` of a suite"),
        ("-y KEY", UNSIGNED), ("-k FILE", UNSIGNED),
    ],
};
