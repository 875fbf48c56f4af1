//! The resolvers of this host, for a family whose server nobody named.

use std::fs::File;
use std::io::Read as _;

use super::command_line::CommandLine;
use crate::model::{FieldInfo, FieldKind, FieldRole};
use crate::probe::Family;

/// Where the system's resolvers stand (resolv.conf(5)).
pub(super) const FILE: &str = "/etc/resolv.conf";
/// Most bytes read of it.
const LARGEST: u64 = 1 << 20;
/// Resolvers that are asked, as the C library does (MAXNS).
const MOST: usize = 3;

/// The field that names the servers to ask, of a family whose target is something else, where it was not given.
pub(super) fn field(family: &Family, command_line: &CommandLine) -> Option<&'static str> {
    let (target, _) = family.target_field;
    let of_target = |field: &FieldInfo| field.name == target && field.has(FieldRole::Host);
    if family.fields.iter().any(of_target) {
        return None;
    }
    let asks = |field: &&FieldInfo| {
        field.has(FieldRole::Host)
            && field.name != target
            && !field.required
            && matches!(field.kind, FieldKind::List(_))
    };
    family.fields.iter().find(asks).map(|field| field.name).filter(|name| !command_line.gives(name))
}

/// The resolvers in order; an error where there is none.
pub(super) fn of_this_host(file: &str) -> Result<Vec<String>, String> {
    let mut text = String::new();
    let read = File::open(file).and_then(|from| from.take(LARGEST).read_to_string(&mut text));
    read.map_err(|error| format!("no server is given, and {file} cannot be read: {error}"))?;
    let all = parse(&text);
    if all.is_empty() {
        return Err(format!("no server is given, and {file} names none"));
    }
    Ok(all)
}

/// The addresses of lines `nameserver ADDRESS`.
fn parse(text: &str) -> Vec<String> {
    let server = |line: &str| {
        let mut words = line.split_whitespace();
        let named = words.next() == Some("nameserver");
        let address = words.next().filter(|_| named)?;
        let bare = address.split('%').next().unwrap_or_default();
        bare.parse::<std::net::IpAddr>().is_ok().then(|| address.to_owned())
    };
    text.lines().filter_map(server).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn resolvers_are_read_as_the_c_library_does() {
        let text = "# nameserver 192.0.2.1\nsearch example\nnameserver 192.0.2.53 # main\n\tnameserver\tfe80::1%eth0\n\
                    nameserver ns.example\nnameserver 192.0.2.54\nnameserver 192.0.2.55\n";
        assert_eq!(parse(text), ["192.0.2.53", "fe80::1%eth0", "192.0.2.54"]);
        assert!(parse("options edns0\n").is_empty());
    }
}
