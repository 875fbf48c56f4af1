//! The journal, and `shakedown restore`: what a machine that died left broken is put back, and until then nothing else is broken.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod api;
mod marks;
mod skips;

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use api::Api;
use marks::{BINARY, Marks};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// A service that always answers, and a suite that breaks and mends a file.
struct Desk {
    marks: Marks,
    listener: TcpListener,
    environment: Vec<(&'static str, &'static str)>,
}

struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Desk {
    fn new() -> Self {
        let desk =
            Self { marks: Marks::new(), listener: TcpListener::bind("127.0.0.1:0").unwrap(), environment: Vec::new() };
        desk.write("state", "ok\n");
        desk
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.marks.path(name), text).unwrap();
    }

    fn state(&self) -> String {
        std::fs::read_to_string(self.marks.path("state")).unwrap()
    }

    /// A suite whose `inject` breaks the file, with what its restore command does, and more keys of the check.
    fn suite(&self, name: &str, restore: &str, more: &str) {
        let state = self.marks.path("state");
        let inject = self.marks.leave("injected", &format!("echo broken >'{}'", state.display()));
        let restore = self.marks.leave("restored", restore);
        let text = format!(
            "version: 1\nsuite: s\nchecks:\n  - id: {name}\n    failover:\n      probe: {{tcp: {{host: 127.0.0.1, port: {}}}, \
             interval: 20ms}}\n      inject: {{run: {}}}\n      restore: {{run: {}}}\n      steady: 60ms\n      settle: 20ms\n{more}",
            self.listener.local_addr().unwrap().port(),
            json!(inject),
            json!(restore)
        );
        self.write(&format!("{name}.yaml"), &text);
    }

    fn mends(&self) -> String {
        format!("echo ok >'{}'", self.marks.path("state").display())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SHAKEDOWN_")) {
            command.env_remove(name);
        }
        command.current_dir(self.marks.path("")).env("SHAKEDOWN_JOURNAL", self.marks.path("journal"));
        command.envs(self.environment.iter().copied()).stdin(Stdio::null());
        command
    }

    fn shakedown(&self, args: &[&str]) -> Ended {
        Self::end(self.command(BINARY).args(args))
    }

    fn end(command: &mut Command) -> Ended {
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs a suite; how it ended, and the check of its report.
    fn run(&self, suite: &str) -> (Ended, Value) {
        let ended = self.shakedown(&["run", suite, "--allow-disruptive", "--json", "r.json"]);
        let report = std::fs::read(self.marks.path("r.json")).unwrap();
        (ended, serde_json::from_slice::<Value>(&report).unwrap()["checks"][0].clone())
    }

    /// Starts a run that goes on until it is killed, and waits until its fault is in place.
    async fn broken(&self, suite: &str) -> Child {
        let before = self.marks.count("injected");
        let mut command = self.command(BINARY);
        command.args(["run", suite, "--allow-disruptive"]).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        self.marks.wait("injected", before + 1).await;
        while self.state() != "broken\n" {
            tokio::task::yield_now().await;
        }
        child
    }

    /// The fault is in place, and run and guard are dead, at the same moment.
    async fn dead(&self, suite: &str) {
        let mut child = self.broken(suite).await;
        let run = i32::try_from(child.id()).unwrap();
        let both = [self.guard(), run];
        // Stopped first, so that neither sees the other go.
        for signal in [Signal::SIGSTOP, Signal::SIGKILL] {
            for id in both {
                kill(Pid::from_raw(id), signal).unwrap();
            }
        }
        child.wait().unwrap();
        while std::fs::read_to_string(format!("/proc/{}/stat", both[0])).is_ok_and(|stat| !stat.contains(") Z")) {
            tokio::task::yield_now().await;
        }
        assert_eq!(self.state(), "broken\n");
    }

    fn guard(&self) -> i32 {
        let record: Value = serde_json::from_slice(&std::fs::read(self.journal()).unwrap()).unwrap();
        i32::try_from(record["journal"]["guard"]["pid"].as_i64().unwrap()).unwrap()
    }

    /// The one journal.
    fn journal(&self) -> PathBuf {
        let mut found = self.marks.journals();
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }
}

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

