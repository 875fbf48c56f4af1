//! Failures as people read them: one cause told once, what works beside it, and commands that can be pasted.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use shakedown::lab::pki::{NAME, Pki};
use shakedown::lab::web::WebLab;

use super::report_fixture::{Builder, CLASS};
use super::{CliSandbox, Ended};

/// What a web server says, and how late.
struct Answer {
    status: &'static str,
    kind: &'static str,
    body: &'static str,
    delay_ms: AtomicU64,
}

const HEALTHY: &str = r#"{"status":"ok"}"#;

fn answer(status: &'static str, kind: &'static str, body: &'static str) -> Arc<Answer> {
    Arc::new(Answer { status, kind, body, delay_ms: AtomicU64::new(0) })
}

/// A web server on `host`, on this port or on any.
fn serve(host: &str, port: u16, answer: &Arc<Answer>) -> u16 {
    let listener = TcpListener::bind((host, port)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = Arc::clone(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
            // A service that is slow.
            std::thread::sleep(Duration::from_millis(answer.delay_ms.load(Ordering::Relaxed)));
            let Answer { status, kind, body, .. } = &*answer;
            let head = format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}", body.len());
            let _ = write!(stream, "{head}\r\nconnection: close\r\n\r\n{body}");
        }
    });
    port
}

/// The block of a case in a report: from its status word to the next empty line.
fn block<'t>(ended: &'t Ended, id: &str) -> &'t str {
    let start = ended.out.find(&format!("\n\nFAIL  {id}  ")).unwrap_or_else(|| panic!("{id}: {}", ended.out)) + 2;
    ended.out[start..].split("\n\n").next().unwrap()
}

