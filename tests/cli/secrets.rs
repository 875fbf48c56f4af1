//! A secret never leaves the process, whatever goes wrong.

use std::fmt::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use shakedown::checks::FAMILIES;
use shakedown::model::{FieldInfo, FieldKind};

use super::peer::Peer;
use super::{CliSandbox, Ended, closed_port, read};

const SECRET: &str = "tr0ub4dor&3 \"q\"";

/// Hexadecimal, as reports write bytes.
fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The secret, or a form of it, where there must be none.
fn assert_hidden(place: &str, text: &str) {
    let found = |form: &str| text.to_lowercase().contains(&form.to_lowercase());
    let encoded = STANDARD.encode(SECRET);
    for form in ["tr0ub4dor", &hex("tr0ub4dor"), encoded.trim_end_matches('=')] {
        assert!(!found(form), "{place} holds `{form}`:\n{text}");
    }
}

/// A suite `s` of one check `a` that sends the secret to `${port}` and expects to be told it.
fn secret_suite(port: u16, rest: &str) -> String {
    format!(
        "version: 1\nsuite: s\nsecrets: [MY_TOKEN]\nvars: {{port: {port}, t: \"x ${{MY_TOKEN}}\"}}\nchecks:\n\
         \x20 - id: a\n    tags: [\"${{MY_TOKEN}}\"]\n    udp: {{host: 127.0.0.1, port: \"${{port}}\", send: \"${{MY_TOKEN}}\"}}\n\
         \x20   expect: {{response: {{eq: \"${{t}}\"}}}}\n{rest}"
    )
}

/// A peer that says so at once.
fn saying(text: String) -> Peer {
    let text: &'static str = text.leak();
    Peer::new(move |_| Some((std::time::Duration::ZERO, text)))
}

/// Everything written below a folder, the suite as its author wrote it left out.
fn written(folder: &Path, out: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            written(&path, out);
        } else if path.file_name().unwrap() != "suite.yaml" {
            out.push((
                path.display().to_string(),
                String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned(),
            ));
        }
    }
}

