//! Cells of a grid, and what each comes to against sockets of this process.

use tokio::net::{TcpListener, UdpSocket};

use super::Reach;
use super::grid::{self, cells};
use crate::checks::family;
use crate::model::{Args, Observation};
use crate::probe::{Family, Probe};
use crate::testing::{self, load, planned};

fn reach() -> &'static Family {
    family("reach").unwrap()
}

/// The plan of a check with these fields, and what is wrong with it otherwise.
fn plan(fields: &str, more: &str) -> Result<crate::plan::Plan, String> {
    let suite = format!("checks:\n  - id: p\n    reach: {{{fields}}}\n{more}");
    planned(load(crate::checks::FAMILIES, &suite, &[]), None, &crate::plan::Settings::default())
}

#[track_caller]
fn error(fields: &str) -> String {
    plan(fields, "").err().unwrap_or_else(|| panic!("no error: {fields}"))
}

const GOOD: &str = "from: [self, {name: b, source: 127.0.0.2}], to: [{name: db, host: 127.0.0.3}, 127.0.0.4], ports: [443, udp/53], \
                    allow: [{from: any, to: db, ports: 443}, {from: b, to: 127.0.0.4}]";

#[test]
fn a_grid_is_a_case_for_each_cell() {
    let plan = plan(GOOD, "").unwrap();
    let shown = plan.cases.iter().map(|case| {
        let cell = case.grid.as_deref().unwrap();
        format!("{} {}", case.id, if cell.allowed { "+" } else { "-" })
    });
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [
            "p[from=self,port=tcp/443,to=db] +",
            "p[from=self,port=tcp/443,to=127.0.0.4] -",
            "p[from=self,port=udp/53,to=db] -",
            "p[from=self,port=udp/53,to=127.0.0.4] -",
            "p[from=b,port=tcp/443,to=db] +",
            "p[from=b,port=tcp/443,to=127.0.0.4] +",
            "p[from=b,port=udp/53,to=db] -",
            "p[from=b,port=udp/53,to=127.0.0.4] +",
        ]
    );
    let wants = |id: &str| {
        let case = plan.cases.iter().find(|case| &*case.id == id).unwrap();
        case.base.expectations.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(wants("p[from=b,port=tcp/443,to=db]"), ["outcome eq open"]);
    let denied = wants("p[from=b,port=udp/53,to=db]");
    assert!(denied.len() == 1 && denied[0].contains("refused, silent, unreachable"), "{denied:?}");
}

#[test]
fn a_denied_cell_has_controls_of_its_source_and_of_its_host() {
    let plan = plan(GOOD, "").unwrap();
    let of = |id: &str| {
        let case = plan.cases.iter().find(|case| &*case.id == id).unwrap();
        let names = |cases: &[usize]| cases.iter().map(|at| plan.cases[*at].id.to_string()).collect::<Vec<_>>();
        case.controls.iter().map(|group| names(&group.cases)).collect::<Vec<_>>()
    };
    let to_other = ["p[from=b,port=tcp/443,to=127.0.0.4]", "p[from=b,port=udp/53,to=127.0.0.4]"];
    assert_eq!(
        of("p[from=self,port=tcp/443,to=127.0.0.4]"),
        [vec!["p[from=self,port=tcp/443,to=db]"], to_other.to_vec()]
    );
    let itself = of("p[from=self,port=tcp/443,to=db]");
    assert_eq!(
        itself,
        [Vec::<String>::new()],
        "nobody is its own control, and silence of a host that is allowed is no denial"
    );
}

#[test]
fn who_may_reach_nothing_and_whom_nobody_may_reach_need_a_control() {
    let alone = "from: [self], to: [127.0.0.3, 127.0.0.4], ports: [443], allow: [{from: self, to: 127.0.0.3}]";
    let told = error(alone);
    assert!(told.contains("nobody may reach `127.0.0.4` in `p`") && told.contains("`control: ID`"), "{told}");
    let told = error(
        "from: [self, {name: b, source: 127.0.0.2}], to: [127.0.0.3], ports: [443], allow: [{from: self, to: any}]",
    );
    assert!(told.contains("`b` may reach nothing in `p`"), "{told}");
    let other = "  - {id: up, tcp: {host: HOST, port: 80}}\n";
    let with = |host: &str| plan(alone, &("    control: up\n".to_owned() + &other.replace("HOST", host)));
    assert!(with("127.0.0.4").is_ok(), "another port of the host shows that it is up");
    assert!(with("127.0.0.9").err().unwrap().contains("nobody may reach `127.0.0.4`"));
}

