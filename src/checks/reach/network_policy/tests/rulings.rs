//! Recipes, each with connections that are allowed and such that are not.

use super::{cluster, ruling};

struct Recipe {
    policies: &'static [(&'static str, &'static str)],
    allowed: &'static [&'static str],
    denied: &'static [&'static str],
}

const RECIPES: &[Recipe] = &[
    // Deny all that comes in: nothing of what goes out, nothing of others.
    Recipe {
        policies: &[("shop/deny-all", "{podSelector: {}, policyTypes: [Ingress]}")],
        allowed: &[
            "shop/web-0 > ops/monitor tcp/80",
            "ops/monitor > lab/web-0 tcp/80",
            "shop/web-0 > 203.0.113.5 tcp/443",
        ],
        denied: &[
            "shop/web-0 > shop/db-0 tcp/5432",
            "ops/monitor > shop/db-0 tcp/1",
            "203.0.113.5 > shop/web-0 tcp/8080",
        ],
    },
    // Neither types nor selector nor rules: the same, by the defaults.
    Recipe {
        policies: &[("shop/defaults", "{}")],
        allowed: &["shop/web-0 > ops/monitor tcp/80"],
        denied: &["ops/monitor > shop/web-0 tcp/8080"],
    },
    // `null` is what is left out.
    Recipe {
        policies: &[("shop/nulls", "{podSelector: ~, ingress: ~, egress: ~, policyTypes: ~}")],
        allowed: &["shop/web-0 > ops/monitor tcp/80"],
        denied: &["ops/monitor > shop/web-0 tcp/8080"],
    },
    // An empty list of egress rules without types is not about egress; with them it denies all of it.
    Recipe {
        policies: &[("shop/p", "{podSelector: {}, ingress: [{}], egress: []}")],
        allowed: &["shop/web-0 > ops/monitor tcp/80", "ops/monitor > shop/web-0 tcp/8080"],
        denied: &[],
    },
    Recipe {
        policies: &[("shop/p", "{podSelector: {}, policyTypes: [Egress], egress: []}")],
        allowed: &["ops/monitor > shop/web-0 tcp/8080"],
        denied: &[
            "shop/web-0 > ops/monitor tcp/80",
            "shop/web-0 > shop/api-0 tcp/80",
            "shop/web-0 > 203.0.113.5 tcp/443",
        ],
    },
    // Egress rules without types: both directions.
    Recipe {
        policies: &[("shop/p", "{podSelector: {matchLabels: {app: web}}, egress: [{to: [{podSelector: {}}]}]}")],
        allowed: &["shop/web-0 > shop/db-0 tcp/5432", "shop/db-0 > shop/api-0 tcp/80"],
        denied: &["shop/web-0 > ops/monitor tcp/80", "shop/db-0 > shop/web-0 tcp/8080"],
    },
    // Rules of a direction that `policyTypes` does not name do nothing.
    Recipe {
        policies: &[("shop/p", "{podSelector: {}, policyTypes: [Egress], ingress: [], egress: [{}]}")],
        allowed: &["ops/monitor > shop/web-0 tcp/8080", "shop/web-0 > 203.0.113.5 udp/53"],
        denied: &[],
    },
    // Both directions of one connection must be allowed.
    Recipe {
        policies: &[
            (
                "shop/db",
                "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}",
            ),
            (
                "shop/web",
                "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: api}}}]}]}",
            ),
        ],
        allowed: &["shop/web-0 > shop/api-0 tcp/80", "shop/api-0 > shop/web-0 tcp/8080"],
        denied: &["shop/web-0 > shop/db-0 tcp/5432", "shop/api-0 > shop/db-0 tcp/5432"],
    },
    // Policies add up: what one allows no other takes away.
    Recipe {
        policies: &[
            ("shop/deny-all", "{podSelector: {}, policyTypes: [Ingress, Egress]}"),
            (
                "shop/api-in",
                "{podSelector: {matchLabels: {app: api}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}",
            ),
            (
                "shop/web-out",
                "{podSelector: {matchLabels: {app: web}}, egress: [{to: [{podSelector: {matchLabels: {app: api}}}]}], policyTypes: [Egress]}",
            ),
        ],
        allowed: &["shop/web-0 > shop/api-0 tcp/80"],
        denied: &[
            "shop/web-0 > shop/db-0 tcp/5432",
            "shop/db-0 > shop/api-0 tcp/80",
            "shop/api-0 > shop/web-0 tcp/8080",
        ],
    },
    // A selector of pods alone means those of the policy's namespace.
    Recipe {
        policies: &[(
            "shop/p",
            "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}",
        )],
        allowed: &["shop/web-0 > shop/db-0 tcp/5432"],
        denied: &["lab/web-0 > shop/db-0 tcp/5432", "shop/api-0 > shop/db-0 tcp/5432"],
    },
    // All namespaces.
    Recipe {
        policies: &[(
            "shop/p",
            "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{namespaceSelector: {}}]}]}",
        )],
        allowed: &["ops/monitor > shop/db-0 tcp/5432", "bare/box > shop/db-0 tcp/1", "shop/web-0 > shop/db-0 tcp/1"],
        denied: &["203.0.113.5 > shop/db-0 tcp/5432"],
    },
    // Namespaces by label, and by the name that the API server gives each as a label.
    Recipe {
        policies: &[(
            "shop/p",
            "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {env: prod}}}]}]}",
        )],
        allowed: &["ops/monitor > shop/db-0 tcp/5432", "shop/web-0 > shop/db-0 tcp/5432"],
        denied: &["lab/web-0 > shop/db-0 tcp/5432", "bare/box > shop/db-0 tcp/5432"],
    },
    Recipe {
        policies: &[(
            "shop/p",
            "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: bare}}}]}]}",
        )],
        allowed: &["bare/box > shop/db-0 tcp/5432"],
        denied: &["ops/monitor > shop/db-0 tcp/5432"],
    },
    // Two selectors in one peer: both. In two peers: either.
    Recipe {
        policies: &[(
            "shop/and",
            "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {env: dev}}, podSelector: {matchLabels: {app: web}}}]}]}",
        )],
        allowed: &["lab/web-0 > shop/db-0 tcp/5432"],
        denied: &["shop/web-0 > shop/db-0 tcp/5432", "ops/monitor > shop/db-0 tcp/5432"],
    },
    Recipe {
        policies: &[(
            "shop/or",
            "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {env: dev}}}, {podSelector: {matchLabels: {app: web}}}]}]}",
        )],
        allowed: &["lab/web-0 > shop/db-0 tcp/5432", "shop/web-0 > shop/db-0 tcp/5432"],
        denied: &["ops/monitor > shop/db-0 tcp/5432", "shop/api-0 > shop/db-0 tcp/5432"],
    },
    // The four operators; `NotIn` and `DoesNotExist` hold where there is no such label.
    Recipe {
        policies: &[(
            "shop/in",
            "{podSelector: {matchExpressions: [{key: app, operator: In, values: [db, api]}]}, ingress: []}",
        )],
        allowed: &["ops/monitor > shop/web-0 tcp/8080"],
        denied: &["ops/monitor > shop/db-0 tcp/1", "ops/monitor > shop/api-0 tcp/1"],
    },
    Recipe {
        policies: &[(
            "shop/p",
            "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: team, operator: NotIn, values: [b]}]}}]}]}",
        )],
        allowed: &["bare/box > shop/db-0 tcp/1", "lab/web-0 > shop/db-0 tcp/1", "shop/web-0 > shop/db-0 tcp/1"],
        denied: &["ops/monitor > shop/db-0 tcp/1"],
    },
    Recipe {
        policies: &[(
            "shop/p",
            "{podSelector: {matchExpressions: [{key: tier, operator: Exists}]}, ingress: [{from: [{podSelector: {matchExpressions: [{key: tier, operator: DoesNotExist}]}}]}]}",
        )],
        allowed: &["shop/db-0 > shop/web-0 tcp/8080", "shop/web-0 > shop/db-0 tcp/1"],
        denied: &["shop/api-0 > shop/web-0 tcp/8080", "ops/monitor > shop/web-0 tcp/8080"],
    },
    // All expressions and all labels must hold.
    Recipe {
        policies: &[(
            "shop/p",
            "{podSelector: {matchLabels: {app: web}, matchExpressions: [{key: tier, operator: In, values: [back]}]}, ingress: []}",
        )],
        allowed: &["ops/monitor > shop/web-0 tcp/8080", "ops/monitor > shop/api-0 tcp/80"],
        denied: &[],
    },
    // Address blocks, with what they leave out; pods are addresses as well.
    Recipe {
        policies: &[(
            "shop/p",
            "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.128/25, 203.0.113.7/32]}}]}]}",
        )],
        allowed: &["203.0.113.5 > shop/db-0 tcp/5432", "203.0.113.127 > shop/db-0 tcp/1"],
        denied: &[
            "203.0.113.7 > shop/db-0 tcp/1",
            "203.0.113.200 > shop/db-0 tcp/1",
            "198.51.100.7 > shop/db-0 tcp/1",
            "shop/web-0 > shop/db-0 tcp/1",
        ],
    },
    Recipe {
        policies: &[(
            "shop/p",
            "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}]}]}",
        )],
        allowed: &["shop/web-0 > 203.0.113.5 tcp/443"],
        denied: &["shop/web-0 > shop/db-0 tcp/5432", "shop/web-0 > ops/monitor tcp/80"],
    },
    Recipe {
        policies: &[(
            "shop/p",
            "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.244.2.0/24}}]}]}",
        )],
        allowed: &["shop/web-0 > ops/monitor tcp/80"],
        denied: &["shop/web-0 > lab/web-0 tcp/80"],
    },
    Recipe {
        policies: &[("shop/p", "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: '2001:db8::/32'}}]}]}")],
        allowed: &["2001:db8::9 > shop/db-0 tcp/1"],
        denied: &["2001:db9::9 > shop/db-0 tcp/1", "203.0.113.5 > shop/db-0 tcp/1"],
    },
    // Ports: TCP where nothing is said, a range with its ends, a protocol alone is all of its ports.
    Recipe {
        policies: &[("shop/p", "{podSelector: {}, ingress: [{ports: [{port: 80}, {protocol: UDP, port: 53}]}]}")],
        allowed: &["ops/monitor > shop/api-0 tcp/80", "203.0.113.5 > shop/api-0 udp/53"],
        denied: &[
            "ops/monitor > shop/api-0 udp/80",
            "ops/monitor > shop/api-0 tcp/53",
            "ops/monitor > shop/api-0 tcp/81",
        ],
    },
    Recipe {
        policies: &[(
            "shop/p",
            "{podSelector: {}, ingress: [{ports: [{protocol: TCP, port: 32000, endPort: 32768}]}]}",
        )],
        allowed: &["ops/monitor > shop/api-0 tcp/32000", "ops/monitor > shop/api-0 tcp/32768"],
        denied: &[
            "ops/monitor > shop/api-0 tcp/31999",
            "ops/monitor > shop/api-0 tcp/32769",
            "ops/monitor > shop/api-0 udp/32001",
        ],
    },
    Recipe {
        policies: &[("shop/p", "{podSelector: {}, ingress: [{ports: [{protocol: UDP}]}]}")],
        allowed: &["ops/monitor > shop/api-0 udp/1"],
        denied: &["ops/monitor > shop/api-0 tcp/1"],
    },
    // SCTP allows neither TCP nor UDP, and isolates all the same.
    Recipe {
        policies: &[("shop/p", "{podSelector: {}, ingress: [{ports: [{protocol: SCTP, port: 80}]}]}")],
        allowed: &[],
        denied: &["ops/monitor > shop/api-0 tcp/80", "ops/monitor > shop/api-0 udp/80"],
    },
    // Named ports are those of the destination's containers, with their protocol.
    Recipe {
        policies: &[("shop/p", "{podSelector: {}, ingress: [{ports: [{port: http}, {port: dns, protocol: UDP}]}]}")],
        allowed: &[
            "ops/monitor > shop/web-0 tcp/8080",
            "ops/monitor > shop/api-0 tcp/80",
            "ops/monitor > shop/api-0 udp/53",
        ],
        denied: &[
            "ops/monitor > shop/web-0 tcp/80",
            "ops/monitor > shop/api-0 tcp/8080",
            "ops/monitor > shop/db-0 tcp/80",
            "ops/monitor > shop/api-0 tcp/53",
        ],
    },
    Recipe {
        policies: &[("shop/p", "{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: http}]}]}")],
        allowed: &["shop/db-0 > shop/web-0 tcp/8080", "shop/db-0 > lab/web-0 tcp/80"],
        denied: &["shop/db-0 > lab/web-0 tcp/8080", "shop/db-0 > 203.0.113.5 tcp/80"],
    },
    // A port of an init container that ends is none.
    Recipe {
        policies: &[("shop/p", "{podSelector: {}, ingress: [{ports: [{port: once}]}]}")],
        allowed: &[],
        denied: &["ops/monitor > shop/api-0 tcp/81"],
    },
    // DNS alone may go out.
    Recipe {
        policies: &[(
            "shop/p",
            "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ops}}, podSelector: {matchLabels: {app: dns}}}], ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]}]}",
        )],
        allowed: &[
            "shop/web-0 > ops/dns-0 udp/53",
            "shop/web-0 > ops/dns-0 tcp/53",
            "ops/monitor > shop/web-0 tcp/8080",
        ],
        denied: &[
            "shop/web-0 > ops/monitor udp/53",
            "shop/web-0 > ops/dns-0 tcp/443",
            "shop/web-0 > shop/db-0 tcp/5432",
        ],
    },
    // Peers and ports of one rule: both. In two rules: either.
    Recipe {
        policies: &[(
            "shop/p",
            "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 80}]}, {from: [{podSelector: {matchLabels: {app: db}}}]}]}",
        )],
        allowed: &["shop/web-0 > shop/api-0 tcp/80", "shop/db-0 > shop/api-0 tcp/9090"],
        denied: &["shop/web-0 > shop/api-0 tcp/9090"],
    },
    // Empty lists of peers and ports are everybody and everything.
    Recipe {
        policies: &[("shop/p", "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [], ports: []}]}")],
        allowed: &["203.0.113.5 > shop/db-0 tcp/1", "lab/web-0 > shop/db-0 udp/65535"],
        denied: &[],
    },
    // Nothing keeps a pod from itself.
    Recipe {
        policies: &[("shop/p", "{podSelector: {}, policyTypes: [Ingress, Egress]}")],
        allowed: &["shop/web-0 > shop/web-0 tcp/8080", "shop/web-0 > 10.244.1.10 tcp/8080"],
        denied: &["shop/web-0 > shop/db-0 tcp/8080"],
    },
    // A policy is about pods of its own namespace alone.
    Recipe {
        policies: &[("lab/p", "{podSelector: {matchLabels: {app: web}}, ingress: []}")],
        allowed: &["ops/monitor > shop/web-0 tcp/8080"],
        denied: &["shop/web-0 > lab/web-0 tcp/80"],
    },
];

