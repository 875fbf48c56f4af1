//! A grid whose sources and destinations are pods of a cluster, or addresses beside it, and whose policy are its NetworkPolicies.

use super::fields::{
    ADDRESS, ALLOW, ALLOW_FILE, FROM, HOST, NAME, NETWORK_POLICIES, POD, Protocol, TO, TO_NAME, TO_POD,
};
use super::grid::{Destination, Port, SELF, Source};
use super::network_policy::{Cluster, PolicyEndpoint, Problem, Ruling};
use crate::checks::shared::target::IP_VERSION;
use crate::model::{Arg, Args, Field, Invalid};

/// The cluster that the files of a check tell of; `None` where it names none.
pub(super) fn cluster(
    args: &Args,
    sources: &[Source],
    destinations: &[Destination],
) -> Result<Option<Cluster>, Invalid> {
    let files = args.get(&NETWORK_POLICIES);
    if files.is_empty() {
        let help =
            "name the files that say which pods there are in `network_policies`, or give its address in place of `pod`";
        let of_pod = |pod: &String| format!("`pod: {pod}` needs `network_policies`");
        if let Some(pod) = sources.iter().find_map(|source| source.pod.as_ref()) {
            return Err(FROM.invalid(of_pod(pod), help));
        }
        return match destinations.iter().find_map(|destination| destination.pod.as_ref()) {
            Some(pod) => Err(TO.invalid(of_pod(pod), help)),
            None => Ok(None),
        };
    }
    if args.given(&ALLOW) || args.given(&ALLOW_FILE) {
        let message = "`network_policies` and rows of `allow` both say who may reach whom";
        return Err(
            NETWORK_POLICIES.invalid(message, "keep one of them; what beside it is to hold is a check of its own")
        );
    }
    let found = Cluster::of_files(&files);
    found.map(Some).map_err(|(message, help)| NETWORK_POLICIES.invalid(message, help))
}

/// Who of a cluster the sources and destinations of a grid are.
pub(super) struct GridEndpoints<'c> {
    cluster: &'c Cluster,
    from: Vec<PolicyEndpoint<'c>>,
    to: Vec<PolicyEndpoint<'c>>,
}

impl<'c> GridEndpoints<'c> {
    /// Finds them, and gives those that are named as pods their address.
    pub(super) fn of(
        cluster: &'c Cluster,
        args: &Args,
        sources: &mut [Source],
        destinations: &mut [Destination],
    ) -> Result<Self, Invalid> {
        let version = args.get(&IP_VERSION);
        let (mut from, mut to) = (Vec::new(), Vec::new());
        for source in sources {
            let found = match (&source.pod, source.address) {
                (Some(pod), _) => cluster.pod(pod, version),
                (None, Some(address)) => cluster.at(address),
                (None, None) => {
                    Err((format!("who `{}` is for the policies is not known", source.name), WHO.to_owned()))
                }
            };
            let party = found.map_err(|problem| invalid(&FROM, problem))?;
            source.address = Some(party.address);
            from.push(party);
        }
        for destination in destinations {
            let found = match (&destination.pod, destination.host.parse()) {
                (Some(pod), _) => cluster.pod(pod, version),
                (None, Ok(address)) => cluster.destination(address),
                (None, Err(_)) => {
                    let message =
                        format!("`{}` is a name, and policies are about pods and addresses", destination.host);
                    Err((message, "write `{pod: NAMESPACE/POD}`, or its address".to_owned()))
                }
            };
            let party = found.map_err(|problem| invalid(&TO, problem))?;
            destination.host = party.address.to_string();
            to.push(party);
        }
        Ok(Self { cluster, from, to })
    }

    /// What the policies say of a cell.
    pub(super) fn ruling(&self, at_from: usize, at_to: usize, port: Port) -> Result<Ruling, Invalid> {
        let (Some(from), Some(to)) = (self.from.get(at_from), self.to.get(at_to)) else {
            return Err(FROM.invalid("a cell of no source and destination", ""));
        };
        let ruling = self.cluster.ruling(*from, *to, port.protocol == Protocol::Udp, port.number);
        ruling.map_err(|problem| invalid(&TO, problem))
    }
}

const WHO: &str = "write `{pod: NAMESPACE/POD}`, or `{source: ADDRESS}`, with `netns` where it is in a network namespace; `self` has many addresses";

fn invalid(field: &Field<Vec<Args>>, (message, help): Problem) -> Invalid {
    field.invalid(message, help)
}

/// The entry of `from` of one cell: with the address in place of the pod.
pub(super) fn pinned_source(entry: Arg, source: &Source) -> Arg {
    let address = source.address.map(|address| address.to_string());
    pinned(entry, (POD.name(), NAME.name(), &source.name), (ADDRESS.name(), address.unwrap_or_else(|| SELF.to_owned())))
}

/// The same of `to`.
pub(super) fn pinned_destination(entry: Arg, destination: &Destination) -> Arg {
    pinned(entry, (TO_POD.name(), TO_NAME.name(), &destination.name), (HOST.name(), destination.host.clone()))
}

fn pinned(
    entry: Arg,
    (pod_key, name_key, name): (&'static str, &'static str, &str),
    (key, address): (&'static str, String),
) -> Arg {
    let Arg::Group(mut group) = entry else { return entry };
    if group.0.remove(pod_key).is_some() {
        group.0.insert(name_key, Arg::Text(name.into()));
        group.0.insert(key, Arg::Text(address.into()));
    }
    Arg::Group(group)
}
