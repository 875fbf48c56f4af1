//! What is in force of the defaults beside what a check writes, and what a check must not write.

use crate::checks::FAMILIES;
use crate::model::expectation::Origin;
use crate::plan::Settings;
use crate::suite::file::{Input, Options};
use crate::testing::{load, planned};

/// Fields of an ordinary check of each family.
fn fields(family: &str) -> &'static str {
    match family {
        "tcp" => "tcp: {host: 127.0.0.1, port: 1}",
        "udp" => "udp: {host: 127.0.0.1, port: 1, send: x}",
        "icmp" => "icmp: {host: 127.0.0.1}",
        "http" => "http: {url: \"http://127.0.0.1:1/\"}",
        "dns" => "dns: {server: 127.0.0.1, name: www.example}",
        "zone" => "dns: {authoritative: {zone: example}}",
        "named" => "dns: {authoritative: {zone: example}, name: www.example}",
        "load" => "dns: {server: 127.0.0.1, name: www.example, load: {rate: 10 /s}}",
        "most" => "dns: {server: 127.0.0.1, name: www.example, load: {rate: max}}",
        "validate" => "dns: {server: 127.0.0.1, name: www.example, dnssec: validate}",
        "dot" => "dns: {server: 127.0.0.1, name: www.example, transport: dot}",
        "tls" => "tls: {host: 127.0.0.1}",
        "scan" => "tls: {host: 127.0.0.1, scan: true}",
        "throughput" => "throughput: {server: 127.0.0.1}",
        other => panic!("no fields for {other}"),
    }
}

fn load_check(family: &str, expect: &str) -> Result<Vec<String>, String> {
    let control = "  - {id: alive, tcp: {host: 127.0.0.1, port: 2}}\n";
    let expect = if expect.is_empty() { String::new() } else { format!("    expect: {{{expect}}}\n") };
    let text = format!("checks:\n{control}  - id: a\n    control: alive\n    {}\n{expect}", fields(family));
    let plan = planned(load(FAMILIES, &text, &[]), None, &Settings::default())?;
    let case = plan.cases.iter().find(|case| &*case.id == "a").unwrap();
    let line = |expectation: &crate::model::Expectation| {
        let given: Vec<String> =
            expectation.given.iter().map(|given| format!(" given {} {}", given.fact, given.words.join("|"))).collect();
        let mark = if expectation.origin == Origin::Default { "" } else { "* " };
        format!("{mark}{expectation}{}", given.concat())
    };
    Ok(case.base.expectations.iter().map(line).collect())
}

/// The expectations in force; those of the check are marked.
#[track_caller]
fn in_force(family: &str, expect: &str) -> Vec<String> {
    load_check(family, expect).unwrap_or_else(|errors| panic!("{family} {expect}: {errors}"))
}

/// The defaults in force beside what a check writes.
#[track_caller]
fn kept(family: &str, expect: &str) -> Vec<String> {
    in_force(family, expect).into_iter().filter(|line| !line.starts_with('*')).collect()
}

#[track_caller]
fn refused(family: &str, expect: &str) -> String {
    load_check(family, expect).err().unwrap_or_else(|| panic!("{family} {expect}: accepted"))
}

#[test]
fn what_a_check_does_not_speak_of_stays() {
    let answered = "outcome eq answered";
    let status = "status between [200, 299]";
    assert_eq!(in_force("http", ""), [answered, status]);
    assert_eq!(in_force("http", "total_time.p95: {lt: 500ms}"), [answered, status, "* total_time.p95 lt 500ms"]);
    assert_eq!(kept("http", "status: 404"), [answered]);
    assert_eq!(kept("http", "status: {not_in: [204, 205]}"), [answered, status]);
    assert_eq!(kept("tls", "version: {ge: TLS1.2}")[..2], ["outcome eq completed", "verified eq true"]);
    assert_eq!(kept("tcp", "connect_time.p95: {lt: 1s}"), ["outcome eq connected"]);
    assert_eq!(kept("throughput", "bitrate.median: {gt: 1 Mbit/s}"), ["outcome eq transferred", "transferred gt 0 B"]);
    assert_eq!(kept("icmp", "duplicates: 0"), ["outcome eq replied", "loss le 0%", "late le 0", "altered le 0"]);
    assert_eq!(kept("icmp", "loss: {lt: 5%}"), ["outcome eq replied", "late le 0", "altered le 0"]);
    let dns = ["outcome eq answered", "rcode eq NOERROR", "answers len {ge: 1}", "truncated eq false"];
    assert_eq!(kept("dns", "rtt.p95: {lt: 1s}"), dns);
    assert_eq!(kept("dns", "answers: {excludes: [192.0.2.1]}"), dns);
    assert_eq!(kept("dns", "answers: {none: {matches: \"^10\"}}"), dns);
    assert_eq!(kept("dns", "answers: {all: {matches: \"^10\"}}"), dns);
    assert_eq!(kept("dns", "answers: {len: {le: 4}}"), dns, "at most four is not none");
    assert_eq!(kept("dns", "answers: {len: {between: [0, 4]}}"), ["outcome eq answered", "rcode eq NOERROR", dns[3]]);
    assert_eq!(kept("dns", "answers: {len: 0}"), ["outcome eq answered", "rcode eq NOERROR", dns[3]]);
    assert_eq!(kept("dns", "answers: {exactly: []}"), ["outcome eq answered", "rcode eq NOERROR", dns[3]]);
}

