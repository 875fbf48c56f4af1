//! Failover against real servers, with a real guard: measured within bounds, put back on every path.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod marks;
mod observe;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use marks::{BINARY, Marks, command, shell};
use observe::{observe, put_back};
use serde_json::{Value, json};
use shakedown::checks::{FAMILIES, family};
use shakedown::lab::pair::Pair;
use shakedown::model::args::Expected;
use shakedown::model::{Arg, Args, Fault, FaultKind, Interval, Observation};
use shakedown::probe::{DynProbe, RestoreOutcome};
use shakedown::suite::Diagnostics;
use shakedown::suite::defaults::Defaults;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

/// One failover check against `front`, short phases.
struct Check {
    front: std::net::SocketAddr,
    inject: Vec<String>,
    restore: Vec<String>,
    verify: Option<Vec<String>>,
    observe: f64,
}

impl Check {
    fn probe(&self) -> Arc<dyn DynProbe> {
        (family("failover").unwrap().build)(&self.args()).unwrap()
    }

    fn args(&self) -> Args {
        marks::real_guards();
        let number = Arg::Number;
        let text = |text: &str| Arg::Text(text.into());
        let group = |pairs: Vec<(&'static str, Arg)>| Args(pairs.into_iter().collect::<BTreeMap<_, _>>());
        let command = |run: &[String]| {
            let run = run.iter().cloned().map(|word| Arg::Text(word.into())).collect();
            Arg::Group(group(vec![("run", Arg::List(run)), ("timeout", number(30.0))]))
        };
        let tcp = group(vec![
            ("host", text("127.0.0.1")),
            ("port", Arg::Integer(self.front.port().into())),
            ("timeout", number(3.0)),
            ("send", text("GET / HTTP/1.1\r\nHost: lab\r\n\r\n")),
            ("expect", text("200 OK")),
        ]);
        let mut args = group(vec![
            (
                "probe",
                Arg::Probe {
                    family: "tcp",
                    args: tcp,
                    group: group(vec![
                        ("interval", number(0.01)),
                        ("timeout", number(2.0)),
                        ("connection", text("new")),
                    ]),
                    expected: Expected::default(),
                },
            ),
            ("inject", command(&self.inject)),
            ("restore", command(&self.restore)),
            ("observe", number(self.observe)),
            ("steady", number(0.2)),
            ("settle", number(0.1)),
            ("isolated", Arg::Integer(1)),
        ]);
        if let Some(verify) = &self.verify {
            args.0.insert("verify", command(verify));
        }
        args
    }

    async fn run(&self) -> (Observation, Result<(), Fault>, Result<(), Fault>) {
        let probe = self.probe();
        let (observation, result) = observe(&*probe).await;
        let after = put_back(&*probe).await.map(drop);
        (observation, result, after)
    }
}

fn lab(pair: &Pair, words: &str) -> Vec<String> {
    let mut command = vec![BINARY.to_owned(), "__lab".to_owned(), pair.control().to_string()];
    command.extend(words.split(' ').map(str::to_owned));
    command
}

/// A command followed by a mark.
fn marked(marks: &Marks, name: &str, run: &[String]) -> Vec<String> {
    marks.leave(name, &format!("exec {}", command(run.to_vec()).shell_text()))
}

fn number(observation: &Observation, fact: &str) -> f64 {
    observation.last(fact).and_then(Value::as_f64).unwrap_or_else(|| panic!("no fact {fact}"))
}

fn bounds(observation: &Observation, fact: &str) -> Interval {
    observation.last(fact).and_then(Interval::of).unwrap_or_else(|| panic!("no bounds {fact}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_is_measured_and_put_back() {
    let (marks, pair) = (Marks::new(), Pair::start().await.unwrap());
    let check = Check {
        front: pair.front(),
        inject: lab(&pair, "stop a"),
        restore: marked(&marks, "restored", &lab(&pair, "start a")),
        verify: Some(marks.leave("verified", "")),
        observe: 1.5,
    };
    let (observation, result, after) = check.run().await;
    result.unwrap();
    after.unwrap();
    let yes = json!(true);
    for fact in ["steady.before", "recovered", "restored", "steady.after"] {
        assert_eq!(observation.last(fact), Some(&yes), "{fact}");
    }
    let (lo, hi) = (number(&observation, "outage.lo"), number(&observation, "outage.hi"));
    assert!(lo > 0.0 && lo <= hi, "{lo} {hi}");
    assert_eq!(bounds(&observation, "outage"), Interval::new(lo, hi));
    assert!(bounds(&observation, "downtime").hi >= Some(lo));
    assert!(number(&observation, "outages") >= 1.0 && number(&observation, "lost") >= 1.0);
    assert!(number(&observation, "recovered_after") < 1.5);
    assert!(observation.last("detected_after").is_some());
    assert_eq!((observation.last("inject.exit"), observation.last("restore.exit")), (Some(&json!(0)), Some(&json!(0))));
    assert_eq!(bounds(&observation, "failback").hi, Some(number(&observation, "failback.hi")));
    let answered = observation.merged("latency").unwrap().count() as f64;
    assert!((answered + number(&observation, "lost") - number(&observation, "sent")).abs() < 0.5);
    assert_eq!(marks.count("restored"), 1, "once, although the engine asks again");
    assert_eq!(marks.count("verified"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_does_not_fail_over_is_not_recovered() {
    let pair = Pair::start().await.unwrap();
    shakedown::lab::pair::control(pair.control(), &["stop".into(), "b".into()]).await.unwrap();
    let check = Check {
        front: pair.front(),
        inject: lab(&pair, "stop a"),
        restore: lab(&pair, "start a"),
        verify: None,
        observe: 0.5,
    };
    let (observation, result, _) = check.run().await;
    result.unwrap();
    assert_eq!(observation.last("recovered"), Some(&json!(false)));
    assert_eq!(observation.last("restored"), Some(&json!(true)));
    assert!(observation.last("recovered_after").is_none());
}

/// While the outage goes on, and not when it is over: else nobody would need it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_that_users_cannot_bear_is_ended_at_once() {
    for standby in [false, true] {
        let (marks, pair) = (Marks::new(), Pair::start().await.unwrap());
        if !standby {
            shakedown::lab::pair::control(pair.control(), &["stop".into(), "b".into()]).await.unwrap();
        }
        let check = Check {
            front: pair.front(),
            inject: lab(&pair, "stop a"),
            restore: marked(&marks, "restored", &lab(&pair, "start a")),
            verify: None,
            observe: if standby { 1.5 } else { 120.0 },
        };
        let mut args = check.args();
        let limit = Args(BTreeMap::from([("gt", Arg::Number(1.0))]));
        let condition = Args(BTreeMap::from([("outage", Arg::Group(limit))]));
        args.0.insert("abort_if", Arg::List(vec![Arg::Group(condition)]));
        let probe = (family("failover").unwrap().build)(&args).unwrap();
        let began = Instant::now();
        let (observation, result) = observe(&*probe).await;
        result.unwrap();
        put_back(&*probe).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        assert_eq!(observation.last("aborted"), Some(&json!(!standby)));
        assert_eq!((observation.last("restored"), marks.count("restored")), (Some(&json!(true)), 1));
        let reason = observation.last("abort_reason").and_then(Value::as_str).unwrap_or_default();
        assert_eq!(reason.contains("above 1 s (`abort_if`)"), !standby, "{reason}");
        if !standby {
            assert!(number(&observation, "aborted_after") > 0.9 && number(&observation, "outage.lo") > 1.0);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_effect_there_is_no_outage() {
    let pair = Pair::start().await.unwrap();
    let check =
        Check { front: pair.front(), inject: shell("true"), restore: shell(": nothing"), verify: None, observe: 0.3 };
    let (observation, result, _) = check.run().await;
    result.unwrap();
    assert_eq!(observation.last("recovered"), Some(&json!(true)));
    assert_eq!((number(&observation, "outages"), number(&observation, "outage.lo")), (0.0, 0.0));
    assert!(number(&observation, "outage.hi") > 0.0, "an outage between two probes remains possible");
    assert!(observation.last("detected_after").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_not_steady_is_left_alone() {
    let (marks, pair) = (Marks::new(), Pair::start().await.unwrap());
    for name in ["a", "b"] {
        shakedown::lab::pair::control(pair.control(), &["stop".into(), name.into()]).await.unwrap();
    }
    let check = Check {
        front: pair.front(),
        inject: marks.leave("injected", ""),
        restore: marks.leave("restored", ""),
        verify: None,
        observe: 0.2,
    };
    let (observation, result, after) = check.run().await;
    let fault = result.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Local);
    assert!(fault.detail.contains("was not steady before") && fault.detail.contains("reset"), "{fault}");
    after.unwrap();
    assert_eq!(observation.last("steady.before"), Some(&json!(false)));
    assert!(marks.count("injected") == 0 && marks.count("restored") == 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inject_that_fails_is_restored_all_the_same() {
    let (marks, pair) = (Marks::new(), Pair::start().await.unwrap());
    let check = Check {
        front: pair.front(),
        inject: shell("echo half done; exit 1"),
        restore: marks.leave("restored", ""),
        verify: None,
        observe: 0.2,
    };
    let (observation, result, after) = check.run().await;
    let fault = result.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Local);
    assert!(fault.detail.contains("exit status 1") && fault.detail.contains("half done"), "{fault}");
    after.unwrap();
    assert_eq!(observation.last("inject.exit"), Some(&json!(1)));
    assert_eq!(observation.last("restored"), Some(&json!(true)));
    assert_eq!(marks.count("restored"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_dropped_half_way_is_restored() {
    let (marks, pair) = (Marks::new(), Pair::start().await.unwrap());
    // Dropped while the command still runs, and while it observes.
    for rest in ["exec sleep 600", ""] {
        let (injected, restored) = (marks.count("injected"), marks.count("restored"));
        let check = Check {
            front: pair.front(),
            inject: marks.leave("injected", rest),
            restore: marks.leave("restored", ""),
            verify: None,
            observe: 600.0,
        };
        let probe = check.probe();
        tokio::select! {
            (_, result) = observe(&*probe) => panic!("ended by itself: {result:?}"),
            () = marks.wait("injected", injected + 1) => {}
        }
        assert_eq!(marks.count("restored"), restored);
        assert_eq!(put_back(&*probe).await, Ok(RestoreOutcome::Done));
        assert_eq!(put_back(&*probe).await, Ok(RestoreOutcome::Nothing));
        assert_eq!(marks.count("restored") - restored, 1);
    }
}

/// A service that goes away when told over a control connection, until it has left so many requests unanswered. It knows
/// for how long that was.
struct KnownOutage {
    front: std::net::SocketAddr,
    control: std::net::SocketAddr,
    truth: tokio::sync::watch::Receiver<Option<Duration>>,
}

impl KnownOutage {
    async fn start(unanswered: u32) -> Self {
        let (front, control) = (
            tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap(),
            tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap(),
        );
        let addresses = (front.local_addr().unwrap(), control.local_addr().unwrap());
        // Since when it is away, and how many requests it still leaves unanswered.
        let outage = Arc::new(Mutex::new((None::<Instant>, unanswered)));
        let (tell, truth) = tokio::sync::watch::channel(None);
        let state = Arc::clone(&outage);
        let answers = move || {
            let mut state = state.lock().unwrap();
            let Some(began) = state.0 else { return true };
            state.1 -= 1;
            if state.1 == 0 {
                state.0 = None;
                tell.send(Some(began.elapsed())).unwrap();
            }
            false
        };
        tokio::spawn(async move {
            while let Ok((mut client, _)) = front.accept().await {
                let answers = answers.clone();
                tokio::spawn(async move {
                    let mut request = [0_u8; 256];
                    let _ = client.read(&mut request).await;
                    if answers() {
                        let _ = client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                    }
                });
            }
        });
        tokio::spawn(async move {
            let (mut client, _) = control.accept().await.unwrap();
            outage.lock().unwrap().0 = Some(Instant::now());
            // Read what was said, else closing resets the connection and with it the answer.
            let mut words = [0_u8; 16];
            let _ = client.read(&mut words).await;
            client.write_all(b"ok\n").await.unwrap();
        });
        Self { front: addresses.0, control: addresses.1, truth }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_true_length_is_within_the_bounds() {
    let known = KnownOutage::start(25).await;
    let check = Check {
        front: known.front,
        inject: [BINARY, "__lab", &known.control.to_string(), "go"].map(str::to_owned).to_vec(),
        restore: shell("true"),
        verify: None,
        observe: 1.0,
    };
    let (observation, result, _) = check.run().await;
    result.unwrap();
    let truth = known.truth.borrow().unwrap().as_secs_f64();
    let (lo, hi) = (number(&observation, "outage.lo"), number(&observation, "outage.hi"));
    assert!(truth <= hi, "{truth} > {hi}");
    // The lower bound leans on the steady phase being as jittery as the rest, which a busy test machine may break.
    assert!(lo <= truth + 0.1, "{lo} > {truth}");
    assert!(lo > 0.0 && observation.last("recovered") == Some(&json!(true)));
}

/// An HTTP server whose answers have the status `good`, and `broken` while that mark is there.
async fn answering(good: &'static str, broken: &'static str, mark: std::path::PathBuf) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let status = if mark.exists() { broken } else { good };
            tokio::spawn(async move {
                let _ = client.read(&mut [0_u8; 1024]).await;
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                let _ = client.write_all(answer.as_bytes()).await;
                let _ = client.shutdown().await;
                let _ = client.read(&mut [0_u8; 16]).await;
            });
        }
    });
    address
}

/// A balancer that answers by itself is not the service; one that always did is what it always was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_a_check_would_fail_is_an_outage_unless_it_was_so_before() {
    const GOOD: &str = "200 OK";
    const MISSING: &str = "404 Not Found";
    for (good, broken, outages) in [(GOOD, MISSING, 1.0), (MISSING, MISSING, 0.0), (MISSING, "503 Gone", 1.0)] {
        let marks = Marks::new();
        let there = marks.path("broken");
        let front = answering(good, broken, there.clone()).await;
        let there = there.display();
        let (inject, restore) = (shell(&format!("echo x >'{there}'")), shell(&format!("rm -f '{there}'")));
        let mut args = Check { front, inject, restore, verify: None, observe: 0.6 }.args();
        let Some(Arg::Probe { group, .. }) = args.0.remove("probe") else { panic!("no probe") };
        let http = family("http").unwrap();
        let url = Args(BTreeMap::from([("url", Arg::Text(format!("http://{front}/").into()))]));
        let expected = Defaults::of(FAMILIES, &mut Diagnostics::default()).of_check(http, &url);
        let expected = Expected(expected.into());
        args.0.insert("probe", Arg::Probe { family: "http", args: url, group, expected });
        let probe = (family("failover").unwrap().build)(&args).unwrap();
        let (observation, result) = observe(&*probe).await;
        result.unwrap();
        put_back(&*probe).await.unwrap();
        assert!((number(&observation, "outages") - outages).abs() < 0.5, "{good}, then {broken}: {observation:?}");
        let why = "`status` was 404, expected between 200 and 299";
        assert!(observation.notes().iter().any(|note| note.contains(why)), "{:?}", observation.notes());
    }
}
