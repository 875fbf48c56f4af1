//! Which check shows that silence is the target's.

use super::{case, errors, ids, needs, plan, plan_with, planned, settings};
use crate::checks::FAMILIES;
use crate::plan::{Plan, Selection, Settings};
use crate::testing::{load, load_all, scripted};

#[track_caller]
fn controls<'p>(plan: &'p Plan, id: &str) -> Vec<&'p str> {
    case(plan, id).controls.iter().flat_map(|group| &group.cases).map(|control| &*plan.cases[*control].id).collect()
}

/// The plan of real families, or its errors.
fn real(checks: &str) -> Result<Plan, String> {
    planned(load(FAMILIES, &format!("checks:\n{checks}"), &[]), None, &settings())
}

const SHUT: &str = "  - {id: shut, scripted: {}, expect: {reply: silent}";

#[test]
fn silence_without_a_control_is_refused_and_the_help_names_one() {
    let error = errors(&format!("{SHUT}}}\n"));
    assert!(
        error.contains("silence proves nothing by itself: a dead host or a cut path gives silent as well"),
        "{error}"
    );
    assert!(
        error.contains("add a check that somewhere answers (an open port, ping), and name it: `control: ID`"),
        "{error}"
    );
    let error = errors(&format!("{SHUT}}}\n  - {{id: up, scripted: {{}}, expect: {{reply: alive}}}}\n"));
    assert!(error.contains("add `control: up`"), "{error}");
    let cells =
        "  - {id: shut, matrix: {n: [1, 2, 3]}, scripted: {target: \"${matrix.n}\"}, expect: {reply: silent}}\n";
    assert_eq!(errors(cells).matches("silence proves nothing").count(), 1, "one place, one error");
}

#[test]
fn a_need_that_shows_the_same_host_is_a_control() {
    let up = "  - {id: up, scripted: {}, expect: {reply: alive}}\n";
    let plan = plan(&format!("{SHUT}, needs: [up]}}\n{up}"));
    assert_eq!(controls(&plan, "shut"), ["up"]);
    let elsewhere = up.replace("{}", "{target: elsewhere}");
    let error = errors(&format!("{SHUT}, needs: [up]}}\n{elsewhere}"));
    assert!(error.contains("silence proves nothing"), "another host must be named on purpose: {error}");
    assert_eq!(controls(&super::plan(&format!("{SHUT}, control: up}}\n{elsewhere}")), "shut"), ["up"]);
}

#[test]
fn what_cannot_be_a_control_says_why() {
    for (control, why) in [
        (
            "{id: up, scripted: {}, expect: {reply: {in: [alive, silent]}}, control: other}",
            "may pass without an answer itself",
        ),
        ("{id: up, scripted: {footprint: noisy}, expect: {reply: alive}}", "is noisy"),
        ("{id: up, scripted: {footprint: disruptive}, expect: {reply: alive}}", "is disruptive"),
    ] {
        let other = "  - {id: other, scripted: {}, expect: {reply: alive}}\n";
        let error = errors(&format!("{SHUT}, control: up}}\n  - {control}\n{other}"));
        assert!(error.contains("`up` is no control of `shut`") && error.contains(why), "{error}");
    }
    assert!(errors(&format!("{SHUT}, control: shut}}\n")).contains("it is the check itself"));
    assert!(errors(&format!("{SHUT}, control: nobody}}\n")).contains("unknown check `nobody` in `control`"));
}

/// A resolver, or a router on the way, says nothing of the host.
#[test]
fn what_others_say_is_no_control() {
    let shut = "  - {id: shut, tcp: {host: 192.0.2.1, port: 22}, expect: {outcome: timeout}, control: up}\n";
    for (control, word) in [
        ("tcp: {host: nowhere.test, port: 1}, expect: {outcome: unresolved}", "unresolved"),
        ("http: {url: \"http://nowhere.test/\"}, expect: {outcome: {in: [answered, unresolved]}}", "unresolved"),
        ("dns: {server: nowhere.test, name: a.test}, expect: {outcome: unresolved}", "unresolved"),
        ("tls: {host: nowhere.test}, expect: {outcome: unresolved}", "unresolved"),
        ("udp: {host: nowhere.test, port: 1, send: x}, expect: {outcome: unresolved}", "unresolved"),
        ("icmp: {host: 192.0.2.1, ttl: 1}, expect: {outcome: time_exceeded}", "time_exceeded"),
        ("icmp: {host: 192.0.2.1}, expect: {outcome: too_big}", "too_big"),
    ] {
        for how in [shut.to_owned(), shut.replace("control: up", "needs: [up]")] {
            let error = real(&format!("{how}  - {{id: up, {control}}}\n")).err().unwrap();
            let why = format!("`up` may pass on `{word}`, which can come from something other than its host");
            assert!(error.contains(&why) || error.contains("silence proves nothing"), "{control}: {error}");
        }
    }
    let refused = "  - {id: up, tcp: {host: 192.0.2.1, port: 1}, expect: {outcome: refused}}\n";
    assert_eq!(controls(&real(&format!("{shut}{refused}")).unwrap(), "shut"), ["up"], "the host itself says so");
}

