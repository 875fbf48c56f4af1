//! `host:port` as suites write it.

/// A text that is not `host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidEndpoint {
    /// The mistake.
    pub message: String,
    /// The form to write.
    pub help: String,
}

/// Host and port of `text`: `host:port`, or a host alone when there is a default port.
pub fn parse(text: &str, default: Option<u16>) -> Result<(String, u16), InvalidEndpoint> {
    split(text, default).ok_or_else(|| {
        let example = if default.is_some() {
            "192.0.2.1, [2001:db8::1]:53 or name:53"
        } else {
            "192.0.2.1:53 or [2001:db8::1]:53"
        };
        InvalidEndpoint { message: format!("`{text}` is not host:port"), help: format!("write it as in {example}") }
    })
}

fn split(text: &str, default: Option<u16>) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            // Brackets are for IPv6 alone; a zone (`%eth0`) may follow the address.
            host.split('%').next()?.parse::<std::net::Ipv6Addr>().ok()?;
            match after {
                "" => (host, None),
                _ => (host, Some(after.strip_prefix(':')?)),
            }
        }
        None if text.matches(':').count() > 1 => {
            text.split('%').next()?.parse::<std::net::Ipv6Addr>().ok()?;
            (text, None)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '[' | ']')) {
        return None;
    }
    let port = match port {
        None => default?,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok().filter(|port| *port != 0)?,
        Some(_) => return None,
    };
    Some((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn hosts_and_ports_come_apart() {
        for (text, host, port) in [
            ("192.0.2.1", "192.0.2.1", 53),
            ("192.0.2.1:5300", "192.0.2.1", 5300),
            ("ns.example:5300", "ns.example", 5300),
            ("[::1]:5300", "::1", 5300),
            ("[::1]", "::1", 53),
            ("::1", "::1", 53),
            ("[fe80::1%eth0]:53", "fe80::1%eth0", 53),
        ] {
            assert_eq!(split(text, Some(53)), Some((host.to_owned(), port)), "{text}");
        }
        assert_eq!(split("192.0.2.1", None), None);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", ":53", "a:", "a:0", "a:65536", "a:+1", "[a]:53", "[::1", "[::1]53", "a:b:c", "a b", "udp://a"]
        {
            assert_eq!(split(text, Some(53)), None, "{text}");
        }
    }
}
