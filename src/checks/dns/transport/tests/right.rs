//! Facts from a real server over each transport, with the right and with the wrong certificate.

use super::lab::Lab;
use super::{ENCRYPTED, flag};
use crate::checks::dns::dnssec::tests::authority::{World, name, records};
use crate::checks::dns::tests::{args, build, observed, run};
use crate::checks::dns::{Dns, question};
use crate::lab::dns::DnsLab;
use crate::lab::pki::{NAME, OTHER_NAME};
use crate::model::{Arg, Value};
use crate::probe::Probe as _;
use crate::testing::{count, defaults, list, noted, text};

#[tokio::test]
async fn every_transport_answers_and_shows_its_certificate() {
    let lab = Lab::new().await;
    for (transport, alpn) in ENCRYPTED {
        let server = lab.serve(transport, &lab.pki.good).await;
        let observation = observed(server.addr, "two.shakedown.test", &lab.fields(transport)).await;
        assert_eq!(observation.text("outcome"), Some("answered"), "{transport}: {:?}", observation.notes());
        let mut answers = list(&observation, "answers");
        answers.sort();
        assert_eq!(answers, ["127.0.0.1", "127.0.0.2"], "{transport}");
        assert_eq!(flag(&observation, "tls.verified"), Some(true), "{transport}");
        assert_eq!(observation.last("tls.verify_error"), None, "{transport}");
        assert_eq!(observation.text("tls.version"), Some("TLS1.3"), "{transport}");
        assert_eq!(observation.text("tls.alpn"), Some(alpn), "{transport}");
        assert_eq!(observation.text("tls.group"), Some("X25519MLKEM768"), "{transport}");
        assert!(observation.text("tls.cipher").unwrap().starts_with("TLS_AES_"), "{transport}");
        assert_eq!(observation.text("tls.key"), Some("ECDSA P-256"), "{transport}");
        assert_eq!(list(&observation, "tls.san"), ["localhost", NAME, "127.0.0.1"], "{transport}");
        assert_eq!(count(&observation, "tls.chain.length"), 2, "{transport}");
        assert!(observation.last("tls.expires_in").and_then(Value::as_f64).unwrap() > 80.0 * 86_400.0, "{transport}");
        assert_eq!(count(&observation, "discarded"), 0, "{transport}");
        for (fact, count) in [("rtt", 1), ("handshake_time", 1)] {
            assert_eq!(observation.merged(fact).unwrap().count(), count, "{transport}: {fact}");
        }
        assert_eq!(observation.merged("connect_time").is_some(), matches!(transport, "dot" | "doh"), "{transport}");
        assert_eq!(observation.last("http.status").is_some(), matches!(transport, "doh" | "doh3"), "{transport}");
        assert!(Dns::answered(&observation), "{transport}");
    }
}

#[tokio::test]
async fn absence_is_an_answer_over_every_transport() {
    let lab = Lab::new().await;
    for (transport, _) in ENCRYPTED {
        let server = lab.serve(transport, &lab.pki.good).await;
        let observation = observed(server.addr, "absent.shakedown.test", &lab.fields(transport)).await;
        assert_eq!(
            (observation.text("outcome"), observation.text("rcode")),
            (Some("answered"), Some("NXDOMAIN")),
            "{transport}"
        );
        assert!(list(&observation, "authority")[0].contains(" IN SOA "), "{transport}");
        assert!(!Dns::answered(&observation), "{transport}");
    }
}

#[tokio::test]
async fn nothing_is_asked_of_a_server_with_a_wrong_certificate() {
    let lab = Lab::new().await;
    for (transport, _) in ENCRYPTED {
        for (identity, why) in [(&lab.pki.wrong_name, "not valid for name"), (&lab.pki.expired, "expired since")] {
            let server = lab.serve(transport, identity).await;
            let observation = observed(server.addr, "www.shakedown.test", &lab.fields(transport)).await;
            assert_eq!(observation.text("outcome"), Some("untrusted"), "{transport}: {:?}", observation.notes());
            assert_eq!(flag(&observation, "tls.verified"), Some(false), "{transport}");
            assert!(observation.text("tls.verify_error").unwrap().contains(why), "{transport}");
            assert!(
                observation.last("tls.not_after").is_some() && observation.last("tls.san").is_some(),
                "{transport}"
            );
            assert!(observation.last("answers").is_none() && observation.last("rcode").is_none(), "{transport}");
            assert!(
                observation.merged("handshake_time").is_some() && observation.merged("rtt").is_none(),
                "{transport}"
            );
            noted(&observation, "nothing was asked");
            assert!(!Dns::answered(&observation));
        }
        let server = lab.serve(transport, &lab.pki.wrong_name).await;
        let mut named = lab.fields(transport);
        named.push(("verify_name", text(OTHER_NAME)));
        let observation = observed(server.addr, "www.shakedown.test", &named).await;
        assert_eq!(flag(&observation, "tls.verified"), Some(true), "{transport}: verify_name decides, not sni");
    }
}

