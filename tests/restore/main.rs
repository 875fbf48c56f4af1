//! The journal, and `shakedown restore`: what a machine that died left broken is put back, and until then nothing else is broken.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../api/mod.rs"]
mod api;
mod desk;
#[path = "../marks/mod.rs"]
mod marks;
mod requests;
#[path = "../skips/mod.rs"]
mod skips;

use std::fs::File;
use std::os::unix::fs::PermissionsExt;

use desk::Desk;
use marks::BINARY;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

const HOUR: &str = "      observe: 1h\n";
const SHORT: &str = "      observe: 60ms\n";

#[tokio::test]
async fn what_a_dead_machine_began_is_finished_by_restore() {
    let desk = Desk::new();
    desk.suite("f", &desk.mends(), HOUR);
    let planned = desk.shakedown(&["plan", "f.yaml"]).out;
    let (inject, restore) =
        (planned.find("inject: sh -c 'echo x").unwrap(), planned.find("restore: sh -c 'echo x").unwrap());
    assert!(inject < restore && desk.marks.count("injected") == 0, "{planned}");
    desk.dead("f.yaml").await;
    let journal = desk.journal();
    let mode = std::fs::metadata(&journal).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // Until it is restored nothing is broken.
    let name = journal.to_str().unwrap();
    let (ended, check) = desk.run("f.yaml");
    let detail = check["fault"]["detail"].as_str().unwrap();
    assert_eq!((ended.code, &check["verdict"], desk.marks.count("injected")), (3, &json!("errored"), 1));
    assert!(detail.contains(name) && detail.contains("s/f (127.0.0.1:"), "{detail}");
    assert!(check["fault"]["remedy"].as_str().unwrap().contains("shakedown restore"), "{check}");
    for args in [["restore", "--list"], ["restore", "--dry-run"]] {
        let ended = desk.shakedown(&args);
        assert!(ended.code == 0 && ended.out.contains(name) && ended.out.contains("s/f"), "{}{}", ended.out, ended.err);
        assert_eq!(ended.out.contains("would run: sh -c 'echo x"), args[1] == "--dry-run", "{}", ended.out);
    }
    assert_eq!((desk.state().as_str(), desk.marks.count("restored")), ("broken\n", 0));
    let ended = desk.shakedown(&["restore"]);
    assert!(ended.code == 0 && ended.out.contains("everything is back"), "{}{}", ended.out, ended.err);
    assert_eq!((desk.state().as_str(), desk.marks.journals().len()), ("ok\n", 0));
    let ended = desk.shakedown(&["restore"]);
    assert!(ended.code == 0 && ended.out.contains("nothing is left to restore"), "{}", ended.out);
    assert_eq!(desk.marks.count("restored"), 1);
}

/// What a living guard owns is its own affair; another target may be broken meanwhile.
#[tokio::test]
async fn a_living_guard_is_left_alone() {
    let desk = Desk::new();
    desk.suite("f", &desk.mends(), HOUR);
    let mut child = desk.broken("f.yaml").await;
    let ended = desk.shakedown(&["restore"]);
    assert!(ended.code == 0 && ended.out.contains("its guard lives"), "{}{}", ended.out, ended.err);
    assert_eq!((desk.state().as_str(), desk.marks.count("restored")), ("broken\n", 0));
    let mut other = Desk::new();
    other.suite("g", "true", SHORT);
    other.environment.push(("SHAKEDOWN_JOURNAL", desk.marks.path("journal").to_str().unwrap().to_owned().leak()));
    let (ended, check) = other.run("g.yaml");
    assert_eq!(check["facts"]["restored"], true, "{}{}{check}", ended.out, ended.err);
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).unwrap();
    child.wait().unwrap();
    assert_eq!((desk.state().as_str(), desk.marks.journals().len()), ("ok\n", 0));
}

