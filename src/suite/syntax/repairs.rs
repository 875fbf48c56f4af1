//! What may be wrong with a line that is no YAML, each with the line that would mend it. Whether it does is tried, not believed.

use super::line::{self, Line, Value, closing};
use crate::model::count::counted;

/// A guess: what is wrong, and the lines with it corrected.
pub(super) struct Repair {
    /// The mistake, one sentence.
    pub(super) message: String,
    /// Place of the mistake in the first line, bytes.
    pub(super) at: usize,
    /// Lines by number from 0, and what to write there.
    pub(super) lines: Vec<(usize, String)>,
    /// Advice in place of the line.
    pub(super) advice: Option<String>,
    /// Nothing else can have been meant: the values are the same, written as they must be.
    pub(super) certain: bool,
}

impl Repair {
    fn new(message: impl Into<String>, at: usize, number: usize, text: String) -> Self {
        Self { message: message.into(), at, lines: vec![(number, text)], advice: None, certain: false }
    }

    fn certain(self) -> Self {
        Self { certain: true, ..self }
    }
}

/// Lines above the one an error is told of that may hold its cause: a bracket or a quote that is open.
const ABOVE: usize = 30;

const BRACKETS: &str = "a name with brackets must be in quotes here: they would begin a list";

/// Every guess about the line `number` of `lines`, at which the reader of YAML gave up, the most likely first.
pub(super) fn of(lines: &[&str], number: usize) -> Vec<Repair> {
    let mut out = Vec::new();
    out.extend(tabs(lines, number));
    let above = (0..=number).rev().take(ABOVE).filter(|at| !lines[*at].trim().is_empty());
    for (distance, at) in above.enumerate() {
        let text = lines[at];
        let parts = line::read(text);
        if distance < 2 {
            out.extend(characters(text, at));
            let named = super::names::in_quotes(text);
            out.extend(named.map(|(column, mended)| Repair::new(BRACKETS, column, at, mended).certain()));
            out.extend(indicators(text, at));
            out.extend(commas(text, &parts, at));
            out.extend(values(text, &parts, at));
        }
        out.extend(brackets(text, &parts, at));
        if distance < 2 {
            out.extend(block_text(lines, at));
            out.extend(words(lines, at, distance == 0));
        }
    }
    out.extend(indentation(lines, number));
    out
}

/// Tabs before what a line says, in the whole file at once.
fn tabs(lines: &[&str], number: usize) -> Vec<Repair> {
    let indented = |text: &&str| text.trim_start_matches(' ').starts_with('\t') && !text.trim().is_empty();
    let wrong: Vec<usize> = (0..lines.len()).filter(|at| indented(&lines[*at])).collect();
    let Some(first) = wrong.iter().copied().min_by_key(|at| at.abs_diff(number)) else { return Vec::new() };
    let first = if wrong.contains(&number) { number } else { first };
    let mut ordered = vec![first];
    ordered.extend(wrong.iter().copied().filter(|at| *at != first));
    let mut out = Vec::new();
    for width in [2, 4, 8, 1] {
        let repaired = |text: &str| {
            let rest = text.trim_start_matches([' ', '\t']);
            let blanks = &text[..text.len() - rest.len()];
            format!("{}{rest}", blanks.replace('\t', &" ".repeat(width)))
        };
        let more = match wrong.len() - 1 {
            0 => String::new(),
            // Tabs within values stay.
            more => {
                let blanks = " ".repeat(width);
                format!(" (and {}: sed -i ':a; s/^\\( *\\)\\t/\\1{blanks}/; ta' FILE)", counted(more, "more line"))
            }
        };
        let advice = format!("indent with spaces; write `{}`{more}", repaired(lines[first]));
        out.push(Repair {
            message: "this line is indented with a tab, and YAML indents with spaces".into(),
            at: 0,
            lines: ordered.iter().map(|at| (*at, repaired(lines[*at]))).collect(),
            advice: Some(advice),
            certain: true,
        });
    }
    out
}

