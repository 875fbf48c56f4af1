//! What is not understood, or not defined, is an error that names it.

use super::super::{Cluster, reader};
use super::{cluster, party, policy, ruling};
use crate::model::Text;

/// What is wrong with a policy of this `spec`.
fn error(spec: &str) -> String {
    cluster(&[("shop/p", spec)]).err().unwrap_or_else(|| panic!("no error: {spec}"))
}

#[test]
fn a_policy_that_is_not_understood_is_refused_with_the_place() {
    for (spec, told) in [
        ("{podSelctor: {}}", "spec.podSelctor: unknown field `podSelctor`"),
        ("{ingress: [{form: []}]}", "spec.ingress[0].form: unknown field"),
        ("{ingress: [{}, {to: []}]}", "spec.ingress[1].to: unknown field"),
        ("{egress: [{to: [{}, {podSelector: {}}]}]}", "spec.egress[0].to[0]: it names nobody"),
        ("{ingress: [{from: [{serviceAccount: x}]}]}", "spec.ingress[0].from[0].serviceAccount: unknown field"),
        ("{ingress: [~]}", "spec.ingress[0]: invalid type: null, expected a rule"),
        ("{ingress: {}}", "spec.ingress: invalid type: map"),
        (
            "{ingress: [{from: [{podSelector: {matchLabels: {app: yes}}}]}]}",
            "spec.ingress[0].from[0].podSelector.matchLabels.app: invalid type: boolean `true`",
        ),
        (
            "{podSelector: {matchExpressions: [{key: a, operator: in, values: [b]}]}}",
            "matchExpressions[0].operator: unknown variant `in`",
        ),
        (
            "{podSelector: {matchExpressions: [{key: a, operator: Gt, values: ['1']}]}}",
            "matchExpressions[0].operator: unknown variant `Gt`",
        ),
        (
            "{podSelector: {matchExpressions: [{key: a, operator: In}]}}",
            "spec.podSelector.matchExpressions[0]: `operator: In` needs `values`",
        ),
        (
            "{podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}",
            "`operator: Exists` has no `values`",
        ),
        (
            "{ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: a, operator: NotIn}]}}]}]}",
            "spec.ingress[0].from[0].namespaceSelector.matchExpressions[0]",
        ),
        (
            "{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}]}",
            "spec.ingress[0].from[0]: `ipBlock` stands alone",
        ),
        (
            "{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0}}]}]}",
            "spec.ingress[0].from[0].ipBlock.cidr: `10.0.0.0` is no address block",
        ),
        (
            "{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}]}]}",
            "ipBlock.except[0]: `11.0.0.0/16` is no part of 10.0.0.0/8",
        ),
        ("{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]}]}", "is no part of"),
        ("{ingress: [{ports: [{port: 0}]}]}", "spec.ingress[0].ports[0]: port 0 is none"),
        ("{ingress: [{ports: [{port: 65536}]}]}", "spec.ingress[0].ports[0].port: a port must be a number"),
        ("{ingress: [{ports: [{port: '80'}]}]}", "`port: \"80\"` is text"),
        ("{ingress: [{ports: [{port: 90, endPort: 80}]}]}", "`endPort: 80` is below `port: 90`"),
        ("{ingress: [{ports: [{port: http, endPort: 80}]}]}", "`endPort: 80` needs a number as `port`"),
        ("{ingress: [{ports: [{endPort: 80}]}]}", "`endPort: 80` needs a number as `port`"),
        ("{ingress: [{ports: [{protocol: ICMP}]}]}", "spec.ingress[0].ports[0].protocol: unknown variant `ICMP`"),
        ("{ingress: [{ports: [{protocol: tcp}]}]}", "unknown variant `tcp`"),
        ("{policyTypes: [ingress]}", "spec.policyTypes[0]: unknown variant `ingress`"),
        ("{podSelector: {}, podSelector: {}}", "it is no YAML that can be read"),
        ("~", "spec: invalid type: null"),
    ] {
        let found = error(spec);
        assert!(found.contains(told), "{spec}: {found}");
        assert!(found.contains("NetworkPolicy shop/p") || found.contains("no YAML"), "{spec}: {found}");
    }
}