/// Two arms of which one does not hold: its reason is told in the other's comparison as well.
#[test]
fn no_command_shows_the_secret_of_either_arm() {
    let good = saying(format!("x {SECRET}"));
    let forms = [SECRET.to_owned(), SECRET.to_uppercase(), STANDARD.encode(SECRET), hex(SECRET)];
    let bad = saying(format!("no: {}", forms.join(" ")));
    let sandbox = CliSandbox::new(&secret_suite(bad.port, "    rounds: 3\n"));
    let (better, worse) = (format!("port={}", good.port), format!("port={}", bad.port));
    let run = |args: &[&str], code: i32| {
        let ended = Ended::of(sandbox.command(args).env("MY_TOKEN", SECRET).output().unwrap());
        assert_eq!(ended.code, code, "{args:?}: {}{}", ended.out, ended.err);
        assert_hidden(&args.join(" "), &(ended.out + &ended.err));
    };
    let all = |name: &str| ["json", "junit", "events"].map(|kind| [format!("--{kind}"), format!("{name}.{kind}")]);
    let measure = |name: &str, more: &[&str], code: i32| {
        let outputs = all(name);
        let outputs: Vec<&str> = outputs.iter().flatten().map(String::as_str).collect();
        run(&[&["run", "suite.yaml", "-vvv", "--seed", "1"], more, &outputs].concat(), code);
    };
    run(&["plan", "suite.yaml", "--against", &better], 0);
    // Arm base does not hold, and nothing is compared; then arm head does not, and the check fails.
    measure("base", &["--against", &better], 3);
    measure("head", &["--var", &better, "--against", &worse, "--junit-dialect", "rich"], 1);
    for kind in ["json", "junit", "events"] {
        assert!(
            read(&sandbox.path(&format!("base.{kind}"))).contains("the old target did not hold"),
            "the case that leaked"
        );
    }
    run(&["run", "suite.yaml", "--against", &better, "--json", "-"], 3);
    run(&["run", "suite.yaml", "--against", &better, "--junit", "-"], 3);
    run(&["run", "suite.yaml", "--against", &better, "--events", "-"], 3);
    // What the reports are read by.
    for (name, code) in [("base.json", 3), ("head.json", 1)] {
        run(&["report", name], code);
        run(&["report", name, "--json", "-"], code);
        run(&["report", name, "--junit", "again.xml", "--junit-dialect", "rich"], code);
    }
    run(&["compare", "base.json", "--json", "within.json"], 3);
    run(&["compare", "head.json"], 1);
    run(&["compare", "base.json", "head.json", "--json", "-"], 1);
    // The store, the noise floor, the trend.
    measure("first", &["--var", &better, "--save-baseline", "b"], 0);
    measure("second", &["--var", &better, "--baseline", "b"], 0);
    measure("third", &["--baseline", "b"], 1);
    run(&["baseline", "accept", "second.json", "--dir", "b"], 0);
    run(&["baseline", "list", "--dir", "b", "--json", "-"], 0);
    run(&["baseline", "show", "s", "--dir", "b"], 0);
    run(&["baseline", "show", "s", "--dir", "b", "--json", "-"], 0);
    run(&["calibrate", "suite.yaml", "--var", &better, "--runs", "3", "--dir", "b"], 0);
    run(&["calibrate", "suite.yaml", "--runs", "3", "--dir", "b"], 1);
    let exports = ["--json", "h.json", "--otava", "otava", "--gobench", "h.txt", "--bencher", "b.json"];
    let all_of_it =
        ["history", "first.json", "second.json", "third.json", "--openmetrics", "h.prom", "--index", "index"];
    run(&[&all_of_it[..], &exports].concat(), 0);
    // What knows no suite.
    run(&["explain", "suite"], 0);
    run(&["explain", "udp.response"], 0);
    let (_held, closed) = closed_port();
    run(&["probe", "udp", &format!("127.0.0.1:{closed}"), "send=hi"], 1);
    let mut files = Vec::new();
    written(sandbox.folder.path(), &mut files);
    assert!(files.len() > 20, "{files:?}");
    for (name, text) in &files {
        assert_hidden(name, text);
    }
    let masked = |kind: &str| files.iter().any(|(name, text)| name.ends_with(kind) && text.contains("***"));
    assert!(masked("base.json") && masked("base.junit") && masked("base.events"), "the place of the secret shows");
}

#[test]
fn no_output_holds_the_secret() {
    let (_held, port) = closed_port();
    let suite = format!(
        "version: 1\nsuite: s\nsecrets: [MY_TOKEN]\nvars: {{t: \"x ${{MY_TOKEN}}\"}}\nchecks:\n\
         \x20 - id: a\n    tcp: {{host: 127.0.0.1, port: {port}, send: \"${{MY_TOKEN}}\", expect: \"${{t}}\"}}\n    expect: {{banner: \"${{t}}\", outcome: connected}}\n\
         \x20 - id: b\n    tags: [\"${{MY_TOKEN}}\"]\n    tcp: {{host: 127.0.0.1, port: {port}, banner: true}}\n    expect: {{received: {{contains: [\"${{MY_TOKEN}}\"]}}}}\n"
    );
    let sandbox = CliSandbox::new(&suite);
    let mut all = String::new();
    for args in [
        vec!["run", "suite.yaml", "-vvv", "--json", "r.json", "--junit", "r.xml", "--events", "e.jsonl"],
        vec!["plan", "suite.yaml"],
        vec!["run", "suite.yaml", "--json", "-", "--label", "k=tr0ub4dor&3 \"q\""],
    ] {
        let ended = super::Ended::of(sandbox.command(&args).env("MY_TOKEN", SECRET).output().unwrap());
        assert!(ended.code <= 1, "{}{}", ended.out, ended.err);
        all += &ended.out;
        all += &ended.err;
    }
    for file in ["r.json", "r.xml", "e.jsonl"] {
        all += &read(&sandbox.path(file));
    }
    assert!(!all.contains("tr0ub4dor"), "{all}");
    assert!(all.contains("***"), "the place of the secret shows");
}

