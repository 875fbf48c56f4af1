//! Names of domains and servers as text.

use hickory_proto::rr::Name;

use crate::checks::dns::question;
use crate::proto::dns::{rdata, types};

/// A name as it is written in lists and compared.
pub(super) fn text(name: &Name) -> String {
    rdata::name(name).to_ascii_lowercase()
}

/// The name of such a text.
pub(super) fn parse(text: &str) -> Option<Name> {
    question::name(text, types::NS).ok()
}