/// Lines that go on are indented to the column of the text.
fn joined(block: &str) -> String {
    block.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One proxy at two addresses has no backend in service, and the backend itself answers.
#[test]
fn one_cause_is_told_once_with_what_works_beside_it() {
    let down = answer("503 Service Unavailable", "text/html", "<h1>No server is available</h1>");
    let port = serve("127.0.0.1", 0, &down);
    serve("127.0.0.2", port, &down);
    serve("127.0.0.3", port, &answer("200 OK", "application/json", HEALTHY));
    let sandbox = CliSandbox::new(&format!(
        "version: 1\nsuite: s\nchecks:\n  - id: front\n    matrix: {{at: [127.0.0.1, 127.0.0.2]}}\n    http: {{url: \"http://www.example.test:{port}/\", resolve: \"${{matrix.at}}\"}}\n    \
         expect: {{status: 200}}\n  - id: backend\n    http: {{url: \"http://www.example.test:{port}/\", resolve: 127.0.0.3}}\n    expect: {{status: 200}}\n  \
         - id: other\n    http: {{url: \"http://www.example.test:{port}/other\", resolve: 127.0.0.3}}\n    expect: {{status: 200}}\n"
    ));
    let ended = sandbox.run(&["run", "suite.yaml", "--json", "r.json"]);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    let block = block(&ended, "front[at=127.0.0.1]");
    assert!(block.contains("\n  also   front[at=127.0.0.2]\n"), "{block}");
    assert!(block.contains("\n  works  backend\n"), "another URL, and what failed, say nothing: {block}");
    let curl = format!("curl -sSv --resolve www.example.test:{port}:127.0.0.1 http://www.example.test:{port}/");
    assert!(joined(block).contains(&curl), "{block}");
    assert_eq!(ended.out.matches("  cause  ").count(), 1, "{}", ended.out);
    let report = sandbox.json("r.json");
    let groups: Vec<&serde_json::Value> =
        report["checks"].as_array().unwrap().iter().map(|check| &check["group"]).collect();
    assert!(groups[0].is_string() && groups[0] == groups[1] && groups[2].is_null(), "{groups:?}");
    // With everything asked for, each is told by itself.
    let ended = sandbox.run(&["run", "suite.yaml", "-v"]);
    assert_eq!(ended.out.matches("  cause  ").count(), 2, "{}", ended.out);
}

/// A service that says what it lacks is believed, and the command that asks again is safe to paste.
#[test]
fn what_a_service_complains_of_is_named() {
    let sick = r#"{"status":"degraded","checks":{"database":"Unreachable","cache":"ok"}}"#;
    let port = serve("127.0.0.1", 0, &answer("200 OK", "application/json", sick));
    let url = format!("http://127.0.0.1:{port}/health?a=1&b=2");
    let sandbox = CliSandbox::new(&format!(
        "version: 1\nsuite: s\nchecks:\n  - id: health\n    http: {{url: \"{url}\"}}\n    expect: {{body.json.status: ok}}\n"
    ));
    let ended = sandbox.run(&["run", "suite.yaml"]);
    let text = joined(block(&ended, "health"));
    assert!(text.contains("it says itself that `checks.database` is Unreachable: check that from 127.0.0.1"), "{text}");
    assert!(text.contains(&format!("curl -sS '{url}'")), "{text}");
}

/// The request that is asked again is the one of the check, and a body without what is expected is shown.
#[test]
fn a_request_is_repeated_with_its_headers_and_body() {
    let port = serve("127.0.0.1", 0, &answer("200 OK", "application/json", r#"{"state":"ok"}"#));
    let sandbox = CliSandbox::new(&format!(
        "version: 1\nsuite: s\nchecks:\n  - id: post\n    http: {{url: \"http://127.0.0.1:{port}/\", method: POST, headers: {{Host: www.shop.example, X-A: it's, X-B: \"\"}}, body: \"a=1&b=2\"}}\n    \
         expect: {{body.json.status: ok}}\n"
    ));
    let ended = sandbox.run(&["run", "suite.yaml"]);
    let text = joined(block(&ended, "post"));
    assert!(text.contains(r#"saw no `status`; there is state; the body is {"state":"ok"}"#), "{text}");
    let curl = format!(
        r"curl -sS -X POST -H 'Host: www.shop.example' -H 'X-A: it'\''s' -H 'X-B;' --data-raw 'a=1&b=2' http://127.0.0.1:{port}/"
    );
    assert!(text.contains(&curl), "{text}");
}

/// The request that is asked again shows the client certificate of the suite, by its files.
#[test]
fn a_request_is_repeated_with_its_client_certificate() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let pki = Pki::new().unwrap();
    let web = runtime.block_on(WebLab::start(&pki)).unwrap();
    let (good, wrong) = (web.https().port(), web.wrong_name().port());
    let tls = "ca_file: ca.pem, client_cert: \"./a:b.pem\", client_key: key.pem";
    let http = |id: &str, port: u16| {
        format!(
            "  - id: {id}\n    http: {{url: \"https://{NAME}:{port}/no\", resolve: 127.0.0.1, {tls}}}\n    expect: {{status: 200}}\n"
        )
    };
    let sandbox = CliSandbox::new(&format!(
        "version: 1\nsuite: s\nchecks:\n{}{}  - id: tls\n    tls: {{host: 127.0.0.1, port: {wrong}, sni: {NAME}, {tls}}}\n",
        http("http", good),
        http("name", wrong)
    ));
    sandbox.write("ca.pem", pki.ca_pem());
    sandbox.write("a:b.pem", pki.good.chain_pem());
    sandbox.write("key.pem", pki.good.key_pem());
    let ended = sandbox.run(&["run", "suite.yaml", "-v"]);
    let curl = format!(
        r"curl -sSv --resolve {NAME}:{good}:127.0.0.1 --cacert ca.pem --cert './a\:b.pem' --key key.pem https://{NAME}:{good}/no"
    );
    let text = joined(block(&ended, "http"));
    assert!(text.contains(&curl), "{text}");
    let s_client =
        format!("openssl s_client -connect 127.0.0.1:{wrong} -servername {NAME} -cert ./a:b.pem -key key.pem <");
    for id in ["name", "tls"] {
        let text = joined(block(&ended, id));
        assert!(text.contains(&s_client), "{text}");
    }
}

/// A body that is too long for a command is read from where it is pasted: the command runs as it stands.
#[test]
fn a_long_body_is_pasted_by_hand() {
    let port = serve("127.0.0.1", 0, &answer("200 OK", "application/json", r#"{"state":"ok"}"#));
    let body = "x".repeat(300);
    let sandbox = CliSandbox::new(&format!(
        "version: 1\nsuite: s\nchecks:\n  - id: post\n    http: {{url: \"http://127.0.0.1:{port}/\", method: POST, body: {body}}}\n    expect: {{body.json.status: ok}}\n"
    ));
    let text = joined(block(&sandbox.run(&["run", "suite.yaml"]), "post"));
    let curl = format!("curl -sS -X POST --data-binary @- http://127.0.0.1:{port}/ then paste the body");
    assert!(text.contains(&curl), "{text}");
}

/// A service that accepts and does not answer in time may hang, or be slow: a command that waits longer tells which.
#[test]
fn what_does_not_answer_in_time_may_only_be_slow() {
    let answers = answer("200 OK", "application/json", HEALTHY);
    let port = serve("127.0.0.1", 0, &answers);
    answers.delay_ms.store(3_000, Ordering::Relaxed);
    let sandbox = CliSandbox::new(&format!(
        "version: 1\nsuite: s\nchecks:\n  - id: slow\n    http: {{url: \"http://127.0.0.1:{port}/\", timeout: 1s}}\n    expect: {{status: 200}}\n"
    ));
    let text = joined(block(&sandbox.run(&["run", "suite.yaml"]), "slow"));
    assert!(text.contains("it hangs, or is slower than the limit of 1 s (`timeout`); this waits longer"), "{text}");
    assert!(text.contains("curl --max-time 30 -sS -o /dev/null -w 'connect "), "{text}");
}

/// What another failure tells word for word of the same address is told there, and each by itself where everything is asked for.
#[test]
fn a_survey_speaks_for_the_checks_of_each_of_its_servers() {
    let mut report = Builder::new(1, CLASS);
    for id in ["a", "b", "all", "other"] {
        report = report.check("edge", id, "d", json!({}));
    }
    let closed = |at: &str| format!("nothing listens on UDP {at}:53 (port_unreachable from {at})");
    let rows = [
        ("192.0.2.53", closed("192.0.2.53"), json!([])),
        ("192.0.2.54", closed("192.0.2.54"), json!([])),
        (
            "",
            "none of the 2 servers answers".to_owned(),
            json!([format!("ns1: {}", closed("192.0.2.53")), format!("ns2: {}", closed("192.0.2.54"))]),
        ),
        ("192.0.2.55", closed("192.0.2.55"), json!([])),
    ];
    for (at, (address, reason, notes)) in rows.into_iter().enumerate() {
        let check = &mut report.0["checks"][at];
        check["family"] = "dns".into();
        check["verdict"] = "failed".into();
        check["next"] = format!("look at {address}").into();
        check["reason"] = reason.into();
        check["notes"] = notes;
        if !address.is_empty() {
            check["facts"] = json!({"address": address});
            check["group"] = format!("refused {address}:53").into();
        }
    }
    let sandbox = CliSandbox::new("");
    sandbox.write("r.json", &report.text());
    let shown = sandbox.run(&["report", "r.json"]).out;
    assert_eq!(shown.matches("  cause  ").count(), 2, "{shown}");
    assert!(shown.contains("\n  also   a (192.0.2.53), b (192.0.2.54) (-v shows each)\n"), "{shown}");
    assert!(shown.contains("--only a --only b --only all --only other"), "all are run again: {shown}");
    let shown = sandbox.run(&["report", "r.json", "-v"]).out;
    assert_eq!(shown.matches("  cause  ").count(), 4, "{shown}");
}

/// A slow answer shows its phases beside those of the accepted runs, and what grew is to blame.
#[test]
fn a_slow_answer_stands_beside_the_usual_one() {
    let answers = answer("200 OK", "application/json", HEALTHY);
    let port = serve("127.0.0.1", 0, &answers);
    let sandbox = CliSandbox::new(&format!(
        "version: 1\nsuite: s\nchecks:\n  - id: home\n    http: {{url: \"http://127.0.0.1:{port}/\", timeout: 20s}}\n    expect: {{total_time.p95: {{lt: 1500ms}}}}\n"
    ));
    let ended = sandbox.run(&["run", "suite.yaml", "--save-baseline", "base"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    answers.delay_ms.store(2_000, Ordering::Relaxed);
    let known = joined(block(&sandbox.run(&["run", "suite.yaml", "--baseline", "base"]), "home"));
    assert!(known.contains("what grew most is first_byte_time (connect_time "), "{known}");
    assert_eq!(known.matches(", usually ").count(), 2, "{known}");
    assert!(known.contains("the application is slow, not the network"), "{known}");
    let curl = "curl -sS -o /dev/null -w 'connect %{time_connect} s, first byte %{time_starttransfer} s, total %{time_total} s\\n' http:";
    assert!(known.contains(curl), "each time has its name: {known}");
    let unknown = joined(block(&sandbox.run(&["run", "suite.yaml"]), "home"));
    assert!(unknown.contains("most of it is first_byte_time") && !unknown.contains("usually"), "{unknown}");
}
