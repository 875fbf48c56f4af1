//! Plans against model servers, without network.

use std::collections::VecDeque;

use super::super::plan::{Attempt, LONG_LIST, Plan, long_lists};
use super::super::question::{Request, ScanQuestion};
use super::super::result::{Preference, ScanResult, VersionSupport};
use super::model::{Back, End, Model, Quirk};
use crate::proto::tls::certificate_probe::KeyClass;
use crate::proto::tls::hello::{HelloAnswer, Parser, ParserState, SendMode, Version};

const ALL12: [u16; 6] = [0xc02b, 0xc02f, 0xc02c, 0xc030, 0x009c, 0x0033];
const ALL13: [u16; 3] = [0x1301, 0x1302, 0x1303];

/// Asks as a runner would, `parallel` at a time, answers in the order of sending.
fn drive(model: &mut Model, parallel: usize) -> ScanResult {
    let mut plan = Plan::new(Some("www.example".to_owned()));
    let mut under_way: VecDeque<(Attempt, Reply)> = VecDeque::new();
    loop {
        while under_way.len() < parallel
            && let Some(attempt) = plan.next()
        {
            let reply = exchange(model, &attempt.request);
            under_way.push_back((attempt, reply));
        }
        match under_way.pop_front() {
            Some((attempt, Reply::Answer(answer))) => plan.record_answer(attempt, answer),
            Some((attempt, Reply::Chain(chain))) => plan.record_chain(&attempt, &chain),
            None => return plan.finish(),
        }
    }
}

enum Reply {
    Answer(HelloAnswer),
    Chain(Vec<Vec<u8>>),
}

fn exchange(model: &mut Model, request: &Request) -> Reply {
    let (hello, halves) = match request {
        Request::Hello { hello, sending } => {
            assert!(hello.suites.len() <= LONG_LIST, "{}", hello.suites.len());
            (hello.encode(&[3; 32]), *sending != SendMode::Whole)
        }
        Request::CertificateProbe { keys, .. } => {
            model.connections += 1;
            return match keys {
                _ if matches!(model.quirk, Some(Quirk::Stops(after, _)) if model.connections > after) => {
                    Reply::Answer(HelloAnswer::Reset)
                }
                KeyClass::Rsa if model.takes.contains_key(&Version::Tls13) => Reply::Chain(vec![model.rsa.clone()]),
                _ => Reply::Answer(HelloAnswer::Alert(crate::proto::tls::hello::Alert(40))),
            };
        }
    };
    Reply::Answer(match model.answer(&hello, halves) {
        Back::End(End::Reset) => HelloAnswer::Reset,
        Back::End(End::Close) => HelloAnswer::Closed,
        Back::End(End::Silence) => HelloAnswer::Timeout,
        Back::End(End::Alert(_)) => unreachable!("an alert is bytes"),
        Back::Bytes(bytes) => {
            let mut parser = Parser::default();
            let state = parser.feed(&bytes);
            match (parser.flight().hello.is_some(), state) {
                (true, _) => HelloAnswer::Flight(Box::new(parser.into_flight())),
                (false, ParserState::Alert(alert)) => HelloAnswer::Alert(alert),
                (false, ParserState::NotTls(why)) => HelloAnswer::NotTls(why),
                (false, other) => panic!("{other:?}"),
            }
        }
    })
}

fn modern() -> Vec<(Version, &'static [u16])> {
    vec![(Version::Tls12, &ALL12), (Version::Tls13, &ALL13)]
}

/// The scan says of every version exactly what the model takes.
#[track_caller]
fn truthful(scan: &ScanResult, model: &Model) {
    assert_eq!(scan.unknown, Vec::<String>::new());
    for version in Version::ALL {
        let takes = model.takes.contains_key(&version);
        let want = if takes { VersionSupport::Offered } else { VersionSupport::Refused };
        assert_eq!(scan.versions.get(&version), Some(&want), "{version:?} {:?}", scan.notes);
        let sorted = |list: Option<&Vec<u16>>| {
            let mut list = list.cloned().unwrap_or_default();
            list.sort_unstable();
            list
        };
        assert_eq!(sorted(scan.suites.get(&version)), sorted(model.takes.get(&version)), "{version:?}");
    }
}

