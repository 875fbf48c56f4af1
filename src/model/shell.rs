//! Words of commands that people paste into a shell. Names come from suites, and some from name servers and web servers.

/// `text` as one word of a shell, which reads nothing into it.
#[must_use]
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
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
