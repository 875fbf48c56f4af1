//! Every certificate a server can show.

use super::*;

#[tokio::test]
async fn a_second_expired_certificate_is_found() {
    let lab = Lab::new();
    let (good, bad) = (lab.certificate("ecdsa", 60, |_| {}), lab.certificate("rsa", -3, |_| {}));
    let address = tls(config(&[&good, &bad], &[&good, &bad])).await;
    let plain = lab.observed(address, &[]).await;
    assert_eq!(fact(&plain, "verified"), true, "one handshake sees the good one: {:?}", plain.notes());
    assert_eq!(plain.last("certificates"), None);

    let observation = lab.observed(address, &all()).await;
    assert_eq!(fact(&observation, "verified"), true);
    assert_eq!(fact(&observation, "certificates.verified"), false);
    assert_eq!(fact(&observation, "certificates.count"), 2);
    assert_eq!(fact(&observation, "certificates.keys"), &json!(["ECDSA P-256", "RSA 2048"]));
    assert_eq!(fact(&observation, "certificates.unknown"), &json!([]));
    assert_eq!(fact(&observation, "certificates.lint"), &json!(["expired_certificate"]));
    assert!(fact(&observation, "certificates.expires_in").as_f64().unwrap() < -2.0 * DAY as f64);
    assert_eq!(fact(&observation, "certificates.lifetime_left"), 0.0);
    let shown = table(&observation, "certificates");
    let shown = shown.as_object().unwrap();
    assert_eq!(shown.keys().collect::<Vec<_>>(), ["ecdsa", "rsa"]);
    assert_eq!((&shown["ecdsa"]["verifies"], &shown["rsa"]["verifies"]), (&json!(true), &json!(false)));
    assert_eq!((&shown["rsa"]["san"], &shown["rsa"]["sni"]), (&json!([NAME]), &json!(true)));
    assert!(shown["rsa"]["verify_error"].as_str().unwrap().starts_with("expired since"));
    assert!(
        observation.notes().iter().any(|note| note.contains("the rsa certificate does not verify")),
        "{:?}",
        observation.notes()
    );
}

#[tokio::test]
async fn every_kind_is_found_and_nothing_that_is_not_there() {
    let lab = Lab::new();
    let kinds = ["ecdsa", "rsa", "ed25519"].map(|kind| lab.certificate(kind, 60, |_| {}));
    for some in [&[0][..], &[1], &[2], &[0, 1], &[1, 0], &[2, 1, 0]] {
        let list: Vec<&Arc<CertifiedKey>> = some.iter().map(|at| &kinds[*at]).collect();
        let observation = lab.observed(tls(config(&list, &list)).await, &all()).await;
        let mut want: Vec<&str> = some.iter().map(|at| ["ecdsa", "rsa", "ed25519"][*at]).collect();
        want.sort_unstable();
        assert_eq!(table(&observation, "certificates").as_object().unwrap().keys().collect::<Vec<_>>(), want);
        assert_eq!(fact(&observation, "certificates.count"), some.len());
        assert_eq!(fact(&observation, "certificates.verified"), true, "{:?}", observation.notes());
    }
}

#[tokio::test]
async fn what_is_shown_without_a_name_counts_apart() {
    let lab = Lab::new();
    let own = lab.certificate("ecdsa", 60, |_| {});
    let default = lab.certificate("ecdsa", 10, |params| {
        params.subject_alt_names = vec![rcgen::SanType::DnsName("default.test".try_into().unwrap())];
    });
    let observation = lab.observed(tls(config(&[&own], &[&default])).await, &all()).await;
    let shown = table(&observation, "certificates");
    let shown = shown.as_object().unwrap();
    assert_eq!(shown.keys().collect::<Vec<_>>(), ["ecdsa", "ecdsa_no_sni"]);
    let nameless = &shown["ecdsa_no_sni"];
    assert_eq!(
        (&nameless["sni"], &nameless["trusted"], &nameless["verifies"]),
        (&json!(false), &json!(true), &json!(false))
    );
    assert_eq!(fact(&observation, "certificates.verified"), true, "the default is nobody's for this name");
    let days = fact(&observation, "certificates.expires_in").as_f64().unwrap() / DAY as f64;
    assert!((8.0..11.0).contains(&days), "{days}");

    // Nothing without a name: it says so by an alert, which is an answer.
    let observation = lab.observed(tls(config(&[&own], &[])).await, &all()).await;
    assert_eq!(fact(&observation, "certificates.unknown"), &json!([]));
    assert_eq!(fact(&observation, "certificates.count"), 1);
}

