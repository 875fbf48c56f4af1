//! Sweeps of loopback: every address of 127.0.0.0/8 answers. A system that allows no ICMP must explain itself instead.

use std::time::Duration;

use serde_json::json;

use super::super::Icmp;
use super::Sweep;
use crate::model::typed::Form;
use crate::model::{Arg, Args, Observation};
use crate::probe::{Footprint, Probe};
use crate::testing::{self, Written, texts};

fn args(hosts: &[&str], more: Written<'_>) -> Args {
    testing::args([("hosts", texts(hosts)), ("timeout", Arg::Number(30.0))], more)
}

async fn swept(args: &Args) -> Option<Observation> {
    testing::observe_icmp(&Icmp::from_args(args).unwrap()).await
}

fn why(args: &Args) -> String {
    testing::invalid::<Icmp>(args)
}

#[tokio::test]
async fn every_host_has_a_row() {
    let Some(seen) = swept(&args(&["127.8.0.0/25", "a.invalid", "127.9.0.1"], &[])).await else { return };
    assert_eq!(seen.text("outcome"), Some("replied"));
    assert_eq!(testing::list(&seen, "hosts.alive").len(), 127);
    assert_eq!(testing::list(&seen, "hosts.unresolved"), ["a.invalid"]);
    assert_eq!((testing::list(&seen, "hosts.dead").len(), testing::count(&seen, "sent")), (0, 127));
    let rows = seen.last_rows("hosts").unwrap();
    assert_eq!((rows.total, rows.rows.get(0).unwrap().0), (128, "a.invalid"), "what is wrong comes first");
    let cells = rows.object(rows.row("127.9.0.1", Form::Host).unwrap());
    assert_eq!((&cells["state"], &cells["received"], &cells["loss"]), (&json!("alive"), &json!(1), &json!(0.0)));
    assert_eq!(seen.merged("hosts.rtt").unwrap().count(), 127);
}

#[tokio::test]
async fn several_probes_to_each_are_spread_over_the_interval() {
    let more = [("count", Arg::Integer(3)), ("interval", Arg::Number(0.02)), ("rate", Arg::Number(100_000.0))];
    let Some(seen) = swept(&args(&["127.8.0.0/26", "127.8.1.0/26"], &more)).await else { return };
    assert_eq!(testing::count(&seen, "sent"), 372);
    let lateness = seen.merged("lateness").unwrap();
    assert_eq!(lateness.count(), 372, "a paced sweep says how late it was");
    let rows = seen.last_rows("hosts").unwrap();
    let received = rows.values("received").unwrap();
    assert!(received.as_array().unwrap().iter().all(|count| *count == json!(3)), "{received}");
}

#[test]
fn fields_that_do_not_fit_are_told() {
    assert!(why(&args(&["127.0.0.1"], &[("size", Arg::Number(8.0))])).starts_with("size: with 8 bytes"));
    assert!(why(&args(&["127.0.0.0/12"], &[("count", Arg::Integer(50))])).contains("probes, and a check has at most"));
    assert!(why(&args(&["127.0.0.1"], &[("host", testing::text("127.0.0.2"))])).starts_with("host: "));
    assert!(why(&testing::args([("timeout", Arg::Number(1.0))], &[])).starts_with("host: no host is named"));
}

#[test]
fn what_is_asked_again_and_what_is_not_fragmented_goes_by_the_fields() {
    let of = |more: Written<'_>| {
        let Sweep { job, .. } = Sweep::from_args(&args(&["192.0.2.1"], more)).unwrap();
        (job.retries, job.options.dont_fragment)
    };
    assert_eq!((of(&[]).0, of(&[("count", Arg::Integer(2))]).0), (2, 0));
    let carried = [("size", Arg::Number(508.0))];
    assert!(of(&carried).1, "what every link carries");
    let more = [("size", Arg::Number(509.0)), ("dont_fragment", Arg::Bool(true))];
    assert!(!of(&more[..1]).1 && of(&more).1);
}

#[test]
fn what_leaves_this_machine_is_slow_and_asks_for_permission() {
    let probe = |hosts: &[&str], more| Icmp::from_args(&args(hosts, more)).unwrap();
    let near = probe(&["127.0.0.0/16"], &[]);
    assert_eq!((near.footprint(), near.scan()), (Footprint::Noisy, None));
    let beyond = probe(&["192.0.2.0/24"], &[]);
    assert_eq!((beyond.footprint(), beyond.scan()), (Footprint::Quiet, None));
    // 254 hosts at 100 /s three times, and the patience four times.
    assert!(beyond.longest() > Duration::from_millis(4 * 30_000 + 7620), "{:?}", beyond.longest());
    // Ten a second apart, of which none is asked again.
    let several = [("count", Arg::Integer(10)), ("interval", Arg::Number(1.0))];
    assert!(probe(&["192.0.2.1"], &several).longest() >= Duration::from_secs(2 * 30 + 10));
    assert!(probe(&["10.0.0.0/21"], &[]).scan().unwrap().contains("2046 hosts"));
    let fast = [("rate", Arg::Number(50_000.0))];
    assert_eq!(probe(&["192.0.2.0/24"], &fast).footprint(), Footprint::Noisy);
}
