//! What policies say of a small cluster, row by row as the documentation of Kubernetes has it, and what is refused.

mod refused;
mod rulings;

use super::{Cluster, PolicyEndpoint, Problem, Ruling, reader};
use crate::net::IpVersion;

const CLUSTER: &str = include_str!("cluster.yaml");

/// The cluster with these policies: each is a name behind its namespace, and a `spec`.
fn cluster(policies: &[(&str, &str)]) -> Result<Cluster, String> {
    let documents = policies.iter().map(|(label, spec)| policy(label, spec));
    let text = documents.collect::<Vec<_>>().join("\n---\n");
    let mut cluster = Cluster::default();
    cluster.add(reader::objects(CLUSTER)?)?;
    cluster.add(reader::objects(&text)?)?;
    Ok(cluster)
}

fn policy(label: &str, spec: &str) -> String {
    let (namespace, name) = label.split_once('/').unwrap();
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{namespace: {namespace}, name: {name}}}\nspec: {spec}"
    )
}

/// A pod by name, or somebody by address.
fn party<'c>(cluster: &'c Cluster, name: &str) -> Result<PolicyEndpoint<'c>, Problem> {
    match name.parse() {
        Ok(address) => cluster.at(address),
        Err(_) => cluster.pod(name, IpVersion::Any),
    }
}

/// What is said of `FROM > TO PROTOCOL/PORT`.
fn ruling(cluster: &Cluster, connection: &str) -> Result<Ruling, Problem> {
    let (from, rest) = connection.split_once(" > ").unwrap();
    let (to, port) = rest.split_once(' ').unwrap();
    let (protocol, number) = port.split_once('/').unwrap();
    let asked = match to.parse() {
        Ok(address) => cluster.destination(address)?,
        Err(_) => party(cluster, to)?,
    };
    cluster.ruling(party(cluster, from)?, asked, protocol == "udp", number.parse().unwrap())
}
