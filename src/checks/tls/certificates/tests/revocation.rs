//! Staples and revocation lists.

use super::*;

/// A server that staples `response` to its certificate.
async fn stapling(key: &Arc<CertifiedKey>, response: Vec<u8>) -> SocketAddr {
    let mut with = (**key).clone();
    with.ocsp = Some(response).filter(|response| !response.is_empty());
    let with = Arc::new(with);
    tls(config(&[&with], &[&with])).await
}

#[tokio::test]
async fn what_is_stapled_is_read_and_proven() {
    let lab = Lab::new();
    let must = |params: &mut CertificateParams| {
        let feature = rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], vec![0x30, 3, 2, 1, 5]);
        params.custom_extensions.push(feature);
    };
    let key = lab.certificate("ecdsa", 60, must);
    let leaf = key.cert[0].clone();
    let staple = |change: &dyn Fn(&mut Draft)| {
        let mut draft = Draft::about(&leaf, &lab.ca);
        (draft.this_update, draft.next_update) = (today() - DAY, Some(today() + 3 * DAY));
        change(&mut draft);
        draft.signed(lab.ca.issuer.key())
    };
    let observation = lab.observed(stapling(&key, staple(&|_| {})).await, &[]).await;
    assert_eq!((fact(&observation, "ocsp.stapled"), fact(&observation, "ocsp.status")), (&json!(true), &json!("good")));
    assert_eq!((fact(&observation, "must_staple"), fact(&observation, "lint")), (&json!(true), &json!([])));
    let days = fact(&observation, "ocsp.next_update_in").as_f64().unwrap() / DAY as f64;
    assert!((2.9..3.0).contains(&days), "{days}");

    let observation = lab.observed(stapling(&key, Vec::new()).await, &[]).await;
    assert_eq!(fact(&observation, "ocsp.stapled"), false);
    assert_eq!(fact(&observation, "lint"), &json!(["staple_missing"]));
    assert_eq!(observation.last("ocsp.status"), None);
    assert_eq!(fact(&observation, "ocsp.acceptable"), false, "the leaf demands one");

    let old: &dyn Fn(&mut Draft) = &|draft| draft.next_update = Some(today() - 60);
    let revoked: &dyn Fn(&mut Draft) = &|draft| {
        draft.status =
            crate::proto::tls::tests::forge::tlv(0xa1, &[&crate::proto::tls::tests::forge::time(today() - DAY)]);
    };
    let spoiled: &dyn Fn(&mut Draft) = &|draft| draft.spoil = true;
    for (want, change) in [("expired", old), ("revoked", revoked), ("invalid", spoiled)] {
        let observation = lab.observed(stapling(&key, staple(change)).await, &[]).await;
        assert_eq!(fact(&observation, "ocsp.status"), want);
        assert_eq!(fact(&observation, "verified"), true);
        assert_eq!(observation.last("ocsp.error").is_some(), want == "invalid");
        assert_eq!(fact(&observation, "ocsp.acceptable"), false, "{want}");
    }
    let observation = lab.observed(stapling(&key, b"junk".to_vec()).await, &[]).await;
    assert_eq!(fact(&observation, "ocsp.status"), "invalid");

    // Where nothing is demanded, only a proven revocation stops clients.
    let key = lab.certificate("ecdsa", 60, |_| {});
    let leaf = key.cert[0].clone();
    let staple = |change: &dyn Fn(&mut Draft)| {
        let mut draft = Draft::about(&leaf, &lab.ca);
        (draft.this_update, draft.next_update) = (today() - DAY, Some(today() + 3 * DAY));
        change(&mut draft);
        draft.signed(lab.ca.issuer.key())
    };
    for (response, acceptable) in [
        (Vec::new(), true),
        (b"junk".to_vec(), true),
        (staple(&|_| {}), true),
        (staple(old), true),
        (staple(spoiled), true),
        (staple(revoked), false),
    ] {
        let observation = lab.observed(stapling(&key, response).await, &[]).await;
        assert_eq!(fact(&observation, "ocsp.acceptable"), acceptable, "{:?}", observation.notes());
    }
}

