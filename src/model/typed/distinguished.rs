//! Distinguished names as texts: `C=US, O=Example, CN=ca`, as this program and OpenSSL write them; RFC 4514's
//! `CN=ca,O=Example,C=US`, last part first; `/C=US/O=Example/CN=ca`.

/// The parts in one spelling: types by their short names, values without case and needless blanks (RFC 5280, 7.1).
#[must_use]
pub fn key(text: &str) -> String {
    parts(text).join(", ")
}

/// Whether two texts are one name. Without blanks behind its commas a text may have its parts in either order: RFC 4514 has them
/// from the last to the first.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    let (first, second) = (parts(one), parts(other));
    first == second || ((is_dense(one) || is_dense(other)) && first.iter().eq(second.iter().rev()))
}

/// Whether two texts have the same parts, in whatever order.
#[must_use]
pub fn same_parts(one: &str, other: &str) -> bool {
    let (mut first, mut second) = (parts(one), parts(other));
    first.sort_unstable();
    second.sort_unstable();
    first == second
}

fn is_dense(text: &str) -> bool {
    let commas = || text.match_indices(',').map(|(at, _)| at);
    commas().next().is_some() && commas().all(|at| !text[at + 1..].starts_with(' '))
}

/// Types by several names.
const TYPES: [(&str, &[&str]); 6] = [
    ("st", &["s", "stateorprovincename", "2.5.4.8"]),
    ("email", &["emailaddress", "e", "1.2.840.113549.1.9.1"]),
    ("cn", &["commonname", "2.5.4.3"]),
    ("o", &["organizationname", "2.5.4.10"]),
    ("ou", &["organizationalunitname", "2.5.4.11"]),
    ("c", &["countryname", "2.5.4.6"]),
];

fn parts(text: &str) -> Vec<String> {
    let text = text.trim();
    let (text, mark) = match text.strip_prefix('/') {
        Some(rest) => (rest, '/'),
        None => (text, ','),
    };
    let mut out = Vec::new();
    for piece in pieces(text, mark) {
        let (kind, value) = piece.split_once('=').map_or(("", piece.as_str()), |(kind, value)| (kind.trim(), value));
        let kind = kind.to_lowercase();
        let known = TYPES.iter().find(|(_, others)| others.contains(&kind.as_str()));
        out.push(format!("{}={}", known.map_or(kind.as_str(), |(name, _)| name), value_key(value)));
    }
    out
}

/// Without quotes, escapes, case and needless blanks.
fn value_key(value: &str) -> String {
    let value = value.trim();
    let bare = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    let mut plain = String::with_capacity(bare.len());
    let mut characters = bare.chars();
    while let Some(c) = characters.next() {
        plain.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The text between marks, but for those that are escaped or quoted. A mark behind which no `TYPE=` stands is part of the value.
fn pieces(text: &str, mark: char) -> Vec<String> {
    let mut out = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        let ends = !quoted && !escaped && (c == mark || c == '+' && mark == ',');
        if ends && begins_part(&text[at + c.len_utf8()..]) {
            out.push(String::new());
            continue;
        }
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        if let Some(last) = out.last_mut() {
            last.push(c);
        }
    }
    out
}

fn begins_part(text: &str) -> bool {
    let Some((kind, _)) = text.split_once('=') else { return false };
    let kind = kind.trim();
    !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::{same, same_parts};

    #[test]
    fn one_name_has_many_texts() {
        let shown = "C=US, O=Let's Encrypt, CN=R3";
        for other in [
            "C = US, O = Let's Encrypt, CN = R3",
            "c=us, o=let's  encrypt, cn=r3",
            "/C=US/O=Let's Encrypt/CN=R3",
            "CN=R3,O=Let's Encrypt,C=US",
            "C=US,O=Let's Encrypt,CN=R3",
            "countryName=US, organizationName=\"Let's Encrypt\", commonName=R3",
        ] {
            assert!(same(shown, other), "{other}");
            assert!(same(other, shown), "{other}");
        }
        assert!(same("O=Example\\, Inc., CN=a", "O=Example, Inc., CN=a"));
        assert!(same("O=Example\\, Inc., CN=a", "O = \"Example, Inc.\", CN = a"));
        assert!(same("CN=a, Email=x@example.org", "CN=a, emailAddress=x@example.org"));
        assert!(same("C=US, ST=Utah, CN=a", "C=US, stateOrProvinceName=Utah, CN=a"));
        assert!(same("C=US, CN=a + O=b", "C=US, CN=a+O=b"), "two attributes of one part");
        assert!(same("O=x\\, CN=y, C=US", "O=\"x, CN=y\", C=US"), "what is quoted is one value");
        assert!(same("O=a\\\"b, CN=c", "CN=c,O=a\\\"b"), "an escaped quotation mark opens nothing");
        for other in [
            "C=US, O=Let's Encrypt, CN=R4",
            "CN=R3, O=Let's Encrypt, C=US",
            "C=US, O=Let's Encrypt",
            "C=US, O=Let's Encrypt CN=R3",
            "R3",
        ] {
            assert!(!same(shown, other), "{other}");
        }
        assert!(same_parts(shown, "CN=R3, O=Let's Encrypt, C=US"));
        // A comma that is part of a value is no border of parts.
        assert!(!same("O=x\\, CN=a", "O=x, CN=a"));
    }
}
