//! Explanations set for a width: sentences are broken between words, what hangs below a bullet or beside a name keeps its column, and
//! what may be pasted stays in one piece.

/// Lines this far in are examples and commands, which stay as they are; what is further in is the help of a field.
const AS_WRITTEN: std::ops::Range<usize> = 4..16;
/// The heading below which everything is an example.
const EXAMPLE: &str = "## Example";
/// Furthest column that a text beside a name may begin at.
const FURTHEST: usize = 48;
/// Narrowest text beside a name, before it goes below it.
const NARROWEST: usize = 24;

/// Markdown with a line for each paragraph and each bullet, as long as it may be.
pub(super) fn unwrapped(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut fenced = false;
    // The column that a line which goes on begins at.
    let mut goes_on: Option<usize> = None;
    for line in text.lines() {
        let (indent, rest) = indented(line);
        if rest.starts_with("```") {
            fenced = !fenced;
        }
        let fixed = fenced || rest.is_empty() || rest.starts_with(['#', '|']) || rest.starts_with("```");
        match (goes_on.filter(|column| *column == indent && !fixed && !is_item(rest)), out.last_mut()) {
            (Some(_), Some(last)) => {
                last.push(' ');
                last.push_str(rest);
            }
            _ => {
                out.push(line.to_owned());
                let text = if is_item(rest) { indent + 2 } else { indent };
                goes_on = (!fixed && (indent < 4 || is_item(rest))).then_some(text);
            }
        }
    }
    out.join("\n") + "\n"
}

/// The same text with no line over `width`, but for words that are longer and for what stays as it is.
pub(super) fn wrapped(text: &str, width: usize) -> String {
    let (mut out, mut fenced, mut example) = (String::new(), false, false);
    for line in text.lines() {
        let (_, rest) = indented(line);
        if rest.starts_with("```") {
            fenced = !fenced;
        }
        if line.starts_with("## ") {
            example = line == EXAMPLE;
        }
        if line.chars().count() <= width || fenced || example || is_as_written(line) {
            out.push_str(line);
            out.push('\n');
        } else {
            broken(&mut out, line, width);
        }
    }
    out
}

/// Whether a line is to be copied, and not prose.
fn is_as_written(line: &str) -> bool {
    let (indent, rest) = indented(line);
    rest.starts_with(['#', '|']) || AS_WRITTEN.contains(&indent) && beside(line).is_none() && !is_item(rest)
}

fn broken(out: &mut String, line: &str, width: usize) {
    let (indent, rest) = indented(line);
    let column = beside(line).filter(|column| column + NARROWEST <= width);
    let hang = match column {
        Some(column) => column,
        None if is_item(rest) => indent + 2,
        None if beside(line).is_some() => indent + 4,
        None => indent,
    };
    // What stands before the column keeps its blanks.
    let start = column.unwrap_or(indent);
    let head: String = line.chars().take(start).collect();
    let text: String = line.chars().skip(start).collect();
    let mut used = head.chars().count();
    out.push_str(&head);
    let mut first = true;
    for word in words(&text) {
        let long = word.chars().count();
        if !first && used + 1 + long > width {
            out.push('\n');
            out.push_str(&" ".repeat(hang));
            used = hang;
        } else if !first {
            out.push(' ');
            used += 1;
        }
        first = false;
        used += long;
        out.push_str(&word);
    }
    out.push('\n');
}

/// The column that a text beside a name begins at: behind the last two blanks of the columns before it.
fn beside(line: &str) -> Option<usize> {
    let (indent, rest) = indented(line);
    let name = rest.split(' ').next().unwrap_or_default();
    // In an example, what ends in a colon is a key and what follows a dash an element.
    if AS_WRITTEN.contains(&indent) && (name.contains([':', '{', '"']) || is_item(rest)) {
        return None;
    }
    let chars: Vec<char> = line.chars().collect();
    let begins = |at: usize| chars[at] != ' ' && chars[at - 1] == ' ' && chars[at - 2] == ' ';
    (indent + 3..chars.len().min(FURTHEST)).rev().find(|at| begins(*at))
}

/// Words as they may be parted: what stands in backticks is one.
fn words(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut open = false;
    for word in text.split_whitespace() {
        match out.last_mut() {
            Some(last) if open => {
                last.push(' ');
                last.push_str(word);
            }
            _ => out.push(word.to_owned()),
        }
        open ^= word.matches('`').count() % 2 == 1;
    }
    out
}

fn is_item(rest: &str) -> bool {
    rest.starts_with("- ")
}

fn indented(line: &str) -> (usize, &str) {
    let rest = line.trim_start_matches(' ');
    (line.len() - rest.len(), rest)
}

#[cfg(test)]
mod tests {
    use super::{unwrapped, wrapped};

    #[test]
    fn bullets_hang_and_pieces_stay_whole() {
        let text = "# a\n\nOne sentence that\ngoes on.\n\n- first `a: {b:\n  c}` is long and goes on\n  further.\n  - below it is\n    one as well.\n- x\n\n\
                    ```yaml\na: 1   # as it is, however long this line may become in the end\n```\n";
        let whole = unwrapped(text);
        assert!(
            whole.contains("\nOne sentence that goes on.\n\n- first `a: {b: c}` is long and goes on further.\n"),
            "{whole}"
        );
        assert!(whole.contains("\n  - below it is one as well.\n- x\n"), "{whole}");
        let set = wrapped(&whole, 24);
        assert!(
            set.contains("- first `a: {b: c}` is\n  long and goes on\n  further.\n  - below it is one as\n    well.\n"),
            "{set}"
        );
        assert!(set.contains("however long this line may become in the end\n"), "{set}");
        let columns = wrapped("  name      text          what it says goes on here\n", 50);
        assert_eq!(columns, "  name      text          what it says goes on\n".to_owned() + &" ".repeat(26) + "here\n");
    }
}
