//! Servers found by the parent, by a resolver, by the zone itself.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde_json::json;

use tokio::time::Instant;

use super::super::delegation::{self, Delegation};
use super::super::querier::QueryPolicy;
use super::super::zone::Zone;
use super::{BRIEF, PATIENT, Quirk, Script, Tasks, check, observe, serve, start};
use crate::net::{IpVersion, Origin};

/// Servers on several addresses of loopback with one port, as glue needs it.
pub(super) async fn alike(addresses: &[&str], scripts: &[Script]) -> (u16, Vec<Tasks>) {
    'ports: for _ in 0..16 {
        let mut port = 0;
        let mut tasks = Vec::new();
        for (address, script) in addresses.iter().zip(scripts) {
            let address: IpAddr = address.parse().unwrap();
            let Some((bound, task)) = serve(address, port, script).await else { continue 'ports };
            port = bound.port();
            tasks.push(task);
        }
        return (port, tasks);
    }
    panic!("no port is free on {addresses:?}");
}

pub(super) const ZONE: &str = "z.test. 300 SOA ns1.z.test. host.z.test. 7 3600 600 604800 60
    z.test. 300 NS ns1.z.test.
    z.test. 300 NS ns2.z.test.
    ns1.z.test. 300 A 127.0.0.2
    ns2.z.test. 300 A 127.0.0.3";

/// The delegation as the parent has it.
pub(super) const PARENT: &str = "test. 300 SOA a.test. host.test. 1 3600 600 604800 60
    z.test. 300 NS ns1.z.test.
    z.test. 300 NS ns2.z.test.
    ns1.z.test. 300 A 127.0.0.2
    ns2.z.test. 300 A 127.0.0.3";

pub(super) async fn parent(records: &str) -> (SocketAddr, Tasks, Script) {
    let script = Script::new(records, &[Quirk::Parent]);
    let (socket, tasks) = start(&script).await;
    (socket, tasks, script)
}

#[tokio::test]
async fn the_parent_names_the_servers() {
    let scripts = [Script::new(ZONE, &[]), Script::new(ZONE, &[])];
    let (port, _tasks) = alike(&["127.0.0.2", "127.0.0.3"], &scripts).await;
    let (socket, _parent, _) = parent(PARENT).await;
    let fields = format!("authoritative: {{zone: z.test, parent: \"{socket}\", port: {port}}}, {PATIENT}");
    let round = observe(&fields, None).await;
    round.passed();
    round.is("ns.agree", true);
    round.is("glue.agree", true);
    round.is("parent.failed", json!([]));
    round.is("glue", json!(["ns1.z.test. 127.0.0.2", "ns2.z.test. 127.0.0.3"]));
    assert_eq!(round.fact("servers")["ns2.z.test./127.0.0.3"]["serial"], 7);
}

#[tokio::test]
async fn a_parent_with_other_servers_or_other_glue_is_found_out() {
    // The parent lacks the second server: the zone's own name for it leads there.
    let scripts = [Script::new(ZONE, &[]), Script::new(&ZONE.replace(" 7 ", " 5 "), &[])];
    let (port, _tasks) = alike(&["127.0.0.2", "127.0.0.3"], &scripts).await;
    let lacking = PARENT.replace("z.test. 300 NS ns2.z.test.\n", "");
    let (socket, _parent, script) = parent(&lacking).await;
    let fields = format!("authoritative: {{zone: z.test, parent: \"{socket}\", port: {port}}}, {PATIENT}");
    let round = observe(&fields, None).await;
    round.is("servers.count", 2);
    round.is("ns.agree", false);
    round.is("serial.behind", json!(["ns2.z.test./127.0.0.3"]));
    // Glue that leads astray.
    scripts[1].load(ZONE);
    script.load(&PARENT.replace("ns2.z.test. 300 A 127.0.0.3", "ns2.z.test. 300 A 127.0.0.2"));
    let round = observe(&fields, None).await;
    round.failed("glue.agree");
    round.is("servers.shared", json!(["127.0.0.2"]));
    round.noted("ns2.z.test. has glue [127.0.0.2], and in the zone [127.0.0.3]");
    // Servers of the parent that do not agree, or do not know the zone.
    script.load(PARENT);
    let (other, _other, _) = parent(&lacking).await;
    let fields =
        format!("authoritative: {{zone: z.test, parent: [\"{socket}\", \"{other}\"], port: {port}}}, {PATIENT}");
    let round = observe(&fields, None).await;
    round.failed("ns.agree");
    assert!(round.absent("ns.parent"));
    round.noted("servers of the parent name different servers");
    let (other, _other, _) = parent("test. 300 SOA a.test. host.test. 1 3600 600 604800 60").await;
    let fields =
        format!("authoritative: {{zone: z.test, parent: [\"{socket}\", \"{other}\"], port: {port}}}, {PATIENT}");
    let round = observe(&fields, None).await;
    round.failed("parent.failed");
    round.is("parent.failed", json!([other.to_string()]));
    assert!(round.absent("ns.agree"), "one of the two has no delegation");
    // Who puts up with that asks what is seen in part.
    for expect in ["{parent.failed: {present: true}}", "{parent.failed: {len: 1}, ns.agree: {present: false}}"] {
        observe(&fields, Some(expect)).await.errored("no delegation came from");
    }
}

