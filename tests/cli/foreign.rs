//! Command lines of other tools: each is answered with the command that does it, and that command is taken.

use shakedown::lab::pki::Pki;
use shakedown::lab::web::WebLab;

use super::{CliSandbox, Ended, listener, tcp_suite};

fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The command that an error offers, to be pasted.
fn offered(ended: &Ended) -> Vec<String> {
    assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{}", ended.err);
    let line =
        ended.err.lines().find_map(|line| line.strip_prefix("  shakedown ")).unwrap_or_else(|| panic!("{}", ended.err));
    shlex::split(line).unwrap()
}

#[test]
fn the_command_that_is_offered_runs() {
    let (_keep, address) = listener();
    let sandbox = CliSandbox::new(&format!(
        "version: 1\nsuite: s\nchecks:\n  - id: a\n    tcp: {{host: 127.0.0.1, port: {}}}\n",
        address.port()
    ));
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    for line in [
        vec!["nc", "-zv", &host, &port],
        vec!["probe", "nc", "-w", "2", &host, &port],
        vec!["probe", &address.to_string()],
        vec!["probe", "port", &address.to_string()],
        vec!["probe", "tcp", &host, "-p", &port],
        vec!["validate", "suite.yaml"],
        vec!["test", "suite.yaml", "--no-color"],
        vec!["suite.yaml"],
        vec!["run", "--dry-run", "suite.yaml"],
        vec!["run", "suite.yaml", "-o", "junit"],
    ] {
        let words = offered(&sandbox.run(&line));
        let ended = sandbox.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(ended.code, 0, "{line:?}: {words:?}: {}{}", ended.out, ended.err);
    }
}

#[test]
fn help_is_a_command_too() {
    let sandbox = CliSandbox::new("");
    for (asked, by_option) in [(vec!["help"], vec!["--help"]), (vec!["help", "run"], vec!["run", "--help"])] {
        let ended = sandbox.run(&asked);
        assert_eq!((ended.code, ended.out), (0, sandbox.run(&by_option).out), "{asked:?}: {}", ended.err);
    }
    let ended = sandbox.run(&["help", "rum"]);
    assert!(ended.code == 2 && ended.err.contains("run"), "{}", ended.err);
}

/// A document of our own in place of a suite is one error, with the commands that read it.
#[test]
fn a_report_in_place_of_a_suite_is_told_as_one() {
    let (_keep, address) = listener();
    let sandbox = CliSandbox::new(&format!(
        "version: 1\nsuite: s\nchecks:\n  - id: a\n    tcp: {{host: 127.0.0.1, port: {}}}\n",
        address.port()
    ));
    assert_eq!(sandbox.run(&["run", "suite.yaml", "--json", "r.json", "--save-baseline", "b"]).code, 0);
    assert_eq!(sandbox.run(&["plan", "suite.yaml", "--json", "p.json"]).code, 0);
    assert_eq!(sandbox.run(&["run", "suite.yaml", "--json", "s.json"]).code, 0);
    assert_eq!(sandbox.run(&["compare", "r.json", "s.json", "--json", "c.json"]).code, 0);
    let folder = std::fs::read_dir(sandbox.folder.path().join("b/s")).unwrap().next().unwrap().unwrap();
    let baseline = format!("b/s/{}", folder.file_name().to_string_lossy());
    for (file, what, command) in [
        ("r.json", "a report", "`shakedown report r.json` shows it"),
        ("r.json", "a report", "`shakedown compare r.json LATER.json`"),
        (&*baseline, "a baseline", "`shakedown run SUITE --baseline b/s/"),
        ("p.json", "a plan", "`shakedown run SUITE`"),
        ("c.json", "a comparison", "run the suite"),
    ] {
        let ended = sandbox.run(&["run", file]);
        assert_eq!(ended.code, 2, "{file}");
        assert!(ended.err.contains(&format!("this is {what} that shakedown wrote, and no suite")), "{}", ended.err);
        assert!(ended.err.contains(command), "{}", ended.err);
        assert!(ended.err.contains("1 error; nothing was sent"), "{}", ended.err);
    }
}

