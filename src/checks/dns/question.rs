//! The question of a check, from its fields.

use std::net::IpAddr;

use hickory_proto::rr::{DNSClass, Name};

use super::fields::{CLASS, Class, DNSSEC, Dnssec, EDNS, EDNS_SIZE, NAME, NSID, RECURSION, TYPE};
use crate::model::{Args, Invalid};
use crate::proto::dns::question::{EdnsRequest, Question};
use crate::proto::dns::{name as domain_name, types};

/// The type of a question that names none.
const DEFAULT_TYPE: &str = "A";

/// From the fields `name`, `type` and the others that shape the query.
pub(super) fn from_args(args: &Args) -> Result<Question, Invalid> {
    match args.get(&NAME) {
        Some(name) => with(args, &name, args.get(&TYPE).as_deref()),
        None => Err(Invalid::at("", "`dns` needs `name`", "name: the domain name to ask for")),
    }
}

/// Asks for this name and type, with all else as the other fields say.
pub(super) fn with(args: &Args, text: &str, kind_of: Option<&str>) -> Result<Question, Invalid> {
    let code = kind(kind_of.unwrap_or(DEFAULT_TYPE))?;
    let recursion = args.get(&RECURSION);
    Ok(Question {
        name: name(text, code)?,
        code,
        class: match args.get(&CLASS) {
            Class::In => DNSClass::IN,
            Class::Ch => DNSClass::CH,
            Class::Hs => DNSClass::HS,
        },
        recursion,
        unchecked: recursion && args.get(&DNSSEC) == Dnssec::Validate,
        header: 0,
        edns: edns(args)?,
    })
}

fn edns(args: &Args) -> Result<Option<EdnsRequest>, Invalid> {
    let (dnssec, nsid) = (args.get(&DNSSEC) != Dnssec::Off, args.get(&NSID));
    if args.get(&EDNS) {
        return Ok(Some(EdnsRequest { size: args.get(&EDNS_SIZE), dnssec, nsid, ..EdnsRequest::default() }));
    }
    let needs_edns = match (dnssec, nsid) {
        (true, _) => DNSSEC.name(),
        (false, true) => NSID.name(),
        (false, false) => return Ok(None),
    };
    let message = format!("`{needs_edns}` travels in EDNS, which `edns: false` leaves out");
    Err(Invalid::at(needs_edns, message, "drop one of the two"))
}

fn kind(word: &str) -> Result<u16, Invalid> {
    types::number(word).ok_or_else(|| {
        let help = types::closest(word).map_or_else(
            || "write a mnemonic such as A, AAAA or MX, or a number as in TYPE65280".to_owned(),
            |near| format!("did you mean {near}? any type can be written by number, as in TYPE65280"),
        );
        TYPE.invalid(format!("`{word}` is not a record type"), help)
    })
}

/// The type that is asked for, where the fields say.
pub(super) fn asked_type(args: &Args) -> Option<String> {
    let word = args.get(&TYPE).or_else(|| args.given(&NAME).then(|| DEFAULT_TYPE.to_owned()))?;
    types::number(&word).map(types::mnemonic)
}

/// A name in presentation format, to be asked for its records of type `code`.
pub(super) fn name(text: &str, code: u16) -> Result<Name, Invalid> {
    if let (Ok(address), types::PTR) = (text.parse::<IpAddr>(), code) {
        let help = format!("write {}", Name::from(address));
        return Err(NAME.invalid(format!("`{text}` is an address; PTR records stand at its reverse name"), help));
    }
    domain_name::parse(text).map_err(|why| {
        NAME.invalid(
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
