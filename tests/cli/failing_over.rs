//! Fields of `failover` by what a run of them comes to.

use nix::sys::signal::Signal;

use super::guarded::Service;
use super::{CliSandbox, Running};

/// Away for 600 ms, and back by itself.
const AWAY: &str = "      inject: {run: [sh, -c, \"touch dead; (sleep 0.6; rm -f dead) >/dev/null 2>&1 &\"]}\n      \
                    restore: {run: [rm, -f, dead]}\n      steady: 200ms\n      observe: 2s\n      settle: 200ms\n";

/// An abort is a failure that says why and when, although the service would have come back.
#[test]
fn a_check_that_was_aborted_fails_and_says_why() {
    let sandbox = CliSandbox::new("");
    let service = Service::start(&sandbox.path(""));
    let phases = "      inject: {run: [touch, dead]}\n      restore: {run: [rm, -f, dead]}\n      steady: 200ms\n      observe: 1h\n      \
                  settle: 200ms\n      abort_if: {stream: probe, impaired: {gt: 20}}\n";
    sandbox.write("suite.yaml", &service.suite("f", phases));
    let ended = sandbox.run(&["run", "suite.yaml", "--allow-disruptive", "--json", "r.json"]);
    assert_eq!(ended.code, 1, "{}", ended.out);
    let check = sandbox.json("r.json")["checks"][0].clone();
    let reason = check["reason"].as_str().unwrap();
    assert!(reason.contains("aborted ") && reason.contains("probes failed or late, above 20 (`abort_if`)"), "{reason}");
    assert!(reason.ends_with("what was broken was put back at once"), "{reason}");
    let seconds = |fact: &str| check["facts"][fact].as_f64().unwrap();
    let behind = seconds("outage.lo") - seconds("aborted_after");
    assert!(behind < 2.0, "it was away for {behind} s after the abort: {check}");
    assert!(!sandbox.path("dead").exists());
}

/// Outside of the list nothing is sent, and nothing is broken; a list of an included file counts as well.
#[test]
fn only_what_a_suite_allows_is_touched() {
    let sandbox = CliSandbox::new("");
    let service = Service::start(&sandbox.path(""));
    let phases = "      inject: {run: [touch, injected]}\n      restore: {run: [\"true\"]}\n      steady: 100ms\n      observe: 200ms\n      \
                  settle: 100ms\n";
    sandbox.write("more.yaml", "version: 1\nallowed_targets: [127.0.0.0/8]\n");
    for (keys, code) in [
        ("allowed_targets: [192.0.2.0/24]\n", 2),
        ("include: more.yaml\nallowed_targets: [192.0.2.0/24]\n", 2),
        ("include: more.yaml\nvars: {net: 127.0.0.1}\nallowed_targets: [\"${net}\"]\n", 0),
    ] {
        sandbox.write("suite.yaml", &(service.suite("f", phases) + keys));
        let ended = sandbox.run(&["run", "suite.yaml", "--allow-disruptive"]);
        assert_eq!(ended.code, code, "{keys}: {} {}", ended.out, ended.err);
        assert_eq!(sandbox.path("injected").exists(), code == 0, "{keys}");
        let why = "check `f` would touch 127.0.0.1 (asked by stream `probe`), which `allowed_targets` does not allow";
        assert_eq!(ended.err.contains(why), code == 2, "{}", ended.err);
    }
}

/// Whoever watches a maintenance ends it with Ctrl-C and has the report; the next one stops the run.
#[test]
fn a_watch_until_a_signal_ends_with_its_report() {
    let sandbox = CliSandbox::new("");
    let service = Service::start(&sandbox.path(""));
    for (signals, settle, code) in
        [(&[Signal::SIGINT][..], "100ms", 0), (&[Signal::SIGTERM, Signal::SIGINT], "1h", 130)]
    {
        let phases = format!("      observe: until_signal\n      steady: 200ms\n      settle: {settle}\n");
        sandbox.write("suite.yaml", &service.suite("f", &phases));
        let run = Running::start(&mut sandbox.command(&["run", "suite.yaml", "--json", "r.json"]));
        service.hear(30);
        for (number, signal) in signals.iter().enumerate() {
            if number > 0 {
                service.hear(10);
            }
            run.signal(*signal);
        }
        let ended = run.end();
        assert_eq!(ended.code, code, "{} {}", ended.out, ended.err);
        assert!(ended.out.contains("watching until Ctrl-C (SIGINT or SIGTERM), at most 1 h: s/f"), "{}", ended.out);
        assert!(ended.err.contains("ending the watch, then the report; again to stop the run"), "{}", ended.err);
        let check = sandbox.json("r.json")["checks"][0].clone();
        assert_eq!(check["verdict"], if code == 0 { "passed" } else { "errored" }, "{check}");
    }
    let plan = sandbox.run(&["plan", "suite.yaml"]);
    let says = "watches until SIGINT or SIGTERM (Ctrl-C), at most 24 h; 1 h where there is no terminal";
    assert!(plan.out.contains(says), "{}", plan.out);
}

