//! Impairment proxies of a run: what passes them is impaired while it should be, and nothing is left when the run ends, however.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod marks;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use marks::{BINARY, Marks};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use shakedown::model::Interval;

/// Bounds what would hang.
const PATIENCE: Duration = Duration::from_mins(1);

/// A service that answers each request of HTTP on the same connection, and any other bytes with themselves.
struct Service {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Service {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, connections) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&connections);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                counter.fetch_add(1, Ordering::Relaxed);
                std::thread::spawn(move || serve(client.unwrap()));
            }
        });
        Self { address, connections }
    }
}

fn serve(mut client: TcpStream) {
    let mut bytes = [0_u8; 4096];
    client.set_nodelay(true).unwrap();
    while let Ok(count @ 1..) = client.read(&mut bytes) {
        let told = if bytes.starts_with(b"GET ") {
            client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        } else {
            client.write_all(&bytes[..count])
        };
        if told.is_err() {
            return;
        }
    }
}

/// A port that nobody has just now.
fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A run of one check before a service.
struct Desk {
    marks: Marks,
    service: Service,
    listen: u16,
}

impl Desk {
    fn new() -> Self {
        Self { marks: Marks::new(), service: Service::start(), listen: port() }
    }

    /// With these streams, of which `PORT` is the proxy, and these impairments; `more` are further keys of the check.
    fn suite(&self, streams: &str, inject: &Value, more: &str) {
        let (listen, target) = (self.listen, self.service.address);
        let streams = streams.replace("PORT", &listen.to_string());
        let text = format!(
            "version: 1\nsuite: s\nchecks:\n  - id: f\n    failover:\n      streams: {streams}\n      \
             proxies: {{web: {{listen: \"127.0.0.1:{listen}\", target: \"{target}\"}}}}\n      inject: {inject}\n      \
             steady: 300ms\n      settle: 200ms\n{more}"
        );
        std::fs::write(self.marks.path("suite.yaml"), text).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SHAKEDOWN_")) {
            command.env_remove(name);
        }
        command.args(args).current_dir(self.marks.path("")).env("SHAKEDOWN_JOURNAL", self.marks.path("journal"));
        command.stdin(Stdio::null());
        command
    }

    fn run(&self) -> Child {
        let err = std::fs::File::create(self.marks.path("err")).unwrap();
        let mut command = self.command(&["run", "suite.yaml", "--allow-disruptive", "--json", "r.json"]);
        command.stdout(Stdio::null()).stderr(err).spawn().unwrap()
    }

    /// Exit status and output.
    fn output(&self, args: &[&str]) -> (i32, String) {
        let output = self.command(args).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), text)
    }

    /// The one check of a whole run.
    fn check(&self) -> Value {
        self.run().wait().unwrap();
        let report = std::fs::read(self.marks.path("r.json")).unwrap();
        serde_json::from_slice::<Value>(&report).unwrap()["checks"][0].clone()
    }

    /// Nothing of a run is left.
    async fn is_clean(&self) {
        let clean = async {
            while !self.marks.journals().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        let said = || std::fs::read_to_string(self.marks.path("err")).unwrap();
        tokio::time::timeout(PATIENCE, clean)
            .await
            .unwrap_or_else(|_| panic!("{:?}: {}", self.marks.journals(), said()));
    }
}

const WEB: &str = "{web: {http: {url: \"http://127.0.0.1:PORT/\"}, interval: 10ms, timeout: 300ms}}";

fn bounds(fact: &Value) -> (f64, f64) {
    let bounds = Interval::of(fact).unwrap_or_else(|| panic!("no bounds: {fact}"));
    (bounds.lo, bounds.hi.unwrap_or_else(|| panic!("no upper bound: {fact}")))
}

