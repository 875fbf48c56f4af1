//! Names with brackets in a line of broken YAML: cells of a matrix (`web[site=a]`) and elements of a document
//! (`services[name=db].status`). Within `[ ]` or `{ }` they must be in quotes.

use std::ops::Range;

use super::repairs::quoted;

/// The line with such names in quotes, and the place of the first; `None` where it has none.
pub(super) fn in_quotes(text: &str) -> Option<(usize, String)> {
    let found = bracketed(text);
    let first = found.first()?.start;
    let mut mended = text.to_owned();
    for name in found.into_iter().rev() {
        let new = quoted(&text[name.clone()]);
        mended.replace_range(name, &new);
    }
    Some((first, mended))
}

/// Where the names stand that have a condition in brackets and no quotes around them.
fn bracketed(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let begins = text[..at].ends_with([' ', '[', '{', ',', '\t']) || at == 0;
        at += match (begins, c) {
            (true, '"' | '\'') => super::line::closing(&text[at..], c).map_or(1, |end| end + 1),
            (true, _) if c.is_ascii_alphabetic() => {
                let (length, has_condition) = name(&text[at..]);
                if has_condition {
                    out.push(at..at + length);
                }
                length.max(1)
            }
            _ => c.len_utf8(),
        };
    }
    out
}

/// The length of the name that a text begins with, and whether it has brackets with a condition.
fn name(text: &str) -> (usize, bool) {
    let (mut at, mut has_condition) = (0, false);
    while let Some(c) = text[at..].chars().next() {
        match c {
            '[' => {
                let Some(length) = condition(&text[at..]) else { break };
                has_condition = true;
                at += length;
            }
            _ if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/') => at += 1,
            _ => break,
        }
    }
    (at, has_condition)
}

/// The length of `[key=value]`; a value in quotes may hold whatever it likes.
fn condition(text: &str) -> Option<usize> {
    let (mut at, mut equals) = (1, false);
    loop {
        let c = text[at..].chars().next()?;
        at += match c {
            '[' | '{' => return None,
            ']' => return equals.then_some(at + 1),
            '"' | '\'' if equals => super::line::closing(&text[at..], c)? + 1,
            _ => c.len_utf8(),
        };
        equals |= c == '=';
    }
}

#[cfg(test)]
mod tests {
    use super::in_quotes;

    #[test]
    fn names_with_conditions_are_put_in_quotes() {
        for (text, want) in [
            ("needs: [a[x=1], b]", "needs: [\"a[x=1]\", b]"),
            ("needs: [edge/a[x=1,y=2], b[z=\"p q\"]]", "needs: [\"edge/a[x=1,y=2]\", 'b[z=\"p q\"]']"),
            ("e: {body.json.s[n=db].x[k=v][l=w]: ok}", "e: {\"body.json.s[n=db].x[k=v][l=w]\": ok}"),
            ("  s[n=\"a: ]b\"].x: ok", "  's[n=\"a: ]b\"].x': ok"),
        ] {
            assert_eq!(in_quotes(text).map(|(_, mended)| mended).as_deref(), Some(want), "{text}");
        }
        for text in
            ["needs: [\"a[x=1]\"]", "a: [b]", "a[0]: 1", "a[x=1: b", "tags: ['é a[x=1]']", "a: {b[c=[d]]: 1}", ""]
        {
            assert_eq!(in_quotes(text), None, "{text}");
        }
    }
}
