//! Real failovers, of a virtual address (VRRP), of balancers and of an anycast address (BGP): each outage is held against what the
//! timers of the daemons allow, and afterwards all is as it was. The lab is `tests/lab/failover-lab`.
//!
//! The timers are short here; `FAILOVER_LAB_TIMERS=standard` takes those of the field, which needs some minutes.

mod bgp;
mod lifetime;
mod suites;
mod truth;
mod vrrp;

use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::peer::{BIRD, HAPROXY, IP, KEEPALIVED, NFT, NGINX, installed, skip};
use super::sandbox::{CliSandbox, Ran, rows};
use super::{PATIENCE, within};

/// How late daemons may be on a machine that does other things as well, seconds.
const SLACK: f64 = 0.5;
/// How early: a timer of theirs began before the last packet had arrived.
const EARLY: f64 = 0.05;

/// Whether the daemons have the timers of the field.
fn standard() -> bool {
    std::env::var("FAILOVER_LAB_TIMERS").is_ok_and(|value| value == "standard")
}

/// Only one lab at a time: the timers of its daemons are short, and take a processor that is busy for a host that is gone.
static ALONE: Mutex<()> = Mutex::new(());

/// A lab of its own, removed with this.
struct Lab {
    name: String,
    _alone: Option<MutexGuard<'static, ()>>,
}

impl Lab {
    /// `None` where there can be none.
    fn up(words: &[&str]) -> Option<Self> {
        let lab = Self::new()?;
        let output = lab.command(&[&["up"], words].concat()).output().unwrap();
        assert!(output.status.success(), "{}", all_of(&output));
        Some(lab)
    }

    /// Only its name.
    fn new() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        if !installed(&[IP, NFT, KEEPALIVED, HAPROXY, NGINX, BIRD]) || !is_root() {
            return None;
        }
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        remove_forgotten();
        let name = format!("t{}n{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        Some(Self { name, _alone: Some(alone) })
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(script());
        command.args(["-n", &self.name]).args(words);
        command
    }

    fn output(&self, words: &[&str]) -> String {
        super::printed(&mut self.command(words))
    }

    fn namespace(&self, node: &str) -> String {
        format!("failover-lab-{}-{node}", self.name)
    }

    /// Who answers, what runs, what is filtered.
    fn status(&self) -> String {
        self.output(&["status"])
    }

    /// Each fault in turn, seen by the client. Afterwards everything is as it was.
    fn run(&self, cases: &[Case]) -> Ran {
        let mut checks = String::new();
        for case in cases {
            checks.push_str(&self.check(case));
        }
        let before = self.status();
        let patience = Duration::from_secs_f64(cases.iter().map(|case| case.observe() + 30.0).sum());
        let ran = CliSandbox::new().run_in(&self.namespace("client"), &checks, &["--allow-disruptive"], patience);
        self.is_as(&before, &ran.shown);
        ran
    }

    /// Who answers, what runs and what is filtered is as before. The last fault may have taken timers of its daemons along.
    fn is_as(&self, before: &str, shown: &str) {
        if within(PATIENCE, || (self.status() == before).then_some(())).is_none() {
            assert_eq!(self.status(), before, "{shown}");
        }
    }

    fn check(&self, case: &Case) -> String {
        let (lab, name, fault) = (script(), &self.name, case.fault);
        let lab = lab.display();
        let mut check = format!("  - id: {fault}\n    failover:\n      streams:\n");
        for stream in case.streams {
            writeln!(check, "        {stream}, timeout: 200ms}}").unwrap();
        }
        if let Some(built_in) = case.built_in {
            let built_in = built_in.replace("LAB", &format!("failover-lab-{name}"));
            writeln!(check, "      inject: {{{built_in}}}").unwrap();
        } else {
            writeln!(check, "      inject: {{run: [{lab}, -n, {name}, fault, {fault}]}}").unwrap();
            writeln!(check, "      restore: {{run: [{lab}, -n, {name}, heal, {fault}]}}").unwrap();
        }
        writeln!(check, "      verify: {{run: [{lab}, -n, {name}, verify], timeout: 1m}}").unwrap();
        let (observe, settle) = (case.observe(), case.settle());
        writeln!(check, "      observe: {observe:.1}s\n      steady: 300ms\n      settle: {settle}s").unwrap();
        check
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.command(&["down"]).output();
    }
}

/// Whether this user is; else the test must end.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
        || skip("this user may make no network namespace", "run the tests as root")
}

fn script() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/lab/failover-lab")
}

/// Labs of test processes that were killed.
fn remove_forgotten() {
    for entry in std::fs::read_dir("/run").unwrap().flatten() {
        let file = entry.file_name().into_string().unwrap_or_default();
        let Some(name) = file.strip_prefix("failover-lab-t") else { continue };
        let Some((pid, number)) = name.split_once('n') else { continue };
        if !PathBuf::from(format!("/proc/{pid}")).exists() {
            drop(Lab { name: format!("t{pid}n{number}"), _alone: None });
        }
    }
}

fn all_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// What users see of a fault until it is healed.
#[derive(Clone, Copy)]
enum Effect {
    /// The service stays.
    Nothing,
    /// What was on its way is lost, and no more.
    Moment,
    /// It is away once, for so many seconds.
    Away(f64, f64),
    /// A share of the requests fails, for at most so many seconds.
    Share(f64, f64),
    /// A share of the requests fails until it is healed.
    Lossy(f64),
    /// It comes and goes, and is away for at least so many seconds.
    Flaps(f64),
}

/// What becomes of a TCP session that was there before.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sessions {
    Kept,
    Lost,
}

