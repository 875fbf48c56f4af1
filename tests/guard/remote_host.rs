//! Commands on another host: this one, behind a program in the place of `ssh` that does what a test says.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shakedown::guard::disruption::{SshCommand, SshHost};
use shakedown::guard::{self, CommandSpec, Disruption, FaultPlan, RestorePlan, Step};

use super::marks::BINARY;
use super::{Bare, command};

/// Its first argument is the folder of the test. `works`: the other host is this one. `full`: nobody can make a folder there. `cut`: so it is until a command was told to run, which
/// then cuts the path. All else is what `ssh` says when it cannot connect.
const FAKE: &str = r#"#!/bin/sh
cd "$(dirname "$0")"
echo x >>calls
case $(cat mode) in
works) exec sh -s;;
full) mkdir -p bin && printf '#!/bin/sh\nexit 1\n' >bin/mkdir && chmod +x bin/mkdir && PATH=$PWD/bin:$PATH exec sh -s;;
cut)
  [ "$(wc -l <calls)" -lt 3 ] && exec sh -s
  echo "ssh: connect to host far port 22: No route to host" >mode
  exec 3<&0
  sh -s <&3 >out &
  while ! grep -q ' ready' out; do :; done
  cat out
  while [ ! -e broken ]; do :; done
  echo 'Timeout, server far not responding.' >&2; exit 255;;
*) cat mode >&2; exit 255;;
esac
"#;

/// A host, and a file there that is broken.
struct RemoteHost(tempfile::TempDir);

impl RemoteHost {
    fn new(mode: &str) -> Self {
        let remote = Self(tempfile::tempdir().unwrap());
        std::fs::write(remote.path("ssh"), FAKE).unwrap();
        std::fs::set_permissions(remote.path("ssh"), PermissionsExt::from_mode(0o755)).unwrap();
        remote.mode(mode);
        remote
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    /// What becomes of the next call.
    fn mode(&self, mode: &str) {
        std::fs::write(self.path("new"), mode).unwrap();
        std::fs::rename(self.path("new"), self.path("mode")).unwrap();
    }

    fn is_broken(&self) -> bool {
        self.path("broken").exists()
    }

    fn calls(&self) -> usize {
        std::fs::read_to_string(self.path("calls")).map_or(0, |text| text.lines().count())
    }

    fn plan(&self, run: &str, undo_after: Duration) -> FaultPlan {
        let script = |script: &str| {
            let script = script.replace("BROKEN", &format!("'{}'", self.path("broken").display()));
            ["sh".to_owned(), "-c".to_owned(), script].to_vec()
        };
        let command = SshCommand {
            host: SshHost { destination: "far".into(), ..SshHost::default() },
            run: script(run),
            undo: script("rm -f BROKEN"),
            verify: script("test ! -e BROKEN"),
            undo_after,
            timeout: Duration::from_secs(10),
            id: String::new(),
        };
        let inject = vec![Step::BuiltIn(Disruption::Ssh(command))];
        FaultPlan { inject, restore: RestorePlan::default(), hold: Duration::from_hours(1) }
    }

    /// A guard that finds this `ssh` first.
    fn guard(&self) -> Bare {
        let path = format!("{}:{}", self.0.path().display(), std::env::var("PATH").unwrap());
        Bare::by(Command::new(BINARY).arg(guard::SUBCOMMAND).env("PATH", path))
    }

    /// One with the plan, told to inject; and what came of it.
    fn injected(&self, plan: &FaultPlan) -> (Bare, Value) {
        let mut bare = self.guard().arm(plan);
        assert!(!self.is_broken(), "arming changes nothing");
        bare.send(&json!("inject"));
        let injected = answer(&mut bare, "injected");
        (bare, injected)
    }
}

/// The next answer of that name, while the guard hears that its run is there.
fn answer(bare: &mut Bare, name: &str) -> Value {
    loop {
        let reply = bare.receive();
        if let Some(found) = reply.get(name) {
            return found.clone();
        }
        if reply == "alive" {
            std::thread::park_timeout(Duration::from_millis(200));
        }
        bare.send(&json!("ping"));
    }
}

fn restored(bare: &mut Bare) -> Value {
    bare.send(&json!("restore"));
    answer(bare, "restored")
}

fn journals(bare: &Bare) -> usize {
    std::fs::read_dir(bare.journals.path().join("journal")).map_or(0, Iterator::count)
}

const LONG: Duration = Duration::from_mins(5);

#[test]
fn a_far_command_is_undone_when_the_run_vanishes() {
    let remote = RemoteHost::new("works");
    let (bare, injected) = remote.injected(&remote.plan("touch BROKEN", LONG));
    assert!(injected["failed"] == "" && remote.is_broken(), "{injected}");
    assert_eq!(journals(&bare), 1);
    let (output, content) = bare.vanish();
    assert!(content && !remote.is_broken(), "{output}");
    // It was looked at, armed, broken, undone and verified, each by a connection of its own.
    assert_eq!(remote.calls(), 5);
}

#[test]
fn a_far_command_that_was_undone_leaves_no_doubts() {
    let remote = RemoteHost::new("works");
    let (mut bare, _) = remote.injected(&remote.plan("touch BROKEN", LONG));
    let restored = restored(&mut bare);
    assert!(restored["failed"] == json!([]) && restored["doubts"] == "" && !remote.is_broken(), "{restored}");
    assert_eq!(journals(&bare), 0);
    assert!(bare.vanish().1);
}

/// What cuts the way that `ssh` takes is undone by the other host, and nobody calls it back before somebody has seen that it is.
#[test]
fn a_command_that_cuts_the_path_is_undone_by_the_other_host() {
    let remote = RemoteHost::new("cut");
    let (mut bare, injected) = remote.injected(&remote.plan("touch BROKEN", Duration::from_secs(6)));
    assert!(injected["failed"] == "" && remote.is_broken(), "{injected}");
    bare.send(&json!("restore"));
    let end = Instant::now() + Duration::from_secs(30);
    while remote.is_broken() && Instant::now() < end {
        bare.send(&json!("ping"));
        std::thread::park_timeout(Duration::from_millis(100));
    }
    assert!(!remote.is_broken(), "the timer has undone it, and nobody else could");
    assert_eq!(journals(&bare), 1, "nobody has seen it yet");
    remote.mode("works");
    let restored = answer(&mut bare, "restored");
    assert!(restored["failed"] == json!([]) && restored["doubts"] == "", "{restored}");
    assert_eq!(journals(&bare), 0);
}

/// A host that never comes back is told as not restored, once and not twice as late, with what its timer should have done.
#[test]
fn a_host_that_stays_away_is_not_restored() {
    let remote = RemoteHost::new("cut");
    let (mut bare, _) = remote.injected(&remote.plan("touch BROKEN", Duration::from_secs(1)));
    let begun = Instant::now();
    let restored = restored(&mut bare);
    let why = restored["failed"][0]["why"].as_str().unwrap();
    assert!(why.contains("No route to host: it does not answer"), "{why}");
    assert!(why.contains("tried for 21 s. A timer was armed on far: it does the undo by itself, 1 s later"), "{why}");
    assert!(restored["failed"][0]["by_hand"].as_str().unwrap().starts_with("ssh far 'sh -c "), "{restored}");
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}; it is tried for 21 s", begun.elapsed());
    assert_eq!(journals(&bare), 1);
}