#[test]
fn an_error_in_the_suite_does_not_show_it_either() {
    let suite =
        "version: 1\nsuite: s\nsecrets: [MY_TOKEN]\nchecks:\n  - id: a\n    tcp: {host: \"${MY_TOKEN}\", port: 1}\n";
    let sandbox = CliSandbox::new(suite);
    let ended = super::Ended::of(sandbox.command(&["plan", "suite.yaml"]).env("MY_TOKEN", SECRET).output().unwrap());
    assert_eq!(ended.code, 2);
    assert!(!ended.err.contains("tr0ub4dor"), "{}", ended.err);
    assert!(ended.err.contains("is not a host name"), "{}", ended.err);
}

#[test]
fn a_secret_too_short_to_hide_is_refused() {
    let suite = "version: 1\nsuite: s\nsecrets: [MY_TOKEN]\nchecks:\n  - id: a\n    tcp: {host: x, port: 1}\n";
    let sandbox = CliSandbox::new(suite);
    let ended = super::Ended::of(sandbox.command(&["plan", "suite.yaml"]).env("MY_TOKEN", "abc").output().unwrap());
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("shorter than 4 characters"), "{}", ended.err);
}

/// A secret in every place of a suite that people are shown, with characters that each place writes in its own way; where it
/// comes back, it comes back in one of these forms.
#[test]
fn no_derived_form_reaches_any_output() {
    const TOKEN: &str = "tr0ub#4dor's &<wonder>";
    const PIECES: [&str; 5] = ["tr0ub", "4dor", "wonder", "tr0", "74723075"];
    let encoded = STANDARD.encode(format!("u:{TOKEN}"));
    let lines: Vec<String> =
        encoded.as_bytes().chunks(8).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let percent = TOKEN.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
    let echoed = format!(
        "{TOKEN} | {percent} | {} | {} | {} | {}",
        hex(TOKEN).to_uppercase(),
        lines.join("\\r\\n "),
        TOKEN.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&#39;"),
        TOKEN.replace('\'', r"'\''"),
    );
    let peer = saying(echoed);
    let suite = |url: &str| {
        format!(
            "version: 1\nsuite: s\nsecrets: [MY_TOKEN]\nchecks:\n\
             \x20 - id: u\n    udp: {{host: 127.0.0.1, port: {0}, send: \"${{MY_TOKEN}}\"}}\n    expect: {{response: {{eq: x}}}}\n\
             \x20 - id: h\n    http: {{url: \"{url}/a?t=${{MY_TOKEN}}\", headers: {{x-token: \"${{MY_TOKEN}}\"}}}}\n\
             \x20 - id: f\n    failover:\n      probe: {{udp: {{host: 127.0.0.1, port: {0}, send: \"${{MY_TOKEN}}\"}}}}\n\
             \x20     inject: {{run: [sh, -c, \"false # --token=${{MY_TOKEN}}\"]}}\n      restore: {{run: [sh, -c, \"true # ${{MY_TOKEN}}\"]}}\n\
             \x20     steady: 200ms\n",
            peer.port
        )
    };
    let (_held, closed) = closed_port();
    let sandbox = CliSandbox::new(&suite(&format!("http://127.0.0.1:{closed}")));
    let assert_no_piece = |place: &str, text: &str| {
        for piece in PIECES.iter().chain([&&encoded[4..12]]) {
            assert!(!text.to_lowercase().contains(&piece.to_lowercase()), "{place} holds `{piece}`:\n{text}");
        }
    };
    let run = |args: &[&str]| {
        let ended = Ended::of(sandbox.command(args).env("MY_TOKEN", TOKEN).output().unwrap());
        assert_no_piece(&args.join(" "), &(ended.out.clone() + &ended.err));
        ended
    };
    let outputs = ["--json", "r.json", "--junit", "r.xml", "--junit-dialect", "rich", "--events", "e.jsonl"];
    let planned = run(&["plan", "suite.yaml"]);
    assert_eq!(planned.code, 0, "{}", planned.err);
    let ended = run(&[&["run", "suite.yaml", "-vvv", "--allow-disruptive"][..], &outputs].concat());
    assert!(ended.code == 1 || ended.code == 3, "{}{}", ended.out, ended.err);
    for (file, masks) in [("r.json", 5), ("r.xml", 5), ("e.jsonl", 5)] {
        let text = read(&sandbox.path(file));
        assert_no_piece(file, &text);
        assert!(text.matches("***").count() >= masks, "{file} lost the place of the secret:\n{text}");
    }
    // Errors of a suite quote what was written, and what became of it.
    for bad in ["ftp://h", "http://[${MY_TOKEN}]", "http://u:${MY_TOKEN}@h", "${MY_TOKEN}"] {
        sandbox.write("suite.yaml", &suite(bad));
        run(&["plan", "suite.yaml"]);
    }
}