/// A black hole that ends by itself: its length is known, and the service is back before `restore`.
#[test]
fn an_outage_of_known_length_is_within_the_bounds() {
    let desk = Desk::new();
    desk.suite(WEB, &json!({"proxy": {"web": {"black_hole": true, "for": "600ms"}}}), "      observe: 2s\n");
    let check = desk.check();
    let facts = &check["facts"];
    assert_eq!(
        (&check["verdict"], &facts["recovered"], &facts["restored"]),
        (&json!("passed"), &json!(true), &json!(true)),
        "{check}"
    );
    let (lo, hi) = bounds(&facts["outage"]);
    // A timer is late by a turn of its thread at most; a busy host takes longer to give it one, and widens the bounds by its lateness.
    assert!(hi >= 0.6, "{lo} to {hi}");
    assert!(lo <= 0.62 + 0.25 && lo > 0.1, "{lo} to {hi}");
    assert_eq!(facts["outages"], 1, "{facts}");
    assert!(desk.marks.journals().is_empty());
}

/// What lasts until `restore` is away until then, and back afterwards.
#[test]
fn a_black_hole_lasts_until_restore() {
    let desk = Desk::new();
    desk.suite(WEB, &json!({"proxy": {"web": {"black_hole": true}}}), "      observe: 800ms\n");
    let check = desk.check();
    let facts = &check["facts"];
    assert_eq!(
        (&facts["recovered"], &facts["restored"], &facts["steady.after"]),
        (&json!(false), &json!(true), &json!(true)),
        "{check}"
    );
    assert!(facts["outage.lo"].as_f64().unwrap() > 0.4, "{facts}");
}

#[test]
fn sessions_are_lost_to_a_reset_and_latency_costs_none() {
    let streams = "{web: {http: {url: \"http://127.0.0.1:PORT/\"}, interval: 20ms}, \
                   session: {tcp: {host: 127.0.0.1, port: PORT}, interval: 20ms, connection: keep}}";
    for (impairment, lost) in [(json!({"reset": true}), 1), (json!({"latency": "30ms", "jitter": "5ms"}), 0)] {
        let desk = Desk::new();
        desk.suite(streams, &json!({"proxy": {"web": impairment}}), "      observe: 1s\n");
        let check = desk.check();
        let facts = &check["facts"];
        assert_eq!(facts["recovered"], true, "{check}");
        assert_eq!(facts["connections.lost"], lost, "{facts}");
    }
}

#[test]
fn a_port_that_is_taken_errs_before_anything_is_sent() {
    let desk = Desk::new();
    let taken = TcpListener::bind(("127.0.0.1", desk.listen)).unwrap();
    desk.suite(WEB, &json!({"proxy": {"web": {"black_hole": true}}}), "");
    let check = desk.check();
    drop(taken);
    assert_eq!(check["verdict"], "errored");
    let detail = check["fault"]["detail"].as_str().unwrap();
    assert!(
        detail.contains("cannot listen on") && detail.contains("in use") && detail.contains("nothing was sent"),
        "{detail}"
    );
    assert_eq!(desk.service.connections.load(Ordering::Relaxed), 0);
}

/// What clients see of a proxy whose target is away is a reset; the cause is the target.
#[test]
fn a_target_that_the_proxy_does_not_reach_is_the_cause() {
    let mut desk = Desk::new();
    desk.service.address = ([127, 0, 0, 1], port()).into();
    desk.suite(WEB, &json!({"proxy": {"web": {"black_hole": true}}}), "");
    let check = desk.check();
    assert_eq!(check["verdict"], "errored");
    let detail = check["fault"]["detail"].as_str().unwrap();
    let why = format!("proxy `web` did not reach its target {}: Connection refused", desk.service.address);
    assert!(detail.starts_with(&why) && detail.contains("nothing was injected"), "{detail}");
}