/// What the other host has undone before anybody asked must not pass for a service that came back.
#[test]
fn a_timer_that_fires_early_leaves_doubts() {
    let remote = RemoteHost::new("works");
    let (mut bare, injected) = remote.injected(&remote.plan("touch BROKEN", Duration::from_secs(1)));
    assert_eq!(injected["failed"], "");
    let end = Instant::now() + Duration::from_secs(20);
    let early = |since: Instant| since.elapsed() < Duration::from_secs(4);
    while remote.is_broken() && Instant::now() < end {
        bare.send(&json!("ping"));
        std::thread::park_timeout(Duration::from_millis(100));
    }
    let undone = Instant::now();
    while early(undone) {
        bare.send(&json!("ping"));
        std::thread::park_timeout(Duration::from_millis(100));
    }
    let restored = restored(&mut bare);
    assert!(
        restored["doubts"].as_str().unwrap().contains("the timer on far undid it before the run did"),
        "{restored}"
    );
    assert_eq!(restored["failed"], json!([]));
}

/// A command of the suite: a script for `sh`.
fn script(text: &str) -> CommandSpec {
    command(["sh", "-c", text].map(str::to_owned).to_vec())
}

/// Without a timer that undoes it nothing is broken.
#[test]
fn where_no_timer_can_be_armed_nothing_is_broken() {
    let remote = RemoteHost::new("full");
    let (mut bare, injected) = remote.injected(&remote.plan("touch BROKEN", LONG));
    let failed = injected["failed"].as_str().unwrap();
    assert!(failed.contains("the timer could not be armed in /tmp of far"), "{failed}");
    assert!(failed.contains("; nothing was broken") && !remote.is_broken(), "{failed}");
    assert_eq!(remote.calls(), 2, "looked at, and not armed");
    assert_eq!(restored(&mut bare)["failed"], json!([]));
}

