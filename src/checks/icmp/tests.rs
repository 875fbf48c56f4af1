//! Real sockets on loopback. A system that allows none must explain itself instead.

use std::time::Duration;

use super::{Icmp, permission};
use crate::model::{Arg, Args, Fault, Observation, Value};
use crate::probe::{Footprint, Probe};
use crate::testing::{self, Written, text};

fn args(host: &str, more: Written<'_>) -> Args {
    let common = [
        ("host", text(host)),
        ("count", Arg::Integer(5)),
        ("interval", Arg::Number(0.002)),
        ("timeout", Arg::Number(30.0)),
    ];
    testing::args(common, more)
}

async fn observe(args: &Args) -> Result<Observation, Fault> {
    let (observation, ended) = testing::observe(&Icmp::from_args(args).unwrap()).await;
    ended.map(|()| observation)
}

/// `None` when this system allows no ICMP, or has no IPv6: then the fault was checked instead.
async fn allowed(args: &Args) -> Option<Observation> {
    match observe(args).await {
        Ok(observation)
            if observation.text("outcome") == Some("unreachable") && observation.text("address") == Some("::1") =>
        {
            None
        }
        Ok(observation) => Some(observation),
        Err(fault) => {
            let v6 = args.get(&super::fields::HOST).is_some_and(|host| host.contains(':'));
            let no_v6 = v6 && fault.remedy.contains("IP version");
            let no_permission = permission().is_err() && fault.remedy.contains("cap_net_raw");
            assert!(no_v6 || no_permission, "{fault:?}");
            None
        }
    }
}

fn number(observation: &Observation, name: &str) -> Option<f64> {
    observation.last(name).and_then(Value::as_f64)
}

#[tokio::test]
async fn loopback_answers_every_probe() {
    for host in ["127.0.0.1", "::1"] {
        for size in [0.0, 8.0, 56.0, 9000.0] {
            let Some(observation) = allowed(&args(host, &[("size", Arg::Number(size))])).await else { continue };
            assert_eq!(observation.text("outcome"), Some("replied"), "{host} {size}: {observation:?}");
            assert_eq!(observation.text("address"), Some(host));
            for (fact, want) in
                [("loss", 0.0), ("sent", 5.0), ("blocked", 0.0), ("received", 5.0), ("late", 0.0), ("duplicates", 0.0)]
            {
                assert_eq!(number(&observation, fact), Some(want), "{host} {size} {fact}");
            }
            assert_eq!(observation.merged("rtt").unwrap().count(), 5);
            assert_eq!(observation.merged("ttl").unwrap().count(), 5, "the kernel gives the hop limit");
            assert_eq!(observation.merged("lateness").unwrap().count(), 5);
            assert!(number(&observation, "jitter").is_some());
            assert_eq!(observation.last("errors"), Some(&serde_json::json!([])));
            assert!(Icmp::answered(&observation));
        }
    }
}

#[tokio::test]
async fn probes_of_two_runs_at_once_are_kept_apart() {
    let (many, few) = (args("127.0.0.1", &[("count", Arg::Integer(50))]), args("127.0.0.1", &[]));
    let (many, few) = tokio::join!(allowed(&many), allowed(&few));
    let (Some(many), Some(few)) = (many, few) else { return };
    for (observation, want) in [(many, 50.0), (few, 5.0)] {
        assert_eq!(number(&observation, "received"), Some(want));
        assert_eq!(number(&observation, "duplicates"), Some(0.0));
    }
}

#[tokio::test]
async fn one_shot_ends_with_its_reply() {
    let one = args("127.0.0.1", &[("count", Arg::Integer(1)), ("timeout", Arg::Number(3600.0))]);
    // Ends at all: an hour of patience would be waited out otherwise.
    let Some(observation) = allowed(&one).await else { return };
    assert_eq!(number(&observation, "received"), Some(1.0));
    assert_eq!(number(&observation, "jitter"), None, "one reply has no variation");
}

#[tokio::test]
async fn a_probe_larger_than_the_link_is_too_big_and_names_the_mtu() {
    let huge = args("127.0.0.1", &[("size", Arg::Number(65_500.0)), ("dont_fragment", Arg::Bool(true))]);
    let Some(observation) = allowed(&huge).await else { return };
    let mtu = number(&observation, "mtu");
    if observation.text("outcome") == Some("replied") {
        assert_eq!(mtu, None, "loopback takes 65536 bytes on Linux");
    } else {
        assert_eq!(observation.text("outcome"), Some("too_big"));
        assert!(mtu.is_some_and(|mtu| mtu < 65_528.0));
        assert_eq!(number(&observation, "blocked"), Some(5.0));
    }
}

#[tokio::test]
async fn a_name_without_address_is_unresolved() {
    let observation = observe(&args("127.0.0.1", &[("ip_version", Arg::Text("ipv6".into()))])).await.unwrap();
    assert_eq!(observation.text("outcome"), Some("unresolved"));
    assert!(observation.last("loss").is_none(), "nothing was sent, nothing was lost");
    assert!(!Icmp::answered(&observation));
}

#[tokio::test]
async fn a_foreign_source_address_is_a_fault_of_this_side() {
    let fault = observe(&args("127.0.0.1", &[("source", Arg::Text("192.0.2.77".into()))])).await.unwrap_err();
    assert!(fault.remedy.contains("source") || fault.remedy.contains("cap_net_raw"), "{fault:?}");
}

#[test]
fn source_and_family_must_agree() {
    let both = [("source", Arg::Text("::1".into())), ("ip_version", Arg::Text("ipv4".into()))];
    assert_eq!(Icmp::from_args(&args("h", &both)).err().unwrap().field, "source");
}

#[test]
fn the_longest_run_and_the_footprint_follow_the_schedule() {
    let slow = Icmp::from_args(&args("h", &[("interval", Arg::Number(1.0))])).unwrap();
    assert_eq!(slow.longest(), Duration::from_millis(65_500));
    assert_eq!(slow.footprint(), Footprint::Quiet);
    let loud = [("interval", Arg::Number(0.001)), ("size", Arg::Number(1472.0))];
    assert_eq!(Icmp::from_args(&args("h", &loud)).unwrap().footprint(), Footprint::Noisy);
}
