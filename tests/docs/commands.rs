//! Command lines that pages show: each is parsed by the program's own definition, and run where that sends nothing.

use std::collections::BTreeSet;
use std::path::Path;

use shakedown::checks::FAMILIES;
use shakedown::cli::{self, examples};

use super::{Page, pages, root, shakedown};

/// Languages of blocks that hold commands.
const SHELLS: [&str; 4] = ["sh", "bash", "shell", "console"];

/// Commands that are run as they are: they send nothing.
const RUN: [&str; 5] = ["plan", "explain", "schema", "completions", "man"];

/// A command line of a page, without the program's name.
struct Line {
    page: String,
    words: Vec<String>,
}

/// The calls of the program in a text of a shell.
fn calls(text: &str) -> Vec<Vec<String>> {
    let joined = text.replace("\\\n", " ");
    let (mut out, mut open) = (Vec::new(), String::new());
    // With a prompt anywhere, all lines without one are output.
    let prompted = joined.lines().any(|line| line.trim_start().starts_with("$ "));
    let typed = joined.lines().map(str::trim_start).filter(|line| !prompted || line.starts_with("$ "));
    for line in typed {
        open += line.trim_start_matches("$ ");
        // A text in quotes may go on in the next line.
        let Some(words) = shlex::split(&open) else {
            open.push('\n');
            continue;
        };
        open.clear();
        for part in
            words.split(|word| matches!(&**word, "&&" | "||" | "|" | ";" | "then" | "do" | "done" | "if" | "!" | "&"))
        {
            let until =
                part.iter().position(|word| word.starts_with('>') || word.starts_with("2>")).unwrap_or(part.len());
            let part: Vec<String> = part[..until].iter().map(|word| word.trim_end_matches(';').to_owned()).collect();
            let assigned = |word: &&String| {
                word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
            };
            let start = part.iter().take_while(assigned).count();
            match &part[start..] {
                [program, words @ ..] if program.rsplit('/').next() == Some("shakedown") => out.push(words.to_vec()),
                [cargo, run, release, dashes, words @ ..]
                    if (&**cargo, &**run, &**release, &**dashes) == ("cargo", "run", "--release", "--") =>
                {
                    out.push(words.to_vec());
                }
                _ => {}
            }
        }
    }
    assert!(open.is_empty(), "quotes do not match: {open}");
    out
}

fn lines() -> Vec<Line> {
    let mut out = Vec::new();
    for page in pages() {
        for block in page.blocks().iter().filter(|block| SHELLS.contains(&&*block.language)) {
            out.extend(calls(&block.text).into_iter().map(|words| Line { page: page.path.clone(), words }));
        }
    }
    out
}

fn parse(words: &[String]) -> Result<clap::ArgMatches, String> {
    let line = ["shakedown".to_owned()].into_iter().chain(words.iter().cloned());
    match cli::command().try_get_matches_from(line) {
        Err(error) if error.use_stderr() => Err(error.to_string()),
        Err(_) => Ok(clap::ArgMatches::default()),
        Ok(matches) => Ok(matches),
    }
}

#[test]
fn every_command_line_is_one_the_program_takes() {
    let lines = lines();
    for line in &lines {
        parse(&line.words).unwrap_or_else(|error| panic!("{}: shakedown {}\n{error}", line.page, line.words.join(" ")));
    }
    assert!(lines.len() > 60, "{} lines", lines.len());
}

#[test]
fn every_example_of_the_help_is_one_the_program_takes() {
    let mut count = 0;
    for command in examples::commands(&cli::command()) {
        for (_, line) in examples::of(&command) {
            let calls = calls(line);
            assert_eq!(calls.len(), 1, "{line}");
            parse(&calls[0]).unwrap_or_else(|error| panic!("{line}\n{error}"));
            assert!(calls[0].join(" ").starts_with(&command), "`{line}` is an example of `{command}`");
            count += 1;
        }
    }
    assert!(count >= 40, "{count}");
}

/// A probe by hand has fields that its family has.
#[test]
fn every_probe_by_hand_names_a_family_and_its_fields() {
    let all = lines();
    let probes: Vec<&Line> = all.iter().filter(|line| line.words.first().is_some_and(|word| word == "probe")).collect();
    for line in &probes {
        let family = FAMILIES
            .iter()
            .find(|family| family.name == line.words[1])
            .unwrap_or_else(|| panic!("{}", line.words.join(" ")));
        let fields =
            line.words[3..].iter().filter(|word| !word.starts_with('-')).filter_map(|word| word.split_once('='));
        for (name, _) in fields {
            assert!(family.fields.iter().any(|field| field.name == name), "{} has no field {name}", family.name);
        }
    }
    assert!(probes.len() >= 4, "{}", probes.len());
}

