//! The pods and namespaces of a cluster, and who of a grid is which of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::objects::{ContainerPort, Labels, PodObject, PolicyProtocol, ServiceObject};
use super::policy::{Policy, Ports};
use super::reader::ClusterObject;
use crate::model::suggest::suggest;
use crate::net::IpVersion;

/// Everything that files say of a cluster.
#[derive(Debug, Default)]
pub(in super::super) struct Cluster {
    pub(super) policies: Vec<Policy>,
    pub(super) pods: Vec<Pod>,
    services: Vec<Service>,
    /// With their labels.
    pub(super) namespaces: BTreeMap<String, Labels>,
    /// Kinds and names of all of them.
    known: BTreeSet<String>,
}

/// A pod.
#[derive(Debug)]
pub(super) struct Pod {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) labels: Labels,
    ports: Vec<ContainerPort>,
    /// Ports of init containers that keep running: whether a policy can name them differs from plugin to plugin.
    sidecar_ports: Vec<ContainerPort>,
    addresses: Vec<IpAddr>,
    /// Addresses of its node.
    node: Vec<IpAddr>,
    is_in_host_network: bool,
    phase: Option<String>,
}

/// A Service. What is sent to one of its addresses arrives at some pod behind it, under that pod's address.
#[derive(Debug)]
pub(super) struct Service {
    label: String,
    addresses: Vec<IpAddr>,
}

/// Who takes part in a connection.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct PolicyEndpoint<'c> {
    /// `None` outside of the cluster, where only address blocks hold.
    pub(super) pod: Option<&'c Pod>,
    pub(in super::super) address: IpAddr,
}

/// The message, and what to write.
pub(in super::super) type Problem = (String, String);

impl Pod {
    pub(super) fn of(namespace: String, name: String, labels: Labels, object: PodObject) -> Result<Self, String> {
        let PodObject { spec, status } = object;
        let own = status.pod_ip.into_iter().chain(status.pod_ips.into_iter().map(|one| one.ip));
        let node = status.host_ip.into_iter().chain(status.host_ips.into_iter().map(|one| one.ip));
        let sidecars = spec.init_containers.into_iter().filter(|one| one.restart_policy.as_deref() == Some("Always"));
        Ok(Self {
            namespace,
            name,
            labels,
            ports: spec.containers.into_iter().flat_map(|container| container.ports).collect(),
            sidecar_ports: sidecars.flat_map(|container| container.ports).collect(),
            addresses: addresses(own)?,
            node: addresses(node)?,
            is_in_host_network: spec.host_network,
            phase: status.phase,
        })
    }

    pub(super) fn label(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Whether it has an address of its own, which is no other's.
    fn is_running(&self) -> bool {
        self.phase.as_deref().is_none_or(|phase| phase == "Running")
    }

    fn not_running(&self) -> String {
        format!("it is {}, not Running", self.phase.as_deref().unwrap_or_default())
    }

    /// The ports that its containers call so.
    pub(super) fn ports_named<'p>(&'p self, name: &'p str, protocol: PolicyProtocol) -> impl Iterator<Item = u16> + 'p {
        self.ports.iter().filter(move |port| is_named(port, name, protocol)).map(|port| port.number)
    }
}

impl Service {
    pub(super) fn of(label: String, object: ServiceObject) -> Result<Self, String> {
        let ServiceObject { spec, status } = object;
        let own = spec.cluster_ip.into_iter().chain(spec.cluster_ips).filter(|text| text != "None");
        let balanced = status.load_balancer.ingress.into_iter().filter_map(|ingress| ingress.ip);
        Ok(Self { label, addresses: addresses(own.chain(spec.external_ips).chain(balanced))? })
    }
}

fn is_named(port: &ContainerPort, name: &str, protocol: PolicyProtocol) -> bool {
    port.name.as_deref() == Some(name) && port.protocol == protocol
}

/// Each once, in the order written.
fn addresses(texts: impl Iterator<Item = String>) -> Result<Vec<IpAddr>, String> {
    let mut out = Vec::new();
    for text in texts.filter(|text| !text.is_empty()) {
        let address = text.parse().map_err(|_| format!("`{text}` is no address"))?;
        if !out.contains(&address) {
            out.push(address);
        }
    }
    Ok(out)
}

impl Cluster {
    /// Takes in the objects of a file; `Err` says which of them was there already.
    pub(super) fn add(&mut self, objects: Vec<ClusterObject>) -> Result<(), String> {
        for object in objects {
            let label = match &object {
                ClusterObject::Policy(policy) => format!("NetworkPolicy {}", policy.label()),
                ClusterObject::Pod(pod) => format!("Pod {}", pod.label()),
                ClusterObject::Service(service) => format!("Service {}", service.label),
                ClusterObject::Namespace { name, .. } => format!("Namespace {name}"),
            };
            if self.known.contains(&label) {
                return Err(format!("{label} is there twice"));
            }
            self.known.insert(label);
            match object {
                ClusterObject::Policy(policy) => self.policies.push(policy),
                ClusterObject::Pod(pod) => self.pods.push(pod),
                ClusterObject::Service(service) => self.services.push(service),
                ClusterObject::Namespace { name, mut labels } => {
                    // The API server sets it, and nobody can change it.
                    labels.insert("kubernetes.io/metadata.name".into(), name.clone());
                    self.namespaces.insert(name, labels);
                }
            }
        }
        Ok(())
    }

