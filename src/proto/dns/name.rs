//! Domain names in presentation format.

use hickory_proto::rr::Name;

/// A name in presentation format; escapes are decimal, as in RFC 1035. Other alphabets become IDNA.
pub(crate) fn parse(text: &str) -> Result<Name, String> {
    let mut name = if text.is_ascii() {
        labels(text)
            .and_then(|labels| Name::from_labels(labels.iter().map(Vec::as_slice)).map_err(|error| error.to_string()))
    } else {
        Name::from_utf8(text).map_err(|error| error.to_string())
    }?;
    name.set_fqdn(true);
    Ok(name)
}

/// The name that the PTR records of an address stand at.
pub(crate) fn reverse(address: std::net::IpAddr) -> String {
    Name::from(address).to_string()
}

fn labels(text: &str) -> Result<Vec<Vec<u8>>, String> {
    if text == "." {
        return Ok(Vec::new());
    }
    let mut labels = vec![Vec::new()];
    let mut bytes = text.strip_suffix('.').filter(|rest| !rest.ends_with('\\')).unwrap_or(text).bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'.' => {
                labels.push(Vec::new());
                continue;
            }
            b'\\' => escape(&mut bytes)?,
            b' ' | b'\t' => return Err("it holds a space; write it \\032 if it is meant".to_owned()),
            other => other,
        };
        if let Some(label) = labels.last_mut() {
            label.push(byte);
        }
    }
    if labels.iter().any(Vec::is_empty) {
        return Err("it has an empty label".to_owned());
    }
    Ok(labels)
}

/// The byte behind a backslash: three decimal digits, or the byte itself.
fn escape(bytes: &mut impl Iterator<Item = u8>) -> Result<u8, String> {
    let first = bytes.next().ok_or("it ends in a backslash")?;
    if !first.is_ascii_digit() {
        return Ok(first);
    }
    let digits: Vec<u8> = std::iter::once(first).chain(bytes.take(2)).collect();
    let text = String::from_utf8(digits).unwrap_or_default();
    let value = if text.len() == 3 { text.parse::<u8>().ok() } else { None };
    value.ok_or_else(|| format!("\\{text} is not an escape; write \\000 to \\255"))
}

#[cfg(test)]
mod tests {
    use super::{labels, parse};
    use crate::proto::dns::rdata;

    #[test]
    fn names_are_read_and_printed_alike() {
        for (text, want) in [
            ("www.example", "www.example."),
            ("WWW.example.", "WWW.example."),
            (".", "."),
            ("_443._tcp.example", "_443._tcp.example."),
            ("*.example", "*.example."),
            ("a\\.b.example", "a\\.b.example."),
            ("a\\032b.example", "a\\032b.example."),
            ("0/26.2.0.192.in-addr.arpa", "0/26.2.0.192.in-addr.arpa."),
            ("münchen.example", "xn--mnchen-3ya.example."),
        ] {
            assert_eq!(rdata::name(&parse(text).unwrap()), want, "{text}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = format!("{}.example", "a".repeat(64));
        for text in ["a..b", "", "a b", "a\\", "a\\25", "a\\999", long.as_str()] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(labels("a\\.").unwrap(), [b"a.".to_vec()]);
    }
}
