//! sslscan and sslyze on the same servers.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::peer::{SSLSCAN, SSLYZE};
use super::super::sandbox::{Ran, rows};
use super::super::{PATIENCE, printed, within};
use super::servers::Servers;
use super::truth::{ROWS, Row};
use super::{id, set};
use shakedown::proto::tls::hello::{group_name, suite_name};

/// Everything they find is found by us as well: on these servers neither of them is wrong.
pub fn see_no_more(servers: &Servers, ran: &Ran) {
    let sslyze = sslyze(servers);
    let (mut theirs, mut missing) = (0, Vec::new());
    for (row, port) in ROWS.iter().zip(&servers.ports) {
        let ours = ours(row, ran);
        for (tool, found) in [("sslscan", sslscan(*port)), ("sslyze", by_sslyze(&sslyze, *port))] {
            theirs += found.len();
            missing.extend(found.difference(&ours).map(|thing| format!("{} {tool}: {thing}", row.name)));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    // They found something, or this compared nothing.
    assert!(theirs > 10 * ROWS.len(), "{theirs}");
    blind(servers, &sslyze);
}

/// Where they see less; a newer one that sees as much may make this fail, and is then better news than the test.
fn blind(servers: &Servers, sslyze: &Value) {
    let port = |name: &str| servers.ports[ROWS.iter().position(|row| row.name == name).unwrap()];
    for name in ["post-quantum-only", "post-quantum-others"] {
        assert_eq!(sslscan(port(name)).iter().filter(|thing| thing.contains("group")).count(), 0, "sslscan {name}");
        assert_eq!(by_sslyze(sslyze, port(name)).len(), 0, "sslyze {name}");
    }
    let dual = sslscan(port("expired-second-certificate"));
    assert!(!dual.iter().any(|thing| thing.contains("2020")), "{dual:?}");
}

/// Our facts in the words of the comparison.
fn ours(row: &Row, ran: &Ran) -> BTreeSet<String> {
    let id = id(row);
    let mut out: BTreeSet<String> =
        set(ran.fact(&id, "scan.versions")).iter().map(|version| format!("version {version}")).collect();
    for version in ["SSLv3", "TLS1.0", "TLS1.1", "TLS1.2", "TLS1.3"] {
        let fact = format!("scan.ciphers.{}", version.to_lowercase().replace("sslv3", "ssl3"));
        out.extend(set(ran.fact(&id, &fact)).iter().map(|name| format!("{version} {name}")));
    }
    out.extend(set(ran.fact(&id, "scan.groups")).iter().map(|name| format!("group {name}")));
    let certificates = ran.fact(&id, "scan.certificates");
    if !certificates.is_null() {
        let ends = rows(certificates);
        let ends = ends.as_object().unwrap().values().map(|row| row["not_after"].as_str().unwrap());
        out.extend(ends.map(|end| format!("certificate until {end}")));
    }
    out
}

fn sslscan(port: u16) -> BTreeSet<String> {
    let mut command = SSLSCAN.command();
    command.args(["--xml=-", "--no-colour", "--no-heartbleed", "--no-renegotiation", "--sni-name=www.peer.test"]);
    let text = printed(command.arg(format!("127.0.0.1:{port}")));
    let mut out = BTreeSet::new();
    for line in text.lines().map(str::trim) {
        let attribute = |name: &str| line.split(&format!(" {name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
        let number = || u16::from_str_radix(attribute("id")?.trim_start_matches("0x"), 16).ok();
        if line.starts_with("<protocol ") && attribute("enabled") == Some("1") {
            let version = if attribute("type") == Some("ssl") { "SSLv" } else { "TLS" };
            out.insert(format!("version {version}{}", attribute("version").unwrap()));
        } else if line.starts_with("<cipher ") {
            let version = attribute("sslversion").unwrap().replace("TLSv", "TLS");
            out.insert(format!("{version} {}", suite_name(number().unwrap())));
        } else if line.starts_with("<group ") {
            out.insert(format!("group {}", group_name(number().unwrap())));
        } else if let Some(date) = line.strip_prefix("<not-valid-after>") {
            out.insert(format!("certificate until {}", iso(date.split('<').next().unwrap())));
        }
    }
    out
}

/// `Feb  1 00:00:00 2020 GMT` as RFC 3339.
fn iso(date: &str) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let [month, day, time, year, _] = date.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{date}") };
    let month = MONTHS.iter().position(|name| *name == month).unwrap() + 1;
    format!("{year}-{month:02}-{day:0>2}T{time}Z")
}

/// One call for all, since starting it takes longer than a scan.
fn sslyze(servers: &Servers) -> Value {
    let out = servers.sandbox.path("sslyze.json");
    let mut command = SSLYZE.command();
    command.args([
        "--sslv3",
        "--tlsv1",
        "--tlsv1_1",
        "--tlsv1_2",
        "--tlsv1_3",
        "--elliptic_curves",
        "--certinfo",
        "--quiet",
    ]);
    command.arg(format!("--json_out={}", out.display())).arg("--sni=www.peer.test");
    command.args(servers.ports.iter().map(|port| format!("127.0.0.1:{port}")));
    let mut child = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let ended = within(PATIENCE * 2, || child.try_wait().unwrap());
    if ended.is_none() {
        let _ = child.kill();
        let _ = child.wait();
        panic!("sslyze does not end");
    }
    // It writes the numbers of RSA keys as numbers, which no parser of JSON has to read.
    let text = std::fs::read_to_string(out).unwrap();
    let text = regex::Regex::new("[0-9]{20,}").unwrap().replace_all(&text, "0").into_owned();
    serde_json::from_str(&text).unwrap()
}

fn by_sslyze(report: &Value, port: u16) -> BTreeSet<String> {
    let results = report["server_scan_results"].as_array().unwrap();
    let Some(result) = results.iter().find(|result| result["server_location"]["port"] == port) else {
        return BTreeSet::new();
    };
    let result = &result["scan_result"];
    let mut out = BTreeSet::new();
    for (key, version) in [
        ("ssl_3_0_cipher_suites", "SSLv3"),
        ("tls_1_0_cipher_suites", "TLS1.0"),
        ("tls_1_1_cipher_suites", "TLS1.1"),
        ("tls_1_2_cipher_suites", "TLS1.2"),
        ("tls_1_3_cipher_suites", "TLS1.3"),
    ] {
        for accepted in result[key]["result"]["accepted_cipher_suites"].as_array().into_iter().flatten() {
            out.insert(format!("version {version}"));
            out.insert(format!("{version} {}", accepted["cipher_suite"]["name"].as_str().unwrap()));
        }
    }
    for curve in result["elliptic_curves"]["result"]["supported_curves"].as_array().into_iter().flatten() {
        let name = curve["name"].as_str().unwrap();
        let name = match name {
            "X25519" | "X448" => name.to_lowercase(),
            "prime256v1" => "secp256r1".to_owned(),
            other => other.to_owned(),
        };
        out.insert(format!("group {name}"));
    }
    let deployments = &result["certificate_info"]["result"]["certificate_deployments"];
    for deployment in deployments.as_array().into_iter().flatten() {
        let until = deployment["received_certificate_chain"][0]["not_valid_after"].as_str().unwrap();
        out.insert(format!("certificate until {until}"));
    }
    out
}
