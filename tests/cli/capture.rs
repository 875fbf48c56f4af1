//! Log in, then ask: what one check captures stands in the requests of another one, and in no output.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use super::{CliSandbox, Ended, read};

const TOKEN: &str = "tk/4f9a-Zq81+x==";

/// A server of HTTP/1.1 on a port of its own; it keeps what it was asked.
struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers a request, head and body, with a status and a JSON document.
    fn new(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, asked) = (listener.local_addr().unwrap().port(), Arc::<Mutex<Vec<String>>>::default());
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (mut request, mut buffer) = (String::new(), [0; 4096]);
                while !is_whole(&request) {
                    let length = stream.read(&mut buffer).unwrap_or(0);
                    if length == 0 {
                        break;
                    }
                    request += &String::from_utf8_lossy(&buffer[..length]);
                }
                let (status, body) = answer(&request);
                kept.lock().unwrap().push(request);
                let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close");
                let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            }
        });
        Self { port, asked }
    }

    /// Gives `token` to who logs in, and answers those alone that have it; what it was shown, it says again.
    fn with_login(token: &'static str) -> Self {
        Self::new(move |request| {
            let json = serde_json::to_string(token).unwrap();
            if request.starts_with("POST /login") {
                return (200, format!("{{\"token\": {json}, \"id\": 4711}}"));
            }
            let known = request.to_lowercase().contains(&format!("authorization: bearer {token}\r\n").to_lowercase());
            (if known { 200 } else { 401 }, format!("{{\"seen\": {json}}}"))
        })
    }

    fn asked(&self, begin: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|request| request.starts_with(begin)).count()
    }
}

/// Whether a request is there with the body that its head announces.
fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

/// A suite of two checks: `login` captures, and `me` asks with that.
fn suite(name: &str, port: u16, login: &str, me: &str) -> String {
    format!(
        "version: 1\nsuite: {name}\nchecks:\n\
         \x20 - id: login\n    http: {{url: \"http://127.0.0.1:{port}/login\", method: POST}}\n    {login}\n\
         \x20 - id: me\n    {me}\n"
    )
}

/// Asks with the token in a header.
fn bearer(port: u16) -> String {
    format!(
        "http: {{url: \"http://127.0.0.1:{port}/me/${{checks.login.id}}\", headers: {{authorization: \"Bearer ${{checks.login.token}}\"}}}}"
    )
}

const CAPTURE: &str = "capture: {token: body.json.token, id: {fact: body.json.id, secret: false}}";
const REPORTS: [&str; 8] = [
    "run",
    "suite.yaml",
    "-vvv",
    "--json=r.json",
    "--junit=r.xml",
    "--events=e.jsonl",
    "--junit-dialect=rich",
    "--seed=1",
];

fn run(sandbox: &CliSandbox, args: &[&str]) -> Ended {
    Ended::of(sandbox.command(args).output().unwrap())
}

/// That a secret stands in no output, and in no file but the suite.
fn assert_hidden(sandbox: &CliSandbox, ended: &Ended, secret: &str) {
    let files = ["r.json", "r.xml", "e.jsonl"].map(|name| sandbox.path(name));
    let texts = files.iter().filter(|path| path.exists()).map(|path: &std::path::PathBuf| read(Path::new(path)));
    for text in texts.chain([ended.out.clone(), ended.err.clone()]) {
        assert!(!text.contains(secret), "`{secret}` is in:\n{text}");
        assert!(!text.contains("zqcaptured"), "a stand-in is in:\n{text}");
    }
}

