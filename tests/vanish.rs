//! Whatever ends a run, whenever it comes, and whoever it hits: what was broken on purpose is put back.
//!
//! The table is the product of [`PHASES`], [`SIGNALS`] and [`VICTIMS`]: a new one joins by its row. When run and guard are killed at
//! the same moment nobody is left, and `shakedown restore` puts it back: a test of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod marks;

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use marks::{BINARY, Marks, pipe};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use serde_json::Value;
use shakedown::net::sys::session::own_session;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

/// The restore command must have begun so long after the signal.
const BEGUN_WITHIN: Duration = Duration::from_secs(2);
/// A guard waits so long for a sign of life of the run.
const UNHEARD: Duration = Duration::from_secs(3);
/// Bounds a test that would hang.
const PATIENCE: Duration = Duration::from_mins(1);
/// Cells at the same time: more only wait for each other.
const CELLS: usize = 3;

/// When the signal comes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// In the first steady phase: nothing was changed.
    Before,
    /// While the inject command runs, before it breaks anything.
    Injecting,
    /// While the fault is in place.
    InPlace,
    /// While the restore command runs, before it mends anything.
    Restoring,
}

const PHASES: &[Phase] = &[Phase::Before, Phase::Injecting, Phase::InPlace, Phase::Restoring];

/// The run handles the first three; the others end it as they please.
const SIGNALS: &[Signal] = &[
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGABRT,
    Signal::SIGKILL,
    Signal::SIGSTOP,
];

/// Whom it hits.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Victim {
    Run,
    /// Every process of the run's group.
    Group,
    /// Every process of the run's session.
    Session,
    /// The session's leader and all its descendants.
    Tree,
    /// The guard alone.
    Guard,
}

const VICTIMS: &[Victim] = &[Victim::Run, Victim::Group, Victim::Session, Victim::Tree, Victim::Guard];

#[derive(Clone, Copy, Debug)]
struct Cell(Phase, Signal, Victim);

impl Cell {
    /// Whether there is something to be seen: the guard is there once armed, and minds only what nobody can ignore. A run that
    /// is stopped is restored for once `inject` is over; before, and while it restores, everything goes on without it.
    fn exists(self) -> bool {
        let Self(phase, signal, victim) = self;
        match (victim, signal) {
            (Victim::Guard, Signal::SIGKILL | Signal::SIGABRT | Signal::SIGSTOP) => phase != Phase::Before,
            (Victim::Guard, _) => false,
            (_, Signal::SIGSTOP) => phase == Phase::InPlace,
            _ => true,
        }
    }

    /// Who vanished does not come back; who was stopped may.
    fn stops_run(self) -> bool {
        self.1 == Signal::SIGSTOP && self.2 != Victim::Guard
    }

    /// How soon the restore command must begin.
    fn limit(self) -> Duration {
        if self.stops_run() { BEGUN_WITHIN + UNHEARD } else { BEGUN_WITHIN }
    }
}

/// A run of one failover check against a listener that always answers.
struct Desk {
    marks: Marks,
    listener: TcpListener,
    /// Both sides of the pipe that inject or restore wait for.
    go: File,
    leader: i32,
    child: std::process::Child,
}

impl Desk {
    fn start(phase: Phase) -> Self {
        let (marks, listener) = (Marks::new(), TcpListener::bind("127.0.0.1:0").unwrap());
        let go =
            File::options().read(true).write(true).custom_flags(nix::libc::O_NONBLOCK).open(pipe(marks.path("go")));
        std::fs::write(marks.path("state"), "ok\n").unwrap();
        let (state, held) = (marks.path("state"), format!("read _ <'{}'; ", marks.path("go").display()));
        let hold = |held_in: Phase| if phase == held_in { held.as_str() } else { "" };
        let inject = format!("{}echo broken >'{}'", hold(Phase::Injecting), state.display());
        let done = marks.leave("done", "").remove(2);
        let restore = format!("{}echo ok >'{}'; {done}", hold(Phase::Restoring), state.display());
        let (inject, restore) = (marks.leave("injecting", &inject), marks.leave("restoring", &restore));
        let steady = if phase == Phase::Before { "10m" } else { "60ms" };
        let observe = if phase == Phase::Restoring { "60ms" } else { "10m" };
        let suite = format!(
            "version: 1\nsuite: s\nchecks:\n  - id: f\n    failover:\n      \
             probe: {{tcp: {{host: 127.0.0.1, port: {}}}, interval: 20ms}}\n      inject: {{run: {}}}\n      \
             restore: {{run: {}}}\n      steady: {steady}\n      observe: {observe}\n      settle: 20ms\n",
            listener.local_addr().unwrap().port(),
            serde_json::to_string(&inject).unwrap(),
            serde_json::to_string(&restore).unwrap(),
        );
        std::fs::write(marks.path("suite.yaml"), suite).unwrap();
        let child = Self::run(&marks);
        Self { leader: i32::try_from(child.id()).unwrap(), marks, listener, go: go.unwrap(), child }
    }

