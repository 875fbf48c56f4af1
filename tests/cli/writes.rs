//! Writes that a failover loses: a store that is told to forget, and what a run says of it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{CliSandbox, Ended};

/// How a store is not as it should be.
#[derive(Clone, Copy, Default)]
struct Faults {
    /// It fails over without the writes that it acknowledged last, so many.
    forgets: usize,
    /// It acknowledges nothing, ever.
    deaf: bool,
    /// It takes no writes once it has failed over.
    read_only: bool,
    /// Once it has failed over, every tenth value is stored twice.
    twice: bool,
    /// Once it has failed over, it answers no reads.
    unreadable: bool,
    /// While it is away it stores what it is sent, and does not say so.
    silent: bool,
    /// It answers 200 and says nothing of what is not there.
    vague: bool,
    /// It answers for every value as if it were there.
    echoes: bool,
    /// A value shows so long after it was acknowledged.
    lag: Duration,
}

/// It answers nobody.
struct Away;

#[derive(Default)]
struct Values {
    all: Vec<(String, Instant)>,
    failed_over: bool,
    away: bool,
}

/// A store of values: over HTTP `PUT /orders/VALUE`, `GET /orders/VALUE` and `GET /orders`, over TCP `SET VALUE` and `GET VALUE` a line. It
/// is away while there is a file `dead`, and has failed over then.
#[derive(Clone)]
struct Store {
    port: u16,
    dead: PathBuf,
    faults: Faults,
    values: Arc<Mutex<Values>>,
}

impl Store {
    fn start(folder: &Path, faults: Faults) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let store = Self { port, dead: folder.join("dead"), faults, values: Arc::default() };
        let served = store.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let store = served.clone();
                std::thread::spawn(move || store.serve(client));
            }
        });
        store
    }

    fn serve(&self, mut client: TcpStream) -> Option<()> {
        let (mut request, mut bytes) = (Vec::new(), [0_u8; 2048]);
        while !is_whole(&request) {
            match client.read(&mut bytes) {
                Ok(count @ 1..) => request.extend_from_slice(&bytes[..count]),
                _ => return None,
            }
        }
        let request = String::from_utf8(request).unwrap();
        let mut words = request.split_whitespace();
        let (method, what) = (words.next()?, words.next()?);
        let answer = if request.contains(" HTTP/") {
            let (status, body) = self.http(method, what.strip_prefix("/orders")?.trim_start_matches('/'))?;
            format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
        } else {
            self.line(method, what)?
        };
        client.write_all(answer.as_bytes()).ok()
    }

    /// Status and body; `None` of who is away.
    fn http(&self, method: &str, value: &str) -> Option<(u16, String)> {
        if method == "PUT" {
            return self.put(value).map(|stored| if stored { (201, String::new()) } else { (503, String::new()) });
        }
        let found = self.get(value).ok()?.or_else(|| self.faults.echoes.then(|| value.to_owned()));
        Some(match found {
            Some(_) if self.faults.unreadable && self.values.lock().unwrap().failed_over => (500, String::new()),
            Some(found) => (200, format!("[{found}]")),
            None if self.faults.vague => (200, "[]".to_owned()),
            None => (404, format!("no order {value}")),
        })
    }

    fn line(&self, method: &str, value: &str) -> Option<String> {
        if method == "SET" {
            return self.put(value).map(|stored| if stored { "+OK\r\n" } else { "-READONLY\r\n" }.to_owned());
        }
        Some(
            self.get(value)
                .ok()?
                .map_or_else(|| "$-1\r\n".to_owned(), |value| format!("${}\r\n{value}\r\n", value.len())),
        )
    }

    /// Whether it was stored.
    fn put(&self, value: &str) -> Option<bool> {
        let mut values = self.now();
        let Faults { deaf, read_only, twice, silent, .. } = self.faults;
        if values.away && !silent {
            return None;
        }
        if deaf || (read_only && values.failed_over) {
            return Some(false);
        }
        let times = if twice && values.failed_over && value.ends_with('0') { 2 } else { 1 };
        values.all.extend((0..times).map(|_| (value.to_owned(), Instant::now())));
        (!values.away).then_some(true)
    }

    /// The value if it is there, or all of them.
    fn get(&self, value: &str) -> Result<Option<String>, Away> {
        let values = self.now();
        if values.away {
            return Err(Away);
        }
        let mut shown =
            values.all.iter().filter(|(_, since)| since.elapsed() >= self.faults.lag).map(|(value, _)| value);
        if value.is_empty() {
            return Ok(Some(shown.cloned().collect::<Vec<_>>().join(", ")));
        }
        Ok(shown.find(|stored| *stored == value).cloned())
    }

    fn now(&self) -> std::sync::MutexGuard<'_, Values> {
        let mut values = self.values.lock().unwrap();
        values.away = self.dead.exists();
        if values.away && !values.failed_over {
            values.failed_over = true;
            let kept = values.all.len() - self.faults.forgets;
            values.all.truncate(kept);
        }
        values
    }

    /// A suite of one check whose stream `orders` is written so; `PORT` is the store's.
    fn suite(&self, stream: &str, expect: &str) -> String {
        let stream = stream.replace("PORT", &self.port.to_string());
        format!(
            "version: 1\nsuite: s\nchecks:\n  - id: f\n    failover:\n      streams: {{orders: {stream}}}\n      \
             inject: {{run: [touch, dead]}}\n      restore: {{run: [rm, -f, \"{}\"]}}\n      \
             steady: 300ms\n      observe: 600ms\n      settle: 100ms\n    expect: {{recovered: false, {expect}}}\n",
            self.dead.display()
        )
    }
}