#[tokio::test]
async fn who_does_not_care_asks_all_the_same_and_still_sees_it() {
    let lab = Lab::new().await;
    for (transport, _) in ENCRYPTED {
        let server = lab.serve(transport, &lab.pki.expired).await;
        let mut fields = lab.fields(transport);
        fields.push(("verify", Arg::Bool(false)));
        let observation = observed(server.addr, "www.shakedown.test", &fields).await;
        assert_eq!(list(&observation, "answers"), ["127.0.0.1"], "{transport}: {:?}", observation.notes());
        assert_eq!(flag(&observation, "tls.verified"), Some(false), "{transport}");
        assert!(observation.last("tls.expires_in").and_then(Value::as_f64).unwrap() < 0.0, "{transport}");
    }
}

#[tokio::test]
async fn an_unknown_authority_is_not_trusted() {
    let (lab, other) = (Lab::new().await, Lab::new().await);
    for (transport, _) in ENCRYPTED {
        let server = other.serve(transport, &other.pki.good).await;
        let observation = observed(server.addr, "www.shakedown.test", &lab.fields(transport)).await;
        assert_eq!(observation.text("outcome"), Some("untrusted"), "{transport}");
    }
}

#[tokio::test]
async fn the_answer_is_compared_with_the_one_by_udp() {
    let (lab, plain) = (Lab::new().await, DnsLab::start().await.unwrap());
    for (transport, _) in ENCRYPTED.into_iter().chain([("tcp", "")]) {
        for (name, kind) in [
            ("two.shakedown.test", "A"),
            ("shakedown.test", "SOA"),
            ("absent.shakedown.test", "A"),
            ("www.shakedown.test", "MX"),
        ] {
            let running;
            let (addr, mut fields) = if transport == "tcp" {
                (plain.addr(), vec![("transport", text("tcp"))])
            } else {
                running = lab.serve(transport, &lab.pki.good).await;
                (running.addr, lab.fields(transport))
            };
            fields.extend([("same_as", text(&plain.addr().to_string())), ("type", text(kind))]);
            let observation = observed(addr, name, &fields).await;
            assert_eq!(flag(&observation, "same_answer"), Some(true), "{transport} {name}: {:?}", observation.notes());
        }
    }
}

/// Both servers have one record of the name, as these bytes.
async fn same_answer(kind: &str, code: u16, here: &[u8], there: &[u8]) -> Option<bool> {
    let serve = async |data: &[u8]| {
        let mut world = World::default();
        world.answer(records("s.test.", code, &[data.to_vec()]));
        world.serve().await
    };
    let ((one, _one), (other, _other)) = (serve(here).await, serve(there).await);
    let fields = [("transport", text("tcp")), ("same_as", text(&other.to_string())), ("type", text(kind))];
    let observation = observed(one, "s.test", &fields).await;
    flag(&observation, "same_answer")
}

/// Names without case, tags of CAA without case, and everything else byte by byte.
#[tokio::test]
async fn two_spellings_of_one_value_are_the_same_answer() {
    let mx = |preference: u8, host: &str| [vec![0, preference], name(host)].concat();
    let srv = |host: &str| [vec![0, 1, 0, 2, 1, 187], name(host)].concat();
    let caa = |tag: &str, value: &str| [&[0, 5][..], tag.as_bytes(), value.as_bytes()].concat();
    let txt = |strings: &[&str]| -> Vec<u8> {
        strings.iter().flat_map(|string| [&[u8::try_from(string.len()).unwrap()], string.as_bytes()].concat()).collect()
    };
    let v6 = |last: u8| [[0x20, 1, 0x0d, 0xb8].as_slice(), &[0; 11], &[last]].concat();
    let tlsa = |last: u8| vec![3, 1, 1, 0xab, 0xcd, last];
    for (kind, code, here, there, same) in [
        ("MX", 15, mx(10, "mail.test"), mx(10, "MAIL.Test"), true),
        ("MX", 15, mx(10, "mail.test"), mx(20, "mail.test"), false),
        ("NS", 2, name("ns.test"), name("NS.test"), true),
        ("SRV", 33, srv("a.test"), srv("A.TEST"), true),
        ("SRV", 33, srv("a.test"), srv("b.test"), false),
        ("AAAA", 28, v6(1), v6(1), true),
        ("AAAA", 28, v6(1), v6(2), false),
        ("TXT", 16, txt(&["v=spf1 -all"]), txt(&["v=spf1 -all"]), true),
        ("TXT", 16, txt(&["v=spf1 -all"]), txt(&["V=spf1 -all"]), false),
        ("TXT", 16, txt(&["ab"]), txt(&["a", "b"]), false),
        ("CAA", 257, caa("issue", "ca.test"), caa("ISSUE", "ca.test"), true),
        ("CAA", 257, caa("issue", "ca.test"), caa("issue", "CA.test"), false),
        ("TLSA", 52, tlsa(0xef), tlsa(0xef), true),
        ("TLSA", 52, tlsa(0xef), tlsa(0xee), false),
    ] {
        assert_eq!(same_answer(kind, code, &here, &there).await, Some(same), "{kind} {here:?} {there:?}");
    }
}

