//! Tests in both directions at once, and datagrams in bursts.

use super::*;
use crate::checks::throughput::settings::Settings;

/// Facts of one direction.
fn of(observation: &Observation, direction: &str, fact: &str) -> i64 {
    count(observation, &format!("{direction}.{fact}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_direction_has_facts_of_its_own_and_both_together_none() {
    let (addr, _guard) = server().await;
    let more = [("direction", text("both")), ("streams", Arg::Integer(2)), ("rate", Arg::Number(80e6))];
    let observation = facts(addr, &more).await;
    assert_eq!(outcome(&observation), "transferred", "{observation:?}");
    for direction in ["upload", "download"] {
        let transferred = of(&observation, direction, "transferred");
        assert!(transferred > 0 && transferred <= of(&observation, direction, "sent"), "{direction}: {observation:?}");
        assert_eq!(observation.merged(&format!("{direction}.bitrate")).unwrap().count(), 3);
        assert!(observation.last(&format!("{direction}.retransmits")).is_some(), "{direction}");
    }
    assert!(observation.merged("upload.rtt").is_some() && observation.merged("download.rtt").is_none());
    assert!(observation.last("transferred").is_none() && observation.merged("bitrate").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn datagrams_are_counted_in_each_direction() {
    let (addr, _guard) = server().await;
    let observation = facts(addr, &udp(&[("direction", text("both")), ("block", Arg::Number(200.0))])).await;
    assert_eq!(outcome(&observation), "transferred", "{observation:?}");
    for direction in ["upload", "download"] {
        assert_eq!(of(&observation, direction, "lost"), 0, "{direction}: {observation:?}");
        assert!(of(&observation, direction, "packets") > 2, "{direction}");
        assert_eq!(of(&observation, direction, "transferred"), of(&observation, direction, "packets") * 200);
        assert!(observation.last(&format!("{direction}.jitter")).is_some(), "{direction}");
        assert_eq!(of(&observation, direction, "duplicates"), 0, "{direction}");
    }
}

/// What goes one way must not hide that nothing goes the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_direction_that_moves_nothing_is_seen_beside_one_that_does() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (_control, params, mut streams) = running(&listener).await?;
        assert_eq!((&params["bidirectional"], params.get("reverse")), (&json!(true), None));
        // All that comes is taken, and nothing is sent. The client's own streams come first.
        tokio::io::copy(&mut streams[0], &mut tokio::io::sink()).await?;
        io::Result::Ok(())
    });
    let more = [("direction", text("both")), ("duration", Arg::Number(30.0)), ("timeout", Arg::Number(0.4))];
    let observation = facts(addr, &more).await;
    assert_eq!(outcome(&observation), "stalled");
    let evidence = &observation.notes()[0];
    assert!(evidence.starts_with("download: nothing moved for 400 ms, and nothing before"), "{evidence}");
    assert!(of(&observation, "upload", "transferred") > 0 && observation.last("download.transferred").is_none());
}

#[test]
fn datagrams_leave_one_by_one_unless_the_rate_is_high_or_it_is_asked_for() {
    let burst = |more: &[(&'static str, Arg)]| {
        let more = [&[("protocol", text("udp"))], more].concat();
        let settings = Settings::from_args(&args("192.0.2.1", &more)).unwrap();
        (settings.params.burst, settings.bursts_by_default)
    };
    let rate = |rate: f64| ("rate", Arg::Number(rate));
    assert_eq!(burst(&[rate(1e9)]), (1, false));
    assert_eq!(burst(&[rate(2e9)]), (43, true), "250 us of it");
    assert_eq!(burst(&[rate(2e9), ("streams", Arg::Integer(4))]), (10, true), "of each stream");
    assert_eq!(burst(&[("rate", text("max"))]), (44, true), "what a message holds");
    assert_eq!(burst(&[("rate", text("max")), ("block", Arg::Number(512.0))]), (1, false), "small ones are counted");
    assert_eq!(burst(&[("rate", text("max")), ("burst", Arg::Integer(1))]), (1, false));
    assert_eq!(burst(&[rate(1e6), ("burst", Arg::Integer(64))]), (44, false));
    let tcp = Settings::from_args(&args("192.0.2.1", &[("burst", Arg::Integer(2))]));
    assert!(tcp.is_err_and(|error| format!("{error:?}").contains("tcp has no datagrams")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bursts_are_counted_datagram_by_datagram() {
    for direction in ["upload", "download"] {
        let (addr, _guard) = server().await;
        let more = [("direction", text(direction)), ("rate", Arg::Number(50e6)), ("burst", Arg::Integer(10))];
        let observation = facts(addr, &[&[("protocol", text("udp"))], &more[..]].concat()).await;
        assert_eq!(outcome(&observation), "transferred", "{observation:?}");
        assert_eq!(count(&observation, "lost"), 0, "{direction}: {observation:?}");
        assert_eq!(count(&observation, "transferred"), count(&observation, "packets") * 1448, "{direction}");
        // A machine that is late sends what is due together; one that never is sends each by itself.
        assert!((1..=10).contains(&count(&observation, "burst")), "{direction}: {observation:?}");
    }
}

/// Bursts that nobody asked for are another traffic than the one that is judged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bursts_by_default_leave_the_jitter_open() {
    let (addr, _guard) = server().await;
    let most = [("protocol", text("udp")), ("rate", text("max"))];
    let observation = facts(addr, &most).await;
    assert_eq!(outcome(&observation), "transferred", "{observation:?}");
    assert!(count(&observation, "burst") > 1 && observation.last("jitter").is_none(), "{observation:?}");
    assert!(observation.partial("jitter").is_some_and(|why| why.contains("`burst: 1`")), "{observation:?}");
    let asked = facts(addr, &[&most[..], &[("burst", Arg::Integer(8))]].concat()).await;
    assert!(asked.last("jitter").is_some() && asked.partial("jitter").is_none(), "{asked:?}");
}
