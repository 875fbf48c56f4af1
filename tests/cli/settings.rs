//! Settings that are wrong name where they came from, and what selects nothing is told.

use super::{CliSandbox, Ended, tcp_suite};

fn with(sandbox: &CliSandbox, args: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = sandbox.command(args);
    Ended::of(command.envs(variables.iter().copied()).output().unwrap())
}

#[test]
fn a_wrong_value_names_the_flag_the_variable_or_the_line_it_came_from() {
    let sandbox = CliSandbox::new(&tcp_suite(1, ""));
    for (name, value, flag, says) in [
        ("SHAKEDOWN_JOBS", "x", "--jobs", "it is not a whole number"),
        ("SHAKEDOWN_JOBS", "0", "--jobs", "write a number from 1 to 4096"),
        ("SHAKEDOWN_ROUNDS", "5000", "--rounds", "write a number from 1 to 1000"),
        ("SHAKEDOWN_TIMEOUT", "5", "--timeout", "`5` has no unit; write 5s or 5ms"),
        ("SHAKEDOWN_TIMEOUT", "2 hours", "--timeout", "write a length of time"),
        ("SHAKEDOWN_COLOR", "alwys", "--color", "did you mean `always`?"),
        ("SHAKEDOWN_JUNIT_DIALECT", "loose", "--junit-dialect", "write one of strict, rich"),
    ] {
        let key = flag.trim_start_matches("--");
        let by_flag = sandbox.run(&["run", "suite.yaml", flag, value]);
        let by_variable = with(&sandbox, &["run", "suite.yaml"], &[(name, value)]);
        sandbox.write("shakedown.toml", &format!("# settings\n{key} = \"{value}\"\n"));
        let by_file = sandbox.run(&["run", "suite.yaml"]);
        std::fs::remove_file(sandbox.path("shakedown.toml")).unwrap();
        for (ended, from) in
            [(by_flag, flag.to_owned()), (by_variable, name.to_owned()), (by_file, format!("shakedown.toml:2: {key}"))]
        {
            assert_eq!(ended.code, 2, "{from}: {}", ended.err);
            assert!(ended.err.contains(&format!("error: {from}={value}: ")), "{from}: {}", ended.err);
            assert!(ended.err.contains(says) && !ended.err.contains("digit"), "{from}: {}", ended.err);
        }
    }
    let ended = with(&sandbox, &["run", "suite.yaml"], &[("SHAKEDOWN_FAIL_FAST", "maybe")]);
    assert!(ended.err.contains("SHAKEDOWN_FAIL_FAST=maybe: write true or false"), "{}", ended.err);
}