    /// Starts a run of the suite, in a session of its own.
    fn run(marks: &Marks) -> std::process::Child {
        // Whoever starts the tests in the background of a script has them ignore signals; what they start would too.
        let mut command = Command::new("env");
        command.args(["--default-signal", "sh"]);
        // The leader of the session is the run's parent, as a terminal's shell would be.
        let run = "echo $$ >run; exec \"$0\" run suite.yaml --allow-disruptive --json r.json";
        command.args(["-c", &format!("sh -c '{run}' \"$0\"; :"), BINARY]).current_dir(marks.path(""));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(marks.path("err")).unwrap());
        command.env("SHAKEDOWN_JOURNAL", marks.path("journal"));
        own_session(&mut command);
        command.spawn().unwrap()
    }

    /// Until the run is in the middle of `phase`.
    async fn reach(&mut self, phase: Phase) {
        match phase {
            Phase::Before => {
                // The rehearsal, and one of the stream.
                let listener = self.listener.try_clone().unwrap();
                let accept = move || (0..2).for_each(|_| drop(listener.accept().unwrap()));
                timeout(PATIENCE, tokio::task::spawn_blocking(accept)).await.unwrap().unwrap();
            }
            Phase::Injecting => self.marks.wait("injecting", 1).await,
            Phase::InPlace => {
                self.marks.wait("injecting", 1).await;
                let broken = async {
                    while self.state() != "broken\n" {
                        tokio::task::yield_now().await;
                    }
                };
                timeout(PATIENCE, broken).await.unwrap();
            }
            Phase::Restoring => self.marks.wait("restoring", 1).await,
        }
    }

    fn state(&self) -> String {
        std::fs::read_to_string(self.marks.path("state")).unwrap()
    }

    fn send(&self, signal: Signal, victim: Victim) {
        let run: i32 = std::fs::read_to_string(self.marks.path("run")).unwrap().trim().parse().unwrap();
        // Some may have ended by now.
        let each = |ids: Vec<i32>| {
            for id in ids {
                let _ = kill(Pid::from_raw(id), signal);
            }
        };
        match victim {
            Victim::Run => kill(Pid::from_raw(run), signal).unwrap(),
            Victim::Group => killpg(Pid::from_raw(self.leader), signal).unwrap(),
            Victim::Session => each(processes(|_, session, _| session == self.leader)),
            Victim::Tree => {
                let mut tree = HashSet::from([self.leader]);
                loop {
                    let more = processes(|id, _, parent| tree.contains(&parent) && !tree.contains(&id));
                    if more.is_empty() {
                        break;
                    }
                    tree.extend(more);
                }
                each(tree.into_iter().collect());
            }
            Victim::Guard => each(self.guards()),
        }
    }

    /// The one guard.
    fn guards(&self) -> Vec<i32> {
        let folder = self.marks.path("").canonicalize().unwrap();
        let ours = |id: &i32| {
            let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            let here = std::fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|cwd| cwd == folder);
            here && line.split(|byte| *byte == 0).any(|word| word == b"__guard")
        };
        let guards: Vec<i32> = processes(|_, _, _| true).into_iter().filter(ours).collect();
        assert_eq!(guards.len(), 1, "one guard");
        guards
    }

    /// Waits for a mark that a command leaves.
    async fn mark(&self, name: &str, times: usize) -> Result<(), String> {
        let left = timeout(BEGUN_WITHIN * 5, self.marks.wait(name, times)).await;
        left.map_err(|_| format!("no `{name}` within {:?}", BEGUN_WITHIN * 5))
    }

    async fn ended(&mut self) {
        while self.child.try_wait().unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    }

    /// Nobody is left that would break it again.
    fn nobody_waits_to_break_it(&mut self) {
        self.go.write_all(b"x\n").unwrap();
        let mut left = [0_u8; 2];
        self.go.read_exact(&mut left).expect("an inject command still waits");
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = killpg(Pid::from_raw(self.leader), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

/// Ids of processes by id, session and parent.
fn processes(wanted: impl Fn(i32, i32, i32) -> bool) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").unwrap();
    let ids = entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<i32>().ok());
    let fits = |id: &i32| {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{id}/stat")) else { return false };
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().collect();
        wanted(*id, fields[3].parse().unwrap(), fields[1].parse().unwrap())
    };
    ids.filter(fits).collect()
}