#[test]
fn a_wrong_name_fails_unless_a_suite_says_otherwise() {
    let family = crate::checks::family("dns").unwrap();
    let added = |more: &[(&'static str, Arg)]| {
        let all = defaults("dns", &args("127.0.0.1", "www.example", more));
        assert_eq!(all[..4], ["outcome eq answered", "rcode eq NOERROR", "answers len {ge: 1}", "truncated eq false"]);
        all[4..].to_vec()
    };
    assert!(added(&[]).is_empty());
    let dot = ("transport", text("dot"));
    assert_eq!(added(std::slice::from_ref(&dot)), ["tls.verified eq true"]);
    assert!(added(&[dot.clone(), ("verify", Arg::Bool(false))]).is_empty());
    let same = ("same_as", text("udp"));
    assert_eq!(added(&[dot.clone(), same.clone()]), ["same_answer eq true", "tls.verified eq true"]);
    assert_eq!(added(&[("transport", text("tcp")), same]), ["same_answer eq true"]);
    let missing =
        |fact, more: &[(&'static str, Arg)]| family.required_mode(&args("127.0.0.1", "www.example", more), fact);
    assert_eq!(missing("tls.verified", &[]), Some("transport: dot"));
    assert_eq!(missing("tls.verified", &[dot.clone(), ("verify", Arg::Bool(false))]), None);
    assert_eq!(missing("http.status", &[dot]), Some("transport: doh"));
    assert_eq!(missing("same_answer", &[]), Some("same_as: tcp"));
}

#[test]
fn fields_that_mean_nothing_are_refused() {
    let of = |field: &'static str, value: &str| (field, text(value));
    for (more, field) in [
        (vec![of("transport", "udp"), of("sni", "dns.example")], "sni"),
        (vec![of("transport", "tcp"), of("ca_file", "ca.pem")], "ca_file"),
        (vec![of("transport", "dot"), of("path", "/dns-query")], "path"),
        (vec![of("transport", "doq"), of("method", "GET")], "method"),
        (vec![of("transport", "doh"), of("path", "dns-query")], "path"),
        (vec![of("transport", "doh3"), of("path", "/dns-query{?dns}")], "path"),
        (vec![of("transport", "doh"), of("sni", "192.0.2.1")], "sni"),
        (vec![of("transport", "udp"), of("same_as", "udp")], "same_as"),
        (vec![of("transport", "doh"), of("client_cert", "a.pem")], "client_cert"),
    ] {
        assert_eq!(build(&args("192.0.2.1", "www.example", &more)).err().unwrap().field, field, "{more:?}");
    }
}

#[test]
fn every_transport_has_its_port() {
    for (transport, port) in [("udp", 53), ("tcp", 53), ("dot", 853), ("doh", 443), ("doq", 853), ("doh3", 443)] {
        let probe = build(&args("192.0.2.1", "www.example", &[("transport", text(transport))])).unwrap();
        let plain = matches!(transport, "udp" | "tcp");
        let shown = if plain { String::new() } else { format!(" ({transport})") };
        assert_eq!(probe.target(), format!("www.example. A @192.0.2.1:{port}{shown}"));
    }
    let more = [("transport", text("dot")), ("same_as", text("udp"))];
    assert_eq!(build(&args("192.0.2.1", "www.example", &more)).unwrap().longest().as_secs(), 100);
}

#[test]
fn queries_are_padded_to_blocks_and_carry_no_id_where_none_is_needed() {
    for name in ["a.example", "a-rather-long-label-to-move-the-length.of.the.query.example"] {
        for dnssec in [false, true] {
            let question = question::from_args(&args("127.0.0.1", name, &[("dnssec", Arg::Bool(dnssec))])).unwrap();
            let (id, bytes) = question.encode_padded(7, true).unwrap();
            assert_eq!((id, &bytes[..2], bytes.len() % 128), (0, &[0_u8, 0][..], 0), "{name}");
        }
    }
    let question = question::from_args(&args("127.0.0.1", "a.example", &[("edns", Arg::Bool(false))])).unwrap();
    assert_eq!(question.encode_padded(7, true).unwrap().1.len(), question.encode(7).unwrap().1.len());
}

#[tokio::test]
async fn a_broken_trust_store_is_a_fault_of_this_side() {
    let more = [("transport", text("dot")), ("ca_file", text("/nowhere/ca.pem"))];
    let (observation, result) = run(&args("127.0.0.1", "www.example", &more)).await;
    assert!(result.unwrap_err().operation.contains("ca_file"));
    assert!(observation.last("outcome").is_none());
}