/// Another key of the same object says nothing of the one that has a default.
#[test]
fn a_key_of_an_object_lifts_no_default_of_another() {
    let some = "load.rcodes.NOERROR ge 1".to_owned();
    for beside in [
        "load.rcodes.SERVFAIL: 0",
        "load.rcodes.NXDOMAIN: {ge: 1}",
        "load.rcodes.NXDOMAIN: {present: true}",
        "outcome: answered, load.rcodes.SERVFAIL: {present: false}",
        "load.rcodes.NOERROR_: 0",
        "load.rcodes: {len: {ge: 1}}",
        "load.rcodes.NOERROR: {ne: 7}",
        "load.rcodes.NOERROR: {le: 500}",
    ] {
        assert!(kept("load", beside).contains(&some), "{beside}");
    }
    for of_it in [
        "load.rcodes.NOERROR: 100",
        "load.rcodes.NOERROR: {ge: 50}",
        "load.rcodes.NOERROR.more: {ge: 50}",
        "load.rcodes: {present: true}",
        "outcome: answered, load.rcodes.NOERROR: {present: false}",
        "outcome: answered, load.rcodes: {present: false}",
    ] {
        assert!(!kept("load", of_it).contains(&some), "{of_it}");
    }
}

#[test]
fn a_value_can_be_waived_on_purpose() {
    assert_eq!(kept("tls", "verified: {present: true}")[..1], ["outcome eq completed"]);
    assert!(!kept("tls", "verified: {present: true}").iter().any(|line| line.starts_with("verified")));
    assert!(!kept("tls", "verify_error: {matches: expired}").iter().any(|line| line.starts_with("verified")));
    assert!(kept("tls", "verify_error: {present: false}").contains(&"verified eq true".to_owned()));
    // Who looks at a certificate that does not verify has not asked for a revoked one.
    for other in ["verified: true", "verified: {present: true}", "verified: false", "verify_error: {matches: expired}"]
    {
        assert!(kept("tls", other).contains(&"ocsp.acceptable eq true".to_owned()), "{other}");
    }
    assert!(!kept("tls", "ocsp.status: revoked").iter().any(|line| line.starts_with("ocsp.acceptable")));
    assert!(kept("tls", "ocsp.stapled: true").contains(&"ocsp.acceptable eq true".to_owned()));
    assert!(!kept("dot", "tls.verify_error: {matches: expired}").iter().any(|line| line.contains("tls.verified")));
    assert!(!kept("validate", "dnssec.reason: expired").iter().any(|line| line.contains("dnssec.verdict")));
    assert_eq!(kept("dns", "outcome: answered, answers: {present: false}"), ["rcode eq NOERROR", "truncated eq false"]);
}

#[test]
fn an_outcome_replaces_what_needs_success() {
    assert!(kept("tls", "outcome: alert").is_empty());
    assert!(kept("icmp", "outcome: too_big, mtu: {ge: 1400 B}").is_empty());
    assert!(kept("dns", "outcome: refused").is_empty());
    assert_eq!(
        kept("http", "outcome: {in: [answered, refused]}"),
        ["status between [200, 299] given outcome answered"]
    );
    assert!(kept("scan", "outcome: {in: [timeout, refused]}").is_empty());
    let scanned = kept("scan", "outcome: scanned");
    assert!(scanned.contains(&"verified eq true".to_owned()), "{scanned:?}");
}