/// So is a request, and its inverse is sent with them once they are there.
#[tokio::test]
async fn a_request_is_kept_by_the_names_of_its_secrets() {
    let mut desk = Desk::new();
    let (api, listener) = (Api::default(), TcpListener::bind("127.0.0.1:0").unwrap());
    let at = format!("http://{}", listener.local_addr().unwrap());
    api.clone().serve(listener);
    desk.suite("f", &desk.mends(), HOUR);
    let path = desk.marks.path("f.yaml");
    let suite = std::fs::read_to_string(&path).unwrap().replace("suite: s\n", "suite: s\nsecrets: [TOKEN]\n");
    let request = |path: &str| {
        format!(
            "url: \"{at}/{path}?t=${{TOKEN}}\", headers: {{authorization: \"Bearer ${{TOKEN}}\"}}, body: \"${{TOKEN}}\""
        )
    };
    let http = format!("{{http: {{{}, undo: {{{}}}}}}}", request("down"), request("up"));
    let suite = suite.replacen("inject: {run:", &format!("inject: [{http}, {{run:"), 1);
    std::fs::write(&path, suite.replacen("}\n      restore:", "}]\n      restore:", 1)).unwrap();
    desk.environment = vec![("TOKEN", "s3cret-word")];
    let plan = desk.shakedown(&["plan", "f.yaml"]).out;
    let line = format!(
        "curl -sSi -X POST -H 'authorization: Bearer '\"$TOKEN\" -H content-type: --data-raw \"$TOKEN\" '{at}/up?t='\"$TOKEN\""
    );
    assert!(plan.contains(&line) && !plan.contains("s3cret-word"), "{plan}");
    desk.dead("f.yaml").await;
    assert!(api.is_down());
    let text = std::fs::read_to_string(desk.journal()).unwrap();
    assert!(!text.contains("s3cret-word") && text.contains(r#"{\"secret\":\"TOKEN\"}"#), "{text}");
    desk.environment = vec![("SHAKEDOWN_COLOR", "never")];
    let ended = desk.shakedown(&["restore"]);
    assert!(ended.code == 3 && ended.err.contains("variables that are not set: TOKEN"), "{}", ended.err);
    told_of_variables(&desk, &ended.err, &format!("`http` (POST {at}/up?t=$TOKEN)"));
    assert!(api.is_down() && desk.state() == "broken\n" && desk.marks.journals().len() == 1);
    desk.environment = vec![("TOKEN", "s3cret-word")];
    let ended = desk.shakedown(&["restore"]);
    assert_eq!((ended.code, desk.state().as_str(), api.is_down()), (0, "ok\n", false), "{}{}", ended.out, ended.err);
    let switched = api.switched().pop().unwrap();
    assert!(
        switched.starts_with("POST /up?t=s3cret-word ") && switched.contains("authorization: Bearer s3cret-word"),
        "{switched}"
    );
    let told = ended.out + &ended.err;
    assert!(told.contains(&format!("did the same as: {line}")) && !told.contains("s3cret-word"), "{told}");
}

/// What somebody else put back did not recover by itself, and is not judged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_else_ends_is_not_judged() {
    let desk = Desk::new();
    let (api, listener) = (Api::default(), TcpListener::bind("127.0.0.1:0").unwrap());
    let at = format!("http://{}", listener.local_addr().unwrap());
    api.clone().serve(listener);
    desk.suite("f", &desk.mends(), "      observe: 1500ms\n");
    let path = desk.marks.path("f.yaml");
    let suite = std::fs::read_to_string(&path).unwrap();
    let http = format!(
        "{{http: {{url: \"{at}/down\", undo: {{url: \"{at}/up\"}}, verify: {{url: \"{at}/\", contains: up}}}}}}"
    );
    let suite = suite.replacen("inject: {run:", &format!("inject: [{http}, {{run:"), 1);
    std::fs::write(&path, suite.replacen("}\n      restore:", "}]\n      restore:", 1)).unwrap();
    let (ended, check) = desk.run("f.yaml");
    assert_eq!(ended.code, 0, "nobody touched it: {}{}", ended.out, ended.err);
    let (injected, somebody) = (desk.marks.count("injected"), api.clone());
    assert_eq!((injected, check["verdict"].as_str(), api.is_down()), (1, Some("passed"), false));
    let other = async {
        desk.marks.wait("injected", injected + 1).await;
        somebody.put_up();
    };
    let run = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let ran = scope.spawn(|| desk.run("f.yaml"));
            tokio::runtime::Handle::current().block_on(other);
            ran.join().unwrap()
        })
    });
    let (ended, check) = run;
    assert_eq!((ended.code, check["verdict"].as_str()), (3, Some("errored")), "{}{}", ended.out, ended.err);
    let detail = check["fault"]["detail"].as_str().unwrap();
    assert!(detail.contains("ended by somebody else before it was restored"), "{detail}");
    assert!(desk.marks.journals().is_empty() && !api.is_down() && desk.state() == "ok\n");
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
