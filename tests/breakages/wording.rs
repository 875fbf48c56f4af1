//! Whether a text says who, what and what next, where a tired reader looks: in the first lines of its block.

use regex::Regex;

/// Lines read after the one that begins with the verdict.
const READ: usize = 4;

/// What must be said of some cases. All are regular expressions.
pub struct Wording {
    /// Which cases this speaks of, by their ids.
    pub cases: &'static str,
    /// The cause, in any order.
    pub cause: &'static [&'static str],
    /// The next step, in the line that begins with `next`, and in what it goes on in.
    pub next: &'static [&'static str],
    /// What would send the reader astray, in the same lines.
    pub misleading: &'static [&'static str],
}

/// A verdict in the first column, what it is about behind it, and indented lines below.
struct Block<'a>(Vec<&'a str>);

/// The blocks of a console text. A line without anything indented below it is one of the list of cases.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let verdict = pattern("^[A-Z]{3,} ");
    let mut all: Vec<Block<'_>> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        if verdict.is_match(line) {
            all.push(Block(vec![line]));
            open = true;
        } else if let Some(block) = all.last_mut().filter(|_| open && line.starts_with(' ')) {
            block.0.push(line);
        } else {
            open = false;
        }
    }
    all.retain(|block| block.0.len() > 1);
    all
}

/// The block of a case: the one that begins with it, else one that names it below, as when several have one cause.
fn block_of<'a>(text: &'a str, id: &str) -> Option<Block<'a>> {
    let (mut own, others): (Vec<_>, Vec<_>) = blocks(text).into_iter().partition(|block| names(block.0[0], id));
    own.extend(others.into_iter().filter(|block| names(&block.0.join("\n"), id)));
    own.into_iter().next()
}

/// Whether a text says more of a case than its verdict.
pub fn has_block(text: &str, id: &str) -> bool {
    block_of(text, id).is_some()
}

/// What the text leaves unsaid of a case.
pub fn missing(text: &str, id: &str, wording: &Wording) -> Vec<String> {
    let Some(block) = block_of(text, id) else {
        return vec![format!("{id}: no block names it")];
    };
    let read = block.0.iter().take(1 + READ).copied().collect::<Vec<_>>();
    let first = read.join("\n");
    let mut problems = Vec::new();
    // One of several with the same cause stands in the row `also`, which long lines before it push down.
    if !names(&block.0.join("\n"), id) {
        problems.push("its name".to_owned());
    }
    problems.extend(
        wording.cause.iter().filter(|cause| !pattern(cause).is_match(&first)).map(|cause| format!("cause `{cause}`")),
    );
    // The step begins there; a second command of it, on a line of its own, may stand below.
    let begins = next_step(&read).and_then(|_| next_step(&block.0));
    match begins {
        Some(step) => problems.extend(
            wording.next.iter().filter(|next| !pattern(next).is_match(&step)).map(|next| format!("next step `{next}`")),
        ),
        None => problems.push("a line `next`".to_owned()),
    }
    let astray = wording.misleading.iter().filter(|never| pattern(never).is_match(&first));
    problems.extend(astray.map(|never| format!("instead of `{never}`")));
    problems.into_iter().map(|problem| format!("{id}: {problem} in\n{first}")).collect()
}

/// The line `next` with those it goes on in: they are indented further.
fn next_step(lines: &[&str]) -> Option<String> {
    let at = lines.iter().position(|line| pattern(r"^ +next\b").is_match(line))?;
    let indent = |line: &str| line.len() - line.trim_start().len();
    let more = lines[at + 1..].iter().take_while(|line| indent(line) > indent(lines[at]));
    Some([&lines[at]].into_iter().chain(more).copied().collect::<Vec<_>>().join("\n"))
}

/// Whether a text has an id as a word of its own: `path` is not in `path-v6`.
fn names(text: &str, id: &str) -> bool {
    pattern(&format!(r"(^|[\s/(,]){}($|[\s),:])", regex::escape(id))).is_match(text)
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::{Wording, has_block, missing};

    const WORDING: Wording =
        Wording { cases: ".", cause: &["refused", r"192\.0\.2\.12:443"], next: &[r"\bss\b"], misleading: &["renew"] };
    const GOOD: &str = "\
PASS  path  192.0.2.10
FAIL  backend[address=192.0.2.12]  https://www.example.test/health

edge-gate  21 passed  1 FAILED
FAIL  backend[address=192.0.2.12]  https://www.example.test/health
  cause  connection refused by 192.0.2.12:443 (RST)
  next   does the service run there?
         ss -ltnp
  unmet  status = 200, body.json.status = ok
FAIL  path-v6  2001:db8::10
  cause  something else
";

    #[test]
    fn a_text_that_says_who_what_and_what_next_leaves_nothing_unsaid() {
        assert_eq!(missing(GOOD, "backend[address=192.0.2.12]", &WORDING), Vec::<String>::new());
    }

    #[test]
    fn what_is_left_out_or_comes_late_is_seen() {
        let unsaid = |text: &str| missing(text, "backend[address=192.0.2.12]", &WORDING).join("\n");
        let late = "  seen   nothing: the fact is absent\n  at     gate.yaml:4\n";
        for (old, new, problem) in [
            ("FAIL  backend[address=192.0.2.12]", "FAIL  backend[address=192.0.2.11]", "no block names it"),
            ("refused by", "made by", "cause `refused`"),
            ("192.0.2.12:443", "192.0.2.12", "cause `192"),
            ("  next ", "  try  ", "a line `next`"),
            ("ss -ltnp", "see the docs", r"next step `\bss\b`"),
            ("does the service", "renew it, does the service", "instead of `renew`"),
            ("  cause  conn", &format!("{late}  works  b\n  cause  conn"), "a line `next`"),
            ("  cause  conn", &format!("{late}{late}  cause  conn"), "cause `refused`"),
        ] {
            let text = GOOD.replace(old, new);
            assert_ne!(text, GOOD);
            assert!(unsaid(&text).contains(problem), "{problem} is not in\n{}", unsaid(&text));
        }
    }

    #[test]
    fn the_list_of_cases_is_no_account_of_them() {
        assert!(has_block(GOOD, "path-v6") && has_block(GOOD, "backend[address=192.0.2.12]"));
        assert!(!has_block(GOOD, "path") && !has_block(GOOD, "path-v"));
    }
}