/// JSON Lines are no YAML either: what they are is told, and not how YAML would be written.
#[test]
fn json_lines_given_in_place_of_a_suite_are_named() {
    let (_keep, address) = listener();
    let sandbox = CliSandbox::new(&tcp_suite(address.port(), ""));
    let ended = sandbox.run(&["run", "suite.yaml", "--events", "e.jsonl", "--json", "d/r.json"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert_eq!(sandbox.run(&["history", "d", "--index", "i.jsonl"]).code, 0);
    sandbox.write("other.jsonl", "{\"t\":1,\"v\":2}\n\n{\"t\":2,\"v\":2}\n");
    for (file, what, command) in [
        ("e.jsonl", "these are the events of a run", "`shakedown run SUITE`"),
        ("i.jsonl", "this is an index that `shakedown history` wrote", "`shakedown history --index i.jsonl DIR`"),
        ("other.jsonl", "this file is JSON Lines", "`shakedown history DIR`"),
    ] {
        let ended = sandbox.run(&["run", file]);
        assert_eq!(ended.code, 2, "{file}");
        assert!(ended.err.contains(what) && ended.err.contains(command), "{}", ended.err);
        assert!(ended.err.contains("1 error; nothing was sent"), "{}", ended.err);
    }
    for command in [&["report", "e.jsonl"][..], &["compare", "e.jsonl", "d/r.json"]] {
        let ended = sandbox.run(command);
        assert!(ended.code == 2 && ended.err.contains("a report is what `--json r.json` writes"), "{}", ended.err);
    }
}

/// A file that is not there is the command line's fault, whichever field names it.
#[test]
fn a_missing_file_is_told_before_anything_is_sent() {
    for args in [
        vec!["tls", "127.0.0.1:9", "ca_file=nope.pem"],
        vec!["http", "https://127.0.0.1:9/", "ca_file=nope.pem"],
        vec!["tls", "127.0.0.1:9", "client_cert=/dev/null", "client_key=nope.pem"],
        vec!["tls", "127.0.0.1:9", "scan=true", "profiles=rfc9325,nope.pem"],
        vec!["dns", "server=127.0.0.1:9", "load.queries=nope.pem", "load.rate=1/s"],
    ] {
        let ended = CliSandbox::new("").run(&[&["probe"], &args[..]].concat());
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{args:?}: {}", ended.err);
        assert!(ended.err.contains("there is no file nope.pem\n"), "{args:?}: {}", ended.err);
        assert!(ended.err.contains("which is relative to the working directory"), "{args:?}: {}", ended.err);
    }
}

/// Whoever asks an address gets the certificate's name to ask for, by a command that then holds.
#[test]
fn an_address_whose_certificate_has_a_name_is_told_to_be_asked_by_it() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let pki = Pki::new().unwrap();
    let web = runtime.block_on(WebLab::start(&pki)).unwrap();
    let sandbox = CliSandbox::new("");
    sandbox.write("ca.pem", pki.ca_pem());
    let ended = sandbox.run(&["probe", "tls", &web.wrong_name().to_string(), "ca_file=ca.pem"]);
    assert_eq!(ended.code, 1, "{}", ended.out);
    let text = joined(&ended.out);
    let command = ended
        .out
        .lines()
        .find_map(|line| line.trim().strip_prefix("shakedown probe "))
        .unwrap_or_else(|| panic!("{text}"));
    let command = &format!("probe {command}");
    let ended = sandbox.run(&shlex::split(command).unwrap().iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(ended.code, 0, "{command}: {}{}", ended.out, ended.err);
    // Who asked for a name got the certificate of another one.
    let target = format!("localhost:{}", web.wrong_name().port());
    let ended = sandbox.run(&["probe", "tls", &target, "ip_version=ipv4", "ca_file=ca.pem"]);
    assert!(joined(&ended.out).contains("load the certificate of this name there"), "{}", ended.out);
}