/// A command is a line, a request of HTTP ends with an empty one.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let is_http = text.starts_with("PUT") || text.contains(" /");
    text.ends_with(if is_http { "\r\n\r\n" } else { "\r\n" })
}

const EACH: &str = "{http: {url: \"http://127.0.0.1:PORT/orders/{number}\", method: PUT}, interval: 20ms, \
                    read_back: {http: {url: \"http://127.0.0.1:PORT/orders/{number}\"}, within: 20s}}";
const LIST: &str = "{http: {url: \"http://127.0.0.1:PORT/orders/{number}\", method: PUT}, interval: 20ms, \
                    read_back: {http: {url: \"http://127.0.0.1:PORT/orders\"}, within: 20s}}";
const LINES: &str = "{tcp: {host: 127.0.0.1, port: PORT, send: \"SET {number}\\r\\n\", expect: \"+OK\"}, interval: 20ms, \
                     read_back: {tcp: {host: 127.0.0.1, port: PORT, dialogue: [{send: \"GET {number}\\r\\n\"}, {matches: \"^([$]-1|{number})\"}]}}}";

/// What a run comes to with such a store: exit code and check.
fn run(faults: Faults, stream: &str, expect: &str) -> (Ended, Value) {
    let sandbox = CliSandbox::new("");
    let store = Store::start(&sandbox.path(""), faults);
    run_with(&sandbox, &store, stream, expect)
}

fn run_with(sandbox: &CliSandbox, store: &Store, stream: &str, expect: &str) -> (Ended, Value) {
    sandbox.write("suite.yaml", &store.suite(stream, expect));
    let ended = sandbox.run(&["run", "suite.yaml", "--allow-disruptive", "--json", "r.json"]);
    let check = sandbox.json("r.json")["checks"][0].clone();
    (ended, check)
}

fn count(check: &Value, fact: &str) -> Option<i64> {
    check["facts"][fact].as_i64()
}