/// An undo that fails once may do a moment later; a host that was reached is not tried for long.
#[test]
fn an_undo_that_fails_is_tried_once_more() {
    for (fails, calls) in [("[ -e SEEN ] || { touch SEEN; exit 1; }; ", 6), ("exit 7; ", 5)] {
        let remote = RemoteHost::new("works");
        let mut plan = remote.plan("touch BROKEN", LONG);
        let Step::BuiltIn(Disruption::Ssh(command)) = &mut plan.inject[0] else { panic!() };
        let seen = format!("'{}'", remote.path("seen").display());
        let undo = command.undo.pop().unwrap();
        command.undo.push(fails.replace("SEEN", &seen) + &undo);
        let (mut bare, _) = remote.injected(&plan);
        let restored = restored(&mut bare);
        let failed = restored["failed"].as_array().unwrap();
        assert_eq!((failed.is_empty(), remote.is_broken()), (calls == 6, calls == 5), "{restored}");
        assert_eq!(remote.calls(), calls, "{restored}");
        if remote.is_broken() {
            assert!(failed[0]["why"].as_str().unwrap().contains("exit status 7 on far"), "{restored}");
            // Nobody waits for its timer.
            let id = std::fs::read_dir("/tmp").unwrap().flatten().map(|entry| entry.path());
            let own = |folder: &std::path::PathBuf| {
                std::fs::read_to_string(folder.join("run"))
                    .is_ok_and(|run| run.contains(remote.0.path().to_str().unwrap()))
            };
            let folder = id.into_iter().find(own).unwrap();
            let timer = std::fs::read_to_string(folder.join("timer.pid")).unwrap();
            Command::new("kill").args(["-s", "KILL", "--", &format!("-{}", timer.trim())]).status().unwrap();
            std::fs::remove_dir_all(folder).unwrap();
        }
    }
}

/// What the first try to restore learned stays known, whatever makes it a second one: that finds nothing of it any more.
#[test]
fn doubts_outlive_another_try_to_restore() {
    let in_shell = |path: std::path::PathBuf| format!("'{}'", path.display());
    for retried in ["verify fails once", "a process is ended by restore", "a process goes on for a while"] {
        let remote = RemoteHost::new("works");
        let mut plan = remote.plan("touch BROKEN", Duration::from_secs(1));
        let (seen, pid) = (in_shell(remote.path("seen")), in_shell(remote.path("pid")));
        let leaves = |seconds: u32| Step::Run(script(&format!("sleep {seconds} >/dev/null 2>&1 & echo $! >{pid}")));
        match retried {
            "verify fails once" => {
                plan.restore.verify = Some(script(&format!("[ -e {seen} ] || {{ touch {seen}; exit 1; }}")));
            }
            "a process is ended by restore" => {
                plan.inject.push(leaves(600));
                plan.restore.restore = Some(script(&format!("kill \"$(cat {pid})\"; :")));
            }
            _ => plan.inject.push(leaves(9)),
        }
        let (mut bare, injected) = remote.injected(&plan);
        assert_eq!(injected["failed"], "", "{retried}");
        wait(&mut bare, || !remote.is_broken());
        // Past what may be the lateness of a busy host.
        let until = Instant::now() + Duration::from_secs(4);
        wait(&mut bare, || Instant::now() >= until);
        let restored = restored(&mut bare);
        let doubts = restored["doubts"].as_str().unwrap();
        assert!(doubts.contains("the timer on far undid it before the run did"), "{retried}: {restored}");
        assert_eq!((&restored["failed"], &restored["remaining"]), (&json!([]), &json!([])), "{retried}");
        // Looked at, armed, broken, restored, verified; and once more restored and verified.
        assert!(remote.calls() >= 6, "{retried}: it was tried once only");
        assert!(bare.vanish().1);
    }
}

/// Until that is so, for a while; the guard hears that its run is there.
fn wait(bare: &mut Bare, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end);
        bare.send(&json!("ping"));
        std::thread::park_timeout(Duration::from_millis(100));
    }
}

/// What changes nothing is no disruption, whatever it says of itself.
#[test]
fn a_far_command_without_effect_is_told() {
    let remote = RemoteHost::new("works");
    let (mut bare, injected) = remote.injected(&remote.plan("true", LONG));
    let failed = injected["failed"].as_str().unwrap();
    assert!(
        failed.contains("`run` on far did not take effect: it exited 0, and so did `verify` 5 s later"),
        "{failed}"
    );
    let restored = restored(&mut bare);
    assert_eq!((&restored["failed"], journals(&bare)), (&json!([]), 0), "{restored}");
}

