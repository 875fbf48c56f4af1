//! Texts that a fact can never be. A suite that forbids one, in a spelling of its own or by a slip, would hold for ever.

use super::{Form, hex, name, web};
use crate::model::PortSet;
use crate::model::suggest::suggest;

/// Why a text is no value, and what to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidText {
    /// For people: `` `x` is no address ``.
    pub why: String,
    /// What to write instead.
    pub help: String,
}

impl InvalidText {
    fn new(text: &str, what: &str, help: impl Into<String>) -> Self {
        Self { why: format!("{} is {what}", named(text)), help: help.into() }
    }
}

/// A text for a message.
#[must_use]
pub fn named(text: &str) -> String {
    if text.is_empty() { "an empty text".to_owned() } else { format!("`{text}`") }
}

impl Form {
    /// Why no value of this form, of this kind of data, is ever `text`; `None` where one may be.
    #[must_use]
    pub fn impossible(self, kind: Option<&str>, text: &str) -> Option<InvalidText> {
        match self {
            Self::Address => name::address_key(text).is_none().then(|| {
                InvalidText::new(
                    text,
                    "no address",
                    "write one address, such as 192.0.2.1 or 2001:db8::1, without a port or a length",
                )
            }),
            Self::Name | Self::Host => no_name(text),
            Self::Hex => (!is_hex(text) && text != "-")
                .then(|| InvalidText::new(text, "not hexadecimal", "write the digits, with or without colons")),
            Self::HexNumber => (!is_hex(text.trim_start_matches("0x").trim_start_matches("0X")))
                .then(|| InvalidText::new(text, "not hexadecimal", "write the digits, with or without colons")),
            Self::Digest => hex::digest(text).is_none().then(|| {
                let help = "write 64 hexadecimal digits, with or without colons, or the base64 of the 32 bytes";
                InvalidText::new(text, "no SHA-256", help)
            }),
            Self::Words(words) => super::canonical_word(words, text)
                .is_none()
                .then(|| InvalidText::new(text, "never seen here", suggest(text, words.iter().copied()))),
            Self::Ports => PortSet::parse(text).err().map(|why| InvalidText {
                why,
                help: "write a port (22) or a range (8000-8100), from 1 to 65535".to_owned(),
            }),
            Self::Cookies => web::value_of_cookie(text).map(|name| {
                let help = format!("values of cookies are secrets and never recorded: write the name, `{name}`");
                InvalidText::new(text, "never seen here", help)
            }),
            Self::Data(data) => (data.impossible)(kind, text),
            _ => None,
        }
    }
}

fn is_hex(text: &str) -> bool {
    let key = hex::key(text);
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Names of hosts hold no scheme, no port and no kind in front.
fn no_name(text: &str) -> Option<InvalidText> {
    let may_be = name::address_key(text).is_some() || text.contains('\\');
    (!may_be && (text.contains([':', ' ']) || text.is_empty())).then(|| {
        InvalidText::new(
            text,
            "no name and no address",
            "write the bare name or address, such as www.example.com or 2001:db8::1",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::Form;

    #[test]
    fn what_can_never_be_is_seen_and_nothing_else() {
        let never = [
            (Form::Address, "192.0.2.0/24"),
            (Form::Address, "192.0.2"),
            (Form::Address, "host.example"),
            (Form::Host, "DNS:www.example"),
            (Form::Host, "https://www.example"),
            (Form::Name, "ns1.example:53"),
            (Form::Name, ""),
            (Form::Host, ""),
            (Form::Hex, ""),
            (Form::HexNumber, "0x"),
            (Form::Hex, "xyz"),
            (Form::HexNumber, "serial"),
            (Form::Digest, "AB:CD"),
            (Form::Digest, "pin"),
            (Form::Words(&["aa", "rd"]), "raa"),
        ];
        for (form, text) in never {
            assert!(form.impossible(None, text).is_some(), "{form:?} {text}");
        }
        let digest = "0d".repeat(32);
        let pin = format!("sha256/{}=", "A".repeat(43));
        let (of_openssl, of_http) =
            (format!("SHA256 Fingerprint={digest}"), format!("pin-sha256=\"{}=\"", "A".repeat(43)));
        let may_be = [
            (Form::Digest, of_openssl.as_str()),
            (Form::Digest, of_http.as_str()),
            (Form::Address, "::ffff:192.0.2.1"),
            (Form::Address, "[::1]"),
            (Form::Host, "*.example"),
            (Form::Host, "::1"),
            (Form::Name, "0/25.2.0.192.in-addr.arpa."),
            (Form::Name, "."),
            (Form::Name, "a\\ b.example"),
            (Form::Hex, "-"),
            (Form::HexNumber, "0x1F"),
            (Form::Digest, digest.as_str()),
            (Form::Digest, pin.as_str()),
            (Form::Words(&["aa", "rd"]), "AA"),
            (Form::Words(&["TLS1.2"]), "TLSv1.2"),
            (Form::Plain, "anything"),
        ];
        for (form, text) in may_be {
            assert_eq!(form.impossible(None, text), None, "{form:?} {text}");
        }
    }
}