/// Each reason has its own advice.
#[test]
fn why_a_proxy_cannot_listen_decides_what_to_do() {
    let desk = Desk::new();
    desk.suite(WEB, &json!({"proxy": {"web": {"black_hole": true}}}), "");
    let suite = std::fs::read_to_string(desk.marks.path("suite.yaml")).unwrap();
    // An address that no host has, nor a route to.
    let elsewhere = suite.replace(&format!("127.0.0.1:{}", desk.listen), &format!("[::2]:{}", desk.listen));
    std::fs::write(desk.marks.path("suite.yaml"), elsewhere).unwrap();
    let check = desk.check();
    let fault = &check["fault"];
    assert!(fault["remedy"].as_str().is_some_and(|remedy| remedy.contains("an address of this host")), "{check}");
}

#[test]
fn the_plan_shows_it_and_its_inverse() {
    let desk = Desk::new();
    desk.suite(WEB, &json!({"proxy": {"web": {"latency": "200ms", "rate": "10 Mbit/s"}}}), "");
    let (code, text) = desk.output(&["plan", "suite.yaml", "--allow-disruptive"]);
    assert_eq!(code, 0, "{text}");
    let place = format!("# proxy web (tcp 127.0.0.1:{} to {}): ", desk.listen, desk.service.address);
    for (word, what) in [("inject", "latency 200 ms, rate 10 Mbit/s each way"), ("restore", "nothing is impaired")] {
        let line = text.lines().find(|line| line.contains(word) && line.contains(&place));
        assert!(line.is_some_and(|line| line.ends_with(what)), "{text}");
    }
}

/// However the run ends: the impairment is gone with its proxy, the guard says so, and the journal is closed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_stays_when_the_run_dies() {
    for (signal, both) in [(Signal::SIGKILL, false), (Signal::SIGSTOP, false), (Signal::SIGKILL, true)] {
        let desk = Desk::new();
        let mark = desk.marks.leave("injected", "");
        let steps = json!([{"proxy": {"web": {"black_hole": true}}}, {"run": mark}]);
        desk.suite(WEB, &steps, "      observe: 10m\n      restore: {run: [\"true\"]}\n");
        let mut run = desk.run();
        desk.marks.wait("injected", 1).await;
        assert_eq!(desk.marks.journals().len(), 1);
        // It is in place: what is asked is not answered.
        let mut client = TcpStream::connect(("127.0.0.1", desk.listen)).unwrap();
        client.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        client.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        assert!(client.read(&mut [0; 16]).is_err());
        let id = Pid::from_raw(run.id().cast_signed());
        if both {
            let guard = guard_of(&desk);
            kill(Pid::from_raw(guard), Signal::SIGKILL).unwrap();
        }
        kill(id, signal).unwrap();
        if both {
            run.wait().unwrap();
            let (code, told) = desk.output(&["restore", "--dry-run"]);
            assert!(code == 0 && told.contains("the run has ended, and its proxies with it"), "{code}: {told}");
            let (code, told) = desk.output(&["restore"]);
            assert_eq!(code, 0, "{told}");
        }
        desk.is_clean().await;
        if signal == Signal::SIGKILL && !both {
            let said = || std::fs::read_to_string(desk.marks.path("err")).unwrap();
            let whose = "shakedown guard: the run of s/f (";
            let told = async {
                while !said().lines().any(|line| line.starts_with(whose) && line.ends_with("is restored")) {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(PATIENCE, told).await.unwrap_or_else(|_| panic!("{}", said()));
        }
        if signal == Signal::SIGSTOP {
            // Its own guard restored; once it goes on it finds out, and nothing is impaired any more.
            kill(id, Signal::SIGCONT).unwrap();
        }
        run.wait().unwrap();
        // Its port is free.
        drop(TcpListener::bind(("127.0.0.1", desk.listen)).unwrap());
    }
}

/// The guard that stands in the folder of the marks.
fn guard_of(desk: &Desk) -> i32 {
    let folder = desk.marks.path("").canonicalize().unwrap();
    let mut ids = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<i32>().ok());
    let ours = |id: &i32| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let here = std::fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|cwd| cwd == folder);
        here && line.split(|byte| *byte == 0).any(|word| word == b"__guard")
    };
    ids.find(ours).expect("a guard")
}