/// The files that pages name: their own suite, or that of the README, and those that are shipped.
fn folder(page: &Page, readme: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let own = page.suite().unwrap_or_else(|| readme.to_owned());
    // The page of a family speaks of its example by the name of the family.
    let stem = Path::new(&page.path).file_stem().unwrap_or_default().to_string_lossy();
    for name in ["edge.yaml", "suite.yaml", "web.yaml", &format!("{stem}.yaml")] {
        std::fs::write(folder.path().join(name), &own).unwrap();
    }
    // What suites of pages name; `plan` wants them to be there.
    for name in ["ca.pem", "client.pem", "client.key", "fail-primary.sh", "restore-primary.sh", "primary-is-back.sh"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    std::fs::create_dir(folder.path().join("suites")).unwrap();
    for entry in std::fs::read_dir(root().join("suites")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join("suites").join(entry.file_name())).unwrap();
    }
    std::fs::write(folder.path().join("suites/edge.yaml"), &own).unwrap();
    folder
}

/// `run` with what `plan` knows of its arguments.
fn as_plan(words: &[String]) -> Vec<String> {
    let root = cli::command();
    let (run, plan) = (root.find_subcommand("run").unwrap(), root.find_subcommand("plan").unwrap());
    // A report of an earlier run is not there, and one of a plan is none of a run.
    let known = |flag: &str| {
        !["failed-from", "json"].contains(&flag) && plan.get_arguments().any(|arg| arg.get_long() == Some(flag))
    };
    let takes = |flag: &str| {
        run.get_arguments().find(|arg| arg.get_long() == Some(flag)).is_some_and(|arg| arg.get_action().takes_values())
    };
    let (mut out, mut skip) = (vec!["plan".to_owned()], false);
    for word in &words[1..] {
        if std::mem::take(&mut skip) {
            continue;
        }
        match word.strip_prefix("--").map(|flag| flag.split('=').next().unwrap()) {
            Some(flag) if !known(flag) => skip = takes(flag) && !word.contains('='),
            _ if word == "-q" || word == "-v" || word == "-vv" => {}
            _ => out.push(word.clone()),
        }
    }
    out
}

/// A line with a placeholder is not meant to be typed.
fn is_pattern(words: &[String]) -> bool {
    words.iter().any(|word| word.contains(['…', '$', '<']) || word == "SUITE" || word.contains("DIR"))
}

fn run(page: &Page, readme: &str, words: &[String]) {
    let folder = folder(page, readme);
    let home = |word: &String| word.replace('~', folder.path().to_str().unwrap());
    let words: Vec<String> = words.iter().map(home).collect();
    let args: Vec<&str> = words.iter().map(String::as_str).collect();
    let (code, out, err) = shakedown(folder.path(), &args);
    assert_eq!(code, 0, "{}: shakedown {}\n{out}{err}", page.path, words.join(" "));
    assert!(!out.trim().is_empty(), "{}: shakedown {} prints nothing", page.path, words.join(" "));
}

/// `plan`, `explain` and their like are run; of `run` it is planned what would be run.
#[test]
fn what_sends_nothing_is_run_and_what_runs_is_planned() {
    let pages = pages();
    let readme = pages.iter().find(|page| page.path == "README.md").unwrap().suite().unwrap();
    let (mut done, mut planned) = (BTreeSet::new(), 0);
    for line in lines() {
        let page = pages.iter().find(|page| page.path == line.page).unwrap();
        let Some(first) = line.words.first() else { continue };
        let words = if first == "run" { as_plan(&line.words) } else { line.words.clone() };
        let help = words.iter().any(|word| word == "--help");
        // Those are played by tests/pages, against servers.
        let played = line.page.starts_with("docs/how-to/");
        if played || is_pattern(&line.words) || !(help || first == "run" || RUN.contains(&&**first)) {
            continue;
        }
        planned += usize::from(first == "run");
        // Pages of one suite plan the same.
        if done.insert((page.suite().is_some().then(|| page.path.clone()), words.clone())) {
            run(page, &readme, &words);
        }
    }
    assert!(planned >= 12 && done.len() >= 20, "{planned} runs planned, {} lines run", done.len());
}

/// Scripts of this repository that pages tell to start are there.
#[test]
fn every_script_that_is_named_is_there() {
    for page in pages() {
        for block in page.blocks().iter().filter(|block| SHELLS.contains(&&*block.language)) {
            for word in block.text.lines().filter_map(|line| line.split_whitespace().next()) {
                if ["tests/", ".ci/", "fuzz/", "benches/"].iter().any(|folder| word.starts_with(folder)) {
                    assert!(root().join(word).is_file(), "{}: there is no {word}", page.path);
                }
            }
        }
    }
}