#[test]
fn only_four_kinds_are_understood_and_each_in_its_version() {
    for (text, told) in [
        (
            "{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: l7, namespace: shop}}",
            "CiliumNetworkPolicy shop/l7 (cilium.io/v2) is neither NetworkPolicy nor Pod, Namespace or Service",
        ),
        (
            "{apiVersion: policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {name: all}}",
            "AdminNetworkPolicy all (policy",
        ),
        (
            "{apiVersion: projectcalico.org/v3, kind: NetworkPolicy, metadata: {name: c, namespace: shop}, spec: {}}",
            "NetworkPolicy shop/c is of apiVersion projectcalico.org/v3, and what is understood is networking.k8s.io/v1",
        ),
        (
            "{apiVersion: extensions/v1beta1, kind: NetworkPolicy, metadata: {name: c, namespace: shop}, spec: {}}",
            "extensions/v1beta1",
        ),
        (
            "{apiVersion: v1, kind: Endpoints, metadata: {name: db, namespace: shop}}",
            "Endpoints shop/db (v1) is neither",
        ),
        (
            "{apiVersion: v1, kind: Service, metadata: {name: db, namespace: shop}, spec: {clusterIP: ten}}",
            "Service shop/db: `ten` is no address",
        ),
        ("{kind: Pod, metadata: {name: a, namespace: b}}", "Pod b/a is of apiVersion (none)"),
        (
            "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}, spec: {}}",
            "NetworkPolicy p has no `metadata.namespace`",
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {namespace: a, generateName: x}}",
            "Pod of document 1 has no `metadata.name`",
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {namespace: a, name: b, labels: {x: 5}}}",
            "metadata.labels.x: invalid type: number",
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {namespace: a, name: b}, status: {podIP: ten}}",
            "Pod a/b: `ten` is no address",
        ),
        ("{a: b}", "document 1 has no `kind`"),
        ("[]", "document 1 has no `kind`"),
        ("{apiVersion: v1, kind: List, items: [{}]}", "item 1 of document 1 has no `kind`"),
        ("{apiVersion: v1, kind: Pod, items: []}", "it has `items`, and is no list"),
        ("{apiVersion: v1, kind: PodList, metadata: {continue: abc}, items: []}", "it is a part of a list"),
        (
            "{apiVersion: extensions/v1beta1, kind: NetworkPolicyList, items: [{metadata: {name: a, namespace: b}, spec: {}}]}",
            "NetworkPolicy b/a is of apiVersion extensions/v1beta1",
        ),
        ("{apiVersion: !env v1, kind: Pod}", "no YAML"),
    ] {
        let yaml = format!("# {told}\n{text}");
        let found = reader::objects(&yaml).err().unwrap_or_else(|| panic!("no error: {text}"));
        assert!(found.contains(told), "{text}: {found}");
    }
    let twice = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "name": "b"}}"#;
    assert!(reader::objects(twice).unwrap_err().contains("key `name` is written twice"), "in JSON as well");
    let items = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicyList, metadata: {continue: ''}, items: [{metadata: {name: a, namespace: b}, spec: {}}]}";
    assert_eq!(reader::objects(&format!("# yaml\n{items}")).unwrap().len(), 1, "as the API itself sends lists");
    assert!(reader::objects("{\"apiVersion\": \"v1\", \"kind\": \"PodList\", \"items\": null}").unwrap().is_empty());
}

#[test]
fn json_and_yaml_of_many_documents_are_read_alike() {
    let yaml = policy("shop/p", "{podSelector: {}}");
    let json = r#"{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"namespace": "shop", "name": "q"}, "spec": {"podSelector": {}}}"#;
    assert_eq!(
        reader::objects(&format!("---\n{yaml}\n---\n# none\n---\n{}", yaml.replace("name: p", "name: r")))
            .unwrap()
            .len(),
        2
    );
    assert_eq!(reader::objects(&format!("{json}\n{}", json.replace("\"q\"", "\"r\""))).unwrap().len(), 2);
    let aliases = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f]\n";
    assert!(reader::objects(aliases).unwrap_err().contains("no YAML that can be read"));
    assert!(reader::objects(&"[".repeat(200)).unwrap_err().contains("no YAML"));
    assert!(reader::objects(&"{\"a\":".repeat(200)).unwrap_err().contains("no JSON"));
}

