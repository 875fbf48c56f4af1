//! `history` over generated reports: series, what is left out, the index, hostile files, exports.

use std::os::unix::fs::MetadataExt as _;
use std::process::Stdio;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::report_fixture::{Builder, CLASS, metric, round};
use super::{CliSandbox, Ended, read};

/// Latency with rounds that do not count, all of them far off.
fn latency(p50: f64) -> Value {
    let rounds = [
        round(0, 9.0, &json!({"discarded": "warm-up"})),
        round(1, p50 / 1.01, &json!({})),
        round(2, p50 * 1.01, &json!({"arm": "head"})),
        round(3, 9.0, &json!({"arm": "base"})),
        round(4, 9.0, &json!({"confirm": true})),
    ];
    json!({"connect_time": metric("ratio", 0.05, &rounds)})
}

/// A small wobble that is the same each time.
fn wobble(number: u32) -> f64 {
    1.0 + 0.01 * f64::from((number * 7 + number * number) % 5) - 0.02
}

/// Thirty runs; from run 19 on `slow` is 20 % slower, and `flat` never changes.
fn folder() -> CliSandbox {
    let sandbox = CliSandbox::new("");
    std::fs::create_dir_all(sandbox.path("runs/deeper")).unwrap();
    for number in 0..30 {
        let slow = 0.010 * wobble(number) * if number >= 18 { 1.2 } else { 1.0 };
        let report = Builder::new(number, CLASS).check("edge", "slow", "d1", latency(slow)).check(
            "edge",
            "flat",
            "d1",
            latency(0.010 * wobble(number + 3)),
        );
        let place = if number % 2 == 0 { "runs" } else { "runs/deeper" };
        sandbox.write(&format!("{place}/{number}.json"), &report.text());
    }
    sandbox
}

fn history(sandbox: &CliSandbox, args: &[&str]) -> Ended {
    let mut all = vec!["history", "runs", "--ascii"];
    all.extend(args);
    sandbox.run(&all)
}

