//! The same networks as pods of a cluster: what its NetworkPolicies say is what nft on the router does, and where a rule of it is
//! missing, or one too many, that cell is named, with the policy.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{ALLOW, Cell, HOSTS, Lab, PORTS, ids};

/// Who may reach whom, in the words of Kubernetes: the namespace of each policy, its name and its `spec`. [`ALLOW`] has it as rows.
const POLICIES: [(&str, &str, &str); 8] = [
    ("shop", "deny-all", "{podSelector: {}, policyTypes: [Ingress]}"),
    (
        "admin",
        "ops-in",
        "{podSelector: {matchLabels: {app: ops}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: shop}}, podSelector: {matchExpressions: [{key: app, operator: In, values: [log, app]}]}}], ports: [{port: 80}]}]}",
    ),
    (
        "shop",
        "web-in",
        "{podSelector: {matchLabels: {app: web}}, ingress: [
          {from: [{podSelector: {matchLabels: {app: log}}}, {podSelector: {matchLabels: {app: db}}}], ports: [{port: http}]},
          {from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: admin}}}], ports: [{port: 80}, {port: 5000, endPort: 5432}]}]}",
    ),
    (
        "shop",
        "app-in",
        "{podSelector: {matchLabels: {app: app}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}, {namespaceSelector: {matchLabels: {team: admin}}}], ports: [{port: 80}]}]}",
    ),
    (
        "shop",
        "db-in",
        "{podSelector: {matchLabels: {app: db}}, ingress: [
          {from: [{podSelector: {matchLabels: {app: app}}}, {namespaceSelector: {matchLabels: {team: admin}}}], ports: [{port: 5432}]},
          {from: [{podSelector: {matchLabels: {app: cache}}}], ports: [{port: 80}]}]}",
    ),
    (
        "shop",
        "cache-in",
        "{podSelector: {matchLabels: {app: cache}}, ingress: [
          {from: [{ipBlock: {cidr: 10.80.0.0/16, except: [10.80.2.0/24, 10.80.4.0/23]}}], ports: [{port: 80}]},
          {from: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 5432}]}]}",
    ),
    ("shop", "log-in", "{podSelector: {matchLabels: {app: log}}, ingress: [{from: [{namespaceSelector: {}}], ports: [{protocol: UDP}]}]}"),
    (
        "shop",
        "cache-out",
        "{podSelector: {matchLabels: {app: cache}}, policyTypes: [Egress], egress: [
          {to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 80}]},
          {ports: [{protocol: UDP, port: 7007}]}]}",
    ),
];

fn policies() -> String {
    let document = |(namespace, name, spec)| {
        format!(
            "kind: NetworkPolicy\napiVersion: networking.k8s.io/v1\nmetadata: {{namespace: {namespace}, name: {name}}}\nspec: {spec}\n"
        )
    };
    POLICIES.map(document).join("---\n")
}

fn namespace_of(host: &str) -> &'static str {
    if host == "ops" { "admin" } else { "shop" }
}

/// The pods as `kubectl get pods,namespaces -A -o json` has them.
fn pods() -> String {
    let namespaces = ["shop", "admin"].map(|name| {
        serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"team": name}}})
    });
    let pods = HOSTS.iter().enumerate().map(|(at, name)| {
        serde_json::json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("{name}-0"), "namespace": namespace_of(name), "labels": {"app": name}},
            "spec": {"containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 80, "protocol": "TCP"}]}]},
            "status": {"phase": "Running", "podIP": format!("10.80.{at}.2"), "hostIP": "10.80.200.1"},
        })
    });
    let items: Vec<_> = namespaces.into_iter().chain(pods).collect();
    serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

