//! Whether policies allow a connection, and which of them says so.

use super::cluster::{Cluster, Pod, PolicyEndpoint, Problem};
use super::objects::PolicyProtocol;
use super::policy::{Peer, Policy, PolicyDirection, PortRange, Ports, Rule};

/// Policies named for one denial.
const MOST_NAMED: usize = 3;

/// What policies say of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Ruling {
    pub(in super::super) allowed: bool,
    /// Which policies say so, and how.
    pub(in super::super) policy: String,
}

/// A connection: the far end's port and its protocol.
#[derive(Clone, Copy, Debug)]
pub(super) struct Port {
    pub(super) protocol: PolicyProtocol,
    pub(super) number: u16,
}

impl Cluster {
    /// What the policies say of a connection.
    pub(in super::super) fn ruling(
        &self,
        from: PolicyEndpoint<'_>,
        to: PolicyEndpoint<'_>,
        is_udp: bool,
        number: u16,
    ) -> Result<Ruling, Problem> {
        let port = Port { protocol: if is_udp { PolicyProtocol::Udp } else { PolicyProtocol::Tcp }, number };
        let (egress, ingress) = match (from.pod, to.pod) {
            (None, None) => {
                let message = format!(
                    "{} and {} are no pods of the files: no NetworkPolicy is about them",
                    from.address, to.address
                );
                return Err((message, "write them in a check of their own, with `allow`".into()));
            }
            (Some(one), Some(other)) if std::ptr::eq(one, other) => {
                return Ok(Ruling { allowed: true, policy: "a pod always reaches itself".into() });
            }
            (from_pod, to_pod) => (
                from_pod.map(|pod| self.one_way(PolicyDirection::Egress, pod, to, to_pod, port)),
                to_pod.map(|pod| self.one_way(PolicyDirection::Ingress, pod, from, to_pod, port)),
            ),
        };
        let ways: Vec<DirectionRuling> = [egress, ingress].into_iter().flatten().collect();
        let allowed = ways.iter().all(|way| way.allowed);
        let decisive = ways.into_iter().filter(|way| way.allowed == allowed).map(|way| way.policy);
        Ok(Ruling { allowed, policy: decisive.collect::<Vec<_>>().join("; ") })
    }

    /// What the policies of `pod` say of one direction.
    fn one_way(
        &self,
        direction: PolicyDirection,
        pod: &Pod,
        peer: PolicyEndpoint<'_>,
        destination: Option<&Pod>,
        port: Port,
    ) -> DirectionRuling {
        let about =
            self.policies.iter().filter(|policy| policy.namespace == pod.namespace && policy.pods.matches(&pod.labels));
        let about: Vec<(&Policy, &[Rule])> =
            about.filter_map(|policy| Some((policy, policy.rules(direction)?))).collect();
        let word = direction.word();
        if about.is_empty() {
            return DirectionRuling { allowed: true, policy: format!("no policy is about {word} of {}", pod.label()) };
        }
        for (policy, rules) in &about {
            let allows = |rule: &Rule| {
                let is_peer = rule.peers.is_empty() || rule.peers.iter().any(|one| self.is_peer(one, policy, peer));
                is_peer && (rule.ports.is_empty() || rule.ports.iter().any(|range| holds(range, destination, port)))
            };
            if let Some(at) = rules.iter().position(allows) {
                return DirectionRuling { allowed: true, policy: format!("{} spec.{word}[{at}]", policy.label()) };
            }
        }
        let mut names: Vec<String> = about.iter().take(MOST_NAMED).map(|(policy, _)| policy.label()).collect();
        if about.len() > MOST_NAMED {
            names.push(format!("{} more", about.len() - MOST_NAMED));
        }
        DirectionRuling { allowed: false, policy: format!("{}: no {word} rule allows it", names.join(", ")) }
    }

    fn is_peer(&self, peer: &Peer, policy: &Policy, party: PolicyEndpoint<'_>) -> bool {
        match (peer, party.pod) {
            (Peer::Block { cidr, except }, _) => {
                cidr.contains(party.address) && !except.iter().any(|one| one.contains(party.address))
            }
            (Peer::Pods { .. }, None) => false,
            (Peer::Pods { namespaces, pods }, Some(pod)) => {
                let is_there = match namespaces {
                    None => pod.namespace == policy.namespace,
                    Some(selector) => {
                        self.namespaces.get(&pod.namespace).is_some_and(|labels| selector.matches(labels))
                    }
                };
                is_there && pods.matches(&pod.labels)
            }
        }
    }
}

/// What is said of one direction.
struct DirectionRuling {
    allowed: bool,
    policy: String,
}

fn holds(range: &PortRange, destination: Option<&Pod>, port: Port) -> bool {
    let fits = match &range.ports {
        Ports::All => true,
        Ports::Range(first, last) => (*first..=*last).contains(&port.number),
        // Outside of the cluster nobody names ports.
        Ports::Named(name) => {
            destination.is_some_and(|pod| pod.ports_named(name, range.protocol).any(|number| number == port.number))
        }
    };
    fits && range.protocol == port.protocol
}
