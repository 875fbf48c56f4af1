//! Cells of a grid, and what each comes to against sockets of this process.

use tokio::net::{TcpListener, UdpSocket};

use super::Reach;
use super::grid::cells;
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