#[test]
fn a_store_that_keeps_what_it_acknowledged_loses_nothing() {
    for stream in [EACH, LIST, LINES] {
        for vague in [false, true] {
            let (ended, check) = run(Faults { vague, ..Faults::default() }, stream, "writes.acknowledged: {ge: 20}");
            assert_eq!(ended.code, 0, "{stream}: {} {}", ended.out, ended.err);
            let of = |fact| count(&check, fact);
            assert_eq!((of("writes.lost"), of("writes.unread")), (Some(0), Some(0)), "{check}");
            assert_eq!(of("writes.unacknowledged_present"), Some(0), "{check}");
            assert_eq!(of("writes.duplicated"), (stream == LIST).then_some(0), "{check}");
            assert!(of("lost") > Some(10), "it was away: {check}");
        }
    }
}

/// The first thing that is told, with numbers that can be looked for.
#[test]
fn what_was_acknowledged_and_is_gone_is_a_failure_that_names_it() {
    for (stream, forgets) in [(EACH, 4), (LIST, 3), (LINES, 2)] {
        let (ended, check) = run(Faults { forgets, ..Faults::default() }, stream, "outages: {ge: 1}");
        assert_eq!(ended.code, 1, "{stream}: {} {}", ended.out, ended.err);
        assert_eq!(count(&check, "writes.lost"), Some(i64::try_from(forgets).unwrap()), "{check}");
        let lost = check["facts"]["writes.lost_numbers"].as_array().unwrap();
        let [lost] = &**lost else { panic!("they are in a row: {check}") };
        let lost = lost.as_str().unwrap();
        assert!(lost.contains(" (values ") && lost.ends_with(" before `inject` had ended"), "{lost}");
        let (first, last) = lost.split_once(" (").unwrap().0.split_once(" to ").unwrap();
        let length = last.parse::<usize>().unwrap() - first.parse::<usize>().unwrap() + 1;
        assert_eq!(length, forgets, "{lost}");
        let acknowledged = count(&check, "writes.acknowledged").unwrap();
        let reason = check["reason"].as_str().unwrap();
        assert!(
            reason.ends_with(&format!(": {forgets} of {acknowledged} acknowledged writes are gone: {lost}")),
            "{reason}"
        );
        assert!(check["next"].as_str().unwrap().contains("replication is synchronous"), "{check}");
    }
}

/// Neither of them says that nothing was lost.
#[test]
fn who_acknowledges_nothing_is_not_judged() {
    let (ended, check) = run(Faults { deaf: true, ..Faults::default() }, EACH, "outages: {ge: 1}");
    assert_eq!((ended.code, check["verdict"].as_str()), (3, Some("errored")), "{}", ended.out);
    let reason = check["reason"].as_str().unwrap();
    assert!(
        reason.contains("was not acknowledged: `status` was 503") && reason.contains("nothing was changed"),
        "{reason}"
    );
    let lifted = "after.outages: {ge: 1}";
    let (ended, check) = run(Faults { read_only: true, ..Faults::default() }, EACH, lifted);
    assert_eq!((ended.code, check["verdict"].as_str()), (3, Some("errored")), "{}", ended.out);
    assert_eq!(count(&check, "writes.lost"), Some(0), "{check}");
    assert!(check.to_string().contains("no write was acknowledged after the disruption"), "{check}");
}

#[test]
fn what_cannot_be_read_is_not_said_to_be_there() {
    for stream in [EACH, LIST] {
        let (ended, check) = run(Faults { unreadable: true, ..Faults::default() }, stream, "outages: {ge: 1}");
        assert_eq!((ended.code, check["verdict"].as_str()), (3, Some("errored")), "{stream}: {}", ended.out);
        assert!(count(&check, "writes.unread") > Some(20), "{check}");
        let told = check.to_string();
        assert!(told.contains("could not be read back (") && told.contains("answered 500"), "{check}");
    }
}

/// That the answer is lost says nothing of the write.
#[test]
fn what_is_there_without_an_acknowledgement_is_counted_and_allowed() {
    let (ended, check) = run(Faults { silent: true, ..Faults::default() }, EACH, "outages: {ge: 1}");
    assert_eq!(ended.code, 0, "{} {}", ended.out, ended.err);
    assert!(count(&check, "writes.unacknowledged_present") > Some(10), "{check}");
}

