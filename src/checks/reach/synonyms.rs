//! What other tools call this family, its fields and its facts.

use crate::probe::Synonyms;

#[rustfmt::skip]
pub(super) const SYNONYMS: Synonyms = Synonyms {
    names: &[
        "reachability", "policy", "network_policy", "networkpolicy", "connectivity", "cyclonus", "netassert", "matrix_test", "acl", "firewall", "grid",
        "segmentation", "k8s_connectivity",
    ],
    fields: &[
        ("source", "from"), ("sources", "from"), ("src", "from"), ("clients", "from"), ("client", "from"), ("target", "to"), ("targets", "to"),
        ("dst", "to"), ("dest", "to"), ("destination", "to"), ("destinations", "to"), ("servers", "to"), ("host", "to"), ("hosts", "to"),
        ("port", "ports"), ("allowed", "allow"), ("permit", "allow"), ("ingress", "allow"), ("egress", "allow"), ("rules", "allow"),
        ("policy", "allow"), ("allow_list", "allow"), ("deny", "!everything that `allow` does not name must be denied"),
        ("denied", "!everything that `allow` does not name must be denied"), ("wait", "timeout"), ("policy_file", "allow_file"),
        ("network_policy", "network_policies"), ("policies", "network_policies"), ("pods", "network_policies"), ("namespaces", "network_policies"),
        ("manifests", "network_policies"),
    ],
    facts: &[
        ("state", "outcome"), ("status", "outcome"), ("result", "outcome"), ("reachable", "outcome"), ("connected", "outcome"), ("ip", "address"),
        ("latency", "connect_time.p95"),
    ],
    options: &[],
};