#[test]
fn what_is_wrong_is_told_with_what_to_write() {
    let base = "from: [self], to: [{name: db, host: 127.0.0.3}], ports: [443]";
    for (fields, message) in [
        ("from: [agent], to: [a.test], ports: [1]", "`agent` is reserved"),
        ("from: [{agent: x}], to: [a.test], ports: [1]", "`agent` is reserved"),
        ("from: [web], to: [a.test], ports: [1]", "`web` in `from` is no address"),
        ("from: [{netns: a/b}], to: [a.test], ports: [1]", "no name of a network namespace"),
        ("from: [self, self], to: [a.test], ports: [1]", "`self` stands twice in `from`"),
        ("from: [{name: any}], to: [a.test], ports: [1]", "`any` in `from` is no name"),
        ("from: [self], to: [{name: '*', host: a.test}], ports: [1]", "`*` in `to` is no name"),
        ("from: [self], to: [a.test, a.test], ports: [1]", "`a.test` stands twice in `to`"),
        ("from: [self], to: [a.test], ports: [sctp/1]", "its protocol is neither tcp nor udp"),
        ("from: [self], to: [a.test], ports: [0-99999]", "99999"),
        ("from: [127.0.0.1], to: ['::1'], ports: [1]", "of two IP versions"),
        ("from: [self], to: [a.test], ports: [1-20000]", "20000 cells, and a check has at most 10000"),
        (&format!("{base}, allow: [{{from: slef, to: db}}]"), "row 1: `slef` is none of `from`"),
        (&format!("{base}, allow: [{{from: self, to: any}}, {{from: self}}]"), "row 2: it has no `to`"),
        (&format!("{base}, allow: [{{from: self, to: db, ports: 444}}]"), "`444` is not among `ports`"),
        (&format!("{base}, allow: [{{from: self, to: db, port: 443}}]"), "unknown key `port`"),
    ] {
        let told = error(fields);
        assert!(told.contains(message), "{fields}: {told}");
    }
    let told = plan(base, "    matrix: {n: [1]}\n    netns: x\n").err().unwrap();
    assert!(told.contains("has no `matrix`") && told.contains("has no `netns`"), "{told}");
}

#[test]
fn rows_may_stand_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("allow.txt");
    let fields = |text: &str| {
        std::fs::write(&file, text).unwrap();
        format!("from: [self], to: [127.0.0.3], ports: [443], allow_file: '{}'", file.display())
    };
    let good = plan(&fields("# who may\nself 127.0.0.3 tcp/443\n"), "").unwrap();
    assert!(good.cases[0].grid.as_ref().unwrap().allowed);
    let told = error(&fields("self 127.0.0.3 tcp/443\nself 127.0.0.3\n"));
    assert!(told.contains("allow.txt:2: `self 127.0.0.3` has 2 words, not three"), "{told}");
    let told = error(&(fields("# who may\n\nself x any\n") + ", allow: [{from: self, to: any}]"));
    assert!(told.contains("allow.txt:3: `x` is none of `to`"), "{told}");
}

/// The observation of the only cell of a grid.
async fn observe(port: &str, allowed: bool) -> Observation {
    let allow = if allowed { ", allow: [{from: self, to: any}]" } else { "" };
    let args = typed(&format!("from: [self], to: [127.0.0.1], ports: [{port}], timeout: 300ms{allow}"));
    let cell = cells(&args).unwrap().remove(0);
    let (observation, ended) = testing::observe(&Reach::from_args(&cell.args).unwrap()).await;
    ended.unwrap();
    observation
}

fn typed(fields: &str) -> Args {
    use crate::suite::args::ArgContext;
    use crate::suite::defaults::Defaults;
    use crate::suite::diagnostic::{Diagnostics, Sources};
    let (mut errors, mut sources) = (Diagnostics::default(), Sources::default());
    let source = sources.add("x", format!("{{{fields}}}"));
    let node = crate::suite::tree::parse(source, &sources, &mut errors).unwrap();
    let mut typing = ArgContext {
        fixed: false,
        errors: &mut errors,
        families: crate::checks::FAMILIES,
        defaults: &Defaults::default(),
        folder: std::path::Path::new(""),
        files: &mut std::collections::BTreeSet::new(),
        named: &mut Vec::new(),
        timeout: None,
        family: None,
    };
    let args = typing.fields("reach", &node, reach().fields).args;
    assert!(errors.is_empty(), "{fields}");
    args
}

