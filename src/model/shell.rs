//! Words of commands that texts suggest: whoever pastes one into a shell runs what it says, and nothing else.

use super::interface::address_and_zone;

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

/// A text whose commands of iproute2 have no zone behind an address, which these refuse, but the interface beside it.
#[must_use]
pub fn zones_for_ip(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((end, key)) = next_address(rest) {
        let (before, after) = rest.split_at(end);
        let length = after.find(|c: char| c.is_whitespace() || c == '`').unwrap_or(after.len());
        let (address, behind) = after.split_at(length);
        out.push_str(before);
        match (address.split_once('%'), address_and_zone(address)) {
            (Some((bare, _)), Some((_, Some(zone)))) => out.extend([bare, " ", key, " ", zone.name()]),
            _ => out.push_str(address),
        }
        rest = behind;
    }
    out + rest
}

/// Where the address of the next such command begins, and the key of its interface.
fn next_address(text: &str) -> Option<(usize, &'static str)> {
    let commands = [("route get ", "oif"), ("neigh show ", "dev")];
    commands.into_iter().filter_map(|(words, key)| Some((text.find(words)? + words.len(), key))).min()
}

#[cfg(test)]
mod tests {
    use super::{word, zones_for_ip};

    #[test]
    fn ip_has_the_interface_beside_the_address() {
        for (text, want) in [
            (
                "here: `ip -6 route get fe80::9%a0`, `ip -6 neigh show fe80::9%a0`; on fe80::9%a0: `x`",
                "here: `ip -6 route get fe80::9 oif a0`, `ip -6 neigh show fe80::9 dev a0`; on fe80::9%a0: `x`",
            ),
            ("`ip route get 192.0.2.1` `ping fe80::9%a0`", "`ip route get 192.0.2.1` `ping fe80::9%a0`"),
            ("route get ", "route get "),
            ("route get a%b", "route get a%b"),
        ] {
            assert_eq!(zones_for_ip(text), want);
        }
    }

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
