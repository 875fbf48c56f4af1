//! Words of presentation format (RFC 1035, 5.1).

/// A word of presentation format, its escapes as written.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) quoted: bool,
}

/// Words between blanks; quotes keep blanks, parentheses join lines (RFC 1035, 5.1).
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::new();
    let (mut open, mut quoted) = (false, false);
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        let begins = !open;
        match c {
            '"' if quoted => (open, quoted) = (false, false),
            '"' if begins => {
                (open, quoted) = (true, true);
                out.push(Token { text: String::new(), quoted });
            }
            c if !quoted && (c.is_whitespace() || matches!(c, '(' | ')')) => open = false,
            c => {
                if begins {
                    out.push(Token { text: String::new(), quoted });
                    open = true;
                }
                let Some(last) = out.last_mut() else { continue };
                last.text.push(c);
                // What is escaped is neither blank nor quote.
                last.text.extend((c == '\\').then(|| characters.next()).flatten());
            }
        }
    }
    out
}

/// The bytes of a word, escapes undone.
pub(super) fn bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let digits: Vec<u8> = rest.clone().take(3).take_while(u8::is_ascii_digit).collect();
        let value = std::str::from_utf8(&digits).ok().filter(|digits| digits.len() == 3).and_then(|d| d.parse().ok());
        match value {
            Some(value) => {
                rest.nth(2);
                out.push(value);
            }
            None => out.extend(rest.next()),
        }
    }
    out
}