fn suite(lab: &Lab, folder: &std::path::Path) -> String {
    let (mut from, mut to) = (Vec::new(), Vec::new());
    for (name, host) in HOSTS.iter().zip(&lab.hosts) {
        let pod = format!("{}/{name}-0", namespace_of(name));
        from.push(format!("{{name: {name}, netns: {}, pod: {pod}}}", host.name()));
        to.push(format!("{{name: {name}, pod: {pod}}}"));
    }
    let mut suite = String::from("version: 1\nsuite: lab\nchecks:\n  - id: policy\n    reach:\n");
    writeln!(
        suite,
        "      from: [{}]\n      to: [{}]\n      ports: [{}]",
        from.join(", "),
        to.join(", "),
        PORTS.join(", ")
    )
    .unwrap();
    writeln!(
        suite,
        "      timeout: 250ms\n      network_policies: [{0}/policies.yaml, {0}/pods.json]",
        folder.display()
    )
    .unwrap();
    suite
}

#[test]
fn what_network_policies_say_is_held_against_what_the_network_does() {
    let Some(lab) = Lab::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policies.yaml"), policies()).unwrap();
    std::fs::write(folder.path().join("pods.json"), pods()).unwrap();
    let suite = suite(&lab, folder.path());
    let (failed, errored, report, shown) = lab.run_suite(&suite);
    assert!(failed.is_empty() && errored.is_empty(), "{failed:?} {errored:?}\n{shown}");
    let cells = report["checks"].as_array().unwrap();
    assert_eq!(cells.len(), HOSTS.len() * HOSTS.len() * PORTS.len());
    let allowed = cells.iter().filter(|check| check["cell"]["allowed"] == true);
    let own = HOSTS.iter().flat_map(|host| PORTS.iter().map(move |port| (*host, *host, *port)));
    let rows: Vec<Cell> = ALLOW.iter().copied().chain(own).collect();
    let allowed: BTreeSet<String> = allowed.map(|check| check["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(allowed, ids(&rows), "the rows say the same as the policies");
    for (wrong, cause) in [
        (
            ("app", "db", "tcp/5432"),
            "app does not reach db tcp/5432: expected allowed (no policy is about egress of shop/app-0; shop/db-in spec.ingress[0])",
        ),
        (
            ("cache", "db", "tcp/80"),
            "cache does not reach db tcp/80: expected allowed (shop/cache-out spec.egress[0]; shop/db-in spec.ingress[1])",
        ),
        (("ops", "log", "udp/7007"), "(no policy is about egress of admin/ops-0; shop/log-in spec.ingress[0])"),
        (
            ("web", "db", "tcp/5432"),
            "web reached db tcp/5432: expected denied (shop/deny-all, shop/db-in: no ingress rule allows it)",
        ),
        (
            ("cache", "app", "tcp/80"),
            "expected denied (shop/cache-out: no egress rule allows it; shop/deny-all, shop/app-in: no ingress rule allows it)",
        ),
        (("log", "app", "udp/7007"), "expected denied (shop/deny-all, shop/app-in: no ingress rule allows it)"),
    ] {
        let rules: Vec<Cell> = if ALLOW.contains(&wrong) {
            ALLOW.iter().copied().filter(|row| *row != wrong).collect()
        } else {
            ALLOW.iter().copied().chain([wrong]).collect()
        };
        lab.rules(&rules, "drop");
        let (failed, errored, report, shown) = lab.run_suite(&suite);
        assert_eq!((failed, errored), (ids([&wrong]), BTreeSet::new()), "{wrong:?}\n{shown}");
        let checks = report["checks"].as_array().unwrap().iter();
        let reason =
            checks.filter(|check| check["verdict"] == "failed").map(|check| check["reason"].as_str().unwrap()).next();
        assert!(reason.is_some_and(|reason| reason.contains(cause)), "{cause}\n{reason:?}\n{shown}");
    }
    // A pod that is not where the suite says cannot send from its address.
    let moved =
        suite.replacen(&format!("netns: {}", lab.hosts[0].name()), &format!("netns: {}", lab.hosts[1].name()), 1);
    lab.rules(ALLOW, "drop");
    let (failed, errored, _, shown) = lab.run_suite(&moved);
    assert!(failed.iter().chain(&errored).any(|id| id.contains("from=web")), "{shown}");
    let of_web = |id: &&String| id.contains("from=web");
    assert_eq!(errored.iter().filter(of_web).count(), HOSTS.len() * PORTS.len(), "{failed:?} {errored:?}\n{shown}");
}
