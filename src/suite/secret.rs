//! Secrets: read from the environment, never printed.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use regex::{Regex, RegexBuilder};

use crate::model::text::MASK;
pub use crate::model::text::SHORTEST_SECRET as SHORTEST;
use crate::model::visible::{visible, visible_lines};
/// Marks where a text was cut.
const CUT: char = '…';

/// Longest text looked for character by character, in whatever way each is written; longer secrets have lines.
const LONGEST: usize = 512;
/// Longest base64 looked for wherever its lines are wrapped; longer ones are looked for in one line.
const LONGEST_WRAPPED: usize = 64 * 1024;
/// Largest compiled pattern, bytes.
const PATTERN: usize = 64 << 20;
/// Where a URL ends a part: what a secret has before and behind may be shown alone.
const PARTS: [char; 4] = ['#', '?', '@', '/'];
/// Shortest part of a URL that is hidden alone.
const PART: usize = 6;

/// Replaces every form of every secret in text that leaves the process.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    forms: Vec<String>,
    patterns: Vec<Regex>,
}

impl Redactor {
    /// Hides a secret: as it is, in base64 (also inside `user:secret`), as part of a URL, JSON-escaped, in hexadecimal or as
    /// a list of bytes; and what was escaped already and then once more.
    pub fn add_secret(&mut self, secret: &str) {
        if secret.len() < SHORTEST {
            return;
        }
        let escaped = serde_json::to_string(secret).unwrap_or_default();
        let debug = format!("{secret:?}");
        let mut forms = vec![
            secret.to_owned(),
            secret.to_lowercase(),
            secret.to_uppercase(),
            escaped.trim_matches('"').to_owned(),
            debug.trim_matches('"').to_owned(),
            visible(secret),
            visible_lines(secret),
            crate::net::bytes::hex(secret.as_bytes()),
            // UTF-8 that was read as Latin-1.
            secret.bytes().map(char::from).collect(),
        ];
        let encoded = in_base64(secret).into_iter().filter(|form| (SHORTEST..=LONGEST_WRAPPED).contains(&form.len()));
        self.patterns.extend(encoded.filter_map(|form| pattern(form.chars().map(in_encoding))));
        let hex = secret.bytes().map(|byte| format!(r"(?:0x|\\+x)?(?i:{byte:02x})[ :,-]{{0,2}}"));
        // A list of bytes, as JSON has it.
        let decimal = secret.bytes().map(|byte| format!(r"\b{byte}\b[ ,]{{0,2}}"));
        let bytes = [pattern(hex), pattern(decimal)];
        self.patterns.extend(bytes.into_iter().flatten().filter(|_| secret.len() <= LONGEST));
        let lines = secret.lines().map(str::trim).chain([secret, secret.trim()]);
        let parts = secret.split(PARTS).filter(|part| part.len() >= PART).chain(secret.split('#'));
        for text in lines.chain(parts).filter(|text| (SHORTEST..=LONGEST).contains(&text.len())) {
            self.patterns.extend(pattern(text.chars().map(any_form)));
        }
        forms.extend(in_base64(secret));
        forms.extend(in_urls(secret));
        // Every line of a multi-line secret (a key in PEM) on its own.
        forms.extend(secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST).map(str::to_owned));
        self.forms.extend(forms.into_iter().filter(|form| form.len() >= SHORTEST));
        self.forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.forms.dedup();
    }

    /// True when there is nothing to hide.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// The text without secrets, and without the pieces of a secret that a cut (`…`) left at its edge.
    #[must_use]
    pub fn clean(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for pattern in &self.patterns {
            if let std::borrow::Cow::Owned(clean) = pattern.replace_all(&out, MASK) {
                out = clean;
            }
        }
        for form in &self.forms {
            if out.contains(form.as_str()) {
                out = out.replace(form.as_str(), MASK);
            }
        }
        if out.contains(CUT) { self.trim_cuts(&out) } else { out }
    }

    fn trim_cuts(&self, text: &str) -> String {
        let parts: Vec<&str> = text.split(CUT).collect();
        let last = parts.len() - 1;
        let trimmed = parts.iter().enumerate().map(|(index, part)| {
            let bytes = |text: &str| text.bytes().collect::<Vec<u8>>();
            let reversed = |text: &str| text.bytes().rev().collect::<Vec<u8>>();
            let tail = if index < last { self.edge(part, bytes) } else { 0 };
            let head = if index > 0 { self.edge(part, reversed) } else { 0 };
            let middle = part.get(head..part.len() - tail).unwrap_or_default();
            let mask = |length: usize| if length > 0 { MASK } else { "" };
            format!("{}{middle}{}", mask(head), mask(tail))
        });
        trimmed.collect::<Vec<_>>().join(&CUT.to_string())
    }

    /// The longest piece of any form that `part` ends with; read backwards, that it begins with.
    fn edge(&self, part: &str, read: impl Fn(&str) -> Vec<u8>) -> usize {
        let part = read(part);
        let pieces = self.forms.iter().map(|form| longest_piece(&read(form), &part));
        pieces.max().filter(|length| *length >= SHORTEST).unwrap_or(0)
    }

    /// Cleans in place, without allocating when nothing matches.
    pub fn scrub(&self, text: &mut String) {
        let found = self.forms.iter().any(|form| text.contains(form.as_str()));
        if found || text.contains(CUT) || self.patterns.iter().any(|pattern| pattern.is_match(text)) {
            *text = self.clean(text);
        }
    }

    /// Cleans every text inside a JSON value, keys included.
    pub fn scrub_value(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => self.scrub(text),
            serde_json::Value::Number(number) => {
                let text = number.to_string();
                let clean = self.clean(&text);
                if clean != text {
                    *value = serde_json::Value::String(clean);
                }
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| self.scrub_value(item)),
            serde_json::Value::Object(map) => {
                let old = std::mem::take(map);
                for (mut key, mut item) in old {
                    self.scrub(&mut key);
                    self.scrub_value(&mut item);
                    map.insert(key, item);
                }
            }
            _ => {}
        }
    }
}