#[test]
fn a_check_asks_with_what_another_one_captured_and_no_output_shows_it() {
    let server = Server::with_login(TOKEN);
    let sandbox = CliSandbox::new(&suite("s", server.port, CAPTURE, &bearer(server.port)));
    let ended = run(&sandbox, &REPORTS);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert_hidden(&sandbox, &ended, "4f9a-Zq81");
    let report = read(&sandbox.path("r.json"));
    assert!(report.contains("4711") && report.contains("***"), "{report}");
    assert_eq!(server.asked("GET /me/4711 "), 1, "a value that is no secret stands in the path");
    // The other check comes along with the one that is chosen.
    let ended = run(&sandbox, &["run", "suite.yaml", "--only", "me"]);
    assert_eq!((ended.code, server.asked("POST /login")), (0, 2), "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("included, because a selected check needs them: login"), "{}", ended.out);
    let plan = run(&sandbox, &["plan", "suite.yaml"]);
    for line in ["uses ${checks.login.token}", "captures token from body.json.token, secret", "needs login"] {
        assert!(plan.out.contains(line), "{line}: {}", plan.out);
    }
    let document = run(&sandbox, &["plan", "suite.yaml", "--json", "-"]);
    let document: serde_json::Value = serde_json::from_str(&document.out).unwrap();
    assert_eq!(document["cases"][0]["captures"][1]["secret"], false);
    assert_eq!(document["cases"][1]["uses"], serde_json::json!(["login.id", "login.token"]));
    assert!(!plan.out.contains("zqcaptured") && !document.to_string().contains("zqcaptured"));
    assert_eq!(server.asked("POST /login"), 2, "a plan asks nothing");
}

#[test]
fn a_login_that_fails_says_why_and_nothing_is_asked_with_it() {
    for (status, body, expect, says) in [
        (401, "{\"error\": \"no\"}", "", "401"),
        (200, "{\"error\": \"no\"}", "", "body.json.token"),
        // What it captured is hidden although it failed for something else.
        (
            200,
            "{\"token\": \"tk/4f9a-Zq81+x==\", \"id\": 4711, \"ready\": false}",
            "\n    expect: {body.json.ready: true}",
            "ready",
        ),
    ] {
        let server = Server::new(move |_| (status, body.to_owned()));
        let login = format!("{CAPTURE}{expect}");
        let sandbox = CliSandbox::new(&suite("s", server.port, &login, &bearer(server.port)));
        let ended = run(&sandbox, &REPORTS);
        assert_eq!((ended.code, server.asked("GET")), (1, 0), "{}{}", ended.out, ended.err);
        assert_hidden(&sandbox, &ended, "4f9a-Zq81");
        let report = sandbox.json("r.json");
        let reason = report["checks"][0]["reason"].to_string();
        assert!(reason.contains(says), "{says}: {reason}");
        assert!(report["checks"][1].to_string().contains("needs login, which failed"), "{}", report["checks"][1]);
    }
}

#[test]
fn hostile_values_reach_no_request_and_no_report() {
    let long = "x".repeat(20_000);
    for (value, asked, says) in [
        ("\"evil1\\r\\nx-admin: 1\"", 0, "a captured value does not fit in `headers`"),
        ("\"evil1\\u0000\"", 0, "a captured value does not fit in `headers`"),
        ("\"\"", 0, "`body.json.token` is an empty text"),
        ("\"ab\"", 0, "cannot be hidden in reports"),
        ("null", 0, "`body.json.token` is null"),
        ("[\"evil1\"]", 0, "`body.json.token` is a list"),
        ("{\"a\": [\"evil1\", 12345678901234567]}", 0, "`body.json.token` is a document"),
        (&format!("\"{long}\""), 0, "has 20000 bytes"),
        ("\"evil1 \\\"q\\\" 'x' \\\\\"", 1, ""),
        ("\"évil1 \u{1f600}\"", 1, ""),
        ("12345678901234567890123", 1, ""),
    ] {
        let body = format!("{{\"token\": {value}, \"id\": 1}}");
        let server = Server::new(move |_| (200, body.clone()));
        let sandbox = CliSandbox::new(&suite("s", server.port, CAPTURE, &bearer(server.port)));
        let ended = run(&sandbox, &REPORTS);
        let code = if asked == 1 { 0 } else { 3 };
        assert_eq!((ended.code, server.asked("GET")), (code, asked), "{value}: {}{}", ended.out, ended.err);
        let report = read(&sandbox.path("r.json"));
        assert!(report.contains(says), "{value}: {says}: {report}");
        for secret in ["evil1", "vil1", "1234567890123456", "xxxxxxxxxx"] {
            assert_hidden(&sandbox, &ended, secret);
        }
    }
}

#[test]
fn a_value_stays_one_value_within_a_document() {
    for value in ["evil1\", \"admin\": true, \"x\": \"", "back\\slash \"q\"", "line\nbreak \u{1f600}", "plain-token"] {
        let body = serde_json::json!({"token": value, "id": 1}).to_string();
        let server = Server::new(move |_| (200, body.clone()));
        let me = format!(
            "http: {{url: \"http://127.0.0.1:{}/me\", method: PUT, json: {{given: [\"<${{checks.login.token}}>\"], id: \"${{checks.login.id}}\"}}}}",
            server.port
        );
        let sandbox = CliSandbox::new(&suite("s", server.port, CAPTURE, &me));
        let ended = run(&sandbox, &REPORTS);
        assert_eq!(ended.code, 0, "{value}: {}{}", ended.out, ended.err);
        let asked = server.asked.lock().unwrap().iter().find(|request| request.starts_with("PUT")).cloned().unwrap();
        let sent: serde_json::Value = serde_json::from_str(asked.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!(sent, serde_json::json!({"given": [format!("<{value}>")], "id": 1}), "{asked}");
        assert_hidden(&sandbox, &ended, value);
    }
}

#[test]
fn of_several_rounds_the_last_value_counts_and_all_are_hidden() {
    let count = AtomicU32::new(0);
    let server = Server::new(move |request| {
        let number = if request.starts_with("POST") { count.fetch_add(1, Ordering::Relaxed) + 1 } else { 0 };
        // The first one is told again by each answer, also by those that count.
        (200, format!("{{\"token\": \"t0ken-number-{number}\", \"first\": \"t0ken-number-1\", \"id\": 1}}"))
    });
    let login = format!("{CAPTURE}\n    rounds: 3");
    let sandbox = CliSandbox::new(&suite("s", server.port, &login, &bearer(server.port)));
    let ended = run(&sandbox, &REPORTS);
    assert_eq!((ended.code, server.asked("POST"), server.asked("GET")), (0, 4, 1), "{}{}", ended.out, ended.err);
    let asked = server.asked.lock().unwrap().iter().find(|request| request.starts_with("GET")).cloned().unwrap();
    assert!(asked.contains("Bearer t0ken-number-4\r\n"), "{asked}");
    for number in 1..=4 {
        assert_hidden(&sandbox, &ended, &format!("t0ken-number-{number}"));
    }
}

#[test]
fn values_of_two_suites_are_not_mixed_up() {
    let (one, two) = (Server::with_login("first-token-1"), Server::with_login("second-token-2"));
    let sandbox = CliSandbox::new(&suite("s", one.port, CAPTURE, &bearer(one.port)));
    sandbox.write("other.yaml", &suite("t", two.port, CAPTURE, &bearer(two.port)));
    let ended = run(&sandbox, &["run", "suite.yaml", "other.yaml"]);
    assert_eq!((ended.code, one.asked("GET"), two.asked("GET")), (0, 1, 1), "{}{}", ended.out, ended.err);
}

#[test]
fn retries_have_the_same_value_and_two_arms_are_refused() {
    let server = Server::new(|request| match request {
        _ if request.starts_with("POST") => (200, format!("{{\"token\": \"{TOKEN}\", \"id\": 1}}")),
        _ => (503, "{}".to_owned()),
    });
    let me = format!("{}\n    retries: 2\n    retry_delay: 10ms", bearer(server.port));
    let sandbox = CliSandbox::new(&suite("s", server.port, CAPTURE, &me));
    let ended = run(&sandbox, &REPORTS);
    assert_eq!((ended.code, server.asked("POST"), server.asked("GET")), (1, 1, 3), "{}{}", ended.out, ended.err);
    assert!(server.asked.lock().unwrap().iter().skip(1).all(|request| request.contains(TOKEN)));
    let text = suite("s", server.port, CAPTURE, &bearer(server.port)).replace("checks:", "vars: {p: x}\nchecks:");
    sandbox.write("suite.yaml", &text.replace("/me/", "/${p}/"));
    let ended = run(&sandbox, &["run", "suite.yaml", "--against", "p=y"]);
    assert_eq!(ended.code, 2, "{}{}", ended.out, ended.err);
    assert!(ended.err.contains("a captured value is of one target"), "{}", ended.err);
}