/// A server of the parent that cannot be found is not passed over.
#[tokio::test]
async fn a_server_of_the_parent_without_an_address_is_a_failure() {
    let records = "test. 300 SOA a.ns.test. host.test. 1 3600 600 604800 60
        test. 300 NS a.ns.test.
        test. 300 NS b.ns.test.
        a.ns.test. 300 A 127.0.0.2";
    let resolver = Script::new(records, &[]);
    let (via, _resolver) = start(&resolver).await;
    let found = async |version: IpVersion| {
        let policy = QueryPolicy {
            origin: Origin::default(),
            version,
            patience: Duration::from_secs(20),
            attempts: 1,
            over_tcp: false,
        };
        let zone = Zone {
            name: "z.test.".parse().unwrap(),
            parent: Vec::new(),
            ns: Vec::new(),
            port: 53,
            via: vec![via.to_string().into()],
            best_practice: false,
        };
        let mut out = Delegation::default();
        let end = Instant::now() + Duration::from_mins(1);
        let parents = delegation::parents(&zone, &policy, end, 1, &mut out).await.unwrap();
        assert!(parents.iter().all(|(label, _)| label == "a.ns.test./127.0.0.2"), "{parents:?}");
        out
    };
    let all = found(IpVersion::Any).await;
    assert_eq!((all.failed, all.in_part), (vec!["b.ns.test.".to_owned()], None));
    let one = found(IpVersion::V4).await;
    assert!(one.failed.is_empty() && one.in_part.is_none(), "it may have an address of the other IP version");
    assert!(one.notes.iter().any(|note| note.contains("b.ns.test. of the parent is not asked")), "{:?}", one.notes);
    resolver.behave(&[Quirk::FailsAaaa]);
    let open = found(IpVersion::Any).await;
    assert!(open.failed.is_empty() && open.in_part.is_some_and(|why| why.contains("could not be looked up")));
}

/// Everything but a delegation, of one of two parents.
#[tokio::test]
async fn a_parent_that_fails_is_a_failure_in_every_form() {
    let scripts = [Script::new(ZONE, &[]), Script::new(ZONE, &[])];
    let (port, _tasks) = alike(&["127.0.0.2", "127.0.0.3"], &scripts).await;
    let (socket, _parent, _) = parent(PARENT).await;
    for (records, quirks) in [
        ("test. 300 SOA a.test. host.test. 1 3600 600 604800 60", vec![Quirk::Parent]),
        (PARENT, vec![Quirk::Failing]),
        (PARENT, vec![Quirk::Refuses]),
        (PARENT, vec![Quirk::Silent]),
    ] {
        let script = Script::new(records, &quirks);
        let (other, _other) = start(&script).await;
        let fields =
            format!("authoritative: {{zone: z.test, parent: [\"{socket}\", \"{other}\"], port: {port}}}, {BRIEF}");
        let round = observe(&fields, None).await;
        round.failed("parent.failed");
        round.is("parent.failed", json!([other.to_string()]));
    }
}

#[tokio::test]
async fn an_address_behind_many_names_is_told_once() {
    let zone = ZONE.replace("127.0.0.3", "127.0.0.2") + "\nz.test. 300 NS ns3.z.test.\nns3.z.test. 300 A 127.0.0.2";
    let scripts = [Script::new(&zone, &[])];
    let (port, _tasks) = alike(&["127.0.0.2"], &scripts).await;
    let (socket, _parent, _) = parent(&zone.replace("z.test. 300 SOA ns1.z.test.", "test. 300 SOA a.test.")).await;
    let fields = format!("authoritative: {{zone: z.test, parent: \"{socket}\", port: {port}}}, {PATIENT}");
    observe(&fields, None).await.is("servers.shared", json!(["127.0.0.2"]));
}

#[tokio::test]
async fn a_parent_that_has_the_zone_itself_shows_no_delegation() {
    let scripts = [Script::new(ZONE, &[]), Script::new(ZONE, &[])];
    let (port, _tasks) = alike(&["127.0.0.2", "127.0.0.3"], &scripts).await;
    let fields = format!("authoritative: {{zone: z.test, parent: \"127.0.0.2:{port}\", port: {port}}}, {PATIENT}");
    let round = observe(&fields, None).await;
    // What cannot be seen there is not held against the zone, unless the check asks for it.
    round.passed();
    round.is("servers.count", 2);
    round.noted("serves the zone itself and does not show how it is delegated");
    for fact in ["ns.parent", "ns.agree", "glue", "glue.agree"] {
        assert!(round.absent(fact), "{fact}");
    }
    observe(&fields, Some("{ns.agree: true}")).await.failed("saw nothing");
}