#[test]
fn each_recipe_allows_and_denies_what_it_says() {
    assert!(RECIPES.len() >= 25);
    for Recipe { policies, allowed, denied } in RECIPES {
        let cluster = cluster(policies).unwrap_or_else(|why| panic!("{policies:?}: {why}"));
        let expected = allowed.iter().map(|one| (one, true)).chain(denied.iter().map(|one| (one, false)));
        for (connection, wanted) in expected {
            let found = ruling(&cluster, connection).unwrap();
            assert_eq!(found.allowed, wanted, "{connection} by {policies:?}: {found:?}");
        }
    }
}

#[test]
fn a_pod_is_the_same_by_its_name_and_by_each_of_its_addresses() {
    let cluster = cluster(&[(
        "shop/p",
        "{podSelector: {matchLabels: {app: api}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}",
    )]);
    let cluster = cluster.unwrap();
    for (from, to) in [("shop/web-0", "shop/api-0"), ("10.244.1.10", "10.244.1.11"), ("fd00:10::10", "fd00:10::11")] {
        assert!(ruling(&cluster, &format!("{from} > {to} tcp/80")).unwrap().allowed);
        assert!(!ruling(&cluster, &format!("shop/db-0 > {to} tcp/80")).unwrap().allowed);
    }
    // The address of a pod that has ended is another's by now.
    assert!(ruling(&cluster, "10.244.1.12 > shop/db-0 tcp/1").unwrap().policy.contains("itself"));
}