/// Characters that do not belong into YAML, or only look like blanks.
fn characters(text: &str, number: usize) -> Vec<Repair> {
    let mut out = Vec::new();
    let blank = |c: char| (c.is_whitespace() && !c.is_ascii()) || matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}');
    if let Some((at, found)) = text.char_indices().find(|(_, c)| blank(*c)) {
        let message =
            format!("a blank of this line is no ordinary space but U+{:04X}, which YAML takes for text", found as u32);
        let repaired = text.chars().map(|c| if blank(c) { ' ' } else { c }).collect();
        out.push(Repair::new(message, at, number, repaired).certain());
    }
    let control = |c: char| c.is_control() && c != '\t';
    if let Some((at, found)) = text.char_indices().find(|(_, c)| control(*c)) {
        let message = format!("YAML allows no character U+{:04X} here", found as u32);
        out.push(Repair::new(message, at, number, text.chars().filter(|c| !control(*c)).collect()));
    }
    out
}

/// Lines of which a sign alone is missing.
fn words(lines: &[&str], number: usize, told: bool) -> Vec<Repair> {
    let text = lines[number];
    let trimmed = text.trim_start();
    let indent = text.len() - trimmed.len();
    let word = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
    };
    let mut out = Vec::new();
    if let Some(rest) = trimmed.strip_prefix('-')
        && rest.starts_with(|c: char| c.is_ascii_alphabetic())
        && rest.contains(':')
    {
        let repaired = format!("{}- {rest}", &text[..indent]);
        let message = "an element of a list begins with `-` and a blank";
        let mut repair = Repair::new(message, indent, number, repaired);
        out.push(Repair { lines: repair.lines.clone(), ..Repair::new(message, indent, number, String::new()) });
        // Its keys moved by one.
        let deeper = |text: &&str| text.len() - text.trim_start().len() > indent;
        for (at, below) in lines.iter().enumerate().skip(number + 1).take_while(|(_, text)| deeper(text)) {
            repair.lines.push((at, format!(" {below}")));
        }
        out.push(repair);
    }
    let bare = trimmed.trim_end().strip_prefix("- ").unwrap_or(trimmed.trim_end());
    // Above the line that is told of, an element of a list is no key.
    if word(bare) && (told || bare.len() == trimmed.trim_end().len()) {
        let message = format!("a `:` is missing behind `{bare}`");
        out.push(Repair::new(message, indent, number, format!("{}:", text.trim_end())));
    }
    out
}

/// Why a plain value cannot begin like this.
fn reserved(value: &str) -> Option<String> {
    let first = value.chars().next()?;
    let second = value.chars().nth(1);
    let why = match first {
        '*' => "refers to an anchor in YAML",
        '&' => "names an anchor in YAML",
        '!' => "is a tag in YAML",
        '%' | '@' | '`' => "is reserved by YAML",
        '|' => "begins text of several lines in YAML",
        '-' | '?' if second.is_none_or(|c| c == ' ') => "means a list or a key in YAML",
        '#' => "begins a comment in YAML",
        ',' | ']' | '}' | '>' => "has a meaning of its own in YAML",
        _ => return None,
    };
    Some(format!("a text that begins with `{first}` must be in quotes: {first} {why}"))
}

/// Values that begin with a comparison: an operator is a word here.
fn comparison(value: &str) -> Option<String> {
    let (word, rest) = [(">=", "ge"), ("<=", "le"), (">", "gt"), ("<", "lt"), ("!=", "ne")]
        .into_iter()
        .find_map(|(sign, word)| Some((word, value.strip_prefix(sign)?.trim())))?;
    (rest.starts_with(|c: char| c.is_ascii_digit())).then(|| format!("{{{word}: {rest}}}"))
}

/// Signs that begin a value and mean something else in YAML.
fn indicators(text: &str, number: usize) -> Vec<Repair> {
    let parts = line::read(text);
    let plain = |value: &&Value| !text[value.at.clone()].starts_with(['"', '\'']);
    let mut out = Vec::new();
    if let Some(value) = parts.values.iter().filter(plain).find(|value| comparison(&text[value.at.clone()]).is_some()) {
        let repaired = replaced(text, &parts, &|value| comparison(value));
        out.push(
            Repair::new("a comparison is written with a word: lt, le, gt, ge or ne", value.at.start, number, repaired)
                .certain(),
        );
    }
    if let Some((value, why)) =
        parts.values.iter().filter(plain).find_map(|value| Some((value, reserved(&text[value.at.clone()])?)))
    {
        let repaired = replaced(text, &parts, &|value| reserved(value).map(|_| quoted(value)));
        out.push(Repair::new(why, value.at.start, number, repaired).certain());
    }
    out
}

