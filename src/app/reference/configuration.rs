//! The page of settings.

use super::markdown::{MarkdownTable, Page, code, codes};
use crate::app::config;

const WHERE: &str = "\
`shakedown.toml` is read from the working directory, and from nowhere else: no parent folder and no home directory is searched. Its
settings are for one project, so keep it in the folder from which you start shakedown, mostly the one with the suites. If it cannot be
read, has an unknown key or a value that does not fit, the command ends with exit code 2, before anything is sent.
";

const PRECEDENCE: &str = "\
1. A flag of the command line.
2. The environment variable of the flag.
3. `shakedown.toml`.
4. The default.

The first of these that is set counts, and replaces the others; lists are not merged.
";

const LISTS: &str = "\
A key marked as a list takes several values; one alone needs no brackets. On the command line the flag is repeated. Lists of tags
may be written with commas as well, in the file, in a variable and on the command line:
";

const RELATIVE: &str = "\
A path in `shakedown.toml` is relative to the working directory, as on the command line. Variables of a suite (`vars`) are not
settings: set them with `--var`, `--vars FILE`, or `vars = \"FILE\"` here. `--include-outside`, `--against` and `--label` are for the command
line only.
";

const MISTAKES: &str = "\
A wrong value is an error that names where it came from: the flag, the variable, or the line of `shakedown.toml`. An unknown key of the file is an
error. A variable `SHAKEDOWN_…` that is nearly the name of a setting (`SHAKEDOWN_JOB`) is an error, too; any other unknown one is only noted.
A `tag` or `only` that matches no check is an error, and so is a `--skip-tag` with a tag that no check has. In a variable or in the file
such a `skip-tag` is only noted, as it may be for another suite.
";

/// Examples; a test plans with each of them.
pub const EXAMPLES: &[(&str, &str)] = &[
    (
        "For a project whose nightly run is compared with accepted runs:",
        "jobs = 8\njunit = \"reports/junit.xml\"\nbaseline = \"reports/baselines\"\nstrict = true\n",
    ),
    (
        "For a slow path, without the checks tagged as slow:",
        "timeout = \"10s\"\nskip_tag = \"slow,manual\"\ncolor = \"never\"\n",
    ),
];

pub(super) fn page() -> String {
    let mut page = Page::new("Configuration", "the flags of the command line");
    page.paragraph(
        "Put settings that a project always wants into `shakedown.toml`, so that nobody has to remember the flags. Each key is the \
         name of a flag, with dashes or underscores.",
    );
    page.contents();
    page.heading(2, "Where the file is read from");
    page.prose(WHERE);
    page.heading(2, "Precedence");
    page.prose(PRECEDENCE);
    page.heading(2, "Keys");
    keys(&mut page);
    page.heading(2, "Lists");
    page.prose(LISTS);
    page.code("toml", "tag = [\"smoke\", \"perf\"]\nskip_tag = \"slow,manual\"\n");
    page.code("sh", "SHAKEDOWN_TAG=smoke,perf shakedown plan\nshakedown plan --tag smoke --tag perf");
    page.heading(2, "Paths and variables");
    page.prose(RELATIVE);
    page.heading(2, "Mistakes");
    page.prose(MISTAKES);
    page.heading(2, "Examples");
    for (purpose, text) in EXAMPLES {
        page.paragraph(purpose);
        page.code("toml", text);
    }
    page.text()
}

fn keys(page: &mut Page) {
    let mut table = MarkdownTable::new(&["Key", "Value", "Default", "Variable", "For", "Meaning"]);
    for key in config::keys() {
        let value = match &*key.value {
            _ if key.is_switch => "`true`, `false`".to_owned(),
            _ if !key.words.is_empty() => codes(key.words.iter().map(String::as_str)),
            "N" => "whole number".to_owned(),
            "T" if !key.is_list => "time, such as `\"5s\"`".to_owned(),
            "GLOB" => "pattern".to_owned(),
            "F" | "FILE" | "DIR" | "DIR|FILE" => "path".to_owned(),
            _ => "text".to_owned(),
        };
        let value = if key.is_list { format!("list: {value}") } else { value };
        let default = code(key.default.as_deref().unwrap_or_default());
        let commands = key.commands.join(", ");
        table.row([
            code(&key.name),
            value,
            default,
            code(&key.variable),
            commands,
            format!("{}.", key.help.trim_end_matches('.')),
        ]);
    }
    page.table(&table);
    page.paragraph(
        "The column *For* names the commands that use a key. Variables of other commands (`SHAKEDOWN_BASELINES`, `SHAKEDOWN_LISTEN`, \
         `SHAKEDOWN_ECHO`) are listed with their flags in [cli.md](cli.md); they have no key here.",
    );
}
