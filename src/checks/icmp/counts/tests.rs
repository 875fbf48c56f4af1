//! Counting, with replies and errors made by hand.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use super::{EchoCounts, Jitter};
use crate::checks::icmp::Icmp;
use crate::checks::icmp::facts::is_host_limited;
use crate::model::{Fault, Observation, Value};
use crate::net::Origin;
use crate::net::clock::ClockReading;
use crate::net::datagram::{Arrival, IcmpError};
use crate::net::sys::mmsg;
use crate::probe::{Cx, Probe as _};
use crate::proto::icmp::Number;
use crate::stats::Samples;
use crate::testing::{number, recorded};

const TARGET: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 10));
const ROUTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

/// Lateness of the probes of a scene, seconds: longer than any round trip in it.
const LATE_BY: f64 = 60.0;

fn late_by(seconds: f64) -> Samples {
    let mut samples = Samples::default();
    samples.record(seconds);
    samples
}

/// Runs `scene` and returns what was recorded.
fn observe(patience: Duration, scene: impl FnOnce(&mut EchoCounts, &mut Cx<'_>)) -> Result<Observation, Fault> {
    let (observation, ended) = recorded(Icmp::FACTS, |cx| {
        let mut counts = EchoCounts::new(patience);
        scene(&mut counts, cx);
        counts.report(cx, (TARGET, Origin::default()), &late_by(LATE_BY))
    });
    ended.map(|()| observation)
}

fn reply(counts: &mut EchoCounts, number: u32, cx: &mut Cx<'_>) {
    let arrival = Arrival { length: 64, kept: 64, from: Some(TARGET), sender: None, ttl: Some(57), stamp: None };
    counts.reply(Number::Exact(number), ClockReading::now(), &arrival, cx);
}

#[track_caller]
fn same(left: f64, right: f64) {
    assert!((left - right).abs() < 1e-12, "{left} is not {right}");
}

#[test]
fn each_probe_is_counted_once() {
    let observation = observe(Duration::from_mins(1), |counts, cx| {
        for _ in 0..5 {
            counts.sent(ClockReading::now());
        }
        // 2 overtakes 1, 1 comes twice, 3 and 4 never, 9 was not sent.
        for n in [0, 2, 1, 1, 9] {
            reply(counts, n, cx);
        }
        assert!(!counts.all_ended());
    })
    .unwrap();
    assert_eq!(observation.text("outcome"), Some("replied"));
    for (fact, want) in
        [("sent", 5.0), ("loss_run", 2.0), ("received", 3.0), ("late", 0.0), ("duplicates", 1.0), ("reordered", 1.0)]
    {
        same(number(&observation, fact), want);
    }
    same(number(&observation, "loss"), 0.4);
    assert_eq!(observation.merged("rtt").unwrap().count(), 3);
    same(observation.merged("ttl").unwrap().summary().unwrap().p50, 57.0);
    assert_eq!(observation.text("rtt_source"), Some("user"), "no kernel stamp was given");
    assert_eq!(observation.last("host_limited"), Some(&Value::Bool(true)));
}

#[test]
fn the_own_delays_of_this_host_matter_from_a_tenth_of_the_round_trip_on() {
    let limited = |source, late, rtt: Option<f64>| is_host_limited(source, &late_by(late), rtt.map(late_by).as_ref());
    assert_eq!((limited("kernel", 0.0009, Some(0.01)), limited("user", 0.0011, Some(0.01))), (Some(false), Some(true)));
    assert_eq!(limited("kernel", 0.0011, Some(0.01)), Some(true));
    assert_eq!(limited("kernel_both", 1.0, Some(0.01)), Some(false), "the kernel knows when each left and arrived");
    assert_eq!((limited("kernel", 1.0, None), is_host_limited("kernel", &Samples::default(), None)), (None, None));
}

#[test]
fn the_source_of_times_is_the_weakest_of_its_stamps() {
    let source = |stamped: u32, arrivals: bool| {
        let observation = observe(Duration::from_mins(1), |counts, cx| {
            for n in 0..2 {
                counts.sent(ClockReading::now());
                if n < stamped {
                    counts.left(ClockReading::now());
                }
            }
            for n in 0..2 {
                let stamp = arrivals.then(mmsg::wall);
                let arrival = Arrival { length: 64, kept: 64, from: Some(TARGET), sender: None, ttl: None, stamp };
                counts.reply(Number::Exact(n), ClockReading::now(), &arrival, cx);
            }
        });
        observation.unwrap().text("rtt_source").unwrap().to_owned()
    };
    assert_eq!((source(2, true), source(1, true)), ("kernel_both".to_owned(), "kernel".to_owned()));
    assert_eq!(source(2, false), "user");
}

#[test]
fn a_stamp_of_the_kernel_begins_the_round_trip() {
    let sent = ClockReading::now();
    let observation = observe(Duration::from_mins(1), |counts, cx| {
        counts.sent(sent);
        counts.left(sent.after(1_000_000_000));
        let arrival = Arrival { length: 64, kept: 64, from: Some(TARGET), sender: None, ttl: None, stamp: None };
        counts.reply(Number::Exact(0), sent.after(3_000_000_000), &arrival, cx);
    });
    same(observation.unwrap().merged("rtt").unwrap().summary().unwrap().p50, 2.0);
}

#[test]
fn altered_is_neither_received_nor_lost() {
    let patience = Duration::from_mins(1);
    let observation = observe(patience, |counts, cx| {
        for _ in 0..4 {
            counts.sent(ClockReading::now());
        }
        reply(counts, 0, cx);
        // The number of a probe that was not sent, in the reply to probe 1.
        reply(counts, 0x4000_0001, cx);
        // What comes after the first reply to a probe is a duplicate, altered or not.
        for n in [1, 0, 9] {
            counts.altered(Number::Exact(n));
        }
        reply(counts, 1, cx);
        assert!(!counts.all_ended());
    })
    .unwrap();
    assert_eq!(observation.text("outcome"), Some("replied"));
    for (fact, want) in [("sent", 4.0), ("received", 1.0), ("altered", 1.0), ("duplicates", 3.0), ("loss", 0.5)] {
        same(number(&observation, fact), want);
    }
    assert_eq!(observation.merged("rtt").unwrap().count(), 1);
    let observation = observe(patience, |counts, _| {
        counts.sent(ClockReading::now());
        counts.altered(Number::Low(0));
        assert!(counts.all_ended());
    })
    .unwrap();
    assert_eq!(observation.text("outcome"), Some("altered"));
    same(number(&observation, "loss"), 0.0);
}

#[test]
fn late_is_neither_received_nor_lost() {
    let observation = observe(Duration::ZERO, |counts, cx| {
        let before = ClockReading::now();
        counts.sent(before);
        counts.sent(before);
        // Any time at all is longer than no patience.
        while before.elapsed(ClockReading::now(), None).0.is_zero() {}
        reply(counts, 0, cx);
    })
    .unwrap();
    for (fact, want) in [("received", 0.0), ("late", 1.0), ("loss", 0.5)] {
        same(number(&observation, fact), want);
    }
    assert_eq!(observation.text("outcome"), Some("replied"));
}

#[test]
fn errors_name_their_router_and_settle_their_probe() {
    let observation = observe(Duration::from_mins(1), |counts, cx| {
        for _ in 0..3 {
            counts.sent(ClockReading::now());
        }
        let host = IcmpError::from_icmp(false, 3, 1, 0, Some(ROUTER), 8);
        counts.icmp_error(&host, Number::Low(0));
        counts.icmp_error(&host, Number::Low(1));
        counts.icmp_error(&host, Number::Low(7));
        assert!(!counts.all_ended());
        counts.icmp_error(&IcmpError::from_icmp(false, 3, 4, 1400, Some(ROUTER), 8), Number::Exact(2));
        assert!(counts.all_ended());
        let _ = cx;
    })
    .unwrap();
    assert_eq!(observation.text("outcome"), Some("too_big"));
    assert_eq!(
        observation.last("errors"),
        Some(&serde_json::json!(["fragmentation_needed from 192.0.2.1 x1", "host_unreachable from 192.0.2.1 x2"]))
    );
    same(number(&observation, "mtu"), 1400.0);
    same(number(&observation, "loss"), 1.0);
    assert!(observation.last("rtt_source").is_none(), "absent is absent");
}

#[test]
fn advice_settles_nothing_and_a_reply_after_an_error_counts() {
    let observation = observe(Duration::from_mins(1), |counts, cx| {
        counts.sent(ClockReading::now());
        counts.icmp_error(&IcmpError::from_icmp(false, 4, 0, 0, Some(ROUTER), 8), Number::Exact(0));
        assert!(!counts.all_ended());
        counts.icmp_error(&IcmpError::from_icmp(false, 11, 0, 0, Some(ROUTER), 8), Number::Exact(0));
        assert!(counts.all_ended());
        reply(counts, 0, cx);
        assert!(counts.all_ended());
    })
    .unwrap();
    assert_eq!(observation.text("outcome"), Some("replied"));
    same(number(&observation, "loss"), 0.0);
}

#[test]
fn a_full_queue_is_no_loss_and_nothing_sent_is_a_fault() {
    let full = || io::Error::from_raw_os_error(libc::ENOBUFS);
    let observation = observe(Duration::from_mins(1), |counts, cx| {
        counts.sent(ClockReading::now());
        counts.blocked(None, full());
        reply(counts, 0, cx);
        reply(counts, 1, cx);
    })
    .unwrap();
    for (fact, want) in [("sent", 1.0), ("blocked", 1.0), ("received", 1.0), ("loss", 0.0)] {
        same(number(&observation, fact), want);
    }
    assert_eq!(observation.last("errors"), Some(&serde_json::json!(["queue_full from this host x1"])));

    let fault = observe(Duration::from_mins(1), |counts, _| counts.blocked(None, full())).unwrap_err();
    assert_eq!(fault.operation, "send ICMP echo request");
    assert!(fault.remedy.contains("interval"), "{fault:?}");
}

#[test]
fn no_route_is_this_hosts_own() {
    let fault = observe(Duration::from_mins(1), |counts, _| {
        let error = io::Error::from_raw_os_error(libc::ENETUNREACH);
        counts.blocked(IcmpError::from_errno(libc::ENETUNREACH, None), error);
    })
    .unwrap_err();
    assert!(fault.detail.contains("no_route from this host"), "{fault:?}");
}

#[test]
fn many_different_errors_stay_bounded() {
    let observation = observe(Duration::from_mins(1), |counts, _| {
        for code in 0..40 {
            counts.sent(ClockReading::now());
            counts.icmp_error(
                &IcmpError::from_icmp(false, 3, 100 + code, 0, Some(ROUTER), 8),
                Number::Exact(u32::from(code)),
            );
        }
    })
    .unwrap();
    let errors = observation.last("errors").and_then(Value::as_array).unwrap();
    assert_eq!(errors.len(), 17);
    assert_eq!(errors.last().unwrap(), "others x24");
}

#[test]
fn jitter_follows_rfc_3550() {
    let mut jitter = Jitter::default();
    jitter.add(0.010);
    assert_eq!(jitter.value(), None);
    // D = 16, 0, 16 ms: J = 16/16 = 1; 1 - 1/16 = 0.9375; 0.9375 + (16 - 0.9375)/16 = 1.87890625 ms.
    for (rtt, want) in [(0.026, 0.001), (0.026, 0.000_937_5), (0.010, 0.001_878_906_25)] {
        jitter.add(rtt);
        same(jitter.value().unwrap(), want);
    }
}