#[test]
fn a_planted_change_is_shown_where_it_is() {
    let sandbox = folder();
    let ended = history(&sandbox, &["--json", "h.json"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    let lines: Vec<&str> = ended.out.lines().collect();
    assert_eq!(lines[0], format!("edge (host class {CLASS})"));
    assert!(lines[2].trim_start().starts_with("slow"), "the largest worsening first: {}", ended.out);
    let change = "    run 19 (2026-10-19, release=1.18): 10.1 ms -> 12.12 ms, +20 %, worse";
    assert_eq!(lines[3], change, "{}", ended.out);
    assert!(lines[4].trim_start().starts_with("flat"), "{}", ended.out);
    assert!(ended.out.contains("30 runs, 2 series, 1 change point"), "{}", ended.out);
    assert!(ended.out.is_ascii(), "{}", ended.out);

    let document = sandbox.json("h.json");
    assert_eq!(document["schema"], "shakedown.history/1");
    let slow = &document["series"][0];
    assert_eq!((slow["check"].as_str(), slow["change_points"][0]["number"].as_u64()), (Some("slow"), Some(19)));
    // Rounds that do not count would pull this to seconds.
    let first = slow["first"].as_f64().unwrap();
    assert!((first - 0.010 * wobble(0)).abs() < 1e-9, "{first}");
    let schema = serde_json::from_str(&sandbox.run(&["schema", "history"]).out).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn change_points_never_decide_the_exit_code_and_utf8_draws_blocks() {
    let sandbox = folder();
    let shown = |locale: &str| {
        let mut command = sandbox.command(&["history", "runs"]);
        let ended =
            Ended::of(command.env_remove("LC_ALL").env_remove("LC_CTYPE").env("LANG", locale).output().unwrap());
        assert_eq!(ended.code, 0);
        ended.out
    };
    assert!(shown("de_DE.UTF-8").contains('█'));
    assert!(!shown("C").contains('█'));
}

#[test]
fn filters_and_the_newest_runs() {
    let sandbox = folder();
    let ended = history(&sandbox, &["--check", "sl*", "--metric", "connect*", "--last", "5", "--json", "-"]);
    let document: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(document["series"].as_array().unwrap().len(), 1);
    let points = document["series"][0]["points"].as_array().unwrap();
    assert_eq!((points.len(), points[4]["run"].as_u64()), (5, Some(29)));
    assert!(ended.err.contains("1 series"), "the table moves to stderr: {}", ended.err);
    assert_eq!(document["series"][0]["older"], 25, "what is left out is counted");
    assert!(ended.err.contains("left out: 25 older values of 1 series, beyond --last"), "{}", ended.err);
    for none in [["--suite", "other"], ["--check", "none"], ["--host-class", "none"], ["--metric", "none"]] {
        let ended = history(&sandbox, &none);
        assert_eq!(ended.code, 3, "nothing to show is no good news: {}", ended.out);
        assert!(ended.err.contains("none of 30 reports"), "{}", ended.err);
    }
}

#[test]
fn host_classes_and_definitions_are_never_mixed() {
    let sandbox = folder();
    let other = |number, class| Builder::new(number, class).check("edge", "slow", "d2", latency(0.5)).text();
    sandbox.write("runs/40.json", &other(40, CLASS));
    sandbox.write("runs/01.json", &other(41, "bbbb"));
    let shown = history(&sandbox, &[]);
    assert!(shown.out.starts_with("edge (host class bbbb)"), "the newest run's class: {}", shown.out);
    let left = format!("left out: 31 runs of host class {CLASS} (newest 2026-11-13T06:00:00Z)");
    assert!(shown.out.contains(&left), "{}", shown.out);

    let shown = history(&sandbox, &["--host-class", CLASS]).out;
    assert!(shown.contains("slow @d1") && shown.contains("slow @d2"), "{shown}");
    assert!(shown.contains("split: the definition of edge/slow changed"), "{shown}");
    assert!(shown.contains("left out: 1 run of host class bbbb"), "{shown}");
    let all = history(&sandbox, &["--host-class", "all", "--json", "-"]);
    let document: Value = serde_json::from_str(&all.out).unwrap();
    let series = document["series"].as_array().unwrap();
    let counts: Vec<usize> = series.iter().map(|series| series["points"].as_array().unwrap().len()).collect();
    assert_eq!((counts.len(), counts.iter().sum::<usize>()), (4, 62), "{counts:?}");
    assert!(document["left_out"].as_array().unwrap().is_empty());

    // This host's own class wins over a newer one.
    let own = shakedown::baseline::host::describe().class;
    sandbox.write("runs/02.json", &other(1, &own));
    assert!(history(&sandbox, &[]).out.starts_with(&format!("edge (host class {own})")));
}

#[test]
fn what_has_no_ratio_and_what_could_not_be_measured_is_left_out() {
    let sandbox = CliSandbox::new("");
    std::fs::create_dir(sandbox.path("runs")).unwrap();
    let mut errored = Builder::new(2, CLASS).check("edge", "a", "d", latency(0.01));
    errored.0["checks"][0]["verdict"] = json!("errored");
    let zero = json!({"connect_time": metric("ratio", 0.05, &[round(0, 0.0, &json!({}))]),
        "loss": metric("difference", 0.01, &[round(0, 0.0, &json!({}))])});
    sandbox.write("runs/0.json", &Builder::new(0, CLASS).check("edge", "a", "d", latency(0.01)).text());
    sandbox.write("runs/1.json", &Builder::new(1, CLASS).check("edge", "a", "d", zero).text());
    sandbox.write("runs/2.json", &errored.text());
    let ended = history(&sandbox, &["--json", "h.json"]);
    assert!(ended.out.contains("left out: 1 value of which there is no ratio"), "{}", ended.out);
    let counts: Vec<usize> = sandbox.json("h.json")["series"]
        .as_array()
        .unwrap()
        .iter()
        .map(|series| series["points"].as_array().unwrap().len())
        .collect();
    assert_eq!(counts, [1, 1], "{}", ended.out);
}

#[test]
fn hostile_files_are_named_and_the_others_are_shown() {
    let sandbox = folder();
    let whole = read(&sandbox.path("runs/0.json"));
    sandbox.write("runs/cut.json", &whole[..whole.len() / 2]);
    sandbox.write("runs/\u{1b}[31mred.json", "{\"schema\": \"shakedown.report/\\u001b[2J\"}");
    sandbox.write("runs/newer.json", &whole.replace("report/1", "report/7"));
    sandbox.write("runs/when.json", &whole.replace("2026-10-01T06:00:00Z", "yesterday"));
    sandbox.write("runs/wrong.json", &whole.replace("\"checks\":[", "\"checks\":[7,"));
    sandbox.write("runs/deep.json", &"[".repeat(200_000));
    sandbox.write("runs/number.json", &whole.replace("9.0", "1e999"));
    std::fs::write(sandbox.path("runs/bytes.json"), [0xff, 0xfe, 0x00]).unwrap();
    std::fs::File::create(sandbox.path("runs/huge.json")).unwrap().set_len(300 << 20).unwrap();
    sandbox.write("runs/list.json", "[1, 2]");
    sandbox.write("runs/other.json", "{\"schema\": \"shakedown.baseline/1\"}");
    sandbox.write("runs/plain.json", "{\"a\": 1}");
    sandbox.write("runs/copy.json", &whole);
    sandbox.write("runs/notes.txt", "no JSON, not looked at");
    let ended = history(&sandbox, &["--json", "h.json"]);
    assert_eq!(ended.code, 3);
    assert!(ended.out.contains("30 runs, 2 series, 1 change point"), "{}", ended.out);
    for (file, why) in [
        ("cut", "was it cut short"),
        ("newer", "schema is shakedown.report/7"),
        ("when", "`run.started` is `yesterday`"),
        ("wrong", "the report is damaged"),
        ("deep", "this is not JSON"),
        ("number", "number out of range"),
        ("bytes", "not UTF-8"),
        ("huge", "larger than 256 MiB"),
    ] {
        let line = ended.err.lines().find(|line| line.contains(&format!("runs/{file}.json")));
        assert!(line.is_some_and(|line| line.starts_with("error: ") && line.contains(why)), "{file}: {}", ended.err);
    }
    assert_eq!(sandbox.json("h.json")["errors"].as_array().unwrap().len(), 9, "{}", ended.err);
    for (file, why) in [
        ("list", "JSON, but no report"),
        ("other", "its schema is shakedown.baseline/1"),
        ("plain", "JSON, but no report"),
        ("copy", "the same run as runs/0.json"),
    ] {
        let line = ended.out.lines().find(|line| line.contains(&format!("runs/{file}.json")));
        assert!(line.is_some_and(|line| line.contains(why)), "{file}: {}", ended.out);
    }
    assert!(!ended.err.contains('\u{1b}') && !ended.out.contains('\u{1b}'), "{:?}", ended.err);
    assert!(ended.out.contains("skipped: 4 files"), "{}", ended.out);
}

#[test]
fn folders_are_bounded_and_links_do_not_lead_in_circles() {
    let sandbox = folder();
    std::os::unix::fs::symlink("..", sandbox.path("runs/deeper/back")).unwrap();
    let deep = format!("runs/{}", "d/".repeat(18));
    std::fs::create_dir_all(sandbox.path(&deep)).unwrap();
    let ended = history(&sandbox, &[]);
    assert_eq!(ended.code, 3);
    assert!(ended.err.contains("more than 16 folders deep"), "{}", ended.err);
    assert!(ended.out.contains("30 runs"), "{}", ended.out);
    let ended = sandbox.run(&["history", "nowhere"]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("there is no nowhere"), "{}", ended.err);
    std::fs::create_dir(sandbox.path("empty")).unwrap();
    let ended = sandbox.run(&["history", "empty"]);
    assert_eq!(ended.code, 3);
    assert!(ended.err.contains("no report in empty"), "{}", ended.err);
}

/// Everything that can be seen of a history.
fn everything(sandbox: &CliSandbox, more: &[&str]) -> (i32, String, String, String, String) {
    let mut args = vec!["--host-class", "all", "--json", "h.json", "--gobench", "g.txt"];
    args.extend(more);
    let ended = history(sandbox, &args);
    (ended.code, ended.out, ended.err, read(&sandbox.path("h.json")), read(&sandbox.path("g.txt")))
}

#[test]
fn with_and_without_an_index_the_answer_is_the_same() {
    let sandbox = folder();
    sandbox.write("runs/cut.json", "{");
    sandbox.write("runs/list.json", "[-0.0]");
    let loss =
        json!({"loss": metric("difference", 0.01, &[round(0, -0.0, &json!({})), round(1, 0.1 + 0.2, &json!({}))])});
    sandbox.write("runs/50.json", &Builder::new(50, "bbbb").check("é", "a b", "d", loss).text());
    let index = ["--index", "index.jsonl"];
    let same = |what: &str| {
        let plain = everything(&sandbox, &[]);
        assert_eq!(everything(&sandbox, &index), plain, "{what}");
        assert_eq!(everything(&sandbox, &index), plain, "{what}, once more");
    };
    same("as it is");
    sandbox.write("runs/7.json", &Builder::new(7, CLASS).check("edge", "slow", "d1", latency(0.7)).text());
    same("a file has changed");
    std::fs::remove_file(sandbox.path("runs/8.json")).unwrap();
    same("a file is gone");
    sandbox.write("runs/60.json", &Builder::new(60, CLASS).check("edge", "slow", "d1", latency(0.7)).text());
    sandbox.write("runs/cut.json", &Builder::new(61, CLASS).text());
    same("a file is new, another one whole");
    // Same length, and the time of the last write set back.
    let path = sandbox.path("runs/60.json");
    let before = std::fs::metadata(&path).unwrap().modified().unwrap();
    sandbox.write("runs/60.json", &read(&path).replace("run-060", "run-070"));
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
    same("a file was changed in secret");
}

/// The index as text.
fn index_text(sandbox: &CliSandbox) -> String {
    read(&sandbox.path("index.jsonl"))
}

/// A line of an index with its digest made right again.
fn sealed(line: &str) -> String {
    let rest = &line[line.find("\",").unwrap() + 1..];
    let digest = shakedown::net::bytes::hex(&Sha256::digest(format!("{rest}\n").as_bytes()));
    format!("{{\"sha256\":\"{digest}\"{rest}")
}

#[test]
fn unchanged_files_come_from_the_index() {
    let sandbox = folder();
    let index = ["--index", "index.jsonl"];
    everything(&sandbox, &index);
    let text = index_text(&sandbox);
    assert_eq!(text.lines().count(), 31, "a line for each file below the first");
    let rounds = text.lines().skip(1).flat_map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let checks = line["run"]["checks"].as_array().unwrap().clone();
        checks.into_iter().map(|check| check["metrics"][0]["rounds"].as_array().unwrap().len())
    });
    assert_eq!(rounds.sum::<usize>(), 120, "only rounds that count");
    let stamp = |sandbox: &CliSandbox| std::fs::metadata(sandbox.path("index.jsonl")).unwrap().ino();
    let before = stamp(&sandbox);
    everything(&sandbox, &index);
    assert_eq!(stamp(&sandbox), before, "written again although nothing has changed");

    // Only who reads the index can know this run by another name.
    let lines: Vec<String> = text
        .lines()
        .map(
            |line| if line.contains("run-003") { sealed(&line.replace("run-003", "run-abc")) } else { line.to_owned() },
        )
        .collect();
    sandbox.write("index.jsonl", &(lines.join("\n") + "\n"));
    std::fs::remove_file(sandbox.path("runs/0.json")).unwrap();
    let (.., json, _) = everything(&sandbox, &index);
    assert!(json.contains("run-abc") && !json.contains("run-003"), "the file was read again: {json}");
    let text = index_text(&sandbox);
    assert!(text.contains("run-abc"), "an old line is kept");
    assert_eq!(text.lines().count(), 30, "the file that is gone is gone");
    assert!(!text.contains("/runs/0.json\""));
}

#[test]
fn a_damaged_index_is_built_anew_and_never_trusted() {
    let sandbox = folder();
    let index = ["--index", "index.jsonl"];
    let plain = everything(&sandbox, &[]);
    everything(&sandbox, &index);
    let whole = index_text(&sandbox);
    let again = |what: &str, why: &str, text: &[u8]| {
        std::fs::write(sandbox.path("index.jsonl"), text).unwrap();
        let (code, out, err, json, go) = everything(&sandbox, &index);
        assert!(err.starts_with("note: the index index.jsonl is built anew: ") && err.contains(why), "{what}: {err}");
        assert_eq!((code, out, json, go), (plain.0, plain.1.clone(), plain.3.clone(), plain.4.clone()), "{what}");
        assert_eq!(everything(&sandbox, &index), plain, "{what}, once more");
        assert_eq!(index_text(&sandbox), whole, "{what}: what is built is the same");
    };
    let bytes = whole.as_bytes();
    again("a number was changed", "another digest", whole.replacen("[1,9,0.0", "[1,9,0.1", 1).as_bytes());
    again("an older version", "its version is 0", whole.replacen("index/1", "index/0", 1).as_bytes());
    again("cut short", "damaged", &bytes[..bytes.len() / 2]);
    again("cut by a byte", "no end", &bytes[..bytes.len() - 1]);
    again("cut shorter", "it was cut short", &bytes[..15]);
    let second: &str = whole.lines().nth(1).unwrap();
    again("a line twice", "a file once more", format!("{whole}{second}\n").as_bytes());
    again(
        "nonsense with a digest",
        "no entry",
        format!("{whole}{}\n", sealed("{\"sha256\":\"\",\"path\":7}")).as_bytes(),
    );
    let bare = second.split(",\"run\":").next().unwrap();
    again("an entry of nothing", "no content", format!("{whole}{}\n", sealed(&format!("{bare}}}"))).as_bytes());
    again("no digest", "no digest", format!("{whole}{{}}\n").as_bytes());
    let mut mixed = bytes.to_vec();
    mixed[4096..].iter_mut().step_by(3).for_each(|byte| *byte ^= 0x5a);
    again("bytes were changed", "damaged", &mixed);
    mixed[4096..].iter_mut().for_each(|byte| *byte |= 0x80);
    again("no text", "no UTF-8", &mixed);
    again("no index", "the old file is now index.jsonl.damaged", b"not an index\n");
    assert_eq!(read(&sandbox.path("index.jsonl.damaged")), "not an index\n", "what is not ours is kept");

    sandbox.write("index.jsonl", "not an index either\n");
    let (code, out, err, ..) = everything(&sandbox, &index);
    assert!(code == 3 && err.contains("index.jsonl.damaged is already there"), "{err}");
    assert_eq!((out, index_text(&sandbox).as_str()), (plain.1, "not an index either\n"));
}

#[test]
fn lines_that_are_missing_are_read_again() {
    let sandbox = folder();
    let index = ["--index", "index.jsonl"];
    let plain = everything(&sandbox, &index);
    let whole = index_text(&sandbox);
    let (half, _) = whole.split_at(whole.match_indices('\n').nth(10).unwrap().0 + 1);
    for text in [half, ""] {
        sandbox.write("index.jsonl", text);
        assert_eq!(everything(&sandbox, &index), plain);
        assert_eq!(index_text(&sandbox), whole);
    }
}

#[test]
fn processes_that_share_an_index_take_turns() {
    let sandbox = folder();
    let plain = history(&sandbox, &[]);
    let children: Vec<_> = (0..4)
        .map(|_| {
            let mut command = sandbox.command(&["history", "runs", "--ascii", "--index", "index.jsonl"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        let ended = Ended::of(child.wait_with_output().unwrap());
        assert_eq!((ended.code, ended.err.as_str()), (0, ""));
        assert_eq!(ended.out, plain.out);
    }
    assert_eq!(index_text(&sandbox).lines().count(), 31);
    let beside: Vec<String> = std::fs::read_dir(sandbox.path("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains("index"))
        .collect();
    assert_eq!(beside, ["index.jsonl"], "nothing is left beside it");
}

#[test]
fn the_database_of_another_program_is_not_touched() {
    let sandbox = folder();
    let path = sandbox.path("index.jsonl");
    let before = [b"SQLite format 3\0".as_slice(), &[7; 4080]].concat();
    std::fs::write(&path, &before).unwrap();
    let ended = history(&sandbox, &["--index", "index.jsonl"]);
    assert_eq!(ended.code, 3);
    assert!(ended.err.contains("database of another program"), "{}", ended.err);
    assert!(ended.out.contains("30 runs, 2 series"), "the files are read all the same: {}", ended.out);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let ended = history(&sandbox, &["--index", "runs"]);
    assert!(ended.code == 2 && ended.err.contains("it is a folder"), "{}", ended.err);
}

#[test]
fn exports_go_to_files_and_one_of_them_to_stdout() {
    let sandbox = folder();
    let ended = history(&sandbox, &["--otava", "o", "--bencher", "b.json", "--openmetrics", "-", "--gobench", "g.txt"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.starts_with("# TYPE") && ended.out.ends_with("# EOF\n"), "{}", ended.out);
    assert_eq!(read(&sandbox.path("o/edge.slow.connect_time.csv")).lines().count(), 31);
    assert!(read(&sandbox.path("o/otava.yaml")).contains("edge.flat.connect_time"));
    assert!(sandbox.json("b.json")["edge/slow"]["connect_time"]["value"].as_f64().unwrap() > 0.011);
    assert_eq!(read(&sandbox.path("g.txt")).matches("\nBenchmarkEdge/check=slow/").count(), 60, "two rounds each");
    let two = history(&sandbox, &["--gobench", "-", "--json", "-"]);
    assert!(two.code == 2 && two.err.contains("only one of"), "{}", two.err);
    let same = history(&sandbox, &["--gobench", "x", "--json", "x"]);
    assert!(same.code == 2 && same.err.contains("--json and --gobench would write one file"), "{}", same.err);
    let lost = history(&sandbox, &["--json", "suite.yaml/x"]);
    assert!(lost.code == 3 && lost.err.contains("cannot write the history"), "{}", lost.err);
}

#[test]
fn a_real_run_is_history() {
    let (_keep, address) = super::listener();
    let sandbox = CliSandbox::new(&super::tcp_suite(address.port(), "    rounds: 3\n"));
    for name in ["runs/1.json", "runs/2.json"] {
        assert_eq!(sandbox.run(&["run", "suite.yaml", "--json", name]).code, 0);
    }
    let ended = history(&sandbox, &[]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let row = ended.out.lines().find(|line| line.contains("connect_time")).unwrap();
    assert_eq!(row.split_whitespace().nth(2), Some("2"), "{}", ended.out);
}
