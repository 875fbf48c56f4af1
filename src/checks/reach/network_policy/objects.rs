//! Objects as the Kubernetes API writes them.
//!
//! The structs are our own, and not those of `k8s-openapi`: these pass over fields that they do not know, so that a rule with a
//! misspelt or newer field would allow more than it says; and they are all of the API for three of its kinds.

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, IgnoredAny};

/// Labels of an object.
pub(super) type Labels = BTreeMap<String, String>;

/// What stands beside each object; it may have anything else.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct ObjectMeta {
    pub(super) name: Option<String>,
    pub(super) namespace: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) labels: Labels,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NetworkPolicy {
    #[serde(rename = "apiVersion")]
    _api_version: Option<IgnoredAny>,
    #[serde(rename = "kind")]
    _kind: Option<IgnoredAny>,
    #[serde(rename = "metadata")]
    _metadata: Option<IgnoredAny>,
    #[serde(rename = "status")]
    _status: Option<IgnoredAny>,
    pub(super) spec: PolicySpec,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "the `spec` of a NetworkPolicy")]
pub(super) struct PolicySpec {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) pod_selector: LabelSelector,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) policy_types: Vec<PolicyType>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) ingress: Vec<IngressRule>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) egress: Vec<EgressRule>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
pub(super) enum PolicyType {
    Ingress,
    Egress,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a rule (`from`, `ports`)")]
pub(super) struct IngressRule {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) from: Vec<PolicyPeer>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) ports: Vec<PolicyPort>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a rule (`to`, `ports`)")]
pub(super) struct EgressRule {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) to: Vec<PolicyPeer>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) ports: Vec<PolicyPort>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    expecting = "a peer (`podSelector`, `namespaceSelector`, `ipBlock`)"
)]
pub(super) struct PolicyPeer {
    pub(super) pod_selector: Option<LabelSelector>,
    pub(super) namespace_selector: Option<LabelSelector>,
    pub(super) ip_block: Option<IpBlock>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an `ipBlock` (`cidr`, `except`)")]
pub(super) struct IpBlock {
    pub(super) cidr: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) except: Vec<String>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a port (`protocol`, `port`, `endPort`)")]
pub(super) struct PolicyPort {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) protocol: PolicyProtocol,
    pub(super) port: Option<PortOrName>,
    pub(super) end_port: Option<u16>,
}

/// Protocols of ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum PolicyProtocol {
    #[default]
    Tcp,
    Udp,
    Sctp,
}

#[derive(Debug, serde::Deserialize)]
#[serde(untagged, expecting = "a port must be a number (1 to 65535) or the name of one")]
pub(super) enum PortOrName {
    Number(u16),
    Name(String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a selector (`matchLabels`, `matchExpressions`)")]
pub(super) struct LabelSelector {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) match_labels: Labels,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) match_expressions: Vec<LabelRequirement>,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an expression (`key`, `operator`, `values`)")]
pub(super) struct LabelRequirement {
    pub(super) key: String,
    pub(super) operator: LabelOperator,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
pub(super) enum LabelOperator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

/// Of a pod only what a policy asks; it may have anything else.
#[derive(Debug, serde::Deserialize)]
pub(super) struct PodObject {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) spec: PodSpec,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) status: PodStatus,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodSpec {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) host_network: bool,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) containers: Vec<Container>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) init_containers: Vec<Container>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Container {
    /// `Always` makes of an init container one that runs beside the others.
    pub(super) restart_policy: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) ports: Vec<ContainerPort>,
}

#[derive(Clone, Debug, serde::Deserialize)]
pub(super) struct ContainerPort {
    pub(super) name: Option<String>,
    #[serde(rename = "containerPort")]
    pub(super) number: u16,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) protocol: PolicyProtocol,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodStatus {
    pub(super) phase: Option<String>,
    #[serde(rename = "podIP")]
    pub(super) pod_ip: Option<String>,
    #[serde(default, rename = "podIPs", deserialize_with = "nullable")]
    pub(super) pod_ips: Vec<IpEntry>,
    #[serde(rename = "hostIP")]
    pub(super) host_ip: Option<String>,
    #[serde(default, rename = "hostIPs", deserialize_with = "nullable")]
    pub(super) host_ips: Vec<IpEntry>,
}

/// Of a Service only its addresses: no NetworkPolicy is about them.
#[derive(Debug, serde::Deserialize)]
pub(super) struct ServiceObject {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) spec: ServiceSpec,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) status: ServiceStatus,
}

#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct ServiceSpec {
    /// `None` where it has no address of its own.
    #[serde(rename = "clusterIP")]
    pub(super) cluster_ip: Option<String>,
    #[serde(default, rename = "clusterIPs", deserialize_with = "nullable")]
    pub(super) cluster_ips: Vec<String>,
    #[serde(default, rename = "externalIPs", deserialize_with = "nullable")]
    pub(super) external_ips: Vec<String>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServiceStatus {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) load_balancer: LoadBalancer,
}

#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct LoadBalancer {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) ingress: Vec<LoadBalancerIngress>,
}

/// It may have a name in place of an address.
#[derive(Debug, serde::Deserialize)]
pub(super) struct LoadBalancerIngress {
    pub(super) ip: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct IpEntry {
    pub(super) ip: String,
}

/// `null` is what is left out, as the API server reads it.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