/// A restore that fails, or hangs, is loud; its journal stays until it succeeds.
#[tokio::test]
async fn a_restore_that_fails_leaves_its_journal_and_says_what_to_run() {
    for (restore, verify, why) in [
        ("test -e mended", "", "exit status 1"),
        ("", "      verify: {run: [test, -e, mended]}\n", "`verify`: exit status 1"),
        ("test -e mended || exec sleep 600", "", "not done within"),
    ] {
        let desk = Desk::new();
        desk.suite("f", restore, &format!("{SHORT}{verify}"));
        let path = desk.marks.path("f.yaml");
        let suite = std::fs::read_to_string(&path).unwrap();
        // The limit of the restore command alone.
        let (before, after) = suite.split_once("      restore: {run: ").unwrap();
        let (list, after) = after.split_once("]}").unwrap();
        std::fs::write(&path, format!("{before}      restore: {{run: {list}], timeout: 300ms}}{after}")).unwrap();
        let (ended, check) = desk.run("f.yaml");
        let fault = &check["fault"];
        assert_eq!(
            (ended.code, &fault["kind"], &check["facts"]["restored"]),
            (3, &json!("not_restored"), &json!(false))
        );
        assert!(fault["detail"].as_str().unwrap().contains(why), "{why}: {fault}");
        let remedy = fault["remedy"].as_str().unwrap();
        assert!(remedy.contains("sh -c 'echo x") && remedy.contains("shakedown restore"), "{remedy}");
        assert_eq!(desk.marks.count("restored"), 2, "tried twice, not for ever");
        let (_, check) = desk.run("f.yaml");
        assert!(check["fault"]["remedy"].as_str().unwrap().contains("shakedown restore"), "{check}");
        let ended = desk.shakedown(&["restore"]);
        assert!(ended.code == 3 && ended.err.contains(why), "{why}: {}", ended.err);
        assert!(ended.err.contains("run by hand: sh -c 'echo x"), "{}", ended.err);
        assert_eq!((desk.marks.count("injected"), desk.marks.journals().len()), (1, 1));
        desk.write("mended", "");
        let ended = desk.shakedown(&["restore"]);
        assert_eq!((ended.code, desk.marks.journals().len()), (0, 0), "{why}: {}{}", ended.out, ended.err);
    }
}

#[test]
fn an_inject_that_fails_half_way_is_restored_and_leaves_no_journal() {
    let desk = Desk::new();
    desk.suite("f", &desk.mends(), SHORT);
    let path = desk.marks.path("f.yaml");
    let suite = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, suite.replacen("state'\"", "state'; exit 7\"", 1)).unwrap();
    let (ended, check) = desk.run("f.yaml");
    assert!(check["fault"]["detail"].as_str().unwrap().contains("exit status 7"), "{check}");
    assert_eq!((ended.code, desk.state().as_str(), desk.marks.journals().len()), (3, "ok\n", 0));
}

/// A folder that cannot be made, or holds nothing more: nothing is injected.
#[test]
fn without_a_journal_nothing_is_injected() {
    let mut desk = Desk::new();
    desk.suite("f", &desk.mends(), SHORT);
    desk.write("file", "");
    desk.environment.push(("SHAKEDOWN_JOURNAL", desk.marks.path("file/journal").to_str().unwrap().to_owned().leak()));
    let (ended, check) = desk.run("f.yaml");
    let told = |check: &Value, want: &str| {
        let fault = &check["fault"];
        let (detail, remedy) = (fault["detail"].as_str().unwrap(), fault["remedy"].as_str().unwrap());
        assert!(detail.contains(want) && detail.contains("nothing was injected"), "{detail}");
        assert!(remedy.contains("--journal DIR"), "{remedy}");
    };
    assert_eq!(ended.code, 3);
    told(&check, desk.marks.path("file/journal").to_str().unwrap());
    assert_eq!(desk.marks.count("injected") + desk.marks.count("restored"), 0);
}

/// A disk that is full, by a file system of a few pages in a mount namespace of its own.
#[test]
fn a_full_disk_keeps_the_fault_away() {
    let desk = Desk::new();
    desk.suite("f", &desk.mends(), SHORT);
    std::fs::create_dir(desk.marks.path("journal")).unwrap();
    let script = "mount -t tmpfs -o size=4k,mode=700 none journal && head -c 8192 /dev/zero >journal/filler; \
                  test -s journal/filler || exit 99; \"$0\" run f.yaml --allow-disruptive --json r.json; code=$?; ls journal; exit $code";
    let mut unshare = desk.command("unshare");
    let ended = Desk::end(unshare.args(["-m", "sh", "-c", script, BINARY]));
    if ended.code == 99 || ended.err.contains("unshare:") {
        assert!(!skips::skip("no mount namespace can be made here", "run it as root"));
        return;
    }
    let report: Value = serde_json::from_slice(&std::fs::read(desk.marks.path("r.json")).unwrap()).unwrap();
    let detail = report["checks"][0]["fault"]["detail"].as_str().unwrap();
    assert!(ended.code == 3 && detail.contains("No space left on device") && detail.contains("/journal/"), "{detail}");
    assert!(ended.out.ends_with("filler\n"), "nothing is left in the folder: {}", ended.out);
    assert_eq!(desk.marks.count("injected") + desk.marks.count("restored"), 0);
}

