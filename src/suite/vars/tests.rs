use std::collections::BTreeMap;

use super::{Budget, Diagnostics, Kind, Node, Scope, affected, mentions, resolve, resolve_all};
use crate::suite::diagnostic::Span;

fn scalar(text: &str) -> Node {
    Node::new(Span::default(), Kind::Scalar(text.into(), true))
}

fn vars(pairs: &[(&str, &str)]) -> BTreeMap<String, Node> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), scalar(v))).collect()
}

fn run(text: &str) -> (String, usize) {
    let vars = vars(&[("vip", "192.0.2.10"), ("zone", "corp.example")]);
    let secrets = BTreeMap::from([("TOKEN".to_owned(), "t0ken".to_owned())]);
    let matrix = BTreeMap::from([("family".to_owned(), scalar("ipv4"))]);
    let env = |name: &str| (name == "SITE").then(|| "fra".to_owned());
    let budget = Budget::of_checks();
    let broken = std::collections::BTreeSet::new();
    let scope = Scope {
        vars: &vars,
        secrets: &secrets,
        matrix: &matrix,
        env: &env,
        budget: &budget,
        broken: &broken,
        of_variable: false,
        captured: None,
    };
    let mut errors = Diagnostics::default();
    let node = resolve(&scalar(text), &scope, &mut errors);
    (node.text().unwrap().to_owned(), errors.0.len())
}

#[test]
fn names_are_replaced_inside_scalars() {
    for (text, want, errors) in [
        ("api.${zone}", "api.corp.example", 0),
        ("${vip}:${matrix.family}", "192.0.2.10:ipv4", 0),
        ("Bearer ${TOKEN}", "Bearer t0ken", 0),
        ("${env.SITE}", "fra", 0),
        ("${env.NOPE:-lab}", "lab", 0),
        ("$${vip} costs $5", "${vip} costs $5", 0),
        ("${zoen}", "${zoen}", 1),
        ("${env.NOPE}", "${env.NOPE}", 1),
        ("${vip", "${vip", 1),
        ("${env.NOPE:-${zone}}", "${env.NOPE:-${zone}}", 1),
    ] {
        assert_eq!(run(text), (want.to_owned(), errors), "{text}");
    }
}

#[test]
fn what_an_override_touches_is_followed_through_variables() {
    let raw = vars(&[("port", "1"), ("where", "${host}:${port}"), ("host", "h"), ("url", "http://${where:-x}/")]);
    let changed = ["port".to_owned()];
    let affected = affected(&raw, changed.iter());
    assert_eq!(affected.iter().map(String::as_str).collect::<Vec<_>>(), ["port", "url", "where"]);
    assert!(mentions(&scalar("a ${url} b"), &affected));
    assert!(!mentions(&scalar("${host} $port {url}"), &affected));
}

#[test]
fn variables_may_name_variables_but_not_themselves() {
    let mut errors = Diagnostics::default();
    let env = |_: &str| None;
    let raw = vars(&[("a", "${b}.x"), ("b", "${c}"), ("c", "1")]);
    let resolved = resolve_all(&raw, &BTreeMap::new(), &env, &mut errors);
    assert_eq!(resolved["a"].text(), Some("1.x"));
    assert!(errors.is_empty());
    let raw = vars(&[("a", "${b}"), ("b", "${a}")]);
    resolve_all(&raw, &BTreeMap::new(), &env, &mut errors);
    assert!(!errors.is_empty());
}
