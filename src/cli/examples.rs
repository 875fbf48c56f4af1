//! Examples of every command. Help, man pages and `docs/cli.md` show them, and a test parses each.

use std::fmt::Write as _;

use clap::Command;

use crate::exit::{self, Meaning};

/// The purpose of an example, and its command line.
pub type Example = (&'static str, &'static str);

/// The examples of each command, named as on the command line; the program itself has no name.
const ALL: &[(&str, &[Example])] = &[
    (
        "",
        &[
            ("See it work: a lab on loopback, no network and no root needed.", "shakedown demo"),
            ("Check one thing by hand.", "shakedown probe tls www.example.org"),
            (
                "Run a suite, with reports for people, programs and CI.",
                "shakedown run edge.yaml --json r.json --junit r.xml",
            ),
            ("Look up a word of a suite or a report.", "shakedown explain errored"),
        ],
    ),
    (
        "run",
        &[
            ("Every suite of ./suites.", "shakedown run"),
            ("One suite, with a report for CI.", "shakedown run edge.yaml --junit r.xml"),
            ("The same suite against another environment.", "shakedown run edge.yaml --var vip=192.0.2.20"),
            ("Only what failed last time.", "shakedown run edge.yaml --failed-from r.json"),
            ("Only the checks with one tag, and without another.", "shakedown run --tag smoke --skip-tag perf"),
            ("Is the new target slower than the old one?", "shakedown run edge.yaml --against vip=192.0.2.20"),
            ("Compare what is measured with accepted runs.", "shakedown run edge.yaml --baseline reports/baselines"),
            ("Suites that break something on purpose.", "shakedown run suites/vip-failover.yaml --allow-disruptive"),
        ],
    ),
    (
        "plan",
        &[
            ("What would run, in which order, with every expectation.", "shakedown plan edge.yaml"),
            ("The order of the pairs of a comparison.", "shakedown plan edge.yaml --against vip=192.0.2.20 --seed 1"),
        ],
    ),
    (
        "report",
        &[
            ("Show a stored run again.", "shakedown report r.json"),
            ("Make JUnit of it, with properties.", "shakedown report r.json --junit r.xml --junit-dialect rich"),
        ],
    ),
    (
        "compare",
        &[
            ("What did the change change?", "shakedown compare before.json after.json"),
            ("A header may differ.", "shakedown compare before.json after.json --rule 'api-*:headers.server=ignore'"),
            ("Several earlier runs on the old side.", "shakedown compare --base a1.json --base a2.json after.json"),
        ],
    ),
    (
        "calibrate",
        &[
            ("Eight runs of an unchanged target, one after the other.", "shakedown calibrate edge.yaml"),
            ("An hour apart, to see what differs from hour to hour.", "shakedown calibrate edge.yaml --pause 1h"),
        ],
    ),
    (
        "baseline",
        &[
            ("Accept a run.", "shakedown baseline accept reports/runs/r.json"),
            ("What has been accepted.", "shakedown baseline list"),
        ],
    ),
    ("baseline accept", &[("Accept every run of a folder.", "shakedown baseline accept reports/runs/*.json")]),
    ("baseline list", &[("As JSON, to standard output.", "shakedown baseline list --json -")]),
    ("baseline show", &[("The metrics of one check.", "shakedown baseline show edge --check 'vip*'")]),
    ("baseline rm", &[("Remove one run.", "shakedown baseline rm edge --run 6571c2b0f3a40-1f3a")]),
    (
        "baseline pin",
        &[
            ("Keep a release to compare with.", "shakedown baseline pin edge 6571c2b0f3a40-1f3a"),
            ("Pin nothing any more.", "shakedown baseline pin edge --none"),
        ],
    ),
    (
        "history",
        &[
            ("Trends of the reports in reports/runs.", "shakedown history"),
            ("One metric of one suite.", "shakedown history --suite edge --metric total_time"),
        ],
    ),
    (
        "restore",
        &[
            ("Put back what a machine that died left broken.", "shakedown restore"),
            ("What is open, and what would be run.", "shakedown restore --dry-run"),
        ],
    ),
    (
        "probe",
        &[
            ("Is the port open?", "shakedown probe tcp www.example.org:443"),
            ("Certificate, chain and versions.", "shakedown probe tls www.example.org scan=true"),
            ("What does this server say?", "shakedown probe dns www.example.org server=192.0.2.53 type=AAAA"),
            ("Status, headers and phases of an answer.", "shakedown probe http https://www.example.org/"),
            ("Hold it against an expectation.", "shakedown probe http https://www.example.org/ -e 'status: 200'"),
        ],
    ),
    (
        "serve",
        &[
            ("On this host alone.", "shakedown serve"),
            (
                "For clients elsewhere, with an echo service.",
                "shakedown serve --listen 0.0.0.0:5201 --echo 0.0.0.0:7007",
            ),
        ],
    ),
    ("demo", &[("Reports go to reports/runs.", "shakedown demo"), ("Or elsewhere.", "shakedown demo --out /tmp/demo")]),
    (
        "explain",
        &[
            ("Every topic.", "shakedown explain"),
            ("Fields, facts and defaults of a family.", "shakedown explain tls"),
            ("A fact, and a part of it.", "shakedown explain http.total_time.p95"),
            ("An exit code.", "shakedown explain exit code 3"),
        ],
    ),
    ("schema", &[("For editors that complete suites.", "shakedown schema suite")]),
    ("completions", &[("For bash.", "shakedown completions bash")]),
    (
        "man",
        &[
            ("The page of a command.", "shakedown man baseline accept"),
            ("Install all of them for this user.", "shakedown man --dir ~/.local/share/man/man1"),
        ],
    ),
];

