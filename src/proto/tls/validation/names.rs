//! Whether a certificate is for the name or address a client asked for (RFC 9525, 6).

use std::net::IpAddr;

use rustls::pki_types::ServerName;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::proto::tls::certificate::names_of;

/// Names listed in a message.
const NAMES: usize = 20;

/// Whether the certificate `der` is for `wanted`; `Err` says what it is for instead.
pub(in crate::proto::tls) fn fits_name(der: &[u8], wanted: &ServerName<'_>) -> Result<(), String> {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return Err("the certificate is not correctly encoded".to_owned());
    };
    let found = certificate.subject_alternative_name();
    let Ok(found) = found else {
        return Err("its subject alternative name is not correctly encoded".to_owned());
    };
    let names = found.as_ref().map(|found| found.value.general_names.as_slice()).unwrap_or_default();
    let fits = match wanted {
        ServerName::DnsName(name) => {
            names.iter().any(|one| matches!(one, GeneralName::DNSName(one) if covers(one, name.as_ref())))
        }
        ServerName::IpAddress(address) => {
            let address = octets(IpAddr::from(*address));
            names.iter().any(|one| matches!(one, GeneralName::IPAddress(one) if *one == address))
        }
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let wanted_text = wanted.to_str();
    let as_dns_name =
        names.iter().any(|one| matches!(one, GeneralName::DNSName(one) if one.eq_ignore_ascii_case(&wanted_text)));
    if as_dns_name && matches!(wanted, ServerName::IpAddress(_)) {
        return Err(format!(
            "not valid for address {wanted_text}: the certificate has it as a DNS name, and clients look for addresses among its IP addresses only"
        ));
    }
    Err(format!("not valid for name {wanted_text} ({})", listed(&names_of(&certificate))))
}

/// Whether a name of a certificate stands for `wanted`. A wildcard is the whole first label, and stands for one label.
fn covers(presented: &str, wanted: &str) -> bool {
    let wanted = wanted.strip_suffix('.').unwrap_or(wanted);
    match presented.strip_prefix("*.") {
        // As other clients do, no wildcard right below a top-level domain.
        Some(rest) => {
            let below = wanted.split_once('.').map(|(_, below)| below);
            rest.contains('.') && !rest.contains('*') && below.is_some_and(|below| below.eq_ignore_ascii_case(rest))
        }
        None => presented.eq_ignore_ascii_case(wanted),
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

/// Names for a message.
pub(super) fn listed(names: &[String]) -> String {
    match names {
        [] => "it carries no subject alternative name".to_owned(),
        names if names.len() > NAMES => {
            let shown = names.iter().take(NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
            format!("names are {shown} and {} more", names.len() - NAMES)
        }
        names => format!("names are {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::{covers, listed};

    #[test]
    fn a_wildcard_is_one_whole_label() {
        for (presented, wanted, fits) in [
            ("www.a.test", "WWW.a.test.", true),
            ("*.a.test", "www.a.test", true),
            ("*.a.test", "a.test", false),
            ("*.a.test", "x.www.a.test", false),
            ("*.test", "a.test", false),
            ("w*.a.test", "www.a.test", false),
            ("*.*.test", "*.a.test", false),
        ] {
            assert_eq!(covers(presented, wanted), fits, "{presented} {wanted}");
        }
    }

    #[test]
    fn long_lists_of_names_are_cut() {
        let many: Vec<String> = (0..30).map(|n| format!("n{n}")).collect();
        assert!(listed(&many).ends_with("n19 and 10 more"));
        assert!(listed(&[]).contains("no subject alternative name"));
    }
}