#[tokio::test]
async fn a_connection_is_open_and_a_reset_is_a_refusal() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let open = observe(&port, true).await;
    assert_eq!(
        (open.text("outcome"), open.text("expected"), open.text("address")),
        (Some("open"), Some("allowed"), Some("127.0.0.1"))
    );
    assert!(open.merged("connect_time").is_some());
    drop(listener);
    let refused = observe(&port, false).await;
    assert_eq!((refused.text("outcome"), refused.text("expected")), (Some("refused"), Some("denied")));
}

/// Answers each datagram with `answer`, or with the datagram itself.
async fn answering(answer: Option<&'static [u8]>) -> String {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut buffer = [0; 128];
        while let Ok((length, from)) = server.recv_from(&mut buffer).await {
            let _ = server.send_to(answer.unwrap_or(&buffer[..length]), from).await;
        }
    });
    format!("udp/{port}")
}

#[tokio::test]
async fn any_datagram_is_an_answer_and_the_number_comes_from_the_far_end() {
    for (answer, nonce) in [(None, true), (Some(&b"what?"[..]), false)] {
        let answered = observe(&answering(answer).await, true).await;
        assert_eq!(answered.text("outcome"), Some("open"));
        assert_eq!(answered.last("nonce"), Some(&nonce.into()));
        assert!(answered.merged("response_time").is_some());
    }
    let quiet = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = format!("udp/{}", quiet.local_addr().unwrap().port());
    assert_eq!(observe(&port, true).await.text("outcome"), Some("silent"));
    drop(quiet);
    assert_eq!(observe(&port, false).await.text("outcome"), Some("refused"));
}

#[tokio::test]
async fn a_name_that_is_not_found_denies_nothing() {
    let args = typed("from: [self], to: [a.invalid], ports: [443]");
    let cell = cells(&args).unwrap().remove(0);
    let (seen, ended) = testing::observe(&Reach::from_args(&cell.args).unwrap()).await;
    assert!(ended.unwrap_err().remedy.contains("write its address in `to`") && seen.text("outcome").is_none());
}

#[test]
fn the_error_of_a_firewall_is_a_refusal() {
    for (word, refuses) in [
        ("admin_prohibited from 192.0.2.1", true),
        ("host_prohibited", true),
        ("source_policy_failed", true),
        ("reject_route", true),
        ("host_unreachable from 192.0.2.1", false),
        ("no_route", false),
    ] {
        assert_eq!(super::exchange::prohibits(word), refuses, "{word}");
    }
}

const PODS: &str = "\
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
- {apiVersion: v1, kind: Service, metadata: {name: kubernetes, namespace: default}, spec: {clusterIP: 10.96.0.1}}
- {apiVersion: v1, kind: Pod, metadata: {name: web-0, namespace: shop, labels: {app: web}}, status: {phase: Running, podIP: 127.0.0.2, podIPs: [{ip: 127.0.0.2}, {ip: 'fd00::2'}]}}
- {apiVersion: v1, kind: Pod, metadata: {name: job-0, namespace: shop, labels: {app: job}}, status: {phase: Running, podIP: 127.0.0.5}}
- {apiVersion: v1, kind: Pod, metadata: {name: db-0, namespace: shop, labels: {app: db}}, status: {phase: Running, podIP: 127.0.0.3, podIPs: [{ip: 127.0.0.3}, {ip: 'fd00::3'}]}}
- {apiVersion: v1, kind: Pod, metadata: {name: agent, namespace: shop}, spec: {hostNetwork: true}, status: {phase: Running, podIP: 192.0.2.1}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - {from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}
  - {from: [{podSelector: {matchLabels: {app: job}}}], ports: [{port: 80}]}
";

/// A file with [`PODS`], and the field that names it.
fn with_policies() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cluster.yaml");
    std::fs::write(&file, PODS).unwrap();
    let field = format!("network_policies: '{}'", file.display());
    (folder, field)
}

