//! The question of a check, from its fields.

use std::net::IpAddr;
use std::str::FromStr as _;

use hickory_proto::rr::{DNSClass, Name};

use crate::model::{Args, Invalid};
use crate::proto::dns::question::{EdnsWish, Question};
use crate::proto::dns::{name as domain_name, types};

/// From the fields `name`, `type` and the others that shape the query.
pub(super) fn from_args(args: &Args) -> Result<Question, Invalid> {
    let Some(name) = args.text("name") else {
        return Err(Invalid::at("", "`dns` needs `name`", "name: the domain name to ask for"));
    };
    with(args, name, args.text("type").unwrap_or("A"))
}

/// Asks for this name and type, in the way the other fields say.
pub(super) fn with(args: &Args, text: &str, kind_of: &str) -> Result<Question, Invalid> {
    let code = kind(kind_of)?;
    Ok(Question {
        name: name(text, code)?,
        code,
        class: args.text("class").and_then(|word| DNSClass::from_str(word).ok()).unwrap_or(DNSClass::IN),
        recursion: args.flag("recursion"),
        unchecked: args.flag("recursion") && args.text("dnssec") == Some("validate"),
        edns: edns(args)?,
    })
}

fn edns(args: &Args) -> Result<Option<EdnsWish>, Invalid> {
    let dnssec = matches!(args.text("dnssec"), Some("true" | "validate"));
    if !args.flag("edns") {
        let needs = [("dnssec", dnssec), ("nsid", args.flag("nsid"))].into_iter().find(|(_, on)| *on);
        let needs = needs.map(|(field, _)| field);
        return needs.map_or(Ok(None), |field| {
            let message = format!("`{field}` travels in EDNS, which `edns: false` leaves out");
            Err(Invalid::at(field, message, "drop one of the two"))
        });
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the table's range is 512..=65535")]
    let size = args.number("edns_size").unwrap_or(1232.0) as u16;
    Ok(Some(EdnsWish { size, dnssec, nsid: args.flag("nsid"), ..EdnsWish::default() }))
}

fn kind(word: &str) -> Result<u16, Invalid> {
    types::number(word).ok_or_else(|| {
        let help = types::closest(word).map_or_else(
            || "write a mnemonic such as A, AAAA or MX, or a number as in TYPE65280".to_owned(),
            |near| format!("did you mean {near}? any type can be written by number, as in TYPE65280"),
        );
        Invalid::at("type", format!("`{word}` is not a record type"), help)
    })
}

/// A name in presentation format, to be asked for its records of type `code`.
pub(super) fn name(text: &str, code: u16) -> Result<Name, Invalid> {
    if let (Ok(address), types::PTR) = (text.parse::<IpAddr>(), code) {
        let help = format!("write {}", Name::from(address));
        return Err(Invalid::at(
            "name",
            format!("`{text}` is an address; PTR records stand at its reverse name"),
            help,
        ));
    }
    domain_name::parse(text).map_err(|why| {
        Invalid::at(
            "name",
            format!("`{text}` is not a domain name: {why}"),
            "labels of 1 to 63 bytes between dots, 253 in all; `.` is the root",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::name;
    use crate::proto::dns::types;

    #[test]
    fn an_address_is_not_the_name_of_its_pointer() {
        let error = name("192.0.2.1", types::PTR).unwrap_err();
        assert!(error.help.contains("1.2.0.192.in-addr.arpa."), "{}", error.help);
    }
}