#[test]
fn a_control_goes_the_same_way() {
    let shut = "  - {id: shut, tcp: {HOW, port: 22}, expect: {outcome: timeout}, control: up}\n";
    let up = "  - {id: up, tcp: {HOW, port: 80}}\n";
    for (how, control, fits) in [
        ("host: 127.0.0.1", "host: 127.0.0.1", true),
        ("host: WWW.example., ip_version: ipv6", "host: www.example, ip_version: ipv6", true),
        ("host: www.example, ip_version: ipv6", "host: www.example, ip_version: ipv4", false),
        ("host: www.example, ip_version: ipv6", "host: www.example", true),
        ("host: \"::1\"", "host: 127.0.0.1", false),
        ("host: 127.0.0.1", "host: 127.0.0.2", true),
        ("host: 127.0.0.1, source: 127.0.0.9", "host: 127.0.0.2", false),
        ("host: 127.0.0.1, source: 127.0.0.9", "host: 127.0.0.2, source: 127.0.0.9", true),
    ] {
        let planned = real(&(shut.replace("HOW", how) + &up.replace("HOW", control)));
        match planned {
            Ok(plan) => assert!(fits && controls(&plan, "shut") == ["up"], "{how} | {control}"),
            Err(error) => assert!(!fits && error.contains("takes another path"), "{how} | {control}: {error}"),
        }
    }
}

/// The same address in another network namespace is another host, on another network.
#[test]
fn a_control_is_in_the_same_network_namespace() {
    let with = |own: &str, other: &str| {
        real(&format!(
            "  - {{id: shut, {own}tcp: {{host: 127.0.0.1, port: 22}}, expect: {{outcome: timeout}}, control: up}}
  - {{id: up, {other}tcp: {{host: 127.0.0.1, port: 80}}}}\n"
        ))
    };
    assert_eq!(controls(&with("netns: a, ", "netns: a, ").unwrap(), "shut"), ["up"]);
    for (own, other) in [("netns: a, ", "netns: b, "), ("netns: a, ", ""), ("", "netns: a, ")] {
        let error = with(own, other).err().unwrap();
        assert!(error.contains("takes another path") && error.contains("network namespace"), "{error}");
    }
}

/// A banner that does not come is silence after a connection: the peer was reached.
#[test]
fn an_expected_handshake_is_a_sign_of_life() {
    let hangs = "  - {id: a, tcp: {host: 127.0.0.1, port: 9, banner: true}, expect: {outcome: timeout, connect_time.count: {ge: 1}}}\n";
    assert!(real(hangs).is_ok());
    assert!(real(&hangs.replace(", connect_time.count: {ge: 1}", "")).is_err());
}

#[test]
fn names_of_cells() {
    let suite = "
  - {id: alive, matrix: {site: [a, b], port: [1, 2]}, when: {matrix.port: [1, 2]}, scripted: {target: \"${matrix.site}\"}, expect: {reply: alive}}
  - id: shut
    matrix: {site: [a, b]}
    needs: [\"alive[site=${matrix.site}]\"]
    scripted: {target: \"${matrix.site}\"}
    expect: {reply: silent}
  - {id: exact, needs: [\"alive[port=2,site=b]\"], scripted: {}}
";
    let plan = plan(suite);
    let of_a = ["alive[port=1,site=a]", "alive[port=2,site=a]"];
    assert_eq!(needs(&plan, "shut[site=a]"), of_a);
    assert_eq!(controls(&plan, "shut[site=a]"), of_a);
    assert_eq!(needs(&plan, "shut[site=b]"), ["alive[port=1,site=b]", "alive[port=2,site=b]"]);
    assert_eq!(needs(&plan, "exact"), ["alive[port=2,site=b]"]);
    let error = errors(&suite.replace("alive[port=2,site=b]", "alive[site=c]"));
    assert!(error.contains("unknown check `alive[site=c]` in `needs`"), "{error}");
    assert!(error.contains("its cells are named like `alive[port=1,site=a]`"), "{error}");
    let quoted = "
  - {id: alive, matrix: {name: [\"a,b\", c]}, scripted: {target: \"${matrix.name}\"}}
  - {id: user, needs: ['alive[name=\"a,b\"]'], scripted: {}}
";
    assert_eq!(needs(&super::plan(quoted), "user"), ["alive[name=\"a,b\"]"]);
}

#[test]
fn of_a_matrix_the_cell_of_the_same_host_is_the_control() {
    let plan = plan(
        "
  - {id: alive, matrix: {site: [a, b]}, scripted: {target: \"${matrix.site}\"}, expect: {reply: alive}}
  - {id: shut, matrix: {site: [a, b]}, control: alive, scripted: {target: \"${matrix.site}\"}, expect: {reply: silent}}
",
    );
    assert_eq!(controls(&plan, "shut[site=a]"), ["alive[site=a]"]);
    assert_eq!(controls(&plan, "shut[site=b]"), ["alive[site=b]"]);
}

#[test]
fn selecting_a_check_selects_its_control_and_skipping_it_leaves_both_out() {
    let suite = format!(
        "{SHUT}, control: up}}\n  - {{id: up, tags: [t], scripted: {{}}, expect: {{reply: alive}}}}\n  - {{id: c, scripted: {{}}}}\n"
    );
    let with = |selection| plan_with(&suite, &Settings { selection, ..settings() }).unwrap();
    let only = with(Selection { only: vec!["shut".parse().unwrap()], ..Selection::default() });
    assert_eq!((ids(&only), controls(&only, "shut")), (vec!["shut", "up"], vec!["up"]));
    assert_eq!(only.pulled_in, ["up"]);
    let skip = with(Selection { skip_tags: vec!["t".to_owned()], ..Selection::default() });
    assert_eq!((ids(&skip), &skip.left_out), (vec!["c"], &vec!["shut".to_owned()]));
}

#[test]
fn a_control_may_stand_in_another_suite() {
    let gates = "checks:\n  - {id: up, scripted: {}, expect: {reply: alive}}\n";
    let shut = "checks:\n  - {id: a, scripted: {}, expect: {reply: silent}, control: gates/up}\n";
    let plan =
        planned(load_all(scripted::FAMILIES, &[("gates", gates), ("shut", shut)], &[]), None, &settings()).unwrap();
    assert_eq!(controls(&plan, "a"), ["up"]);
}