/// Nothing the model takes is called refused.
#[track_caller]
fn honest(scan: &ScanResult, model: &Model) {
    for (version, takes) in &model.takes {
        assert_ne!(scan.versions.get(version), Some(&VersionSupport::Refused), "{version:?}: {:?}", scan.unknown);
        let found = scan.suites.get(version).cloned().unwrap_or_default();
        let missed = takes.iter().any(|suite| !found.contains(suite));
        let open = scan.incomplete_suites.contains(version) || scan.versions.is_empty();
        assert!(!missed || open, "{version:?}: {found:?} {:?}", scan.unknown);
    }
}

#[test]
fn a_modern_server_is_known_after_few_connections() {
    for parallel in [1, 3, 8] {
        let mut model = Model::new(&modern());
        let scan = drive(&mut model, parallel);
        truthful(&scan, &model);
        assert_eq!(scan.connections, model.connections);
        assert!(scan.connections <= 60, "{}", scan.connections);
        assert_eq!(scan.groups[&Version::Tls13], [0x001d, 0x0017]);
        assert_eq!(scan.groups[&Version::Tls12], [0x001d, 0x0017]);
        assert_eq!(scan.preference[&Version::Tls12], Preference::Server);
        assert_eq!(scan.group_preference, Some(Preference::Server));
        assert_eq!((scan.dh_bits, scan.compression), (Some(2048), Some(false)));
        assert_eq!((scan.renegotiation, scan.fallback), (Some(true), Some(true)));
        assert_eq!((scan.split_hello, scan.large_hello), (Some(true), Some(true)));
        let leaves: Vec<&[u8]> = scan.certificates.iter().map(|shown| &*shown.chain[0]).collect();
        assert!(leaves.contains(&&b"rsa leaf"[..]) && leaves.contains(&&b"ecdsa leaf"[..]), "{leaves:?}");
        assert!(scan.certificates.iter().all(|shown| shown.with_sni && shown.without_sni));
    }
}

#[test]
fn a_server_of_another_age() {
    // SSLv3 with export, RC4, NULL and anonymous suites, and one without a curve of ours.
    let old: &[u16] = &[0x0003, 0x0005, 0x0002, 0x0018, 0x0014, 0x000a];
    let mut model = Model::new(&[(Version::Ssl3, old), (Version::Tls10, &[0x002f, 0x0005])]);
    (model.renegotiation, model.minds_fallback, model.deflates, model.prime) = (false, false, true, 512);
    let scan = drive(&mut model, 8);
    truthful(&scan, &model);
    assert_eq!((scan.renegotiation, scan.fallback, scan.compression), (Some(false), Some(false), Some(true)));
    assert_eq!(scan.dh_bits, Some(512));
}

#[test]
fn the_client_s_order_and_post_quantum_groups_only() {
    let mut model = Model::new(&[(Version::Tls13, &ALL13)]);
    (model.prefers, model.groups) = (false, vec![0x11eb, 0x11ec, 0x11ed]);
    let scan = drive(&mut model, 8);
    truthful(&scan, &model);
    assert_eq!(scan.preference[&Version::Tls13], Preference::Client);
    assert_eq!(scan.group_preference, Some(Preference::Client));
    let mut groups = scan.groups[&Version::Tls13].clone();
    groups.sort_unstable();
    assert_eq!(groups, [0x11eb, 0x11ec, 0x11ed]);
    assert_eq!(scan.compression, Some(false), "TLS 1.3 has none");
}

