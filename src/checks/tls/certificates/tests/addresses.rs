//! Every address behind a name.

use super::*;
use crate::checks::tls::Tls;
use crate::model::Args;
use crate::probe::{Cx, Probe as _};

async fn at_all(lab: &Lab, port: u16, addresses: &[IpAddr], more: Written<'_>) -> Observation {
    let mut args = lab.args(SocketAddr::new(addresses[0], port), more);
    args.0.insert("addresses", Arg::Text("all".into()));
    known_as(&args, addresses, None).await
}

/// What is seen of these addresses, if they are all of the name, or `partial` says why not.
async fn known_as(args: &Args, addresses: &[IpAddr], partial: Option<&str>) -> Observation {
    let check = HandshakeCheck::from_args(args).unwrap();
    let trust = trust(args).unwrap();
    let verifier = trust.load().await.unwrap();
    let round = async |cx: &mut Cx<'_>| {
        check.check_addresses(cx, addresses, verifier).await.unwrap();
        if let Some(why) = partial {
            check.known_in_part(cx, why);
        }
    };
    observe_with(Tls::FACTS, check.longest(), round).await.0
}

/// 127.0.0.1, .2 and .3 on one port, each with its own certificate.
async fn three(keys: [&Arc<CertifiedKey>; 3]) -> (u16, Vec<IpAddr>) {
    'port: loop {
        let first = listen(Ipv4Addr::LOCALHOST, 0).await;
        let port = first.local_addr().unwrap().port();
        let mut listeners = vec![first];
        for last in [2, 3] {
            match TcpListener::bind((Ipv4Addr::new(127, 0, 0, last), port)).await {
                Ok(listener) => listeners.push(listener),
                Err(_) => continue 'port,
            }
        }
        let addresses = listeners.iter().map(|listener| listener.local_addr().unwrap().ip()).collect();
        for (listener, key) in listeners.into_iter().zip(keys) {
            shaking(listener, config(&[key], &[key]));
        }
        return (port, addresses);
    }
}

#[cfg(target_os = "linux")] // the whole of 127.0.0.0/8 is local
#[tokio::test]
async fn the_worst_of_all_addresses_is_what_is_reported() {
    let lab = Lab::new();
    let (good, bad) = (lab.certificate("ecdsa", 60, |_| {}), lab.certificate("ecdsa", -3, |_| {}));
    let soon = lab.certificate("ecdsa", 5, |_| {});
    let (port, addresses) = three([&good, &good, &good]).await;
    // Of the same certificate everywhere, the first address is reported, whichever is the slowest.
    for _ in 0..8 {
        let observation = at_all(&lab, port, &addresses, &[]).await;
        assert_eq!(fact(&observation, "address"), &json!("127.0.0.1"));
    }
    let observation = at_all(&lab, port, &addresses, &[]).await;
    assert_eq!(fact(&observation, "addresses"), &json!(["127.0.0.1", "127.0.0.2", "127.0.0.3"]));
    assert_eq!(fact(&observation, "addresses.failed"), &json!([]));
    assert_eq!((fact(&observation, "addresses.agree"), fact(&observation, "verified")), (&json!(true), &json!(true)));
    assert_eq!(observation.merged("handshake_time").unwrap().summary().unwrap().get("count"), Some(3.0));

    let (port, addresses) = three([&good, &bad, &good]).await;
    let observation = at_all(&lab, port, &addresses, &all()).await;
    assert_eq!(fact(&observation, "addresses.failed"), &json!(["127.0.0.2 unverified"]));
    assert_eq!((fact(&observation, "addresses.agree"), fact(&observation, "verified")), (&json!(false), &json!(false)));
    assert_eq!(fact(&observation, "address"), "127.0.0.2");
    assert!(fact(&observation, "expires_in").as_f64().unwrap() < 0.0);
    assert_eq!(fact(&observation, "lint"), &json!(["expired_certificate"]));
    let shown = table(&observation, "certificates");
    let shown: Vec<&String> = shown.as_object().unwrap().keys().collect();
    assert_eq!(shown, ["ecdsa", "ecdsa@127.0.0.2"]);
    assert_eq!(fact(&observation, "certificates.verified"), false);
    let noted = |part: &str| observation.notes().iter().any(|note| note.contains(part));
    assert!(noted("127.0.0.1, 127.0.0.3: CN=www.real.test") && noted("does not verify"), "{:?}", observation.notes());

    // Different and both good: the first to expire is the one to know of.
    let (port, addresses) = three([&good, &good, &soon]).await;
    let observation = at_all(&lab, port, &addresses, &[]).await;
    assert_eq!((fact(&observation, "addresses.agree"), fact(&observation, "verified")), (&json!(false), &json!(true)));
    assert!(fact(&observation, "expires_in").as_f64().unwrap() < 6.0 * DAY as f64);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_address_that_was_not_seen_leaves_open_whether_they_agree() {
    let lab = Lab::new();
    let good = lab.certificate("ecdsa", 60, |_| {});
    let (port, mut addresses) = three([&good, &good, &good]).await;
    addresses.push(Ipv4Addr::new(127, 0, 0, 4).into());
    let observation = at_all(&lab, port, &addresses, &[]).await;
    assert_eq!(fact(&observation, "outcome"), "refused");
    assert_eq!(fact(&observation, "addresses.failed"), &json!(["127.0.0.4 refused"]));
    for absent in ["addresses.agree", "verified", "expires_in", "lint"] {
        assert_eq!(observation.last(absent), None, "{absent}");
    }
}

/// Addresses that could not be looked up may be the ones that fail; what failed has failed.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn of_a_name_known_in_part_only_what_failed_is_decided() {
    let lab = Lab::new();
    let (good, bad) = (lab.certificate("ecdsa", 60, |_| {}), lab.certificate("ecdsa", -3, |_| {}));
    let why = "its AAAA records could not be looked up";
    for (last, open) in
        [(&good, &["outcome", "verified", "addresses.failed", "addresses.agree"][..]), (&bad, &["outcome"])]
    {
        let (port, addresses) = three([&good, &good, last]).await;
        let mut args = lab.args(SocketAddr::new(addresses[0], port), &[]);
        args.0.insert("addresses", Arg::Text("all".into()));
        let observation = known_as(&args, &addresses, Some(why)).await;
        for fact in open {
            assert!(observation.partial(fact).is_some_and(|partial| partial.ends_with(why)), "{fact}");
        }
        assert_eq!(observation.partial("verified").is_none(), Arc::ptr_eq(last, &bad), "what failed has failed");
    }
}