/// What is not as it was written is neither run nor removed, and says what it is.
#[tokio::test]
async fn a_damaged_journal_is_told_and_kept() {
    let desk = Desk::new();
    desk.suite("f", &desk.mends(), HOUR);
    desk.dead("f.yaml").await;
    let journal = desk.journal();
    let whole = std::fs::read(&journal).unwrap();
    let text = String::from_utf8(whole.clone()).unwrap();
    let newer = text.replace("\"format\": 1", "\"format\": 2");
    let cases: [(&str, Vec<u8>, &str); 6] = [
        ("cut", whole[..whole.len() / 2].to_vec(), "damaged: EOF"),
        ("changed", text.replace("echo ok", "echo no").into_bytes(), "not as it was written"),
        ("empty", Vec::new(), "damaged: EOF"),
        ("noise", vec![0xff; 3000], "damaged"),
        ("newer", newer.into_bytes(), "newer shakedown"),
        ("large", [whole.clone(), vec![b' '; 2 << 20]].concat(), "more than 1048576 bytes"),
    ];
    for (name, bytes, why) in cases {
        std::fs::write(&journal, &bytes).unwrap();
        let ended = desk.shakedown(&["restore"]);
        assert!(ended.code == 3 && ended.out.contains(journal.to_str().unwrap()), "{name}: {}{}", ended.out, ended.err);
        assert!(ended.err.contains(why), "{name}: {}", ended.err);
        assert!(ended.err.contains(&format!("rm {}", journal.display())), "{name}: {}", ended.err);
        assert_eq!(ended.err.contains("echo x"), !matches!(name, "empty" | "noise"), "{name}: {}", ended.err);
        assert_eq!(std::fs::read(&journal).unwrap(), bytes, "{name}");
        let (_, check) = desk.run("f.yaml");
        assert!(check["fault"]["detail"].as_str().unwrap().contains(journal.to_str().unwrap()), "{name}: {check}");
    }
    std::fs::write(&journal, &whole).unwrap();
    std::fs::set_permissions(&journal, PermissionsExt::from_mode(0o666)).unwrap();
    let ended = desk.shakedown(&["restore"]);
    assert!(ended.code == 3 && ended.err.contains("other users may write"), "{}", ended.err);
    assert_eq!((desk.marks.count("restored"), desk.marks.count("injected")), (0, 1));
    std::fs::set_permissions(&journal, PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!((desk.shakedown(&["restore"]).code, desk.state().as_str()), (0, "ok\n"));
}

/// Secrets are in no journal; restore takes them from the environment, and says which are missing.
#[tokio::test]
async fn secrets_are_kept_by_their_names_alone() {
    let mut desk = Desk::new();
    let mends = format!("test ${{TOKEN}} = s3cret-\"$ALSO\" && {}", desk.mends());
    desk.suite("f", &mends, HOUR);
    let path = desk.marks.path("f.yaml");
    let suite = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, suite.replace("suite: s\n", "suite: s\nsecrets: [TOKEN]\n")).unwrap();
    desk.environment = vec![("TOKEN", "s3cret-word"), ("ALSO", "word")];
    desk.dead("f.yaml").await;
    let text = std::fs::read_to_string(desk.journal()).unwrap();
    assert!(!text.contains("s3cret-word") && text.contains(r#"{\"secret\":\"TOKEN\"}"#), "{text}");
    desk.environment = vec![("SHAKEDOWN_COLOR", "never")];
    let ended = desk.shakedown(&["restore"]);
    assert!(ended.code == 3 && ended.err.contains("variables that are not set: ALSO, TOKEN"), "{}", ended.err);
    told_of_variables(&desk, &ended.err, "the command `sh -c 'echo x");
    assert_eq!((desk.state().as_str(), desk.marks.journals().len()), ("broken\n", 1));
    desk.environment = vec![("TOKEN", "s3cret-word"), ("ALSO", "word")];
    let ended = desk.shakedown(&["restore"]);
    assert_eq!((ended.code, desk.state().as_str()), (0, "ok\n"), "{}{}", ended.out, ended.err);
    assert!(!(ended.out + &ended.err).contains("s3cret-word"));
}

/// What undoes it, the journal, and what to run stand there.
fn told_of_variables(desk: &Desk, told: &str, title: &str) {
    let journal = desk.journal();
    let (file, folder) = (journal.display().to_string(), journal.parent().unwrap().display().to_string());
    let run = format!("run `shakedown restore --journal {folder}`");
    assert!(told.contains(title) && told.contains(&file) && told.contains(&run), "{title}, {run}: {told}");
}

/// Interrupted in the middle of a restore command, it ends that and keeps the journal.
#[tokio::test]
async fn a_restore_that_is_interrupted_keeps_its_journal() {
    let desk = Desk::new();
    desk.suite("f", &format!("test -e mended || exec sleep 600; {}", desk.mends()), HOUR);
    desk.dead("f.yaml").await;
    let mut command = desk.command(BINARY);
    let child = command.arg("restore").stderr(File::create(desk.marks.path("err")).unwrap()).spawn().unwrap();
    desk.marks.wait("restored", 1).await;
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(143));
    assert!(std::fs::read_to_string(desk.marks.path("err")).unwrap().contains("stays in its journal"));
    desk.write("mended", "");
    assert_eq!((desk.shakedown(&["restore"]).code, desk.state().as_str()), (0, "ok\n"));
}
