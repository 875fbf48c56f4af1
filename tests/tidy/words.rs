//! One word for one thing, and plain English: phrases that people stopped at, and what to write instead. Code comments count
//! as well, for what is written there ends up in help and in pages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;

use super::must_be_empty;

/// A pattern, without case, and what to write instead. Lines of a text are joined, so that a break does not hide a phrase.
const PHRASES: &[(&str, &str)] = &[
    (r"how long (a|an|the|each|every|silence|no)\b[^.;]{0,60} (is|are) waited for", "how long to wait for …"),
    (r"\bsilent peers?\b", "an unresponsive peer"),
    (r"\bbeside each other\b", "in parallel; of things that lie there, side by side"),
    (r"\b(report|output|file|baseline)s? not be written\b", "could not be written"),
    (r"\bwhat may become of\b", "how … may change"),
    (r"\bwhat became of the (connection|handshake|exchange|question|test|request|query)\b", "how the … ended"),
    (r"\bbreak the circle\b|\bin a loop\b", "a dependency cycle; of links, a loop"),
    (r"\bhandshaken\b|\bshak(e|es|ing) hands\b|\bshook hands\b", "completed; to make a handshake"),
    (r"\baddress famil(y|ies)\b|\bIP famil(y|ies)\b", "IP version; a family is the kind of a check"),
    (r"\bfamily: ?(any|ipv4|ipv6)\b", "ip_version: …"),
    (r"\bstands for nothing\b", "is not defined"),
    (r"\bagreed on; absent\b", "negotiated …; absent"),
    (r"\bname lookup excluded\b", "without the name lookup"),
    (r"\bwithout a word (is|of)\b", "without an alert, without an answer"),
    (r"\bworth an alarm\b", "that counts"),
    (r"\bask after each other\b", "exchange heartbeats"),
    (r"\bjudge what is measured against\b", "compare the metrics with"),
    (r"\bnothing (lists them|prints the page)\b", "without it, …"),
    (r"\bin checks that do not say\b|\bwhere a check does not say\b", "for checks that do not set it"),
    (r"\bsettings that a project always wants stand\b", "put settings that … into"),
    (r"\bwhat is stronger\b|\bwhere it is looked for\b", "precedence; where the file is read from"),
    (r"\bhold beside what a check writes\b|\bexpected beside the defaults\b", "in addition to"),
    (r"\bto the one from which on it held\b", "to the attempt that held"),
    (r"\bthe exit code says the worst\b", "the exit code reports the worst"),
    (r"\bwithout case and final dot\b|\bwithout case, colons and blanks\b", "case and … are ignored"),
    (r"\bstands in no table\b|\bstands in the table\b|\bstand with their flags\b", "is in …"),
    (
        r"\bof several values for a host the smallest counts, whatever\b|\bthe most checks of the run that may be\b",
        "how many checks … may run at once",
    ),
    (r"\bnothing is called `", "… is no word of suites, reports or commands"),
    (r"\btaken in (SSL|TLS)", "accepted in …"),
    (r"\bterms of the server\b", "client certificates, resumption, ALPN"),
    (r"\b(the )?other variant\b|\bvariant (base|head)\b|\bboth variants\b", "arm"),
];

/// Files where a phrase stands on purpose, and why.
const ALLOWED: &[(&str, &str)] = &[
    ("tests/tidy/words.rs", "the list"),
    ("CHANGELOG.md", "what was called otherwise before"),
    ("tests/suites_bad/ip_version_by_its_old_name.yaml", "the old name is refused"),
    ("src/report/console.rs", "the form of failures has its own tests"),
];

fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed =
        Command::new("git").args(["ls-files", "src", "docs", "suites", "tests", "*.md"]).current_dir(root).output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    let ends = ["rs", "md", "yaml", "snap"];
    let wanted = |path: &Path| path.extension().is_some_and(|end| ends.iter().any(|wanted| end == *wanted));
    listed.lines().map(|line| root.join(line)).filter(|path| wanted(path) && path.exists()).collect()
}

/// One line of words: breaks, comment marks and the backslashes of texts that go on are blanks.
fn joined(text: &str) -> String {
    let marks = Regex::new(r"\s*\\?\n\s*(///?!?|//!|\*)?\s*").unwrap();
    marks.replace_all(text, " ").into_owned()
}

#[test]
fn phrases_that_people_stopped_at_do_not_come_back() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let phrases: Vec<(Regex, &str)> =
        PHRASES.iter().map(|(phrase, instead)| (Regex::new(&format!("(?i){phrase}")).unwrap(), *instead)).collect();
    let files = files();
    assert!(files.len() > 400, "only {} files", files.len());
    let mut problems = Vec::new();
    for path in files {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if ALLOWED.iter().any(|(file, _)| *file == name) {
            continue;
        }
        let text = joined(&fs::read_to_string(&path).unwrap());
        for (phrase, instead) in &phrases {
            problems
                .extend(phrase.find_iter(&text).map(|found| format!("{name}: `{}`; write: {instead}", found.as_str())));
        }
    }
    must_be_empty(&problems, "plain English, one word for one thing");
}

/// The patterns find what they are for, across lines and in any case.
#[test]
fn a_phrase_is_found_across_lines() {
    let text = joined("/// How long a silent\n    /// peer is waited for.\nchecks beside \\\n   each other");
    for (phrase, _) in PHRASES.iter().take(3) {
        assert!(Regex::new(&format!("(?i){phrase}")).unwrap().is_match(&text), "{phrase}: {text}");
    }
}