/// Who looks at an expired certificate on purpose still hears that it is revoked; nobody staples that it is good.
#[tokio::test]
async fn an_expired_certificate_may_be_revoked_as_well() {
    let lab = Lab::new();
    let key = lab.certificate("ecdsa", -2, |params| {
        let feature = rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], vec![0x30, 3, 2, 1, 5]);
        params.custom_extensions.push(feature);
    });
    let mut draft = Draft::about(&key.cert[0], &lab.ca);
    (draft.this_update, draft.next_update) = (today() - DAY, Some(today() + 3 * DAY));
    let since = crate::proto::tls::tests::forge::time(today() - DAY);
    draft.status = crate::proto::tls::tests::forge::tlv(0xa1, &[&since]);
    let observation = lab.observed(stapling(&key, draft.signed(lab.ca.issuer.key())).await, &[]).await;
    assert_eq!(fact(&observation, "verified"), false);
    assert_eq!(fact(&observation, "ocsp.status"), "revoked", "{:?}", observation.notes());
    assert_eq!(fact(&observation, "ocsp.acceptable"), false);
    // A responder whose clock is ahead takes nothing back.
    (draft.this_update, draft.next_update) = (today() + DAY, Some(today() + 3 * DAY));
    let observation = lab.observed(stapling(&key, draft.signed(lab.ca.issuer.key())).await, &[]).await;
    assert_eq!(fact(&observation, "ocsp.status"), "revoked", "{:?}", observation.notes());
    let observation = lab.observed(stapling(&key, Vec::new()).await, &[]).await;
    assert_eq!(
        (fact(&observation, "must_staple"), fact(&observation, "ocsp.acceptable")),
        (&json!(true), &json!(true))
    );
    let defaults = testing::defaults("tls", &lab.args("127.0.0.1:1".parse().unwrap(), &[]));
    assert!(defaults.contains(&"ocsp.acceptable eq true".to_owned()), "{defaults:?}");
}

fn list(lab: &Lab, revoked: &[&CertificateDer<'_>], until: i64) -> Vec<u8> {
    list_of(lab, revoked, (-9, until))
}

/// A list between two days counted from today.
fn list_of(lab: &Lab, revoked: &[&CertificateDer<'_>], (from, until): (i64, i64)) -> Vec<u8> {
    let mut dates = CertificateParams::default();
    valid(&mut dates, from, until);
    let revoked = revoked.iter().map(|der| {
        let (_, parsed) = x509_parser::parse_x509_certificate(der).unwrap();
        RevokedCertParams {
            serial_number: SerialNumber::from_slice(parsed.raw_serial()),
            revocation_time: dates.not_before,
            reason_code: None,
            invalidity_date: None,
        }
    });
    let params = CertificateRevocationListParams {
        this_update: dates.not_before,
        next_update: dates.not_after,
        crl_number: SerialNumber::from(7),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(&lab.ca.issuer).unwrap().der().to_vec()
}

/// An HTTP server that answers whoever asks with `head` and `body`.
fn publishing(listener: TcpListener, status: &'static str, body: Vec<u8>) -> Arc<AtomicUsize> {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    serve(listener, move |mut stream| {
        count.fetch_add(1, Ordering::Relaxed);
        let body = body.clone();
        async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
        }
    });
    asked
}

#[tokio::test]
async fn a_list_is_fetched_when_asked_for_and_says_what_it_says() {
    let lab = Lab::new();
    let on = [("crl", Arg::Bool(true))];
    for (want, status, revoked, until) in [
        ("good", "200 OK", false, 9),
        ("revoked", "200 OK", true, 9),
        ("expired", "200 OK", false, -1),
        ("revoked", "200 OK", true, -1),
        ("unreachable", "404 Not Found", false, 9),
    ] {
        let listener = listen(Ipv4Addr::LOCALHOST, 0).await;
        let url = format!("http://{}/a.crl", listener.local_addr().unwrap());
        let key = lab.certificate("ecdsa", 60, |params| {
            params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![url.clone()] }];
        });
        let leaf = key.cert[0].clone();
        let named: &[&CertificateDer<'_>] = if revoked { &[&leaf] } else { &[] };
        let asked = publishing(listener, status, list(&lab, named, until));
        let address = tls(config(&[&key], &[&key])).await;
        let observation = lab.observed(address, &[]).await;
        assert_eq!(
            (observation.last("crl.status"), asked.load(Ordering::Relaxed)),
            (None, 0),
            "nothing is fetched unasked"
        );
        let observation = lab.observed(address, &on).await;
        assert_eq!(fact(&observation, "crl.status"), want, "{:?}", observation.notes());
        assert_eq!(observation.last("crl.next_update_in").is_some(), want != "unreachable");
        let checked = fact(&observation, "crl.checked").as_array().unwrap();
        assert!(checked[0].as_str().unwrap().starts_with(&format!("CN=www.real.test: {want}")), "{checked:?}");
        assert_eq!(fact(&observation, "verified"), true);
    }
    let none = lab.certificate("ecdsa", 60, |_| {});
    let observation = lab.observed(tls(config(&[&none], &[&none])).await, &on).await;
    assert_eq!(fact(&observation, "crl.status"), "none");
}

