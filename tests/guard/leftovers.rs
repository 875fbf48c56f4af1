//! What an inject command leaves behind: ended, waited for, or left alone, and restored after.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;
use shakedown::guard::SUBCOMMAND;

use super::marks::{BINARY, Marks, command, pipe, shell};
use super::skips::skip;
use super::{Bare, Target, killed, limit, plan};

/// What `inject` was about to do is not done after the guard restored, however `inject` was built.
#[tokio::test]
async fn an_inject_command_that_was_interrupted_breaks_nothing_afterwards() {
    for wrap in ["BREAK", "(BREAK) & wait", "set -m; (BREAK) & wait", "BREAK | cat", "exec sh -c \"BREAK\""] {
        let target = Target::new();
        let go = pipe(target.marks.path("go"));
        // Held open, so that nobody waits for the other side, and what was written is there for whoever still reads.
        let mut go = File::options().read(true).write(true).open(go).unwrap();
        let inject = target.marks.leave("begun", &wrap.replace("BREAK", &target.breaks()));
        let mut bare = Bare::armed(&plan(inject, target.restore()));
        bare.send(&json!("inject"));
        target.marks.wait("begun", 1).await;
        let (output, content) = bare.vanish();
        assert!(content && output.contains("restored"), "{wrap}: {output}");
        go.write_all(b"x\n").unwrap();
        assert_eq!((target.state().as_str(), target.marks.count("restored")), ("ok\n", 1), "{wrap}");
        let mut left = [0_u8; 2];
        std::io::Read::read_exact(&mut go, &mut left).unwrap();
        assert_eq!(&left, b"x\n", "{wrap}: nobody is left that reads it");
    }
}

/// What left the session, or speaks with somebody else, is waited for, and then it is restored again.
#[tokio::test]
async fn what_cannot_be_ended_is_waited_for_and_undone() {
    let connected = "exec python3 -c \"import socket,os,sys; s=socket.create_connection(('127.0.0.1',PORT)); os.system(sys.argv[1])\" \"BREAK\"";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = connected.replace("PORT", &listener.local_addr().unwrap().port().to_string());
    for wrap in ["setsid sh -c \"BREAK\" & wait", "setsid env -i sh -c \"BREAK\" & exit 0", &connected] {
        let target = Target::new();
        let go = pipe(target.marks.path("go"));
        let mut go = File::options().read(true).write(true).open(go).unwrap();
        let ready = target.marks.path("ready");
        let held = format!("echo x >'{}'; {}", ready.display(), target.breaks());
        let inject = target.marks.leave("begun", &wrap.replace("BREAK", &held));
        let mut bare = Bare::armed(&plan(inject, target.restore()));
        bare.send(&json!("inject"));
        target.exists("ready").await;
        bare.input = None;
        // Restored at once, because who knows what is broken; the run would say so only at the end.
        target.marks.wait("restored", 1).await;
        go.write_all(b"x\n").unwrap();
        let (output, content) = bare.vanish();
        assert!(content && output.contains("restored"), "{wrap}: {output}");
        assert_eq!((target.state().as_str(), target.marks.count("restored")), ("ok\n", 2), "{wrap}");
    }
}