#[test]
fn facts_are_related() {
    assert_eq!(kept("dns", "rcode: NXDOMAIN"), ["outcome eq answered", "truncated eq false"]);
    assert_eq!(
        kept("dns", "rcode: {in: [NOERROR, NXDOMAIN]}"),
        ["outcome eq answered", "answers len {ge: 1} given rcode NOERROR", "truncated eq false"]
    );
    assert_eq!(kept("dns", "rcode: {present: true}")[1], "answers len {ge: 1} given rcode NOERROR");
    assert_eq!(kept("dns", "rcode: {ne: SERVFAIL}")[1], "rcode eq NOERROR", "a negation adds to the default");
    assert_eq!(kept("dns", "truncated: true"), ["outcome eq answered", "rcode eq NOERROR"]);
    assert!(kept("load", "load.loss: {le: 1%}").iter().all(|line| !line.starts_with("load.lost")));
    assert!(kept("most", "load.lost: {le: 9}").iter().all(|line| !line.starts_with("load.loss")));
    assert!(kept("icmp", "received: {ge: 4}").iter().all(|line| !line.starts_with("loss")));
    // "At most so many received" accepts none at all, and "at least so much lost" any loss.
    for expect in ["received: {le: 5}", "received: {lt: 5}", "received: {between: [0, 5]}", "received: {in: [0, 5]}"] {
        assert!(kept("icmp", expect).contains(&"loss le 0%".to_owned()), "{expect}");
    }
    for expect in ["received: 5", "received: {gt: 3, le: 5}", "received: {in: [4, 5]}"] {
        assert!(kept("icmp", expect).iter().all(|line| !line.starts_with("loss")), "{expect}");
    }
    // That it is there says nothing, but of what is there only when something is wrong.
    assert!(kept("icmp", "received: {present: true}").contains(&"loss le 0%".to_owned()));
    assert!(kept("load", "load.loss: {present: true}").contains(&"load.lost eq 0".to_owned()));
    assert!(kept("tls", "ocsp.status: {present: true}").contains(&"ocsp.acceptable eq true".to_owned()));
    for (family, told, default) in [
        ("tls", "verify_error", "verified"),
        ("dot", "tls.verify_error", "tls.verified"),
        ("validate", "dnssec.reason", "dnssec.verdict"),
    ] {
        let kept = kept(family, &format!("{told}: {{present: true}}"));
        assert!(kept.iter().all(|line| !line.starts_with(&format!("{default} "))), "{family}: {kept:?}");
    }
    assert!(kept("load", "load.loss: {ge: 0.1%}").contains(&"load.lost eq 0".to_owned()));
    assert!(kept("most", "load.lost: {ge: 9}").contains(&"load.loss le 0.1%".to_owned()));
}

/// A mode leaves out what it cannot produce, and nothing else.
#[test]
fn modes_add_up() {
    assert_eq!(
        in_force("load", ""),
        ["outcome eq answered", "load.answered ge 1", "load.wrong eq 0", "load.lost eq 0", "load.rcodes.NOERROR ge 1",]
    );
    assert!(in_force("most", "").contains(&"load.loss le 0.1%".to_owned()));
    let validate = in_force("validate", "");
    assert!(validate.starts_with(&in_force("dns", "")) && validate.contains(&"dnssec.verdict eq secure".to_owned()));
    let zone = in_force("zone", "");
    for line in ["rcode eq NOERROR", "truncated eq false", "servers.failed len 0", "consistent eq true", "lame len 0"] {
        assert!(zone.contains(&line.to_owned()), "{line}: {zone:?}");
    }
    assert!(!zone.iter().any(|line| line.starts_with("answers")));
    assert!(in_force("named", "").contains(&"answers len {ge: 1}".to_owned()), "a name no server has is no success");
    assert_eq!(in_force("scan", "")[0], "outcome eq scanned");
}

#[test]
fn what_contradicts_a_default_is_refused() {
    for (family, expect) in [
        ("tls", "verified: {ne: true}"),
        ("tls", "verified: {present: false}"),
        ("tls", "verified: {not: true}"),
        ("dns", "rcode: {ne: NOERROR}"),
        ("dns", "rcode: {not_in: [NOERROR, NXDOMAIN]}"),
        ("dns", "rcode: {not_matches: NOERROR}"),
        ("dns", "answers: {present: false}"),
        ("dns", "answers: {not: {len: {ge: 1}}}"),
        ("http", "status: {not: {between: [200, 299]}}"),
        ("zone", "servers.failed: {not: {len: 0}}"),
    ] {
        let error = refused(family, expect);
        assert!(error.contains("unless the check says what else it should be"), "{family} {expect}: {error}");
    }
    let error = refused("tls", "verified: {ne: true}");
    assert!(error.contains("write what it should be: `verified:` true or false"), "{error}");
}

