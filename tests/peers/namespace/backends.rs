//! A name with several addresses, of which one is another one, or not there.

use serde_json::{Value, json};

use super::{Namespace, fixed_answer, namespace};

const PORT: u16 = 8080;
/// Address, status, coding and body of each backend.
const BACKENDS: &[(&str, u16, &str, &str)] = &[
    ("127.0.0.2", 200, "identity", "new"),
    ("127.0.0.3", 200, "identity", "new"),
    ("127.0.0.4", 200, "identity", "old"),
    ("127.0.0.5", 503, "identity", "new"),
    ("127.0.0.7", 200, "identity", "new"),
    ("127.0.0.8", 200, "x-unknown", "other"),
];
const HOSTS: &str = "127.0.0.2 same.test mixed.test dead.test\n127.0.0.3 same.test mixed.test\n127.0.0.7 same.test mixed.test\n\
    127.0.0.4 mixed.test\n127.0.0.5 mixed.test\n127.0.0.6 dead.test\n127.0.0.2 coded.test\n127.0.0.8 coded.test\n";

/// Starts the backends inside, on threads that live as long as the tests do.
fn serve(namespace: &Namespace) {
    for (address, status, coding, body) in BACKENDS {
        let header = format!("content-encoding: {coding}");
        fixed_answer::serve(namespace, (address, PORT), (*status, &header), body);
    }
}

#[test]
fn every_backend_is_asked_and_the_one_that_differs_is_named() {
    let Some(own) = namespace() else { return };
    own.setup("ip link set lo up");
    std::fs::write(own.etc().join("hosts"), HOSTS).unwrap();
    serve(&own);
    let check = |id: &str, more: &str| {
        format!("- {{id: {id}, http: {{url: \"http://{id}.test:{PORT}/\", addresses: all, ip_version: ipv4}}{more}}}\n")
    };
    let checks = [
        check("same", ", expect: {addresses.agree: true, backends.status: {all: 200}}"),
        check("mixed", ""),
        check("dead", ""),
        check("coded", ", expect: {addresses.differ: {len: 0}}"),
    ];
    let (report, shown) = own.run(&format!("version: 1\nsuite: backends\nchecks:\n{}", checks.concat()));
    let verdicts: Vec<&Value> = (0..4).map(|at| &report["checks"][at]["verdict"]).collect();
    assert_eq!(verdicts, ["passed", "failed", "failed", "errored"], "{shown}");
    let facts = |at: usize| &report["checks"][at]["facts"];
    assert_eq!(facts(0)["addresses.differ"], json!([]), "{}", facts(0));
    let mut differ: Vec<&str> =
        facts(1)["addresses.differ"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    differ.sort_unstable();
    assert_eq!(differ, ["127.0.0.4 body", "127.0.0.5 status"], "{shown}");
    assert_eq!((&facts(1)["outcome"], &facts(1)["addresses.agree"]), (&json!("answered"), &json!(false)));
    assert_eq!(
        (&facts(2)["outcome"], &facts(2)["addresses.failed"]),
        (&json!("refused"), &json!(["127.0.0.6 refused"]))
    );
    assert!(facts(2).get("addresses.agree").is_none_or(Value::is_null), "{}", facts(2));
    assert_eq!(facts(3)["addresses.differ"], json!([]), "a body that was not read is no other one");
    let reason = report["checks"][3]["reason"].as_str().unwrap();
    assert!(reason.contains("not all of the body of 127.0.0.8 was read"), "{reason}");
    assert!(shown.contains("127.0.0.5") && shown.contains("127.0.0.6:8080"), "{shown}");
}
