//! `xmllint`: JUnit as both common schemas have it.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Output;

use super::peer::{XMLLINT, installed};
use super::sandbox::CliSandbox;
use super::{printed, quiet};

const SCHEMAS: [&str; 2] = ["windyroad.xsd", "jenkins-junit-10.xsd"];

fn lint(schema: &str, file: &Path) -> Output {
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/data/junit");
    XMLLINT.command().args(["--nonet", "--noout", "--schema"]).arg(schemas.join(schema)).arg(file).output().unwrap()
}

#[track_caller]
fn validates(file: &Path) {
    for schema in SCHEMAS {
        let output = lint(schema, file);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{schema}: {errors}\n{}", std::fs::read_to_string(file).unwrap());
    }
}

#[test]
fn a_run_with_every_verdict_validates() {
    if !installed(&[XMLLINT]) {
        return;
    }
    let sandbox = CliSandbox::new();
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    // No address of this machine, so this side cannot look.
    let ran = sandbox.run(
        &r#"
  - {id: passed, matrix: {n: ["<&>", "]]>", "ü\u0001"]}, tags: ["${matrix.n}"], when: {matrix.n: ["<&>", "]]>", "ü\u0001"]}, rounds: 3, tcp: {host: 127.0.0.1, port: @}}
  - {id: failed, tcp: {host: 127.0.0.1, port: @}, expect: {outcome: refused, connect_time.p95: {lt: 1s}}}
  - {id: warned, severity: warn, tcp: {host: 127.0.0.1, port: @}, expect: {outcome: refused}}
  - {id: errored, tcp: {host: 127.0.0.1, port: @, source: 192.0.2.1}}
  - {id: skipped, needs: [failed], tcp: {host: 127.0.0.1, port: @}}
"#
        .replace('@', &port.to_string()),
        &["--label", "note=<\"&'>"],
    );
    assert_eq!(ran.code, 1, "{}", ran.shown);
    for verdict in ["passed", "failed", "errored", "skipped", "warned"] {
        assert!(ran.report["summary"][verdict].as_u64().unwrap() > 0, "{verdict}: {}", ran.shown);
    }
    validates(&sandbox.path("report.xml"));
    // The schemas would notice: the other dialect is for other readers.
    let rich = sandbox
        .shakedown(&["report", "report.json", "--junit", "rich.xml", "--junit-dialect", "rich"])
        .status()
        .unwrap();
    assert_eq!(rich.code(), Some(1));
    for schema in SCHEMAS {
        assert!(!lint(schema, &sandbox.path("rich.xml")).status.success(), "{schema} takes anything");
    }
}

#[test]
fn the_demo_validates() {
    if !installed(&[XMLLINT]) {
        return;
    }
    let (_room, sandbox) = (quiet(), CliSandbox::new());
    printed(&mut sandbox.shakedown(&["demo", "--out", "out", "--progress", "none"]));
    validates(&sandbox.path("out/demo.xml"));
}
