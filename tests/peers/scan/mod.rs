//! Scans of servers of which it is known what they take, and beside what sslscan and sslyze find there.

mod others;
mod servers;
mod truth;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use servers::Servers;
use truth::{ROWS, Row, Takes};

use super::peer::{HAPROXY, NGINX, OPENSSL, SSLSCAN, SSLYZE, installed};
use super::sandbox::{Ran, rows};
use super::{printed, quiet};

#[test]
fn servers_are_as_they_were_made_and_no_other_tool_sees_more() {
    if !installed(&[NGINX, HAPROXY, OPENSSL, SSLSCAN, SSLYZE]) {
        return;
    }
    let _alone = quiet();
    let servers = Servers::start();
    let check = |(row, port): (&Row, &u16)| {
        format!(
            "  - {{id: {}, tls: {{host: 127.0.0.1, port: {port}, sni: www.peer.test, scan: true, timeout: 20s}}, \
             expect: {{outcome: scanned, scan.versions: {{len: {{ge: 1}}}}, scan.unknown: {{len: 0}}}}}}\n",
            id(row)
        )
    };
    let checks: String = ROWS.iter().zip(&servers.ports).map(check).collect();
    let ran = servers.sandbox.run(&checks, &["--jobs", "2"]);
    let wrong: Vec<String> = ROWS.iter().flat_map(|row| as_made(row, &ran)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Some of them cannot complete a handshake of ours, and none has a certificate this host trusts.
    for row in ROWS {
        let breached = ran.breached(&id(row));
        assert!(
            breached.iter().all(|fact| ["verified", "ocsp.acceptable"].contains(&fact.as_str())),
            "{}: {breached:?}\n{}",
            row.name,
            ran.shown
        );
    }
    others::see_no_more(&servers, &ran);
}

fn id(row: &Row) -> String {
    row.name.replace('.', "_")
}

fn set(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().map(|item| item.as_str().unwrap().to_owned()).collect()
}

/// Where what we say of a row is not the truth about it, neither less nor more.
fn as_made(row: &Row, ran: &Ran) -> Vec<String> {
    let id = id(row);
    let mut wrong = Vec::new();
    let mut same = |what: &str, got: Value, want: Value| {
        if got != want {
            wrong.push(format!("{id} {what}: {got}, not {want}"));
        }
    };
    let fact_of = |fact: &str| ran.fact(&id, fact);
    let versions: Vec<&str> = row.takes.iter().map(|(version, _)| *version).collect();
    same("scan.versions", fact_of("scan.versions").clone(), json!(versions));
    for version in ["SSLv3", "TLS1.0", "TLS1.1", "TLS1.2", "TLS1.3"] {
        let takes = row.takes.iter().find(|(of, _)| *of == version).map(|(_, takes)| names(version, takes));
        let fact = format!("scan.ciphers.{}", version.to_lowercase().replace("sslv3", "ssl3"));
        same(&fact, json!(set(fact_of(&fact))), json!(takes.unwrap_or_default()));
    }
    let groups: BTreeSet<&str> = row.groups.iter().copied().collect();
    same("scan.groups", json!(set(fact_of("scan.groups"))), json!(groups));
    for (path, want) in row.facts {
        let mut got = walk(&ran_facts(ran, &id), path);
        if let (Value::Array(list), "scan.weak") = (&mut got, *path) {
            list.sort_by_key(ToString::to_string);
        }
        same(path, got, serde_json::from_str(want).unwrap());
    }
    same("scan.unknown", fact_of("scan.unknown").clone(), json!([]));
    wrong
}

fn ran_facts(ran: &Ran, id: &str) -> Value {
    let checks = ran.report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["id"] == id).unwrap()["facts"].clone()
}

/// A fact, or what stands below an object: the longest name that is one comes first.
fn walk(facts: &Value, path: &str) -> Value {
    if let Some(found) = facts.get(path) {
        return found.clone();
    }
    let mut cuts = path.rmatch_indices('.').map(|(at, _)| at);
    let below = cuts.find_map(|at| Some((facts.get(&path[..at])?, &path[at + 1..])));
    below.map_or(Value::Null, |(value, rest)| match rest.strip_prefix("row.") {
        Some(rest) => walk(&rows(value), rest),
        None => walk(value, rest),
    })
}

fn names(version: &str, takes: &Takes) -> BTreeSet<String> {
    match takes {
        Takes::These(names) => names.iter().map(|name| (*name).to_owned()).collect(),
        Takes::Listed(text, without) => {
            let option = format!("-{}", version.to_lowercase().replace("1.0", "1").replace('.', "_"));
            let listed = printed(OPENSSL.command().args(["ciphers", "-s", &option, "-stdname", text]));
            let names = listed.lines().filter_map(|line| line.split_whitespace().next());
            let fits = |name: &&str| !without.iter().any(|part| name.contains(part));
            // A list for TLS 1.2 begins with the suites of TLS 1.3 in some versions of openssl.
            names.filter(fits).filter(|name| name.contains("_WITH_")).map(str::to_owned).collect()
        }
    }
}