/// Values that lack quotes, or whose quotes are not what was meant.
fn values(text: &str, parts: &Line, number: usize) -> Vec<Repair> {
    type Test<'t> = &'t dyn Fn(&str, bool) -> Option<String>;
    let variable: Test = &|value, flow| (flow && value.contains("${") && plain(value)).then(|| quoted(value));
    let colon: Test =
        &|value, _| (plain(value) && (value.contains(": ") || value.ends_with(':'))).then(|| quoted(value));
    let comment: Test = &|value, _| (plain(value) && value.contains(" #")).then(|| quoted(value));
    let trailing: Test = &|value, _| trailing(value);
    let escape: Test = &|value, _| escaped(value);
    let rules: [(&str, Test); 5] = [
        ("within { } or [ ] a value with `${…}` must be in quotes: its brace would begin a map", variable),
        ("a text that holds `: ` must be in quotes: it would begin a key", colon),
        ("a text that holds ` #` must be in quotes: the rest of the line would be a comment", comment),
        ("the quote ends before the text does", trailing),
        ("within double quotes a backslash begins an escape, and there is none like this", escape),
    ];
    let mut out = Vec::new();
    for (message, test) in rules {
        let found = parts.values.iter().find(|value| test(&text[value.at.clone()], value.flow).is_some());
        let Some(found) = found else { continue };
        let mut repaired = text.to_owned();
        for value in parts.values.iter().rev() {
            if let Some(new) = test(&text[value.at.clone()], value.flow) {
                repaired.replace_range(value.at.clone(), &new);
            }
        }
        out.push(Repair::new(message, found.at.start, number, repaired).certain());
    }
    // Several of these in one line.
    let mut repaired = text.to_owned();
    let mut first = None;
    for value in parts.values.iter().rev() {
        let one = rules.iter().find_map(|(_, test)| test(&text[value.at.clone()], value.flow));
        let old = &text[value.at.clone()];
        if let Some(new) = one.or_else(|| (plain(old) && reserved(old).is_some()).then(|| quoted(old))) {
            repaired.replace_range(value.at.clone(), &new);
            first = Some(value.at.start);
        }
    }
    if let Some(at) = first {
        out.push(Repair::new("values of this line must be in quotes", at, number, repaired).certain());
    }
    out
}

fn plain(value: &str) -> bool {
    !value.starts_with(['"', '\''])
}

/// A quoted text with more behind its quote, in the quotes that hold all of it.
fn trailing(value: &str) -> Option<String> {
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let end = closing(value, quote)?;
    if value[end + 1..].trim().is_empty() || value[end + 1..].trim_start().starts_with('#') {
        return None;
    }
    let inner = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).filter(|rest| !rest.is_empty());
    Some(quoted(inner.unwrap_or(value)))
}

/// A double-quoted text with escapes that YAML does not have, such as those of a pattern.
fn escaped(value: &str) -> Option<String> {
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    let mut chars = inner.chars();
    let mut unknown = false;
    while let Some(c) = chars.next() {
        unknown |= c == '\\' && !chars.next().is_some_and(|next| "0abt\tnvfre \"/\\N_LPxuU".contains(next));
    }
    unknown.then(|| format!("'{}'", inner.replace('\'', "''")))
}

/// The text in quotes: double ones, unless it holds what they give a meaning to.
pub(super) fn quoted(text: &str) -> String {
    if text.contains(['"', '\\']) { format!("'{}'", text.replace('\'', "''")) } else { format!("\"{text}\"") }
}

fn replaced(text: &str, parts: &Line, new: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = text.to_owned();
    for value in parts.values.iter().rev() {
        if let Some(new) = new(&text[value.at.clone()]) {
            out.replace_range(value.at.clone(), &new);
        }
    }
    out
}

/// Commas that are missing between entries, or stand twice.
fn commas(text: &str, parts: &Line, number: usize) -> Vec<Repair> {
    let mut out = Vec::new();
    let key_inside = |value: &str| {
        let colon = value.find(": ")?;
        let before = value[..colon].rfind(' ')?;
        Some(before).filter(|before| !value[..*before].trim().is_empty())
    };
    let found = parts.values.iter().find_map(|value| {
        let place = key_inside(&text[value.at.clone()]).filter(|_| value.flow && plain(&text[value.at.clone()]))?;
        Some(value.at.start + place)
    });
    if let Some(at) = found {
        out.insert(
            0,
            Repair::new(
                "a comma is missing between two entries",
                at,
                number,
                format!("{},{}", &text[..at], &text[at..]),
            ),
        );
    }
    for (twice, once) in [(",,", ","), (", ,", ","), ("[,", "["), ("{,", "{"), ("[ ,", "["), ("{ ,", "{")] {
        if let Some(at) = text.find(twice) {
            out.push(Repair::new(
                "this comma separates nothing",
                at + twice.len() - 1,
                number,
                text.replacen(twice, once, 1),
            ));
        }
    }
    out
}