/// A command of another user (`sudo`) is in the session, and the guard may not signal it: it is waited for, and then it is
/// restored again. Nobody here is root, and one may become another user.
#[tokio::test]
async fn what_runs_as_another_user_is_waited_for_and_undone() {
    const GUARD: &str = "exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all,+setuid,+setgid \
                         --bounding-set=-all,+setuid,+setgid --ambient-caps=-all,+setuid,+setgid /proc/self/fd/9 \"$1\" 9<\"$0\"";
    const OTHER: &str = "setpriv --reuid=65533 --clear-groups --inh-caps=-all --ambient-caps=-all";
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        skip("this user cannot become another one", "run the tests as root");
        return;
    }
    let target = Target::new();
    let go = pipe(target.marks.path("go"));
    let mut go = File::options().read(true).write(true).open(go).unwrap();
    let held = format!("id -u >'{}'; {}", target.marks.path("ready").display(), target.breaks());
    let inject = target.marks.leave("begun", &format!("{OTHER} sh -c \"{held}\" & wait"));
    for (path, mode) in [("", 0o777), ("go", 0o666), ("bell", 0o666), ("state", 0o666)] {
        std::fs::set_permissions(target.marks.path(path), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut bare =
        Bare::by(Command::new("sh").args(["-c", GUARD, BINARY, SUBCOMMAND])).arm(&plan(inject, target.restore()));
    bare.send(&json!("inject"));
    target.exists("ready").await;
    bare.input = None;
    target.marks.wait("restored", 1).await;
    assert_eq!(std::fs::read_to_string(target.marks.path("ready")).unwrap(), "65533\n", "it is another user's");
    go.write_all(b"x\n").unwrap();
    let (output, content) = bare.vanish();
    assert!(content && output.contains("restored"), "{output}");
    assert_eq!((target.state().as_str(), target.marks.count("restored")), ("ok\n", 2), "{output}");
}

/// A service that `inject` starts on purpose is nobody's to kill; a restore that ends it is not run twice.
#[test]
fn what_a_successful_inject_left_running_is_left_alone() {
    let marks = Marks::new();
    let pid = marks.path("pid");
    let inject = shell(&format!("sleep 600 >/dev/null 2>&1 & echo $! >'{}'", pid.display()));
    let restore = marks.leave("restored", &format!("kill $(cat '{}')", pid.display()));
    let mut bare = Bare::live(&plan(inject, restore));
    bare.send(&json!("restore"));
    assert_eq!(bare.receive(), "restoring");
    let answer = bare.receive();
    assert_eq!(answer["restored"]["restore"]["exit"], 0, "{answer}");
    // It has nothing to end when it runs once more.
    let repeated = answer["restored"]["repeated"].as_str().unwrap();
    assert!(repeated.starts_with("exit status"), "{answer}");
    assert_eq!((marks.count("restored"), answer["restored"]["remaining"].clone()), (2, json!([])));
    // Where `verify` tells, it does not run twice.
    let inject = shell(&format!("sleep 600 >/dev/null 2>&1 & echo $! >'{}'", pid.display()));
    let mut plan = plan(inject, marks.leave("once", &format!("kill $(cat '{}')", pid.display())));
    plan.restore.verify = Some(command(shell("true")));
    let mut bare = Bare::live(&plan);
    bare.send(&json!("restore"));
    assert_eq!(bare.receive(), "restoring");
    let answer = bare.receive();
    assert_eq!((answer["restored"]["verify"]["exit"].clone(), marks.count("once")), (json!(0), 1));
    // And one that nobody ends is told.
    let mut plan = self::plan(shell("sleep 60 >/dev/null 2>&1 & exit 0"), marks.leave("again", ""));
    *limit(&mut plan) = Duration::from_millis(500);
    let mut bare = Bare::live(&plan);
    bare.send(&json!("restore"));
    assert_eq!(bare.receive(), "restoring");
    let answer = bare.receive();
    let remaining = answer["restored"]["remaining"][0].as_str().unwrap().to_owned();
    assert!(remaining.starts_with("sleep "), "{answer}");
    killed(remaining.trim_start_matches("sleep ").parse().unwrap(), Signal::SIGKILL);
}

/// What runs on after an inject command that failed may be about to break something.
#[test]
fn what_a_failed_inject_left_running_is_ended_first() {
    let marks = Marks::new();
    let mut plan = plan(shell("sleep 60 >/dev/null 2>&1 & exit 1"), marks.leave("restored", ""));
    *limit(&mut plan) = Duration::from_millis(500);
    let mut bare = Bare::armed(&plan);
    bare.send(&json!("inject"));
    assert!(bare.receive()["started"].is_number());
    assert_eq!(bare.receive()["injected"]["exit"], 1);
    bare.send(&json!("restore"));
    assert_eq!(bare.receive(), "restoring");
    let answer = bare.receive();
    assert_eq!((answer["restored"]["remaining"].clone(), marks.count("restored")), (json!([]), 1), "{answer}");
}

/// Without `verify`, nobody can tell whether what a successful `inject` left running was ended by `restore`, or has broken it
/// again and ended.
#[tokio::test]
async fn what_ended_by_itself_soon_after_restore_is_restored_again() {
    let target = Target::new();
    let go = pipe(target.marks.path("go"));
    let mut go = File::options().read(true).write(true).open(go).unwrap();
    let inject = shell(&format!("setsid sh -c \"{}\" >/dev/null 2>&1 & exit 0", target.breaks()));
    let mut bare = Bare::live(&plan(inject, target.restore()));
    bare.send(&json!("restore"));
    assert_eq!(bare.receive(), "restoring");
    target.marks.wait("restored", 1).await;
    go.write_all(b"x\n").unwrap();
    let answer = bare.receive();
    assert_eq!(answer["restored"]["restore"]["exit"], 0, "{answer}");
    assert_eq!((target.state().as_str(), target.marks.count("restored")), ("ok\n", 2));
}

/// Processes that each start the next one and end are never missed between two looks.
#[test]
fn a_chain_of_processes_is_waited_for() {
    let target = Target::new();
    let script = target.marks.path("chain.sh");
    let state = target.marks.path("state");
    let link = format!(
        "[ \"$1\" = 0 ] && exit; sleep 0.01; echo broken >'{1}'; setsid sh '{0}' $(($1-1)) >/dev/null 2>&1 &",
        script.display(),
        state.display()
    );
    std::fs::write(&script, link).unwrap();
    let mut bare = Bare::live(&plan(shell(&format!("sh '{}' 60", script.display())), target.restore()));
    bare.send(&json!("restore"));
    assert_eq!(bare.receive(), "restoring");
    let answer = bare.receive();
    assert_eq!(answer["restored"]["restore"]["exit"], 0, "{answer}");
    assert_eq!((target.state().as_str(), target.marks.count("restored")), ("ok\n", 2));
}

/// What nobody can end, and does not end, may break it again: that is no "restored".
#[tokio::test]
async fn what_is_still_about_to_break_it_is_no_restored() {
    let target = Target::new();
    let mut held = File::options().read(true).write(true).open(pipe(target.marks.path("go"))).unwrap();
    let escaped = format!("echo x >'{}'; {}", target.marks.path("ready").display(), target.breaks());
    let inject = target.marks.leave("begun", &format!("setsid sh -c \"{escaped}\" & wait"));
    let mut plan = plan(inject, target.restore());
    *limit(&mut plan) = Duration::from_millis(700);
    let mut bare = Bare::armed(&plan);
    bare.send(&json!("inject"));
    target.exists("ready").await;
    let (output, content) = bare.vanish();
    assert!(!content && output.contains("still runs and may break it again: sh "), "{output}");
    held.write_all(b"x\n").unwrap();
}