/// A gate whose `STRICT` is misspelt must not be green.
#[test]
fn variables_that_are_nearly_settings_end_the_run_and_others_are_told() {
    let sandbox = CliSandbox::new(&tcp_suite(1, ""));
    for command in ["run", "plan"] {
        let ended = with(&sandbox, &[command, "suite.yaml"], &[("SHAKEDOWN_STRCIT", "true")]);
        assert_eq!(ended.code, 2, "{}", ended.err);
        assert!(ended.err.contains("SHAKEDOWN_STRCIT is no setting; did you mean SHAKEDOWN_STRICT?"), "{}", ended.err);
    }
    let ended = with(&sandbox, &["plan", "suite.yaml"], &[("SHAKEDOWN_SERVICE_HOST", "10.0.0.1")]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.err.contains("note: the variable SHAKEDOWN_SERVICE_HOST is no setting"), "{}", ended.err);
    let ended = with(&sandbox, &["explain", "tcp"], &[("SHAKEDOWN_STRCIT", "true")]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
}

#[test]
fn a_selection_that_matches_nothing_is_told() {
    let sandbox = CliSandbox::new(&tcp_suite(1, "    tags: [edge, slow]\n"));
    for (args, says) in [
        (["--tag", "egde"], "--tag egde matches no check; write --tag edge"),
        (["--tag", "nothing"], "--tag nothing matches no check; the tags are edge, slow"),
        (["--skip-tag", "slwo"], "--skip-tag slwo leaves nothing out: no check has this tag; write --skip-tag slow"),
        (["--skip-tag", "nothing"], "--skip-tag nothing leaves nothing out"),
        (["--only", "b*"], "--only b* matches no check"),
    ] {
        let ended = sandbox.run(&[&["run", "suite.yaml"][..], &args].concat());
        assert_eq!(ended.code, 2, "{args:?}: {}", ended.err);
        assert!(ended.err.contains(says) && ended.err.contains("nothing was sent"), "{args:?}: {}", ended.err);
    }
    // A variable is written once for many suites, and not each has the tag; a misspelt one is an error all the same.
    let ended = with(&sandbox, &["plan", "suite.yaml"], &[("SHAKEDOWN_SKIP_TAG", "quarantined")]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(
        ended.err.contains("note: --skip-tag quarantined (SHAKEDOWN_SKIP_TAG) leaves nothing out"),
        "{}",
        ended.err
    );
    let ended = with(&sandbox, &["plan", "suite.yaml"], &[("SHAKEDOWN_SKIP_TAG", "slwo")]);
    assert_eq!(ended.code, 2, "{}", ended.err);
    let ended = with(&sandbox, &["plan", "suite.yaml"], &[("SHAKEDOWN_TAG", "nothing")]);
    assert!(ended.code == 2 && ended.err.contains("--tag nothing (SHAKEDOWN_TAG) matches no check"), "{}", ended.err);
}

#[test]
fn files_that_are_not_there_are_told_before_anything_is_sent() {
    let sandbox = CliSandbox::new(
        "version: 1\nsuite: s\nchecks:\n  - id: a\n    http: {url: https://127.0.0.1:1/, ca_file: certs/ac.pem}\n  - id: b\n    tls: {host: 127.0.0.1, \
         port: 1, client_cert: certs, client_key: certs/ca.pem}\n  - id: c\n    failover: {probe: {tcp: {host: 127.0.0.1, port: 1}}, inject: {run: \
         [./brek.sh]}, restore: {run: [./fix.sh]}}\n",
    );
    std::fs::create_dir(sandbox.path("certs")).unwrap();
    sandbox.write("certs/ca.pem", "");
    sandbox.write("break.sh", "");
    sandbox.write("fix.sh", "");
    for command in [&["plan", "suite.yaml"][..], &["run", "suite.yaml", "--allow-disruptive"]] {
        let ended = sandbox.run(command);
        assert_eq!(ended.code, 2, "{}{}", ended.out, ended.err);
        for says in [
            "`ca_file`: there is no file certs/ac.pem",
            "did you mean `ca.pem`?",
            "`client_cert`: certs is a folder, not a file",
            "`run`: there is no file ./brek.sh",
            "did you mean `break.sh`?",
            "3 errors; nothing was sent",
        ] {
            assert!(ended.err.contains(says), "{says}: {}", ended.err);
        }
    }
    // Of what does not run, nothing is missing.
    let ended = sandbox.run(&["plan", "suite.yaml", "--only", "a"]);
    assert!(ended.code == 2 && ended.err.contains("1 error; nothing was sent"), "{}", ended.err);
}

#[test]
fn no_suite_and_no_variable_are_told_with_what_to_write() {
    let sandbox = CliSandbox::new(
        "version: 1\nsuite: s\nvars: {host: x}\nchecks:\n  - id: a\n    tcp: {host: \"${host}\", port: 1}\n",
    );
    let ended = sandbox.run(&["run"]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("there is no folder ./suites\nname one: shakedown run suite.yaml"), "{}", ended.err);
    let ended = sandbox.run(&["plan", "siute.yaml"]);
    assert!(ended.code == 2 && ended.err.contains("did you mean `suite.yaml`?"), "{}", ended.err);
    let ended = sandbox.run(&["plan", "suite.yaml", "--var", "hst=y"]);
    assert!(ended.code == 2 && ended.err.contains("--> --var hst=y"), "{}", ended.err);
    assert!(ended.err.contains("write `--var host=y`") && !ended.err.contains("1:1"), "{}", ended.err);
    let ended = sandbox.run(&["plan", "suite.yaml", "--var", "host"]);
    assert!(ended.code == 2 && ended.err.contains("write host=VALUE"), "{}", ended.err);
}

/// `x-…` is a place for anchors, of the file alone.
#[test]
fn anchors_have_a_place() {
    let sandbox = CliSandbox::new(
        "version: 1\nsuite: s\nx-edge: &edge {host: 127.0.0.1, timeout: 2s}\nx-anything: [1, {a: ~}]\nchecks:\n  - id: a\n    tcp: {<<: *edge, port: 1}\n",
    );
    let ended = sandbox.run(&["plan", "suite.yaml"]);
    assert!(ended.code == 0 && ended.out.contains("tcp 127.0.0.1:1"), "{}{}", ended.out, ended.err);
    sandbox.write("suite.yaml", &tcp_suite(1, "    x-note: y\n"));
    let ended = sandbox.run(&["plan", "suite.yaml"]);
    assert!(ended.code == 2 && ended.err.contains("unknown key `x-note`"), "{}", ended.err);
}

/// A suite that others include may be run by itself, under its own name.
#[test]
fn an_included_suite_may_have_a_name() {
    let sandbox = CliSandbox::new("version: 1\nsuite: all\ndescription: all of them\ninclude: [web.yaml, more.yaml]\n");
    for (file, name) in [("web.yaml", "web"), ("more.yaml", "more")] {
        let suite =
            tcp_suite(1, "    description: x\n").replace("suite: s", &format!("suite: {name}\ndescription: {name}"));
        sandbox.write(file, &suite.replace("id: a", &format!("id: {name}")));
    }
    let ended = sandbox.run(&["plan", "suite.yaml", "web.yaml", "more.yaml"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    for id in ["all/web", "all/more", "web/web", "more/more"] {
        assert!(ended.out.contains(id), "{id}: {}", ended.out);
    }
}