#[test]
fn an_outcome_is_named() {
    for expect in [
        "outcome: {ne: connected}",
        "outcome: {not: connected}",
        "outcome: {not_in: [connected]}",
        "outcome: {not_matches: conn}",
        "outcome: {matches: \"^[^c]\"}",
        "outcome: {gt: connected}",
        "outcome: {ge: refused}",
        "outcome: {between: [refused, reset]}",
        "outcome: {any_of: [{eq: refused}, {ne: connected}]}",
        "outcome: {present: true}",
        "outcome: {present: false}",
    ] {
        let error = refused("tcp", expect);
        assert!(error.contains("name each: outcome: {in: [refused, timeout, "), "{expect}: {error}");
    }
    // A status and an rcode are no outcomes of this program's own.
    in_force("http", "status: {ne: 204}");
    in_force("dns", "rcode: {ne: SERVFAIL}");
    in_force("tcp", "outcome: {any_of: [{eq: refused}, {in: [reset, closed]}]}");
}

/// Where nothing answers, the outcome is not the one expected by default: a check that means it says so, and has a control.
#[test]
fn what_holds_only_without_an_answer_needs_its_outcome() {
    for expect in
        ["loss: 100%", "loss: {ge: 100%}", "loss: {gt: 99.9%, lt: 100.1%, ge: 100%}", "outcome: replied, loss: 100%"]
    {
        let error = refused("icmp", expect);
        assert!(error.contains("only where nothing answers, and `outcome` is expected to be replied"), "{error}");
        assert!(error.contains("`outcome: {in: [silent, unreachable]}`, and a `control`"), "{error}");
    }
    in_force("icmp", "outcome: silent, loss: 100%");
    in_force("icmp", "outcome: {in: [replied, silent]}, loss: 100%");
    for expect in ["loss: {ge: 50%}", "loss: {gt: 99%}", "received: 0, late: {ge: 1}", "loss: {present: true}"] {
        in_force("icmp", expect);
    }
}

#[test]
fn what_cannot_fail_or_cannot_hold_is_refused() {
    for (family, expect) in [
        ("http", "body: {contains: \"\"}"),
        ("http", "body: {contains: [a, \"\"]}"),
        ("http", "headers.server: {contains: \"\"}"),
        ("http", "body: {matches: \".*\"}"),
        ("http", "body: {matches: \"ok|\"}"),
        ("http", "body: {matches: \"^\"}"),
        ("http", "body: {any_of: [{eq: a}, {ne: a}]}"),
        ("http", "body: {len: {ge: 0}}"),
        ("http", "body.json.list: {len: {ge: 0}}"),
        ("http", "status: {ge: 0}"),
        ("http", "total_time.p95: {ge: 0s}"),
        ("icmp", "loss: {le: 100%}"),
        ("icmp", "loss: {between: [0%, 100%]}"),
        ("icmp", "loss: {gt: 100%}"),
        ("icmp", "sent: {lt: 0}"),
        ("dns", "rcode: {ge: NOERROR}"),
        ("dns", "answers: {len: {ge: 0}}"),
        ("tls", "version: {ge: SSLv3}"),
        ("tls", "resumed: {in: [true, false]}"),
        ("tls", "resumed: {any_of: [true, false]}"),
        ("tcp", "outcome: {in: [connected, refused, timeout, unreachable, unresolved, reset, closed, mismatch]}"),
    ] {
        refused(family, expect);
    }
    for (family, expect) in [
        ("http", "body: {contains: ok}"),
        ("http", "headers.server: {present: true}"),
        ("dns", "edns.errors: {contains: [\"\"]}"),
        ("tls", "expires_in: {ge: 0s}"),
        ("tls", "version: {present: true}"),
        ("icmp", "loss: {lt: 100%}"),
    ] {
        in_force(family, expect);
    }
}