/// Command lines of all processes that this one may read.
fn command_lines() -> String {
    let entries = std::fs::read_dir("/proc").unwrap();
    let ids = entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u32>().ok());
    let lines = ids.filter_map(|id| std::fs::read(format!("/proc/{id}/cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ") + "\n").collect()
}

/// While a command with a secret runs, no list of processes shows it: neither of the command, nor of the guard that runs it.
#[test]
fn no_list_of_processes_shows_a_secret() {
    const TOKEN: &str = "m4rk0fth3b3ast";
    let peer = super::peer::Peer::slow(0);
    for held in ["inject", "restore", "verify"] {
        let command = |name: &str| {
            let waits = if name == held { "echo x >begun; read _ <go;" } else { "" };
            format!("{name}: {{run: [sh, -c, 'token=${{MY_TOKEN}}; test ${{#token}} -eq 14 || exit 9; {waits} true']}}")
        };
        let sandbox = CliSandbox::new(&format!(
            "version: 1\nsuite: s\nsecrets: [MY_TOKEN]\nchecks:\n  - id: f\n    failover:\n      probe: {{udp: {{host: 127.0.0.1, port: {}, send: hi}}}}\n      \
             {}\n      {}\n      {}\n      steady: 200ms\n      observe: 100ms\n      settle: 20ms\n    expect: {{restored: true}}\n",
            peer.port,
            command("inject").replace("${#token}", "$${#token}"),
            command("restore").replace("${#token}", "$${#token}"),
            command("verify").replace("${#token}", "$${#token}"),
        ));
        for pipe in ["begun", "go"] {
            assert!(std::process::Command::new("mkfifo").arg(sandbox.path(pipe)).status().unwrap().success());
        }
        let run = super::Running::start(
            sandbox.command(&["run", "suite.yaml", "--allow-disruptive", "--json", "r.json"]).env("MY_TOKEN", TOKEN),
        );
        // Both wait for the other side.
        read(&sandbox.path("begun"));
        let lines = command_lines();
        assert!(lines.contains("__guard"), "the guard is at work");
        assert!(!lines.contains(TOKEN), "{held}: {lines}");
        std::fs::write(sandbox.path("go"), "x\n").unwrap();
        let ended = run.end();
        let check = sandbox.json("r.json")["checks"][0].clone();
        assert_eq!(
            (&check["facts"]["restored"], &check["fault"]),
            (&true.into(), &serde_json::Value::Null),
            "{held}: {}",
            ended.err
        );
    }
}

#[test]
fn a_secret_that_would_be_an_argument_is_refused() {
    for run in ["[curl, \"-H\", \"x: ${MY_TOKEN}\"]", "[\"${MY_TOKEN}\"]", "[sh, -c, 'echo $0', \"${MY_TOKEN}\"]"] {
        let sandbox = CliSandbox::new(&format!(
            "version: 1\nsuite: s\nsecrets: [MY_TOKEN]\nchecks:\n  - id: f\n    failover:\n      probe: {{tcp: {{host: 127.0.0.1, port: 9}}}}\n      \
             inject: {{run: {run}}}\n      restore: {{run: [\"true\"]}}\n"
        ));
        let ended = Ended::of(sandbox.command(&["plan", "suite.yaml"]).env("MY_TOKEN", SECRET).output().unwrap());
        assert_eq!(ended.code, 2, "{run}");
        assert!(ended.err.contains("in the list of processes") && ended.err.contains("***"), "{}", ended.err);
        assert_hidden(run, &ended.err);
    }
}

