//! Traces to loopback, which is one hop away. Paths of routers are in `tests/peers/namespace/trace.rs`.

use super::Trace;
use crate::model::{Arg, Args, Observation};
use crate::probe::Probe;
use crate::testing::{self, Written, text};

fn args(host: &str, more: Written<'_>) -> Args {
    testing::args([("host", text(host)), ("timeout", Arg::Number(5.0))], more)
}

async fn traced(args: &Args) -> Option<Observation> {
    testing::observe_icmp(&Trace::from_args(args).unwrap()).await
}

fn why(args: &Args) -> String {
    testing::invalid::<Trace>(args)
}

#[tokio::test]
async fn this_host_is_one_hop_away_by_every_protocol() {
    for (host, protocol) in ["127.0.0.1", "::1"].into_iter().flat_map(|host| ["icmp", "udp", "tcp"].map(|p| (host, p)))
    {
        let Some(seen) = traced(&args(host, &[("protocol", text(protocol))])).await else { return };
        assert_eq!(seen.text("outcome"), Some("reached"), "{host} {protocol} {:?}", seen.notes());
        assert_eq!(testing::count(&seen, "distance"), 1, "{host} {protocol}");
        assert_eq!(testing::list(&seen, "path"), [format!("1 {host}")]);
        assert!(testing::list(&seen, "routers").is_empty() && testing::list(&seen, "flows.unreached").is_empty());
        assert!(seen.merged("rtt").is_some_and(|rtt| rtt.count() > 0), "{host} {protocol}");
        let rows = seen.last_rows("hops").unwrap();
        assert_eq!((rows.total, rows.rows.get(0).unwrap().0), (1, "1"));
    }
}

#[tokio::test]
async fn every_flow_is_sent_and_every_packet_counted() {
    let more = [("flows", Arg::Integer(5)), ("count", Arg::Integer(3)), ("interval", Arg::Number(0.001))];
    let Some(seen) = traced(&args("127.0.0.9", &more)).await else { return };
    assert_eq!(seen.text("outcome"), Some("reached"));
    // The first flow looks for the end of the path; what follows knows it.
    assert!(testing::count(&seen, "sent") <= 30 + 4 * 3 + 2 + 4 * 2, "{}", testing::count(&seen, "sent"));
    let rows = seen.last_rows("hops").unwrap();
    assert_eq!(rows.object(rows.rows.get(0).unwrap().1)["received"], 15);
    assert_eq!(testing::count(&seen, "paths.count"), 1);
}

#[tokio::test]
async fn the_mtu_of_loopback_is_what_its_interface_carries() {
    let Some(seen) = traced(&args("127.0.0.1", &[("mtu", text("discover"))])).await else { return };
    assert_eq!(testing::count(&seen, "path_mtu"), testing::count(&seen, "path_mtu.interface"));
    assert_eq!(seen.last("path_mtu.black_hole").and_then(serde_json::Value::as_bool), Some(false));
}

#[test]
fn fields_that_do_not_fit_are_told() {
    assert_eq!(why(&args("127.0.0.1", &[("port", Arg::Integer(80))])), "port: ICMP has no ports");
    let tcp = ("protocol", text("tcp"));
    assert_eq!(why(&args("127.0.0.1", &[tcp.clone(), ("mtu", text("discover"))])), "mtu: a SYN has one length");
    let many = [("flows", Arg::Integer(64)), ("max_hops", Arg::Integer(64)), ("count", Arg::Integer(10))];
    assert_eq!(why(&args("127.0.0.1", &many)), "flows: it takes up to 49152 packets, and a check has at most 32768");
    assert!(why(&args("127.0.0.1", &[tcp, ("flows", Arg::Integer(64))])).contains("at most 512"));
}

#[tokio::test]
async fn a_name_without_an_address_and_a_source_that_is_not_here() {
    let (seen, ended) = testing::observe(&Trace::from_args(&args("a.invalid", &[])).unwrap()).await;
    assert_eq!((ended, seen.text("outcome")), (Ok(()), Some("unresolved")));
    let probe = Trace::from_args(&args("127.0.0.1", &[("source", text("192.0.2.7"))])).unwrap();
    let (seen, ended) = testing::observe(&probe).await;
    assert!(ended.is_err() && seen.text("outcome").is_none(), "{ended:?}");
}
