//! Every default of a survey, in a case in which it alone is what fails: without it, that zone would pass.
//!
//! A default that is added joins by itself: it is missed here until a case shows that it can fail.

use futures_util::future::join_all;

use super::delegated::{PARENT, ZONE, alike, parent};
use super::probing::medium_records;
use super::rules::{outside, recommended_of};
use super::signed::{Delegated, Signed, dnskey, ds, probed, soa};
use super::{BRIEF, PATIENT, Pair, Quirk, Round, Script, observe, start, zone};
use crate::checks::dns::dnssec::tests::authority::Signer;
use crate::checks::dns::survey::MODES;
use crate::model::Verdict;

/// Defaults that do not fail without others, of which what breaks them is a part.
const WITH: &[(&str, &[&str])] = &[
    // One that does not answer.
    ("servers.failed", &["outcome"]),
    ("edns.supported", &["edns.version_ok", "edns.unknown_option_ok", "edns.unknown_flag_ok"]),
    // Of `wanted: {answers: []}`: a server that fails, or has the records, has not what is wanted.
    ("rcode", &["propagation.pending"]),
    ("answers", &["propagation.pending"]),
];

#[tokio::test]
async fn each_default_of_a_survey_can_be_the_one_that_fails() {
    let lines = MODES.iter().flat_map(|mode| mode.adds.unwrap_or_default().lines());
    let paths: Vec<&str> = lines.map(|line| line.trim().split(": ").next().unwrap()).collect();
    assert!(paths.len() > 40, "{paths:?}");
    let rounds = join_all(paths.iter().map(|path| alone(path))).await;
    let mut problems = Vec::new();
    for (path, round) in paths.iter().zip(rounds) {
        let with = WITH.iter().find(|(own, _)| own == path).map_or(&[][..], |(_, with)| with);
        let mut want: Vec<&str> = with.iter().copied().chain([*path]).collect();
        want.sort_unstable();
        let mut broken = round.broken.clone();
        broken.sort_unstable();
        if broken != want || round.verdict != Verdict::Failed {
            problems.push(format!("{path}: {broken:?} ({}) {:?}", round.reason, round.observation.notes()));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Servers of which nothing else is wrong.
async fn alone(path: &str) -> Round {
    match path.split('.').next().unwrap() {
        "tcp" | "reachable" | "edns" | "header" | "truncation" | "axfr" | "recursion" | "referral" | "qname"
        | "version" | "nxdomain" | "nodata" | "negative" | "empty_non_terminal"
            if path != "referral.size" =>
        {
            of_a_probe(path).await
        }
        "rrsig" | "denial" => of_signatures(path).await,
        _ => match of_servers(path).await {
            Some(round) => round,
            None => match of_the_parent(path).await {
                Some(round) => round,
                None => recommended(path).await,
            },
        },
    }
}

/// Both with this zone and these quirks.
async fn both(zone: &str, quirks: &[Quirk], fields: &str) -> Round {
    let pair = Pair::new(zone, zone, quirks).await;
    pair.scripts[0].behave(quirks);
    pair.observe(fields).await
}

/// What servers say of the zone, and of a question.
async fn of_servers(path: &str) -> Option<Round> {
    let plain = zone(7);
    let gone =
        |pair: &Pair, name: &str| format!("{}, {PATIENT}, name: {name}.z.test, wanted: {{answers: []}}", pair.list());
    Some(match path {
        "servers.failed" => {
            let pair = Pair::with(&[Quirk::Silent]).await;
            observe(&format!("{}, {BRIEF}, name: www.z.test", pair.list()), None).await
        }
        "consistent" => {
            let other = plain.replace("z.test. 300 SOA", "z.test. 301 SOA");
            Pair::new(&plain, &other, &[]).await.observe(PATIENT).await
        }
        "authoritative" => both(&plain, &[Quirk::NoAuthorityOfWww], &format!("{PATIENT}, name: www.z.test")).await,
        "lame" => both(&plain, &[Quirk::Empty], PATIENT).await,
        "soa.several" => {
            let two = format!("{plain}\nz.test. 300 SOA ns1.z.test. host.z.test. 8 3600 600 604800 60");
            both(&two, &[], PATIENT).await
        }
        "ns.agree" => both(&plain.replace("NS ns2.z.test.", "NS ns3.z.test."), &[], PATIENT).await,
        "glue.agree" => {
            both(&plain.replace("ns2.z.test. 300 A 127.0.0.1", "ns2.z.test. 300 A 127.0.0.9"), &[], PATIENT).await
        }
        "propagation.pending" => both(&plain, &[], &format!("{PATIENT}, wanted: {{serial: 8}}")).await,
        "rcode" => {
            let pair = Pair::with(&[Quirk::Failing]).await;
            pair.scripts[0].behave(&[Quirk::Failing]);
            observe(&gone(&pair, "gone"), None).await
        }
        "answers" => {
            let pair = Pair::with(&[]).await;
            observe(&gone(&pair, "www"), None).await
        }
        _ => return None,
    })
}

/// What the parent says of the zone.
async fn of_the_parent(path: &str) -> Option<Round> {
    Some(match path {
        "parent.failed" => {
            let scripts = [Script::new(ZONE, &[]), Script::new(ZONE, &[])];
            let (port, _tasks) = alike(&["127.0.0.2", "127.0.0.3"], &scripts).await;
            let (socket, _parent, _) = parent(PARENT).await;
            let (other, _other) = start(&Script::new(PARENT, &[Quirk::Refuses])).await;
            let fields = format!(
                "authoritative: {{zone: z.test, parent: [\"{socket}\", \"{other}\"], port: {port}}}, {PATIENT}"
            );
            observe(&fields, None).await
        }
        "glue.sibling_agree" => {
            let (zone, delegation) = outside();
            let scripts = [Script::new(&zone, &[]), Script::new(&zone, &[])];
            let (port, _tasks) = alike(&["127.0.0.2", "127.0.0.3"], &scripts).await;
            let known = "other.test. 300 SOA a.test. host.test. 1 3600 600 604800 60\nns.other.test. 300 A 127.0.0.4";
            let (via, _resolver) = start(&Script::new(known, &[Quirk::Resolver])).await;
            let (socket, _parent, _) = parent(&delegation).await;
            let fields = format!(
                "authoritative: {{zone: z.test, parent: \"{socket}\", port: {port}, via: \"{via}\"}}, {PATIENT}"
            );
            observe(&fields, None).await
        }
        "ds.agree" => {
            let key = Signer::new("z.test.", 257);
            let own = dnskey(&key);
            Delegated::new([&own, &own], [&ds(&key), ""]).await.observe().await
        }
        "dnskey.unmatched" => {
            let key = Signer::new("z.test.", 257);
            let ds = ds(&key);
            Delegated::new([&dnskey(&key), ""], [&ds, &ds]).await.observe().await
        }
        _ => return None,
    })
}

/// What `best_practice` asks for beside it all.
async fn recommended(path: &str) -> Round {
    const ONE: &str = "127.0.2.1";
    const TWO: &str = "127.0.3.1";
    let same = str::to_owned;
    let two = [("ns1.z.test", &[ONE][..]), ("ns2.z.test", &[TWO])];
    let replaced = async |from: &str, to: &str| recommended_of(&two, |zone| zone.replace(from, to), same, None).await;
    match path {
        "ns.child" => {
            let zone = |zone: &str| {
                let one = zone.replace("z.test. 300 NS ns2.z.test.", "ns1.z.test. 300 A 127.0.3.1");
                one.replace("ns2.z.test. 300 A 127.0.3.1", "")
            };
            recommended_of(&[("ns1.z.test", &[ONE, TWO])], zone, same, None).await
        }
        "servers.networks" => {
            let zone = |zone: &str| zone.replace(TWO, "127.0.2.2");
            let known = |known: &str| known.replace("1.3.0.127", "2.2.0.127");
            recommended_of(&[("ns1.z.test", &[ONE]), ("ns2.z.test", &["127.0.2.2"])], zone, known, None).await
        }
        "servers.shared" => {
            let zone = |zone: &str| zone.to_owned() + "\nns2.z.test. 300 A 127.0.2.1";
            recommended_of(&[("ns1.z.test", &[ONE]), ("ns2.z.test", &[TWO, ONE])], zone, same, None).await
        }
        "servers.special" => recommended_of(&two, same, same, Some("{serial: 7}")).await,
        "ns.alias" => {
            let zone = |zone: &str| zone.replace("NS ns2.z.test.", "NS ns.other.test.");
            let known = |known: &str| {
                known.to_owned() + "\nns.other.test. 300 CNAME real.other.test.\nreal.other.test. 300 A 127.0.3.1"
            };
            recommended_of(&[("ns1.z.test", &[ONE]), ("ns.other.test", &[])], zone, known, None).await
        }
        "names.invalid" => {
            let zone = |zone: &str| zone.replace("ns2.z.test.", "_ns2.z.test.");
            recommended_of(&[("ns1.z.test", &[ONE]), ("_ns2.z.test", &[TWO])], zone, same, None).await
        }
        "referral.size" => {
            let names = ["a", "b", "c", "d"].map(|letter| format!("{}.z.test", letter.repeat(63)));
            let addresses = [[ONE], [TWO], ["127.0.2.2"], ["127.0.3.2"]];
            let servers: Vec<(&str, &[&str])> =
                names.iter().zip(&addresses).map(|(name, own)| (name.as_str(), &own[..])).collect();
            let zone = |_: &str| {
                let soa = format!("z.test. 300 SOA {}. host.z.test. 7 14400 3600 604800 3600", names[0]);
                let own =
                    servers.iter().map(|(name, own)| format!("\nz.test. 300 NS {name}.\n{name}. 300 A {}", own[0]));
                soa + &own.collect::<String>()
            };
            let more = "\n2.2.0.127.in-addr.arpa. 300 PTR c.z.test.\n2.3.0.127.in-addr.arpa. 300 PTR d.z.test.";
            recommended_of(&servers, zone, |known| known.to_owned() + more, None).await
        }
        "soa.mname_server" => replaced("SOA ns1.z.test.", "SOA ns8.z.test.").await,
        "soa.timers_ordered" => replaced(" 14400 3600 604800", " 14400 14400 604800").await,
        "soa.refresh" => replaced(" 14400 ", " 7200 ").await,
        "soa.retry" => replaced(" 3600 604800", " 60 604800").await,
        "soa.expire" => replaced(" 604800 ", " 86400 ").await,
        "soa.minimum" => replaced(" 604800 3600", " 604800 60").await,
        "reverse.missing" => recommended_of(&two, same, |known| known.replace("1.3.0.127", "9.3.0.127"), None).await,
        other => panic!("no case in which `{other}` is what fails"),
    }
}

/// What each server by itself gives a validating resolver.
async fn of_signatures(path: &str) -> Round {
    let sound = Signed::new();
    let other = match path {
        "rrsig.unsound" => {
            let mut world = sound.world.clone();
            world.answer(soa(&Signer::new("z.test.", 257)));
            world
        }
        "rrsig.algorithm_missing" => sound.with_a_key_that_signs_nothing(),
        "denial.unproven" => sound.denying(Vec::new()),
        other => panic!("no case in which `{other}` is what fails"),
    };
    probed(sound.world, other).await
}

/// What a probe finds.
async fn of_a_probe(path: &str) -> Round {
    let mid = zone(7) + &medium_records();
    let (zone, probe, quirk, name) = match path {
        "reachable.tcp" => (zone(7), "tcp", Quirk::MuteTcp, "www"),
        "tcp.same" => (zone(7), "tcp", Quirk::OtherOverTcp, "www"),
        "edns.supported" => (zone(7), "edns", Quirk::NoOpt, "www"),
        "edns.version_ok" => (zone(7), "edns", Quirk::AnyVersion, "www"),
        "edns.unknown_option_ok" => (zone(7), "edns", Quirk::EchoesOption, "www"),
        "edns.unknown_flag_ok" => (zone(7), "edns", Quirk::EchoesFlag, "www"),
        "header.opcode_ok" => (zone(7), "header", Quirk::AnyOpcode, "www"),
        "header.z_ok" => (zone(7), "header", Quirk::EchoesZ, "www"),
        "header.ad_ok" => (zone(7), "header", Quirk::RefusesAd, "www"),
        "header.cd_ok" => (zone(7), "header", Quirk::DropsCd, "www"),
        "truncation.512" => (mid, "truncation", Quirk::CutsSilently, "mid"),
        "truncation.1232" => (mid, "truncation", Quirk::AlwaysTc, "mid"),
        "axfr.open" => (zone(7), "axfr", Quirk::Axfr, "www"),
        "recursion.open" => (zone(7), "recursion", Quirk::Open, "www"),
        "referral.upward" => (zone(7), "recursion", Quirk::Upward, "www"),
        "qname.case" => (zone(7), "case", Quirk::LowerCase, "www"),
        "qname.caseless" => (zone(7), "case", Quirk::CaseSensitive, "www"),
        "version.hidden" => (zone(7), "version", Quirk::Version, "www"),
        "nxdomain" => (zone(7), "negative", Quirk::FailsAbsent, "www"),
        "nodata" => (zone(7), "negative", Quirk::FailsPrivate, "www"),
        "negative.soa" => (zone(7), "negative", Quirk::LongDenial, "www"),
        "empty_non_terminal" => (zone(7), "negative", Quirk::NoEmptyNames, "deep.er"),
        other => panic!("no case in which `{other}` is what fails"),
    };
    let kind = if name == "mid" { "TXT" } else { "A" };
    // What is silent to some queries answers others, and needs no long wait.
    let patience = if matches!(quirk, Quirk::MuteTcp | Quirk::DropsCd) { BRIEF } else { PATIENT };
    both(&zone, &[quirk], &format!("{patience}, name: {name}.z.test, type: {kind}, probes: [{probe}]")).await
}
