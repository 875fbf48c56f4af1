//! Texts for people.

/// Words as people write them: no `CamelCase`, no braces, none of the marks of Debug.
pub fn is_plain(text: &str) -> bool {
    let shouting = |word: &str| {
        let letters: Vec<char> = word.chars().filter(|c| c.is_alphabetic()).collect();
        letters.windows(2).any(|pair| matches!(pair, [a, b] if a.is_lowercase() && b.is_uppercase()))
            && !word.starts_with("KiB")
    };
    !text.is_empty()
        && !text.contains(['{', '}', '[', ']', '"'])
        && !text.contains("::")
        && !text.split([' ', '(', '-']).any(shouting)
        && !text.contains("Some(")
        && !text.contains("None")
}
