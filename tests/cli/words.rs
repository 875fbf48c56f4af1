//! Help, explain, schema, completions, configuration.

use super::{CliSandbox, listener, tcp_suite};

#[test]
fn help_is_golden() {
    let sandbox = CliSandbox::new("");
    insta::assert_snapshot!("help", sandbox.run(&["--help"]).out);
    insta::assert_snapshot!("help_run", sandbox.run(&["run", "--help"]).out);
}

#[test]
fn every_family_explains_itself() {
    let sandbox = CliSandbox::new("");
    let list = sandbox.run(&["explain"]).out;
    for family in shakedown::checks::FAMILIES {
        assert!(list.contains(family.name));
        let text = sandbox.run(&["explain", family.name]).out;
        for fact in family.facts {
            assert!(text.contains(fact.name), "{} does not explain {}", family.name, fact.name);
        }
    }
    let fact = sandbox.run(&["explain", "tcp.connect_time"]).out;
    assert!(fact.contains("parts: .min") && fact.contains("metric: lower is better, tolerance 5%"), "{fact}");
    let loss = sandbox.run(&["explain", "icmp.loss"]).out;
    assert!(loss.contains("tolerance 0.5 percentage points"), "{loss}");
    let family = sandbox.run(&["explain", "http"]).out;
    assert!(family.contains("  same                   outcome, status, version, headers"), "{family}");
    assert!(family.contains("below headers: date, age"), "{family}");
    assert!(sandbox.run(&["explain", "tls.expires_in"]).out.contains("between two measurements: ignore"));
    let unknown = sandbox.run(&["explain", "tpc"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("did you mean `tcp`"), "{}", unknown.err);
}

#[test]
fn the_suite_schema_accepts_examples_and_refuses_bad_suites() {
    let sandbox = CliSandbox::new("");
    let schema: serde_json::Value = serde_json::from_str(&sandbox.run(&["schema", "suite"]).out).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for family in shakedown::checks::FAMILIES {
        let value: serde_json::Value = serde_saphyr::from_str(family.example).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", family.name);
    }
    for entry in std::fs::read_dir(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("suites")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let value: serde_json::Value = serde_saphyr::from_str(&super::read(&path)).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
    }
    let good = "version: 1\nsuite: s\ndefaults: {per_target: 2, retry_delay: 5s}\nchecks:\n  - id: a\n    needs: [base/up]\n    serial: lab\n    per_target: 1\n    \
                retries: 3\n    retry_delay: 0s\n    http: {url: \"http://x/\"}\n    expect:\n      body.json.services[name=db].status: ok\n      \
                body.json[id=1].up: true\n      body.json.error: null\n      body.json.note: {eq: null}\n      body.json.level: {in: [null, 1]}\n";
    let value: serde_json::Value = serde_saphyr::from_str(good).unwrap();
    let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    for bad in [
        "version: 1\nsuite: s\nchecks: [{id: a, tcp: {host: x, port: 1}, per_target: 0}]\n",
        "version: 1\nsuite: s\nchecks: [{id: a, tcp: {host: x, port: 1}, serial: [a, b]}]\n",
        "version: 1\nsuite: s\nchecks: [{id: a, tcp: {host: x, port: 1}, retries: 1, retry_delay: 5}]\n",
        "version: 1\nsuite: s\nchecks: [{id: a, http: {url: 'http://x/'}, expect: {status: null}}]\n",
        "version: 1\nsuite: s\nchecks: [{id: a, http: {url: 'http://x/'}, expect: {headers.server: null}}]\n",
        "version: 1\nsuite: s\nchecks: []\n",
        "version: 1\nsuite: s\nchecks: [{id: a, tcp: {host: x, prot: 1}}]\n",
        "version: 1\nsuite: s\nchecks: [{id: a, tcp: {host: x, port: 70000}}]\n",
        "version: 1\nsuite: s\nchecks: [{id: a, tcp: {host: x, port: 1}, expect: {}}]\n",
        "version: 1\nsuite: s\nchecks: [{id: a, tcp: {host: x, port: 1}, expect: {outcom: connected}}]\n",
        "version: 1\nsuite: s\nchecks: [{id: a, tcp: {host: x, port: 1, timeout: 5}}]\n",
        "version: 1\nsuite: s\nchecks: [{id: a, tcp: {host: x, port: 1}, expect: {outcome: {less: connected}}}]\n",
        "version: 1\nsuite: s\nchecks: [{id: a}]\n",
    ] {
        let value: serde_json::Value = serde_saphyr::from_str(bad).unwrap();
        assert!(!validator.is_valid(&value), "the schema accepts {bad}");
    }
}

/// The schemas from the program's own mouth, and the pages for people.
fn reference() -> Vec<(String, String)> {
    let sandbox = CliSandbox::new("");
    let schemas = ["suite", "plan", "report", "baseline", "events", "comparison", "history"]
        .map(|name| (format!("reports/schema/{name}.json"), sandbox.run(&["schema", name]).out));
    shakedown::app::reference::pages().into_iter().chain(schemas).collect()
}

#[test]
fn the_reference_in_the_repository_is_current() {
    for (name, text) in reference() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(&name);
        if std::env::var_os("UPDATE_REFERENCE").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(stored == text, "{name} is not current; run: UPDATE_REFERENCE=1 cargo test --test cli reference");
    }
    // A family that is gone leaves no page behind.
    for entry in std::fs::read_dir(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/families")).unwrap() {
        let name = format!("docs/families/{}", entry.unwrap().file_name().to_string_lossy());
        assert!(reference().iter().any(|(known, _)| *known == name), "{name} is generated from nothing: remove it");
    }
}

