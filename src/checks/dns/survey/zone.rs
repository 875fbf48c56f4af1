//! Field `authoritative`: a zone, and how to find its servers.

use std::net::SocketAddr;

use hickory_proto::rr::Name;

use super::{MOST, said};
use crate::checks::dns::question;
use crate::model::field::PORT;
use crate::model::{Arg, Args, FieldInfo, FieldKind, FieldRole, Invalid};
use crate::net::endpoint;
use crate::proto::dns::types;

pub(super) const FIELDS: &[FieldInfo] = &[
    FieldInfo::required("zone", FieldKind::Text, "Name of the zone."),
    FieldInfo::optional(
        "parent",
        FieldKind::List(&FieldKind::Endpoint),
        "Servers of the parent zone to ask for the delegation; found by a resolver when left out.",
    ),
    FieldInfo::optional(
        "ns",
        FieldKind::Map(&FieldKind::List(&FieldKind::Endpoint)),
        "Names and addresses of the servers as they are to be delegated; the parent is not asked then. A name outside the \
         zone may have an empty list: a resolver finds its addresses.",
    ),
    FieldInfo::default("port", PORT, "53", "Port of the zone's servers, where their address has none.")
        .role(FieldRole::Location),
    FieldInfo::optional(
        "via",
        FieldKind::List(&FieldKind::Endpoint),
        "Resolver that finds servers and their addresses; those of /etc/resolv.conf when left out.",
    ),
];

/// A zone whose servers are asked.
pub(super) struct Zone {
    pub(super) name: Name,
    pub(super) parent: Vec<String>,
    /// Names and addresses as given, in the order written.
    pub(super) ns: Vec<(String, Vec<SocketAddr>)>,
    pub(super) port: u16,
    pub(super) via: Vec<String>,
}

impl Zone {
    pub(super) fn from_args(args: &Args) -> Result<Self, Invalid> {
        let text = args.text("zone").unwrap_or_default();
        let name = question::name(text, types::SOA)
            .map_err(|why| Invalid::at("authoritative", why.message, "write zone: example.com"))?;
        let port = args.port("port").unwrap_or(53);
        let ns = given(args, &name, port)?;
        if !ns.is_empty() && args.has("parent") {
            return Err(Invalid::at(
                "authoritative",
                "`ns` gives the delegation, `parent` asks for it",
                "keep `ns` for a zone before it is published, `parent` afterwards",
            ));
        }
        Ok(Self { name, parent: args.texts("parent"), ns, port, via: args.texts("via") })
    }
}

/// Names to addresses of `ns`.
fn given(args: &Args, zone: &Name, port: u16) -> Result<Vec<(String, Vec<SocketAddr>)>, Invalid> {
    let Some(Arg::Map(entries)) = args.raw("ns") else { return Ok(Vec::new()) };
    let refuse = |message: String, help: &str| Err(Invalid::at("authoritative", message, help));
    if entries.is_empty() {
        return refuse("`ns` names no server".to_owned(), "write ns: {ns1.example.com: [192.0.2.53]}");
    }
    let mut out: Vec<(String, Vec<SocketAddr>)> = Vec::new();
    for (text, addresses) in entries {
        let name = question::name(text, types::NS)
            .map_err(|why| Invalid::at("authoritative", why.message, "write ns: {ns1.example.com: [192.0.2.53]}"))?;
        let label = said::text(&name);
        if out.iter().any(|(known, _)| *known == label) {
            return refuse(format!("`ns` names {label} twice"), "give all addresses of a name in one list");
        }
        let Arg::List(items) = addresses else { continue };
        let mut sockets = Vec::new();
        for item in items {
            let Arg::Text(item) = item else { continue };
            let (host, port) = endpoint::of("authoritative", item, Some(port))?;
            let Ok(address) = host.parse() else {
                return refuse(
                    format!("`{item}` is not an address of {label}"),
                    "write its addresses, as glue has them",
                );
            };
            sockets.push(SocketAddr::new(address, port));
        }
        if sockets.is_empty() && zone.zone_of(&name) {
            return refuse(
                format!("{label} lies inside the zone and has no address"),
                "nobody can find it without glue: give its addresses",
            );
        }
        out.push((label, sockets));
    }
    let total: usize = out.iter().map(|(_, sockets)| sockets.len().max(1)).sum();
    if total > MOST {
        return refuse(format!("`ns` gives {total} servers, more than {MOST}"), "split the check");
    }
    Ok(out)
}
