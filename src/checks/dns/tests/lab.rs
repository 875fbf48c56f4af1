//! Against the lab's server.

use std::collections::BTreeSet;

use super::{args, build, observed, run};
use crate::checks::dns::Dns;
use crate::lab::dns::DnsLab;
use crate::model::{Arg, Args, Value};
use crate::probe::Probe as _;
use crate::testing::{count, list, text};

#[tokio::test]
async fn an_answer_yields_every_fact() {
    let lab = DnsLab::start().await.unwrap();
    let observation = observed(lab.addr(), "two.shakedown.test", &[]).await;
    assert_eq!(observation.text("outcome"), Some("answered"));
    assert_eq!(observation.text("rcode"), Some("NOERROR"));
    assert_eq!(observation.text("address"), Some("127.0.0.1"));
    let answers: BTreeSet<String> = list(&observation, "answers").into_iter().collect();
    assert_eq!(answers, BTreeSet::from(["127.0.0.1".to_owned(), "127.0.0.2".to_owned()]));
    assert!(list(&observation, "answers.records").contains(&"two.shakedown.test. 300 IN A 127.0.0.2".to_owned()));
    let flags = list(&observation, "flags");
    assert!(flags.contains(&"qr".to_owned()) && flags.contains(&"aa".to_owned()), "{flags:?}");
    assert!(flags.contains(&"rd".to_owned()) && !flags.contains(&"tc".to_owned()), "{flags:?}");
    assert_eq!(observation.last("truncated"), Some(&Value::Bool(false)));
    assert_eq!(count(&observation, "attempts"), 1);
    assert_eq!(count(&observation, "discarded"), 0);
    assert_eq!(count(&observation, "edns.version"), 0);
    assert!(count(&observation, "size") > 12);
    assert_eq!(observation.merged("ttl").unwrap().first(), [300.0, 300.0]);
    assert_eq!(observation.merged("rtt").unwrap().count(), 1);
    assert!(observation.merged("connect_time").is_none());
    assert!(Dns::answered(&observation));
}

#[tokio::test]
async fn every_type_of_the_zone_is_printed_as_zone_files_write_it() {
    let lab = DnsLab::start().await.unwrap();
    for (name, kind, want) in [
        ("www.shakedown.test", "AAAA", "::1"),
        ("shakedown.test", "mx", "10 mail.shakedown.test."),
        ("shakedown.test", "TXT", "\"v=spf1 mx -all\""),
        ("shakedown.test", "CAA", "0 issue \"ca.test\""),
        ("shakedown.test", "HTTPS", "1 . alpn=\"h2,http/1.1\" port=8443"),
        ("shakedown.test", "TYPE2", "ns.shakedown.test."),
        ("_sip._tcp.shakedown.test", "SRV", "10 20 5060 www.shakedown.test."),
        ("shakedown.test", "SOA", "ns.shakedown.test. hostmaster.shakedown.test. 2026010100 3600 600 604800 60"),
    ] {
        for transport in ["udp", "tcp"] {
            let observation = observed(lab.addr(), name, &[("type", text(kind)), ("transport", text(transport))]).await;
            assert_eq!(list(&observation, "answers"), [want], "{kind} over {transport}");
        }
    }
}

#[tokio::test]
async fn aliases_are_facts_but_not_answers() {
    let lab = DnsLab::start().await.unwrap();
    let observation = observed(lab.addr(), "alias.shakedown.test", &[]).await;
    assert_eq!(list(&observation, "cname"), ["www.shakedown.test."]);
    assert_eq!(list(&observation, "answers"), ["127.0.0.1"]);
    assert!(
        list(&observation, "answers.records")
            .contains(&"alias.shakedown.test. 300 IN CNAME www.shakedown.test.".to_owned())
    );
    let observation = observed(lab.addr(), "www.shakedown.test", &[]).await;
    assert!(list(&observation, "cname").is_empty());
}

#[tokio::test]
async fn wildcards_low_ttls_and_missing_names_are_distinguished() {
    let lab = DnsLab::start().await.unwrap();
    let observation = observed(lab.addr(), "anything.wild.shakedown.test", &[]).await;
    assert_eq!(list(&observation, "answers"), ["127.0.0.1"]);
    let observation = observed(lab.addr(), "low.shakedown.test", &[]).await;
    assert_eq!(observation.merged("ttl").unwrap().first(), [5.0]);
    let observation = observed(lab.addr(), "absent.shakedown.test", &[]).await;
    assert_eq!((observation.text("outcome"), observation.text("rcode")), (Some("answered"), Some("NXDOMAIN")));
    assert!(list(&observation, "answers").is_empty());
    assert!(list(&observation, "authority")[0].contains(" IN SOA ns.shakedown.test. "));
    assert!(!Dns::answered(&observation));
    let observation = observed(lab.addr(), "www.shakedown.test", &[("type", text("MX"))]).await;
    assert_eq!(observation.text("rcode"), Some("NOERROR"));
    assert!(list(&observation, "answers").is_empty());
    let observation = observed(lab.addr(), "www.example", &[]).await;
    assert_eq!(observation.text("rcode"), Some("REFUSED"));
}

