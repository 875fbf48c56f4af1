//! Good servers, slow ones, lossy ones; and this side when it is the one at fault.

use std::time::Duration;

use super::server::{Server, Turn, good, records, reply};
use super::{BRIEF, args, build, observed, run};
use crate::model::fault::FaultKind;
use crate::model::{Arg, Value};
use crate::testing::{count, noted, number, text, texts};

#[tokio::test]
async fn a_good_server_yields_every_fact() {
    let server = Server::start(|_, query| good(query));
    let observation = observed(server.addr, &[], &[]).await;
    assert_eq!(observation.text("outcome"), Some("answered"));
    assert_eq!(observation.text("limited_by"), Some("rate"));
    assert_eq!((count(&observation, "load.sent"), count(&observation, "load.answered")), (100, 100));
    for none in ["load.wrong", "load.lost", "load.late", "load.duplicates"] {
        assert_eq!(count(&observation, none), 0, "{none}");
    }
    assert_eq!(observation.last("load.rcodes"), Some(&serde_json::json!({"NOERROR": 100})));
    assert_eq!(observation.merged("load.latency").unwrap().count(), 100);
    assert_eq!(observation.merged("load.lateness").unwrap().count(), 100);
    let (qps, sent) = (number(&observation, "load.qps"), number(&observation, "load.sent_rate"));
    assert!(qps > 0.0 && qps <= 500.0 && sent > 0.0 && sent <= 500.0, "{qps} {sent}");
    assert!((number(&observation, "load.rate") - 500.0).abs() < 1e-9);
    assert!(number(&observation, "load.loss").abs() < 1e-9);
    assert!(number(&observation, "cpu.local") > 0.0);
    assert!(observation.last("load.window").is_none());
    // And one question before the load.
    assert_eq!(server.received(), 101);
}

#[tokio::test]
async fn every_name_is_asked_in_turn_from_several_ports() {
    let server = Server::start(|_, query| {
        let last = query[13];
        if last == b'x' { reply(query, 3, &[]) } else { reply(query, 0, &[[192, 0, 2, last]]) }
    });
    let names = ["a.load.test", "b.load.test A NOERROR 192.0.2.98", "x.load.test NXDOMAIN", "x.load.test A NXDOMAIN"];
    let error = build(&args(server.addr, &[("names", texts(&names))], &[])).err().unwrap();
    assert!(error.message.contains("NXDOMAIN"), "a response code is no type: {}", error.message);
    let names = [names[0], names[1], names[3]];
    let observation = observed(server.addr, &[("names", texts(&names)), ("concurrency", Arg::Integer(5))], &[]).await;
    assert_eq!((count(&observation, "load.answered"), count(&observation, "load.wrong")), (100, 0));
    let codes = observation.last("load.rcodes").unwrap();
    assert_eq!((&codes["NOERROR"], &codes["NXDOMAIN"]), (&Value::from(67), &Value::from(33)));
    noted(&observation, "5 sockets");
}

#[tokio::test]
async fn it_speaks_ipv6_and_from_an_address_of_choice() {
    let server = Server::start_on("[::1]:0", |_, query| good(query));
    let observation = observed(server.addr, &[], &[]).await;
    assert_eq!((observation.text("address"), count(&observation, "load.answered")), (Some("::1"), 100));
    let server = Server::start(|_, query| good(query));
    let observation = observed(server.addr, &[], &[("source", text("127.0.0.9"))]).await;
    assert_eq!(count(&observation, "load.answered"), 100);
    let (observation, result) = run(&build(&args(server.addr, &[], &[("source", text("192.0.2.77"))])).unwrap()).await;
    assert!(result.unwrap_err().remedy.contains("source"));
    assert!(observation.last("load.sent").is_none());
}

