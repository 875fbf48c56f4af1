//! `baseline`: what is accepted, listed, shown, removed and pinned.

use super::{CliSandbox, Ended, closed_port, listener, read, tcp_suite};

struct Store {
    sandbox: CliSandbox,
    class: String,
    _listener: std::net::TcpListener,
}

impl Store {
    /// Reports `r1.json` to `r<runs>.json` of a suite called `s` that holds.
    fn new(runs: usize) -> Self {
        let (listener, address) = listener();
        let sandbox = CliSandbox::new(&tcp_suite(address.port(), "    rounds: 2\n"));
        let mut class = String::new();
        for run in 1..=runs {
            let report = format!("r{run}.json");
            let label = format!("release=1.{run}");
            let ended = sandbox.run(&["run", "suite.yaml", "--json", &report, "--label", &label]);
            assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
            sandbox.json(&report)["host"]["class"].as_str().unwrap().clone_into(&mut class);
        }
        Self { sandbox, class, _listener: listener }
    }

    fn run(&self, args: &[&str]) -> Ended {
        self.sandbox.run(&[&["baseline"], args].concat())
    }

    /// Runs that must do what they say.
    fn good(&self, args: &[&str]) -> String {
        let ended = self.run(args);
        assert_eq!(ended.code, 0, "{args:?}: {}{}", ended.out, ended.err);
        ended.out
    }

    /// Runs that must end with `code`.
    fn bad(&self, args: &[&str], code: i32) -> String {
        let ended = self.run(args);
        assert_eq!(ended.code, code, "{args:?}: {}{}", ended.out, ended.err);
        ended.err
    }

    fn file(&self) -> String {
        format!("reports/baselines/s/{}.json", self.class)
    }

    fn id(&self, report: &str) -> String {
        self.sandbox.json(report)["run"]["id"].as_str().unwrap().to_owned()
    }

