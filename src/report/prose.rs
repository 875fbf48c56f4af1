//! Advice on lines: sentences break between words, commands nowhere.
//!
//! Texts hold commands as Markdown does, between backticks. After a colon (`here: …`), or after another such command, a command
//! has a line of its own, without its backticks, as it is to be pasted into a shell; a longer one than the line is wide goes on
//! beyond it, where the terminal folds it and copies it whole. Elsewhere, as in parentheses, it stays in its sentence, unbroken.
//! What follows from the output of such a command (`; if it lists nothing, …; else …`) begins a line each.

use unicode_width::UnicodeWidthStr as _;

/// Columns before a command on a line of its own.
const INDENT: &str = "  ";
/// Words that begin what to do in one case of several.
const BRANCHES: &[&str] = &["if", "else"];

/// `text` as lines of at most `room` columns, except for commands and long words.
pub(super) fn lines(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    // Whether a command that comes now has a line of its own, and whether the last line is such a command.
    let (mut introduced, mut closed) = (false, false);
    // Whether there was one, and whether the last word ends a part of the sentence.
    let (mut told, mut parted) = (false, false);
    for word in words(text) {
        if let Some(command) = alone(word).filter(|_| introduced) {
            push_line(&mut lines, format!("{INDENT}{command}"));
            (closed, told) = (true, true);
            parted = word.ends_with(';');
            continue;
        }
        introduced = word.ends_with(':');
        closed |= told && parted && BRANCHES.contains(&word);
        parted = word.ends_with(';');
        let fits = |line: &&mut String| line.is_empty() || line.width() + 1 + word.width() <= room;
        match lines.last_mut().filter(|_| !closed).filter(fits) {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
        closed = false;
    }
    lines
}

/// A line that begins anew, in place of an empty one.
fn push_line(lines: &mut Vec<String>, line: String) {
    match lines.last_mut() {
        Some(last) if last.is_empty() => *last = line,
        _ => lines.push(line),
    }
}

/// The command that a word is, without its backticks and what closes it off from the rest of the sentence.
fn alone(word: &str) -> Option<&str> {
    let command = word.trim_end_matches([';', ',', '.']);
    let fence = command.len() - command.trim_start_matches('`').len();
    let (opening, inside) = command.split_at(fence);
    let command = inside.strip_suffix(opening).filter(|_| fence > 0)?;
    // Between two backticks blanks keep those of the command apart from them.
    Some(if fence > 1 { command.trim_matches(' ') } else { command })
}

/// Words between blanks; what stands between backticks is one.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (word, after) = text.split_at(word_end(text));
        rest = after.get(1..);
        Some(word)
    })
}

/// Where the first word of a text ends.
fn word_end(text: &str) -> usize {
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let Some(found) = rest.find([' ', '`']) else { break };
        at += found;
        let fence: String = text.get(at..).unwrap_or_default().chars().take_while(|c| *c == '`').collect();
        if fence.is_empty() {
            return at;
        }
        at += fence.len();
        // One that nothing closes is a character like others.
        at += text.get(at..).and_then(|inside| inside.find(&fence)).map_or(0, |end| end + fence.len());
    }
    text.len()
}

#[cfg(test)]
mod tests;