#[tokio::test]
async fn records_may_turn_and_ttls_may_fall() {
    let server = Server::start(|number, query| {
        let mut all: Vec<(u16, u32, Vec<u8>)> =
            (1..=3).map(|last| (1, 300 - u32::try_from(number).unwrap() % 7, vec![192, 0, 2, last])).collect();
        all.rotate_left(usize::try_from(number).unwrap() % 3);
        records(query, 0, &all)
    });
    let observation = observed(server.addr, &[], &[]).await;
    assert_eq!(
        (count(&observation, "load.answered"), count(&observation, "load.wrong")),
        (100, 0),
        "{:?}",
        observation.notes()
    );
}

#[tokio::test]
async fn what_is_not_answered_is_lost() {
    let server = Server::start(|number, query| if number % 4 == 2 { Vec::new() } else { vec![good(query)] });
    let observation = observed(server.addr, &[], &[("timeout", Arg::Number(1.0))]).await;
    assert_eq!(
        (count(&observation, "load.sent"), count(&observation, "load.lost")),
        (100, 25),
        "{:?}",
        observation.notes()
    );
    assert_eq!(count(&observation, "load.answered"), 75);
    assert!((number(&observation, "load.loss") - 0.25).abs() < 1e-9);
}

#[tokio::test]
async fn an_answer_that_takes_its_time_is_late_but_not_lost() {
    let slow =
        |_, query: &[u8]| Turn { replies: vec![good(query)], after: Duration::from_millis(400), ..Turn::default() };
    let server = Server::start(slow);
    let observation = observed(server.addr, &[("late", Arg::Number(0.3))], &[]).await;
    assert_eq!((count(&observation, "load.lost"), count(&observation, "load.answered")), (0, 100));
    assert!(count(&observation, "load.late") >= 99, "{:?}", observation.notes());
    assert!(observation.merged("load.latency").unwrap().summary().unwrap().min >= 0.4);
}

/// The server stands still for a second. Who waits for answers before sending goes on sees a handful of slow ones; callers
/// that come on their own time see this.
#[tokio::test]
async fn a_stall_is_seen_by_everyone_who_would_have_felt_it() {
    let stall = |number: u64, query: &[u8]| {
        let stall = if number == 500 { Duration::from_secs(1) } else { Duration::ZERO };
        Turn { replies: vec![good(query)], stall, ..Turn::default() }
    };
    let server = Server::start(stall);
    let load = [("rate", Arg::Number(1000.0)), ("duration", Arg::Number(2.0)), ("late", Arg::Number(0.5))];
    let observation = observed(server.addr, &load, &[]).await;
    assert_eq!(
        (count(&observation, "load.sent"), count(&observation, "load.lost")),
        (2000, 0),
        "{:?}",
        observation.notes()
    );
    let latency = observation.merged("load.latency").unwrap().summary().unwrap();
    // A thousand queries fell into the second: half of all waited on average half of it.
    assert!(latency.p90 > 0.5 && latency.p99 > 0.9 && latency.max >= 0.99, "{latency:?}");
    assert!(count(&observation, "load.late") >= 400, "{:?}", observation.notes());
}

#[tokio::test]
async fn what_this_side_drops_is_no_loss_of_the_server() {
    let flood = |_, query: &[u8]| vec![good(query); 100];
    let server = Server::start(flood);
    let fast = [("rate", Arg::Number(2000.0)), ("duration", Arg::Number(0.5))];
    let mut load = build(&args(server.addr, &fast, &[("timeout", Arg::Number(1.0))])).unwrap();
    load.buffer = 1;
    let (observation, result) = run(&load).await;
    let fault = result.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Local);
    assert!(fault.detail.contains("dropped") && fault.remedy.contains("rmem_max"), "{fault:?}");
    assert_eq!(count(&observation, "load.sent"), 1000);
    assert_eq!(count(&observation, "load.lost"), 0, "{:?}", observation.notes());
    assert!(count(&observation, "load.duplicates") > 0);
    noted(&observation, "this side's sockets dropped");
}