#[test]
fn the_policy_that_decides_is_named() {
    let policies = [
        ("shop/deny-all", "{podSelector: {}, policyTypes: [Ingress, Egress]}"),
        (
            "shop/api-in",
            "{podSelector: {matchLabels: {app: api}}, ingress: [{ports: [{port: 1}]}, {from: [{podSelector: {}}]}]}",
        ),
        (
            "shop/web-out",
            "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: api}}}]}]}",
        ),
        ("shop/a", "{podSelector: {matchLabels: {app: db}}, ingress: []}"),
        ("shop/b", "{podSelector: {matchLabels: {app: db}}, ingress: []}"),
        ("shop/c", "{podSelector: {matchLabels: {app: db}}, ingress: []}"),
    ];
    let cluster = cluster(&policies).unwrap();
    for (connection, allowed, policy) in [
        ("shop/web-0 > shop/api-0 tcp/80", true, "shop/web-out spec.egress[0]; shop/api-in spec.ingress[1]"),
        (
            "ops/monitor > shop/api-0 tcp/1",
            true,
            "no policy is about egress of ops/monitor; shop/api-in spec.ingress[0]",
        ),
        ("203.0.113.5 > shop/api-0 tcp/1", true, "shop/api-in spec.ingress[0]"),
        ("203.0.113.5 > shop/api-0 tcp/2", false, "shop/deny-all, shop/api-in: no ingress rule allows it"),
        ("shop/web-0 > shop/web-0 tcp/2", true, "a pod always reaches itself"),
        ("shop/api-0 > ops/monitor tcp/2", false, "shop/deny-all: no egress rule allows it"),
        (
            "shop/web-0 > shop/db-0 tcp/2",
            false,
            "shop/deny-all, shop/web-out: no egress rule allows it; shop/deny-all, shop/a, shop/b, 1 more: no ingress rule allows it",
        ),
    ] {
        let found = ruling(&cluster, connection).unwrap();
        assert_eq!((found.allowed, found.policy.as_str()), (allowed, policy), "{connection}");
    }
}