#[test]
fn network_policies_say_what_is_allowed_and_why() {
    let (_folder, policies) = with_policies();
    let fields = format!(
        "from: [{{pod: shop/web-0}}, {{name: job, source: 127.0.0.5}}], to: [{{name: db, pod: shop/db-0}}], ports: [80, 5432], {policies}"
    );
    let plan = plan(&fields, "").unwrap();
    let shown = plan.cases.iter().map(|case| {
        let cell = case.grid.as_deref().unwrap();
        let target = case.subject().probe.target();
        format!("{} {} {target}: {}", case.id, if cell.allowed { "+" } else { "-" }, cell.policy.as_deref().unwrap())
    });
    let out = "no policy is about egress of";
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [
            "p[from=shop/web-0,port=tcp/80,to=db] - 127.0.0.3:80 (shop/web-0 to db tcp/80): shop/db: no ingress rule allows it",
            &format!(
                "p[from=shop/web-0,port=tcp/5432,to=db] + 127.0.0.3:5432 (shop/web-0 to db tcp/5432): {out} shop/web-0; shop/db spec.ingress[0]"
            ),
            &format!(
                "p[from=job,port=tcp/80,to=db] + 127.0.0.3:80 (job to db tcp/80): {out} shop/job-0; shop/db spec.ingress[1]"
            ),
            "p[from=job,port=tcp/5432,to=db] - 127.0.0.3:5432 (job to db tcp/5432): shop/db: no ingress rule allows it",
        ]
    );
    let args = typed(&fields);
    let planned = cells(&args).unwrap();
    let sends_from = |at: usize| grid::sources(&planned[at].args).unwrap().remove(0).address.unwrap().to_string();
    assert_eq!(
        (sends_from(0), sends_from(2)),
        ("127.0.0.2".into(), "127.0.0.5".into()),
        "a pod sends from its address"
    );
    let six = typed(&format!(
        "from: [{{pod: shop/web-0}}], to: [{{pod: shop/db-0}}], ports: [5432], ip_version: ipv6, {policies}"
    ));
    let cell = cells(&six).unwrap().remove(0);
    assert!(cell.cell.allowed);
    assert_eq!(grid::destinations(&cell.args).unwrap()[0].host, "fd00::3");
}

#[test]
fn what_no_policy_speaks_of_is_no_cell() {
    let (_folder, policies) = with_policies();
    for (fields, told) in [
        (
            format!("from: [self], to: [{{pod: shop/db-0}}], ports: [1], {policies}"),
            "who `self` is for the policies is not known",
        ),
        (
            format!("from: [{{netns: x}}], to: [{{pod: shop/db-0}}], ports: [1], {policies}"),
            "who `x` is for the policies",
        ),
        (format!("from: [{{pod: shop/web-0}}], to: [db.test], ports: [1], {policies}"), "`db.test` is a name"),
        (
            format!("from: [{{pod: shop/web-0}}], to: [{{pod: shop/db-1}}], ports: [1], {policies}"),
            "did you mean `shop/db-0`?",
        ),
        (
            format!("from: [{{pod: shop/agent}}], to: [{{pod: shop/db-0}}], ports: [1], {policies}"),
            "192.0.2.1 is an address of a node",
        ),
        (
            format!("from: [127.0.0.8], to: [127.0.0.9], ports: [1], {policies}"),
            "127.0.0.8 and 127.0.0.9 are no pods of the files",
        ),
        (
            format!("from: [{{pod: shop/web-0, source: 127.0.0.2}}], to: [127.0.0.3], ports: [1], {policies}"),
            "sends from its own address",
        ),
        (format!("from: [{{pod: shop/web-0}}], to: [{{name: x}}], ports: [1], {policies}"), "neither `host` nor `pod`"),
        (
            format!("from: [{{pod: shop/web-0}}], to: [{{host: a.test, pod: shop/db-0}}], ports: [1], {policies}"),
            "both `host` and `pod`",
        ),
        (
            format!("from: [127.0.0.2], to: [127.0.0.3], ports: [1], {policies}, allow: []"),
            "both say who may reach whom",
        ),
        (
            format!("from: [127.0.0.2], to: [127.0.0.3], ports: [1], {policies}, allow_file: /etc/hostname"),
            "both say who may reach whom",
        ),
        (
            "from: [{pod: shop/web-0}], to: [127.0.0.3], ports: [1]".to_owned(),
            "`pod: shop/web-0` needs `network_policies`",
        ),
        (
            "from: [self], to: [{pod: shop/db-0}], ports: [1], allow: []".to_owned(),
            "`pod: shop/db-0` needs `network_policies`",
        ),
    ] {
        let found = error(&fields);
        assert!(found.contains(told), "{fields}: {found}");
    }
}

#[test]
fn another_policy_is_another_check() {
    let folder = tempfile::tempdir().unwrap();
    let digest = |field: &str, text: &str| {
        let file = folder.path().join("policy");
        std::fs::write(&file, text).unwrap();
        let fields = format!("from: [127.0.0.2], to: [127.0.0.3], ports: [5432], {field}: '{}'", file.display());
        plan(&fields, "").unwrap().cases[0].subject().digest.to_string()
    };
    for (field, text) in [("allow_file", "127.0.0.2 127.0.0.3 any"), ("network_policies", PODS)] {
        let before = digest(field, text);
        assert_eq!(before, digest(field, text));
        assert_ne!(before, digest(field, &format!("# changed\n{text}")), "{field}");
    }
}
