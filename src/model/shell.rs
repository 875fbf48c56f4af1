//! Words of commands that texts suggest: whoever pastes one into a shell runs what it says, and nothing else.

/// A text as one word of a POSIX shell: as it is where nothing in it means anything to the shell, else in single quotes.
#[must_use]
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn what_means_something_to_a_shell_is_quoted() {
        for (text, quoted) in [
            ("https://www.example/a?b=1&c=2", "'https://www.example/a?b=1&c=2'"),
            ("https://www.example/health", "https://www.example/health"),
            ("[2001:db8::10]:443", "'[2001:db8::10]:443'"),
            ("$(reboot)", "'$(reboot)'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), quoted);
        }
    }
}
