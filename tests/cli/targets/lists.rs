//! Lists of targets as a whole: not known, not run, of two suites, or with a target that does not fit what was planned.

use super::{A, FOUND, MX, Says, brief, dns, each, mx, run, suite, web};

const PLANNED: &str = "the check would be another one than was planned";

/// What was planned holds for each that is found: its types, how loud it is, and how long it may take.
#[test]
fn a_target_that_would_make_it_another_check_is_errored() {
    for (says, found, fields, why) in [
        // A name may be anywhere and is asked slowly; this machine is not.
        (Says::Records(A, vec![vec![127, 0, 0, 1]]), "type: A}", "icmp: {hosts: [\"${matrix.target.host}\"]}", PLANNED),
        (
            Says::Records(MX, vec![mx(50, "mx1.test")]),
            "type: MX}",
            "ports: {host: \"${matrix.target.host}\", ports: 1, retries: \"${matrix.target.priority}\"}, expect: {open: {len: 0}}",
            "it does not fit: `retries`",
        ),
        (
            Says::Records(MX, vec![mx(10, "mx1.test")]),
            "type: MX}",
            "ports: {host: \"${matrix.target.host}\", ports: 1, retries: \"${matrix.target.priority}\"}, expect: {open: {len: 0}}",
            PLANNED,
        ),
    ] {
        let sandbox = suite(dns(says), found, &format!("  - {{id: each, matrix: {{target: {FOUND}}}, {fields}}}\n"));
        let (ended, cases) = run(&sandbox, &[]);
        assert_eq!((ended.code, &*brief(&cases)), (3, "found passed, each errored"), "{fields}: {}", ended.out);
        assert!(cases[1].2.contains(why), "{}", cases[1].2);
    }
}

#[test]
fn a_list_that_is_not_known_whole_is_one_errored_case() {
    let many = (1..=17).map(|at| mx(at, &format!("m{at}.test"))).collect();
    let mut wrong = Vec::new();
    for (says, found, why) in [
        (Says::Records(MX, many), "type: MX}", "`found` found 17 targets, and at most 16 are looked at"),
        (Says::Records(MX, vec![mx(0, ".")]), "type: MX}", "`found` found none"),
        (Says::NoSuchName, "type: MX}\n    expect: {rcode: NXDOMAIN}", "`found` found none"),
        (
            Says::Part(A, vec![vec![127, 0, 0, 1]]),
            "type: A}\n    expect: {truncated: true}",
            "it is not known whole: the reply is truncated (TC)",
        ),
        (Says::Records(MX, vec![mx(10, "ok.test"), mx(10, "a b.test")]), "type: MX}", "is not a host name"),
        (Says::Records(MX, vec![mx(10, "ok.test"), mx(10, "127.0.0.9")]), "type: MX}", "is no IPv4 address"),
        (
            Says::InTurn(A, vec![vec![127, 0, 0, 1], vec![127, 0, 0, 2]]),
            "type: A}\n    samples: 2",
            "its rounds named different targets, and there may be more",
        ),
    ] {
        let port = web("nobody");
        let sandbox =
            suite(dns(says), found, &each(FOUND, &format!("http://127.0.0.1:{port}/${{matrix.target.host}}")));
        let (ended, cases) = run(&sandbox, &[]);
        let is_told = cases.iter().any(|(id, _, reason)| id == "each" && reason.contains(why))
            && cases.iter().any(|(id, _, reason)| id == "after" && reason == "needs each, which could not be measured");
        if (ended.code, &*brief(&cases)) != (3, "found passed, each errored, after skipped") || !is_told {
            wrong.push(format!("{why}:\n{}", ended.out));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Who does not apply is one case, whatever would have been found; and so is one that cannot start any more.
#[test]
fn a_list_that_does_not_run_is_one_skipped_case() {
    let port = web("/mx1");
    let url = format!("http://127.0.0.1:{port}/${{matrix.target.host}}");
    let when = |max: u32| {
        format!(
            "  - {{id: each, when: {{site: [b]}}, matrix: {{target: {{from: {FOUND}, max: {max}}}}}, http: {{url: \"{url}\"}}}}\n"
        )
    };
    for max in [1, 16] {
        let two = || Says::Records(MX, vec![mx(10, "mx1.test"), mx(20, "mx2.test")]);
        let (ended, found) = run(&suite(dns(two()), "type: MX}", &when(max)), &[]);
        assert_eq!((ended.code, &*brief(&found)), (0, "found passed, each skipped"), "{}{}", ended.out, ended.err);
        let others = each(FOUND, &url)
            + &format!(
                "  - {{id: more, matrix: {{target: {{from: {FOUND}, max: {max}}}}}, http: {{url: \"{url}\"}}}}\n"
            );
        let (_, found) = run(&suite(dns(two()), "type: MX}", &others), &["--fail-fast", "--jobs=1"]);
        assert!(
            found.iter().filter(|(id, ..)| id.starts_with("more")).all(|(_, verdict, _)| verdict == "skipped"),
            "{found:?}"
        );
    }
}

/// Checks of one name in two suites have targets of their own.
#[test]
fn lists_of_two_suites_are_not_mixed_up() {
    let port = web("nobody");
    let others = each(FOUND, &format!("http://127.0.0.1:{port}/${{matrix.target.host}}"));
    let sandbox = suite(dns(Says::Records(MX, vec![mx(10, "mx1.test")])), "type: MX}", &others);
    let second = suite(dns(Says::Records(MX, vec![mx(10, "mx2.test"), mx(20, "mx3.test")])), "type: MX}", &others);
    let second = std::fs::read_to_string(second.path("suite.yaml")).unwrap().replace("suite: s", "suite: t");
    std::fs::write(sandbox.path("t.yaml"), second).unwrap();
    let (ended, found) = run(&sandbox, &["t.yaml"]);
    let of_lists: Vec<&str> = found.iter().map(|case| &*case.0).filter(|id| id.starts_with("each")).collect();
    assert_eq!(
        (ended.code, of_lists),
        (0, vec!["each[target=mx1.test]", "each[target=mx2.test]", "each[target=mx3.test]"]),
        "{}",
        ended.err
    );
}