/// Brackets and quotes that are open, or close nothing.
fn brackets(text: &str, parts: &Line, number: usize) -> Vec<Repair> {
    let mut out = Vec::new();
    if let Some(open) = parts.quote {
        let quote = &text[open..=open];
        let inside =
            text[open + 1..].char_indices().filter(|(_, c)| matches!(c, ',' | '}' | ']')).map(|(at, _)| open + 1 + at);
        let flow = text[..open].contains(['{', '[']);
        for end in inside.filter(|_| flow).take(4).chain([text.trim_end().len()]) {
            let repaired = format!("{}{quote}{}", &text[..end], &text[end..]);
            out.push(Repair::new(format!("this {quote} is not closed"), open, number, repaired));
        }
        return out;
    }
    if !parts.open.is_empty() {
        let closing: String = parts.open.iter().rev().map(|open| if *open == '{' { '}' } else { ']' }).collect();
        let end = line::without_comment(text).trim_end().trim_end_matches(',').len();
        let which = parts.open.last().copied().unwrap_or('{');
        let at = text.rfind(which).unwrap_or(0);
        let repaired = format!("{}{closing}{}", &text[..end], text[end..].trim_start_matches(','));
        out.push(Repair::new(format!("this `{which}` is not closed"), at, number, repaired));
    }
    if let Some(rest) = line::without_comment(text).strip_suffix(['[', '{'])
        && rest.trim_end().ends_with(':')
    {
        let at = rest.len();
        let message = "within [ ] or { } there are no `-`: elements stand between commas";
        out.push(Repair::new(message, at, number, rest.trim_end().to_owned()));
    }
    if let Some(at) = parts.extra.first() {
        let mut repaired = text.to_owned();
        for at in parts.extra.iter().rev() {
            repaired.remove(*at);
        }
        out.push(Repair::new(format!("this `{}` closes nothing", &text[*at..=*at]), *at, number, repaired));
    }
    out
}

/// Text below `|` or `>` that does not stand further in than its key.
fn block_text(lines: &[&str], number: usize) -> Vec<Repair> {
    let opens = |text: &str| {
        let text = line::without_comment(text);
        [": |", ": >", ": |-", ": >-", ": |+", ": >+"].iter().any(|end| text.ends_with(end))
    };
    let indent = |text: &str| text.len() - text.trim_start().len();
    let Some(head) = number.checked_sub(1).filter(|above| opens(lines[*above])) else { return Vec::new() };
    let deeper = " ".repeat(indent(lines[head]) + 2);
    let message = format!("the text below line {} must stand further in than its key", head + 1);
    vec![Repair::new(message, 0, number, format!("{deeper}{}", lines[number].trim_start()))]
}

/// Indentation that fits nothing above: that of a line nearby instead.
fn indentation(lines: &[&str], number: usize) -> Vec<Repair> {
    let text = lines[number];
    let rest = text.trim_start();
    let own = text.len() - rest.len();
    let mut known: Vec<(usize, usize)> = Vec::new();
    for at in (0..number).rev().take(ABOVE * 2) {
        let above = lines[at].trim_start();
        if above.is_empty() || above.starts_with('#') {
            continue;
        }
        let indent = lines[at].len() - above.len();
        let inner = above.strip_prefix("- ").map(|item| indent + above.len() - item.trim_start().len());
        for column in [Some(indent), inner].into_iter().flatten() {
            if column != own && !known.iter().any(|(_, other)| *other == column) {
                known.push((at, column));
            }
        }
    }
    known.sort_by_key(|(_, column)| column.abs_diff(own));
    let spaces = |n: usize| counted(n, "space");
    known
        .into_iter()
        .map(|(like, column)| {
            let repaired = format!("{}{rest}", " ".repeat(column));
            let message = format!("this line begins after {}, which fits nothing above it", spaces(own));
            let advice = format!("begin it after {}, as line {} does: `{repaired}`", spaces(column), like + 1);
            Repair { advice: Some(advice), ..Repair::new(message, own, number, repaired) }
        })
        .collect()
}
