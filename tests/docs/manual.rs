//! Man pages: one for each command, each with its sections, and no formatter complains.

use std::path::Path;
use std::process::Command;

use shakedown::cli::{self, examples};
use shakedown::exit;

use super::shakedown;
use super::skips::{record, skip};

fn all(folder: &Path) -> Vec<(String, String)> {
    let (code, out, err) = shakedown(folder, &["man", "--dir", "man1"]);
    assert_eq!((code, &*err), (0, ""), "{out}");
    let mut pages: Vec<(String, String)> = std::fs::read_dir(folder.join("man1"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read_to_string(entry.path()).unwrap()))
        .collect();
    pages.sort();
    pages
}

#[test]
fn every_command_has_a_page_with_every_section() {
    let folder = tempfile::tempdir().unwrap();
    let pages = all(folder.path());
    let commands = examples::commands(&cli::command());
    let mut names: Vec<String> =
        commands.iter().map(|name| format!("{}.1", format!("shakedown {name}").trim_end().replace(' ', "-"))).collect();
    names.sort();
    assert_eq!(pages.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(), names);
    for (name, text) in &pages {
        let sections: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix(".SH ")).map(|title| title.trim_matches('"')).collect();
        let own: Vec<&str> = sections.iter().copied().filter(|title| *title != "SUBCOMMANDS").collect();
        assert_eq!(
            own,
            [
                "NAME",
                "SYNOPSIS",
                "DESCRIPTION",
                "OPTIONS",
                "EXIT STATUS",
                "ENVIRONMENT",
                "FILES",
                "EXAMPLES",
                "SEE ALSO"
            ],
            "{name}"
        );
    }
}

#[test]
fn pages_say_what_the_command_line_does() {
    let folder = tempfile::tempdir().unwrap();
    let page = |words: &[&str]| {
        let args: Vec<&str> = ["man"].iter().chain(words).copied().collect();
        let (code, out, err) = shakedown(folder.path(), &args);
        assert_eq!(code, 0, "{words:?}: {err}");
        // roff writes a dash that is one, and not the end of a line that may be broken, as \-.
        out.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "")
    };
    let run = page(&["run"]);
    for (code, _) in exit::OF_RUNS {
        assert!(run.contains(&format!("\n{code}\n")), "{code}: {run}");
    }
    for words in [
        "SHAKEDOWN_JUNIT",
        "NO_COLOR",
        "shakedown.toml",
        "shakedown run edge.yaml --junit r.xml",
        "Interrupted (SIGINT)",
    ] {
        assert!(run.contains(words), "{words}: {run}");
    }
    assert!(page(&["history"]).contains("LC_ALL"));
    assert!(page(&[]).contains("shakedown-run(1)"));
    let accept = page(&["baseline", "accept"]);
    assert!(accept.contains("shakedown-baseline-accept") && accept.contains("SHAKEDOWN_BASELINES"), "{accept}");
    assert_eq!(page(&["baseline-accept"]), accept, "by the name of the page");
    assert_eq!(page(&["shakedown-run"]), run);
    let (code, _, err) = shakedown(folder.path(), &["man", "rum"]);
    assert_eq!(code, 2);
    assert!(err.contains("there is no command `rum`; did you mean `run`?"), "{err}");
    std::fs::write(folder.path().join("taken"), "").unwrap();
    let (code, _, err) = shakedown(folder.path(), &["man", "--dir", "taken"]);
    assert!(code == 3 && err.contains("cannot write man pages to taken"), "{code} {err}");
}

/// Two formatters read every page as strictly as they can.
#[test]
fn no_formatter_complains() {
    let folder = tempfile::tempdir().unwrap();
    let pages = all(folder.path());
    for (program, args) in [
        ("mandoc", &["-T", "lint", "-W", "warning"][..]),
        ("groff", &["-man", "-ww", "-z", "-T", "utf8", "-K", "utf8"]),
    ] {
        if Command::new(program).arg("--version").output().is_err() {
            skip(&format!("{program} is not installed"), "apt-get install mandoc groff");
            continue;
        }
        record(&format!("used {program}"));
        for (name, _) in &pages {
            let output =
                Command::new(program).args(args).arg(name).current_dir(folder.path().join("man1")).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            assert!(said.trim().is_empty(), "{program} of {name}:\n{said}");
        }
    }
}