#[test]
fn the_curve_of_the_certificate_does_not_hide_other_groups() {
    let der = include_bytes!("p256.der").to_vec();
    let mut model = Model::new(&[(Version::Tls12, &[0xc02b, 0xc02c])]);
    (model.bound, model.ecdsa) = (Some(0x0017), der);
    (model.prefers, model.groups) = (false, vec![0x0017, 0x0018, 0x001d]);
    let scan = drive(&mut model, 8);
    truthful(&scan, &model);
    let mut groups = scan.groups[&Version::Tls12].clone();
    groups.sort_unstable();
    assert_eq!(groups, [0x0017, 0x0018, 0x001d]);
}

#[test]
fn servers_that_do_not_read_long_lists_are_asked_in_short_ones() {
    for quirk in [Quirk::ShortLists(64), Quirk::ShortLists(30), Quirk::ReadsFirst(64), Quirk::ReadsFirst(24)] {
        let mut model =
            Model::with(quirk, &[(Version::Tls12, &[0xc02b, 0x0033, 0xc0ad, 0xccae]), (Version::Tls13, &ALL13)]);
        let scan = drive(&mut model, 8);
        truthful(&scan, &model);
    }
}

#[test]
fn a_server_that_reads_nothing_long_is_found_by_a_short_hello() {
    let mut model = Model::with(Quirk::ShortLists(30), &[(Version::Tls10, &[0x002f, 0x000a])]);
    let scan = drive(&mut model, 8);
    truthful(&scan, &model);
}

#[test]
fn a_suite_that_was_not_offered_is_not_taken_for_one_that_was() {
    let mut model = Model::with(Quirk::Unlisted(0x002f), &[(Version::Tls12, &[0x002f, 0xc02f])]);
    let scan = drive(&mut model, 8);
    truthful(&scan, &model);
    assert!(scan.notes.iter().any(|note| note.contains("not offered")), "{:?}", scan.notes);
}

#[test]
fn a_server_that_resets_every_third_connection_refuses_nothing_by_it() {
    for parallel in [1, 8] {
        let mut model = Model::with(Quirk::ResetsEvery(3), &modern());
        let scan = drive(&mut model, parallel);
        honest(&scan, &model);
        assert!(!scan.unknown.is_empty(), "such a connection cannot be relied on");
        assert_eq!(scan.suites[&Version::Tls12].len(), ALL12.len());
        // Resets alone: nothing is known, and nothing is refused.
        let mut model = Model::with(Quirk::ResetsEvery(1), &modern());
        let scan = drive(&mut model, parallel);
        honest(&scan, &model);
        assert!(scan.suites.is_empty() && scan.versions.is_empty());
        assert_eq!(scan.refusal, Some(HelloAnswer::Reset));
        assert!(scan.connections < 20, "{}", scan.connections);
    }
}

#[test]
fn a_rate_limit_is_not_a_refusal() {
    for end in [End::Reset, End::Close, End::Silence, End::Alert(40), End::Alert(80)] {
        for after in [1, 5, 7, 12, 20, 30] {
            let mut model = Model::with(Quirk::Stops(after, end), &modern());
            let scan = drive(&mut model, 8);
            honest(&scan, &model);
            assert!(!scan.unknown.is_empty() || scan.suites.is_empty(), "{end:?} after {after}");
            assert!(scan.connections < 150, "{end:?} after {after}: {}", scan.connections);
        }
    }
}

#[test]
fn a_limit_that_passes_is_not_a_refusal() {
    for from in [2, 6, 9, 14, 22, 30] {
        for length in [1, 3, 8, 20, 40] {
            let mut model = Model::with(Quirk::Pauses(from, from + length), &modern());
            let scan = drive(&mut model, 8);
            honest(&scan, &model);
        }
    }
}

