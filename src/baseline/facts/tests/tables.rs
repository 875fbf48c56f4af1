//! Tables of two reports: row by row, by the rules of their columns.

use serde_json::{Value, json};

use super::{check, compare, one, report, with, words};
use crate::baseline::facts::Rules;

/// Servers with serial and the time of their answer.
fn servers(rows: &[(&str, i64, f64)]) -> Value {
    let rows: Vec<Value> = rows.iter().map(|(server, serial, rtt)| json!([server, serial, rtt, ["aa"]])).collect();
    let total = rows.len();
    let columns = json!(["server", "serial", "rtt", "flags"]);
    json!({"servers": {
        "key": "server", "columns": columns, "units": {"rtt": "s"}, "rows": rows, "total": total, "omitted": 0
    }})
}

#[test]
fn rows_are_compared_where_a_rule_says_so() {
    let before = servers(&[("ns1.a./192.0.2.1", 7, 0.1), ("ns2.a./192.0.2.2", 7, 0.1)]);
    let after = servers(&[("NS2.a./192.0.2.2", 8, 0.2), ("ns3.a./192.0.2.3", 8, 0.2)]);
    let told = |rules: &[&str]| words(&one("dns", &before, &after, rules));
    assert_eq!(told(&[]), [""; 0], "what rows come to is told by facts of their own");
    assert_eq!(
        told(&["*:servers=same"]),
        ["servers.row.ns3.a./192.0.2.3 appeared not allowed", "servers.row.ns1.a./192.0.2.1 vanished not allowed"],
        "a measurement is not compared because its table is"
    );
    assert_eq!(told(&["*:servers.serial=same"]), ["servers.row.NS2.a./192.0.2.2.serial grew not allowed"]);
    assert_eq!(told(&["*:servers.serial=may_grow"]), ["servers.row.NS2.a./192.0.2.2.serial grew allowed"]);
    assert_eq!(
        told(&["*:servers=may_grow"]),
        ["servers.row.ns3.a./192.0.2.3 appeared allowed", "servers.row.ns1.a./192.0.2.1 vanished not allowed"]
    );
}

#[test]
fn certificates_are_compared_by_kind() {
    let table = |print: &str, left: f64| {
        json!({"scan.certificates": {
            "key": "kind", "columns": ["kind", "fingerprint", "expires_in"], "units": {"expires_in": "s"},
            "rows": [["rsa", print, left]], "total": 1, "omitted": 0
        }})
    };
    let told = |before: &Value, after: &Value| words(&one("tls", before, after, &[]));
    assert_eq!(told(&table("AA:BB", 5.0), &table("aabb", 4.0)), [""; 0]);
    assert_eq!(
        told(&table("aa", 5.0), &table("bb", 4.0)),
        ["scan.certificates.row.rsa.fingerprint changed not allowed"]
    );
}

#[test]
fn tables_seen_in_part_are_not_compared() {
    let side =
        |serial| with(check("a", "dns", &servers(&[("ns1.", serial, 0.1)])), &json!({"partial": {"servers": "cut"}}));
    let rules = Rules::parse(&["*:servers.serial=same"]).unwrap();
    let changes = compare(&report(vec![side(1)]), &report(vec![side(2)]), &rules);
    assert_eq!((changes.facts.len(), changes.partial.len()), (0, 1));
}
