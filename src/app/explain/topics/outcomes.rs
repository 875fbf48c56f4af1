//! Topics about the words of `outcome`. A test holds them against the tables of all families.

use super::{Chapter, topic};

pub(super) const CHAPTER: Chapter = Chapter {
    title: "Outcomes",
    intro: "The values of `outcome`: how an attempt ended, in one word. If the cause is on this side, the check is errored instead.",
    picture: None,
    topics: &[
        topic(
            &["connected", "replied", "answered", "reached", "open", "completed", "scanned", "transferred", "success"],
            "\
The good outcome, which a family expects unless a check names another one: `connected` of tcp, `replied` of udp and icmp,
`answered` of http and dns, `reached` of trace, `open` of reach, `completed` of tls (`scanned` with `scan`), `transferred` of
throughput. It says only that the exchange took place. A page with status 500 is answered, and a handshake with an expired certificate is completed: `status`
and `verified` are expected beside it.",
        ),
        topic(
            &["refused"],
            "\
The other side rejected the connection at once: by a reset (RST), or by an ICMP error such as `port unreachable`. So there is
a host, and nothing listens on this address and port, or a firewall rejects. The evidence names who refused. Next, on that
host: `ss -ltnp` (TCP) or `ss -lunp` (UDP). A DNS server that declines to answer is something else: `rcode: REFUSED`.",
        ),
        topic(
            &["silent", "no answer"],
            "\
Of udp, icmp and reach: nothing came back within `timeout`. The packet was dropped on the way, the host is down, or the service
ignores what was sent; these look alike. So a check that expects silence needs a `control`. In the other families the word
is `timeout`.",
        ),
        topic(
            &["unreachable"],
            "\
A router or the target's host reported by ICMP that the host, its network or its port cannot be reached, or the host did not
answer in the network of this one (ARP). The evidence names the sender. Next: `ip route get ADDRESS`, `tracepath ADDRESS`. Where
this host itself has no route, the check is errored.",
        ),
        topic(
            &["loop", "routing loop"],
            "\
Of trace: the same routers answer again and again, so they send packets to each other, and none arrives. The fact `loop` has them in
their order. Next: compare their routes to the target, there: `ip route get ADDRESS`. A default route that points back does this.",
        ),
        topic(
            &["unresolved"],
            "\
The resolver says that the name does not exist, or has no address of the IP version asked for. It is no closed port, so it never
satisfies `refused`. A resolver that does not answer makes the check errored. Next: `getent ahosts NAME`, or
`shakedown probe dns NAME`.",
        ),
        topic(
            &["reset"],
            "\
The connection was there, and the other side tore it down (RST) before the exchange was complete: a process that died, a
limit on connections, or a device on the way. Next: the log of the service at that time.",
        ),
        topic(
            &["closed"],
            "\
The other side closed the connection in an orderly way, but before its answer was complete. Next: the log of the service; does
it expect another protocol on this port, or a client certificate?",
        ),
        topic(
            &["mismatch"],
            "\
Of tcp and udp: an answer came, and it does not contain what the field `expect` (or `expect_hex`) asks for, or a step of a `dialogue`. The
fact `received` or `response` has it.",
        ),
        topic(
            &["other_source"],
            "\
Of udp: nothing came from the address and port that were asked, and something from another one (the fact `other_sources`). Clients ignore it, so
to them it is silence; packets do get there, so it is none. A service behind a virtual address that answers from its own does this.
Next, on that host: `ss -lunp`, `ip addr`.",
        ),
        topic(
            &["malformed", "protocol_error"],
            "\
An answer came that is not valid in the protocol of this check. Mostly something else listens on the port, or it
speaks another version. The evidence says what is wrong.",
        ),
        topic(
            &["untrusted"],
            "\
The server's certificate does not verify, so http and dns sent it nothing. The evidence has the reason: expired, another name, or
no path to a trusted root (a private authority needs `ca_file`). Next: `shakedown probe tls HOST`.",
        ),
        topic(
            &["tls_failed", "alert", "not_tls"],
            "\
No TLS session: `alert` means that one side ended the handshake with a TLS alert (the fact `alert` has its name), `not_tls` that
the answer was no TLS, such as plain HTTP. For http both are `tls_failed`. Next: `openssl s_client -connect HOST:PORT`.",
        ),
        topic(
            &["no_starttls", "service_refused"],
            "\
Of tls with `starttls`: the server does not offer TLS or refuses to begin it (`no_starttls`), or it refuses the client before any of
that (`service_refused`: too many connections, a blocked address). The fact `starttls` says more.",
        ),
        topic(
            &["too_many_redirects", "not_followed"],
            "\
Of http: there were more redirects than `follow` allows, often a loop; or a redirect that would have sent a body to another host
was not followed.",
        ),
        topic(
            &["proxy_failed"],
            "\
Of http with `proxy`: the proxy could not be reached, or did not let the request through; the target was not asked. The facts
`proxy.outcome`, `proxy.status` and `proxy.error` say more.",
        ),
        topic(
            &["http_error"],
            "\
Of dns over HTTPS: the server answered with a status other than 2xx, or with something that is no DNS message. Is `path` right?",
        ),
        topic(
            &["time_exceeded", "too_big", "altered"],
            "\
Of icmp: the packet ran out of hops (a routing loop, or a small `ttl`; of trace, a target that is farther than `max_hops`); it is
larger than a link on the way and must not be fragmented (`mtu` says what fits); or only replies came that differ from what was
sent.",
        ),
        topic(
            &["busy", "stalled"],
            "\
Of throughput: the iperf3 server runs another test (`shakedown serve` takes several clients at once); or the transfer stopped
before its end.",
        ),
    ],
};