#[tokio::test]
async fn a_schedule_this_side_cannot_keep_is_a_fault() {
    let server = Server::start(|number, query| if number == 0 { vec![good(query)] } else { Vec::new() });
    let load = [("rate", Arg::Number(2e7)), ("duration", Arg::Number(0.2)), ("concurrency", Arg::Integer(1))];
    let more = [("timeout", Arg::Number(0.1))];
    let (observation, result) = run(&build(&args(server.addr, &load, &more)).unwrap()).await;
    let fault = result.unwrap_err();
    assert!(fault.detail.contains("never left this host"), "{fault:?}");
    assert_eq!(observation.text("limited_by"), Some("client"));
    assert!(count(&observation, "load.sent") > 0);
}

#[tokio::test]
async fn nobody_there_means_no_load() {
    let silent = Server::start(|_, _: &[u8]| Vec::<Vec<u8>>::new());
    let observation = observed(silent.addr, &[], &[("timeout", Arg::Number(BRIEF))]).await;
    assert_eq!(observation.text("outcome"), Some("timeout"));
    assert_eq!(silent.received(), 1);
    assert!(observation.last("load.sent").is_none() && observation.last("load.qps").is_none());
    noted(&observation, "no load was sent");
    let addr = silent.addr;
    drop(silent);
    let observation = observed(addr, &[], &[]).await;
    assert_eq!(observation.text("outcome"), Some("refused"));
    assert!(observation.last("load.sent").is_none());
    let observation = observed(addr, &[], &[("ip_version", text("ipv6"))]).await;
    assert_eq!(observation.text("outcome"), Some("unresolved"));
}

#[tokio::test]
async fn a_server_that_goes_away_is_lost_not_answered() {
    let server = Server::start(|number, query| if number < 20 { vec![good(query)] } else { Vec::new() });
    let observation = observed(server.addr, &[], &[("timeout", Arg::Number(1.0))]).await;
    assert_eq!((count(&observation, "load.answered"), count(&observation, "load.lost")), (19, 81));
}

#[tokio::test]
async fn the_most_is_found_by_windows_that_grow() {
    let server = Server::start(|_, query| good(query));
    let load = [("rate", text("max")), ("duration", Arg::Number(0.5))];
    let observation = observed(server.addr, &load, &[]).await;
    assert_eq!(
        (count(&observation, "load.wrong"), count(&observation, "load.lost")),
        (0, 0),
        "{:?}",
        observation.notes()
    );
    assert!(count(&observation, "load.answered") > 100);
    assert_eq!(count(&observation, "load.answered"), count(&observation, "load.sent"));
    assert!(count(&observation, "load.window") >= 8);
    assert!(matches!(observation.text("limited_by"), Some("client" | "server")));
    assert!(observation.last("load.rate").is_none() && observation.merged("load.lateness").is_none());
    noted(&observation, "16 in flight per socket");
}

#[tokio::test]
async fn a_server_that_breaks_under_load_is_not_pushed_further() {
    // It forgets what comes while more than a few queries wait.
    let limit = |number: u64, query: &[u8]| if number > 40 { Vec::new() } else { vec![good(query)] };
    let server = Server::start(limit);
    let load = [("rate", text("max")), ("duration", Arg::Number(0.2)), ("concurrency", Arg::Integer(1))];
    let observation = observed(server.addr, &load, &[("timeout", Arg::Number(BRIEF))]).await;
    noted(&observation, "half as many instead");
    assert!(count(&observation, "load.lost") > 0);
    assert!(number(&observation, "load.loss") > 0.001);
}

#[tokio::test]
async fn a_round_that_is_dropped_stops_sending() {
    let server = Server::start(|_, query| good(query));
    let load = build(&args(server.addr, &[("duration", Arg::Number(600.0))], &[])).unwrap();
    tokio::select! {
        ended = run(&load) => panic!("it ended: {ended:?}"),
        () = server.asked(21) => {}
    }
    // Then there is nothing left to send with.
    server.left().await;
}