/// Each round breaks it and puts it back, and is a sample of what is compared later.
#[test]
fn rounds_make_a_distribution_of_an_outage() {
    let sandbox = CliSandbox::new("");
    let service = Service::start(&sandbox.path(""));
    let away = AWAY.replace("[rm, -f, dead]", "[sh, -c, \"rm -f dead; echo x >>restored\"]").replace("0.6", "0.3");
    sandbox
        .write("suite.yaml", &service.suite("f", &(away.replace("observe: 2s", "observe: 900ms") + "    rounds: 3\n")));
    let ended = sandbox.run(&["run", "suite.yaml", "--allow-disruptive", "--json", "r.json"]);
    assert_eq!(ended.code, 0, "{} {}", ended.out, ended.err);
    let rounds = sandbox.json("r.json")["checks"][0]["metrics"]["outage"]["rounds"].as_array().cloned().unwrap();
    assert_eq!(rounds.len(), 3, "{rounds:?}");
    for round in rounds {
        assert!(round["p50"].as_f64().unwrap() > 0.2 && round["discarded"].is_null(), "{round}");
    }
    assert!(sandbox.path("restored").metadata().unwrap().len() >= 6);
}

/// The limit of a check without one is what its timers take; the text names them.
#[test]
fn an_outage_is_held_against_the_timers() {
    let sandbox = CliSandbox::new("");
    let service = Service::start(&sandbox.path(""));
    for (timers, code) in [("bfd: {tx: 50ms}", 1), ("bgp: {hold: 3s}", 0)] {
        sandbox.write("suite.yaml", &service.suite("f", &format!("{AWAY}      timers: {{{timers}}}\n")));
        let ended = sandbox.run(&["run", "suite.yaml", "--allow-disruptive", "--json", "r.json"]);
        assert_eq!(ended.code, code, "{timers}: {}", ended.out);
        let check = sandbox.json("r.json")["checks"][0].clone();
        if code == 1 {
            let reason = check["reason"].as_str().unwrap();
            assert!(reason.contains("by its timers; bfd: 3 x 50 ms tx = 150 ms at most"), "{reason}");
        }
    }
}

/// What was back before the end of `observe` is back: that it stays shows in the `settle` behind it.
#[test]
fn a_watch_that_ends_soon_after_an_outage_saw_its_end() {
    let sandbox = CliSandbox::new("");
    let service = Service::start(&sandbox.path(""));
    sandbox.write("suite.yaml", &service.suite("f", "      observe: 3s\n      steady: 200ms\n      settle: 2500ms\n"));
    let run = Running::start(&mut sandbox.command(&["run", "suite.yaml", "--json", "r.json"]));
    // Half a second of ten in the first steady phase and a little later.
    service.hear(40);
    sandbox.write("dead", "");
    service.hear(15);
    std::fs::remove_file(sandbox.path("dead")).unwrap();
    let ended = run.end();
    let check = sandbox.json("r.json")["checks"][0].clone();
    let facts = &check["facts"];
    assert_eq!((&facts["outages"], &facts["recovered"]), (&1.into(), &true.into()), "{check} {}", ended.out);
}

/// What ended a disruption is certain, though this process did not see what came of it.
#[test]
fn an_abort_stays_a_failure_when_this_process_is_stopped_behind_it() {
    let sandbox = CliSandbox::new("");
    let service = Service::start(&sandbox.path(""));
    let phases = "      inject: {run: [touch, dead]}\n      restore: {run: [sh, -c, \"rm -f dead; echo x >>restored\"]}\n      \
                  steady: 200ms\n      observe: 1h\n      settle: 3s\n      abort_if: {impaired: {gt: 20}}\n";
    sandbox.write("suite.yaml", &service.suite("f", phases));
    let run = Running::start(&mut sandbox.command(&["run", "suite.yaml", "--allow-disruptive", "--json", "r.json"]));
    while !sandbox.path("restored").exists() {
        service.hear(1);
    }
    service.hear(10);
    run.signal(Signal::SIGSTOP);
    // Longer than a thread is late on a busy host.
    std::thread::sleep(std::time::Duration::from_secs(1));
    run.signal(Signal::SIGCONT);
    let ended = run.end();
    assert_eq!(ended.code, 1, "{}", ended.out);
    let check = sandbox.json("r.json")["checks"][0].clone();
    assert_eq!((&check["verdict"], &check["facts"]["aborted"]), (&"failed".into(), &true.into()), "{check}");
    let notes = check["notes"].to_string();
    assert!(notes.contains("what came after the abort was not measured"), "{notes}");
}

/// A plan says how long each phase lasts, and what ends them early.
#[test]
fn a_plan_shows_the_phases_and_the_conditions() {
    let sandbox = CliSandbox::new(
        "version: 1\nsuite: s\nchecks:\n  - id: f\n    failover:\n      probe: {tcp: {host: 127.0.0.1, port: 9}}\n      \
         inject: {run: [a]}\n      restore: {run: [b]}\n      observe: 20s\n      settle: 2s\n      \
         abort_if: {stream: probe, outage: {gt: 5s}}\n",
    );
    let plan = sandbox.run(&["plan", "suite.yaml"]);
    assert!(
        plan.out.contains("phases: steady 1 s, inject, observe 20 s, restore, settle 2 s, steady 1 s; up to "),
        "{}",
        plan.out
    );
    assert!(plan.out.contains("aborts when stream `probe` was away for more than 5 s"), "{}", plan.out);
    let document: serde_json::Value =
        serde_json::from_str(&sandbox.run(&["plan", "suite.yaml", "--json", "-"]).out).unwrap();
    assert_eq!(document["cases"][0]["schedule"].as_array().map(Vec::len), Some(2), "{document}");
}