async fn play(cell: Cell) -> Result<(), String> {
    let Cell(phase, signal, victim) = cell;
    let mut desk = Desk::start(phase);
    desk.reach(phase).await;
    let before = desk.marks.count("restoring");
    let sent = Instant::now();
    desk.send(signal, victim);
    let said = |desk: &Desk| std::fs::read_to_string(desk.marks.path("err")).unwrap();
    let handled = victim == Victim::Run && matches!(signal, Signal::SIGINT | Signal::SIGTERM | Signal::SIGHUP);
    match phase {
        Phase::Before => {
            desk.ended().await;
            let untouched = desk.marks.count("injecting") + desk.marks.count("restoring") == 0;
            return if untouched { Ok(()) } else { Err("something was changed".into()) };
        }
        Phase::Injecting | Phase::InPlace => {
            desk.mark("restoring", 1).await?;
            let took = sent.elapsed();
            if took > cell.limit() {
                return Err(format!("restoring began {took:?} after the signal: {}", said(&desk)));
            }
        }
        Phase::Restoring => {
            if victim == Victim::Guard {
                desk.mark("restoring", before + 1).await?;
                if sent.elapsed() > cell.limit() {
                    return Err(format!("restoring began again {:?} after the guard died", sent.elapsed()));
                }
            }
            desk.go.write_all(b"x\nx\n").unwrap();
        }
    }
    desk.mark("done", 1).await?;
    if cell.stops_run() {
        desk.send(Signal::SIGCONT, victim);
    }
    if handled || victim == Victim::Guard || cell.stops_run() {
        reported(&mut desk, cell).await?;
    }
    if signal == Signal::SIGSTOP && phase != Phase::Restoring && desk.marks.count("restoring") != 1 {
        return Err(format!("it was restored {} times", desk.marks.count("restoring")));
    }
    if phase == Phase::Injecting {
        desk.nobody_waits_to_break_it();
    }
    if desk.state() == "ok\n" { Ok(()) } else { Err(format!("it stays broken: {}", said(&desk))) }
}

/// A run that lives says in its report what became of the target.
async fn reported(desk: &mut Desk, cell: Cell) -> Result<(), String> {
    desk.ended().await;
    let report: Value = serde_json::from_str(&std::fs::read_to_string(desk.marks.path("r.json")).unwrap()).unwrap();
    let check = &report["checks"][0];
    let detail = check["fault"]["detail"].as_str().unwrap_or_default();
    let put_back = match cell {
        Cell(_, _, Victim::Guard) => "guard process ended",
        _ if cell.stops_run() => "the run was stopped",
        _ => "what it had changed was put back",
    };
    if check["verdict"] == "errored" && check["facts"]["restored"] == true && detail.contains(put_back) {
        return Ok(());
    }
    Err(format!("the report says {check}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_ends_a_run_what_it_broke_is_put_back() {
    let places = Arc::new(Semaphore::new(CELLS));
    let cells = PHASES.iter().flat_map(|phase| {
        SIGNALS.iter().flat_map(|signal| VICTIMS.iter().map(|victim| Cell(*phase, *signal, *victim)))
    });
    let cells: Vec<Cell> = cells.filter(|cell| cell.exists()).collect();
    let mut running = Vec::new();
    for cell in cells {
        let places = Arc::clone(&places);
        running.push(tokio::spawn(async move {
            let _place = places.acquire().await.unwrap();
            let ended = timeout(PATIENCE * 2, play(cell)).await.unwrap_or_else(|_| Err("hangs".into()));
            ended.map_err(|why| format!("{cell:?}: {why}"))
        }));
    }
    let mut problems = Vec::new();
    for cell in running {
        problems.extend(cell.await.unwrap_or_else(|panic| Err(panic.to_string())).err());
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The cell that nobody is left for: `shakedown restore` puts back what run and guard, killed together, left broken. They stand in
/// nobody's way afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_run_and_guard_were_killed_together_restore_puts_it_back() {
    for phase in [Phase::Injecting, Phase::InPlace, Phase::Restoring] {
        let mut desk = Desk::start(phase);
        desk.reach(phase).await;
        let run: i32 = std::fs::read_to_string(desk.marks.path("run")).unwrap().trim().parse().unwrap();
        // Stopped first, so that neither sees the other go.
        let both = [desk.guards(), vec![run]].concat();
        for signal in [Signal::SIGSTOP, Signal::SIGKILL] {
            for id in &both {
                kill(Pid::from_raw(*id), signal).unwrap();
            }
        }
        timeout(PATIENCE, desk.ended()).await.unwrap();
        // A restore command that was under way is ended before another begins.
        let state = if phase == Phase::Injecting { "ok\n" } else { "broken\n" };
        assert_eq!((desk.state().as_str(), desk.marks.journals().len()), (state, 1), "{phase:?}");
        let mut restore = Command::new(BINARY);
        restore.arg("restore").current_dir(desk.marks.path("")).env("SHAKEDOWN_JOURNAL", desk.marks.path("journal"));
        let restoring = tokio::task::spawn_blocking(move || restore.output().unwrap());
        if phase == Phase::Restoring {
            desk.mark("restoring", 2).await.unwrap();
            desk.go.write_all(b"x\nx\n").unwrap();
        }
        let output = timeout(PATIENCE, restoring).await.unwrap().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), desk.state().as_str()), (Some(0), "ok\n"), "{phase:?}: {said}");
        assert_eq!(desk.marks.journals(), Vec::<std::path::PathBuf>::new(), "{phase:?}");
        if phase == Phase::Injecting {
            desk.nobody_waits_to_break_it();
        }
    }
}
