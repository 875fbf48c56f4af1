//! Names between the two libraries: the validator has a type of its own.

use hickory_proto::rr::Name as ExchangeName;
use hickory_proto::serialize::binary::{BinDecodable as _, BinDecoder};

use crate::proto::dns::{rdata, types};
use crate::proto::dnssec::{Name, dotted};

/// A name of the validator as one of the exchange.
pub(super) fn for_exchange(name: &Name) -> Option<ExchangeName> {
    ExchangeName::read(&mut BinDecoder::new(name.as_slice())).ok()
}

/// A name of the exchange as one of the validator, in lower case.
pub(in crate::checks::dns) fn for_validator(name: &ExchangeName) -> Option<Name> {
    let mut wire = Vec::new();
    for label in name {
        wire.push(u8::try_from(label.len()).ok()?);
        wire.extend(label.to_ascii_lowercase());
    }
    wire.push(0);
    Name::from_octets(wire).ok()
}

/// `www.example. A`, for people.
pub(super) fn title(name: &Name, code: u16) -> String {
    let shown = for_exchange(name).map_or_else(|| dotted(name), |name| rdata::name(&name));
    format!("{shown} {}", types::mnemonic(code))
}

/// The first `most` of a list, and how many more there are.
pub(super) fn some(all: &[String], most: usize) -> String {
    let shown = all.get(..most).unwrap_or(all).join(", ");
    let more = all.len().saturating_sub(most);
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}
