//! Field `authoritative`: a zone, and how to find its servers.

use std::net::SocketAddr;

use hickory_proto::rr::Name;

use super::fields::{AUTHORITATIVE, BEST_PRACTICE, MAX_SERVERS, NS, PARENT, PORT, VIA, ZONE};
use super::names;
use crate::checks::dns::question;
use crate::checks::shared::target;
use crate::model::interface::address_and_zone;
use crate::model::{Args, Invalid, Text};
use crate::proto::dns::types;

/// A zone whose servers are asked.
pub(super) struct Zone {
    pub(super) name: Name,
    pub(super) parent: Vec<Text>,
    /// Names and addresses as given, in the order written.
    pub(super) ns: Vec<(String, Vec<SocketAddr>)>,
    pub(super) port: u16,
    pub(super) via: Vec<Text>,
    /// Recommendations are expected too.
    pub(super) best_practice: bool,
}

impl Zone {
    /// From the fields below `authoritative`.
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        let name = question::name(&args.get(&ZONE), types::SOA)
            .map_err(|why| AUTHORITATIVE.invalid(why.message, "write zone: example.com"))?;
        let (port, parent) = (args.get(&PORT), args.get(&PARENT));
        let ns = given(args, &name, port)?;
        if !ns.is_empty() && args.given(&PARENT) {
            return Err(AUTHORITATIVE.invalid(
                "`ns` gives the delegation, `parent` asks for it",
                "keep `ns` for a zone before it is published, `parent` afterwards",
            ));
        }
        Ok(Self { name, parent, ns, port, via: args.get(&VIA), best_practice: args.get(&BEST_PRACTICE) })
    }
}

/// Names and addresses of `ns`.
fn given(args: &Args, zone: &Name, port: u16) -> Result<Vec<(String, Vec<SocketAddr>)>, Invalid> {
    const EXAMPLE: &str = "write ns: {ns1.example.com: [192.0.2.53]}";
    if !args.given(&NS) {
        return Ok(Vec::new());
    }
    let entries = args.get(&NS);
    if entries.is_empty() {
        return Err(AUTHORITATIVE.invalid("`ns` names no server", EXAMPLE));
    }
    let mut out: Vec<(String, Vec<SocketAddr>)> = Vec::new();
    for (text, addresses) in entries {
        let name = question::name(&text, types::NS).map_err(|why| AUTHORITATIVE.invalid(why.message, EXAMPLE))?;
        let label = names::text(&name);
        if out.iter().any(|(known, _)| *known == label) {
            let message = format!("`ns` names {label} twice");
            return Err(AUTHORITATIVE.invalid(message, "give all addresses of a name in one list"));
        }
        let sockets = sockets(&label, &addresses, port)?;
        if sockets.is_empty() && zone.zone_of(&name) {
            let message = format!("{label} lies inside the zone and has no address");
            return Err(AUTHORITATIVE.invalid(message, "nobody can find it without glue: give its addresses"));
        }
        out.push((label, sockets));
    }
    let total: usize = out.iter().map(|(_, sockets)| sockets.len().max(1)).sum();
    if total > MAX_SERVERS {
        let message = format!("`ns` gives {total} servers, more than {MAX_SERVERS}");
        return Err(AUTHORITATIVE.invalid(message, "split the check"));
    }
    Ok(out)
}

/// The addresses of the server `label`, which has them in `ns`.
fn sockets(label: &str, addresses: &[String], port: u16) -> Result<Vec<SocketAddr>, Invalid> {
    let mut sockets = Vec::new();
    for text in addresses {
        let (host, port) = target::endpoint_in(&AUTHORITATIVE, &text.as_str().into(), Some(port))?;
        let Some((address, _)) = address_and_zone(&host) else {
            let message = format!("`{text}` is not an address of {label}");
            return Err(AUTHORITATIVE.invalid(message, "write its addresses, as glue has them"));
        };
        sockets.push(SocketAddr::new(address, port));
    }
    Ok(sockets)
}
