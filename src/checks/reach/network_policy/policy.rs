//! A NetworkPolicy with its defaults filled in, and everything in it checked as the API server does.

use super::objects::{
    IpBlock, LabelSelector, NetworkPolicy, PolicyPeer, PolicyPort, PolicyProtocol, PolicySpec, PolicyType, PortOrName,
};
use super::selector::Cidr;

/// One way of a connection, as seen from the pod that a policy selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PolicyDirection {
    Ingress,
    Egress,
}

impl PolicyDirection {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

#[derive(Debug)]
pub(super) struct Policy {
    pub(super) namespace: String,
    pub(super) name: String,
    /// The pods of its namespace that it is about.
    pub(super) pods: LabelSelector,
    /// `None` where it says nothing of that direction.
    ingress: Option<Vec<Rule>>,
    egress: Option<Vec<Rule>>,
}

/// What is allowed: any of the peers at any of the ports.
#[derive(Debug)]
pub(super) struct Rule {
    /// Everybody where there are none.
    pub(super) peers: Vec<Peer>,
    /// Every port where there are none.
    pub(super) ports: Vec<PortRange>,
}

#[derive(Debug)]
pub(super) enum Peer {
    Block {
        cidr: Cidr,
        except: Vec<Cidr>,
    },
    /// Without a selector of namespaces those of the policy's own.
    Pods {
        namespaces: Option<LabelSelector>,
        pods: LabelSelector,
    },
}

#[derive(Debug)]
pub(super) struct PortRange {
    pub(super) protocol: PolicyProtocol,
    pub(super) ports: Ports,
}

#[derive(Debug)]
pub(super) enum Ports {
    All,
    Range(u16, u16),
    /// As the destination's containers call one of theirs.
    Named(String),
}

/// What is wrong, behind the path to it.
type Wrong = (String, String);

impl Policy {
    pub(super) fn of(namespace: String, name: String, object: NetworkPolicy) -> Result<Self, Wrong> {
        let PolicySpec { pod_selector, policy_types, ingress, egress } = object.spec;
        pod_selector.validate().map_err(|wrong| below("spec.podSelector", wrong))?;
        // As the API server fills it in: ingress always, egress where there are rules for it.
        let speaks_of = |one: PolicyType| match (policy_types.is_empty(), one) {
            (false, one) => policy_types.contains(&one),
            (true, PolicyType::Ingress) => true,
            (true, PolicyType::Egress) => !egress.is_empty(),
        };
        let (of_ingress, of_egress) = (speaks_of(PolicyType::Ingress), speaks_of(PolicyType::Egress));
        let ingress = ingress.into_iter().map(|rule| (rule.from, rule.ports));
        let egress = egress.into_iter().map(|rule| (rule.to, rule.ports));
        let ingress = rules(("ingress", "from"), ingress)?;
        let egress = rules(("egress", "to"), egress)?;
        Ok(Self {
            namespace,
            name,
            pods: pod_selector,
            ingress: of_ingress.then_some(ingress),
            egress: of_egress.then_some(egress),
        })
    }

    /// The rules for a direction; `None` where it says nothing of it.
    pub(super) fn rules(&self, direction: PolicyDirection) -> Option<&[Rule]> {
        match direction {
            PolicyDirection::Ingress => self.ingress.as_deref(),
            PolicyDirection::Egress => self.egress.as_deref(),
        }
    }

    pub(super) fn rules_of_both(&self) -> impl Iterator<Item = &Rule> {
        self.ingress.iter().chain(&self.egress).flatten()
    }

    pub(super) fn label(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

fn below(path: &str, (rest, message): Wrong) -> Wrong {
    (format!("{path}{rest}"), message)
}

fn rules(
    (key, peers_key): (&str, &str),
    written: impl Iterator<Item = (Vec<PolicyPeer>, Vec<PolicyPort>)>,
) -> Result<Vec<Rule>, Wrong> {
    let mut out = Vec::new();
    for (at, (peers, ports)) in written.enumerate() {
        let peers = peers.into_iter().enumerate().map(|(number, one)| {
            peer(one).map_err(|wrong| below(&format!("spec.{key}[{at}].{peers_key}[{number}]"), wrong))
        });
        let ports = ports.into_iter().enumerate().map(|(number, one)| {
            port_range(one).map_err(|message| (format!("spec.{key}[{at}].ports[{number}]"), message))
        });
        out.push(Rule { peers: peers.collect::<Result<_, _>>()?, ports: ports.collect::<Result<_, _>>()? });
    }
    Ok(out)
}

fn peer(written: PolicyPeer) -> Result<Peer, Wrong> {
    let here = |message: &str| (String::new(), message.to_owned());
    match written {
        PolicyPeer { pod_selector: None, namespace_selector: None, ip_block: Some(block) } => self::block(&block),
        PolicyPeer { ip_block: Some(_), .. } => Err(here("`ipBlock` stands alone: no selector beside it")),
        PolicyPeer { pod_selector: None, namespace_selector: None, ip_block: None } => {
            Err(here("it names nobody; everybody is a rule without a list of peers"))
        }
        PolicyPeer { pod_selector, namespace_selector, ip_block: None } => {
            if let Some(pods) = &pod_selector {
                pods.validate().map_err(|wrong| below(".podSelector", wrong))?;
            }
            if let Some(namespaces) = &namespace_selector {
                namespaces.validate().map_err(|wrong| below(".namespaceSelector", wrong))?;
            }
            Ok(Peer::Pods { namespaces: namespace_selector, pods: pod_selector.unwrap_or_default() })
        }
    }
}

fn block(written: &IpBlock) -> Result<Peer, Wrong> {
    let parse = |path: String, text: &str| {
        Cidr::parse(text).ok_or((path, format!("`{text}` is no address block such as 192.0.2.0/24")))
    };
    let cidr = parse(".ipBlock.cidr".into(), &written.cidr)?;
    let mut except = Vec::new();
    for (at, text) in written.except.iter().enumerate() {
        let path = format!(".ipBlock.except[{at}]");
        let one = parse(path.clone(), text)?;
        if !cidr.is_wider_than(&one) {
            return Err((path, format!("`{text}` is no part of {}", written.cidr)));
        }
        except.push(one);
    }
    Ok(Peer::Block { cidr, except })
}

fn port_range(written: PolicyPort) -> Result<PortRange, String> {
    let PolicyPort { protocol, port, end_port } = written;
    let ports = match (port, end_port) {
        (None, None) => Ports::All,
        (Some(PortOrName::Number(0)), _) | (_, Some(0)) => return Err("port 0 is none".into()),
        (Some(PortOrName::Number(first)), end) => {
            let last = end.unwrap_or(first);
            if last < first {
                return Err(format!("`endPort: {last}` is below `port: {first}`"));
            }
            Ports::Range(first, last)
        }
        (_, Some(end)) => return Err(format!("`endPort: {end}` needs a number as `port`")),
        (Some(PortOrName::Name(name)), None) => {
            if !name.bytes().any(|byte| byte.is_ascii_alphabetic()) {
                return Err(format!("`port: \"{name}\"` is text, and no name of a port: a number has no quotes"));
            }
            Ports::Named(name)
        }
    };
    Ok(PortRange { protocol, ports })
}