/// Where a value that is there looks like one that never was, nothing tells whether one is lost: nothing is changed then.
#[test]
fn a_read_that_shows_all_values_alike_is_no_proof() {
    let hidden = Faults { vague: true, lag: Duration::from_mins(10), ..Faults::default() };
    for faults in [Faults { echoes: true, ..Faults::default() }, hidden] {
        let sandbox = CliSandbox::new("");
        let store = Store::start(&sandbox.path(""), faults);
        let (ended, check) = run_with(&sandbox, &store, EACH, "outages: {ge: 1}");
        assert_eq!((ended.code, check["verdict"].as_str()), (3, Some("errored")), "{}", ended.out);
        let reason = check["reason"].as_str().unwrap();
        let want = "was acknowledged, and the answer for it is like that for a value that was never written";
        assert!(reason.contains(want) && reason.contains("nothing was changed"), "{reason}");
        assert!(!store.values.lock().unwrap().failed_over, "{check}");
    }
}

/// A replica that is behind has lost nothing, and only whoever asks knows how long it may be.
#[test]
fn what_shows_later_is_waited_for_where_a_suite_says_so() {
    let faults = Faults { lag: Duration::from_millis(1500), ..Faults::default() };
    let (ended, check) = run(faults, EACH, "outages: {ge: 1}");
    assert_eq!((ended.code, check["verdict"].as_str()), (3, Some("errored")), "{}", ended.out);
    let told = check.to_string();
    assert!(
        told.contains("was acknowledged, and the answer for it is like that for a value that was never written")
            && told.contains("`eventually: 5s`"),
        "{check}"
    );
    for stream in [EACH, LIST] {
        let stream = stream.replace("within: 20s", "within: 20s, eventually: 10s");
        let (ended, check) = run(faults, &stream, "outages: {ge: 1}");
        assert_eq!(ended.code, 0, "{stream}: {} {}", ended.out, ended.err);
        assert_eq!(count(&check, "writes.lost"), Some(0), "{check}");
    }
    let stream = EACH.replace("within: 20s", "within: 20s, eventually: 3s");
    let (ended, check) = run(Faults { forgets: 2, ..faults }, &stream, "outages: {ge: 1}");
    assert_eq!((ended.code, count(&check, "writes.lost")), (1, Some(2)), "{}", ended.out);
}

#[test]
fn a_list_shows_what_is_there_twice() {
    let faults = Faults { twice: true, ..Faults::default() };
    let (ended, check) = run(faults, LIST, "writes.duplicated: 0");
    assert_eq!(ended.code, 1, "{} {}", ended.out, ended.err);
    let twice = count(&check, "writes.duplicated").unwrap();
    assert!((1..=10).contains(&twice), "{check}");
    assert!(check["reason"].as_str().unwrap().contains("there more than once"), "{check}");
    let (ended, _) = run(faults, LIST, "outages: {ge: 1}");
    assert_eq!(ended.code, 0, "it is asked for, or counted: {}", ended.out);
}

/// Values of an earlier run are none of this one's, which has lost its own.
#[test]
fn no_run_finds_the_values_of_another() {
    let sandbox = CliSandbox::new("");
    let store = Store::start(&sandbox.path(""), Faults::default());
    for _ in 0..2 {
        let (ended, _) = run_with(&sandbox, &store, EACH, "outages: {ge: 1}");
        assert_eq!(ended.code, 0, "{} {}", ended.out, ended.err);
    }
    let mut all: Vec<String> = store.values.lock().unwrap().all.iter().map(|(value, _)| value.clone()).collect();
    let count = all.len();
    all.sort();
    all.dedup();
    assert!(all.len() == count && count > 40, "{} of {count}", all.len());
}
