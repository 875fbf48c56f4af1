//! Console texts with what differs from run to run taken out, and their snapshots.

use std::path::{Path, PathBuf};

use regex::Regex;

/// What is measured, and what stands for it. Numbers of the suite and of the lab (`within 2s`, `1 s`, `86400s`, `14d`) are
/// whole, and stay.
const VOLATILE: &[(&str, &str)] = &[
    // How long a case, and the run, took.
    (r"(?m)^([A-Z]{4,}) +-?[0-9][0-9.]* ?(ns|us|µs|ms|s|min) ", "$1  <time> "),
    (r"(?m)\bin +[0-9][0-9.]* ?(ns|us|µs|ms|s|min)$", "in <time>"),
    (r"(?m)[0-9][0-9.]* ?(ns|us|µs|ms|s|min) +\(exit", "<time>  (exit"),
    (r"-?\b[0-9]+(\.[0-9]+)? ?(ns|us|µs|ms)\b", "<time>"),
    (r"-?\b[0-9]+\.[0-9]+ ?(s|min|h|d|days)\b", "<time>"),
    (r"\b[0-9]{3,} ?(d|days)\b", "<time>"),
    // The lab's certificates expired in 2020, or were made today.
    (r"\b(20(?:2[1-9]|[3-9][0-9])-[0-9]{2}-[0-9]{2})(T[0-9:.]+Z)?", "<date>"),
    (r"\b[0-9a-f]{16,}\b", "<hash>"),
    // What comparisons come to.
    (r"[+-][0-9][0-9.]*%", "<change>"),
    (r"\b[0-9.]+ times\b", "<change>"),
    (r"\bx[0-9.]+ \[x[0-9.]+, x[0-9.]+\]", "<change>"),
    (r"(?m)^ +tolerance [0-9.]+%, changes", "  tolerance <share>, changes"),
    (r"\bchanges from [0-9.]+% on", "changes from <share> on"),
    (r"\bMDE [0-9.]+%", "MDE <share>"),
    // Which of two metrics moved further, and in which order others are named.
    (r"\b(?:total_time|first_byte_time)  +<time> -> <time>", "<metric>  <time> -> <time>"),
    (r"\bmoved most \(x[0-9.]+\)", "moved most (<change>)"),
    (r"\(edge-gate/latency \w+, edge-gate/latency \w+\)", "(<metrics>)"),
    (r"\bp (?:< ?)?[01]\.[0-9]+", "p <p>"),
    (r"\b[0-9]+ pairs would\b", "<n> pairs would"),
    (r"\bn=[0-9]+", "n=<n>"),
    // The number shown of a case that holds: another one where its own sample was timed late, as on a busy machine.
    (r"(?m)^(PASS  <time>  \S+  .*?)  \S+ (?:p[0-9]+ )?<time>.*$", "$1  <measured>"),
];

/// The text with what is measured replaced. Blanks beside it, which align it, are two.
pub fn normalised(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, instead) in VOLATILE {
        text = Regex::new(pattern).unwrap().replace_all(&text, *instead).into_owned();
    }
    let lines = text.lines().map(|line| {
        // The indentation of a line is none of it.
        let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
        let rest = Regex::new("  +<").unwrap().replace_all(rest.trim_end(), "  <").into_owned();
        indent.to_owned() + &Regex::new(">  +").unwrap().replace_all(&rest, ">  ") + "\n"
    });
    lines.collect()
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/breakages/snapshots").join(format!("{name}.txt"))
}

/// Why the text is not that of its snapshot; with `UPDATE_BREAKAGES` it is from now on.
pub fn differs(name: &str, shown: &str) -> Option<String> {
    let (text, path) = (normalised(shown), path(name));
    if std::env::var_os("UPDATE_BREAKAGES").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
        return None;
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    let changed = known.lines().zip(text.lines()).position(|(old, new)| old != new);
    let at = changed.unwrap_or_else(|| known.lines().count().min(text.lines().count()));
    let line = |text: &str| text.lines().nth(at).unwrap_or("(its end)").to_owned();
    (known != text).then(|| {
        format!(
            "its text is another one; UPDATE_BREAKAGES=1 accepts it. Line {} of the snapshot, and now:\n- {}\n+ {}\n{shown}",
            at + 1,
            line(&known),
            line(&text)
        )
    })
}

/// Snapshots of breakages that are no more.
pub fn left_over(names: &[&str]) -> Vec<String> {
    let folder = path("any").parent().unwrap().to_owned();
    let files =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    files.filter(|file| !names.iter().any(|name| *file == format!("{name}.txt"))).collect()
}

#[cfg(test)]
mod tests {
    use super::normalised;

    #[test]
    fn what_is_measured_goes_and_what_is_known_stays() {
        for (text, expected) in [
            ("PASS    1.253ms  edge-gate/a  dns b  rtt 454.6us\n", "PASS  <time>  edge-gate/a  dns b  <measured>\n"),
            ("PASS    12.3ms  a  dns b  rtt p50 1us p95 2us (n=50)\n", "PASS  <time>  a  dns b  <measured>\n"),
            ("PASS    289.4us  edge-gate/a  tcp b:1\n", "PASS  <time>  edge-gate/a  tcp b:1\n"),
            ("edge-gate  1 FAILED   2 s   (exit 1)\n", "edge-gate  1 FAILED  <time>  (exit 1)\n"),
            ("FAIL         2s  edge-gate/a\n", "FAIL  <time>  edge-gate/a\n"),
            ("25 checks: 25 passed  in 2s\n", "25 checks: 25 passed  in <time>\n"),
            ("  seen  -2493.6d\n", "  seen  <time>\n"),
            ("  cause  expired 2493 days ago, on 2020-02-01\n", "  cause  expired <time> ago, on 2020-02-01\n"),
            ("  cause  no answer to SYN within 2s\n", "  cause  no answer to SYN within 2s\n"),
            ("  seen  1.307s, at most 1 s\n", "  seen  <time>, at most 1 s\n"),
            ("  until 2027-01-28T14:20:24Z, SHA-256 b501cba1bcf3dd18…\n", "  until <date>, SHA-256 <hash>…\n"),
            ("  ttl.max 86400s <= 300s, expires_in > 14d\n", "  ttl.max 86400s <= 300s, expires_in > 14d\n"),
            ("  1.3ms -> 64ms  +4692% [+3712%, +5924%]\n", "  <time> -> <time>  <change> [<change>, <change>]\n"),
            ("  MDE 38%, p < 0.0001, p 0.0131 (n=98)\n", "  MDE <share>, p <p>, p <p> (n=<n>)\n"),
            ("  loss 8%, 4 of 50\n", "  loss 8%, 4 of 50\n"),
            ("SOA 2026112401 3600 600\n", "SOA 2026112401 3600 600\n"),
        ] {
            assert_eq!(normalised(text), expected);
        }
    }
}
