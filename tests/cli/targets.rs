//! Cases for targets that another check finds: answers of a DNS server become cases, each named by its host, and a list that is
//! not known whole is one errored case.

mod lists;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};

use serde_json::Value;

use super::{CliSandbox, Ended, closed_port, listener};

const MX: u16 = 15;
const SRV: u16 = 33;
const A: u16 = 1;

/// What a server says of a name.
enum Says {
    Records(u16, Vec<Vec<u8>>),
    /// A part of an answer, with TC.
    Part(u16, Vec<Vec<u8>>),
    NoSuchName,
    /// One record, another one with each answer.
    InTurn(u16, Vec<Vec<u8>>),
}

fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').filter(|label| !label.is_empty());
    let labels = labels.flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat());
    labels.chain([0]).collect()
}

fn mx(preference: u16, host: &str) -> Vec<u8> {
    [preference.to_be_bytes().to_vec(), name(host)].concat()
}

fn srv(port: u16, host: &str) -> Vec<u8> {
    [0_u16, 5, port].iter().flat_map(|number| number.to_be_bytes()).chain(name(host)).collect()
}

/// A DNS server that says the same of every name; its port.
fn dns(says: Says) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut query = [0; 512];
        for at in 0.. {
            let Ok((_, peer)) = socket.recv_from(&mut query) else { return };
            let end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 5;
            let (flags, code, records): ([u8; 2], u16, &[Vec<u8>]) = match &says {
                Says::Records(code, records) => ([0x85, 0x80], *code, records),
                Says::Part(code, records) => ([0x87, 0x80], *code, records),
                Says::NoSuchName => ([0x85, 0x83], 0, &[]),
                Says::InTurn(code, records) => ([0x85, 0x80], *code, &records[at % records.len()..][..1]),
            };
            let mut reply = query[..end].to_vec();
            reply[2..4].copy_from_slice(&flags);
            reply[6..8].copy_from_slice(&u16::try_from(records.len()).unwrap().to_be_bytes());
            reply[10..12].fill(0);
            for data in records {
                reply.extend([0xc0, 12]);
                reply.extend(code.to_be_bytes());
                reply.extend([0, 1, 0, 0, 0, 60]);
                reply.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
                reply.extend(data);
            }
            let _ = socket.send_to(&reply, peer);
        }
    });
    port
}

/// A web server that is well for every path but those that hold `bad`; its port.
fn web(bad: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut buffer = [0; 4096];
            let length = stream.read(&mut buffer).unwrap_or(0);
            let request = String::from_utf8_lossy(&buffer[..length]);
            let status = if request.lines().next().is_some_and(|line| line.contains(bad)) { 503 } else { 200 };
            let _ = write!(stream, "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        }
    });
    port
}

/// A check `found` that asks for records, and others that look at what it finds.
fn suite(server: u16, found: &str, others: &str) -> CliSandbox {
    CliSandbox::new(&format!(
        "version: 1\nsuite: s\nvars: {{site: a}}\ndefaults: {{timeout: 5s}}\nchecks:\n  - id: found\n    dns: {{server: \"127.0.0.1:{server}\", name: a.test, {found}\n{others}"
    ))
}

/// A check of each target, and one that needs it.
fn each(matrix: &str, url: &str) -> String {
    format!(
        "  - id: each\n    matrix: {{target: {matrix}}}\n    http: {{url: \"{url}\"}}\n\
         \x20 - {{id: after, needs: [each], http: {{url: \"{url_after}\"}}}}\n",
        url_after = url.split("${").next().unwrap().trim_end_matches(':').to_owned() + "/after",
    )
    .replace("//after", "/after")
}

const FOUND: &str = "\"${checks.found.targets}\"";

/// Id, verdict and reason of each case.
fn cases(report: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let checks = report["checks"].as_array().unwrap();
    checks.iter().map(|check| (text(&check["id"]), text(&check["verdict"]), text(&check["reason"]))).collect()
}

fn run(sandbox: &CliSandbox, more: &[&str]) -> (Ended, Vec<(String, String, String)>) {
    let ended = sandbox
        .run(&[&["run", "suite.yaml", "--json=r.json", "--junit=r.xml", "--events=e.jsonl", "-v"], more].concat());
    let shown = [ended.out.clone(), ended.err.clone(), sandbox.json("r.json").to_string()].concat();
    assert!(!shown.contains("zqtarget"), "a word that stands for a target is in:\n{shown}");
    let cases = cases(&sandbox.json("r.json"));
    (ended, cases)
}