    fn kept(&self) -> Vec<String> {
        let file = self.sandbox.json(&self.file());
        file["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn accepted_listed_shown_pinned_and_removed() {
    let store = Store::new(3);
    // In order of their start, whatever the order of the arguments.
    let out = store.good(&["accept", "r3.json", "r1.json", "--pin"]);
    assert_eq!(out.matches(&store.file()).count(), 2, "{out}");
    assert_eq!(store.kept(), [store.id("r1.json"), store.id("r3.json")]);
    assert_eq!(store.sandbox.json(&store.file())["pinned"]["id"], *store.id("r3.json"), "the newest of them");
    store.good(&["accept", "r2.json"]);
    assert_eq!(store.kept(), [1, 2, 3].map(|n| store.id(&format!("r{n}.json"))));

    let list = store.good(&["list"]);
    let row = list.lines().find(|line| line.starts_with('*')).unwrap_or_else(|| panic!("{list}"));
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!((cells[1], cells[2], cells[3]), ("s", store.class.as_str(), "3"), "{list}");
    assert!(row.contains(&store.id("r3.json")) && row.ends_with("0 of 1"), "{list}");
    let json: serde_json::Value = serde_json::from_str(&store.good(&["list", "--json", "-"])).unwrap();
    assert_eq!((&json["baselines"][0]["runs"], &json["baselines"][0]["here"]), (&3.into(), &true.into()));

    let show = store.good(&["show", "s"]);
    assert!(show.contains("release=1.2") && show.contains("pinned"), "{show}");
    let row = show.lines().find(|line| line.starts_with("a ")).unwrap_or_else(|| panic!("{show}"));
    assert!(row.contains("connect_time") && row.contains('%') && row.matches('s').count() >= 3, "{show}");
    let json: serde_json::Value = serde_json::from_str(&store.good(&["show", "s", "--json", "-"])).unwrap();
    let metric = &json["metrics"][0];
    assert_eq!(
        (&metric["check"], &metric["metric"], &metric["runs"]),
        (&"a".into(), &"connect_time".into(), &3.into())
    );
    assert_eq!(metric["newest"], metric["pinned"], "the newest run is the pinned one");
    assert!(metric["typical"].as_f64().unwrap() > 0.0 && metric["spread"].as_f64().unwrap() >= 0.0, "{metric}");
    assert!(
        store.bad(&["show", "s", "--check", "b*"], 2).contains("no check of the newest run of suite s matches `b*`")
    );

    store.good(&["pin", "s", &store.id("r1.json")]);
    assert!(store.bad(&["rm", "s", "--run", &store.id("r1.json")], 2).contains("is pinned"));
    store.good(&["pin", "s", "--none"]);
    store.good(&["rm", "s", "--run", &store.id("r1.json")]);
    assert_eq!(store.kept(), [store.id("r2.json"), store.id("r3.json")]);
    store.good(&["rm", "s", "--all"]);
    assert!(!store.sandbox.path(&store.file()).exists());
}

#[test]
fn what_must_not_be_a_baseline_is_refused() {
    let store = Store::new(2);
    let (_held, port) = closed_port();
    let refused = |word: &str, suite: &str| {
        let name = format!("{word}.json");
        store.sandbox.write("bad.yaml", suite);
        store.sandbox.run(&["run", "bad.yaml", "--json", &name]);
        assert_eq!(store.sandbox.json(&name)["summary"][word], 1);
        store.bad(&["accept", "r1.json", &name], 2)
    };
    let failed = refused("failed", &tcp_suite(port, ""));
    assert!(failed.contains("failed.json: only a run in which everything was measured and held"), "{failed}");
    assert!(failed.contains("it was not accepted"), "{failed}");
    refused("warned", &tcp_suite(port, "    severity: warn\n"));
    refused("errored", &tcp_suite(port, "").replace("127.0.0.1,", "127.0.0.1, source: 192.0.2.1,"));
    refused("skipped", &tcp_suite(port, "    when: {x: [2]}\nvars: {x: 1}\n"));
    assert_eq!(store.kept(), [store.id("r1.json")], "the sound report beside each of them, once");

    // An edited summary, and a signal.
    let mut report = store.sandbox.json("failed.json");
    report["summary"] = store.sandbox.json("r1.json")["summary"].clone();
    store.sandbox.write("edited.json", &report.to_string());
    store.bad(&["accept", "edited.json"], 2);
    let mut report = store.sandbox.json("r1.json");
    report["run"]["interrupted"] = true.into();
    store.sandbox.write("interrupted.json", &report.to_string());
    store.bad(&["accept", "interrupted.json"], 2);

    let before = read(&store.sandbox.path(&store.file()));
    assert!(store.good(&["accept", "r1.json"]).contains("is in it already"));
    assert_eq!(read(&store.sandbox.path(&store.file())), before);
    let saved = store.sandbox.run(&["run", "suite.yaml", "--save-baseline", "reports/baselines"]);
    assert_eq!((saved.code, store.kept().len()), (0, 2), "{}", saved.err);
}

/// The same folder of reports every night: what is known is skipped, and one bad file stops none of the others.
#[test]
fn of_many_reports_the_known_are_skipped_and_the_bad_told() {
    let store = Store::new(4);
    let out = store.good(&["accept", "r1.json", "r2.json", "r1.json"]);
    assert!(out.contains("skipped: r1.json: run ") && out.contains("is given twice"), "{out}");
    assert!(out.ends_with("2 runs accepted, 1 skipped, as the store has no use for them\n"), "{out}");
    let out = store.good(&["accept", "r1.json", "r2.json", "r3.json"]);
    assert!(out.ends_with("1 run accepted, 2 skipped, as the store has no use for them\n"), "{out}");
    assert_eq!(out.matches("is in it already").count(), 2, "{out}");
    let before = read(&store.sandbox.path(&store.file()));
    let out = store.good(&["accept", "r1.json", "r2.json"]);
    assert!(out.ends_with("0 runs accepted, 2 skipped, as the store has no use for them\n"), "{out}");
    assert_eq!(read(&store.sandbox.path(&store.file())), before, "nothing is written for nothing");
    // A file that is no report, one that is missing, a run that did not hold, and a good one last.
    store.sandbox.write("broken.json", "{");
    let mut report = store.sandbox.json("r4.json");
    report["run"]["interrupted"] = true.into();
    report["run"]["id"] = "other".into();
    store.sandbox.write("cut.json", &report.to_string());
    let refused = store.run(&["accept", "cut.json", "r3.json"]);
    assert_eq!(refused.code, 2, "{}{}", refused.out, refused.err);
    let ended = store.run(&["accept", "broken.json", "missing.json", "cut.json", "r3.json", "r4.json", "--pin"]);
    assert_eq!(ended.code, 3, "{}{}", ended.out, ended.err);
    for told in ["broken.json: ", "missing.json: cannot be read", "cut.json: only a run in which everything"] {
        assert!(ended.err.contains(told), "{told}: {}", ended.err);
    }
    let sums =
        "1 run accepted, 1 skipped, as the store has no use for them, 1 refused, 2 could not be read or stored\n";
    assert!(ended.out.ends_with(sums), "{}", ended.out);
    assert_eq!(store.kept(), [1, 2, 3, 4].map(|n| store.id(&format!("r{n}.json"))));
    assert_eq!(store.sandbox.json(&store.file())["pinned"]["id"], *store.id("r4.json"));
    // One that is known can still be pinned.
    store.good(&["accept", "r1.json", "--pin"]);
    assert_eq!(store.sandbox.json(&store.file())["pinned"]["id"], *store.id("r1.json"));
    assert!(store.good(&["accept", "r1.json", "--pin"]).starts_with("skipped: "));
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    let store = Store::new(1);
    assert!(store.bad(&["list"], 2).contains("holds no baselines"));
    assert!(store.bad(&["show", "s"], 2).contains("has no baseline of a suite `s`"));
    store.good(&["accept", "r1.json"]);
    assert!(store.bad(&["show", "t"], 2).contains("did you mean `s`?"));
    let other = store.bad(&["show", "s", "--host-class", "f00"], 2);
    assert!(other.contains("f00") && other.contains(&store.class) && other.contains("--host-class"), "{other}");
    assert!(store.bad(&["pin", "s", "nope"], 2).contains("has no run `nope`"));
    assert!(store.bad(&["rm", "s", "--run", "nope"], 2).contains("has no run `nope`"));
    store.bad(&["rm", "s", "--host-class", "f00", "--all"], 2);
    store.bad(&["rm", "s"], 2);
    store.bad(&["pin", "s"], 2);
    assert!(store.bad(&["accept", "missing.json"], 3).contains("missing.json: cannot be read"));
    store.sandbox.write("reports/baselines/s/other.json", "{");
    let ended = store.run(&["list"]);
    assert_eq!(ended.code, 3);
    assert!(
        ended.out.contains('*') && ended.err.contains("s/other.json"),
        "the rest is listed: {}{}",
        ended.out,
        ended.err
    );
    let file = store.file();
    let text = read(&store.sandbox.path(&file));
    store.sandbox.write(&file, &text[..text.len() - 20]);
    for args in [&["show", "s"][..], &["accept", "r1.json"], &["pin", "s", "--none"], &["rm", "s", "--run", "x"]] {
        assert!(store.bad(args, 3).contains("restore it from version control"), "{args:?}");
    }
    assert_eq!(read(&store.sandbox.path(&file)), text[..text.len() - 20]);
    store.good(&["rm", "s", "--all"]);
}

#[test]
fn two_programs_at_once_lose_nothing() {
    let store = Store::new(6);
    let running: Vec<super::Running> = (1..=6)
        .map(|run| {
            let report = format!("r{run}.json");
            super::Running::start(&mut store.sandbox.command(&["baseline", "accept", &report]))
        })
        .collect();
    for one in running {
        assert_eq!(one.end().code, 0);
    }
    assert_eq!(store.kept().len(), 6);
}
