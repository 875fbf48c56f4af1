//! Kubernetes NetworkPolicies (networking.k8s.io/v1) as a table of who may reach whom, by the files that `kubectl get` writes.
//! What they cannot say, or what is not understood of them, is an error: nothing is passed over.

mod cluster;
mod objects;
mod policy;
mod reader;
mod ruling;
mod selector;
#[cfg(test)]
mod tests;
mod yaml;

pub(super) use cluster::{Cluster, PolicyEndpoint, Problem};
pub(super) use ruling::Ruling;

use crate::model::Text;
use crate::net::bytes::of_file;

/// How a policy is written that is understood.
const WRITE: &str = "write it as the API server does: `kubectl get networkpolicies,pods,namespaces,services -A -o json > cluster.json`; \
                     what other kinds allow goes into rows of `allow`, in a check of its own";

impl Cluster {
    /// Everything that these files say of a cluster.
    pub(super) fn of_files(paths: &[Text]) -> Result<Self, Problem> {
        let mut cluster = Self::default();
        for path in paths {
            let bytes = of_file(path, reader::MOST_BYTES).map_err(|why| (why, WRITE.to_owned()))?;
            let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned());
            let added = text.and_then(|text| reader::objects(&text)).and_then(|objects| cluster.add(objects));
            added.map_err(|why| (format!("{}: {why}", path.shown()), WRITE.to_owned()))?;
        }
        match cluster.missing() {
            None => Ok(cluster),
            Some(kind) => {
                let message = format!("the files hold no {kind}, and without it nobody knows who may reach whom");
                Err((message, cluster::WRITE_ANEW.to_owned()))
            }
        }
    }
}

/// For the fuzzer: whatever a file holds is objects of Kubernetes, or refused.
#[cfg(feature = "fuzzing")]
pub fn fuzz_policies(text: &str) {
    use crate::net::IpVersion;

    let Ok(objects) = reader::objects(text) else { return };
    let mut cluster = Cluster::default();
    if cluster.add(objects).is_err() {
        return;
    }
    let outside = cluster.at(std::net::Ipv4Addr::new(192, 0, 2, 1).into());
    let pods = cluster.pods.iter().filter_map(|pod| cluster.pod(&pod.label(), IpVersion::Any).ok());
    let pods: Vec<_> = pods.take(8).collect();
    for from in pods.iter().chain(&outside) {
        for to in &pods {
            for is_udp in [false, true] {
                assert!(cluster.ruling(*from, *to, is_udp, 53).is_ok_and(|ruling| !ruling.policy.is_empty()));
            }
        }
    }
}
