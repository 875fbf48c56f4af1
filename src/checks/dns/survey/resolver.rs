//! Questions to a resolver, for finding servers: asked by our own exchange, each resolver in turn until one has a result.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use hickory_proto::rr::Name;
use tokio::time::Instant;

use super::chain::Chain;
use super::fields::VIA;
use super::querier::{Querier, QueryPolicy};
use super::records;
use super::server_report::ServerAddresses;
use crate::checks::shared::target;
use crate::model::{Fault, Text};
use crate::net::resolve;
use crate::proto::dns::message::Reply;
use crate::proto::dns::question::Question;
use crate::proto::dns::{rcode, types};

/// The system's list of resolvers.
const SYSTEM: &str = "/etc/resolv.conf";
/// Resolvers the system's own library uses of that list.
const MOST: usize = 3;
const REMEDY: &str =
    "give a resolver in `via`, the servers of the parent in `parent`, or the servers themselves in `ns`";

/// The resolvers of one round.
pub(super) struct Resolver<'a> {
    policy: &'a QueryPolicy,
    servers: Vec<SocketAddr>,
    end: Instant,
    seed: u64,
}

impl<'a> Resolver<'a> {
    /// The resolvers of `via`, or the system's when there is none.
    pub(super) async fn new(policy: &'a QueryPolicy, via: &[Text], end: Instant, seed: u64) -> Result<Self, Fault> {
        let mut servers = Vec::new();
        for text in via {
            let Ok((host, port)) = target::endpoint_in(&VIA, text, Some(53)) else { continue };
            match resolve(&host, policy.version, policy.patience).await? {
                Ok(found) => servers.extend(found.list.into_iter().map(|address| SocketAddr::new(address, port))),
                Err(why) => {
                    return Err(Fault::local("find the resolver of `via`", text.to_string(), why, "check its name"));
                }
            }
        }
        if via.is_empty() {
            let text = tokio::fs::read_to_string(SYSTEM).await.unwrap_or_default();
            servers = listed(&text).into_iter().map(|address| SocketAddr::new(address, 53)).collect();
        }
        if servers.is_empty() {
            return Err(Fault::local("find a resolver", SYSTEM, "it names none", REMEDY));
        }
        Ok(Self { policy, servers, end, seed })
    }

    /// The answer of the first resolver that has one. A failure of the name's own servers (SERVFAIL) is an answer too, when
    /// no resolver has a better one; that no resolver answers at all is a fault.
    pub(super) async fn ask(&self, name: &Name, code: u16) -> Result<Box<Reply>, Fault> {
        let question = Question::own(name.clone(), code).recursive(true);
        let (mut failed, mut why) = (None, Vec::new());
        for server in &self.servers {
            let time = self.end.saturating_duration_since(Instant::now());
            let mut querier = Querier::new(self.policy, *server, time, self.seed);
            let result = querier.ask(&question).await?;
            match result.reply {
                Some(reply) if reply.truncated() => {
                    why.push(format!("{server}: truncated over UDP, and no whole answer over TCP"));
                }
                Some(reply) if matches!(reply.rcode, rcode::NOERROR | rcode::NXDOMAIN) => return Ok(reply),
                Some(reply) if reply.rcode == rcode::SERVFAIL => failed = Some(reply),
                Some(reply) => why.push(format!("{server}: {}", rcode::text(reply.rcode))),
                None if result.outcome == "unasked" => why.push(format!("{server}: no time was left")),
                None => why.push(format!("{server}: {}", result.outcome)),
            }
        }
        failed
            .ok_or_else(|| Fault::local(format!("ask a resolver for {}", question.title()), "", why.join(", "), REMEDY))
    }

    /// Addresses of a server's name.
    pub(super) async fn addresses(&self, name: &Name) -> Result<ServerAddresses, Fault> {
        let mut out = ServerAddresses::default();
        for (code, family) in [(types::A, "0.0.0.0"), (types::AAAA, "::")] {
            let wanted = family.parse::<IpAddr>().is_ok_and(|address| self.policy.version.admits(address));
            if !wanted {
                continue;
            }
            let reply = self.ask(name, code).await?;
            let known = matches!(reply.rcode, rcode::NOERROR | rcode::NXDOMAIN);
            if code == types::A {
                out.v4_known = known;
            } else {
                out.v6_known = known;
            }
            let mut chain = Chain::new(name);
            out.alias |= chain.follow(&reply.answers);
            let data = records::data_of(&reply.answers, &Question::own(name.clone(), code), &chain.end);
            out.found.extend(data.iter().filter_map(|data| data.parse::<IpAddr>().ok()));
        }
        Ok(out)
    }

    /// The zone `name` is delegated from, and the names of its servers.
    pub(super) async fn parent_of(&self, name: &Name) -> Result<Option<(Name, BTreeSet<String>)>, Fault> {
        let above = name.base_name();
        let reply = self.ask(&above, types::SOA).await?;
        let soa = |record: &&crate::proto::dns::message::ResourceRecord| {
            record.code == types::SOA && record.owner.zone_of(&above)
        };
        let Some(record) = reply.answers.iter().find(soa).or_else(|| reply.authority.iter().find(soa)) else {
            return Ok(None);
        };
        let parent = record.owner.clone();
        let reply = self.ask(&parent, types::NS).await?;
        let names = records::ns_names(&reply.answers, &parent);
        Ok((!names.is_empty()).then_some((parent, names)))
    }
}

/// Addresses of the lines `nameserver` of a resolv.conf. One with a zone (`fe80::1%eth0`) cannot be asked.
fn listed(text: &str) -> Vec<IpAddr> {
    let servers = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()).flatten()
    });
    servers.filter_map(|word| word.parse().ok()).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn the_systems_resolvers_are_read() {
        let text = "# nameserver 192.0.2.9\nsearch example\nnameserver 192.0.2.1\nnameserver\t2001:db8::1  # x\nnameserver fe80::1%eth0\nnameserver\n";
        let found: Vec<String> = listed(text).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.1", "2001:db8::1"]);
        assert_eq!(listed(&"nameserver 192.0.2.1\n".repeat(9)).len(), 3);
        assert!(listed("").is_empty());
    }
}