#[tokio::test]
async fn tcp_measures_its_handshake_apart() {
    let lab = DnsLab::start().await.unwrap();
    let observation = observed(lab.addr(), "www.shakedown.test", &[("transport", text("tcp"))]).await;
    assert_eq!(list(&observation, "answers"), ["127.0.0.1"]);
    assert_eq!(observation.merged("connect_time").unwrap().count(), 1);
    assert_eq!(observation.merged("rtt").unwrap().count(), 1);
}

#[tokio::test]
async fn without_edns_there_are_no_edns_facts() {
    let lab = DnsLab::start().await.unwrap();
    let observation =
        observed(lab.addr(), "www.shakedown.test", &[("edns", Arg::Bool(false)), ("recursion", Arg::Bool(false))])
            .await;
    assert_eq!(list(&observation, "answers"), ["127.0.0.1"]);
    assert!(observation.last("edns.version").is_none());
    assert!(!list(&observation, "flags").contains(&"rd".to_owned()));
}

#[tokio::test]
async fn a_stopped_server_refuses() {
    let lab = DnsLab::start().await.unwrap();
    let addr = lab.addr();
    drop(lab);
    // The server's tasks end with the handle; wait until the port is really free.
    while tokio::net::UdpSocket::bind(addr).await.is_err() || tokio::net::TcpListener::bind(addr).await.is_err() {
        tokio::task::yield_now().await;
    }
    for transport in ["udp", "tcp"] {
        let observation = observed(addr, "www.shakedown.test", &[("transport", text(transport))]).await;
        assert_eq!(observation.text("outcome"), Some("refused"), "{transport}");
        assert!(observation.last("rcode").is_none());
        assert!(observation.merged("rtt").is_none());
        assert_eq!(count(&observation, "attempts"), 1);
    }
}

#[tokio::test]
async fn a_server_without_address_is_unresolved() {
    let (observation, result) = run(&args("192.0.2.1:53", "www.example", &[("ip_version", text("ipv6"))])).await;
    result.unwrap();
    assert_eq!(observation.text("outcome"), Some("unresolved"));
    assert!(observation.last("attempts").is_none());
    assert!(!observation.notes().is_empty());
}

#[tokio::test]
async fn a_foreign_source_address_is_a_fault_of_this_side() {
    for transport in ["udp", "tcp"] {
        let more = [("source", text("192.0.2.77")), ("transport", text(transport))];
        let (observation, result) = run(&args("127.0.0.1:53", "www.example", &more)).await;
        assert!(result.unwrap_err().remedy.contains("source"), "{transport}");
        assert!(observation.last("outcome").is_none());
    }
}

#[test]
fn rules_between_fields_are_checked() {
    for (field, arg, help) in [
        ("type", text("AAA"), "did you mean AAAA"),
        ("type", text("NONSENSE"), "TYPE65280"),
        ("server", Arg::List(vec![text("[::1")]), "[2001:db8::1]:53"),
        ("name", text("a..b"), "labels"),
    ] {
        let error = build(&args("127.0.0.1", "www.example", &[(field, arg)])).err().unwrap();
        assert_eq!(error.field, field);
        assert!(error.help.contains(help), "{}", error.help);
    }
    let more = [("edns", Arg::Bool(false)), ("nsid", Arg::Bool(true))];
    assert_eq!(build(&args("127.0.0.1", "www.example", &more)).err().unwrap().field, "nsid");
}

#[test]
fn modes_exclude_each_other() {
    let load = ("load", Arg::Group(Args::default()));
    let several = ("server", Arg::List(vec![text("127.0.0.1"), text("127.0.0.2")]));
    let validate = ("dnssec", text("validate"));
    for (field, more) in [
        ("dnssec", [load.clone(), validate.clone()]),
        ("server", [load.clone(), several.clone()]),
        ("server", [several.clone(), validate]),
        ("same_as", [load.clone(), ("same_as", text("udp"))]),
        ("ca_file", [several, ("ca_file", text("ca.pem"))]),
        ("at", [load, ("at", text("2026-01-01T00:00:00Z"))]),
    ] {
        let error = build(&args("127.0.0.1", "www.example", &more)).err().unwrap();
        assert_eq!(error.field, field, "{}", error.message);
    }
}

#[test]
fn the_target_names_question_and_server() {
    let probe = build(&args("::1", "www.example", &[("attempts", Arg::Integer(3))])).unwrap();
    assert_eq!(probe.target(), "www.example. A @[::1]:53");
    assert_eq!(probe.longest().as_secs(), 80);
}