#[test]
fn a_path_of_another_language_is_refused_with_the_right_form() {
    for (path, help) in [
        ("errors[0]", "write `body.json.errors.0`"),
        ("$.errors", "write `body.json.errors`"),
        ("$.errors[0].code", "write `body.json.errors.0.code`"),
        ("a['b'].c", "write `body.json.a.b.c`"),
        ("a..b", "write `body.json.a.b`"),
        ("errors[*].code", "`body.json.errors: {all: {…}}`"),
        ("errors.*.code", "`body.json.errors: {all: {…}}`"),
        ("services[?(@.name=='db')].status", "write `body.json.services[name='db'].status`"),
        ("$.services[?@.port==5432].status", "write `body.json.services[port=5432].status`"),
    ] {
        let error = refused("http", &format!("\"body.json.{path}\": 1"));
        assert!(error.contains("path of another language") && error.contains(help), "{path}: {error}");
    }
    in_force("http", "body.json.errors.0.code: 1");
    in_force("zone", "\"servers.row.ns1.example./[2001:db8::1]:5353.serial\": 1");
}

#[test]
fn a_filter_that_is_wrong_or_out_of_place_is_refused() {
    for (path, why, help) in [
        (
            "body.json.services[name==db].status",
            "a filter compares by a single `=`",
            "services[name=db,zone=eu].status",
        ),
        ("body.json.services[name=db.status", "is not closed", "services[name=db].status"),
        ("body.json.services[name=].status", "nothing follows `=`", "name=\\\"\\\""),
        ("body.json.services[name=${svc}].status", "variables are replaced in values", "write the name itself"),
        ("headers.set-cookie[name=a]", "there are no objects below `headers`", "such as in body.json"),
    ] {
        let error = refused("http", &format!("\"{path}\": 1"));
        let help = help.replace("\\\"", "\"");
        assert!(error.contains(why) && error.contains(&help), "{path}: {error}");
    }
    in_force("http", "\"body.json.services[name=db].status\": ok");
    in_force("http", "\"body.json[name=db].status\": ok");
    in_force("zone", "\"servers.row.ns1.example./192.0.2.53\": {present: true}");
}

/// In a document of somebody else null is a value; a line that ends too early is none.
#[test]
fn null_is_wanted_by_its_name_and_in_documents_alone() {
    for expect in ["body.json.error: null", "body.json.error: ~", "body.json: null", "body.json.a: {in: [null, 1]}"] {
        in_force("http", expect);
    }
    let unfinished = refused("http", "\n      body.json.error:");
    assert!(unfinished.contains("write `body.json.error: null` for a null that is there"), "{unfinished}");
    for (expect, help) in [
        ("headers.server: null", "write `headers.server: {present: false}` for what is not there"),
        ("status: null", "write `status: {present: false}` for what is not there"),
        ("body.json.a: {lt: null}", "`null` is neither a number nor a version"),
        ("body.json.a: {is_null: true}", "write `body.json.a: null` for a null that is there"),
        ("headers.server: {is_null: true}", "{present: false}"),
        ("body.json.a: {in: null}", "a list is missing"),
        ("headers.server: {in: [null]}", "write `headers.server: {present: false}`"),
    ] {
        let error = refused("http", expect);
        assert!(error.contains(help), "{expect}: {error}");
    }
}

/// A unit inside a document would never hold.
#[test]
fn a_document_has_no_units() {
    for expect in [
        "body.json.rtt: {lt: 20ms}",
        "body.json.size: {ge: 5 MB}",
        "body.json.x: {between: [1, 2s]}",
        "body.json.x: {gt: abc}",
    ] {
        let error = refused("http", expect);
        assert!(error.contains("neither a number nor a version"), "{expect}: {error}");
    }
    in_force("http", "body.json.rtt: {lt: 0.02}");
    in_force("http", "body.json.rtt: 20ms");
}

#[test]
fn a_secret_in_a_pattern_stands_for_itself() {
    let env = |name: &str| (name == "TOKEN").then(|| "a+b(c".to_owned());
    let text = "version: 1\nsuite: t\nsecrets: [TOKEN]\nchecks:\n  - {id: a, tcp: {host: 127.0.0.1, port: 1, banner: true}, \
                expect: {banner: {matches: \"^[st] ${TOKEN}$\"}}}\n";
    let input = Input::Text("t.yaml".into(), text.into());
    let loaded = crate::suite::load(&[input], FAMILIES, &Options::none(&env));
    let plan = planned(loaded, None, &Settings::default()).unwrap();
    let pattern = plan.cases[0].base.expectations.iter().find(|one| one.info.name == "banner").unwrap();
    let holds = |seen: &str| pattern.test.holds(Some(&seen.into()), pattern.sort);
    assert!(holds("s a+b(c") && holds("t a+b(c") && !holds("t aab(c"), "{pattern}");
}