/// A list speaks from its date on, and of certificates that do not verify too.
#[tokio::test]
async fn a_list_from_the_future_proves_nothing_but_what_it_revokes() {
    let lab = Lab::new();
    for (want, revoked, from, leaf_until) in
        [("invalid", false, 3, 60), ("revoked", true, 3, 60), ("revoked", true, -9, -2), ("good", false, -9, -2)]
    {
        let listener = listen(Ipv4Addr::LOCALHOST, 0).await;
        let url = format!("http://{}/a.crl", listener.local_addr().unwrap());
        let key = lab.certificate("ecdsa", leaf_until, |params| {
            params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![url.clone()] }];
        });
        let leaf = key.cert[0].clone();
        let named: &[&CertificateDer<'_>] = if revoked { &[&leaf] } else { &[] };
        publishing(listener, "200 OK", list_of(&lab, named, (from, 9)));
        let address = tls(config(&[&key], &[&key])).await;
        let observation = lab.observed(address, &[("crl", Arg::Bool(true))]).await;
        assert_eq!(fact(&observation, "crl.status"), want, "{from} {leaf_until}: {:?}", observation.notes());
        assert_eq!(fact(&observation, "verified"), leaf_until > 0);
        if want == "invalid" {
            assert!(
                observation.notes().iter().any(|note| note.contains("holds only from")),
                "{:?}",
                observation.notes()
            );
        }
    }
}

#[tokio::test]
async fn a_server_of_lists_cannot_hold_a_check_up() {
    use crate::proto::http::fetch::get;
    let patience = Duration::from_millis(400);
    let drip = serve(listen(Ipv4Addr::LOCALHOST, 0).await, |mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").await;
        while stream.write_all(b"x").await.is_ok() {
            // The drip itself.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let endless = serve(listen(Ipv4Addr::LOCALHOST, 0).await, |mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        while stream.write_all(b"10\r\n0123456789abcdef\r\n").await.is_ok() {}
    });
    let banner = serve(listen(Ipv4Addr::LOCALHOST, 0).await, |mut stream| async move {
        while stream.write_all(b"HTTP/1.1 200 OK\r\nX: y\r\n").await.is_ok() {}
    });
    let moved = publishing_at("301 Moved\r\nLocation: http://127.0.0.1:1/").await;
    let why = async |address: SocketAddr, patience| {
        get(&format!("http://{address}/"), 4096, patience).await.unwrap().unwrap_err()
    };
    assert!(why(drip, patience).await.contains("not fetched within"));
    let long = Duration::from_secs(20);
    // What this side does not read is no fault of the other one.
    let fault = get(&format!("http://{endless}/"), 4096, long).await.unwrap_err();
    assert!(fault.detail.contains("more than the 4096 bytes"), "{fault:?}");
    assert!(why(banner, long).await.contains("HTTP"));
    assert!(why(moved, long).await.contains("301"));
    for (url, want) in [("https://127.0.0.1/", "only http"), ("ldap://127.0.0.1/", "only http"), ("nonsense", "no URL")]
    {
        let why = get(url, 4096, patience).await.unwrap().unwrap_err();
        assert!(why.contains(want), "{why}");
    }
}

async fn publishing_at(status: &'static str) -> SocketAddr {
    let listener = listen(Ipv4Addr::LOCALHOST, 0).await;
    let address = listener.local_addr().unwrap();
    publishing(listener, status, Vec::new());
    address
}
