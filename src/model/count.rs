//! A count and what it counts, in words.

use std::fmt::Display;

/// "1 case", "2 cases": a whole number and what it counts, in the singular. Of several words the last one is changed.
#[must_use]
pub fn counted(number: impl Display, what: &str) -> String {
    let number = number.to_string();
    if number == "1" { format!("1 {what}") } else { format!("{number} {}", plural(what)) }
}

/// The plural of a word of this program's texts: `query` is `queries`, `address` is `addresses`.
fn plural(word: &str) -> String {
    let consonant = |c: char| c.is_ascii_alphabetic() && !"aeiou".contains(c);
    match word.strip_suffix('y') {
        Some(stem) if stem.ends_with(consonant) => format!("{stem}ies"),
        _ if word.ends_with("series") => word.to_owned(),
        _ if ["s", "x", "ch", "sh"].iter().any(|end| word.ends_with(end)) => format!("{word}es"),
        _ => format!("{word}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_is_singular_and_everything_else_plural() {
        for (number, what, text) in [
            (0, "case", "0 cases"),
            (1, "case", "1 case"),
            (2, "case", "2 cases"),
            (1, "query", "1 query"),
            (3, "query", "3 queries"),
            (2, "try", "2 tries"),
            (2, "reply", "2 replies"),
            (2, "day", "2 days"),
            (2, "address", "2 addresses"),
            (2, "match", "2 matches"),
            (2, "series", "2 series"),
            (1, "earlier run", "1 earlier run"),
            (8, "comparable earlier run", "8 comparable earlier runs"),
        ] {
            assert_eq!(counted(number, what), text);
        }
    }
}