#[test]
fn silence_instead_of_a_refusal_stays_unknown() {
    let mut model = Model::with(Quirk::SilentRefusals, &modern());
    let scan = drive(&mut model, 8);
    honest(&scan, &model);
    assert_eq!(scan.versions[&Version::Tls12], VersionSupport::Offered);
    assert_eq!(scan.versions[&Version::Ssl3], VersionSupport::Unknown);
    assert_eq!(scan.suites[&Version::Tls12].len(), ALL12.len());
    assert!(scan.incomplete_suites.contains(&Version::Tls12));
}

#[test]
fn a_close_again_and_again_is_a_refusal() {
    let mut model = Model::with(Quirk::ClosesOnRefusal, &modern());
    let scan = drive(&mut model, 8);
    truthful(&scan, &model);
}

#[test]
fn a_server_that_cannot_ask_for_shares_is_given_some() {
    let mut model = Model::with(Quirk::NeedsShares, &modern());
    let scan = drive(&mut model, 8);
    truthful(&scan, &model);
}

#[test]
fn one_suite_that_breaks_a_server_does_not_hide_the_others() {
    let mut model = Model::with(Quirk::StumblesOver(0xc0b0), &modern());
    let scan = drive(&mut model, 8);
    honest(&scan, &model);
    assert_eq!(scan.suites[&Version::Tls12].len(), ALL12.len());
    assert!(scan.incomplete_suites.contains(&Version::Tls12));
    assert!(scan.unknown.iter().any(|line| line.starts_with("TLS1.2 suites")), "{:?}", scan.unknown);
}

#[test]
fn hellos_in_two_segments_and_large_ones() {
    let mut model = Model::with(Quirk::SmallHellos(1500), &modern());
    let scan = drive(&mut model, 8);
    truthful(&scan, &model);
    assert_eq!((scan.split_hello, scan.large_hello), (Some(false), Some(false)));
    let server = scan.notes.join("\n");
    assert!(server.contains("two TCP segments") && server.contains("larger than a segment"), "{server}");
}

#[test]
fn what_is_no_tls_is_given_up_soon() {
    let mut model = Model::with(Quirk::Garbage, &modern());
    let scan = drive(&mut model, 8);
    assert!(
        matches!(&scan.refusal, Some(HelloAnswer::NotTls(why)) if why.contains("220 mail.example")),
        "{:?}",
        scan.refusal
    );
    assert!(scan.versions.is_empty() && scan.connections < 20);
}

#[test]
fn a_server_that_refuses_everything_takes_no_version() {
    let mut model = Model::new(&[]);
    let scan = drive(&mut model, 8);
    assert!(scan.versions.is_empty() && scan.suites.is_empty());
    assert!(matches!(scan.refusal, Some(HelloAnswer::Alert(alert)) if alert.0 == 70));
}

#[test]
fn a_halted_plan_knows_what_it_does_not_know() {
    let mut model = Model::new(&modern());
    let mut plan = Plan::new(None);
    for _ in 0..9 {
        let attempt = plan.next().unwrap();
        let Reply::Answer(answer) = exchange(&mut model, &attempt.request) else { continue };
        plan.record_answer(attempt, answer);
    }
    plan.halt("time is up");
    assert!(plan.next().is_none());
    let scan = plan.finish();
    honest(&scan, &model);
    assert!(scan.unknown.iter().all(|line| line.contains("time is up")), "{:?}", scan.unknown);
    assert!(!scan.unknown.is_empty() && !scan.complete_groups.contains(&Version::Tls12));
}

#[test]
fn lists_are_dealt_evenly_and_completely() {
    for version in Version::ALL {
        let lists = long_lists(version);
        let mut all: Vec<u16> = lists.concat();
        assert!(lists.iter().all(|list| list.len() <= LONG_LIST));
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
    let popular: Vec<bool> = long_lists(Version::Tls12).iter().map(|list| list[..4].contains(&0xc02f)).collect();
    assert_eq!(popular.iter().filter(|has| **has).count(), 1);
    assert!(matches!(Plan::new(None).next().unwrap().question, ScanQuestion::Suites { version: Version::Tls13, .. }));
}
