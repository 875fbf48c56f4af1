//! Checks that break something: alone on their host, watched without a gap, and judged by what they leave behind.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::pipe::Pipe;
use super::{CliSandbox, Ended, Running};

/// A service that greets until the file `dead` is in its folder.
pub(super) struct Service {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl Service {
    pub(super) fn start(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, dead) = (listener.local_addr().unwrap().port(), folder.join("dead"));
        let asked = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            for mut client in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::Relaxed);
                if !dead.exists() {
                    let _ = client.write_all(b"hello\n");
                }
            }
        });
        Self { port, asked }
    }

    /// Waits until it was asked so many times more: time passed in the run, and the inject command has ended.
    pub(super) fn hear(&self, more: usize) {
        let until = self.asked.load(Ordering::Relaxed) + more;
        while self.asked.load(Ordering::Relaxed) < until {
            std::thread::yield_now();
        }
    }

    /// A suite of one check; `rest` has its commands and phases.
    pub(super) fn suite(&self, id: &str, rest: &str) -> String {
        format!(
            "version: 1\nsuite: s\nchecks:\n  - id: {id}\n    failover:\n      \
             probe: {{tcp: {{host: 127.0.0.1, port: {}, expect: hello}}, interval: 20ms}}\n{rest}",
            self.port
        )
    }
}

fn check(sandbox: &CliSandbox, report: &str) -> Value {
    sandbox.json(report)["checks"][0].clone()
}

/// Commands that say on `bell` that they ran, and phases that go on until the run is ended.
fn held(inject: &str, restore: &str) -> String {
    format!(
        "      inject: {{run: [sh, -c, \"echo injected >bell; {inject}\"]}}\n      \
         restore: {{run: [sh, -c, \"echo restored >bell; {restore}\"]}}\n      steady: 60ms\n      observe: 1h\n"
    )
}

/// What a program reads of a plan is what a person reads of it.
#[test]
fn the_document_of_a_plan_has_what_its_text_shows_of_a_disruption() {
    let sandbox = CliSandbox::new(
        "version: 1\nsuite: s\nsecrets: [TOKEN]\nchecks:\n  - id: f\n    failover:\n      \
         probe: {tcp: {host: 127.0.0.1, port: 9}}\n      inject: [{link: {down: eth7}}, {run: [sh, -c, \"go $TOKEN ${TOKEN}\"]}]\n      \
         restore: {run: [back]}\n      verify: {run: [is, back]}\n  - id: quiet\n    tcp: {host: 127.0.0.1, port: 9}\n",
    );
    let plan = |args: &[&str]| {
        let mut command = sandbox.command(&[&["plan", "suite.yaml", "--allow-disruptive"], args].concat());
        let ended = Ended::of(command.env("TOKEN", "s3cr3t-token").output().unwrap());
        assert_eq!(ended.code, 0, "{}", ended.err);
        ended.out
    };
    let shown = plan(&[]);
    let document: Value = serde_json::from_str(&plan(&["--json", "-"])).unwrap();
    let of = |id: &str| document["cases"].as_array().unwrap().iter().find(|case| case["id"] == id).cloned().unwrap();
    let steps = of("f")["disruption"].as_array().cloned().unwrap();
    let words: Vec<&str> = steps.iter().filter_map(|step| step["step"].as_str()).collect();
    assert_eq!(words, ["inject", "inject", "restore", "restore", "verify"]);
    for step in &steps {
        let (word, command) = (step["step"].as_str().unwrap(), step["command"].as_str().unwrap());
        assert!(shown.contains(&format!("{word}: {command}")), "{step}: {shown}");
        assert!(!command.contains("s3cr3t"), "{step}");
    }
    assert_eq!(of("quiet")["disruption"], serde_json::json!([]));
}

#[test]
fn a_restore_that_leaves_the_service_dead_fails() {
    let sandbox = CliSandbox::new("");
    let service = Service::start(&sandbox.path(""));
    let phases = "      steady: 200ms\n      observe: 100ms\n      settle: 100ms\n";
    for (restore, isolated, code) in [("touch dead", 1, 1), ("touch dead", 9, 1), ("true", 1, 0)] {
        let _ = std::fs::remove_file(sandbox.path("dead"));
        let commands = format!(
            "      inject: {{run: [\"true\"]}}\n      restore: {{run: [{}]}}\n      isolated: {isolated}\n",
            restore.replace(' ', ", ")
        );
        sandbox.write("suite.yaml", &service.suite("f", &(commands + phases)));
        let ended = sandbox.run(&["run", "suite.yaml", "--allow-disruptive", "--json", "r.json"]);
        assert_eq!(ended.code, code, "{restore} {isolated}: {}{}", ended.out, ended.err);
        let check = check(&sandbox, "r.json");
        assert_eq!((&check["facts"]["restored"], &check["facts"]["recovered"]), (&true.into(), &true.into()));
        assert_eq!(check["facts"]["after.outages"], code, "{check}");
    }
}

