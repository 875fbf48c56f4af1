//! The text of a body: by its byte order mark, by the charset its content type names, else UTF-8 (WHATWG Encoding, 6).

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8};

/// A body as text.
#[derive(Debug)]
pub struct Text<'b> {
    /// The text without a byte order mark; `\u{fffd}` stands for what is no character.
    pub text: Cow<'b, str>,
    /// The bytes behind the mark, where they are meant as UTF-8.
    pub utf8: Option<&'b [u8]>,
    /// Why other characters than these may have been meant.
    pub doubt: Option<String>,
}

/// Reads `bytes`: a whole body, or its beginning.
#[must_use]
pub fn text<'b>(content_type: Option<&str>, bytes: &'b [u8], whole: bool) -> Text<'b> {
    let (encoding, bytes, doubt) = encoding(content_type, bytes, whole);
    let (text, wrong) = encoding.decode_without_bom_handling(bytes);
    // A character that was cut in the middle is not the server's mistake.
    let text =
        if wrong && !whole { Cow::Owned(text.trim_end_matches(char::REPLACEMENT_CHARACTER).to_owned()) } else { text };
    Text { text, utf8: (encoding == UTF_8).then_some(bytes), doubt }
}

fn encoding<'b>(
    content_type: Option<&str>,
    bytes: &'b [u8],
    whole: bool,
) -> (&'static Encoding, &'b [u8], Option<String>) {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return (encoding, bytes.get(mark..).unwrap_or_default(), None);
    }
    let Some(charset) = content_type.and_then(charset) else {
        let valid = match std::str::from_utf8(bytes) {
            Ok(_) => true,
            Err(error) => !whole && error.error_len().is_none(),
        };
        let doubt = (!valid).then(|| "it is not UTF-8, and its content-type names no charset".to_owned());
        return (UTF_8, bytes, doubt);
    };
    match Encoding::for_label_no_replacement(charset.as_bytes()) {
        Some(encoding) => (encoding, bytes, None),
        None => (UTF_8, bytes, Some(format!("charset {charset} is not known here"))),
    }
}

/// The parameter `charset` of a content type, without quotes.
fn charset(content_type: &str) -> Option<&str> {
    let parameters = content_type.split(';').skip(1);
    let mut pairs = parameters.filter_map(|parameter| parameter.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
    Some(value.trim().trim_matches(['"', '\'']).trim()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{charset, text};

    #[test]
    fn a_body_is_read_by_the_charset_it_names() {
        let latin = b"gr\xfc\xdfe";
        let utf16: Vec<u8> = "grüße".encode_utf16().flat_map(u16::to_be_bytes).collect();
        let marked = [b"\xfe\xff", utf16.as_slice()].concat();
        for (kind, bytes) in [
            (None, "grüße".as_bytes()),
            (Some("text/html"), "\u{feff}grüße".as_bytes()),
            (Some("text/html; charset=utf-8"), "grüße".as_bytes()),
            (Some("text/html; charset=ISO-8859-1"), latin),
            (Some("text/html; Charset = \"windows-1252\" ; x=y"), latin),
            (Some("text/html;charset='latin1'"), latin),
            (Some("text/plain; charset=utf-16be"), &utf16),
            (Some("text/plain; charset=utf-8"), &marked),
        ] {
            let read = text(kind, bytes, true);
            assert_eq!((&*read.text, read.doubt), ("grüße", None), "{kind:?}");
        }
        assert!(text(Some("text/html; charset=latin1"), latin, true).utf8.is_none());
        assert_eq!(text(None, "\u{feff}{}".as_bytes(), true).utf8, Some(&b"{}"[..]));
    }

    #[test]
    fn what_may_mean_other_characters_says_so() {
        for (kind, bytes, why) in [
            (None, &b"gr\xfc\xdfe"[..], "names no charset"),
            (Some("text/html; charset="), b"gr\xfc\xdfe", "names no charset"),
            (Some("text/html; charset=utf-7"), b"+AOk-", "charset utf-7 is not known"),
            (Some("text/html; charset=iso-2022-kr"), b"x", "charset iso-2022-kr is not known"),
        ] {
            assert!(text(kind, bytes, true).doubt.unwrap().contains(why), "{kind:?}");
        }
        let cut = &"grü".as_bytes()[..3];
        let read = text(None, cut, false);
        assert_eq!((&*read.text, read.doubt), ("gr", None), "cut in the middle of a character");
        assert!(text(None, cut, true).doubt.is_some());
        assert!(text(None, b"gr\xfc\xdfe", false).doubt.is_some(), "more of it would not make it UTF-8");
        assert!(text(Some("a/b; charset=utf-8"), b"gr\xfc", true).doubt.is_none(), "it is as every client reads it");
    }

    #[test]
    fn a_charset_is_a_parameter() {
        assert_eq!(charset("text/html"), None);
        assert_eq!(charset("charset=x"), None);
        assert_eq!(charset("a/b; x=charset=y"), None);
        assert_eq!(charset("a/b;;charset=\"\""), None);
    }
}