/// Nobody could be told of it when it was broken; so it is told when it is undone.
#[test]
fn a_cut_that_had_no_effect_leaves_doubts() {
    let remote = RemoteHost::new("cut");
    // Long enough broken for the path to go, and then as if nothing had been.
    let (mut bare, injected) = remote.injected(&remote.plan("touch BROKEN; sleep 1; rm BROKEN", LONG));
    assert_eq!(injected["failed"], "", "{injected}");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(9) {
        bare.send(&json!("ping"));
        std::thread::park_timeout(Duration::from_millis(100));
    }
    remote.mode("works");
    let restored = restored(&mut bare);
    let doubts = restored["doubts"].as_str().unwrap();
    assert!(doubts.contains("`run` on far did not take effect"), "{restored}");
}

/// Its time is over on the other host, however long `ssh` would wait.
#[test]
fn a_far_command_that_does_not_end_is_told_by_its_own_limit() {
    for (name, run, undo) in [("run", "sleep 100", "true"), ("undo", "touch BROKEN", "sleep 100")] {
        let remote = RemoteHost::new("works");
        let (begun, mut plan) = (Instant::now(), remote.plan(run, LONG));
        let Step::BuiltIn(Disruption::Ssh(command)) = &mut plan.inject[0] else { panic!("{plan:?}") };
        command.timeout = Duration::from_secs(1);
        command.undo = ["sh", "-c", undo].map(str::to_owned).to_vec();
        let (mut bare, injected) = remote.injected(&plan);
        let restored = restored(&mut bare);
        let late = format!("`{name}` on far did not end within its `timeout` of 1 s, so it was ended");
        if name == "run" {
            let failed = injected["failed"].as_str().unwrap();
            assert!(failed.contains(&late), "{failed}");
            assert_eq!(restored["failed"], json!([]), "{restored}");
        } else {
            let why = restored["failed"][0]["why"].as_str().unwrap();
            assert!(why.contains(&late) && why.contains("do not count on that"), "{why}");
            // As a person would, who does it by hand.
            std::fs::remove_file(remote.path("broken")).unwrap();
            let id = std::fs::read_dir("/tmp").unwrap().filter_map(|entry| Some(entry.ok()?.path()));
            let of_test = |path: &std::path::PathBuf| {
                std::fs::read_to_string(path.join("run"))
                    .is_ok_and(|text| text.contains(remote.0.path().to_str().unwrap()))
            };
            for folder in id.filter(of_test) {
                let timer = std::fs::read_to_string(folder.join("timer.pid")).unwrap();
                std::fs::remove_dir_all(&folder).unwrap();
                Command::new("kill").arg(timer.trim()).status().unwrap();
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(25), "{name}: {:?}", begun.elapsed());
    }
}

#[test]
fn a_far_command_that_fails_is_told_with_what_it_said() {
    let remote = RemoteHost::new("works");
    let (mut bare, injected) = remote.injected(&remote.plan("touch BROKEN; echo no such device; exit 255", LONG));
    let failed = injected["failed"].as_str().unwrap();
    assert!(failed.contains("exit status 255 on far; it said: no such device"), "{failed}");
    let restored = restored(&mut bare);
    assert!(restored["failed"] == json!([]) && !remote.is_broken(), "{restored}");
}

#[test]
fn what_keeps_ssh_from_connecting_is_told_before_anything_is_broken() {
    for (mode, run, want) in [
        ("Host key verification failed.", "true", "its host key is not known here: connect once by hand (`ssh far`)"),
        ("far: Permission denied (publickey).", "true", "it takes no key of this user"),
        ("ssh: connect to host far port 22: Connection refused", "true", "nothing listens there"),
        ("ssh: connect to host far port 22: Connection timed out", "true", "it does not answer"),
        ("works", "true", "nothing is broken yet, and `verify` on far fails all the same: exit status 1"),
    ] {
        let remote = RemoteHost::new(mode);
        if mode == "works" {
            std::fs::write(remote.path("broken"), "").unwrap();
        }
        let mut bare = remote.guard();
        let custody =
            json!({"check": "s/x", "target": "t", "locks": [], "journals": [bare.journals.path().join("journal")]});
        bare.send(&json!({ "arm": { "plan": remote.plan(run, LONG), "mark": "m", "custody": custody } }));
        let refused = bare.receive();
        let detail = refused["refused"]["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(want), "{mode}: {refused}");
        assert_eq!((remote.calls(), journals(&bare)), (1, 0));
    }
}