/// The examples of a command (`run`, `baseline accept`; nothing is the program).
#[must_use]
pub fn of(command: &str) -> &'static [Example] {
    ALL.iter().find(|(name, _)| *name == command).map_or(&[], |(_, examples)| examples)
}

/// The commands and subcommands that are shown, named as on the command line, in its order; the program first.
#[must_use]
pub fn commands(root: &Command) -> Vec<String> {
    let mut out = vec![String::new()];
    below(root, "", &mut out);
    out
}

fn below(command: &Command, name: &str, out: &mut Vec<String>) {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let path = format!("{name} {}", sub.get_name()).trim_start().to_owned();
        out.push(path.clone());
        below(sub, &path, out);
    }
}

/// Adds examples and exit codes to the help of every command.
pub(super) fn add(root: Command) -> Command {
    ending(root, "").mut_subcommands(|sub| {
        let name = sub.get_name().to_owned();
        ending(sub, &name).mut_subcommands(|sub| {
            let path = format!("{name} {}", sub.get_name());
            ending(sub, &path)
        })
    })
}

fn ending(command: Command, name: &str) -> Command {
    if command.is_hide_set() {
        return command;
    }
    let mut text = String::from("Examples:\n");
    for (purpose, line) in of(name) {
        let _ = writeln!(text, "  {purpose}\n    {line}");
    }
    let _ = write!(text, "\nExit codes:\n{}", codes(exit::meanings(name)));
    let more = if name.is_empty() {
        "\n\nSettings: a flag, else the variable SHAKEDOWN_*, else shakedown.toml. Words: `shakedown explain`."
    } else {
        ""
    };
    command.after_help(text + more)
}

fn codes(meanings: &[Meaning]) -> String {
    let lines: Vec<String> = meanings.iter().map(|(code, meaning)| format!("  {code:<3}  {meaning}")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{ALL, commands, of};

    #[test]
    fn every_command_has_examples_and_every_example_a_command() {
        let commands = commands(&crate::cli::command());
        assert!(commands.len() >= 20, "{commands:?}");
        for command in &commands {
            assert!(!of(command).is_empty(), "`{command}` has no example");
        }
        for (name, _) in ALL {
            assert!(commands.iter().any(|command| command == name), "there is no command `{name}`");
        }
    }
}
