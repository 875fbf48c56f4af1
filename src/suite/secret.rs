//! Secrets: read from the environment, never printed.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use regex::{Regex, RegexBuilder};

pub use crate::model::text::SHORTEST_SECRET as SHORTEST;
use crate::model::text::{CUT, MASK};
use crate::model::visible::{visible, visible_lines};

/// Longest text looked for character by character, in whatever way each is written; longer secrets have lines.
const LONGEST: usize = 512;
/// Longest base64 looked for wherever its lines are wrapped; longer ones are looked for in one line, and in lines of these lengths,
/// which programs write (RFC 7468, RFC 2045).
const LONGEST_WRAPPED: usize = 4 * 1024;
const LINES_OF_BASE64: [usize; 2] = [64, 76];
/// Lines and parts of a secret that are looked for character by character; further lines are looked for as they are.
const MOST_PARTS: usize = 100;
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
        if secret.len() <= LONGEST {
            let hex = secret.bytes().map(|byte| format!(r"(?:0x|\\+x)?(?i:{byte:02x})[ :,-]{{0,2}}"));
            // A list of bytes, as JSON has it.
            let decimal = secret.bytes().map(|byte| format!(r"\b{byte}\b[ ,]{{0,2}}"));
            self.patterns.extend([pattern(hex), pattern(decimal)].into_iter().flatten());
        }
        let lines = [secret, secret.trim()].into_iter().chain(secret.lines().map(str::trim));
        let parts = secret.split(PARTS).filter(|part| part.len() >= PART).chain(secret.split('#'));
        let short = lines.chain(parts).filter(|text| (SHORTEST..=LONGEST).contains(&text.len()));
        for text in short.take(MOST_PARTS) {
            self.patterns.extend(pattern(text.chars().map(any_form)));
        }
        forms.extend(in_base64(secret));
        forms.extend(lines_of_base64(secret));
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
            let tail = if index < last { self.edge(part, piece_at_end) } else { 0 };
            let head = if index > 0 { self.edge(part, piece_at_start) } else { 0 };
            let middle = part.get(head..part.len() - tail).unwrap_or_default();
            let mask = |length: usize| if length > 0 { MASK } else { "" };
            format!("{}{middle}{}", mask(head), mask(tail))
        });
        trimmed.collect::<Vec<_>>().join(&CUT.to_string())
    }

    /// The longest piece of any form at an end of `part`.
    fn edge(&self, part: &str, piece: fn(&[u8], &[u8]) -> usize) -> usize {
        if part.len() < SHORTEST {
            return 0;
        }
        let pieces = self.forms.iter().map(|form| piece(form.as_bytes(), part.as_bytes()));
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

/// The length of the longest beginning of `form`, short of all of it, that `part` ends with.
fn piece_at_end(form: &[u8], part: &[u8]) -> usize {
    let most = part.len().min(form.len().saturating_sub(1));
    overlap(&form[..most], &part[part.len() - most..])
}

/// The length of the longest end of `form`, short of all of it, that `part` begins with.
fn piece_at_start(form: &[u8], part: &[u8]) -> usize {
    let most = part.len().min(form.len().saturating_sub(1));
    let backwards = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<u8>>();
    overlap(&backwards(&form[form.len() - most..]), &backwards(&part[..most]))
}

/// The length of the longest beginning of `form` that `part`, which is as long, ends with (Knuth, Morris and Pratt): a server
/// chooses how long a captured secret is, and the texts that it is looked for in.
fn overlap(form: &[u8], part: &[u8]) -> usize {
    // What still fits once so many bytes did, and the next one does not.
    let mut shorter = vec![0; form.len()];
    let mut fits = 0;
    for at in 1..form.len() {
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

/// The lines of base64 that is too long to be looked for wherever it is wrapped.
fn lines_of_base64(secret: &str) -> Vec<String> {
    let encoded = STANDARD.encode(secret);
    if encoded.len() <= LONGEST_WRAPPED {
        return Vec::new();
    }
    let lines = LINES_OF_BASE64.iter().flat_map(|length| encoded.as_bytes().chunks(*length));
    lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect()
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
mod tests;