#[tokio::test]
async fn servers_beyond_the_limit_are_not_passed_over_in_silence() {
    let addresses: String =
        (1..=70).map(|last| format!("\nns1.z.test. 300 A 127.0.1.{last}")).collect::<Vec<_>>().concat();
    let (socket, _parent, _) = parent(&(PARENT.to_owned() + &addresses)).await;
    // Nothing listens there.
    let port = {
        let free = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        free.local_addr().unwrap().port()
    };
    let fields = format!("authoritative: {{zone: z.test, parent: \"{socket}\", port: {port}}}, {PATIENT}");
    let round = observe(&fields, None).await;
    round.failed("servers.failed");
    round.is("servers.count", 64);
    // What is broken is broken; that the rest is sound is not known.
    let expect = "{outcome: refused, servers.failed: {len: {ge: 1}}, servers.count: {le: 64}}";
    observe(&fields, Some(expect)).await.errored("the zone has more than the 64 servers that are asked");
}

#[tokio::test]
async fn a_zone_nobody_delegates_has_no_servers() {
    let (socket, _parent, _) = parent("test. 300 SOA a.test. host.test. 1 3600 600 604800 60").await;
    let round = observe(&format!("authoritative: {{zone: z.test, parent: \"{socket}\"}}, {PATIENT}"), None).await;
    round.failed("outcome: expected answered, saw unresolved");
    round.noted("NXDOMAIN without a delegation");
}

#[tokio::test]
async fn a_resolver_finds_the_parent_and_names_outside_the_zone() {
    let zone = ZONE.replace("ns2.z.test. 300 A 127.0.0.3", "").replace("NS ns2.z.test.", "NS ns.other.test.");
    let scripts = [Script::new(&zone, &[]), Script::new(&zone, &[])];
    let (port, _tasks) = alike(&["127.0.0.2", "127.0.0.3"], &scripts).await;
    let known = "other.test. 300 SOA a.test. host.test. 1 3600 600 604800 60
        ns.other.test. 300 A 127.0.0.3";
    let resolver = Script::new(known, &[Quirk::Resolver]);
    let (via, _resolver) = start(&resolver).await;
    let delegation = PARENT.replace("NS ns2.z.test.", "NS ns.other.test.").replace("ns2.z.test. 300 A 127.0.0.3", "");
    let (socket, _parent, _) = parent(&delegation).await;
    let fields =
        format!("authoritative: {{zone: z.test, parent: \"{socket}\", port: {port}, via: \"{via}\"}}, {PATIENT}");
    let round = observe(&fields, None).await;
    round.passed();
    round.is("ns.parent", json!(["ns.other.test.", "ns1.z.test."]));
    assert_eq!(round.fact("servers")["ns.other.test./127.0.0.3"]["outcome"], "answered");
    let mut asked = resolver.asked();
    asked.dedup();
    assert_eq!(asked, ["ns.other.test."], "only what only a resolver knows");
    // A name without an address is a server that fails.
    resolver.load(&known.replace("ns.other.test. 300 A", "www.other.test. 300 A"));
    let round = observe(&fields, None).await;
    round.failed("outcome: expected answered, saw unresolved");
    round.is("ns.unresolved", json!(["ns.other.test."]));
    round.is("servers.failed", json!(["ns.other.test."]));
}

#[tokio::test]
async fn a_resolver_that_cannot_be_asked_is_a_fault_of_this_side() {
    let refusing = Script::new(ZONE, &[Quirk::Refuses]);
    let (via, _tasks) = start(&refusing).await;
    let check = check(&format!("authoritative: {{zone: z.test, via: \"{via}\"}}, {PATIENT}"), None).unwrap();
    let round = super::observe_round(&check).await;
    assert_eq!(round.verdict, crate::model::Verdict::Errored, "{}", round.reason);
    assert!(round.reason.contains("REFUSED"), "{}", round.reason);
}

#[tokio::test]
async fn the_parent_itself_is_found_by_a_resolver() {
    // The resolver knows the zone above and its server, which shows no delegation on port 53 of this machine: the round ends
    // there, having asked the right questions.
    let known = "test. 300 SOA ns.test. host.test. 1 3600 600 604800 60
        test. 300 NS ns.test.";
    let resolver = Script::new(known, &[Quirk::Resolver]);
    let (via, _tasks) = start(&resolver).await;
    let fields = format!("authoritative: {{zone: sub.z.test, via: \"{via}\"}}, {PATIENT}");
    let round = observe(&fields, None).await;
    round.failed("unresolved");
    round.noted("the parent is test.");
    let mut asked = resolver.asked();
    asked.dedup();
    assert_eq!(asked, ["z.test.", "test.", "ns.test."]);
}

#[tokio::test]
async fn a_zone_that_is_given_is_asked_of_nobody_else() {
    let script = Script::new(&ZONE.replace("NS ns2.z.test.", "NS ns9.z.test."), &[]);
    let (socket, _tasks) = start(&script).await;
    let fields = format!("authoritative: {{zone: z.test, ns: {{ns1.z.test: \"{socket}\"}}}}, {PATIENT}");
    let round = observe(&fields, None).await;
    round.is("servers.count", 1);
    round.is("ns.agree", false);
    assert!(round.absent("parent.failed"));
}