/// A disruption of each kind that is planned as it stands.
fn disruptions() -> serde_json::Value {
    let request = |path: &str| json!({"url": format!("http://127.0.0.1:9/{path}"), "headers": {"a": "b"}});
    let mut http = request("down");
    http["undo"] = request("up");
    http["verify"] = json!({"url": "http://127.0.0.1:9/", "contains": "up"});
    json!({
        "link": {"down": "e0"},
        "drop": {"peer": "192.0.2.1"},
        "partition": {"device": "e0"},
        "process": {"pid": 2},
        "address": {"remove": "192.0.2.1/24", "from": "e0"},
        "haproxy": {"socket": "127.0.0.1:9", "server": "web/a"},
        "http": http,
        "ssh": {"host": "localhost", "run": ["true"], "undo": ["false"]},
        "dns_update": {"server": "127.0.0.1", "zone": "up.test", "name": "www.up.test", "ttl": "30s", "data": ["192.0.2.9"],
                       "key": {"name": "lab-key", "secret": "${MY_TOKEN}"}},
    })
}

/// `given` with the secret in one field, for each field that there is, however deep, and where that is.
fn with_secret(given: &Value, fields: &[FieldInfo]) -> Vec<(String, Value)> {
    let mut out = Vec::new();
    for field in fields {
        let place = |inner: Value| {
            let mut whole = given.clone();
            whole[field.name] = inner;
            whole
        };
        if let Some(inner) = field.kind.inner() {
            let present = given.get(field.name).cloned().unwrap_or_else(|| json!({}));
            let deeper = with_secret(&present, inner);
            out.extend(deeper.into_iter().map(|(name, inner)| (format!("{}.{name}", field.name), place(inner))));
            continue;
        }
        let secret = match &field.kind {
            FieldKind::Url => json!("http://127.0.0.1:9/${MY_TOKEN}"),
            FieldKind::List(_) => json!(["${MY_TOKEN}"]),
            FieldKind::Map(_) | FieldKind::Document => json!({"x": "${MY_TOKEN}"}),
            _ => json!("${MY_TOKEN}"),
        };
        out.push((field.name.to_owned(), place(secret)));
    }
    out
}

/// A secret in any field of any disruption is refused or kept, and shown by neither.
#[test]
fn no_field_of_a_disruption_shows_a_secret() {
    const KEPT: [&str; 14] = [
        "dns_update.key.secret",
        "http.body",
        "http.headers",
        "http.json",
        "http.undo.body",
        "http.undo.headers",
        "http.undo.json",
        "http.undo.url",
        "http.url",
        "http.verify.body",
        "http.verify.contains",
        "http.verify.headers",
        "http.verify.json",
        "http.verify.url",
    ];
    const TOKEN: &str = "dHIwdWI0ZG9y";
    let failover = FAMILIES.iter().find(|family| family.name == "failover").unwrap();
    let inject = failover.fields.iter().find(|field| field.name == "inject").unwrap();
    let (all, mut kept, mut tried) = (disruptions(), Vec::new(), 0);
    let plan = |name: &str, fields: &Value| {
        let check = json!({"id": "f", "failover": {"probe": {"tcp": {"host": "127.0.0.1", "port": 9}}, "inject": {name: fields}, "observe": "1s"}});
        let sandbox = CliSandbox::new(&format!("version: 1\nsuite: s\nsecrets: [MY_TOKEN]\nchecks:\n  - {check}\n"));
        let ended = Ended::of(sandbox.command(&["plan", "suite.yaml"]).env("MY_TOKEN", TOKEN).output().unwrap());
        assert!(!ended.out.contains(TOKEN) && !ended.err.contains(TOKEN), "{check}: {}{}", ended.out, ended.err);
        ended
    };
    for field in inject.kind.inner().unwrap() {
        let FieldKind::Group(inner) = &field.kind else { continue };
        let given = all.get(field.name).unwrap_or_else(|| panic!("`{}` has no row here", field.name));
        let ended = plan(field.name, given);
        assert_eq!(ended.code, 0, "{}: {}", field.name, ended.err);
        for (name, fields) in with_secret(given, inner) {
            tried += 1;
            if plan(field.name, &fields).code == 0 {
                kept.push(format!("{}.{name}", field.name));
            }
        }
    }
    kept.sort();
    assert!(tried > 60, "{tried}");
    assert_eq!(kept, KEPT);
}