#[tokio::test]
async fn a_reset_is_not_the_absence_of_a_certificate() {
    let lab = Lab::new();
    let own = lab.certificate("ecdsa", 60, |_| {});
    let config = Arc::new(config(&[&own], &[&own]));
    let listener = listen(Ipv4Addr::LOCALHOST, 0).await;
    // Hangs up on who does not offer ECDSA.
    let address = serve(listener, move |stream| {
        let config = Arc::clone(&config);
        async move {
            let acceptor = rustls::server::Acceptor::default();
            let Ok(start) = tokio_rustls::LazyConfigAcceptor::new(acceptor, stream).await else { return };
            let ecdsa =
                start.client_hello().signature_schemes().contains(&rustls::SignatureScheme::ECDSA_NISTP256_SHA256);
            if ecdsa && let Ok(mut stream) = start.into_stream(config).await {
                let _ = stream.flush().await;
                let _ = stream.read(&mut [0; 16]).await;
            }
        }
    });
    let observation = lab.observed(address, &all()).await;
    assert_eq!(fact(&observation, "verified"), true);
    let unknown: Vec<String> = serde_json::from_value(fact(&observation, "certificates.unknown").clone()).unwrap();
    // Ed25519 and RSA, with and without the name; for RSA the suites of TLS 1.2 come with every scheme and get an answer.
    assert_eq!(unknown.len(), 4, "{unknown:?}");
    assert!(unknown.iter().all(|line| line.contains("closed") || line.contains("reset")), "{unknown:?}");
    assert_eq!(table(&observation, "certificates").as_object().unwrap().keys().collect::<Vec<_>>(), ["ecdsa"]);
    for absent in ["certificates.verified", "certificates.count", "certificates.expires_in", "certificates.keys"] {
        assert_eq!(observation.last(absent), None, "{absent}");
        assert!(observation.partial(absent).is_some_and(|why| why.contains("`certificates.unknown`")), "{absent}");
    }
    assert!(observation.partial("certificates.lint").is_some(), "another may break a rule");
}

#[tokio::test]
async fn a_server_that_answers_nobody_has_no_aggregates() {
    let lab = Lab::new();
    let address = listen(Ipv4Addr::LOCALHOST, 0).await.local_addr().unwrap();
    let observation = lab.observed(address, &all()).await;
    assert_eq!(fact(&observation, "outcome"), "refused");
    assert_eq!(fact(&observation, "certificates.unknown"), &json!(["127.0.0.1: refused"]));
    for absent in ["verified", "certificates.verified", "certificates.count", "certificates.lint", "lint"] {
        assert_eq!(observation.last(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn of_a_second_certificate_that_cannot_be_judged_no_verdict_is_given() {
    let lab = Lab::new();
    let good = lab.certificate("ecdsa", 60, |_| {});
    // Policies that are demanded (requireExplicitPolicy: 0) are not evaluated here.
    let open = lab.certificate("rsa", 60, |params| {
        let mut demanded = rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 36], vec![0x30, 3, 0x80, 1, 0]);
        demanded.set_criticality(true);
        params.custom_extensions.push(demanded);
    });
    let observation = lab.observed(tls(config(&[&good, &open], &[&good, &open])).await, &all()).await;
    assert_eq!(fact(&observation, "verified"), true);
    assert_eq!(observation.last("certificates.verified"), None);
    let why = observation.unavailable("certificates.verified").unwrap();
    assert!(why.detail.contains("demands explicit policies"), "{why}");
}