/// A fault, who looks, and what theory says of it.
#[derive(Clone, Copy)]
struct Case {
    fault: &'static str,
    /// Done by shakedown itself and not by the lab; `LAB` is what the names of its namespaces, and its folder below /run, begin with.
    built_in: Option<&'static str>,
    /// One is named `session`; the first whose answers tell says who they are of, and the last is judged.
    streams: &'static [&'static str],
    effect: Effect,
    /// Who answers before and after.
    own: &'static [&'static str],
    /// Who answers at last until it is healed; nobody knows of none.
    spare: &'static [&'static str],
    sessions: Sessions,
}

impl Case {
    /// How long it is left alone, seconds.
    fn observe(&self) -> f64 {
        match self.effect {
            // Both claim it anew each second: long enough for each to have it.
            Effect::Nothing if self.spare.is_empty() => 4.0,
            // Long enough for another to take over unnoticed.
            Effect::Nothing | Effect::Moment => {
                if standard() {
                    6.0
                } else {
                    2.2
                }
            }
            Effect::Away(_, longest) | Effect::Share(_, longest) => longest + SLACK + 0.5,
            Effect::Lossy(_) => 2.0,
            Effect::Flaps(first) => first + 3.0,
        }
    }

    /// How long an answer must last to count as recovered, seconds: longer than from one flap to the next. The first node claims the
    /// address anew each second.
    fn settle(&self) -> f64 {
        if matches!(self.effect, Effect::Flaps(_)) { 2.5 } else { 0.3 }
    }

    /// Whether it is well before it is healed; `None` where an address that goes back and forth resets a session now and then.
    fn recovers(&self) -> Option<bool> {
        match self.effect {
            Effect::Flaps(_) | Effect::Lossy(_) => Some(false),
            _ if self.spare.is_empty() => None,
            _ => Some(true),
        }
    }

    #[track_caller]
    fn holds(&self, ran: &Ran) {
        let Self { fault, own, spare, .. } = *self;
        for fact in ["restored", "steady.after"] {
            assert_eq!(*ran.fact(fault, fact), true, "{fault}, {fact}\n{}", ran.shown);
        }
        if let Some(recovers) = self.recovers() {
            assert_eq!(*ran.fact(fault, "recovered"), recovers, "{fault}\n{}", ran.shown);
            assert_eq!(ran.verdict(fault), if recovers { "passed" } else { "failed" }, "{fault}\n{}", ran.shown);
        }
        for (phase, wanted) in [("before", own), ("during", spare), ("after", own)] {
            let mut owners = ran.texts(fault, &format!("owners.{phase}"));
            owners.sort();
            assert!(wanted.is_empty() || owners == wanted, "{fault}, {phase}: {owners:?}\n{}", ran.shown);
        }
        // Where nobody can say who has it at last, it is because it went back and forth.
        assert!(!spare.is_empty() || ran.number(fault, "owners.changes") > 0.5, "{fault}\n{}", ran.shown);
        let lost = ran.number(fault, "connections.lost") > 0.5;
        let sessions = if lost { Sessions::Lost } else { Sessions::Kept };
        // Of an address that goes back and forth nobody knows whom a segment meets.
        if !matches!(self.effect, Effect::Flaps(_)) {
            assert_eq!(sessions, self.sessions, "{fault}\n{}", ran.shown);
        }
        self.is_away_as_foretold(ran);
    }

    #[track_caller]
    fn is_away_as_foretold(&self, ran: &Ran) {
        let fault = self.fault;
        let streams = rows(ran.fact(fault, "streams"));
        let name = self.streams.last().unwrap().split(':').next().unwrap();
        let stream = &streams[name];
        let seen = format!("{fault}: {stream}\n{}", ran.shown);
        let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value}: {seen}"));
        let (lo, hi) = (number(&stream["outage"]["lo"]), number(&stream["outage"]["hi"]));
        let (outages, gap) = (number(&stream["outages"]), number(&stream["gap"]));
        let share = ran.number(fault, "degraded.share");
        let degraded = number(&stream["degraded"]) / number(&stream["sent"]);
        assert!(lo <= hi && hi - lo < SLACK, "{seen}");
        match self.effect {
            Effect::Nothing => assert!(outages < 0.5 && hi < SLACK && degraded < 0.01, "{seen}"),
            Effect::Moment => assert!(outages < 1.5 && hi < SLACK && degraded < 0.01, "{seen}"),
            Effect::Away(least, most) => {
                let (least, most) = (least - EARLY, most + SLACK);
                assert!(hi >= least && lo <= most, "theory {least} to {most}, saw {lo} to {hi}: {seen}");
                assert!(gap >= least && gap <= most, "theory {least} to {most}, saw {gap}: {seen}");
                assert!(outages > 0.5 && outages < 1.5, "{seen}");
            }
            Effect::Share(part, _) | Effect::Lossy(part) => {
                assert!((share - part).abs() < 0.15 && outages < 0.5, "{share}: {seen}");
            }
            Effect::Flaps(first) => assert!(outages > 1.5 && hi >= first - EARLY, "{seen}"),
        }
    }
}

/// All of `cases`, in a lab of `words`. The timers of the lab are shorter than a busy host may keep its daemons waiting: each case must
/// hold once in three.
fn hold(words: &[&str], cases: &[Case]) {
    let mut left = cases.to_vec();
    for _ in 1..3 {
        let Some(ran) = seen(words, &left) else { return };
        left.retain(|case| catch_unwind(AssertUnwindSafe(|| case.holds(&ran))).is_err());
        if left.is_empty() {
            return;
        }
    }
    let Some(ran) = seen(words, &left) else { return };
    for case in left {
        case.holds(&ran);
    }
}

/// What is seen of these in a lab of their own.
fn seen(words: &[&str], cases: &[Case]) -> Option<Ran> {
    let lab = Lab::up(words)?;
    Some(lab.run(cases))
}