    /// What is missing for an answer.
    pub(super) fn missing(&self) -> Option<&'static str> {
        let kinds =
            [(self.policies.len(), "NetworkPolicy"), (self.pods.len(), "Pod"), (self.namespaces.len(), "Namespace")];
        kinds.into_iter().find(|(count, _)| *count == 0).map(|(_, kind)| kind)
    }

    /// The pod `NAMESPACE/NAME`, at its address of an IP version.
    pub(in super::super) fn pod(&self, label: &str, version: IpVersion) -> Result<PolicyEndpoint<'_>, Problem> {
        let Some(pod) = self.pods.iter().find(|pod| pod.label() == label) else {
            let names: Vec<String> = self.pods.iter().map(Pod::label).collect();
            let help = suggest(label, names.iter().map(String::as_str));
            return Err((format!("there is no pod `{label}` in the files"), help));
        };
        let fits = |address: &&IpAddr| version.admits(**address);
        let address = pod.addresses.iter().find(fits);
        let why = match address {
            _ if !pod.is_running() => pod.not_running(),
            None if pod.addresses.is_empty() => "it has no address".to_owned(),
            None => "it has no address of that IP version".to_owned(),
            Some(address) => return self.checked(pod, *address),
        };
        Err((format!("pod {label} cannot be asked: {why}"), WRITE_ANEW.into()))
    }

    /// Who is asked at an address: as [`Self::at`], but for the address of a Service, which is nobody's.
    pub(in super::super) fn destination(&self, address: IpAddr) -> Result<PolicyEndpoint<'_>, Problem> {
        let endpoint = self.at(address)?;
        if endpoint.pod.is_some() {
            return Ok(endpoint);
        }
        if let Some(service) = self.services.iter().find(|service| service.addresses.contains(&address)) {
            let message = format!(
                "{address} is of Service {}: a NetworkPolicy is about the pods behind it, and whether it sees this address is not defined",
                service.label
            );
            return Err((message, "name a pod behind it: `{pod: NAMESPACE/POD}`".into()));
        }
        // Every cluster has one.
        if self.services.is_empty() {
            let message = format!("whether {address} is of a Service is not known: the files hold none");
            return Err((message, WRITE_ANEW.into()));
        }
        Ok(endpoint)
    }

    /// Who has an address: a pod, or somebody outside of the cluster.
    pub(in super::super) fn at(&self, address: IpAddr) -> Result<PolicyEndpoint<'_>, Problem> {
        let has_it = |pod: &&Pod| pod.addresses.contains(&address);
        if let Some(pod) = self.pods.iter().filter(has_it).find(|pod| pod.is_running()) {
            return self.checked(pod, address);
        }
        if let Some(pod) = self.pods.iter().find(|pod| pod.node.contains(&address)) {
            return Err(of_a_node(address, &pod.label()));
        }
        // It may be nobody's by now, or another's.
        match self.pods.iter().find(has_it) {
            Some(pod) => {
                Err((format!("{address} is of pod {}: {}", pod.label(), pod.not_running()), WRITE_ANEW.into()))
            }
            None => Ok(PolicyEndpoint { pod: None, address }),
        }
    }

    /// A pod of which all is known that its policies ask.
    fn checked<'c>(&'c self, pod: &'c Pod, address: IpAddr) -> Result<PolicyEndpoint<'c>, Problem> {
        if pod.is_in_host_network || pod.node.contains(&address) {
            return Err(of_a_node(address, &pod.label()));
        }
        let is_other = |other: &&Pod| !std::ptr::eq(*other, pod) && other.addresses.contains(&address);
        if let Some(other) = self.pods.iter().filter(is_other).find(|other| other.is_running()) {
            let message = format!("{address} is of two pods: {} and {}", pod.label(), other.label());
            return Err((message, WRITE_ANEW.into()));
        }
        if !self.namespaces.contains_key(&pod.namespace) {
            let message = format!(
                "the labels of namespace {}, in which pod {} is, are not in the files",
                pod.namespace,
                pod.label()
            );
            return Err((message, WRITE_ANEW.into()));
        }
        let ranges = self.policies.iter().flat_map(Policy::rules_of_both).flat_map(|rule| &rule.ports);
        for range in ranges {
            let Ports::Named(name) = &range.ports else { continue };
            let of_sidecar = pod.sidecar_ports.iter().any(|port| is_named(port, name, range.protocol));
            if of_sidecar {
                let message = format!(
                    "a policy names port `{name}`, which is one of an init container of pod {}: plugins differ in whether that counts",
                    pod.label()
                );
                return Err((message, "write the number of the port in the policy".into()));
            }
        }
        Ok(PolicyEndpoint { pod: Some(pod), address })
    }
}

/// How to make files in which nothing is missing.
pub(super) const WRITE_ANEW: &str = "write the file anew, with all of it: `kubectl get networkpolicies,pods,namespaces,services -A -o json > cluster.json`";

fn of_a_node(address: IpAddr, pod: &str) -> Problem {
    let message = format!(
        "{address} is an address of a node (seen at pod {pod}): what a NetworkPolicy means for nodes, and for pods in their network, is not defined"
    );
    (message, "take it out, and write what is to hold for it in a check of its own, with `allow`".into())
}
