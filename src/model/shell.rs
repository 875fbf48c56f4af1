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

/// A command line in a text, between backticks as in Markdown: whoever sets the text breaks it nowhere (`report/prose`).
#[must_use]
pub fn command(line: &str) -> String {
    if line.contains('`') { format!("`` {line} ``") } else { format!("`{line}`") }
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn a_shell_reads_nothing_into_a_word() {
        for (text, want) in [
            ("https://www.example.test:8443/health", "https://www.example.test:8443/health"),
            ("http://h/?a=1&b=2", "'http://h/?a=1&b=2'"),
            ("*.example.", "'*.example.'"),
            ("[2001:db8::10]:443", "'[2001:db8::10]:443'"),
            ("$(id)`id`;id|id", "'$(id)`id`;id|id'"),
            ("it's", r"'it'\''s'"),
            ("~", "'~'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), want);
        }
        let hostile = "a'b\"c$(echo d)`e`\\f ;g&h*?[i]!j\n#k";
        let printed = std::process::Command::new("sh").args(["-c", &format!("printf %s {}", word(hostile))]).output();
        assert_eq!(String::from_utf8(printed.unwrap().stdout).unwrap(), hostile);
    }
}