#[test]
fn variables_are_overridden_and_unknown_ones_refused() {
    let (_keep, address) = listener();
    let suite =
        tcp_suite(1, "").replace("suite: s", "suite: s\nvars: {port: 1}").replace("port: 1}\n", "port: \"${port}\"}\n");
    let suite = suite.replacen("vars: {port: \"${port}\"}", "vars: {port: 1}", 1);
    let sandbox = CliSandbox::new(&suite);
    let ended = sandbox.run(&["run", "suite.yaml", "--var", &format!("port={}", address.port())]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    sandbox.write("vars.yaml", &format!("port: {}\n", address.port()));
    assert_eq!(sandbox.run(&["run", "suite.yaml", "--vars", "vars.yaml"]).code, 0);
    let ended = sandbox.run(&["run", "suite.yaml", "--var", "prot=1"]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("no suite has a variable `prot`"), "{}", ended.err);
}

#[test]
fn flag_beats_environment_beats_file() {
    let sandbox = CliSandbox::new(&tcp_suite(1, "    tags: [one]\n"));
    sandbox.write("shakedown.toml", "tag = \"nope\"\n");
    assert_eq!(sandbox.run(&["plan", "suite.yaml"]).code, 2, "the file selects nothing");
    let with_env = |value: &str| {
        super::Ended::of(sandbox.command(&["plan", "suite.yaml"]).env("SHAKEDOWN_TAG", value).output().unwrap())
    };
    assert_eq!(with_env("one").code, 0, "the environment beats the file");
    let flag = sandbox.command(&["plan", "suite.yaml", "--tag", "one"]).env("SHAKEDOWN_TAG", "nope").output().unwrap();
    assert_eq!(flag.status.code(), Some(0), "the flag beats the environment");
}

#[test]
fn rounds_are_logged_on_stderr_for_who_asks_twice() {
    let (_keep, address) = listener();
    let sandbox = CliSandbox::new(&tcp_suite(address.port(), "    rounds: 2\n"));
    assert!(sandbox.run(&["run", "suite.yaml"]).err.is_empty());
    assert!(sandbox.run(&["run", "suite.yaml", "-v"]).err.is_empty(), "the report says what each attempt saw");
    let twice = sandbox.run(&["run", "suite.yaml", "-vv"]).err;
    assert!(twice.contains("attempt ended"), "{twice}");
    assert_eq!(twice.matches("round ended").count(), 3, "a warm-up round and two: {twice}");
}

#[test]
fn completions_are_not_empty() {
    let sandbox = CliSandbox::new("");
    assert!(sandbox.run(&["completions", "bash"]).out.contains("shakedown"));
}