fn brief(cases: &[(String, String, String)]) -> String {
    cases.iter().map(|(id, verdict, _)| format!("{id} {verdict}")).collect::<Vec<_>>().join(", ")
}

#[test]
fn each_exchanger_is_a_case_of_its_own() {
    let (server, port) =
        (dns(Says::Records(MX, vec![mx(20, "mx2.test"), mx(10, "MX1.test"), mx(30, "mx1.test")])), web("nobody"));
    let sandbox = suite(server, "type: MX}", &each(FOUND, &format!("http://127.0.0.1:{port}/${{matrix.target.host}}")));
    let (ended, found) = run(&sandbox, &["--save-baseline=b"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert_eq!(brief(&found), "found passed, each[target=mx1.test] passed, each[target=mx2.test] passed, after passed");
    let report = sandbox.json("r.json");
    assert_eq!(report["checks"][1]["target"], format!("http://127.0.0.1:{port}/mx1.test"));
    assert_eq!(
        report["checks"][0]["facts"]["targets"]["rows"][0],
        serde_json::json!(["mx1.test", "mx1.test", null, 10])
    );
    assert_eq!(report["summary"]["passed"], 4, "places that nobody has are no cases");
    // What was found before is no check that has vanished.
    run(&sandbox, &["--baseline=b"]);
    assert_eq!(sandbox.json("r.json")["run"]["vanished"], Value::Null);
}

#[test]
fn the_one_that_fails_is_named_and_who_needs_the_check_needs_them_all() {
    let (server, port) = (dns(Says::Records(MX, vec![mx(10, "mx1.test"), mx(20, "mx2.test")])), web("/mx2"));
    let others = each(FOUND, &format!("http://127.0.0.1:{port}/${{matrix.target.host}}"));
    // As plans call them.
    let by_id = format!("  - {{id: too, needs: [\"each[target=?]\"], http: {{url: \"http://127.0.0.1:{port}/\"}}}}\n");
    let sandbox = suite(server, "type: MX}", &(others + &by_id));
    let (ended, found) = run(&sandbox, &[]);
    assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
    assert_eq!(
        brief(&found),
        "found passed, each[target=mx1.test] passed, each[target=mx2.test] failed, after skipped, too skipped"
    );
    assert_eq!(found[3].2, "needs each[target=mx2.test], which failed");
    assert_eq!(sandbox.run(&["plan", "suite.yaml", "--only=each[host=mx2.test]"]).code, 2);
    assert_eq!(found[4].2, found[3].2);
    // The command that is told, and so each name of a report.
    let again = ended.out.lines().find_map(|line| line.strip_prefix("again: shakedown ")).unwrap().replace('\'', "");
    assert!(again.contains("--only each[target=mx2.test]"), "{again}");
    let again = sandbox.run(&again.split(' ').collect::<Vec<_>>());
    assert!(
        again.code == 1 && again.out.contains("FAIL") && again.out.contains("each[target=mx2.test]"),
        "{}",
        again.err
    );
    // A case that failed is found again by its check: whom it will find is not known.
    let again = sandbox.run(&["run", "suite.yaml", "--failed-from=r.json", "--json=again.json"]);
    let again = cases(&sandbox.json("again.json")).len().to_string() + &again.err;
    assert_eq!(again, "5");
}

#[test]
fn targets_have_ports_and_addresses() {
    let (one, two) = (web("nobody"), web("nobody"));
    let server = dns(Says::Records(SRV, vec![srv(one, "a.test"), srv(two, "b.test")]));
    let sandbox =
        suite(server, "type: SRV}", &each(FOUND, "http://127.0.0.1:${matrix.target.port}/${matrix.target.host}"));
    let (ended, found) = run(&sandbox, &["--only=each"]);
    let want = format!("found passed, each[target=a.test:{one}] passed, each[target=b.test:{two}] passed");
    assert_eq!((ended.code, brief(&found)), (0, want), "{}{}", ended.out, ended.err);

    let (_open, address) = listener();
    let (_closed, closed) = closed_port();
    let server = dns(Says::Records(A, vec![vec![127, 0, 0, 1], vec![127, 0, 0, 2]]));
    let checks = format!(
        "  - {{id: each, matrix: {{port: [{}, {closed}], target: {FOUND}, way: [4s]}}, tcp: {{timeout: \"${{matrix.way}}\", host: \"${{matrix.target.host}}\", port: \"${{matrix.port}}\"}}}}\n",
        address.port()
    );
    let sandbox = suite(server, "type: A}", &checks);
    let (_, found) = run(&sandbox, &[]);
    let open = address.port();
    let want = format!(
        "found passed, each[port={open},target=127.0.0.1,way=4s] passed, each[port={open},target=127.0.0.2,way=4s] failed, \
         each[port={closed},target=127.0.0.1,way=4s] failed, each[port={closed},target=127.0.0.2,way=4s] failed"
    );
    assert_eq!(brief(&found), want);
}

#[test]
fn who_finds_nobody_is_what_keeps_the_others_from_running() {
    let port = web("nobody");
    let sandbox = suite(
        dns(Says::NoSuchName),
        "type: MX}",
        &each(FOUND, &format!("http://127.0.0.1:{port}/${{matrix.target.host}}")),
    );
    let (ended, found) = run(&sandbox, &[]);
    assert_eq!(
        (ended.code, brief(&found)),
        (1, "found failed, each skipped, after skipped".to_owned()),
        "{}",
        ended.out
    );
    assert_eq!(found[1].2, "needs found, which failed");
    assert!(sandbox.json("r.json")["checks"][1]["unmet"].as_bool().unwrap());
}

#[test]
fn what_a_target_lacks_or_does_not_fit_is_errored() {
    for (record, url, why) in [
        (mx(10, "mx1.test"), "http://127.0.0.1:${matrix.target.port}/", "gives it no port"),
        (mx(10, "mx1.test"), "http://127.0.0.1:1/${matrix.target.priority}", ""),
    ] {
        let checks = format!(
            "  - {{id: each, matrix: {{target: {FOUND}}}, http: {{url: \"{url}\", headers: {{x: \"${{matrix.target.host}}\"}}}}}}\n"
        );
        let sandbox = suite(dns(Says::Records(MX, vec![record])), "type: MX}", &checks);
        let (_, cases) = run(&sandbox, &[]);
        let (id, verdict) = if why.is_empty() { ("each[target=mx1.test]", "failed") } else { ("each", "errored") };
        assert_eq!((&*cases[1].0, &*cases[1].1), (id, verdict), "{cases:?}");
        assert!(cases[1].2.contains(why), "{}", cases[1].2);
    }
    // Two addresses of two IP versions: no packet can go there.
    let checks = format!(
        "  - {{id: each, matrix: {{target: {FOUND}}}, tcp: {{host: \"${{matrix.target.host}}\", port: 9, source: \"::1\"}}}}\n"
    );
    let sandbox = suite(dns(Says::Records(A, vec![vec![127, 0, 0, 1]])), "type: A}", &checks);
    let (ended, cases) = run(&sandbox, &[]);
    assert_eq!((ended.code, &*cases[1].1), (3, "errored"), "{cases:?}");
    assert!(cases[1].2.contains("of two IP versions"), "{}", cases[1].2);
}

#[test]
fn the_plan_shows_what_is_not_known_and_sends_nothing() {
    let port = web("nobody");
    let others = each(
        "{from: \"${checks.found.targets}\", max: 3}",
        &format!("http://127.0.0.1:{port}/${{matrix.target.host}}"),
    );
    let sandbox = suite(1, "type: MX}", &others);
    let plan = sandbox.run(&["plan", "suite.yaml"]);
    for line in [
        "2 cases, and at most 3 more for targets that are found, from suite.yaml",
        &format!("    2  s/each[target=?] <= 3  http http://127.0.0.1:{port}/?  (budget"),
        "         needs found\n",
        "         a case for each target of ${checks.found.targets}; errored where there are more than 3, or none\n",
        "    3  s/after  ",
        "         needs each[target=?]\n",
    ] {
        assert!(plan.out.contains(line), "{line}:\n{}", plan.out);
    }
    assert_eq!((plan.code, plan.out.matches("each[target=?] <=").count()), (0, 1), "{}", plan.err);
    let document = sandbox.run(&["plan", "suite.yaml", "--json", "-"]);
    let document: Value = serde_json::from_str(&document.out).unwrap();
    let ids: Vec<&str> =
        document["cases"].as_array().unwrap().iter().map(|case| case["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["found", "each[target=?]", "after"]);
    assert_eq!(
        document["cases"][1]["targets"],
        serde_json::json!({"key": "target", "from": "found.targets", "most": 3})
    );
    assert_eq!(document["cases"][2]["needs"], serde_json::json!(["s/each[target=?]"]));
    let only = sandbox.run(&["plan", "suite.yaml", "--only=after"]).out;
    assert!(only.contains("a selected check needs them: each[target=?], found\n"), "{only}");
    let only = sandbox.run(&["plan", "suite.yaml", "--only=found"]).out;
    assert!(only.contains("2 left out by the selection"), "{only}");
    let alone = sandbox.run(&["plan", "suite.yaml", "--per-target=1"]);
    assert!(alone.out.contains("stage noisy"), "whose host it is is not known:\n{}", alone.out);
}

#[test]
fn two_arms_have_no_targets_alike() {
    let sandbox = CliSandbox::new(&format!(
        "version: 1\nsuite: s\nvars: {{server: \"127.0.0.1:1\"}}\nchecks:\n  - {{id: found, dns: {{server: \"${{server}}\", name: a.test, type: MX}}}}\n{}",
        each(FOUND, "http://127.0.0.1:1/${matrix.target.host}")
    ));
    let ended = sandbox.run(&["plan", "suite.yaml", "--against", "server=127.0.0.1:2"]);
    let why = "check `found` cannot be compared by --against: the targets that it finds are of one arm";
    assert!(ended.code == 2 && ended.err.contains(why), "{}", ended.err);
    let ended = sandbox.run(&["plan", "suite.yaml", "--against", "server=127.0.0.1:2", "--only", "after"]);
    assert_eq!(ended.code, 2, "it is needed: {}", ended.err);
}

#[test]
fn a_target_that_is_gone_is_told_by_compare_and_one_that_was_left_out_is_not() {
    let port = web("nobody");
    let of = |records| {
        suite(
            dns(Says::Records(MX, records)),
            "type: MX}",
            &each(FOUND, &format!("http://127.0.0.1:{port}/${{matrix.target.host}}")),
        )
    };
    let (before, after) = (of(vec![mx(10, "mx1.test"), mx(20, "mx2.test")]), of(vec![mx(10, "mx1.test")]));
    run(&before, &[]);
    run(&after, &[]);
    let old = before.path("r.json");
    let compared = after.run(&["compare", old.to_str().unwrap(), "r.json"]);
    assert!(compared.out.contains("each[target=mx2.test]"), "{}{}", compared.out, compared.err);
    run(&after, &["--only=found"]);
    let compared = after.run(&["compare", old.to_str().unwrap(), "r.json"]);
    assert!(!compared.out.contains("each[target="), "{}{}", compared.out, compared.err);
}

#[test]
fn a_run_that_halts_skips_each_by_its_name() {
    let (server, port) = (dns(Says::Records(MX, vec![mx(10, "mx1.test"), mx(20, "mx2.test")])), web("/mx1"));
    let sandbox = suite(server, "type: MX}", &each(FOUND, &format!("http://127.0.0.1:{port}/${{matrix.target.host}}")));
    let (ended, found) = run(&sandbox, &["--fail-fast", "--jobs=1"]);
    assert_eq!(
        (ended.code, brief(&found)),
        (1, "found passed, each[target=mx1.test] failed, each[target=mx2.test] skipped, after skipped".to_owned())
    );
    assert_eq!(found[2].2, "not run: --fail-fast after each[target=mx1.test]");
}

#[test]
fn a_secret_beside_a_part_of_the_target_stays_hidden() {
    let port = web("nobody");
    let others = format!(
        "  - {{id: each, matrix: {{target: {FOUND}}}, http: {{url: \"http://127.0.0.1:{port}/${{matrix.target.host}}\", headers: {{x: \"${{TOKEN}} of ${{matrix.target.host}}\"}}}}}}\n"
    );
    let sandbox = suite(dns(Says::Records(MX, vec![mx(10, "mx1.test")])), "type: MX}", &others);
    let text = std::fs::read_to_string(sandbox.path("suite.yaml"))
        .unwrap()
        .replace("suite: s\n", "suite: s\nsecrets: [TOKEN]\n");
    std::fs::write(sandbox.path("suite.yaml"), text).unwrap();
    let mut command = sandbox.command(&["run", "suite.yaml", "--json=r.json", "-vv"]);
    let ended = Ended::of(command.env("TOKEN", "s3cr3t-value").output().unwrap());
    let shown = ended.out.clone() + &ended.err + &sandbox.json("r.json").to_string();
    assert!(ended.code == 0 && !shown.contains("s3cr3t") && !shown.contains("zqtarget"), "{shown}");
}