#[test]
fn who_is_no_pod_with_an_address_of_its_own_is_refused() {
    let cluster = cluster(&[("shop/p", "{ingress: [{ports: [{port: proxy}]}]}")]).unwrap();
    for (who, told) in [
        ("ops/agent", "192.0.2.1 is an address of a node"),
        ("192.0.2.1", "192.0.2.1 is an address of a node"),
        ("shop/job-1", "pod shop/job-1 cannot be asked: it is Succeeded, not Running"),
        ("shop/job-2", "it is Pending, not Running"),
        ("10.244.1.40", "10.244.1.40 is of pod shop/job-3: it is Pending, not Running"),
        ("shop/web-9", "there is no pod `shop/web-9`"),
        ("10.244.1.30", "10.244.1.30 is of two pods: shop/twin-0 and shop/twin-1"),
        ("shop/twin-1", "10.244.1.30 is of two pods: shop/twin-1 and shop/twin-0"),
        ("unlisted/lost", "the labels of namespace unlisted, in which pod unlisted/lost is"),
        ("shop/sidecar-0", "a policy names port `proxy`, which is one of an init container"),
    ] {
        let (message, help) = party(&cluster, who).err().unwrap_or_else(|| panic!("no error: {who}"));
        assert!(message.contains(told) && !help.is_empty(), "{who}: {message}");
    }
    let (_, help) = party(&cluster, "shop/web-1").unwrap_err();
    assert_eq!(help, "did you mean `shop/web-0`?");
    let (message, _) = ruling(&cluster, "203.0.113.5 > 203.0.113.6 tcp/1").unwrap_err();
    assert!(message.contains("no NetworkPolicy is about them"), "{message}");
    let six = cluster.pod("shop/db-0", crate::net::IpVersion::V6).unwrap_err();
    assert!(six.0.contains("no address of that IP version"), "{six:?}");
}

/// What is sent to a Service arrives under the address of a pod, so that no rule about the Service's address holds.
#[test]
fn the_address_of_a_service_is_nobodys() {
    let cluster = cluster(&[("shop/p", "{egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}")]).unwrap();
    for address in ["10.96.0.10", "fd00:96::a", "198.51.100.80", "198.51.100.81"] {
        let (message, help) = ruling(&cluster, &format!("shop/web-0 > {address} tcp/80")).unwrap_err();
        assert!(message.contains("is of Service shop/api") && help.contains("pod:"), "{message}");
    }
    assert!(ruling(&cluster, "shop/web-0 > 203.0.113.5 tcp/80").unwrap().allowed);
    let mut none = Cluster::default();
    let text = super::CLUSTER.lines().filter(|line| !line.contains("kind: Service")).collect::<Vec<_>>().join("\n");
    none.add(reader::objects(&text).unwrap()).unwrap();
    let (message, help) = ruling(&none, "shop/web-0 > 203.0.113.5 tcp/80").unwrap_err();
    assert!(
        message.contains("whether 203.0.113.5 is of a Service is not known") && help.contains("services"),
        "{help}"
    );
    assert!(ruling(&none, "203.0.113.5 > shop/web-0 tcp/80").is_ok(), "nobody sends from such an address");
}

#[test]
fn files_are_told_by_name_and_nothing_may_be_missing() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Text::from(path.display().to_string())
    };
    let pods = file("pods.yaml", super::CLUSTER);
    let policies = file("p.yaml", &policy("shop/p", "{}"));
    assert!(Cluster::of_files(&[policies.clone(), pods.clone()]).is_ok());
    for (files, told) in [
        (vec![policies.clone()], "the files hold no Pod"),
        (vec![pods.clone()], "the files hold no NetworkPolicy"),
        (vec![pods.clone(), policies.clone(), policies.clone()], "p.yaml: NetworkPolicy shop/p is there twice"),
        (vec![pods.clone(), pods], "pods.yaml: Namespace shop is there twice"),
        (
            vec![file("bad.yaml", &policy("shop/p", "{x: 1}"))],
            "bad.yaml: NetworkPolicy shop/p: spec.x: unknown field `x`",
        ),
        (vec![Text::from("/nowhere/x.yaml")], "cannot read /nowhere/x.yaml"),
    ] {
        let (message, help) = Cluster::of_files(&files).unwrap_err();
        assert!(message.contains(told) && !help.is_empty(), "{message}");
    }
}