#[test]
fn what_a_stopped_process_did_not_watch_is_errored_and_not_caught_up_with() {
    let sandbox = CliSandbox::new("");
    let (service, bell) = (Service::start(&sandbox.path("")), Pipe::new(&sandbox.path("bell")));
    let rest = held("true", "true").replace("1h", "4s");
    sandbox.write("suite.yaml", &service.suite("f", &rest));
    let args = ["run", "suite.yaml", "--allow-disruptive", "--json", "r.json"];
    let running = Running::start(&mut sandbox.command(&args));
    bell.hear("injected");
    service.hear(25);
    let stopped = std::time::Instant::now();
    running.signal(Signal::SIGSTOP);
    // This length of time is what the report must name.
    std::thread::park_timeout(Duration::from_millis(1500));
    running.signal(Signal::SIGCONT);
    let length = stopped.elapsed().as_secs_f64();
    let ended = running.end();
    assert_eq!(ended.code, 3, "{}{}", ended.out, ended.err);
    let check = check(&sandbox, "r.json");
    let detail = check["fault"]["detail"].as_str().unwrap();
    assert!(detail.contains("did not run for 1.") && detail.contains("s of `observe`"), "{detail}");
    assert_eq!((&check["verdict"], &check["facts"]["restored"]), (&"errored".into(), &true.into()));
    // One rehearsal, and what was due in the time that was watched: about 3.7 s less the stop, a probe every 20 ms.
    let (asked, all) = (service.asked.load(Ordering::Relaxed) as f64, check["duration_s"].as_f64().unwrap());
    assert!(asked <= (all - length) / 0.02 + 25.0, "{asked} probes in {all} s, {length} s of them stopped");
}

/// A process that stays stopped leaves the fault in place for no longer than it should have been.
#[test]
fn the_guard_of_a_stopped_process_restores_in_time() {
    let sandbox = CliSandbox::new("");
    let (service, bell) = (Service::start(&sandbox.path("")), Pipe::new(&sandbox.path("bell")));
    sandbox.write("suite.yaml", &service.suite("f", &held("true", "true").replace("1h", "100ms\n      settle: 20ms")));
    let args = ["run", "suite.yaml", "--allow-disruptive", "--json", "r.json"];
    let running = Running::start(&mut sandbox.command(&args));
    bell.hear("injected");
    running.signal(Signal::SIGSTOP);
    bell.hear("restored");
    running.signal(Signal::SIGCONT);
    assert_eq!(running.end().code, 3);
    assert_eq!(check(&sandbox, "r.json")["facts"]["restored"], true);
}