/// The length of the longest beginning of `form`, short of all of it, that `part` ends with (Knuth, Morris and Pratt): a server
/// chooses how long a secret is that is captured, and the text that it is looked for in.
fn longest_piece(form: &[u8], part: &[u8]) -> usize {
    let most = part.len().min(form.len().saturating_sub(1));
    let (form, part) = (&form[..most], &part[part.len() - most..]);
    // What still fits once so many bytes did, and the next one does not.
    let mut shorter = vec![0; most];
    let mut fits = 0;
    for at in 1..most {
        while fits > 0 && form[at] != form[fits] {
            fits = shorter[fits - 1];
        }
        fits += usize::from(form[at] == form[fits]);
        shorter[at] = fits;
    }
    fits = 0;
    for byte in part {
        while fits > 0 && form.get(fits) != Some(byte) {
            fits = shorter[fits - 1];
        }
        fits += usize::from(form.get(fits) == Some(byte));
    }
    fits
}

/// Matches pieces in a row, wherever the lines of the text are wrapped, or were and are one line now. Nothing when it grows too
/// large; forms remain.
fn pattern(pieces: impl Iterator<Item = String>) -> Option<Regex> {
    let pieces: Vec<String> = pieces.collect();
    // A few letters with a blank between them are ordinary words.
    let blank = if pieces.len() >= PART { r"[ \t]+|" } else { "" };
    // Also between two strings of one TXT record.
    let between = [r"(?:", blank, r#"(?:\\+r)?(?:\\+n|=?\r?\n)[ \t]*|\\*" +\\*")?"#].concat();
    let text = pieces.join(&between);
    RegexBuilder::new(&text).size_limit(PATTERN).build().ok()
}

/// A character of base64 as texts write it.
fn in_encoding(c: char) -> String {
    if c.is_ascii_alphanumeric() { c.to_string() } else { any_form(c) }
}

/// One character as texts write it: as it is in either case, behind a backslash, in URLs, HTML, shells, JSON and zone files;
/// and each of these escaped once more (`%2526`, `\\"`, `&amp;amp;`).
fn any_form(c: char) -> String {
    let mut buffer = [0; 4];
    let bytes = c.encode_utf8(&mut buffer).as_bytes();
    let of_bytes = |one: &dyn Fn(u8) -> String| bytes.iter().map(|byte| one(*byte)).collect::<String>();
    let code = u32::from(c);
    let mut units = [0; 2];
    let units: Vec<u16> = c.encode_utf16(&mut units).to_vec();
    let of_units =
        |before: &str| units.iter().map(|unit| format!("{before}(?i:{unit:04x})")).collect::<Vec<_>>().concat();
    let mut forms: Vec<String> = [c.to_string(), c.to_lowercase().collect(), c.to_uppercase().collect()]
        .iter()
        .map(|text| regex::escape(text))
        .collect();
    forms.extend([
        of_bytes(&|byte| format!("%(?:25)*(?i:{byte:02x})")),
        of_bytes(&|byte| format!("=(?i:{byte:02x})")),
        of_bytes(&|byte| format!(r"\\+x(?i:{byte:02x})")),
        of_bytes(&|byte| format!(r"\\+{byte:03}")),
        of_bytes(&|byte| format!(r"\\+{byte:03o}")),
        of_units(r"\\+u"),
        of_units("%(?:25)*u"),
        format!(r"\\+u\{{0*(?i:{code:x})\}}"),
        format!("&(?:amp;)*#0*{code};?"),
        format!("&(?:amp;)*#[xX]0*(?i:{code:x});?"),
    ]);
    if !c.is_ascii_alphanumeric() {
        forms.push(format!(r"\\+{}", regex::escape(&c.to_string())));
    }
    let named: &[&str] = match c {
        ' ' => &[r"\+", "&nbsp;"],
        '&' => &["&(?:amp;)+"],
        '<' => &["&(?:amp;)*lt;"],
        '>' => &["&(?:amp;)*gt;"],
        '"' => &["&(?:amp;)*quot;", "\"\""],
        '\'' => &["&(?:amp;)*apos;", r"'\\+''", r#"'"'"'"#, "''"],
        '\n' => &[r"\\+n"],
        '\r' => &[r"\\+r"],
        '\t' => &[r"\\+t"],
        _ => &[],
    };
    forms.extend(named.iter().map(|form| (*form).to_owned()));
    // The longest first, so that nothing of one is left behind.
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    format!("(?:{})", forms.join("|"))
}

/// The characters of base64 that depend on nothing but the secret, at each of its three alignments.
fn in_base64(secret: &str) -> Vec<String> {
    let mut out = vec![STANDARD.encode(secret), URL_SAFE_NO_PAD.encode(secret)];
    for before in 0..3_usize {
        let bytes: Vec<u8> = std::iter::repeat_n(0, before).chain(secret.bytes()).collect();
        let range = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
        for text in [STANDARD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            out.extend(text.get(range.clone()).map(str::to_owned));
        }
    }
    out
}

/// As the URL standard writes it in user info, path, query and forms.
fn in_urls(secret: &str) -> Vec<String> {
    let mut out = vec![url::form_urlencoded::byte_serialize(secret.as_bytes()).collect()];
    if let Ok(mut url) = url::Url::parse("http://host/") {
        url.set_path(secret);
        out.push(url.path().trim_start_matches('/').to_owned());
        url.set_query(Some(secret));
        out.extend(url.query().map(str::to_owned));
        if url.set_username(secret).is_ok() {
            out.push(url.username().to_owned());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::Redactor;

    #[test]
    fn signs_of_base64_are_found_as_urls_have_them() {
        let mut redactor = Redactor::default();
        redactor.add_secret("ÿÿÿ>>>???x");
        for leak in [
            "w7/Dv8O/Pj4+Pz8/eA==",
            "w7%2FDv8O%2FPj4%2BPz8%2FeA%3D%3D",
            "w7\\/Dv8O\\/Pj4+Pz8\\/eA==",
            "w7_Dv8O_Pj4-Pz8_eA",
        ] {
            let clean = redactor.clean(leak);
            assert!(clean.contains("***") && !clean.contains("Dv8O") && !clean.contains("Pz8"), "{leak} -> {clean}");
        }
    }

    #[test]
    fn every_form_is_hidden() {
        let mut redactor = Redactor::default();
        redactor.add_secret("s3cr\"t välue");
        for leak in [
            "token s3cr\"t välue!",
            "TOKEN S3CR\"T VÄLUE",
            "read as Latin-1: s3cr\"t v\u{c3}\u{a4}lue",
            "{\"t\":\"s3cr\\\"t välue\"}",
            "basic czNjciJ0IHbDpGx1ZQ==",
            "/form?q=s3cr%22t+v%C3%A4lue",
            "/query?q=s3cr%22t%20v%C3%A4lue",
            "hex 73336372227420 76c3a46c7565".replace(' ', "").as_str(),
        ] {
            let clean = redactor.clean(leak);
            assert!(clean.contains("***"), "{leak} -> {clean}");
            assert!(!clean.to_lowercase().contains("s3cr") && !clean.contains("lue"), "{clean}");
        }
        assert_eq!(redactor.clean("nothing here… really"), "nothing here… really");
    }

    /// Ways to write a text, each of which some output or peer uses.
    fn derived(secret: &str) -> Vec<(&'static str, String)> {
        let bytes = |one: &dyn Fn(u8) -> String| secret.bytes().map(one).collect::<String>();
        let chars = |one: &dyn Fn(char) -> String| secret.chars().map(one).collect::<String>();
        let html =
            |quote: &str| secret.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;").replace('\'', quote);
        let base64 =
            base64::engine::Engine::encode(&super::STANDARD, format!("user:{secret} and more of it, as lines are"));
        let wrapped = |width: usize| {
            base64.as_bytes().chunks(width).map(|c| String::from_utf8_lossy(c).into_owned()).collect::<Vec<_>>()
        };
        let pieces: Vec<&str> = secret.as_bytes().chunks(4).map(|piece| std::str::from_utf8(piece).unwrap()).collect();
        let plain = |c: char| c.is_ascii_alphanumeric();
        let percent = |lower: bool| {
            chars(&|c| {
                if plain(c) {
                    c.to_string()
                } else {
                    c.to_string()
                        .bytes()
                        .map(|byte| if lower { format!("%{byte:02x}") } else { format!("%{byte:02X}") })
                        .collect()
                }
            })
        };
        vec![
            ("as it is", secret.to_owned()),
            ("upper", secret.to_uppercase()),
            ("percent", percent(false)),
            ("percent in lower case", percent(true)),
            ("every byte percent", bytes(&|byte| format!("%{byte:02X}"))),
            ("a form", url::form_urlencoded::byte_serialize(secret.as_bytes()).collect()),
            ("blanks only", secret.replace(' ', "%20")),
            ("shell", format!("'{}'", secret.replace('\'', r"'\''"))),
            ("shell backslashes", chars(&|c| if plain(c) { c.to_string() } else { format!("\\{c}") })),
            ("html", html("&#39;")),
            ("html, hex", html("&#x27;")),
            ("html, all", chars(&|c| format!("&#{};", u32::from(c)))),
            ("html, all in hex", chars(&|c| format!("&#x{:X};", u32::from(c)))),
            ("json", serde_json::to_string(secret).unwrap()),
            ("json, all", chars(&|c| format!("\\u{:04X}", u32::from(c)))),
            ("debug", format!("{secret:?}")),
            ("hex", bytes(&|byte| format!("{byte:02x}"))),
            ("HEX", bytes(&|byte| format!("{byte:02X}"))),
            ("hex with colons", bytes(&|byte| format!("{byte:02x}:"))),
            ("hex in a dump", bytes(&|byte| format!("{byte:02x} "))),
            (
                "zone file",
                bytes(&|byte| {
                    if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("\\{byte:03}") }
                }),
            ),
            ("base64", base64.clone()),
            ("base64 in lines", wrapped(8).join("\n")),
            ("base64 in lines of mail", wrapped(10).join("\r\n ")),
            ("base64 in lines, shown", wrapped(9).join("\\n")),
            ("wrapped", pieces.join("\n")),
            ("wrapped, and then folded into one line", pieces.join("  ")),
            ("base64 in lines, folded into one", wrapped(10).join(" ")),
        ]
    }

    /// What was written once more by another program, and in lists.
    fn derived_again(secret: &str) -> Vec<(&'static str, String)> {
        let base64 = base64::engine::Engine::encode(&super::STANDARD, secret);
        let bytes = |one: &dyn Fn(u8) -> String| secret.bytes().map(one).collect::<String>();
        let percent: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&#39;");
        vec![
            ("json in json", serde_json::to_string(&serde_json::to_string(secret).unwrap()).unwrap()),
            ("percent twice", percent.replace('%', "%25")),
            ("percent three times", percent.replace('%', "%2525")),
            ("html twice", html.replace('&', "&amp;")),
            ("quotes of csv", secret.replace('"', "\"\"")),
            ("quotes of sql", secret.replace('\'', "''")),
            ("a list of hex", bytes(&|byte| format!("0x{byte:02X}, "))),
            ("a list of bytes", bytes(&|byte| format!("{byte},"))),
            ("a list of bytes in json", serde_json::to_string(secret.as_bytes()).unwrap()),
            ("hex in a dump of two halves", bytes(&|byte| format!("{byte:02x}  "))),
            ("in two strings of a record", format!("{}\" \"{}", &secret[..5], &secret[5..])),
            ("base64 in a url", url::form_urlencoded::byte_serialize(base64.as_bytes()).collect()),
            ("base64 in json", base64.replace('/', "\\/")),
        ]
    }

    #[test]
    fn no_derived_form_leaves_a_piece() {
        for secret in
            ["tr0ub4dor&3 \"q\"", "it's <a> #secret", "p@ss/w0rd?x=y#z", "k3y with  blanks", "Basic-Token_123+/=="]
        {
            let mut redactor = Redactor::default();
            redactor.add_secret(secret);
            for (form, text) in derived(secret).into_iter().chain(derived_again(secret)) {
                let clean = redactor.clean(&format!("seen <{text}> here"));
                assert!(clean.contains("***"), "{secret} as {form}: {text} -> {clean}");
                // What is left of base64 is of the user before it and of the text behind.
                if !form.starts_with("base64") {
                    let left = clean
                        .trim_start_matches("seen <")
                        .trim_end_matches("> here")
                        .trim_matches(['\'', '"', ':', ' ', '\\', ',', '[', ']']);
                    assert_eq!(left, "***", "{secret} as {form}: {text}");
                }
            }
            assert_eq!(redactor.clean("an ordinary line, and its end"), "an ordinary line, and its end");
        }
    }

    #[test]
    fn what_a_url_leaves_of_a_secret_is_hidden() {
        let mut redactor = Redactor::default();
        redactor.add_secret("first#second half");
        let url = "http://host/?token=first#second half";
        assert_eq!(redactor.clean(url), "http://host/?token=***");
        for part in ["/?token=first", "/?token=second%20half", "#second+half"] {
            assert!(redactor.clean(part).contains("***"), "{part}");
        }
    }

    #[test]
    fn base64_of_user_and_secret_is_hidden_at_every_alignment() {
        let mut redactor = Redactor::default();
        redactor.add_secret("correct horse");
        for user in ["a", "ab", "abc", "abcd"] {
            let encoded = base64::engine::Engine::encode(&super::STANDARD, format!("{user}:correct horse"));
            let clean = redactor.clean(&format!("Authorization: Basic {encoded}"));
            assert!(clean.contains("***"), "{user}: {clean}");
        }
    }

    #[test]
    fn what_a_cut_leaves_of_a_secret_is_hidden() {
        let mut redactor = Redactor::default();
        redactor.add_secret("0123456789abcdef");
        assert_eq!(redactor.clean("seen 0123456789ab… (900 characters)"), "seen ***… (900 characters)");
        assert_eq!(redactor.clean("it said: …9abcdef end"), "it said: …*** end");
        assert_eq!(redactor.clean("seen 0123456789ab"), "seen 0123456789ab");
    }

    #[test]
    fn the_longest_piece_is_found_wherever_a_shorter_one_begins_again() {
        let piece = |form: &str, part: &str| super::longest_piece(form.as_bytes(), part.as_bytes());
        for (form, part, length) in [
            ("abcdef", "xxabcd", 4),
            ("abcdef", "abcdef", 0),
            ("aaaaab", "caaaaaaaa", 5),
            ("aabaaac", "aabaabaaa", 6),
            ("abcab", "abcab", 2),
            ("abcdef", "", 0),
            ("", "abc", 0),
            ("abcdef", "c", 0),
        ] {
            assert_eq!(piece(form, part), length, "{form} {part}");
            let by_hand = (1..form.len()).filter(|at| part.ends_with(&form[..*at])).max().unwrap_or(0);
            assert_eq!(length, by_hand, "{form} {part}");
        }
    }

    #[test]
    fn values_are_cleaned_in_depth() {
        let mut redactor = Redactor::default();
        redactor.add_secret("hunter22");
        redactor.add_secret("12345678");
        let mut value = serde_json::json!({"a": ["x hunter22"], "hunter22": 1, "pin": 12_345_678});
        redactor.scrub_value(&mut value);
        assert_eq!(value.to_string(), "{\"***\":1,\"a\":[\"x ***\"],\"pin\":\"***\"}");
    }
}