/// A folder beside the first, as another job would have it.
fn other(sandbox: &CliSandbox, name: &str) -> PathBuf {
    let folder = sandbox.path(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn checks_that_break_the_same_do_not_overlap() {
    let sandbox = CliSandbox::new("");
    let (service, bell) = (Service::start(&sandbox.path("")), Pipe::new(&sandbox.path("bell")));
    let (elsewhere, go) = (Service::start(&sandbox.path("")), sandbox.path("go"));
    // The restore command is a script of its own, so that it is the same from wherever it is run.
    let script =
        sandbox.write("restore.sh", &format!("#!/bin/sh\necho restored >'{}'\n", sandbox.path("bell").display()));
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let rest = |restore: &str| {
        format!(
            "      inject: {{run: [sh, -c, \"echo injected >'{}'\"]}}\n      restore: {{run: [{restore}]}}\n      \
             steady: 60ms\n      observe: 1h\n",
            sandbox.path("bell").display()
        )
    };
    sandbox.write("suite.yaml", &service.suite("first", &rest(script.to_str().unwrap())));
    let running = Running::start(&mut sandbox.command(&["run", "suite.yaml", "--allow-disruptive"]));
    bell.hear("injected");
    let second = |name: &str, service: &Service, restore: &str| {
        let folder = other(&sandbox, name);
        std::fs::write(folder.join("suite.yaml"), service.suite("second", &rest(restore))).unwrap();
        let mut command = sandbox.command(&["run", "suite.yaml", "--allow-disruptive", "--json", "r.json"]);
        assert_eq!(command.current_dir(&folder).output().unwrap().status.code(), Some(3), "{name}");
        let detail = check(&sandbox, &format!("{name}/r.json"))["fault"]["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(&format!("process {}, check s/first", running.id)), "{name}: {detail}");
        detail
    };
    assert!(second("target", &service, "\"true\"").contains("(target 127.0.0.1:"));
    let same_command = second("command", &elsewhere, script.to_str().unwrap());
    assert!(same_command.contains("(restore command ("), "{same_command}");
    // The guard of a run that was killed holds on until it has restored.
    drop(go);
    running.signal(Signal::SIGKILL);
    drop(running);
    bell.hear("restored");
    let folder = other(&sandbox, "after");
    let free = rest(script.to_str().unwrap()).replace("1h", "60ms") + "      settle: 20ms\n";
    std::fs::write(folder.join("suite.yaml"), service.suite("third", &free)).unwrap();
    let run = || {
        let mut command = sandbox.command(&["run", "suite.yaml", "--allow-disruptive"]);
        command.current_dir(&folder).output().unwrap().status.code()
    };
    // It ends a moment after its restore command does.
    assert!((0..50).any(|_| run() == Some(0)), "it stays locked");
}

/// A command that cannot be started would leave broken what was broken before it was missed.
#[test]
fn nothing_is_broken_when_a_command_cannot_be_started() {
    let sandbox = CliSandbox::new("");
    let service = Service::start(&sandbox.path(""));
    sandbox.write("no-mode.sh", "#!/bin/sh\n");
    // A path that leads nowhere is told before anything is sent.
    let missing = "no-such-program-anywhere";
    for (inject, restore, verify, words) in [
        ("touch", missing, "true", "`restore`: there is no program `no-such-program-anywhere`"),
        ("touch", "./no-mode.sh", "true", "`restore`: `./no-mode.sh` may not be executed"),
        ("touch", "true", missing, "`verify`: there is no program"),
        (missing, "true", "true", "`inject`: there is no program"),
    ] {
        let commands = format!(
            "      inject: {{run: [{inject}, dead]}}\n      restore: {{run: [\"{restore}\"]}}\n      verify: {{run: [\"{verify}\"]}}\n      observe: 100ms\n      settle: 50ms\n"
        );
        sandbox.write("suite.yaml", &service.suite("f", &commands));
        let ended = sandbox.run(&["run", "suite.yaml", "--allow-disruptive", "--json", "r.json"]);
        assert_eq!(ended.code, 3, "{}{}", ended.out, ended.err);
        let check = check(&sandbox, "r.json");
        let detail = check["fault"]["detail"].as_str().unwrap();
        assert!(detail.contains(words) && detail.contains("nothing was injected"), "{detail}");
        assert!(!sandbox.path("dead").exists(), "{detail}");
    }
}

#[test]
fn a_folder_that_is_removed_meanwhile_does_not_keep_the_restore_from_running() {
    let sandbox = CliSandbox::new("");
    let service = Service::start(&sandbox.path(""));
    let folder = sandbox.path("").canonicalize().unwrap();
    let (here, dead) = (folder.join("here"), folder.join("dead"));
    std::fs::create_dir(&here).unwrap();
    let commands = format!(
        "      inject: {{run: [sh, -c, \"touch {0}; rm -r {1}\"]}}\n      restore: {{run: [rm, {0}]}}\n      steady: 200ms\n      \
         observe: 100ms\n      settle: 100ms\n",
        dead.display(),
        here.display()
    );
    sandbox.write("suite.yaml", &service.suite("f", &commands));
    let report = folder.join("r.json");
    let args = ["run", "../suite.yaml", "--allow-disruptive", "--json", report.to_str().unwrap()];
    let ended = super::Ended::of(sandbox.command(&args).current_dir(&here).output().unwrap());
    let check = check(&sandbox, "r.json");
    assert_eq!(check["facts"]["restored"], true, "{}{}{check}", ended.out, ended.err);
    assert!(!dead.exists());
}
